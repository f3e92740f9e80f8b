"""The ledger: known deviations of other people's drivers, each with a witness and an end.

It has no entries for this project's own code: those are bugs.
"""

from conformance.harness.ledger.entries import Entry, Ledger, current, read_ledger
from conformance.harness.ledger.matching import Match, match
from conformance.harness.ledger.replay import Driven, replay

__all__ = ["Driven", "Entry", "Ledger", "Match", "current", "match", "read_ledger", "replay"]
