"""`lockstep bisect FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from conformance.harness.bisect.blame import NOT_FOUND, Blame
from conformance.harness.bisect.isolated import bisect_isolated
from conformance.harness.bisect.page import show
from conformance.harness.case import read_case
from conformance.harness.devices import subjects_of


def run_bisect(
    file: Path, names: Sequence[str], as_json: bool, seconds: float, console: Console
) -> int:
    """0 nothing is wrong, 1 something is, 2 no device ran.

    ValueError and OSError for what cannot be read.
    """
    case = read_case(file)
    chosen = tuple(subjects_of(names or case.devices))
    if not chosen:
        console.print("nothing ran", style="bold red")
        return 2
    blame = bisect_isolated(case, chosen, seconds)
    if as_json:
        console.print(blame.to_json(), markup=False, highlight=False, soft_wrap=True)
    else:
        show(blame, console)
    return 0 if is_right(blame) else 1


def is_right(blame: Blame) -> bool:
    """Whether no device was wrong."""
    return blame.place.stage == NOT_FOUND and not blame.alone
