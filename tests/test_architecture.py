"""The structure: docs/architecture.md shows it, and imports keep to it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_ROOMS, MOST_MODULES = 30, 12
LONGEST_FUNCTION, MOST_PARAMETERS = 60, 8
COMMANDS = {"voxdemo/cli/__init__.py:plan", "voxdemo/cli/__init__.py:say", "voxdemo/loadtest/__main__.py:main"}
"""What a command can be told is its parameters, as typer reads them."""


@cache
def modules() -> dict[str, Path]:
    """Every module's file, by its dotted name; a package's by its own."""
    names = {}
    for path in (ROOT / "voxdemo").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        names[name.removesuffix(".__init__")] = path
    return names


def package_of(module: str) -> str:
    """`web/tabs/` for voxdemo.web.tabs.speak; "root" for voxdemo.speech."""
    is_package = modules()[module].name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    return package.removeprefix("voxdemo").strip(".").replace(".", "/") + "/" if package != "voxdemo" else "root"


def room_of(package: str) -> str:
    """The package at the first level below voxdemo/ or web/ that it belongs to."""
    parts = package.rstrip("/").split("/")
    return "/".join(parts[: 2 if parts[0] == "web" else 1])


def imported(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from (name for name in [whole if whole in modules() else node.module] if name in modules())
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())


@cache
def shown() -> dict[str, list[str]]:
    """What the table shows: packages from the top floor down, and their modules."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:`([\w/]+/)`|(root)) \| .+? \| (.+) \|$", text, re.MULTILINE)
    return {package or root: re.findall(r"`(\w+)`", names) for package, root, names in rows}


def test_every_module_stands_in_the_map_and_nothing_else_does() -> None:
    there: dict[str, set[str]] = {}
    for module, path in modules().items():
        if path.name != "__init__.py":
            there.setdefault(package_of(module), set()).add(path.stem)
    for path in (ROOT / "assets").glob("*/*.js"):
        there.setdefault(f"assets/{path.parent.name}/", set()).add(path.stem)
    assert {package: sorted(names) for package, names in there.items()} == {
        package: sorted(set(names) - {"__init__"}) for package, names in shown().items()
    }


def test_a_package_imports_only_packages_further_down_in_the_map() -> None:
    floors = {room_of(package): floor for floor, package in enumerate(shown())}
    upward = [
        f"{module} imports {other}"
        for module, path in modules().items()
        if module != "voxdemo.__main__"  # the entry stands above all
        for other in imported(path)
        if floors[room_of(package_of(other))] < floors[room_of(package_of(module))]
    ]
    assert not upward


def test_no_module_imports_itself_by_way_of_others() -> None:
    above: list[str] = []
    done: set[str] = set()

    def walk(module: str) -> None:
        assert module not in above, " → ".join([*above, module])
        if module in done:
            return
        above.append(module)
        for other in imported(modules()[module]):
            if other != module:
                walk(other)
        done.add(above.pop())

    for module in modules():
        walk(module)


def test_rooms_are_few_and_small() -> None:
    assert len({room_of(package) for package in shown()}) <= MOST_ROOMS
    assert not [package for package, names in shown().items() if len(set(names) - {"__init__"}) > MOST_MODULES]


def test_functions_are_short_and_take_few_things() -> None:
    too_long, too_many = [], []
    for path in (*modules().values(), ROOT / "app.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{path.relative_to(ROOT)}:{node.name}"
                taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
                    too_long.append(name)
                if len([each for each in taken if each.arg not in ("self", "cls")]) > MOST_PARAMETERS:
                    too_many.append(name)
    assert not too_long
    assert set(too_many) == COMMANDS
