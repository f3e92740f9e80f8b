"""Norms, attention and losses."""

from __future__ import annotations

from oracles.torch_ref.domain import Call, Domain, never

_STEPS = never(
    "torch takes the steps of a formula in an order and in precisions of its own; it confirms the "
    "formulas themselves, within a bound"
)

DOMAINS: dict[str, Domain] = dict.fromkeys(
    (
        "layernorm", "batchnorm", "normalize", "scaled_dot_product_attention",
        "binary_crossentropy", "binary_crossentropy_logits", "cross_entropy", "nll_loss",
        "sparse_categorical_crossentropy",
    ),
    _STEPS,
)  # fmt: skip
CALLS: dict[str, Call] = {}
