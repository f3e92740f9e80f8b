"""What machine operations need of their operands, checked wherever the interpreter runs one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.dtypes import DType
from engine.ops import Op, Operation

Array = np.ndarray[Any, np.dtype[Any]]


class PreconditionError(ArithmeticError):
    """A machine operation was given operands for which devices promise nothing."""


class OutOfBounds(RuntimeError):
    """A LOAD or WRITE outside its memory."""


class RaceError(RuntimeError):
    """Two parallel rounds, or two lanes, of one WRITE meet at an address; or two invocations in
    the memory of their workgroup, with no barrier between."""


def checked(
    op: Operation, dtype: DType, of: DType, operands: Sequence[Array], active: Array | None
) -> Sequence[Array]:
    """The operands, with a harmless 1 as the last one where an inactive element breaks the rule."""
    breaks, rule = PRECONDITIONS[op]
    bad = breaks(dtype, of, *operands)
    if bad is None or not bad.any():
        return operands
    wrong, *everywhere = np.broadcast_arrays(bad if active is None else bad & active, *operands)
    if wrong.any():
        first = tuple(np.argwhere(wrong)[0])
        values = ", ".join(str(x[first]) for x in everywhere)
        raise PreconditionError(f"{op} of {of} ({values}) as {dtype}: needs {rule}")
    *others, last = operands
    return [*others, np.where(bad, last.dtype.type(1), last)]


def count_out_of_range(to: DType, of: DType, x: Array, y: Array) -> Array:
    return (y < 0) | (y >= of.bits)


def _no_quotient(to: DType, of: DType, x: Array, y: Array) -> Array:
    zero = np.equal(y, 0)
    return np.logical_or(zero, (y == -1) & (x == of.min)) if of.is_signed else zero


def _not_convertible(to: DType, of: DType, x: Array) -> Array | None:
    if not of.is_float or to.is_float or to.kind == "bool":
        return None
    whole = np.trunc(x.astype("float64"))
    fits: Array = (whole >= float(to.min)) & (whole < float(to.max + 1))
    return ~fits


def _not_a_bool(to: DType, of: DType, x: Array) -> Array | None:
    return np.asarray(x > 1) if to.kind == "bool" and of.kind != "bool" else None


# Which elements break the rule (None: they cannot), and the rule.
PRECONDITIONS: dict[Operation, tuple[Callable[..., Array | None], str]] = {
    Op.SHL: (count_out_of_range, "a count of at least 0 and less than the width"),
    Op.SHR: (count_out_of_range, "a count of at least 0 and less than the width"),
    Op.IDIV: (_no_quotient, "a divisor other than 0 and a quotient that fits"),
    Op.IREM: (_no_quotient, "a divisor other than 0 and a quotient that fits"),
    Op.CONVERT: (_not_convertible, "a finite number in the range of the integer"),
    Op.BITCAST: (_not_a_bool, "the byte 0 or 1"),
}
