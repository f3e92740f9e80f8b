"""`python -m conformance.mutants [FILE…]`: plants faults, says which tests notice, lists the rest.

Exit code 0 if a test failed at every fault but those known to change nothing, 1 otherwise.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from conformance.mutants.equivalent import known
from conformance.mutants.faults import Fault, faults
from conformance.mutants.judges import ROOT, judges, modules
from conformance.mutants.trial import Outcome, prepare, trial

SLOWER = 3  # times as long as without a fault, and it hangs
SPARE = 5  # seconds


def sample(found: Sequence[Fault], count: int, seed: int) -> list[Fault]:
    """At most `count` faults of every function and every row, in the order of lines."""
    places: dict[str, list[Fault]] = {}
    for fault in found:
        places.setdefault(fault.where, []).append(fault)
    chosen = []
    for where, here in places.items():
        draw = random.Random(f"{seed} {here[0].module} {where}")
        chosen += draw.sample(here, min(count, len(here)))
    return sorted(chosen, key=lambda fault: fault.line)


def run(module: str, count: int, seed: int) -> Iterator[tuple[Fault, Outcome]]:
    """The faults of a file that are known to change nothing are left out."""
    source = (ROOT / module).read_text("utf-8")
    tests = judges(module)
    untouched = trial(ROOT, module, source, tests, 600)
    if untouched.by is not None:
        raise SystemExit(f"{module}: {untouched.by} fails without a fault")
    excused = {(row.where, row.fault) for row in known() if row.module == module}
    for fault in sample(faults(module, source), count, seed):
        if (fault.where, fault.text) not in excused:
            limit = SLOWER * untouched.seconds + SPARE
            yield fault, trial(ROOT, module, fault.source, tests, limit)


def main(
    files: Annotated[list[str] | None, typer.Argument(help="Files of the engine; all.")] = None,
    count: Annotated[int, typer.Option(help="Faults in each function or row.")] = 3,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 0,
    verbose: Annotated[bool, typer.Option(help="Say what noticed each fault.")] = False,
) -> None:
    prepare()
    left = 0
    print(f"seed {seed}, {count} faults a function")
    for module in files or modules():
        started, noticed, survived = time.monotonic(), 0, 0
        for fault, outcome in run(module, count, seed):
            noticed += outcome.by is not None
            survived += outcome.by is None
            if outcome.by is None or verbose:
                by = outcome.by or "SURVIVED"
                print(f"{module}:{fault.line}: {fault.where}: {fault.text}\n    {by}", flush=True)
        seconds = time.monotonic() - started
        print(f"{module}: {noticed} noticed, {survived} survived, {seconds:.0f} s", flush=True)
        left += survived
    sys.exit(left > 0)


if __name__ == "__main__":
    typer.run(main)
