"""Arrays that tests of references write down."""

from __future__ import annotations

import numpy as np

from oracles.formats import Array

NAN, INF = np.nan, np.inf


def f16(*values: float) -> Array:
    return np.array(values, np.float16)


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


def f64(*values: float) -> Array:
    return np.array(values, np.float64)


def i8(*values: int) -> Array:
    return np.array(values, np.int8)


def u8(*values: int) -> Array:
    return np.array(values, np.uint8)


def flags(*values: bool) -> Array:
    return np.array(values, np.bool_)
