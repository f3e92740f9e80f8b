"""Subjects: what a case is run on.  Bytes go in, bytes come out, so that a subject can as well live
in another process.

`EngineSubject` is the engine on one device; `ReferenceSubject` evaluates the numpy reference one
statement at a time.  Neither knows what is right: that is `judging`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from conformance.harness.case import MAX_ELEMENTS, Case, Input, Statement
from oracles.formats import FORMATS, Array

if TYPE_CHECKING:
    from engine import Tensor


GARBAGE = b"\xa5"


class NotAvailable(RuntimeError):
    """The subject cannot run here.  `reason` says why, `remedy` what would help."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        reason = without_remedy(reason, remedy)
        super().__init__(f"{reason}: {remedy}" if remedy else reason)
        self.reason, self.remedy = reason, remedy


def without_remedy(reason: str, remedy: str) -> str:
    """What is wrong, less what would help where that is said at its end: it has its own place."""
    return reason.removesuffix(remedy).rstrip(" ;:,") if remedy else reason


class Subject(Protocol):
    """Something that runs cases."""

    @property
    def name(self) -> str:
        """How reports name it."""
        ...

    def run(self, case: Case) -> list[bytes]:
        """The bits of each output, little-endian and row-major; NotAvailable if it cannot run."""
        ...


# -- the reference ---------------------------------------------------------------------------------
class ReferenceSubject:
    """The numpy reference, statement by statement."""

    name = "numpy"

    def run(self, case: Case) -> list[bytes]:
        values = self.evaluate(case)
        return [array_bytes(values[k]) for k in case.outputs]

    def evaluate(self, case: Case) -> list[Array]:
        """Every value of the program; ValueError before a result would be too large."""
        values = [input_array(item) for item in case.inputs]
        for statement in case.statements:
            values.append(apply(statement, [values[k] for k in statement.operands]))
        return values


def input_array(item: Input) -> Array:
    """An input as an ndarray of its dtype."""
    row = FORMATS[item.dtype]
    words = np.frombuffer(item.data, dtype=row.unsigned.newbyteorder("<"))
    return row.from_bits(words.astype(row.unsigned).reshape(item.shape))


def array_bytes(array: Array) -> bytes:
    """The bits of an ndarray as a case holds them."""
    row = FORMATS[array.dtype.name]
    return row.to_bits(array).astype(row.unsigned.newbyteorder("<"), copy=False).tobytes()


def apply(statement: Statement, operands: Sequence[Array]) -> Array:
    """One statement in numpy."""
    from oracles.numpy_ref import evaluate

    attributes = statement.attributes
    size = _result_size(statement.op, [x.shape for x in operands], attributes)
    if size > MAX_ELEMENTS:
        raise ValueError(f"{statement.op} would make {size} elements; the limit is {MAX_ELEMENTS}")
    return evaluate(statement.op, operands, attributes)


def _result_size(op: str, shapes: Sequence[tuple[int, ...]], attributes: Mapping[str, Any]) -> int:
    """Elements that a statement may make, or more: cases come from strangers."""
    if op in ("expand", "full"):
        given = tuple(attributes["shape"])
        kept = shapes[0] if shapes else ()
        return prod(int(n) if int(n) >= 0 else prod(kept) for n in given)
    if op == "arange":
        return _arange_length(attributes)
    if op == "pad":
        grown = zip(shapes[0], attributes["padding"])
        return prod(n + abs(int(pair[0])) + abs(int(pair[1])) for n, pair in grown)
    if op == "matmul":
        return _matmul_size(*shapes)
    if op == "take":
        return prod(shapes[0]) * max(1, prod(shapes[1]))
    if len(shapes) > 1:
        return prod(np.broadcast_shapes(*shapes))
    return prod(shapes[0])


def _arange_length(attributes: Mapping[str, Any]) -> int:
    start, stop = attributes.get("start", 0), attributes.get("stop")
    step = attributes.get("step", 1)
    if not all(isinstance(n, int | float) for n in (start, step)) or step == 0:
        raise ValueError("arange needs numbers, and a step that is not 0")
    return int(abs((start if stop is None else stop - start) / step)) + 1


def _matmul_size(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """The result, and the work: hostile shapes must not run for hours either."""
    rows = left[-2] if len(left) > 1 else 1
    columns = right[-1] if len(right) > 1 else 1
    batch = prod(np.broadcast_shapes(left[:-2], right[:-2]))
    return batch * rows * columns * max(1, (left[-1] if left else 1) // 256)


# -- the engine ------------------------------------------------------------------------------------
class EngineSubject:
    """The engine on one device, by its public API."""

    def __init__(self, device: str) -> None:
        self.device = device

    @property
    def name(self) -> str:
        return self.device

    def run(self, case: Case) -> list[bytes]:
        from engine.backends.base import DeviceUnavailable

        try:
            outputs = self.build(case)
            self._spoil(outputs)
            outputs[0].realize(*outputs[1:])
            return [output.tobytes() for output in outputs]
        except DeviceUnavailable as error:
            raise NotAvailable(str(error), _remedy(self.device)) from error

    def _spoil(self, outputs: Sequence[Tensor]) -> None:
        """Leave garbage in the memory that a pool will hand out for the results.

        Devices may share a pool: a kernel that writes nothing must not be given the memory in
        which another device has just left the right answer.
        """
        from engine import Tensor

        made = []
        for output in outputs:
            count = output.nbytes()
            made.append(Tensor.from_bytes(GARBAGE * count, "uint8", (count,), self.device))
        del made

    def build(self, case: Case) -> list[Tensor]:
        """The outputs as lazy tensors."""
        values = [self._input(item) for item in case.inputs]
        for statement in case.statements:
            values.append(self._apply(statement, [values[k] for k in statement.operands]))
        return [values[k] for k in case.outputs]

    def _input(self, item: Input) -> Tensor:
        from engine import Tensor

        if item.const:
            return self._constant(item)
        return Tensor.from_bytes(item.data, item.dtype, item.shape, self.device)

    def _constant(self, item: Input) -> Tensor:
        """Constants of the graph itself, below the API, where every bit pattern can be written."""
        from engine import Tensor, dtypes
        from engine.graph import Node
        from engine.ops import Op

        dtype = dtypes.as_dtype(item.dtype)
        words = tuple(int(word) for word in np.atleast_1d(_words(item)).ravel())
        if len(words) == 0:
            return Tensor.full(item.shape, 0, dtype=dtype, device=self.device)
        if item.shape == ():
            return Tensor._wrap(Node(Op.CONST, dtype, (), words[0]), self.device)
        table = Tensor._wrap(Node(Op.TABLE, dtype, (), words), self.device)
        return table.reshape(item.shape)

    def _apply(self, statement: Statement, operands: list[Tensor]) -> Tensor:
        from engine import Tensor

        attributes: dict[str, Any] = dict(statement.attributes)
        if not operands:
            function = getattr(Tensor, statement.op)
            made: Tensor = function(**attributes, device=self.device)
            return made
        first, *rest = operands
        if statement.op == "getitem":
            return first[attributes["index"]]
        result: Tensor = getattr(first, statement.op)(*rest, **attributes)
        return result


def _words(item: Input) -> Array:
    row = FORMATS[item.dtype]
    return np.frombuffer(item.data, dtype=row.unsigned.newbyteorder("<"))


def _remedy(device: str) -> str:
    from engine.backends import registry

    kind = device.partition(":")[0]
    return next((row.remedy for row in registry.info() if row.name == kind), "")


def run(case: Case, subject: Subject) -> list[bytes]:
    """The bits of each output of `case` on `subject`."""
    return subject.run(case)
