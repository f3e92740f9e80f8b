"""A function of tensors as a program: called once, on inputs that stand for any values."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from engine import dtypes, realize as driver
from engine.backends.registry import Device
from engine.dtypes import DType
from engine.graph import Node, substitute
from engine.ops import Op
from engine.realize import Request, concrete_shape, resolved_roots, structure
from engine.shapes import view_of
from engine.storage import (
    Storage,
    StorageLost,
    from_host,
    lose,
    memory_of,
    new_buffer,
    unwritten,
)
from engine.tensor import Tensor, host

UNKNOWN_YET = (
    "it is an input of a function that is exported, whose numbers are known only where the result "
    "runs: compute with it, and neither read it nor decide by its values"
)


class ExportError(ValueError):
    """A function that cannot be exported. The message says why, and what to do."""


@dataclass(frozen=True)
class Port:
    """An input or an output of a function."""

    name: str
    dtype: DType
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements, without padding."""
        return self.size * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {self.shape}"


@dataclass(frozen=True)
class Program:
    """What a function computes.

    `roots` has a node for each output, over BUFFERs: `placeholders` for the inputs, and memory with
    the tensors that the function has of its own.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    placeholders: tuple[Node, ...]
    roots: tuple[Node, ...]

    def request(self) -> Request:
        """The program for the scheduler."""
        return _request(self.roots)

    def hole(self, buffer: Node) -> int | bytes:
        """What a BUFFER of the program is: the number of an input, or a constant with its bytes."""
        if buffer in self.placeholders:
            return self.placeholders.index(buffer)
        return memory_of(buffer).read()

    def results(self, inputs: Sequence[bytes]) -> list[bytes]:
        """The bytes of the outputs for those of the inputs, on the default device."""
        given = {
            placeholder: from_host(data, port.dtype, (port.size,), Device.DEFAULT)
            for placeholder, port, data in zip(self.placeholders, self.inputs, inputs, strict=True)
        }
        sink = Node(Op.SINK, dtypes.bool_, self.roots)
        roots = substitute(sink, given).src
        driver.compute(_request(roots))
        return [driver.read(root) for root in roots]


def _request(roots: Sequence[Node]) -> Request:
    """A program that writes over nothing, so that it can run again on the same memory."""
    wanted = tuple(dict.fromkeys(roots))
    return Request(wanted, wanted, structure(wanted), (), (), ())


def capture(function: Callable[..., Any], inputs: Sequence[Port]) -> Program:
    """Call a function once, on tensors of the default device that have no values yet.

    It returns a tensor, or a sequence or mapping of them, whose keys are the names of the outputs.
    ExportError if it reads an input, writes into tensors that it was not given, or returns anything
    else.
    """
    device = Device.DEFAULT
    placeholders = tuple(new_buffer(port.dtype, port.size, device) for port in inputs)
    for placeholder in placeholders:
        lose(placeholder, UNKNOWN_YET)
    with unwritten() as written:  # the inputs are made within: they may be written
        given = [
            Tensor.from_node(view_of(placeholder, port.shape))
            for placeholder, port in zip(placeholders, inputs, strict=True)
        ]
        found = _called(function, given)
        roots = [_root(tensor) for _, tensor in found]
    _check_state(written)
    outputs = [
        Port(name, tensor.dtype, concrete_shape(root))
        for (name, tensor), root in zip(found, roots, strict=True)
    ]
    return Program(tuple(inputs), tuple(outputs), placeholders, tuple(roots))


def _called(function: Callable[..., Any], given: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
    """The outputs of a call, with their names."""
    try:
        result = function(*given)
    except StorageLost as error:
        if UNKNOWN_YET not in str(error):
            raise
        raise ExportError(f"the function reads what it is given: {error}") from error
    rows: list[tuple[str, Any]]
    if isinstance(result, Mapping):
        rows = [(str(name), value) for name, value in result.items()]
    elif isinstance(result, list | tuple):
        rows = [(f"output{number}", value) for number, value in enumerate(result)]
    else:
        rows = [("output", result)]
    for name, value in rows:
        if not isinstance(value, Tensor):
            raise ExportError(
                f"{name} of the function is a {type(value).__name__}; return a tensor, or a list, "
                "tuple or dict of tensors"
            )
    if not rows:
        raise ExportError("the function returns nothing; return a tensor")
    return rows


def _root(tensor: Tensor) -> Node:
    """The elements of a tensor in memory of their own, row-major."""
    (node,) = resolved_roots([tensor.node])
    return Node(Op.CONTIGUOUS, node.dtype, (node,))


def _check_state(written: Sequence[Storage]) -> None:
    if written:
        shapes = ", ".join(f"{s.node.dtype} {concrete_shape(s.node)}" for s in written)
        raise ExportError(
            f"the function writes into tensors that it was not given ({shapes}), which would be "
            "lost; take them as inputs and return them"
        )


def names_of(function: Callable[..., Any], count: int) -> list[str]:
    """Names for the inputs of a function: those of its parameters, as far as there are enough."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of something built in
        parameters = []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    known = [row.name for row in parameters if row.kind in positional]
    return [*known, *(f"input{number}" for number in range(len(known), count))][:count]


def sample(port: Port, seed: int) -> bytes:
    """Bytes for an input to begin with: small numbers of either sign, the same for every seed."""
    random = Random(seed)
    dtype = port.dtype
    values: list[bool | int | float]
    if dtype.kind == "bool":
        values = [random.random() < 0.5 for _ in range(port.size)]
    elif dtype.is_int:
        low = -9 if dtype.is_signed else 0
        values = [random.randint(low, 9) for _ in range(port.size)]
    else:
        values = [random.uniform(-2.0, 2.0) for _ in range(port.size)]
    return host.encoded(values, dtype)
