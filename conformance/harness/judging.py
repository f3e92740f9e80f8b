"""Judging: the outputs of one program on several subjects, element by element.

Every output that the row under test makes is judged by the oracles; other outputs must have the
bits of the reference; and all devices must give the same bits.  A failure carries its certificate
and the smallest case that still shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conformance.harness.calls import same_call
from conformance.harness.case import Case, Statement, print_statement
from conformance.harness.draws import as_input
from conformance.harness.evidence import Evidence, edges_of, measured
from conformance.harness.plan import Batch
from conformance.harness.plans.elementwise import is_elementwise
from conformance.harness.subject import NotAvailable, ReferenceSubject, Subject
from oracles import accept
from oracles.accept import Judgement
from oracles.catalog import OPEN, OUTPUT, ROWS, Exactness
from oracles.formats import FORMATS, Array
from reports.records import FailureRecord

Outputs = Sequence[bytes]


@dataclass(frozen=True)
class Failure:
    """Wrong elements of one output on one device.  `case` is minimal where that is possible."""

    op: str
    dtypes: tuple[str, ...]
    device: str
    count: int
    message: str
    case: Case
    certificate: str = ""
    operands: tuple[str, ...] = ()
    exact: str = ""
    accepted: tuple[str, ...] = ()
    ulp: str = ""
    bits: Mapping[str, str] | None = None
    verdict: str = "fail"
    total: int = 0
    exactness: str = ""

    def record(self, file: str) -> FailureRecord:
        """As it is written down; `file` is where the case is."""
        return FailureRecord(
            self.op, self.dtypes, self.device, self.verdict, file, self.message, self.operands,
            self.exact, self.accepted, self.ulp, dict(self.bits or {}), self.count, self.total,
            self.exactness,
        )  # fmt: skip


@dataclass(frozen=True)
class Verdicts:
    """One batch on one device: elements judged, what was wrong, and what was seen."""

    elements: int
    failures: tuple[Failure, ...]
    evidence: Evidence


def as_array(data: bytes, due: Array) -> Array | None:
    """Output bytes in dtype and shape of the reference; None if their number is wrong."""
    row = FORMATS[due.dtype.name]
    if len(data) != due.size * row.bits // 8:
        return None
    words = np.frombuffer(data, dtype=row.unsigned.newbyteorder("<"))
    return row.from_bits(words.astype(row.unsigned, copy=False).reshape(due.shape))


def companions(case: Case, value: int) -> dict[int, int]:
    """Other results of the call that made an output: where among the outputs, by their numbers.

    Only of classes that judge the results of a call by one another.
    """
    statement = case.statement_of(value)
    if statement is None or ROWS[statement.op].exactness is not Exactness.BACKWARD:
        return {}
    found: dict[int, int] = {}
    for position, other in enumerate(case.outputs):
        twin = case.statement_of(other)
        if other != value and twin is not None and same_call(twin) == same_call(statement):
            found[twin.attributes[OUTPUT]] = position  # type: ignore[index]
    return found


def judge_batch(batch: Batch, outputs: Mapping[str, Outputs]) -> dict[str, Verdicts]:
    """The verdict for each device from the outputs that all of them gave."""
    values = ReferenceSubject().evaluate(batch.case)
    failures: dict[str, list[Failure]] = {device: [] for device in outputs}
    evidence = {device: Evidence() for device in outputs}
    for k, value in enumerate(batch.case.outputs):
        given = {device: bits[k] for device, bits in outputs.items() if k < len(bits)}
        beside = {device: beside_of(batch.case, value, outputs[device]) for device in given}
        wrong, seen = _judge_output(batch, value, values, given, beside)
        for device, failure in wrong.items():
            failures[device].append(failure)
        for device, found in seen.items():
            evidence[device].add(found)
    judged: dict[str, Verdicts] = {}
    for device, bits in outputs.items():
        found_here = failures[device]
        if len(bits) != len(batch.case.outputs):
            text = f"{len(bits)} outputs instead of {len(batch.case.outputs)}"
            found_here.append(Failure(batch.op, batch.dtypes, device, 1, text, batch.case))
        elements = sum(values[v].size for v in batch.case.outputs[: len(bits)])
        judged[device] = Verdicts(elements, tuple(found_here), evidence[device])
    return judged


Beside = tuple[tuple[int, int, bytes], ...]
"""Companions of an output: number, value and bytes."""


def beside_of(case: Case, value: int, outputs: Outputs) -> Beside:
    """The companions of an output in what a device gave."""
    found = companions(case, value).items()
    return tuple((n, case.outputs[at], outputs[at]) for n, at in found if at < len(outputs))


def _as_arrays(beside: Beside, values: Sequence[Array]) -> dict[int, Array]:
    """Companions that have the number of bytes that they must have."""
    arrays = {number: as_array(data, values[value]) for number, value, data in beside}
    return {number: array for number, array in arrays.items() if array is not None}


def _judge_output(
    batch: Batch,
    value: int,
    values: Sequence[Array],
    given: Mapping[str, bytes],
    beside: Mapping[str, Beside],
) -> tuple[dict[str, Failure], dict[str, Evidence]]:
    """What is wrong with one output and what was seen, by device; equal bytes are judged once."""
    known: dict[tuple[bytes, Beside], tuple[Failure | None, Evidence]] = {}
    failures: dict[str, Failure] = {}
    evidence: dict[str, Evidence] = {}
    edges = _edges(batch, value, values)
    for device, data in given.items():
        key = data, beside[device]
        if key not in known:
            known[key] = _judge_bytes(batch, value, values, device, data, given, beside[device])
        failure, seen = known[key]
        evidence[device] = replace(seen, edges=edges)
        if failure is not None:
            failures[device] = replace(failure, device=device)
    accepted = {device: data for device, data in given.items() if device not in failures}
    if len(set(accepted.values())) > 1:
        for device in minority(accepted):
            failures[device] = _disagreement(batch, value, values, device, accepted)
    return failures, evidence


def _edges(batch: Batch, value: int, values: Sequence[Array]) -> Counter[str]:
    """The edge classes of the operands of an output that the row under test makes."""
    statement = batch.case.statement_of(value)
    if statement is None or statement.op != batch.op:
        return Counter()
    return edges_of([values[k] for k in statement.operands])


def minority(given: Mapping[str, bytes]) -> list[str]:
    """The devices that do not give what most give; all of them where no answer has a majority."""
    votes = Counter(given.values())
    (answer, count), *_ = votes.most_common(1)
    if 2 * count <= len(given):
        return list(given)
    return [device for device, data in given.items() if data != answer]


def _judge_bytes(
    batch: Batch,
    value: int,
    values: Sequence[Array],
    device: str,
    data: bytes,
    given: Mapping[str, bytes],
    beside: Beside,
) -> tuple[Failure | None, Evidence]:
    due = values[value]
    got = as_array(data, due)
    case = batch.case
    if got is None:
        text = f"{len(data)} bytes do not make {due.dtype}{list(due.shape)}"
        return _whole(batch, value, device, text), Evidence()
    statement = case.statement_of(value)
    if statement is None or statement.op != batch.op:
        return _compare(batch, value, due, got, device, given), Evidence()
    operands = [values[k] for k in statement.operands]
    judgement = accept.judge(
        statement.op, operands, statement.attributes, got, beside=_as_arrays(beside, values)
    )
    seen = measured(judgement)
    if judgement.passed:
        return None, seen
    wrong = np.flatnonzero(~judgement.ok.reshape(-1))
    if not wrong.size:
        return _whole(batch, value, device, str(judgement.problem)), seen
    place = int(wrong[0])
    certificate = judgement.certificate(place)
    failure = Failure(
        batch.op, batch.dtypes, device, int(wrong.size),
        f"{print_statement(statement)}: {wrong.size} of {due.size} elements, first at {place}",
        single(statement, operands, place, case, value),
        certificate.text(), certificate.inputs, certificate.exact, certificate.accepted,
        "" if certificate.ulp is None else f"{certificate.ulp:.6g}",
        {**_bits_at(given, due, place), **certificate.references},
        total=due.size, exactness=certificate.exactness,
    )  # fmt: skip
    return failure, seen


def _whole(batch: Batch, value: int, device: str, text: str) -> Failure:
    """An output that is wrong as a whole."""
    case = replace(batch.case, outputs=(value,))
    return Failure(batch.op, batch.dtypes, device, 1, text, case)


def _compare(
    batch: Batch, value: int, due: Array, got: Array, device: str, given: Mapping[str, bytes]
) -> Failure | None:
    """An output that another row made must have the bits of the reference."""
    row = FORMATS[due.dtype.name]
    wrong = np.flatnonzero((row.to_bits(due) != row.to_bits(got)).reshape(-1))
    if not wrong.size:
        return None
    place = int(wrong[0])
    bits = {**_bits_at(given, due, place), "numpy": _hex(due, place)}
    text = f"%{value}: {wrong.size} of {due.size} elements differ from the reference"
    case = replace(batch.case, outputs=(value,))
    return Failure(batch.op, batch.dtypes, device, int(wrong.size), text, case, bits=bits,
                   total=due.size)  # fmt: skip


def _disagreement(
    batch: Batch, value: int, values: Sequence[Array], device: str, given: Mapping[str, bytes]
) -> Failure:
    """Bits that the oracles accept, and that another device does not give."""
    due = values[value]
    other = next(name for name, data in given.items() if data != given[device])
    size = max(1, len(given[device]) // max(1, due.size))
    pairs = zip(range(due.size), range(0, len(given[device]), size))
    place = next(
        (k for k, at in pairs if given[device][at : at + size] != given[other][at : at + size]), 0
    )
    bits = _bits_at(given, due, place)
    text = f"%{value}: the bits of {device} and {other} differ, first at element {place}"
    statement = batch.case.statement_of(value)
    case = replace(batch.case, outputs=(value,))
    if statement is not None:
        operands = [values[k] for k in statement.operands]
        case = single(statement, operands, place, batch.case, value)
    return Failure(batch.op, batch.dtypes, device, 1, text, case, bits=bits, total=due.size)


def _hex(array: Array, place: int) -> str:
    row = FORMATS[array.dtype.name]
    return row.hex(int(row.to_bits(array).reshape(-1)[place]))


def _bits_at(given: Mapping[str, bytes], due: Array, place: int) -> dict[str, str]:
    found = {}
    for device, data in given.items():
        array = as_array(data, due)
        found[device] = "missing" if array is None else _hex(array, place)
    return found


def single(
    statement: Statement, operands: Sequence[Array], place: int, case: Case, value: int
) -> Case:
    """The failing element alone where the row is elementwise, else its statement alone.

    Inputs that were constants stay constants where they are small enough.
    """
    if not is_elementwise(statement.op):
        return alone(statement, operands)
    arrays = np.broadcast_arrays(*operands)
    items = []
    for k, array in zip(statement.operands, arrays):
        row = FORMATS[array.dtype.name]
        bits = row.to_bits(array).reshape(-1)[place : place + 1]
        constant = k < len(case.inputs) and case.inputs[k].const
        items.append(as_input(row.name, bits, (1,), constant))
    return Case(tuple(items), (_renumbered(statement),), (len(items),))


def alone(statement: Statement, operands: Sequence[Array]) -> Case:
    """One statement on its operands as contiguous buffers, and its companions beside it."""
    items = []
    for array in operands:
        row = FORMATS[array.dtype.name]
        items.append(as_input(row.name, row.to_bits(array), array.shape))
    call = _renumbered(statement)
    calls = [call]
    if ROWS[call.op].exactness is Exactness.BACKWARD:
        others = (k for k in range(ROWS[call.op].outputs) if k != call.attributes[OUTPUT])
        calls += [replace(call, attributes={**call.attributes, OUTPUT: k}) for k in others]
    outputs = range(len(items), len(items) + len(calls))
    return Case(tuple(items), tuple(calls), tuple(outputs))


def _renumbered(statement: Statement) -> Statement:
    count = len(statement.operands)
    return Statement(statement.op, tuple(range(count)), statement.attributes)


def minimised(failure: Failure, batch: Batch, subject: Subject) -> Failure:
    """The failure with the small case if that fails too, else with the whole program."""
    case = failure.case if still_fails(failure.case, subject) else batch.case
    return replace(failure, case=described(case, failure))


def described(case: Case, failure: Failure) -> Case:
    """The case with notes for a reader, and the reference's bits as expected ones."""
    notes = [failure.message, *failure.certificate.splitlines()]
    try:
        expected: tuple[bytes | None, ...] = tuple(ReferenceSubject().run(case))
    except (ValueError, TypeError, IndexError):
        expected = ()
    if _is_uncertain(case):
        expected = ()
    return replace(case, expected=expected, devices=(failure.device,)).with_notes(*notes)


