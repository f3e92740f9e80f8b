"""Functions of real numbers, within a few ulps of torch's, less where torch gives up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oracles.formats import FORMATS, Array
from oracles.promotion import to_float
from oracles.torch_ref.domain import (
    FLOATS,
    Attributes,
    Call,
    Comparison,
    Domain,
    Exclusion,
    by_name,
    in_float,
)


def _below(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """exp2 with subnormal results, which torch may flush."""
    row = FORMATS[to_float(args[0].dtype.name)]
    return np.asarray(args[0] < row.emin)


def _function(*excluded: Exclusion) -> Domain:
    return Domain(FLOATS, Comparison.ULPS, excluded, in_float, tolerance_ulp=4.0)


DOMAINS: dict[str, Domain] = {
    "exp2": _function(_below),
    "log2": _function(),
    "sin": _function(),
    "cos": _function(),
    "tan": _function(),
    "asin": _function(),
    "acos": _function(),
    "atan": _function(),
}
CALLS: dict[str, Call] = {name: by_name(name) for name in DOMAINS}
