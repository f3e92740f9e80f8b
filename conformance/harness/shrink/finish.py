"""A shrunk case as it is kept: with what is right, where it runs, and what it shows."""

from __future__ import annotations

from dataclasses import replace

from conformance.harness.bisect import Blame
from conformance.harness.case import Case
from conformance.harness.judging import tainted
from conformance.harness.subject import InterpreterSubject, ReferenceSubject


def described(case: Case, blame: Blame) -> Case:
    """The case with the bits that are due, the device that is wrong, and the bucket as a note.

    Where the reference leaves bits open, they are those of the interpreter of tensors; if that is
    what is wrong, none are expected.
    """
    if not tainted(case).intersection(case.outputs):
        due = ReferenceSubject().run(case)
    elif blame.place.stage in ("meaning", "front end"):
        due = []
    else:
        due = InterpreterSubject().run(case)
    notes = (blame.key, *filter(None, (blame.place.text,)))
    return replace(case, expected=tuple(due), devices=(blame.device,)).with_notes(*notes)
