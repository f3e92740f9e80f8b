"""Norms: tensors shifted and scaled by moments or by their length."""

from __future__ import annotations

from oracles.catalog.row import (
    ALL,
    CLOSE_BOUNDS,
    NANS,
    SEQUENTIAL_LANES,
    Attributes,
    Exactness,
    OpRow,
)

_ZERO = "a norm of 0 counts as eps: a row of zeros stays zeros"


def _norm(
    name: str, formula: str, defaults: Attributes, *special: str, operands: int = 1,
    **more: object,
) -> OpRow:
    """A row whose operands are promoted to one float dtype, that of the result."""
    return OpRow(
        name=name, family="norm", dtypes=(ALL,) * operands, result="to_float", formula=formula,
        common=tuple(range(operands)) if operands > 1 else (), attributes=tuple(defaults),
        defaults=defaults, special=(NANS, *special), **more,  # type: ignore[arg-type]
    )


ROWS = (
    _norm(
        "layernorm", "(x - mean) / sqrt(mean((x - mean)**2) + eps)", {"axis": -1, "eps": 1e-5},
        "the means are those of `mean`", "equal elements give 0", references=("numpy",),
        order=SEQUENTIAL_LANES,
    ),
    _norm(
        "batchnorm", "(x - mean) * weight * invstd + bias, from left to right", {"axis": 1},
        "weight, then bias, may be missing", operands=5, optional=2, references=("numpy",),
    ),
    _norm(
        "normalize", "x / max((sum |x|**p)**(1/p), eps)", {"p": 2.0, "dim": 1, "eps": 1e-12},
        _ZERO, "p = 0 counts what is not 0, p = inf is max |x|", exactness=Exactness.COMPOSITE,
        bound_ulp=CLOSE_BOUNDS, references=("mpmath",),
    ),
)
