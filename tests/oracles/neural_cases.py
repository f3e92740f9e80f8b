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
    ("avg_pool2d", [_SQUARE], {}, f32(2.5)[None]),
    ("avg_pool2d", [_SQUARE], {"stride": 1, "padding": 1, "count_include_pad": False},
     f32(1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4).reshape(3, 3)),
    ("avg_pool2d", [f32(3, 6, 9)], {"kernel_size": (3,), "stride": 2, "padding": 1}, f32(3, 5)),
    # a last window of 9, a position of padding, and two that are neither
    ("avg_pool2d", [f32(3, 6, 9)],
     {"kernel_size": (4,), "stride": 3, "padding": 1, "ceil_mode": True}, f32(4.5, 4.5)),
    ("avg_pool2d", [f32(7)], {"kernel_size": (2,), "dilation": 2, "padding": 1}, f32(0)),
    ("avg_pool2d", [f32(7)],
     {"kernel_size": (2,), "dilation": 2, "padding": 1, "count_include_pad": False}, f32(NAN)),
    ("avg_pool2d", [np.full(2, 65504, np.float16)], {"kernel_size": (2,)},
     np.full(1, 65504, np.float16)),
    ("avg_pool2d", [i8(127, 126)], {"kernel_size": (2,)}, f32(126.5)),
    ("avg_pool2d", [f32(-0.0)], {"kernel_size": (1,)}, f32(0.0)),
    ("max_pool2d", [f32(-0.0, 0.0, -1, NAN)], {"kernel_size": (2,)}, f32(0.0, NAN)),
    ("max_pool2d", [f32(-0.0, 0.0, -1, NAN)],
     {"kernel_size": (2,), "return_indices": True, "output": 1}, np.array([0, 3], np.int32)),
    ("max_pool2d", [f32(-INF, -INF)],
     {"kernel_size": (2,), "padding": 1, "return_indices": True, "output": 1},
     np.array([0, 1], np.int32)),
    ("max_pool2d", [i8(-128)], {"kernel_size": (3,), "padding": 1}, i8(-128)),
    ("max_pool2d", [i8(1, 2, 3)], {"kernel_size": (2,), "ceil_mode": True}, i8(2, 3)),
    ("max_pool2d", [i8(1, 2, 3)], {"kernel_size": (2,)}, i8(2)),
    # no window begins in the padding behind
    ("max_pool2d", [i8(5)], {"kernel_size": (2,), "padding": 1, "ceil_mode": True}, i8(5)),
    ("avg_pool2d", [f32(6)], {"kernel_size": (2,), "padding": 1, "ceil_mode": True}, f32(3)),
    ("max_pool2d", [_SQUARE.T], {"return_indices": True, "output": 1},
     np.array([[3]], np.int32)),
    ("max_unpool2d", [f32(-0.0, 2), i8(1, -1)], {"kernel_size": (2,)}, f32(0, -0.0, 0, 2)),
    ("max_unpool2d", [f32(1, 2), i8(0, 0)], {"kernel_size": (2,)}, f32(2, 0, 0, 0)),
    ("max_unpool2d", [f32(1, 2), i8(4, -5)], {"kernel_size": (2,)}, f32(0, 0, 0, 0)),
    ("max_unpool2d", [i8(7), u8(4)], {"kernel_size": (3,), "stride": 3, "output_size": (5,)},
     i8(0, 0, 0, 0, 7)),
    ("interpolate", [f32(0, 4)], {"size": (4,)}, f32(0, 1, 3, 4)),
    ("interpolate", [f32(0, 4)], {"size": (3,), "align_corners": True}, f32(0, 2, 4)),
    ("interpolate", [f32(INF, 4, -INF)], {"size": (3,)}, f32(INF, 4, -INF)),
    ("interpolate", [f32(INF, INF, 4)], {"size": (5,), "align_corners": True},
     f32(INF, INF, INF, INF, 4)),
    ("interpolate", [u8(0, 4)], {"size": (1,)}, f32(2)),
    ("interpolate", [u8(0, 4)], {"size": (1,), "align_corners": True}, f32(0)),
    ("interpolate", [np.array([65504, 65504], np.float16)], {"size": (4,)},
     np.full(4, 65504, np.float16)),
    ("interpolate", [u8(1, 2, 3)], {"size": (5,), "mode": "nearest"}, u8(1, 1, 2, 2, 3)),
    ("interpolate", [u8(1, 2, 3)], {"size": (2,), "mode": "nearest"}, u8(1, 2)),
    ("interpolate", [u8(1, 2, 3)], {"size": (2,), "mode": "nearest-exact"}, u8(1, 3)),
    ("interpolate", [_SQUARE], {"size": (1, 0)}, np.zeros((1, 0), np.float32)),
]  # fmt: skip