def _is_uncertain(case: Case) -> bool:
    return any(ROWS[s.op].exactness in OPEN for s in case.statements)


def still_fails(case: Case, subject: Subject) -> bool:
    """Whether the subject gives a wrong result, or none, for a case."""
    try:
        return bool(judge_case(case, subject.run(case)))
    except NotAvailable:
        return False
    except Exception:  # noqa: BLE001 - any error of generated code is a failure here
        return True


def judge_case(case: Case, outputs: Outputs) -> list[str]:
    """What is wrong with the outputs of any program, as text; empty if nothing is.

    Each output is judged as the result of its last statement on the reference's operands; where a
    row whose last bit is open lies further upstream only expected bits can judge, and those always
    do.
    """
    values = ReferenceSubject().evaluate(case)
    uncertain = tainted(case)
    if len(outputs) != len(case.outputs):
        return [f"{len(outputs)} outputs instead of {len(case.outputs)}"]
    problems = []
    for k, (value, data) in enumerate(zip(case.outputs, outputs)):
        claimed = case.expected[k] if case.expected else None
        statement = case.statement_of(value)
        problem = None
        if statement is not None and not any(j in uncertain for j in statement.operands):
            beside = beside_of(case, value, outputs)
            problem = refused(statement, value, values, data, beside)
        if problem is None and claimed is not None and claimed != data:
            problem = _differs(value, claimed, data, values[value])
        if problem is not None:
            problems.append(problem)
    return problems


