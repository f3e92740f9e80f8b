"""The page on accuracy: what sweeps have measured, with numpy and torch beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.records import ULP_BINS, SweepRecord

LIBRARIES = ("numpy", "torch")

_HEAD = """\
# Accuracy

How far functions of floats are from the true value, measured by `lockstep sweep` and written from
its records; nothing here is written by hand. *Max ulp* is the greatest distance in units in
the last place at the true value: 0.5 is a correct rounding. *Rounded* is the share of correctly
rounded results among those that are not prescribed (NaN, infinities, zeros, see
[semantics](semantics.md)). The engine gives the same bits on every device, so one is measured.

"""

_OPERANDS = """\
*Operands* says how many were measured: all bit patterns of the dtype, for `pow` all pairs of them,
or a seeded sample with hard cases, and then the maximum is only what the sample has met. *Special*
counts the results of the libraries that are other than Annex F prescribes, any NaN counting as
right. A library has a star where not all operands were measured, and a dash where it has no such
function or none were; its share has a dash, too, where it is one of a sample and the engine's is
not, since samples favour operands at which functions are hard. Inf is the distance of a NaN, of an
infinity in the place of a number, and of a zero with the wrong sign.

"""


def share(record: SweepRecord) -> str:
    """The correctly rounded part of what is measured, never rounded up to all."""
    if not record.measured:
        return "-"
    if record.rounded == record.measured:
        return "100%"
    return f"{record.rounded * 100_000 // record.measured / 1000:.3f}%"


def render(records: Iterable[SweepRecord]) -> str:
    """The page, in Markdown."""
    found = list(records)
    text = _HEAD + _OPERANDS
    for dtype in sorted({one.dtype for one in found}, key=lambda name: (len(name), name)):
        rows = [one for one in found if one.dtype == dtype]
        text += f"## {dtype}\n\n{_table(rows)}\n{_histogram(rows)}\n"
    return text.rstrip("\n") + "\n"


def _table(records: Sequence[SweepRecord]) -> str:
    head = ["function", "device", "operands", "bound", "max ulp", "at", "rounded"]
    head += [f"{name} {column}" for name in LIBRARIES for column in ("max", "rounded", "special")]
    lines = []
    for record in _engine(records):
        cells = [f"`{record.op}`", record.subject, operands(record), record.bound_ulp,
                 _greatest(record), f"`{_place(record)}`", share(record)]  # fmt: skip
        for name in LIBRARIES:
            other = [r for r in records if r.subject == name and r.op == record.op]
            cells += _library(other[0], record) if other else ["-"] * 3
        lines.append(cells)
    return _markdown(head, lines)


def _library(record: SweepRecord, engine: SweepRecord) -> list[str]:
    """Its maximum, marked where it was measured on fewer operands than there are.

    A share among all operands says nothing about one among the operands of a sample.
    """
    mark = "" if record.plan == "all" and record.complete else "*"
    comparable = (record.plan == "all") == (engine.plan == "all")
    rounded = share(record) if comparable else "-"
    return [_greatest(record) + mark, rounded, f"{record.wrong_special:,}"]


def _histogram(records: Sequence[SweepRecord]) -> str:
    """How many results of the engine are how far, by the upper limit of each bin."""
    engine = _engine(records)
    bins = [name for name in ULP_BINS if any(one.ulps.get(name) for one in engine)]
    head = ["results up to ulp", *bins, "prescribed"]
    lines = [
        [f"`{one.op}`", *(f"{one.ulps.get(name, 0):,}" for name in bins), f"{one.special:,}"]
        for one in engine
    ]
    return _markdown(head, lines)


def _engine(records: Sequence[SweepRecord]) -> list[SweepRecord]:
    found = [one for one in records if one.subject not in LIBRARIES]
    return sorted(found, key=lambda one: (one.op, one.subject))


def operands(record: SweepRecord) -> str:
    """How many operands were measured, in words."""
    if record.plan == "all":
        return f"all {record.elements:,}" if record.complete else f"{record.elements:,}"
    return f"sample of {record.elements:,}"


def _greatest(record: SweepRecord) -> str:
    return record.worst[0].split(" ")[0] if record.worst else "0"


def _place(record: SweepRecord) -> str:
    """The operands of the farthest result."""
    return ", ".join(record.worst[0].split(" ")[1:-1]) if record.worst else "-"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *lines))
