"""Every witness is run wherever its driver is: an entry stays only while it is true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from conformance.harness.case import hex_words, value_dtypes
from conformance.harness.ledger.entries import Entry, Ledger
from conformance.harness.subject import NotAvailable, Subject
from oracles.formats import FORMATS


@dataclass(frozen=True)
class Driven:
    """A device that can run: its name, what drives it, the subject."""

    name: str
    driver: str
    subject: Subject


def replay(ledger: Ledger, devices: Iterable[Driven], today: date) -> list[str]:
    """What is wrong with the entries; those whose driver is not here can only expire."""
    problems = [
        f"{entry.name} has expired on {entry.expires}: look again, or remove it"
        for entry in ledger.entries if today > entry.expires
    ]  # fmt: skip
    for device in devices:
        for entry in ledger.entries:
            if entry.is_about(device.name, device.driver):
                said = _witnessed(entry, device.subject)
                problems += [f"{entry.name} on {device.name}: {said}"] if said else []
    return problems


def _witnessed(entry: Entry, subject: Subject) -> str:
    """Why the witness does not show what the entry says."""
    try:
        (got,) = subject.run(entry.witness)
    except NotAvailable:
        return ""
    except Exception as error:  # noqa: BLE001 - it is said, not raised: the run goes on
        return f"the witness raised {type(error).__name__}: {error}"
    words = hex_words(got, FORMATS[value_dtypes(entry.witness)[-1]])
    if words == list(entry.bits):
        return ""
    (right,) = entry.witness.expected
    if got == right:
        return "the witness passes: remove the entry"
    return f"the witness gives {' '.join(words)}, not {' '.join(entry.bits)}"