def refused(
    statement: Statement, value: int, values: Sequence[Array], data: bytes, beside: Beside
) -> str | None:
    """What the oracles say against the output of one statement."""
    judgement = judged(statement, value, values, data, beside)
    if judgement is None:
        return f"output %{value}: {len(data)} bytes for {values[value].shape}"
    if judgement.passed:
        return None
    wrong = np.flatnonzero(~judgement.ok.reshape(-1))
    return judgement.certificate(int(wrong[0])).text() if wrong.size else str(judgement.problem)


def judged(
    statement: Statement, value: int, values: Sequence[Array], data: bytes, beside: Beside
) -> Judgement | None:
    """The oracles' judgement of the output of one statement; None for a wrong number of bytes."""
    got = as_array(data, values[value])
    if got is None:
        return None
    operands = [values[j] for j in statement.operands]
    return accept.judge(
        statement.op, operands, statement.attributes, got, beside=_as_arrays(beside, values)
    )


def _differs(value: int, claimed: bytes, data: bytes, due: Array) -> str:
    size = due.dtype.itemsize
    places = range(0, len(claimed), size)
    first = next((k for k in places if claimed[k : k + size] != data[k : k + size]), len(claimed))
    word, got = claimed[first : first + size][::-1].hex(), data[first : first + size][::-1].hex()
    return f"output %{value}, element {first // size}: expected {word or 'no more'}, got {got}"


def tainted(case: Case) -> set[int]:
    """The values that depend on a function or formula whose last bit no reference knows."""
    found: set[int] = set()
    for k, statement in enumerate(case.statements, len(case.inputs)):
        uncertain = ROWS[statement.op].exactness in OPEN
        if uncertain or any(j in found for j in statement.operands):
            found.add(k)
    return found
