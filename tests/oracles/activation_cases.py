"""Activations at their ends and corners, by hand from their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN, f32, i8

CASES: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("relu6", [f32(-1, 3, 7, -0.0, NAN)], {}, f32(0, 3, 6, 0.0, NAN)),
    ("relu6", [i8(-9, 9)], {}, f32(0, 6)),
    ("leaky_relu", [f32(-2, 4, -0.0, -INF)], {"neg_slope": 0.5}, f32(-1, 4, -0.0, -INF)),
    ("hardtanh", [f32(-3, 0.5, 9, NAN)], {}, f32(-1, 0.5, 1, NAN)),
    ("hardtanh", [f32(-3, 9)], {"min_val": -2, "max_val": 3}, f32(-2, 3)),
    ("hardsigmoid", [f32(-9, 0, 9)], {}, f32(0, 0.5, 1)),
    ("hardsigmoid", [f32(1)], {"alpha": 0.25, "beta": 0.5}, f32(0.75)),
    ("hardswish", [f32(-4, 0, 4, -INF)], {}, f32(-0.0, 0, 4, -0.0)),
    ("softsign", [f32(INF, -INF, 1, -3)], {}, f32(1, -1, 0.5, -0.75)),
    ("elu", [f32(0, INF, -INF, 2)], {"alpha": 3.0}, f32(0, INF, -3, 2)),
    ("selu", [f32(0, -INF, 1)], {}, f32(0, np.float32(1.67326) * -np.float32(1.0507), 1.0507)),
    ("celu", [f32(-INF, 3)], {"alpha": 2.0}, f32(-2, 3)),
    ("silu", [f32(0, INF, -INF)], {}, f32(0, INF, -0.0)),
    ("quick_gelu", [f32(-0.0, INF, -INF)], {}, f32(-0.0, INF, -0.0)),
    ("gelu", [f32(0, INF, -INF, NAN)], {}, f32(0, INF, -0.0, NAN)),
    ("gelu", [f32(0, INF, -INF, 40)], {"approximate": "none"}, f32(0, INF, -0.0, 40)),
    ("mish", [f32(0, INF, -INF)], {}, f32(0, INF, -0.0)),
    ("softplus", [f32(-INF, INF, 500)], {"beta": 2.0}, f32(0, INF, 500)),
    ("logsigmoid", [f32(INF, -INF, -500)], {}, f32(0, -INF, -500)),
    ("logaddexp", [f32(-INF, INF, 7), f32(-INF, -INF, -INF)], {}, f32(-INF, INF, 7)),
]
