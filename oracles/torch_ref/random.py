"""Random numbers: torch has generators of its own."""

from __future__ import annotations

from oracles.catalog import ROWS
from oracles.torch_ref.domain import Call, Domain, never

_OTHER = never("torch draws from another generator")
DOMAINS: dict[str, Domain] = {
    name: _OTHER for name, row in ROWS.items() if row.family == "random"
}
CALLS: dict[str, Call] = {}
