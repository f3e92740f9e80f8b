"""Norms, attention and losses at their ends and corners, by hand from their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN, f32, i8, u8

_NONE = {"reduction": "none"}
_PAIR = f32(0, 0, 0, -INF).reshape(2, 2)
_LOG2 = np.float32(np.log(2))
_ONE, _TWO = f32(1)[None], f32(1, 1)[:, None]
_EMPTY = np.zeros((0, 3), np.float32)


def scalar(value: float) -> Array:
    """A result without axes."""
    return np.asarray(np.float32(value))


NORMS: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("layernorm", [f32(1, 3)], {"eps": 0.0}, f32(-1, 1)),
    ("layernorm", [f32(7, 7)], {}, f32(0, 0)),
    ("layernorm", [f32(7, 7)], {"eps": 0.0}, f32(NAN, NAN)),
    ("layernorm", [f32(INF, 1)], {}, f32(NAN, NAN)),
    ("layernorm", [i8(-3, 3)[:, None]], {"axis": None, "eps": 16.0}, f32(-0.6, 0.6)[:, None]),
    ("layernorm", [np.float16([-300, 300])], {"eps": 0.0}, np.float16([-1, 1])),
    ("layernorm", [scalar(3)], {}, scalar(0)),
    ("layernorm", [_EMPTY], {"axis": 0}, _EMPTY),
    ("batchnorm", [f32(5, -0.0)[None], f32(1, 0), f32(2, 1)], {}, f32(8, -0.0)[None]),
    ("batchnorm", [f32(5, 2)[None], f32(1, 0), f32(2, 0.5), f32(3, -4)], {}, f32(24, -4)[None]),
    ("batchnorm", [f32(3, 3), f32(1), f32(2), f32(10), f32(0.5)], {"axis": 0}, f32(40.5, 40.5)),
    ("batchnorm", [f32(2**99)[None], f32(0), f32(2**-99), f32(2**99)], {}, f32(INF)[None]),
    ("batchnorm", [u8(3)[None], i8(5), np.float16([2])], {}, np.float16([[-4]])),
    ("normalize", [f32(3, -4)], {"dim": 0}, f32(0.6, -0.8)),
    ("normalize", [f32(0, -0.0)], {"dim": 0}, f32(0, -0.0)),
    ("normalize", [f32(0.25)], {"dim": 0, "eps": 0.5}, f32(0.5)),
    ("normalize", [i8(1, -3)[None]], {"p": 1.0}, f32(0.25, -0.75)[None]),
    ("normalize", [f32(2, -8)[None]], {"p": INF}, f32(0.25, -1)[None]),
    ("normalize", [f32(2, 0, -8)[None]], {"p": 0.0}, f32(1, 0, -4)[None]),
    ("normalize", [f32(INF, 1)], {"dim": 0}, f32(NAN, 0)),
]  # fmt: skip

ATTENTION: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("scaled_dot_product_attention", [_ONE, _TWO, f32(1, 3)[:, None]], {}, f32(2)[None]),
    ("scaled_dot_product_attention",
     [_ONE, _TWO, f32(1, 3)[:, None], np.array([[False, True]])], {}, f32(3)[None]),
    ("scaled_dot_product_attention",
     [_ONE, _TWO, f32(1, 3)[:, None], np.array([[False, False]])], {}, f32(NAN)[None]),
    ("scaled_dot_product_attention",
     [_ONE, _TWO, f32(1, 3)[:, None], f32(0, -INF)[None]], {}, f32(1)[None]),
    ("scaled_dot_product_attention", [_TWO, _TWO, f32(1, 3)[:, None]], {"is_causal": True},
     f32(1, 2)[:, None]),
    ("scaled_dot_product_attention",
     [_TWO[:, None], _ONE[None], f32(5)[None, None]], {"enable_gqa": True},
     f32(5, 5)[:, None, None]),
    ("scaled_dot_product_attention",
     [_ONE, np.zeros((0, 1), np.float32), np.zeros((0, 2), np.float32)], {}, f32(0, 0)[None]),
]  # fmt: skip

LOSSES: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("binary_crossentropy", [f32(0, 1, 0, 1), f32(0, 1, 1, 0)], _NONE, f32(0, 0, 100, 100)),
    ("binary_crossentropy", [f32(1.5, -0.5, NAN), f32(1, 0, 1)], _NONE, f32(NAN, NAN, NAN)),
    ("binary_crossentropy", [f32(0.5, 0.5), f32(1, 0.5)], {}, scalar(_LOG2)),
    ("binary_crossentropy", [f32(), f32()], {}, scalar(NAN)),
    ("binary_crossentropy", [f32(), f32()], {"reduction": "sum"}, scalar(0)),
    ("binary_crossentropy_logits", [f32(0, 200, -200), f32(1, 1, 1)], _NONE, f32(_LOG2, 0, 200)),
    ("binary_crossentropy_logits", [f32(-50, 50), f32(1, 1), f32(3, 3)], {"reduction": "sum"},
     scalar(150)),
    ("binary_crossentropy_logits", [f32(INF, -INF), f32(1, 1)], _NONE, f32(NAN, INF)),
    ("cross_entropy", [_PAIR, i8(1, 0)], _NONE, f32(_LOG2, 0)),
    ("cross_entropy", [_PAIR, i8(0, 1)], _NONE, f32(_LOG2, INF)),
    ("cross_entropy", [_PAIR, i8(-1, 2)], _NONE, f32(0, 0)),
    ("cross_entropy", [_PAIR, i8(-1, 0)], {}, scalar(0)),
    ("cross_entropy", [f32(0, 0), np.asarray(np.int8(1))], {}, scalar(_LOG2)),
    ("cross_entropy", [f32(0, 0), f32(0.5, 0.5)], {}, scalar(_LOG2)),
    ("cross_entropy", [_PAIR, i8(1, 0, 1, 0).reshape(2, 2)], _NONE, f32(_LOG2, NAN)),
    ("cross_entropy", [f32(0, 0)[None], i8(9)], {"label_smoothing": 0.5}, scalar(_LOG2 / 2)),
    ("cross_entropy", [_EMPTY, i8()], {}, scalar(NAN)),
    ("sparse_categorical_crossentropy", [_PAIR, i8(1, -1)], {}, scalar(_LOG2)),
    ("sparse_categorical_crossentropy", [_PAIR, i8(-1, -1)], {}, scalar(NAN)),
    ("sparse_categorical_crossentropy", [_PAIR, i8(1, 7)], {}, scalar(_LOG2 / 2)),
    ("sparse_categorical_crossentropy", [_PAIR, i8(1, 0)],
     {"ignore_index": 0, "label_smoothing": 1.0, "reduction": "sum"}, scalar(_LOG2)),
    ("nll_loss", [f32(-1, -2, -3, -4).reshape(2, 2), i8(0, 1)], {}, scalar(2.5)),
    ("nll_loss", [f32(-1, -2, -3, -4).reshape(2, 2), i8(0, 1), f32(1, 3)], {}, scalar(3.25)),
    ("nll_loss", [f32(-1, -INF, -3, -4).reshape(2, 2), i8(1, 0)],
     {"ignore_index": 1, **_NONE}, f32(0, 3)),
    ("nll_loss", [f32(-1, -INF, -3, NAN).reshape(2, 2), i8(-1, 2)], _NONE, f32(0, 0)),
    ("nll_loss", [f32(-1, -INF, -3, NAN).reshape(2, 2), i8(1, 1)], _NONE, f32(INF, NAN)),
    ("nll_loss", [f32(-1, -2, -3, -4).reshape(2, 2), i8(5, 1)], {}, scalar(4)),
    ("nll_loss", [f32(-1, -2)[None], i8(1)], {"ignore_index": 1}, scalar(NAN)),
    ("nll_loss", [f32(0)[None], i8(0), f32(-0.0)], _NONE, f32(0)),
    ("nll_loss", [np.float16([[-60000]] * 3), u8(0, 0, 0)], {"reduction": "sum"},
     np.asarray(np.float16(INF))),
    ("nll_loss", [np.float16([[-60000]] * 3), u8(0, 0, 0)], {}, np.asarray(np.float16(60000))),
]  # fmt: skip

CASES = [*NORMS, *ATTENTION, *LOSSES]
