"""Faults as data: which text of which module of the engine becomes which other text.

A fault is applied while the module is imported, in a process of its own; no file changes.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

FILE = Path(__file__).with_name("faults.toml")
CLASSES = (
    "rules", "values", "integers", "dtypes", "functions", "movement", "reductions", "indexing",
    "memory", "caches", "code", "assignment", "shaders",
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A mistake as people make it.

    `module` of the engine holds `before`, exactly once, and gets `after` in its place. `kind` is
    one of CLASSES; `about` says what is wrong; `place` are names of places (`Place.name`), of which
    bisecting must say one.
    """

    name: str
    kind: str
    about: str
    module: str
    before: str
    after: str
    place: tuple[str, ...]

    def applied(self, source: str) -> str:
        """The source with the mistake; ValueError unless `before` stands there once."""
        if source.count(self.before) != 1:
            raise ValueError(
                f"fault {self.name}: its text stands {source.count(self.before)} times in "
                f"{self.module}, not once: correct faults.toml"
            )
        return source.replace(self.before, self.after)


def faults(file: Path = FILE) -> tuple[Fault, ...]:
    """All faults, in order. ValueError for a file that is not a list of them."""
    rows = tomllib.loads(file.read_text("utf-8")).get("fault", [])
    found = tuple(_fault(row) for row in rows)
    if len({fault.name for fault in found}) < len(found):
        raise ValueError(f"{file}: two faults have one name")
    return found


def _fault(row: dict[str, Any]) -> Fault:
    fault = Fault(**{**row, "place": tuple(row["place"])})
    if fault.kind not in CLASSES:
        raise ValueError(f"fault {fault.name}: {fault.kind!r} is no class: {', '.join(CLASSES)}")
    if not fault.place or fault.before == fault.after:
        raise ValueError(f"fault {fault.name} changes nothing, or names no place")
    return fault


def plant(fault: Fault) -> None:
    """Import the fault's module with the mistake in it, whenever it is imported from now on.

    RuntimeError if it has been imported: what holds its names would keep the right ones.
    """
    if fault.module in sys.modules:
        raise RuntimeError(f"fault {fault.name}: {fault.module} is imported already")
    sys.meta_path.insert(0, _Finder(fault))


class _Finder(MetaPathFinder):
    """Finds the one module."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.fault.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return None
        loader = _Loader(fullname, spec.origin, self.fault)
        return spec_from_file_location(fullname, spec.origin, loader=loader)


class _Loader(SourceFileLoader):
    """Compiles the changed source, which nothing keeps."""

    def __init__(self, fullname: str, path: str, fault: Fault) -> None:
        super().__init__(fullname, path)
        self.fault = fault

    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.path).read_text("utf-8")
        return self.source_to_code(self.fault.applied(source).encode(), self.path)
