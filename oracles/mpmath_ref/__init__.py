"""Functions of real numbers against mpmath, at scale.

* `special`: results that C Annex F prescribes, bit for bit;
* `rows`: a row per function: estimate, true value, rational results;
* `proof`: true values, each proved by a second, higher precision;
* `arrays`: estimates for whole arrays, and mpmath only where their error could matter.
"""

from oracles.mpmath_ref.arrays import (
    CHUNK,
    FUNCTIONS,
    Estimate,
    correctly_rounded,
    distances,
    doubt,
    estimated,
    filtered,
)
from oracles.mpmath_ref.proof import (
    PRECISIONS,
    PROVED_ERROR,
    ProofError,
    exact_distance,
    true_value,
    truth,
)
from oracles.mpmath_ref.rows import ROWS
from oracles.mpmath_ref.special import Special, special

NAMES = tuple(ROWS)

__all__ = [
    "CHUNK", "FUNCTIONS", "NAMES", "PRECISIONS", "PROVED_ERROR", "ROWS", "Estimate", "ProofError",
    "Special", "correctly_rounded", "distances", "doubt", "estimated", "exact_distance",
    "filtered", "special", "true_value", "truth",
]  # fmt: skip
