"""Factorisations of the matrices in the last two axes."""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, SEQUENTIAL, Exactness, OpRow, bounds

_BOUNDS = bounds(1.0, 2.0)  # in the units of `backward`
_WHOLE = "a matrix with an infinity or a NaN has factors that are NaN everywhere"

ROWS = (
    OpRow(
        name="qr", family="factorisation", dtypes=(ALL,), result=("to_float",) * 2, outputs=2,
        formula="Q square and orthogonal, R upper triangular, x = Q R", bound_ulp=_BOUNDS,
        exactness=Exactness.BACKWARD, references=("properties", "numpy"),
        special=(_WHOLE, "LAPACK's signs", "R is +0 below the diagonal"),
    ),
    OpRow(
        name="svd", family="factorisation", dtypes=(ALL,), result=("to_float",) * 3, outputs=3,
        attributes=("full_matrices",), defaults={"full_matrices": True},
        formula="U and V orthogonal, S descending and not negative, x = U diag(S) V^T; "
        "V is given transposed",
        bound_ulp=_BOUNDS, exactness=Exactness.BACKWARD,
        references=("properties", "numpy", "mpmath"), special=(_WHOLE,),
    ),
    OpRow(
        name="newton_schulz", family="factorisation", dtypes=(ALL,), result="to_float",
        attributes=("steps", "params", "eps"), defaults={"eps": 1e-7}, order=SEQUENTIAL,
        formula="x / (sqrt(sum(x * x)) + eps), the longer axis last, then steps times "
        "p0 G + (p1 A + p2 A A + ...) G with A = G G^T, from left to right",
        references=("numpy",), special=(NANS,),
    ),
)  # fmt: skip
