"""A folder of weights, read with mistrust: whatever isn't as it should be is a WeightsError that says what to do.

Packages load what they find: a tensor that is missing stays random and speaks noise. So files are looked at before they
are loaded. Knows files and formats of weights, and no model.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxdemo.errors import WeightsError

Shapes = Mapping[str, tuple[int, ...]]
"""Tensors by name."""


@dataclass(frozen=True, slots=True)
class WeightFolder:
    """A folder that should hold a model."""

    path: Path
    setting: str
    """The variable that names the model."""

    def mistrust(self, what: str) -> WeightsError:
        """For the caller to raise, where the folder "lacks config.json"."""
        remedy = "download the model again with ./launch.sh fetch-models, or choose another folder in"
        return WeightsError(f"{self.path} {what}: {remedy} {self.setting}.", str(self.path))

    def check_is_folder(self) -> None:
        """Raises WeightsError where it isn't one."""
        if not self.path.is_dir():
            raise self.mistrust("isn't a folder")

    def one_of(self, names: Iterable[str]) -> Path:
        """The first of these files that is there. Raises WeightsError where none is."""
        names = tuple(names)
        for name in names:
            if (self.path / name).is_file():
                return self.path / name
        raise self.mistrust(f"lacks {' or '.join(names)}")

    def json(self, name: str) -> Any:
        """The object in a JSON file. Raises WeightsError."""
        path = self.one_of([name])
        try:
            values = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise self.mistrust(f"has a file {name} that {_why_unreadable(path)}") from error
        if not isinstance(values, dict):
            raise self.mistrust(f"has a {name} that can't be read")
        return values

    def shapes(self, path: Path) -> dict[str, tuple[int, ...]]:
        """The tensors in one of its files, without reading them. Raises WeightsError."""
        if path.suffix == ".safetensors":
            from safetensors import SafetensorError, safe_open

            try:
                with safe_open(path, framework="numpy") as file:
                    return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            except (OSError, SafetensorError) as error:
                raise self.unreadable(path) from error
        return {name: tuple(tensor.shape) for name, tensor in self._torch_file(path).items()}

    def tensors(self, path: Path, names: Iterable[str]) -> dict[str, Any]:
        """The tensors of these names in one of its files, in which they lie until they are copied.

        Raises WeightsError.
        """
        try:
            if path.suffix == ".safetensors":
                from safetensors import safe_open

                with safe_open(path, framework="pt") as file:
                    return {name: file.get_tensor(name) for name in names}
            content = self._torch_file(path)
            return {name: content[name] for name in names}
        except WeightsError:
            raise
        except Exception as error:  # SafetensorError, KeyError, OSError: it was changed since it was checked
            raise self.unreadable(path) from error

    def check_own(self, path: Path) -> None:
        """See that one of its files doesn't lie elsewhere, behind a link; the hub's cache links to its own files.

        Raises WeightsError.
        """
        folder = self.path.resolve()
        homes = [folder, *([folder.parents[1] / "blobs"] if folder.parent.name == "snapshots" else [])]
        if not any(path.resolve().is_relative_to(home) for home in homes):
            raise self.mistrust(f"has a file {path.name} that is a link to a file elsewhere")

    def pickled(self, path: Path) -> Any:
        """What PyTorch's `save` put into one of its files: tensors, numbers and the like. Raises WeightsError."""
        import torch

        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except Exception as error:  # as many kinds as there are ways to break a pickle in an archive
            raise self.unreadable(path) from error

    def tokenizer(self, name: str, probe: str, suits: Callable[[Any, Sequence[int]], bool]) -> Any:
        """The tokenizers.Tokenizer in this file. Raises WeightsError where that or its tokens of `probe` don't suit."""
        from tokenizers import Tokenizer

        try:
            made = Tokenizer.from_file(str(self.path / name))
            numbers = made.encode(probe, add_special_tokens=False).ids
        except Exception as error:  # a Rust library's own, for a file that isn't what it seems
            raise self.mistrust("has a tokenizer that can't be read") from error
        if not numbers or not suits(made, numbers):
            raise self.mistrust("has a tokenizer of another model")
        return made

    def check_shapes(self, found: Shapes, wanted: Shapes, by: str = "config.json") -> None:
        """See that every tensor of a model is there, in its shape, which follows from what `by` names.

        Raises WeightsError.
        """
        if missing := sorted(set(wanted) - set(found)):
            raise self.mistrust(f"lacks {first_of(missing)} among its weights")
        for name, shape in wanted.items():
            if found[name] != shape:
                raise self.mistrust(f"has {name} in shape {_by(found[name])}, but {by} makes it {_by(shape)}")

    def unreadable(self, path: Path) -> WeightsError:
        """For the caller to raise, where a file can't be read."""
        return self.mistrust(f"has a file {path.name} that {_why_unreadable(path)}")

    def _torch_file(self, path: Path) -> dict[str, Any]:
        import torch

        content = self.pickled(path)
        try:
            content = content.get("state_dict", content)
            return {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}
        except AttributeError as error:  # it isn't a dictionary
            raise self.unreadable(path) from error


class Config:
    """A model's JSON of figures, read with care."""

    def __init__(self, folder: WeightFolder, name: str = "config.json") -> None:
        """Raises WeightsError."""
        self._folder = folder
        self._name = name
        self.values = folder.json(name)

    def at(self, *keys: str, kind: type, default: Any = None) -> Any:
        """The value at `keys`, or `default` where it isn't said. Raises WeightsError for one of another `kind`."""
        value: Any = self.values
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        value = default if value is None else value
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.mistake(*keys, value=value)
        return value

    def number(self, *keys: str, default: int | None = None) -> int:
        """The whole number from 1 at `keys`, as `at`."""
        value: int = self.at(*keys, kind=int, default=default)
        if value < 1:
            raise self.mistake(*keys, value=value)
        return value

    def mistake(self, *keys: str, value: Any) -> WeightsError:
        """For a value that can't be."""
        said = f"is {str(value)[:40]!r}" if value is not None else "is missing"
        return self._folder.mistrust(f"has a {self._name} in which {'.'.join(keys)} {said}")


def first_of(names: list[str]) -> str:
    """The first of several names, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _why_unreadable(path: Path) -> str:
    try:
        with path.open("rb") as file:
            begins = file.read(64)
    except OSError:
        return "can't be opened"
    if begins.startswith(b"version https://git-lfs"):
        return "only points to the file (git clone without git lfs)"
    if path.suffix == ".json":
        return "can't be read"
    return "is cut short or damaged"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
