"""Factorisations that can be written down."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN, f32, i8

_COLUMN = f32(3, 4)[:, None]
_SHEAR = f32(2, 1, 0, 3).reshape(2, 2)

CASES: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("qr", [_COLUMN], {"output": 0}, f32(-0.6, -0.8, -0.8, 0.6).reshape(2, 2)),
    ("qr", [_COLUMN], {"output": 1}, f32(-5, 0)[:, None]),
    ("qr", [i8(-3, 5)[None]], {"output": 0}, f32(1)[None]),
    ("qr", [i8(-3, 5)[None]], {"output": 1}, f32(-3, 5)[None]),
    ("qr", [_SHEAR], {"output": 1}, _SHEAR),
    ("qr", [f32(1, INF)[None]], {"output": 1}, f32(NAN, NAN)[None]),
    ("qr", [np.zeros((2, 0), np.float16)], {"output": 0}, np.eye(2, dtype=np.float16)),
    ("svd", [f32(3, 0, 0, -4).reshape(2, 2)], {"output": 1}, f32(4, 3)),
    ("svd", [f32(NAN, 0)[None]], {"output": 2, "full_matrices": False}, f32(NAN, NAN)[None]),
    ("svd", [np.zeros((3, 0, 2), np.float64)], {"output": 1}, np.zeros((3, 0))),
    ("newton_schulz", [_COLUMN], {"steps": 0, "params": (1,), "eps": 0}, f32(0.6, 0.8)[:, None]),
    ("newton_schulz", [i8(2)[None]], {"steps": 1, "params": (1.5, -0.5), "eps": 2},
     f32(0.6875)[None]),
    ("newton_schulz", [i8(2)[None]], {"steps": 1, "params": (3, -2, 4), "eps": 2},
     f32(1.375)[None]),
]  # fmt: skip
