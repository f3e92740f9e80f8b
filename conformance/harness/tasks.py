"""Tasks: a few cells that a worker judges, and the lines of JSON that carry them and their results.

Nothing but text and numbers travels, so that a result of a worker is read with the same care as a
record from a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from conformance.harness import plan
from conformance.harness.case import parse_case, print_case
from conformance.harness.check import GROUP_BATCHES, Check, Device
from conformance.harness.judging import Failure
from conformance.harness.plan import Dtypes
from reports.records import CellRecord, FailureRecord, from_line, to_line

Target = tuple[str, Dtypes]
SHARES = 4  # the last tasks get smaller, so that no worker is left alone with a large one
SMALLEST = 8


@dataclass(frozen=True)
class Task:
    """Cells `targets[first:last]` of a run on some of its devices.

    With `alone`, each batch is launched by itself, which names the one that ends the process.
    """

    first: int
    last: int
    devices: tuple[str, ...]
    alone: bool = False


@dataclass(frozen=True)
class Order:
    """What a worker is asked to do: a task in full, the failures to keep and the time it has."""

    targets: Sequence[Target]
    devices: Sequence[str]
    full: bool
    seed: int
    files: int
    alone: bool
    seconds: float | None

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def read_order(line: bytes) -> Order:
    """The order of a line that `Order.line` wrote."""
    body: dict[str, Any] = json.loads(line)
    body["targets"] = [(op, tuple(dtypes)) for op, dtypes in body["targets"]]
    body["devices"] = tuple(body["devices"])
    return Order(**body)


@dataclass(frozen=True)
class Result:
    """What a worker found: `complete` unless the time ended first; seconds of each device."""

    cells: Sequence[CellRecord]
    failures: Sequence[Failure]
    complete: bool
    seconds: Mapping[str, float]


def tasks(targets: Sequence[Target], full: bool, devices: Sequence[str], count: int) -> list[Task]:
    """Consecutive cells of about one launch each, for `count` workers."""
    sizes = [len(plan.names(op, dtypes, full)) for op, dtypes in targets]
    left = sum(sizes)
    found: list[Task] = []
    first = size = 0
    for k, batches in enumerate(sizes, 1):
        size += batches
        share = min(GROUP_BATCHES, max(SMALLEST, left // (SHARES * count)))
        if size >= share:
            found.append(Task(first, k, tuple(devices)))
            left -= size
            first, size = k, 0
    if size:
        found.append(Task(first, len(targets), tuple(devices)))
    return found


def prepared(order: Order, devices: Mapping[str, Device]) -> Check:
    """The check that an order asks for, on the devices of this process."""
    chosen = [devices[name] for name in order.devices]
    return Check(chosen, list(order.targets), order.seed, files=order.files,
                 first=GROUP_BATCHES, alone=order.alone)  # fmt: skip


def result_line(check: Check) -> bytes:
    """The result of a check as a line; `read_result` reads it."""
    failures = [
        {"record": to_line(found.failure.record("")), "case": print_case(found.failure.case),
         "certificate": found.failure.certificate}
        for found in check.found
    ]  # fmt: skip
    cells = [to_line(cell.record()) for cell in check.cells]
    body = {"cells": cells, "failures": failures, "complete": check.complete,
            "seconds": check.seconds}  # fmt: skip
    return json.dumps(body).encode()


def read_result(body: Mapping[str, Any]) -> Result:
    """The result that a line holds; ValueError where it is not one."""
    cells = [record for record in map(from_line, body["cells"]) if isinstance(record, CellRecord)]
    seconds = {str(name): float(value) for name, value in body["seconds"].items()}
    return Result(cells, list(_failures(body["failures"])), bool(body["complete"]), seconds)


def _failures(items: Sequence[Mapping[str, Any]]) -> Iterator[Failure]:
    for item in items:
        record = from_line(item["record"])
        if not isinstance(record, FailureRecord):
            raise ValueError("not a failure")
        yield Failure(
            record.op, record.dtypes, record.device, record.count, record.message,
            parse_case(item["case"]), str(item["certificate"]), record.operands, record.exact,
            record.accepted, record.ulp, record.bits, record.verdict, record.total,
            record.exactness,
        )  # fmt: skip
