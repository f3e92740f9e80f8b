"""Softmax and logarithms of sums of exponentials."""

from __future__ import annotations

from oracles.torch_ref.domain import Call, Domain, never

_ROUNDED = never("torch rounds the steps of a formula in its own way; mpmath judges the value")

DOMAINS: dict[str, Domain] = dict.fromkeys(
    ("softmax", "softmin", "log_softmax", "logsumexp", "logcumsumexp"), _ROUNDED
)
CALLS: dict[str, Call] = {}
