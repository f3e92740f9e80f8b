"""The verdict on a composite result: how far it is from the exact value, in its row's measure.

One unit is ulp(exact) + epsilon * scale, where ulp is the spacing of the result's dtype, and
epsilon the spacing at 1 of the dtype in which the steps are taken (float32 for narrower ones).  A
row allows `bound_ulp` units.  For results narrower than the steps the two have bounds of their own:
|got - exact| <= bound[float16] ulp(exact) + bound[float32] epsilon (|exact| + scale).  Without
infinities an exact value beyond the largest number counts as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracles.composite.numbers import Exact, Numbers, Wide
from oracles.composite.row import CompositeRow, Evaluated, Outside
from oracles.formats import FORMATS, Array, Format, format_of
from oracles.numpy_ref.support import convert, from_wide
from oracles.promotion import accumulator
from oracles.ulp import limited, spacing, wrong_zeros

MARGIN = 2.0**-6
"""Distances this near to the bound (relative) are decided by mpmath, or accepted."""

PROVED_ELEMENTS = 1 << 13
"""Operand elements up to which mpmath is asked."""

_WIDE_ENOUGH = int(np.finfo(np.longdouble).nmant) >= 60


@dataclass(frozen=True)
class Composed:
    """A composite operator applied to operands: exact values, tolerances, domain."""

    row: CompositeRow
    result: Format
    value: Array
    tolerance: Array
    inside: Array
    exact_zero: Array


def prepared(row: CompositeRow, numbers: Numbers, args: Sequence[Array], dtype: str) -> list[Array]:
    """Operands in `numbers`, rounded first to `dtype`; labels and masks as they are."""
    ready = []
    for k, one in enumerate(args):
        if row.stays(k, args):
            ready.append(one)
        else:
            ready.append(numbers.array(convert(one, dtype)))
    return ready


def compose(
    row: CompositeRow,
    args: Sequence[Array],
    attrs: Mapping[str, Any],
    dtype: str,
    bounds: Mapping[str, float],
) -> Composed:
    """Evaluate a row for results of `dtype`; bounds by dtype, in units."""
    steps = accumulator(dtype)
    with np.errstate(all="ignore"):
        found = _evaluated(row, Wide(steps), args, attrs, dtype)
        if dtype == "float64" and not _WIDE_ENOUGH:
            found = _proved(row, args, attrs, dtype, found)
        return _composed(row, found, FORMATS[dtype], FORMATS[steps], bounds)


def _evaluated(
    row: CompositeRow,
    numbers: Numbers,
    args: Sequence[Array],
    attrs: Mapping[str, Any],
    dtype: str,
) -> Evaluated:
    found = row.evaluate(numbers, *prepared(row, numbers, args, dtype), **attrs)
    scale = np.broadcast_to(found.scale, found.value.shape)
    return Evaluated(found.value, scale, found.inside)


def _proved(
    row: CompositeRow, args: Sequence[Array], attrs: Mapping[str, Any], dtype: str, wide: Evaluated
) -> Evaluated:
    """mpmath's values, in longdouble, which has -0 and the rest that mpmath has not.

    Where an operand is not finite the values of `wide` stay, for whole cases unless the row is
    elementwise.
    """
    finite = [_finite(one) for one in args]
    ready = args
    if not all(one.all() for one in finite):
        if not row.elementwise:
            return wide
        ready = [np.where(fine, one, one.dtype.type(1)) for fine, one in zip(finite, args)]
    found = _evaluated(row, Exact(accumulator(dtype)), ready, attrs, dtype)
    value = _longdouble(found.value)
    kept = ((value == 0) & (wide.value == 0)) | (ready is not args and ~_together(finite))
    return Evaluated(
        np.where(kept, wide.value, value),
        np.where(kept, wide.scale, _longdouble(found.scale)),
        wide.inside,
    )


def _finite(x: Array) -> Array:
    row = format_of(x)
    return row.is_finite(row.to_bits(x))


def _together(finite: Sequence[Any]) -> Array:
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*finite)))


def _longdouble(values: Array) -> Array:
    flat = []
    for one in np.asarray(values, dtype=object).reshape(-1).tolist():
        high = float(one)
        low = float(one - high) if np.isfinite(high) else 0.0
        flat.append(np.longdouble(high) + np.longdouble(low))
    return np.array(flat, dtype=np.longdouble).reshape(values.shape)


def _composed(
    row: CompositeRow, found: Evaluated, result: Format, steps: Format, bounds: Mapping[str, float]
) -> Composed:
    value, scale = found.value, np.asarray(found.scale)
    epsilon = np.longdouble(2.0**-steps.mantissa_bits)
    size = np.abs(value)
    slack = bounds[steps.name] * epsilon * scale
    if steps is not result:
        slack = slack + bounds[steps.name] * epsilon * size
    tolerance = bounds[result.name] * spacing(result, value) + slack
    limit = np.longdouble(2.0) ** steps.emax
    inside = np.isfinite(value) & np.isfinite(scale) & (size < limit) & (scale < limit)
    if found.inside is not None:
        inside = inside & found.inside
    exact_zero = row.elementwise & (scale == 0)
    return Composed(row, result, value, tolerance, np.asarray(inside), np.asarray(exact_zero))


def distances(known: Composed, got: Array, bound: float) -> Array:
    """The distance of each result in units, `bound` and below being accepted; NaN: not judged."""
    row = known.result
    with np.errstate(all="ignore"):
        top = np.ldexp(np.longdouble(1), row.emax + 1)
        wide = got.astype(np.longdouble)
        wide = np.where(np.isinf(wide), np.copysign(top, wide), wide)
        beyond = np.minimum(np.abs(known.value), top)
        value = limited(row, np.copysign(beyond, known.value))
        units = (np.abs(wide - value) / known.tolerance * bound).astype(np.float64)
    wrong_zero = known.exact_zero & wrong_zeros(row, wide, known.value)
    units = np.where(np.isnan(wide) | wrong_zero, np.inf, units)
    special = np.isnan(known.value) | np.isinf(known.value)
    judged = special & (known.row.outside is Outside.SPECIALS)
    wanted = reference(known)
    right = row.to_bits(wanted) == row.to_bits(got)
    outside = np.where(judged, np.where(right, 0.0, np.inf), np.nan)
    return np.asarray(np.where(known.inside, units, outside))


def judged(
    known: Composed,
    args: Sequence[Array],
    attrs: Mapping[str, Any],
    got: Array,
    bounds: Mapping[str, float],
) -> tuple[Array, Array]:
    """Which elements of a result are accepted, and their distances; NaN: not judged."""
    bound = bounds[got.dtype.name]
    units = distances(known, got, bound)
    near = known.inside & (np.abs(units - bound) <= MARGIN * bound)
    if near.any():
        units = _settled(known, args, attrs, got, bounds, units, near)
    return np.asarray(np.isnan(units) | (units <= bound)), np.asarray(units)


def _settled(
    known: Composed,
    args: Sequence[Array],
    attrs: Mapping[str, Any],
    got: Array,
    bounds: Mapping[str, float],
    units: Array,
    near: Array,
) -> Array:
    """mpmath's distances where the estimate is near the bound; large cases get its benefit."""
    bound = bounds[got.dtype.name]
    finite = all(one.all() for one in map(_finite, args))
    if known.row.elementwise and not (finite and sum(a.size for a in args) <= PROVED_ELEMENTS):
        parts = [np.broadcast_to(one, got.shape)[near] for one in args]
        units[near] = judged_exactly(known.row, parts, attrs, got[near], bounds)
        return units
    if finite and sum(one.size for one in args) <= PROVED_ELEMENTS:
        units[near] = judged_exactly(known.row, args, attrs, got, bounds)[near]
        return units
    return np.where(near, np.minimum(units, bound), units)


