"""A case as the engine sees it: nodes, buffers, and what the interpreter of tensors makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.harness.case import Case
from conformance.harness.subject import EngineSubject
from engine.arrays import NUMPY
from engine.graph import Node
from engine.interpret.preconditions import Array
from engine.interpret.tensors import evaluate
from engine.realize import base_of, resolved_roots, structure
from engine.storage import memory_of


@dataclass(frozen=True)
class Program:
    """`outputs[k]` is the node of output k of the case; `roots` are what is computed for them.

    `free` and `homes` say which holes may be written over (see `realize.Request`).
    """

    device: str
    outputs: tuple[Node, ...]
    roots: tuple[Node, ...]
    holes: tuple[Node, ...]
    free: tuple[int, ...] = ()
    homes: tuple[tuple[int, int], ...] = ()


def program_of(case: Case, subject: EngineSubject) -> Program:
    """The program that `subject` would run, which computes nothing here.

    To be called within the subject's settings. Raises what the public API raises.
    """
    outputs = resolved_roots([tensor._placed() for tensor in subject.results(case)])
    roots = tuple(dict.fromkeys(base_of(node) for node in outputs))
    return Program(subject.device, outputs, roots, tuple(structure(roots).holes))


def contents(buffer: Node) -> Array:
    """The items of a buffer, shape (size,)."""
    raw = memory_of(buffer).read()
    return np.frombuffer(raw, NUMPY[buffer.dtype], buffer.arg[1])


def values(nodes: Sequence[Node]) -> list[bytes]:
    """What the interpreter of tensors gives for nodes, as row-major bytes."""
    return [np.ascontiguousarray(array).tobytes() for array in evaluate(nodes, contents)]
