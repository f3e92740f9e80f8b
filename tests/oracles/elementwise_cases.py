"""Edges of the elementwise rows: name, operands, attributes, and the bits that are due."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN, f32, f64

Case = tuple[str, list[Array], dict[str, Any], Array]

FUNCTIONS: list[Case] = [
    ("exp2", [f32(-INF, INF, 0, 3, 128, -149)], {}, f32(0, INF, 1, 8, INF, 2.0**-149)),
    ("log2", [f32(-0.0, 0, 1, -1, INF, 8)], {}, f32(-INF, -INF, 0, NAN, INF, 3)),
    ("sin", [f64(-0.0, INF, 1e22)], {}, f64(-0.0, NAN, -0.8522008497671888)),
    ("cos", [f64(-0.0, -INF, 1e22)], {}, f64(1, NAN, 0.52321478539513894549)),
    ("tan", [f32(-0.0, INF, 1e-45)], {}, f32(-0.0, NAN, 1e-45)),
    ("asin", [f32(-0.0, 1.5, 1)], {}, f32(-0.0, NAN, np.pi / 2)),
    ("acos", [f32(1, -2, -1)], {}, f32(0, NAN, np.pi)),
    ("atan", [f32(-0.0, INF, -INF)], {}, f32(-0.0, np.pi / 2, -np.pi / 2)),
]  # fmt: skip

CASES = [*FUNCTIONS]
