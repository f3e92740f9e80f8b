"""Writing cases in Python: values get their numbers as they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.harness.case import Case, Input, Statement
from conformance.harness.draws import as_input
from conformance.harness.values import Value
from oracles.formats import FORMATS, Array


class Builder:
    """Inputs are numbered first when the case is finished, so they can be added at any time."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.statements: list[Statement] = []
        self.outputs: list[int] = []

    def input(
        self, dtype: str, bits: Array, shape: tuple[int, ...] | None = None, const: bool = False
    ) -> int:
        """A new input; its handle is negative until `case` numbers all values."""
        self.inputs.append(as_input(dtype, bits, shape, const))
        return -len(self.inputs)

    def apply(self, op: str, *operands: int, **attributes: Value) -> int:
        """A new statement."""
        return self.statement(op, operands, attributes)

    def statement(self, op: str, operands: Sequence[int], attributes: Mapping[str, Value]) -> int:
        """`apply` with the attributes as a mapping."""
        self.statements.append(Statement(op, tuple(operands), dict(attributes)))
        return len(self.statements) - 1

    def judged(self, op: str, *operands: int, **attributes: Value) -> int:
        """A new statement whose value is an output."""
        value = self.statement(op, operands, attributes)
        self.outputs.append(value)
        return value

    def _number(self, handle: int) -> int:
        return -handle - 1 if handle < 0 else handle + len(self.inputs)

    def case(self, *notes: str) -> Case:
        """The finished case."""
        statements = tuple(
            Statement(s.op, tuple(map(self._number, s.operands)), s.attributes)
            for s in self.statements
        )
        outputs = tuple(map(self._number, self.outputs))
        return Case(tuple(self.inputs), statements, outputs).with_notes(*notes)


def merged(cases: Sequence[Case]) -> Case:
    """Several programs as one, outputs in order: one launch, one batch for the compiler."""
    inputs: list[Input] = []
    statements: list[Statement] = []
    outputs: list[int] = []
    first_statement = sum(len(case.inputs) for case in cases)
    for case in cases:
        base, own = len(inputs), len(case.inputs)
        later = first_statement + len(statements) - own
        for statement in case.statements:
            operands = tuple(k + (base if k < own else later) for k in statement.operands)
            statements.append(Statement(statement.op, operands, statement.attributes))
        outputs += [k + (base if k < own else later) for k in case.outputs]
        inputs += case.inputs
    return Case(tuple(inputs), tuple(statements), tuple(outputs))


def part(case: Case, outputs: Sequence[int]) -> Case:
    """The program that makes only these outputs, and what they are made of."""
    needed = set(outputs)
    own = len(case.inputs)
    for place in reversed(range(len(case.statements))):
        if own + place in needed:
            needed.update(case.statements[place].operands)
    number = {value: new for new, value in enumerate(sorted(needed))}
    statements = tuple(
        Statement(one.op, tuple(number[k] for k in one.operands), one.attributes)
        for place, one in enumerate(case.statements) if own + place in needed
    )
    inputs = tuple(one for place, one in enumerate(case.inputs) if place in needed)
    return Case(inputs, statements, tuple(number[value] for value in outputs))


def through_kernels(build: Builder, value: int, dtype: str, count: int) -> int:
    """The same flat bits behind two reductions, which end kernels: max of each word and 0."""
    row = FORMATS[dtype]
    words = value
    if row.kind != "bool":
        words = build.apply("bitcast", value, dtype=f"uint{row.bits}")
    for _ in range(2):
        column = build.apply("reshape", words, shape=(count, 1))
        padded = build.apply("pad", column, padding=((0, 0), (0, 1)))
        words = build.apply("max", padded, axis=1, keepdim=False)
    return words if row.kind == "bool" else build.apply("bitcast", words, dtype=dtype)
