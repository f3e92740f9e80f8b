"""Activations: published formulas, evaluated step by step; narrow floats in float32, rounded once.

Rows whose steps are all correctly rounded arithmetic are judged by their bits; where a function is
among the steps, by their error in the units of `composite`.
"""

from __future__ import annotations

from oracles.catalog.row import ALL, BOTH, NANS, Attributes, Exactness, OpRow, bounds

_BOUNDS = bounds(0.51, 6.0)


def _steps(
    name: str,
    formula: str,
    defaults: Attributes | None = None,
    *variants: Attributes,
    **more: object,
) -> OpRow:
    """A row of one operand; `defaults` are its attributes, tried as they are and as `variants`."""
    given = defaults or {}
    return OpRow(
        name=name, family="elementwise", dtypes=(ALL,), result="to_float", formula=formula,
        attributes=tuple(given), defaults=given, variants=({}, *variants), special=(NANS,),
        references=("numpy",), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _composite(
    name: str, formula: str, defaults: Attributes | None = None, *variants: Attributes
) -> OpRow:
    return _steps(
        name, formula, defaults, *variants, exactness=Exactness.COMPOSITE, bound_ulp=_BOUNDS
    )


ROWS = (
    _steps("relu6", "min(max(x, 0), 6)"),
    _steps("leaky_relu", "x if x > 0 else neg_slope * x", {"neg_slope": 0.01}, {"neg_slope": 0.5}),
    _steps(
        "hardtanh", "min(max(x, min_val), max_val)", {"min_val": -1, "max_val": 1},
        {"min_val": -0.5, "max_val": 2.5},
    ),
    _steps(
        "hardsigmoid", "min(max(alpha * x + beta, 0), 1)", {"alpha": 1 / 6, "beta": 0.5},
        {"alpha": 0.2, "beta": 0.25},
    ),
    _steps("hardswish", "x * (min(max(x + 3, 0), 6) / 6), -0 at -inf"),
    _steps("softsign", "x / (1 + |x|), +-1 at +-inf"),
    _composite("elu", "x if x > 0 else alpha * (e ** x - 1)", {"alpha": 1.0}, {"alpha": 0.3}),
    _composite(
        "selu", "gamma * (x if x > 0 else alpha * (e ** x - 1))",
        {"alpha": 1.67326, "gamma": 1.0507},
    ),
    _composite("celu", "x if x > 0 else alpha * (e ** (x / alpha) - 1)", {"alpha": 1.0}),
    _composite("silu", "x * sigmoid(x), -0 at -inf"),
    _composite("quick_gelu", "x * sigmoid(1.702 * x), -0 at -inf"),
    _composite(
        "gelu",
        "x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))), or with erf(x / sqrt(2))",
        {"approximate": "tanh"}, {"approximate": "none"},
    ),
    _composite("mish", "x * tanh(softplus(x)), -0 at -inf"),
    _composite("softplus", "log(1 + e ** (beta * x)) / beta", {"beta": 1.0}),
    _composite("logsigmoid", "log(sigmoid(x))"),
    OpRow(
        name="logaddexp", family="elementwise", dtypes=(ALL, ALL), common=BOTH, result="to_float",
        formula="log(e ** x + e ** y)", special=(NANS,), references=("numpy",),
        exactness=Exactness.COMPOSITE, bound_ulp=_BOUNDS,
    ),
)  # fmt: skip
