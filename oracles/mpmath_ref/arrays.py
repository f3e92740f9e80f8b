"""Whole arrays: estimates first, mpmath where their error could change the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from oracles.formats import FORMATS, Array, Format
from oracles.mpmath_ref.proof import true_value
from oracles.mpmath_ref.rows import ROWS, WIDE, WIDE_PRECISION
from oracles.mpmath_ref.special import Special, special
from oracles.numpy_ref.support import convert, from_wide, widened
from oracles.promotion import promote, to_float
from oracles.ulp import ulp_of_wide

CHUNK = 1 << 14
"""Elements that are judged at a time."""

_SPARE = 8
"""Bits that an estimate needs beyond the format, to decide anything by itself."""


def doubt(name: str, row: Format) -> float:
    """Distances closer than this (in ulps) to a decision are decided by mpmath.

    With 64 bits in longdouble it is 2**-7 for float64 and 2**-36 for float32; where the estimate
    is no better than the format, everything is in doubt.
    """
    if not _decides(name, row):
        return float("inf")
    return float(ROWS[name].error * 2.0**row.precision)


def _decides(name: str, row: Format) -> bool:
    enough = 2.0 ** -(row.precision + _SPARE - 4)
    return WIDE_PRECISION >= row.precision + _SPARE and ROWS[name].error <= enough


class Estimate(NamedTuple):
    """The values of a function at flat operands, and where they are prescribed instead."""

    name: str
    operands: list[Array]
    special: Special
    value: Array


def filtered(name: str, operands: Sequence[Array]) -> Estimate:
    """The estimates for flat operands of one float dtype."""
    function = ROWS[name]
    with np.errstate(all="ignore"):
        prescribed = special(name, *operands)
        ready = [
            np.where(prescribed.mask, WIDE(harmless), one.astype(WIDE))
            for one, harmless in zip(operands, function.harmless, strict=True)
        ]
        value = _saturated(function.saturates, function.estimate(*ready))
    return Estimate(name, list(operands), prescribed, value)


def _saturated(saturates: str | None, value: Array) -> Array:
    """Values that a function never reaches, moved to the side on which the true value lies."""
    edge = np.nextafter(WIDE(1), WIDE(0))
    if saturates == "both":
        value = np.minimum(value, edge)
    return value if saturates is None else np.asarray(np.maximum(value, -edge))


def distances(known: Estimate, got: Array) -> tuple[Array, Array]:
    """Real-valued ulp distance of each result (float64), and where it is too close to call.

    Prescribed elements have distance 0 (bits as prescribed) or inf; so have those whose value
    overflows.
    """
    row = FORMATS[got.dtype.name]
    value, function = known.value, ROWS[known.name]
    if not _decides(known.name, row):
        return _undecided(known, got)
    with np.errstate(all="ignore"):
        ulps = ulp_of_wide(got, value)
        top = np.ldexp(WIDE(1), row.emax + 1)
        if row.infinite:
            right = np.asarray(widened(got) == np.copysign(np.inf, value))
            ulps = np.where(np.abs(value) >= top, np.where(right, 0.0, np.inf), ulps)
        mantissa = np.abs(np.frexp(value)[0])
        margin = WIDE(4 * function.error)
        near_power = (mantissa > 1 - margin) | (mantissa < WIDE(0.5) + margin)
        at_top = near_power & (np.abs(np.abs(value) / top - 1) < 2 * margin)
        below_one = np.abs(value) < 1
        if function.saturates is not None:  # the side of 1 is known
            settled = below_one & (np.abs(value) > WIDE(0.75))
            near_power &= ~(settled & ((value < 0) | (function.saturates == "both")))
    doubtful = at_top | (near_power & (ulps > 0.25) & (ulps < 4))
    return _with_prescribed(known, got, ulps), np.asarray(doubtful & ~known.special.mask)


def _undecided(known: Estimate, got: Array) -> tuple[Array, Array]:
    nothing = np.full(got.shape, np.nan)
    return _with_prescribed(known, got, nothing), np.asarray(~known.special.mask)


def _with_prescribed(known: Estimate, got: Array, ulps: Array) -> Array:
    right = FORMATS[got.dtype.name].to_bits(got) == known.special.bits
    return np.asarray(np.where(known.special.mask, np.where(right, 0.0, np.inf), ulps))


def estimated(name: str, operands: Sequence[Array]) -> Array:
    """The estimates rounded to the operands' dtype, and the prescribed results.

    At most one result in 2**(64 - precision - 4) is not the nearest, by one unit in the last
    place.  Operands have one float dtype and one shape.
    """
    row = FORMATS[operands[0].dtype.name]
    known = filtered(name, [one.reshape(-1) for one in operands])
    with np.errstate(all="ignore"):
        rounded = from_wide(known.value, row.name)
    bits = np.where(known.special.mask, known.special.bits, row.to_bits(rounded))
    return row.from_bits(bits).reshape(operands[0].shape)


def correctly_rounded(name: str, operands: Sequence[Array]) -> Array:
    """The correctly rounded results for operands of one float dtype and one shape."""
    flat = [one.reshape(-1) for one in operands]
    size, dtype = flat[0].size, flat[0].dtype
    parts = [
        _round_chunk(name, [one[k : k + CHUNK] for one in flat]) for k in range(0, size, CHUNK)
    ]
    joined = np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
    return np.asarray(joined.reshape(operands[0].shape))


def _round_chunk(name: str, operands: list[Array]) -> Array:
    row = FORMATS[operands[0].dtype.name]
    bits = row.to_bits(estimated(name, operands)).copy()
    known = filtered(name, operands)
    ulps, doubtful = distances(known, row.from_bits(bits))
    unproved = (doubtful | ~(ulps < 0.5 - doubt(name, row))) & ~known.special.mask
    operand_bits = [row.to_bits(one) for one in operands]
    for k in np.flatnonzero(unproved).tolist():
        words = tuple(int(one[k]) for one in operand_bits)
        bits[k] = row.round(true_value(name, row, words))
    return row.from_bits(bits)


def evaluate(name: str, *operands: Array) -> Array:
    """A function, correctly rounded, of operands of any dtype: they are promoted to a float."""
    dtype = to_float(promote(*(one.dtype.name for one in operands)))
    converted = [convert(one, dtype) for one in operands]
    return correctly_rounded(name, [np.asarray(one) for one in np.broadcast_arrays(*converted)])


FUNCTIONS: dict[str, Callable[..., Array]] = {name: partial(evaluate, name) for name in ROWS}
