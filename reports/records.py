"""Result records: what a run of the harness writes and every report reads.

One JSON object a line.  `version` and `kind` are in each; the other fields are those of the
dataclass of that kind.  Records may come from a stranger: reading checks every field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args, get_type_hints

VERSION = 2
VERDICTS = ("pass", "fail", "known", "unspecified", "crash", "timeout", "not run")
ULP_BINS = (
    "0", "0.5", "0.55", "0.6", "0.65", "0.7", "0.75", "0.8", "0.85", "0.9", "0.95", "1", "2", "4",
    "more",
)  # fmt: skip
"""Distances from the exact value are counted by their upper limit, in ulp."""
MAX_LINE = 1 << 20
MAX_ENTRIES = 1024  # of a list or a mapping
MAX_INTEGER = 1 << 64
MAX_SECONDS = 1e10


@dataclass(frozen=True)
class RunRecord:
    """What ran: the seed of all generated values, versions, devices, seconds.

    `device_seconds` is what each device took to build, compile and run, in all processes together.
    """

    seed: int
    plan: str
    devices: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    complete: bool = True
    device_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CellRecord:
    """One operator with the dtypes of its operands on one device.

    `planned` batches were to run and `cases` did; `elements` results were judged.  `coverage`
    counts batches by how they were laid out.  Whatever is not `pass` says why in `reason`, and
    what did not run says in `remedy` what would help.

    `family` and `exactness` are those of the catalog.  `edges` counts elements of operands by
    "dtype class", `ulps` results by the bins of ULP_BINS.  Where distances are measured,
    `worst_ulp` is the greatest, at `worst_operands`, with `worst_bits` as the result, and
    `bound_ulp` is what is accepted; all of these are texts.
    """

    op: str
    dtypes: tuple[str, ...]
    device: str
    verdict: str
    planned: int
    cases: int
    elements: int
    failures: int = 0
    reason: str = ""
    remedy: str = ""
    coverage: Mapping[str, int] = field(default_factory=dict)
    family: str = ""
    exactness: str = ""
    bound_ulp: str = ""
    edges: Mapping[str, int] = field(default_factory=dict)
    ulps: Mapping[str, int] = field(default_factory=dict)
    worst_ulp: str = ""
    worst_operands: tuple[str, ...] = ()
    worst_bits: str = ""


@dataclass(frozen=True)
class FailureRecord:
    """The certificate of one wrong result, and the case file that shows it again.

    `bits` are the words of every device and reference for the element whose `operands`, `exact`
    value and `accepted` words are given.  `count` of the `total` elements of its output are wrong.
    """

    op: str
    dtypes: tuple[str, ...]
    device: str
    verdict: str
    case: str
    message: str
    operands: tuple[str, ...] = ()
    exact: str = ""
    accepted: tuple[str, ...] = ()
    ulp: str = ""
    bits: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    total: int = 0
    exactness: str = ""


@dataclass(frozen=True)
class SweepRecord:
    """A function of floats on many of its operands, measured against the true value.

    `subject` is the device or the library that computed, `identity` a digest of what it computed
    with. `plan` says which operands there are to be; `parts` of `of` parts of it are counted here,
    from part `begin` on.

    The results of `special` of the `elements` are prescribed, and `wrong_special` of these are
    others. `ulps` counts all others by the bins of ULP_BINS, `rounded` those that are correctly
    rounded. `failures` are wrong or beyond `bound_ulp`, where there is a bound. `decided` were left
    to mpmath. `worst` are the farthest results: ulp, operands and result, as "0.5 0x3c00 0x3c01".
    """

    op: str
    dtype: str
    subject: str
    identity: str
    plan: str
    begin: int
    parts: int
    of: int
    elements: int
    special: int
    wrong_special: int
    rounded: int
    failures: int
    decided: int
    ulps: Mapping[str, int]
    worst: tuple[str, ...] = ()
    bound_ulp: str = ""
    seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def measured(self) -> int:
        """The elements whose distance counts."""
        return self.elements - self.special

    @property
    def complete(self) -> bool:
        """Whether nothing of the plan is left."""
        return self.parts == self.of


Record = RunRecord | CellRecord | FailureRecord | SweepRecord
_KINDS: dict[str, type[Record]] = {
    "run": RunRecord, "cell": CellRecord, "failure": FailureRecord, "sweep": SweepRecord,
}  # fmt: skip
_NUMBER = r"(?:[0-9]{1,32}(?:\.[0-9]{1,32})?(?:e[+-][0-9]{1,3})?|inf)"
_DISTANCE = re.compile(_NUMBER, re.ASCII)
_WORST = re.compile(rf"{_NUMBER}(?: 0x[0-9a-f]{{1,16}}){{2,3}}", re.ASCII)
# The type of each field, which the annotations name in text.
_HINTS = {kind: get_type_hints(kind) for kind in _KINDS.values()}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_line(record: Record) -> str:
    """A record as one line of JSON, without the line break."""
    body = {"version": VERSION, "kind": _NAMES[type(record)], **asdict(record)}
    return json.dumps(body, ensure_ascii=True, allow_nan=False)


def from_line(line: str) -> Record:
    """The record of one line; ValueError says what is wrong with it."""
    if len(line) > MAX_LINE:
        raise ValueError(f"a record has at most {MAX_LINE} characters")
    try:
        body = json.loads(line, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("a record nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("a record is a JSON object")
    version = body.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise ValueError(f"only records of version {VERSION} are read here")
    kind = _KINDS.get(str(body.pop("kind", "")))
    if kind is None:
        raise ValueError("an unknown kind of record")
    try:
        record = kind(**_checked(kind, body))
    except TypeError as error:  # a field is missing
        raise ValueError(str(error)) from error
    if isinstance(record, SweepRecord):
        _check_sweep(record)
    elif not isinstance(record, RunRecord):
        _check_verdict(record)
    return record


def _check_verdict(record: CellRecord | FailureRecord) -> None:
    """A verdict that exists and that the counts bear out."""
    if record.verdict not in VERDICTS:
        raise ValueError(f"{record.verdict!r} is not a verdict")
    if isinstance(record, CellRecord):
        _check_distances(record.ulps, record.worst_ulp, record.bound_ulp)
    if record.verdict != "pass":
        return
    if isinstance(record, FailureRecord):
        raise ValueError("a failure does not pass")
    judged = record.elements > 0 and 0 < record.cases == record.planned
    if record.failures or not judged:
        raise ValueError("a cell passes when all its batches were judged and nothing failed")


def _check_sweep(record: SweepRecord) -> None:
    """Counts that can be true together, and texts that mean something."""
    _check_distances(record.ulps, record.bound_ulp)
    if sum(record.ulps.values()) != record.measured:
        raise ValueError("the bins do not add up to the elements that were measured")
    near = record.ulps.get("0", 0) + record.ulps.get("0.5", 0)
    possible = (
        record.wrong_special <= record.special <= record.elements,
        record.rounded <= near,
        record.wrong_special <= record.failures <= record.elements or not record.bound_ulp,
        record.decided <= record.measured,
        0 < record.parts <= record.of - record.begin,
    )
    if not all(possible):
        raise ValueError("a part is greater than the whole")
    if any(not _WORST.fullmatch(text) for text in record.worst):
        raise ValueError("a worst result is a distance and two or three words of bits")


def _check_distances(ulps: Mapping[str, int], *distances: str) -> None:
    """Bins that exist and distances that are numbers."""
    unknown = set(ulps) - set(ULP_BINS)
    if unknown:
        raise ValueError(f"no such bins of distances: {sorted(unknown)}")
    for text in distances:
        if text and not _DISTANCE.fullmatch(text):
            raise ValueError("a distance is a number from 0 on, or inf")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _checked(kind: type[Record], body: Mapping[str, Any]) -> dict[str, Any]:
    hints = _HINTS[kind]
    if unknown := body.keys() - hints.keys():
        raise ValueError(f"unknown fields {sorted(unknown)}")
    try:
        return {name: _value(name, value, hints[name]) for name, value in body.items()}
    except TypeError as error:
        raise ValueError(str(error)) from error


def _value(name: str, value: object, hint: Any) -> object:
    """`value` as its field wants it; the hints are those of the classes above, no others."""
    if hint in (int, float):
        number = isinstance(value, hint) or (hint is float and isinstance(value, int))
        if not number or isinstance(value, bool) or value < 0:  # type: ignore[operator]
            raise ValueError(f"{name} must be a number from 0 on")
        limit = MAX_INTEGER if hint is int else MAX_SECONDS
        if value > limit:  # type: ignore[operator]
            raise ValueError(f"{name} must be at most {limit:g}")
        return value
    if hint is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
        return value
    if hint is str:
        return _text(name, value)
    if str(hint).startswith("tuple"):
        if not isinstance(value, list):
            raise ValueError(f"{name} must be a list of strings")
        _check_size(name, len(value))
        return tuple(_text(name, item) for item in value)
    wanted = get_args(hint)[1]
    if not isinstance(value, dict):
        raise ValueError(f"{name} must map strings to values of type {wanted.__name__}")
    _check_size(name, len(value))
    return {_text(name, key): _value(name, item, wanted) for key, item in value.items()}


def _check_size(name: str, count: int) -> None:
    if count > MAX_ENTRIES:
        raise ValueError(f"{name} has at most {MAX_ENTRIES} entries")


def _text(name: str, value: object) -> str:
    """A string that can be written down again."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"{name} holds half a surrogate pair")
    return value


def read(lines: Iterable[str]) -> Iterator[Record]:
    """The records of a file, blank lines aside; ValueError names the line that is wrong."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield from_line(line)
            except (TypeError, ValueError) as error:
                raise ValueError(f"line {number}: {error}") from error
