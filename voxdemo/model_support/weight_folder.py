"""A folder of weights, read with mistrust: whatever isn't as it should be is a WeightsError that says what to do.

Packages load what they find: a tensor that is missing stays random and speaks noise. So files are looked at before they
are loaded. Knows files and formats of weights, and no model.
"""

import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxdemo.errors import WeightsError
from voxdemo.model_support.process_wide import quiet

Shapes = Mapping[str, tuple[int, ...]]
"""Tensors by name."""
_LFS_POINTER = b"version https://git-lfs"


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
        """The first of these files that is there. Raises WeightsError where none is, or where it is empty."""
        names = tuple(names)
        for path in (self.path / name for name in names):
            if path.is_file():
                if _beginning(path) in (None, b"", _LFS_POINTER):
                    raise self.unreadable(path)
                return path
        raise self.mistrust(f"lacks {' or '.join(names)}")

    def values(self, name: str) -> dict[str, Any]:
        """The object in a JSON or YAML file. Raises WeightsError."""
        import yaml

        path = self.one_of([name])
        try:
            text = path.read_text(encoding="utf-8-sig")
            values = yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise self.unreadable(path) from error
        if not isinstance(values, dict):
            raise self.unreadable(path)
        return values

    def count(self, path: Path, item_bytes: int = 4) -> int:
        """How many numbers one of its files holds: exact for safetensors, for PyTorch's if each has so many bytes.

        Raises WeightsError.
        """
        if path.suffix == ".safetensors":
            return sum(map(math.prod, self.shapes(path).values()))
        try:
            with zipfile.ZipFile(path) as archive:
                return sum(each.file_size for each in archive.infolist() if "/data/" in each.filename) // item_bytes
        except (OSError, zipfile.BadZipFile) as error:
            raise self.unreadable(path) from error

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

    @contextmanager
    def making(self, title: str, config: str = "config.json") -> Iterator[None]:
        """While this is open, a module is made without memory: all its tensors are on the "meta" device.

        Whatever its constructor says to figures of `config` that don't go together is a WeightsError.
        """
        with quiet():
            import torch

        try:
            with quiet(), torch.device("meta"):
                yield
        except WeightsError:
            raise
        except Exception as error:
            raise self.mistrust(f"has a {config} that {title} can't be made from") from error

    def check_module(self, module: Any, files: "ModuleFiles") -> None:
        """See that these files have every tensor of a module, as `check_shapes`. Raises WeightsError."""
        found = {name: shape for path in files.paths for name, shape in self.shapes(path).items()}
        wanted = {name: shape for name, shape in shapes_of(module).items() if not name.endswith(files.may_lack)}
        self.check_shapes(found, wanted, files.by)

    def fill(self, module: Any, files: "ModuleFiles", device: str, dtype: str = "float32") -> Any:
        """The module with its tensors of these files, file by file to where it calculates, ready to be asked.

        Checks them again, as they may have changed: what they lack stays as it is. Raises WeightsError.
        """
        import torch

        self.check_module(module, files)
        names, wide = module.state_dict().keys(), getattr(torch, dtype)
        for path in files.paths:
            tensors = self.tensors(path, names & self.shapes(path).keys())
            copies = {
                name: tensor.to(device, wide if tensor.is_floating_point() else tensor.dtype, copy=True)
                for name, tensor in tensors.items()
            }
            module.load_state_dict(copies, strict=False, assign=True)
        return module.requires_grad_(False).eval()

    def unreadable(self, path: Path) -> WeightsError:
        """For the caller to raise, where a file can't be read."""
        return self.mistrust(f"has a file {path.name} that {_why_unreadable(path)}")

    def _torch_file(self, path: Path) -> dict[str, Any]:
        import torch

        content = self.pickled(path)
        try:
            for wrapping in ("state_dict", "model_state_dict", "model"):  # what trainers put round it
                content = content.get(wrapping, content)
            tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}
        except AttributeError as error:  # it isn't a dictionary
            raise self.unreadable(path) from error
        return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


@dataclass(frozen=True, slots=True)
class ModuleFiles:
    """Where the tensors of a module lie."""

    paths: Sequence[Path]
    may_lack: tuple[str, ...] = ()
    """How the names end of tensors that need not be there."""
    by: str = "config.json"
    """What their shapes follow from."""


class Config:
    """A model's JSON of figures, read with care."""

    def __init__(self, folder: WeightFolder, name: str = "config.json") -> None:
        """Raises WeightsError."""
        self.folder = folder
        self.values = folder.values(name)
        self._name = name

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

    def numbers(self, *keys: str, default: list[int] | None = None) -> list[int]:
        """The list of whole numbers from 1 at `keys`, as `at`."""
        values: list[int] = self.at(*keys, kind=list, default=default)
        if not all(isinstance(value, int) and value > 0 for value in values):
            raise self.mistake(*keys, value=values)
        return values

    def mistake(self, *keys: str, value: Any) -> WeightsError:
        """For a value that can't be."""
        said = f"is {str(value)[:40]!r}" if value is not None else "is missing"
        return self.folder.mistrust(f"has a {self._name} in which {'.'.join(keys)} {said}")


def shapes_of(module: Any) -> dict[str, tuple[int, ...]]:
    """The tensors of a module."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def first_of(names: list[str]) -> str:
    """The first of several names, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _beginning(path: Path) -> bytes | None:
    """None: it can't be opened."""
    try:
        with path.open("rb") as file:
            return file.read(len(_LFS_POINTER))
    except OSError:
        return None


def _why_unreadable(path: Path) -> str:
    if (begins := _beginning(path)) is None:
        return "can't be opened"
    if begins == _LFS_POINTER:
        return "only points to the file (git clone without git lfs)"
    return "can't be read" if path.suffix in (".json", ".yaml") else "is cut short or damaged"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
