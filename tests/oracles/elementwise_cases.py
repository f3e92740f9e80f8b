"""Edges of the elementwise rows: name, operands, attributes, and the bits that are due."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN, f16, f32, f64, flags, i8, u8

Case = tuple[str, list[Array], dict[str, Any], Array]

PAYLOAD = np.array([0xFFC0005A], np.uint32).view(np.float32)
POSITIVE_PAYLOAD = np.array([0x7FC0005A], np.uint32).view(np.float32)
TINY = 2.0**-149
MIN8 = -128

DIVISION: list[Case] = [
    ("div", [i8(7, -7, 1, MIN8), i8(-2, 2, 0, -1)], {"rounding_mode": "trunc"},
     i8(-3, -3, 0, MIN8)),
    ("div", [f32(7, -7, -1, -1), f32(-2, 2, 8, INF)], {"rounding_mode": "trunc"},
     f32(-3, -3, -0.0, -0.0)),
    ("div", [f32(-7, INF), f32(2, 2)], {"rounding_mode": "floor"}, f32(-4, NAN)),
    ("floordiv", [f32(7, -7, 0.0, -0.0), f32(-2, 2, -3, 3)], {}, f32(-4, -4, -0.0, -0.0)),
    ("floordiv", [f32(1, -1, 0, INF, -1), f32(0, 0, 0, 2, INF)], {}, f32(INF, -INF, NAN, NAN, -1)),
    ("floordiv", [f32(1, -0.0, 1), f32(INF, INF, NAN)], {}, f32(0, -0.0, NAN)),
    ("floordiv", [f64(1.0), f64(0.1)], {}, f64(9.0)),
    ("floordiv", [f32(3e38), f32(TINY)], {}, f32(INF)),
    ("floordiv", [f64(2.0**53 - 1), f64(1 + 2.0**-52)], {}, f64(2.0**53 - 3)),
    ("mod", [f32(6, 0, 5, -5), f32(-3, -1, -3, 3)], {}, f32(-0.0, -0.0, -1, 1)),
    ("mod", [f32(-1e-20, -1, 1, 5), f32(1, INF, -INF, 0)], {}, f32(1, INF, -INF, NAN)),
    ("fmod", [f32(1, -6, 5, INF, 1), f32(TINY, 3, INF, 3, 0)], {}, f32(0, -0.0, 5, NAN, NAN)),
    ("fmod", [i8(-7, 7, 5, MIN8), i8(2, -2, 0, -1)], {}, i8(-1, 1, 0, 0)),
]  # fmt: skip

ROUNDING: list[Case] = [
    ("trunc", [f32(-0.5, 1.5, -1.5, NAN)], {}, f32(-0.0, 1, -1, NAN)),
    ("trunc", [i8(MIN8, 3)], {}, i8(MIN8, 3)),
    ("floor", [f32(-0.0, 0.5, -0.5, -INF)], {}, f32(-0.0, 0, -1, -INF)),
    ("ceil", [f32(-0.5, 0.5, 8388609, INF)], {}, f32(-0.0, 1, 8388609, INF)),
    ("round", [f32(0.5, 1.5, -0.5, 2.5, -2.5)], {}, f32(0, 2, -0.0, 2, -2)),
    ("sign", [f32(-0.0, 0, -TINY, INF, NAN)], {}, f32(0, 0, -1, 1, NAN)),
    ("sign", [i8(MIN8, 0, 3)], {}, i8(-1, 0, 1)),
    ("copysign", [np.r_[PAYLOAD, f32(0, 2)], f32(1, -1, -0.0)], {},
     np.r_[POSITIVE_PAYLOAD, f32(-0.0, -2)]),
    ("copysign", [i8(MIN8, 3), i8(1, -1)], {}, f32(128, -3)),
    ("reciprocal", [f32(-0.0, INF, 3, 2.0**-149)], {}, f32(-INF, 0, 1 / 3, INF)),
    ("reciprocal", [i8(0, 2)], {}, f32(INF, 0.5)),
    ("square", [f32(-0.0, 1e30, -3)], {}, f32(0, INF, 9)),
    ("square", [i8(16, -3)], {}, i8(0, 9)),
]  # fmt: skip

TESTS: list[Case] = [
    ("isnan", [np.r_[PAYLOAD, f32(INF, 0)]], {}, flags(True, False, False)),
    ("isnan", [i8(1)], {}, flags(False)),
    ("isinf", [f32(INF, -INF, NAN)], {}, flags(True, True, False)),
    ("isinf", [f32(INF, -INF, 1)], {"detect_positive": False}, flags(False, True, False)),
    ("isfinite", [f32(INF, NAN, 3e38)], {}, flags(False, False, True)),
    ("isfinite", [u8(255)], {}, flags(True)),
    ("logical_not", [f32(-0.0, NAN, TINY)], {}, flags(True, False, False)),
    ("isclose", [f32(INF, INF, NAN, 1), f32(INF, 1, NAN, 1.000005)], {},
     flags(True, False, False, True)),
    ("isclose", [f32(NAN, 1, 100), f32(NAN, NAN, 110)], {"equal_nan": True, "rtol": 0.1},
     flags(True, False, True)),
    ("isclose", [i8(MIN8), i8(127)], {}, flags(False)),
]  # fmt: skip

CHOICES: list[Case] = [
    ("relu", [f32(-0.0, NAN, -3, 3)], {}, f32(0, NAN, 0, 3)),
    ("relu", [flags(True, False)], {}, np.array([1, 0], np.int32)),
    ("clip", [f32(5, -0.0, NAN), f32(0, 0, 0), f32(-1, 1, 1)], {}, f32(-1, 0, NAN)),
    ("clip", [f32(1, 1), f32(NAN, 0), f32(2, NAN)], {}, f32(NAN, NAN)),
    ("clamp", [u8(0, 255)], {"min_": -1, "max_": 300}, u8(0, 255)),
    ("clamp", [u8(0, 255)], {"min_": 0.5}, f32(0.5, 255)),
    ("clamp", [f32(NAN, 9)], {"max_": 3}, f32(NAN, 3)),
    ("lerp", [f16(1), f16(2), f16(0.1)], {}, f16(1.1)),
    ("lerp", [i8(0, 2), i8(4, 4), f32(0.25, INF)], {}, f32(1, INF)),
    ("masked_fill", [PAYLOAD, flags(False)], {"value": 0}, PAYLOAD),
    ("masked_fill", [i8(1, 2), flags(True, False)], {"value": 0.5}, f32(0.5, 2)),
    ("masked_fill", [i8(1), f32(NAN)], {"value": 7}, i8(7)),
]  # fmt: skip

FUNCTIONS: list[Case] = [
    ("exp2", [f32(-INF, INF, 0, 3, 128, -149)], {}, f32(0, INF, 1, 8, INF, 2.0**-149)),
    ("log2", [f32(-0.0, 0, 1, -1, INF, 8)], {}, f32(-INF, -INF, 0, NAN, INF, 3)),
    ("exp", [f32(-INF, INF, -0.0, 89, 1)], {}, f32(0, INF, 1, INF, np.e)),
    ("expm1", [f32(-0.0, -INF, 1e-30)], {}, f32(-0.0, -1, 1e-30)),
    ("log", [f32(-0.0, 1, -1, INF, TINY)], {}, f32(-INF, 0, NAN, INF, -103.27893)),
    ("log10", [f32(0, 1000, -1)], {}, f32(-INF, 3, NAN)),
    ("log1p", [f32(-0.0, -1, -2, TINY)], {}, f32(-0.0, -INF, NAN, TINY)),
    ("sinh", [f32(-0.0, -INF, 89.5)], {}, f32(-0.0, -INF, INF)),
    ("cosh", [f32(-0.0, -INF)], {}, f32(1, INF)),
    ("tanh", [f32(-0.0, -INF, 20)], {}, f32(-0.0, -1, 1)),
    ("asinh", [f32(-0.0, -INF)], {}, f32(-0.0, -INF)),
    ("acosh", [f32(1, 0.5, INF)], {}, f32(0, NAN, INF)),
    ("atanh", [f32(-0.0, -1, 1.5)], {}, f32(-0.0, -INF, NAN)),
    ("erf", [f32(-0.0, -INF, 9)], {}, f32(-0.0, -1, 1)),
    ("sigmoid", [f32(0, -INF, INF, NAN)], {}, f32(0.5, 0, 1, NAN)),
    ("rsqrt", [f32(-0.0, 4, -1, INF)], {}, f32(-INF, 0.5, NAN, 0)),
    ("pow", [f32(1, NAN, -1, -0.0, -0.0, -INF), f32(NAN, 0, INF, -3, 0.5, 0.5)], {},
     f32(1, 1, 1, -INF, 0, INF)),
    ("pow", [i8(0, 3, -1, -1, 2, 0), i8(0, 5, -3, -2, -1, -1)], {}, i8(1, -13, -1, 1, 0, 0)),
    ("sin", [f64(-0.0, INF, 1e22)], {}, f64(-0.0, NAN, -0.8522008497671888)),
    ("cos", [f64(-0.0, -INF, 1e22)], {}, f64(1, NAN, 0.52321478539513894549)),
    ("tan", [f32(-0.0, INF, 1e-45)], {}, f32(-0.0, NAN, 1e-45)),
    ("asin", [f32(-0.0, 1.5, 1)], {}, f32(-0.0, NAN, np.pi / 2)),
    ("acos", [f32(1, -2, -1)], {}, f32(0, NAN, np.pi)),
    ("atan", [f32(-0.0, INF, -INF)], {}, f32(-0.0, np.pi / 2, -np.pi / 2)),
]  # fmt: skip

CASES = [*DIVISION, *ROUNDING, *TESTS, *CHOICES, *FUNCTIONS]
