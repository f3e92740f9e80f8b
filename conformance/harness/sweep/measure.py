"""One part of a sweep: computed, judged and recorded."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from conformance.harness.devices import versions
from conformance.harness.sweep.operands import Plan
from conformance.harness.sweep.subjects import Subject, subject
from oracles.catalog import CORRECTLY_ROUNDED, ROWS
from oracles.formats import FORMATS, Array
from oracles.mpmath_ref import quick
from oracles.mpmath_ref.proof import exact_distance
from reports.records import ULP_BINS, SweepRecord

LIMITS = tuple(float(name) for name in ULP_BINS[:-1])
CHECKED = 8
"""Random operands of each part at which mpmath looks at the estimates themselves."""


@dataclass(frozen=True)
class Sweep:
    """A function of operands of a plan, computed by a subject, which is given by name."""

    op: str
    plan: Plan
    subject: str

    @property
    def bound(self) -> float:
        """What the catalog accepts, in ulp."""
        return ROWS[self.op].bound_ulp[self.plan.dtype]

    def __str__(self) -> str:
        return f"{self.op} {self.plan.dtype} {self.subject}"


def measure(sweep: Sweep, part: int, computed: Subject | None = None) -> SweepRecord:
    """The record of one part, its identity and versions aside.

    ArithmeticError where the estimates of the judge cannot be trusted; then nothing is known.
    """
    started = time.monotonic()
    computed = computed or subject(sweep.subject)
    operands = sweep.plan.operands(part)
    row, due = FORMATS[sweep.plan.dtype], operands[0]
    got = np.asarray(computed.evaluate(sweep.op, *operands))
    if got.dtype != due.dtype or got.shape != due.shape:
        raise ValueError(f"{sweep}: {got.dtype}{list(got.shape)} for {due.dtype}{list(due.shape)}")
    if not computed.bounded:  # of others NaN is one class
        bits = row.to_bits(got)
        nan = row.unsigned.type(row.canonical_nan or 0)
        got = row.from_bits(np.where(row.is_nan(bits), nan, bits))
    limits = sorted({*LIMITS, sweep.bound})
    counts = quick.count(sweep.op, operands, got, limits)
    places = _looked_at(got, part)
    quick.check_estimates(sweep.op, [one[places] for one in operands])
    ulps = _by_bins(counts.places, limits)
    beyond = int(counts.places[limits.index(sweep.bound) + 1 :].sum())
    if sweep.bound == CORRECTLY_ROUNDED:
        beyond = counts.elements - counts.special - counts.rounded
    failures = counts.wrong_special + beyond if computed.bounded else 0
    return SweepRecord(
        sweep.op, sweep.plan.dtype, computed.name, "", sweep.plan.text, part, 1, sweep.plan.parts,
        counts.elements, counts.special, counts.wrong_special, counts.rounded, failures,
        counts.decided, ulps, _worst(sweep, counts), f"{sweep.bound:g}" if computed.bounded else "",
        round(time.monotonic() - started, 6),
    )  # fmt: skip


def _looked_at(got: Array, part: int) -> Array:
    """Where mpmath looks at the estimates: at random, and where the result is nearest to 0.

    There a function of a large operand has lost most of the digits that its reduction had.
    """
    with np.errstate(invalid="ignore"):  # where NaNs are compared
        size = np.abs(got.astype(np.float64))
        size[~(size > 0)] = np.inf
    random = np.random.default_rng([part, got.size]).integers(0, got.size, CHECKED)
    return np.append(random, np.argmin(size))


def _by_bins(places: Array, limits: list[float]) -> dict[str, int]:
    """Counts by ULP_BINS from those by finer limits."""
    found: Counter[str] = Counter()
    for k, count in enumerate(places.tolist()):
        limit = limits[k] if k < len(limits) else np.inf
        bin_name = ULP_BINS[int(np.searchsorted(LIMITS, limit))]
        if count:
            found[bin_name] += count
    return {name: found[name] for name in ULP_BINS if name in found}


def _worst(sweep: Sweep, counts: quick.Counts) -> tuple[str, ...]:
    """The farthest results; their distances are mpmath's where they are finite."""
    row = FORMATS[sweep.plan.dtype]
    texts = []
    for item in counts.worst:
        ulp = item.ulp
        if np.isfinite(ulp):
            ulp = exact_distance(sweep.op, row, item.operands, item.result)
        words = " ".join(row.hex(word) for word in (*item.operands, item.result))
        texts.append(f"{ulp:.6g} {words}")
    return tuple(texts)


def identified(record: SweepRecord, identity: str) -> SweepRecord:
    """The record with what the results depend on."""
    return replace(record, identity=identity)


def joined(records: list[SweepRecord]) -> SweepRecord:
    """What parts of one sweep say together; they are added in order, whatever order they came in.

    `begin` is 0 in the result, and versions are those of here.
    """
    ordered = sorted(records, key=lambda record: record.begin)
    first = ordered[0]
    ulps: Counter[str] = Counter()
    for record in ordered:
        ulps.update(record.ulps)
    worst = sorted((text for one in ordered for text in one.worst), key=distance, reverse=True)
    totals = {
        name: sum(getattr(record, name) for record in ordered)
        for name in ("parts", "elements", "special", "wrong_special", "rounded", "failures",
                     "decided")
    }  # fmt: skip
    return replace(
        first, begin=0, ulps={name: ulps[name] for name in ULP_BINS if name in ulps},
        worst=tuple(worst[: quick.WORST]), seconds=round(sum(r.seconds for r in ordered), 3),
        versions=versions(), **totals,
    )  # fmt: skip


def distance(worst: str) -> float:
    """The ulp of a worst result."""
    return float(worst.partition(" ")[0])
