"""Contractions, windows and layers: edges that are worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN, f32, i8, u8

_SQUARE = f32(1, 2, 3, 4).reshape(2, 2)
_KERNEL = f32(INF, 1, INF).reshape(1, 1, 3)

CASES: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("einsum", [_SQUARE], {"formula": "ii->i"}, f32(1, 4)),
    ("einsum", [_SQUARE], {"formula": "ba"}, f32(1, 3, 2, 4).reshape(2, 2)),
    ("einsum", [f32(-0.0)], {"formula": "i->i"}, f32(-0.0)),
    ("einsum", [f32(-0.0)], {"formula": "i->"}, np.asarray(np.float32(0.0))),
    ("einsum", [i8(100, 100), i8(100, 100)], {"formula": "i,i"}, np.asarray(np.int32(20000))),
    ("einsum", [f32(1e38, 1), f32(10, 1), f32(0.1, 1)], {"formula": "i,i,i->i"}, f32(INF, 1)),
    ("einsum", [np.ones((2, 0), np.float32)], {"formula": "...i->..."}, f32(0, 0)),
    ("linear", [f32(1, 2), _SQUARE, f32(10, 20)], {}, f32(17, 30)),
    ("linear", [f32(1, 2), f32(3, -0.0)], {}, f32(3, -0.0)),
    ("linear", [np.float16([1]), np.float16([[2**-11]]), np.float16([1])], {},
     np.array([1], np.float16)),
    ("conv2d", [f32(1, 2, 3).reshape(1, 1, 3), _KERNEL], {"padding": 1},
     f32(INF, INF, INF).reshape(1, 1, 3)),
    ("conv2d", [f32(0, 2).reshape(1, 1, 2), _KERNEL], {"padding": (1, 2)},
     f32(INF, NAN, INF).reshape(1, 1, 3)),
    ("conv2d", [f32(5).reshape(1, 1, 1), _KERNEL, f32(1)], {"padding": 1},
     f32(6).reshape(1, 1, 1)),
    ("conv2d", [u8(255, 255).reshape(1, 2, 1), u8(255, 255).reshape(1, 2, 1)], {},
     np.array([[[130050]]], np.uint32)),
    ("conv_transpose2d", [f32(1, 2).reshape(1, 1, 2), f32(1, 10).reshape(1, 1, 2)],
     {"stride": 2}, f32(1, 10, 2, 20).reshape(1, 1, 4)),
    ("conv_transpose2d", [f32(1, 2).reshape(1, 1, 2), f32(1, INF).reshape(1, 1, 2)],
     {"stride": 3, "output_padding": 1}, f32(1, INF, 0, 2, INF, 0).reshape(1, 1, 6)),
]  # fmt: skip
