"""Losses: of each element, or their sum or mean."""

from __future__ import annotations

from oracles.catalog.row import (
    ALL,
    CLOSE_BOUNDS,
    INTEGERS,
    NANS,
    SEQUENTIAL_LANES,
    Exactness,
    OpRow,
)

_NONE = "a label that is no class picks none"
_OTHERS = "a class that a label does not name has no part, even where its loss is infinite"


def _loss(
    name: str, formula: str, defaults: dict[str, object], *special: str, **more: object
) -> OpRow:
    given: dict[str, object] = {
        "exactness": Exactness.COMPOSITE, "bound_ulp": CLOSE_BOUNDS, "references": ("mpmath",),
        **more,
    }  # fmt: skip
    return OpRow(
        name=name, family="loss", result="to_float", formula=formula, attributes=tuple(defaults),
        defaults=defaults, special=special, **given,  # type: ignore[arg-type]
    )


ROWS = (
    _loss(
        "binary_crossentropy", "y * -log(x) + (1 - y) * -log(1 - x), each log at least -100",
        {"reduction": "mean"}, NANS, "outside of [0, 1] NaN", dtypes=(ALL, ALL), common=(0, 1),
    ),
    _loss(
        "binary_crossentropy_logits",
        "pos_weight * y * -log(sigmoid(x)) + (1 - y) * -log(sigmoid(-x))",
        {"reduction": "mean"}, NANS, dtypes=(ALL, ALL, ALL), common=(0, 1, 2), optional=1,
        parameters=("Y", "pos_weight"),
    ),
    _loss(
        "cross_entropy", "(1 - s) * sum(y * -log_softmax(x)) + s * mean(-log_softmax(x))",
        {"reduction": "mean", "label_smoothing": 0.0}, _NONE,
        _OTHERS,
        dtypes=(ALL, ALL),
    ),
    _loss(
        "sparse_categorical_crossentropy", "cross_entropy with classes on the last axis",
        {"ignore_index": -1, "label_smoothing": 0.0, "reduction": "mean"}, _NONE,
        "a mean of ignored labels alone is NaN", dtypes=(ALL, INTEGERS),
    ),
    _loss(
        "nll_loss", "weight[y] * -x[y], a mean divided by the sum of weight[y]",
        {"ignore_index": None, "reduction": "mean"}, _NONE, _OTHERS,
        "an ignored label has weight 0, and a mean of such alone is NaN",
        dtypes=(ALL, INTEGERS, ALL), common=(0, 2), optional=1, exactness=Exactness.BITS,
        bound_ulp={}, references=("numpy",), order=SEQUENTIAL_LANES,
    ),
)  # fmt: skip
