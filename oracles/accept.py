"""Judging: which elements of a result are acceptable, and why.

Six classes (see `catalog.Exactness`):

* bits: the bits of the numpy reference;
* rounded: each element proved correctly rounded by exact arithmetic;
* faithful: prescribed special values, else at most the row's bound in real-valued ulps, and the
  even one of two where that bound is a correct rounding;
* ordered: the bits of the reference that repeats the order of accumulation, and that reference
  within gamma_n * sum|x| of the exact result;
* backward: the properties of a result, and how near the matrix is of which it has them exactly;
* composite: within the row's bound of the published formula on real numbers, on the row's domain;
  that devices agree in every bit is judged where their results meet.

A computed NaN must be the canonical one; a moved NaN keeps its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from oracles import backward, composite, exact_fast, mpmath_ref, numpy_ref
from oracles.bounds import broken_bounds
from oracles.case import Case
from oracles.catalog import CORRECTLY_ROUNDED, ROWS, Exactness, result_dtype
from oracles.certificate import Certificate, certify
from oracles.formats import FORMATS, Array

CONFIRMED_FAILURES = 256
"""Failing faithful elements that mpmath confirms; the filter alone decides beyond that."""


@dataclass
class Judgement:
    """The verdict on one result.

    `ok` has the shape of the result that was due.  `ulp` is None for the classes bits and
    ordered; for rounded it is 0.5 when all is well, else the greatest distance among the first
    failures; for faithful, composite and backward (in their units) the greatest distance of all.
    `ulps` are the distances of all elements, flat, where the judge measures each of them; NaN where
    a row leaves an element alone.  `problem` says what is wrong with the whole (dtype,
    shape, a bound that the reference itself breaks).
    """

    case: Case
    ok: Array
    ulp: float | None = None
    problem: str | None = None
    given: Array | None = field(default=None, repr=False)
    ulps: Array | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """True when every element is acceptable."""
        return self.problem is None and bool(self.ok.all())

    @cached_property
    def reference(self) -> Array:
        """The reference result: exact where the class has an exact oracle, else numpy's."""
        return self.given if self.given is not None else _reference(self.case)

    def certificate(self, index: int | tuple[int, ...]) -> Certificate:
        """The evidence on one element, by flat position or by multi-index."""
        return certify(self.case, self.reference, self.ok, self.problem, index)


def judge(
    name: str,
    args: list[Array],
    attrs: Mapping[str, Any],
    got: Array,
    reference: Array | None = None,
    beside: Mapping[int, Array] | None = None,
) -> Judgement:
    """Judge `got` as the result of row `name`; `beside` are other results of the same call.

    `reference`, if given, stands in for the numpy reference of the classes bits and ordered (a
    result already at hand, or an outside oracle's): there NaN is one class against NaN, but a
    computed one must still be canonical in `got`.
    """
    arrays = [np.asarray(one) for one in args]
    case = Case(name, arrays, attrs, np.asarray(got), beside or {})
    dtype = result_dtype(name, case.dtypes, attrs)
    if case.got.dtype != FORMATS[dtype].numpy_dtype:
        return _refused(case, reference, f"dtype {case.got.dtype} instead of {dtype}")
    return _JUDGES[case.exactness](case, reference)


def _refused(case: Case, reference: Array | None, problem: str) -> Judgement:
    """A result that cannot be compared at all."""
    due = _reference(case) if reference is None else reference
    return Judgement(case, np.zeros(due.shape, dtype=bool), None, problem, due)


def _misshapen(case: Case, due: tuple[int, ...]) -> str | None:
    return None if case.got.shape == due else f"shape {case.got.shape} instead of {due}"


def _reference(case: Case) -> Array:
    if case.exactness is Exactness.FAITHFUL:
        return mpmath_ref.correctly_rounded(case.name, case.converted)
    if case.exactness is Exactness.ROUNDED:
        target = result_dtype(case.name, case.dtypes, case.attrs)
        return exact_fast.correctly_rounded(case.operation, case.converted, target).values
    if case.exactness is Exactness.COMPOSITE:
        return composite.reference(case.composed)
    return numpy_ref.evaluate(case.name, case.args, case.attrs)


def same_bits(case: Case, due: Array) -> Array:
    """Equal bits; for a computing row any NaN in `due` asks for the canonical NaN."""
    row = FORMATS[case.got.dtype.name]
    got_bits, due_bits = row.to_bits(case.got), row.to_bits(due)
    equal = np.asarray(got_bits == due_bits)
    if row.canonical_nan is None or not ROWS[case.name].computing:
        return equal
    if case.name == "cast" and case.dtypes[0] == row.name:
        return equal
    canonical = got_bits == row.unsigned.type(row.canonical_nan)
    return np.asarray(np.where(row.is_nan(due_bits), canonical, equal))


def _judge_bits(case: Case, reference: Array | None) -> Judgement:
    due = _reference(case) if reference is None else reference
    problem = _misshapen(case, due.shape)
    if problem is not None:
        return _refused(case, due, problem)
    return Judgement(case, same_bits(case, due), None, None, due)


def _judge_rounded(case: Case, reference: Array | None) -> Judgement:
    """Prove what the subject gave; numpy is asked only about what cannot be proved."""
    operands, got = case.converted, case.got
    problem = _misshapen(case, operands[0].shape)
    if problem is not None:
        return _refused(case, None, problem)
    flat = [np.ascontiguousarray(one).reshape(-1) for one in operands]
    results = np.ascontiguousarray(got).reshape(-1)
    ok = np.empty(results.shape, dtype=bool)
    for begin in range(0, results.size, exact_fast.CHUNK):
        window = slice(begin, begin + exact_fast.CHUNK)
        part = [one[window] for one in flat]
        ok[window] = exact_fast.prove(case.operation, part, results[window])
    failed = np.flatnonzero(~ok)
    ulp: float | None = 0.5
    if failed.size:
        ulp = _recheck_rounded(case.operation, [one[failed] for one in flat], results, failed, ok)
    return Judgement(case, ok.reshape(got.shape), ulp)


