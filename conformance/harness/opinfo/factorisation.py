"""Factorisations: the catalog judges their properties, and torch the singular values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.harness.opinfo.adapter import Adapter, Use, needs, use
from oracles.catalog import OUTPUT

NOT_UNIQUE = "factors are not unique"
ON_THE_WAY = "singular values are rounded on the way"


def _qr(input: Any, some: bool = True) -> Use:
    return replace(use("qr", input), unlike=NOT_UNIQUE)


def _linalg_qr(A: Any, mode: str = "reduced") -> Use:
    needs(mode != "r", "R alone")
    return replace(use("qr", A), unlike=NOT_UNIQUE)


def _values(A: Any, full: bool, part: int | None) -> Use:
    values = use("svd", A, full_matrices=full, **{OUTPUT: 1})
    return replace(values, part=part, near=ON_THE_WAY)


def _svd(input: Any, some: bool = True, compute_uv: bool = True) -> list[Use]:
    return _linalg_svd(input, not some)


def _linalg_svd(A: Any, full_matrices: bool = True) -> list[Use]:
    factors = replace(use("svd", A, full_matrices=full_matrices), unlike=NOT_UNIQUE)
    return [factors, _values(A, full_matrices, 1)]


def _svdvals(A: Any) -> Use:
    return _values(A, False, None)


ADAPTERS: dict[str, Adapter] = {
    "qr": _qr, "linalg.qr": _linalg_qr, "svd": _svd, "linalg.svd": _linalg_svd,
    "linalg.svdvals": _svdvals,
}  # fmt: skip
