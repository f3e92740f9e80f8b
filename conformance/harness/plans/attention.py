"""Batches of attention: masks, causality, heads that share keys, nothing to see."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, styled
from conformance.harness.plans.layouts import (
    CONTIGUOUS,
    STRIDED,
    Layouts,
    beside,
    count_of,
    small,
    worthwhile,
)
from conformance.harness.values import Value
from oracles.catalog import ALL, BOOL, FLOATS
from oracles.formats import FORMATS

Shape = tuple[int, ...]
# query, key, value, attributes
_CALLS: tuple[tuple[Shape, Shape, Shape, dict[str, Value]], ...] = (
    ((2, 3, 4), (2, 5, 4), (2, 5, 6), {}),
    ((9, 5), (7, 5), (7, 3), {"is_causal": True}),
    ((1, 4, 3, 2), (1, 2, 5, 2), (1, 2, 5, 2), {"enable_gqa": True}),
    ((2, 1, 3, 40), (3, 34, 40), (34, 2), {}),
    ((0, 4), (3, 4), (3, 2), {}),
    ((2, 4), (0, 4), (0, 3), {}),
)


def _operands(
    build: Builder, rng: Generator, dtypes: tuple[str, ...], shapes: tuple[Shape, ...]
) -> list[int]:
    return [
        build.input(dtype, small(rng, dtype, count_of(shape)), shape)
        for dtype, shape in zip(dtypes, shapes)
    ]


def _mask(build: Builder, rng: Generator, dtype: str, shape: Shape) -> int:
    """Bools; or floats, of which some are -inf. The last row sees nothing, the first something."""
    row = FORMATS[dtype]
    bits = small(rng, dtype, count_of(shape)).reshape(shape)
    hidden = 0 if dtype == "bool" else row.overflow | row.sign_bit
    if dtype != "bool":
        bits = np.where(rng.random(shape) < 0.3, row.unsigned.type(hidden), bits)
    bits[..., -1, :], bits[..., 0, 0] = hidden, 1 if dtype == "bool" else 0
    return build.input(dtype, bits.reshape(-1), shape)


def attention_calls(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Shapes and attributes; masks of the scores' shape and smaller; infinities and NaNs."""
    build = Builder()
    for *shapes, attributes in worthwhile(dtypes[0], _CALLS, 0):
        build.judged(op, *_operands(build, rng, dtypes, tuple(shapes)), **attributes)
    q, k, v = _operands(build, rng, dtypes, ((2, 3, 4), (2, 9, 4), (2, 9, 2)))
    build.judged(op, q, k, v, _mask(build, rng, dtypes[3], (3, 9)))
    if not FORMATS[dtypes[0]].is_float:
        return build.case()
    build.judged(op, q, k, v, _mask(build, rng, dtypes[3], (2, 3, 1)))
    wild = build.input(dtypes[2], styled(rng, dtypes[2], 9 * 2, "edges"), (9, 2))
    build.judged(op, q, k, wild)
    return build.case()


def attention_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Heads behind the places in memory, as layers leave them; a flipped and transposed mask."""
    build = Builder()
    shapes = ((2, 5, 3, 4), (2, 6, 3, 4), (2, 6, 3, 2))
    heads = [
        build.apply("permute", one, order=(0, 2, 1, 3))
        for one in _operands(build, rng, dtypes, shapes)
    ]
    mask = build.apply("permute", _mask(build, rng, dtypes[3], (6, 5)), order=(1, 0))
    build.judged(op, *heads, build.apply("flip", mask, axis=(0,)))
    return build.case()


LAYOUTS: dict[str, Layouts] = {
    "scaled_dot_product_attention": {
        "main": (attention_calls, CONTIGUOUS), "strided": (attention_strided, STRIDED),
    },
}  # fmt: skip
_MASKS = BOOL + FLOATS
CELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "scaled_dot_product_attention": (
        *((name, name, name, beside(name, _MASKS, k + 3)) for k, name in enumerate(ALL)),
        *((name, name, name, "bool") for name in ("float16", "float32")),
        ("int8", "float64", "float16", "float32"),
    ),
}  # fmt: skip
