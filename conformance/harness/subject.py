"""Subjects: what a case is run on.  Bytes go in, bytes come out, so that a subject can as well live
in another process.

`EngineSubject` is the engine on one device, `InterpreterSubject` the meaning of its graphs;
`ReferenceSubject` evaluates the numpy reference one statement at a time.  None knows what is right:
that is `judging`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from conformance.harness.calls import Call, Operand, call_of, same_call
from conformance.harness.case import Case, Input, Statement
from conformance.harness.work import Budget
from oracles.formats import FORMATS, Array, format_of

if TYPE_CHECKING:
    from engine import Context, Tensor
    from engine.graph import Node


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
        """Every value of the program; ValueError before it would be too much work."""
        values = [input_array(item) for item in case.inputs]
        costs = [value.size for value in values]
        budget = Budget()
        for statement in case.statements:
            before = budget.done
            values.append(apply(statement, [values[k] for k in statement.operands], budget))
            costs.append(budget.done - before)
        budget.add(sum(costs[k] for k in case.outputs))  # judging computes them again
        return values


def input_array(item: Input) -> Array:
    """An input as an ndarray of its dtype."""
    row = FORMATS[item.dtype]
    words = np.frombuffer(item.data, dtype=row.unsigned.newbyteorder("<"))
    return row.from_bits(words.astype(row.unsigned).reshape(item.shape))


def array_bytes(array: Array) -> bytes:
    """The bits of an ndarray as a case holds them."""
    row = format_of(array)
    return row.to_bits(array).astype(row.unsigned.newbyteorder("<"), copy=False).tobytes()


def apply(statement: Statement, operands: Sequence[Array], budget: Budget) -> Array:
    """One statement in numpy; ValueError before it would be too large."""
    from oracles.numpy_ref import evaluate

    limit = budget.spend(statement, [x.shape for x in operands])
    result = evaluate(statement.op, operands, statement.attributes)
    if result.size > limit:
        raise AssertionError(f"{statement.op}: {result.size} elements, expected at most {limit}")
    return result


# -- the engine ------------------------------------------------------------------------------------
class EngineSubject:
    """The engine on one device, by its public API.

    `LLVM/only_words` is the device LLVM under EMULATE=only_words: with less than it has.
    `overrides` are other settings under which it runs.
    """

    def __init__(self, name: str, overrides: Mapping[str, int | str] | None = None) -> None:
        self.name = name
        self.device, _, self.emulate = name.partition("/")
        self.overrides = overrides or {}

    def settings(self) -> Context:
        """The settings under which it runs."""
        from engine.context import Context

        emulate = {"EMULATE": self.emulate} if self.emulate else {}
        return Context(**{**emulate, **self.overrides})

    def run(self, case: Case) -> list[bytes]:
        from engine.backends.base import DeviceUnavailable

        try:
            with self.settings():
                return self._run(case)
        except DeviceUnavailable as error:
            raise NotAvailable(str(error), _remedy(self.device)) from error

    def _run(self, case: Case) -> list[bytes]:
        outputs = self.results(case)
        self._spoil(outputs)
        outputs[0].realize(*outputs[1:])
        return [output.tobytes() for output in outputs]

    def results(self, case: Case) -> list[Tensor]:
        """The outputs, each of which will have memory.

        Views too are results: computed with the rest, in one launch, and not when read. What is
        computed is asked for as it is, so that a kernel that uses it may store it as well.
        """
        from engine.fusion import is_leaf
        from engine.ops import STORAGE_VIEWS

        return [
            x.contiguous() if is_leaf(x.node) or x.node.op in STORAGE_VIEWS else x
            for x in self.build(case)
        ]

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
        """The outputs as lazy tensors; several results of one call come from one call."""
        values = [self._input(item) for item in case.inputs]
        made: dict[str, Any] = {}
        for statement in case.statements:
            call, key = call_of(statement), same_call(statement)
            if call.pick is None or key not in made:
                made[key] = self._apply(call, [values[k] for k in statement.operands])
            values.append(made[key] if call.pick is None else made[key][call.pick])
        return [values[k] for k in case.outputs]

    def applied(self, statement: Statement, operands: Sequence[Tensor]) -> Tensor:
        """The result of one statement on tensors of this device."""
        call = call_of(statement)
        made = self._apply(call, list(operands))
        result: Tensor = made if call.pick is None else made[call.pick]
        return result

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

    def _apply(self, call: Call, operands: list[Tensor]) -> Any:
        from engine import Tensor

        receiver: Any = Tensor if call.receiver is None else operands[call.receiver.place]
        if call.seed is not None:
            receiver.manual_seed(call.seed)
        positional = [_argument(item, operands) for item in call.positional]
        keywords = {name: _argument(item, operands) for name, item in call.keywords.items()}
        if not operands:
            keywords["device"] = self.device
        return getattr(receiver, call.method)(*positional, **keywords)


class InterpreterSubject:
    """The definition of the tensor level: one numpy operation a node, nothing fused or compiled.

    It shares the API and the decompositions of functions with the devices, and so knows every last
    bit that the reference leaves open.
    """

    name = "INTERPRETER"

    def run(self, case: Case) -> list[bytes]:
        from engine.interpret.tensors import evaluate

        outputs = EngineSubject("PYTHON").build(case)
        return [array.tobytes() for array in evaluate([x.node for x in outputs], _items)]


def _items(buffer: Node) -> Array:
    """The items in a buffer's memory."""
    from engine.arrays import NUMPY
    from engine.storage import memory_of

    return np.frombuffer(memory_of(buffer).read(), NUMPY[buffer.dtype], buffer.arg[1])


def _argument(item: object, operands: Sequence[Tensor]) -> object:
    """An argument of a call, with tensors in the place of operands."""
    if isinstance(item, Operand):
        return operands[item.place]
    return tuple(_argument(part, operands) for part in item) if isinstance(item, tuple) else item


def _words(item: Input) -> Array:
    row = FORMATS[item.dtype]
    return np.frombuffer(item.data, dtype=row.unsigned.newbyteorder("<"))


def _remedy(device: str) -> str:
    from engine.backends import registry

    return registry.info([registry.kind_of(device)])[0].remedy


def run(case: Case, subject: Subject) -> list[bytes]:
    """The bits of each output of `case` on `subject`."""
    return subject.run(case)
