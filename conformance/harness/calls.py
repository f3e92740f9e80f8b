"""How a statement is written as a call of the public API: what runs it and what prints it agree.

Most rows are methods: `%0.op(%1, …, name=value)`. A row without operands is a function of the class
Tensor. What is written differently has an entry in `_FORMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.harness.case import Statement
from oracles.catalog import OUTPUT, ROWS

SEED = "seed"  # of rows that draw random numbers: what `Tensor.manual_seed` is given before


@dataclass(frozen=True)
class Operand:
    """An operand of the statement, by its place there."""

    place: int


@dataclass(frozen=True)
class Call:
    """A method of the first operand (`receiver`) or a function of the class Tensor.

    `pick` is the result that is meant, where the call gives several.
    """

    method: str
    receiver: Operand | None
    positional: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    pick: int | None = None
    seed: int | None = None


def call_of(statement: Statement) -> Call:
    """The call that a statement stands for."""
    attributes: dict[str, Any] = dict(statement.attributes)
    pick, seed = attributes.pop(OUTPUT, None), attributes.pop(SEED, None)
    operands = tuple(map(Operand, range(len(statement.operands))))
    form = _FORMS.get(statement.op, _method)
    return form(statement.op, operands, attributes, pick, seed)


def same_call(statement: Statement) -> str:
    """Equal for the results of one call, which the operator, operands and attributes determine."""
    attributes = {name: value for name, value in statement.attributes.items() if name != OUTPUT}
    return repr((statement.op, statement.operands, sorted(attributes.items())))


Form = Callable[[str, tuple[Operand, ...], dict[str, Any], int | None, int | None], Call]


def _method(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    if not operands:
        return Call(op, None, (), attributes, pick, seed)
    receiver, *others = operands
    named = dict(zip(ROWS[op].parameters, others))
    positional = () if named else tuple(others)
    return Call(op, receiver, positional, {**named, **attributes}, pick, seed)


def _function(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    """`Tensor.op(%0, %1, name=value)`"""
    return Call(op, None, operands, attributes, pick, seed)


def _drawn(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    """`Tensor.rand(*shape, …)`"""
    return Call(op, None, (attributes.pop("shape"),), attributes, pick, seed)


def _getitem(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    """`%0[index]`, where the words t1, t2 … in the index stand for operands."""
    names = {f"t{operand.place}": operand for operand in operands}
    index = attributes["index"]
    items = index if isinstance(index, tuple) else (index,)
    placed = tuple(names[item] if isinstance(item, str) else item for item in items)
    return Call("__getitem__", operands[0], (placed if isinstance(index, tuple) else placed[0],))


def _einsum(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    return Call(op, None, (attributes.pop("formula"), *operands), attributes)


def _rearrange(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    """Sizes are keywords of any name: here pairs of a name and a size."""
    return Call(op, operands[0], (attributes["formula"],), dict(attributes.get("sizes", ())))


def _batchnorm(
    op: str, operands: tuple[Operand, ...], attributes: dict[str, Any],
    pick: int | None, seed: int | None,
) -> Call:  # fmt: skip
    """Weight and bias, which come first in the call, are the operands that may be missing."""
    x, mean, invstd, *given = operands
    weight, bias = (*given, None, None)[:2]
    return Call(op, x, (weight, bias, mean, invstd), attributes)


_FORMS: dict[str, Form] = {
    "batchnorm": _batchnorm,
    "getitem": _getitem,
    "einsum": _einsum,
    "rearrange": _rearrange,
    "random_bits": _function,
    **{name: _drawn for name, row in ROWS.items() if {SEED, "shape"} <= {*row.attributes}},
}
