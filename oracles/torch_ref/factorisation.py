"""Factorisations: torch's factors are as good as others."""

from __future__ import annotations

from oracles.torch_ref.domain import Call, Domain, never

_NOT_UNIQUE = never("factors are not unique; their properties are judged")
DOMAINS: dict[str, Domain] = {
    "qr": _NOT_UNIQUE,
    "svd": _NOT_UNIQUE,
    "newton_schulz": never("torch has no such function"),
}
CALLS: dict[str, Call] = {}