def judged_exactly(
    row: CompositeRow,
    args: Sequence[Array],
    attrs: Mapping[str, Any],
    got: Array,
    bounds: Mapping[str, float],
) -> Array:
    """The distances by mpmath, of finite operands."""
    dtype = got.dtype.name
    steps = accumulator(dtype)
    with np.errstate(all="ignore"):
        wide = _evaluated(row, Wide(steps), args, attrs, dtype)
        found = _proved(row, args, attrs, dtype, wide)
        known = _composed(row, found, FORMATS[dtype], FORMATS[steps], bounds)
    return distances(known, got, bounds[dtype])


def reach(known: Composed, place: tuple[int, ...]) -> tuple[int, int] | None:
    """The bits of the least and the greatest result that are accepted at an element inside."""
    if not known.inside[place]:
        return None
    row, tolerance = known.result, known.tolerance[place]
    value = limited(row, known.value[place])
    ends = []
    for end, inward in ((value - tolerance, np.inf), (value + tolerance, -np.inf)):
        with np.errstate(all="ignore"):
            rounded = from_wide(np.asarray(end), row.name)
            outside = rounded < end if inward > 0 else rounded > end
            kept = np.nextafter(rounded, rounded.dtype.type(inward)) if outside else rounded
        ends.append(int(row.to_bits(np.asarray(kept).reshape(1))[0]))
    return ends[0], ends[1]


def reference(known: Composed) -> Array:
    """The values rounded to the result's dtype, NaN canonical."""
    return from_wide(known.value, known.result.name)
