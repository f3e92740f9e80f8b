"""Edges of movement, joining and indexing: name, operands, attributes, and what is due."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import NAN, f32, f64, flags, i8, u8

Case = tuple[str, list[Array], dict[str, Any], Array]

SNAN = np.array([0x7F800001], np.uint32).view(np.float32)
NUMBERS = f32(1, 2, 3)
GRID = i8(1, 2, 3, 4, 5, 6).reshape(2, 3)


def i32(*values: int) -> Array:
    return np.array(values, np.int32)


MOVEMENT: list[Case] = [
    ("bitcast", [u8(1, 2, 3, 4)], {"dtype": "uint32"}, np.array([0x04030201], np.uint32)),
    ("bitcast", [np.array([[0x0201]], np.int16)], {"dtype": "int8"}, i8(1, 2)[None]),
    ("pad", [NUMBERS], {"padding": ((-1, 1),), "value": 9}, f32(2, 3, 9)),
    ("pad", [NUMBERS], {"padding": ((4, 1),), "mode": "reflect"}, f32(1, 2, 3, 2, 1, 2, 3, 2)),
    ("pad", [NUMBERS], {"padding": ((2, -1),), "mode": "replicate"}, f32(1, 1, 1, 2)),
    ("pad", [NUMBERS], {"padding": ((1, 4),), "mode": "circular"}, f32(3, 1, 2, 3, 1, 2, 3, 1)),
    ("pad_to", [SNAN], {"shape": (2,), "value": -0.0}, np.r_[SNAN, f32(-0.0)]),
    ("shrink_to", [GRID], {"shape": (None, 1)}, i8(1, 4)[:, None]),
    ("repeat", [NUMBERS], {"repeats": (2, 1)}, np.stack([NUMBERS, NUMBERS])),
    ("repeat_interleave", [np.r_[SNAN, f32(2)]], {"repeats": 2}, np.r_[SNAN, SNAN, f32(2, 2)]),
    ("roll", [NUMBERS], {"shifts": 4}, f32(3, 1, 2)),
    ("roll", [GRID], {"shifts": (1, -1), "dims": (0, 1)}, i8(5, 6, 4, 2, 3, 1).reshape(2, 3)),
    ("unfold", [NUMBERS], {"dim": 0, "size": 2, "step": 1}, f32(1, 2, 2, 3).reshape(2, 2)),
    ("diagonal", [GRID], {"offset": 1}, i8(2, 6)),
    ("diagonal", [GRID], {"offset": -5}, i8()),
    ("diag", [i8(1, 2)], {}, i8(1, 0, 0, 2).reshape(2, 2)),
    ("diag", [GRID], {}, i8(1, 5)),
    ("tril", [GRID], {}, i8(1, 0, 0, 4, 5, 0).reshape(2, 3)),
    ("triu", [GRID], {"diagonal": 1}, i8(0, 2, 3, 0, 0, 6).reshape(2, 3)),
    ("rearrange", [GRID], {"formula": "a (b c) -> c (a b)", "sizes": (("c", 3),)}, GRID.T),
    ("split", [NUMBERS], {"sizes": 2, "output": 1}, f32(3)),
    ("split", [NUMBERS], {"sizes": (0, 3), "output": 0}, f32()),
    ("chunk", [NUMBERS], {"chunks": 2, "output": 0}, f32(1, 2)),
    ("cat", [SNAN, f32(2)], {}, np.r_[SNAN, f32(2)]),
    ("cat", [SNAN, f64(2)], {}, f64(NAN, 2)),
    ("stack", [i8(1), u8(200)], {}, np.array([[1], [200]], np.int16)),
    ("meshgrid", [i8(1, 2), f32(3)], {"output": 0, "indexing": "xy"}, i8(1, 2)[None]),
]  # fmt: skip

INDEX: list[Case] = [
    ("getitem", [GRID, i8(1, -1), i8(-4, 0)], {"index": ("t1", "t2")}, i8(0, 4)),
    ("getitem", [GRID, flags(False, True)], {"index": "t1"}, i8(4, 5, 6)[None]),
    ("getitem", [GRID, i8(-1)], {"index": ("t1", True)}, i8(4, 5, 6)[None]),
    ("getitem", [GRID], {"index": (1, False)}, np.zeros((0, 3), np.int8)),
    ("getitem", [GRID, i8(0)], {"index": (slice(None), None, "t1")}, i8(1, 4)[:, None, None]),
    ("gather", [GRID, i8(2, -1, 3, 0).reshape(2, 2)], {"dim": 1}, i8(3, 3, 0, 4).reshape(2, 2)),
    ("gather", [np.asarray(SNAN[0]), np.asarray(np.uint64(2**63))], {"dim": 0},
     np.asarray(np.float32(0))),
    ("one_hot", [i8(1, -1, 3)], {"num_classes": 3},
     i32(0, 1, 0, 0, 0, 0, 0, 0, 0).reshape(3, 3)),
    ("nonzero", [f32(-0.0, NAN, 0, 2)], {}, i32(1, 3)[:, None]),
    ("nonzero", [GRID], {"size": 7, "fill_value": -1},
     i32(0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2, -1, -1).reshape(7, 2)),
    ("nonzero", [np.asarray(np.float32(1))], {}, np.zeros((1, 0), np.int32)),
    ("masked_select", [np.r_[SNAN, f32(1)], flags(True, False)], {}, SNAN),
    ("masked_select", [NUMBERS, np.asarray(True)], {"size": 2}, f32(1, 2)),
    ("linspace", [], {"start": 0, "stop": 1, "steps": 5}, f32(0, 0.25, 0.5, 0.75, 1)),
    ("linspace", [], {"start": 0, "stop": 5, "steps": 3, "dtype": "int8"}, i8(0, 2, 5)),
    ("linspace", [], {"start": 7, "stop": 9, "steps": 1}, f32(7)),
]  # fmt: skip

CASES = [*MOVEMENT, *INDEX]
