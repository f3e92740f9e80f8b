"""A kernel with the memory that it is given, and what it must make of it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.dtypes import DType
from engine.graph import Node
from engine.steps import Output

GARBAGE = 0xA5


@dataclass(frozen=True)
class Kernel:
    """A kernel, the bytes of its buffers before it runs, by number of PARAM, and after it.

    `sink` is of the level of loops; `outputs` are the expressions that it was lowered from, if any.
    """

    sink: Node
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    outputs: tuple[Output, ...] = ()


def garbage(count: int, dtype: DType) -> bytes:
    """What a result's memory holds before: a bool is 0 or 1 even then."""
    return bytes([1 if dtype.kind == "bool" else GARBAGE]) * count