def _recheck_rounded(
    name: str, operands: list[Array], results: Array, failed: Array, ok: Array
) -> float | None:
    """Compare what was not proved with the exact result; the greatest distance in a sample."""
    from oracles.certificate import rounded_ulp

    row = FORMATS[results.dtype.name]
    right = exact_fast.correctly_rounded(name, operands, row.name).values
    equal = row.to_bits(right) == row.to_bits(results[failed])
    ok[failed] = equal
    if not row.is_float or equal.all():
        return 0.5
    source = FORMATS[operands[0].dtype.name]
    bits = [source.to_bits(one) for one in operands]
    got_bits = row.to_bits(results[failed])
    sample = np.flatnonzero(~equal)[:CONFIRMED_FAILURES].tolist()
    return max(
        rounded_ulp(name, source, row, tuple(int(one[k]) for one in bits), int(got_bits[k]))
        for k in sample
    )


def _judge_faithful(case: Case, reference: Array | None) -> Judgement:
    operands, got = case.converted, case.got
    problem = _misshapen(case, operands[0].shape)
    if problem is not None:
        return _refused(case, None, problem)
    flat = [one.reshape(-1) for one in operands]
    results = np.ascontiguousarray(got).reshape(-1)
    row = FORMATS[got.dtype.name]
    bound = ROWS[case.name].bound_ulp[row.name]
    ulps = np.empty(results.shape)
    for begin in range(0, results.size, mpmath_ref.CHUNK):
        window = slice(begin, begin + mpmath_ref.CHUNK)
        known = mpmath_ref.filtered(case.name, [one[window] for one in flat])
        ulps[window], doubtful = mpmath_ref.distances(known, results[window])
        near = np.abs(ulps[window] - bound) <= mpmath_ref.doubt(case.name, row)
        open_ones = doubtful | (near & ~known.special.mask)
        _confirm(case.name, flat, results, ulps, np.flatnonzero(open_ones) + begin)
    beyond = np.flatnonzero((ulps > bound) & np.isfinite(ulps))[:CONFIRMED_FAILURES]
    _confirm(case.name, flat, results, ulps, beyond)
    ok = ulps <= bound
    if bound == CORRECTLY_ROUNDED:
        ties = np.flatnonzero(ulps == CORRECTLY_ROUNDED)
        due = mpmath_ref.correctly_rounded(case.name, [one[ties] for one in flat])
        ok[ties] = row.to_bits(results[ties]) == row.to_bits(due)
    worst = float(ulps.max()) if ulps.size else 0.0
    return Judgement(case, ok.reshape(got.shape), worst, ulps=ulps)


def _confirm(
    name: str, operands: list[Array], results: Array, ulps: Array, positions: Array
) -> None:
    """Replace the estimate's distances by mpmath's, in place."""
    row = FORMATS[results.dtype.name]
    operand_bits = [row.to_bits(one[positions]) for one in operands]
    got_bits = row.to_bits(results[positions])
    for k, position in enumerate(positions.tolist()):
        words = tuple(int(one[k]) for one in operand_bits)
        ulps[position] = mpmath_ref.exact_distance(name, row, words, int(got_bits[k]))


def _judge_ordered(case: Case, reference: Array | None) -> Judgement:
    judged = _judge_bits(case, reference)
    if judged.problem is not None:
        return judged
    broken = broken_bounds(case, judged.reference)
    if broken.any():
        judged.problem = f"the reference breaks its error bound at {np.flatnonzero(broken)[:4]}"
        judged.ok &= ~broken
    return judged


def _judge_composite(case: Case, reference: Array | None) -> Judgement:
    known = case.composed
    problem = _misshapen(case, known.value.shape)
    if problem is not None:
        return _refused(case, None, problem)
    bounds = ROWS[case.name].bound_ulp
    ok, units = composite.judged(known, case.args, case.attrs, case.got, bounds)
    row = FORMATS[case.got.dtype.name]
    nans = row.is_nan(row.to_bits(case.got))
    ok &= ~nans | (row.to_bits(case.got) == row.unsigned.type(row.canonical_nan or 0))
    worst = float(np.nanmax(units)) if np.any(~np.isnan(units)) else 0.0
    return Judgement(case, ok, worst, ulps=units)


def _judge_backward(case: Case, reference: Array | None) -> Judgement:
    due = _reference(case) if reference is None else reference
    problem = _misshapen(case, due.shape)
    if problem is not None:
        return _refused(case, due, problem)
    row = FORMATS[case.got.dtype.name]
    units = backward.distances(case)
    ok = np.asarray(np.isnan(units) | (units <= ROWS[case.name].bound_ulp[row.name]))
    bits = row.to_bits(case.got)
    ok &= ~row.is_nan(bits) | (bits == row.unsigned.type(row.canonical_nan or 0))
    worst = float(np.nanmax(units)) if np.any(~np.isnan(units)) else 0.0
    return Judgement(case, ok, worst, None, due, units)


_JUDGES: dict[Exactness, Callable[[Case, Array | None], Judgement]] = {
    Exactness.BITS: _judge_bits,
    Exactness.ROUNDED: _judge_rounded,
    Exactness.FAITHFUL: _judge_faithful,
    Exactness.ORDERED: _judge_ordered,
    Exactness.COMPOSITE: _judge_composite,
    Exactness.BACKWARD: _judge_backward,
}
