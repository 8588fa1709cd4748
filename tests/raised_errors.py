"""Every error that the package raises, as it stands in the code: its code, its reason and its sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from serving import ROOT

from voxdemo import errors
from voxdemo.errors import InputError, StorageError, VoxdemoError

FOR_OPERATORS = ("SettingsError", "WeightsError")
"""They end a start, and are told in the terminal and the log."""
FOR_PROGRAMS = ("cli/", "loadtest/", "planning/", "web/v1/")
ON_THE_PAGE = {"busy.texts", "busy.your_texts", "joined_too_long", "talk_too_long"}
"""Of what /v1 raises, what the tabs for many texts and for talking meet."""
NOT_ON_THE_PAGE = {"least_over_most", "not_an_upload", "wrong_type", "not_a_voice", "stopped_early.kept"}
"""What nobody meets who presses buttons."""
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, VoxdemoError)}


@dataclass(frozen=True)
class Raised:
    """An error as it stands in the code: its code, and behind a dot its reason where its code has several."""

    key: str
    sentence: str
    where: str

    @property
    def places(self) -> set[str]:
        return set(re.findall(r"{(\w+)", self.sentence))

    @property
    def is_on_the_page(self) -> bool:
        if self.key in ON_THE_PAGE | NOT_ON_THE_PAGE:
            return self.key in ON_THE_PAGE
        return not self.where.startswith(FOR_PROGRAMS)


def raised() -> Iterator[Raised]:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "voxdemo").rglob("*.py"))}
    constants = [node for tree in trees.values() for node in tree.body if isinstance(node, ast.Assign)]
    for path, tree in trees.items():
        assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
        for kind, call in calls(tree):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            position = 2 if issubclass(kind, InputError | errors.UnavailableError | errors.ModelDiedError) else 1
            code = text_of(given.get("code") or (call.args[position] if len(call.args) > position else None))
            reason = text_of(given.get("reason"))
            key = ".".join(filter(None, [code or kind.code, reason]))
            where = f"{path.relative_to(ROOT / 'voxdemo').as_posix()}:{call.lineno}"
            sentence = sentence_of(call, assigned) or sentence_of(call, constants) or imported(call, path)
            yield Raised(key, sentence, where)
    yield Raised(StorageError.code, StorageError().sentence, "errors.py")
    for code, sentence in (*errors.OF_ADDRESSES.items(), *errors.OF_CHATS.items()):
        yield Raised(code, sentence, "errors.py")
    yield Raised(errors.UNEXPECTED_CODE, errors.UNEXPECTED, "errors.py")


def calls(tree: ast.Module) -> Iterator[tuple[type[VoxdemoError], ast.Call]]:
    """Where errors are made with a sentence of their own."""
    for scope in ast.walk(tree):
        kinds = {"cls": KINDS[scope.name]} if isinstance(scope, ast.ClassDef) and scope.name in KINDS else {}
        for node in ast.walk(scope) if kinds or scope is tree else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                kind = kinds.get(node.func.id) or (KINDS.get(node.func.id) if scope is tree else None)
                if kind and kind.__name__ not in FOR_OPERATORS:
                    yield kind, node


def sentence_of(call: ast.Call, assigned: list[ast.Assign]) -> str:
    """The template of a call: as it stands there, or as it was given its name last."""
    first = call.args[0]
    name = first.attr if isinstance(first, ast.Attribute) else getattr(first, "id", None)
    named = [node for node in assigned if getattr(node.targets[0], "id", None) == name]
    before = [node for node in named if node.lineno < call.lineno]
    return text_of(max(before or named, key=lambda node: node.lineno).value) if name and named else text_of(first)


def imported(call: ast.Call, path: Path) -> str:
    """A sentence that is made when the module is loaded."""
    name = getattr(call.args[0], "id", "")
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return str(getattr(import_module(module), name, "")) if name.isupper() else ""


def text_of(written: ast.AST | None) -> str:
    return written.value if isinstance(written, ast.Constant) and isinstance(written.value, str) else ""


_RAISED = list(raised())
UNKNOWN = [each for each in _RAISED if not each.sentence and not each.where.startswith("errors.py")]
ALL = [each for each in _RAISED if each.sentence]
