"""Batches of the rows whose results depend on shapes: reductions, matmul, movement, indexing,
creation.  Each batch is one program with many outputs, so that a cell is a few launches.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import CONST_LIMIT, Case
from conformance.harness.draws import STYLES, Generator, core_edges, plain, styled
from conformance.harness.values import Value
from oracles.catalog import ROWS
from oracles.edges import edges
from oracles.formats import FORMATS, Array

Recipe = Callable[[Generator, str, tuple[str, ...]], Case]
Layouts = dict[str, tuple[Recipe, tuple[str, ...]]]

CONTIGUOUS = ("buffer", "contiguous", "tail", "single kernel")
STRIDED = ("buffer", "strided", "tail", "single kernel")
CONST = ("const", "contiguous", "single kernel")
KERNELS = ("buffer", "contiguous", "tail", "multi kernel")


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


# -- reductions ------------------------------------------------------------------------------------
LENGTHS = (1, 32, 33, 1024, 1025, 2049)  # around lanes and blocks of the order
UNORDERED_LENGTHS = (1, 2, 31, 33, 64, 257)
LONG = 33 * 1024 + 5  # its 34 blocks do not fit one row of lanes
AXES: tuple[tuple[tuple[int, ...], tuple[Value, ...]], ...] = (
    ((3, 5, 7), (0, 1, (0, -1), (1, 2), None, ())),
    ((2, 33, 3), (1, (0, 1))),
    ((1, 4, 1), ((0, 2),)),
    ((), (None,)),
)
EMPTY: tuple[tuple[tuple[int, ...], Value, bool], ...] = (
    # shape, axis, whether the reduced axes are empty although the result is not
    ((0,), 0, True),
    ((3, 0, 2), 1, True),
    ((3, 0, 2), None, True),
    ((3, 0, 2), 0, False),
    ((0, 4), 1, False),
)


def reduce_lengths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """One row of each style at every length."""
    build = Builder()
    (dtype,) = dtypes
    for length in UNORDERED_LENGTHS if ROWS[op].order is None else LENGTHS:
        bits = np.concatenate([styled(rng, dtype, length, style) for style in STYLES])
        x = build.input(dtype, bits, (len(STYLES), length))
        build.judged(op, x, axis=1, keepdim=False)
    return build.case()


def reduce_long(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """More blocks than one round of lanes takes."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, plain(rng, dtype, LONG))
    build.judged(op, x, axis=None, keepdim=False)
    return build.case()


def reduce_axes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every kind of axis, kept or not; empty tensors where the row allows them."""
    build = Builder()
    (dtype,) = dtypes
    for shape, choices in AXES:
        for k, axis in enumerate(choices):
            x = build.input(dtype, styled(rng, dtype, _count(shape), STYLES[k % 5]), shape)
            build.judged(op, x, axis=axis, keepdim=bool(k % 2))
    for shape, axis, needs_identity in EMPTY:
        if op in ("sum", "prod") or not needs_identity:
            x = build.input(dtype, np.zeros(0, FORMATS[dtype].unsigned), shape)
            build.judged(op, x, axis=axis, keepdim=False)
    if "dtype" in ROWS[op].attributes:
        x = build.input(dtype, styled(rng, dtype, 3 * 37, "plain"), (3, 37))
        for target in ("int16", "uint64", "float16", "float64"):
            build.judged(op, x, axis=1, keepdim=False, dtype=target)
    return build.case()


def reduce_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Over transposed, flipped, expanded and shrunk views: the numbering is the view's."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 37 * 45, "plain"), (37, 45))
    build.judged(op, build.apply("permute", x, order=(1, 0)), axis=None, keepdim=False)
    build.judged(op, build.apply("permute", x, order=(1, 0)), axis=0, keepdim=False)
    build.judged(op, build.apply("flip", x, axis=(1,)), axis=1, keepdim=True)
    window = build.apply("shrink", x, arg=((3, 36), (5, 42)))
    build.judged(op, window, axis=None, keepdim=False)
    row = build.input(dtype, styled(rng, dtype, 35, "edges"), (1, 35))
    build.judged(op, build.apply("expand", row, shape=(33, 35)), axis=0, keepdim=False)
    padded = build.apply("pad", x, padding=((1, 2), (30, 4)))
    build.judged(op, padded, axis=1, keepdim=False)
    return build.case()


def reduce_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants reduced, which a folding rule may try at compile time."""
    build = Builder()
    (dtype,) = dtypes
    table = build.input(dtype, core_edges(dtype), const=True)
    build.judged(op, table, axis=None, keepdim=False)
    for bits in core_edges(dtype, 4).reshape(-1, 1):
        scalar = build.input(dtype, bits, (), const=True)
        wide = build.apply("expand", scalar, shape=(3, 41))
        build.judged(op, wide, axis=1, keepdim=False)
    one = build.apply("expand", scalar, shape=(1,))
    build.judged(op, one, axis=0, keepdim=False)
    return build.case()


def reduce_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A reduction of what reductions made."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 5 * 67, "plain"))
    y = build.apply("reshape", through_kernels(build, x, dtype, 5 * 67), shape=(5, 67))
    build.judged(op, y, axis=1, keepdim=False)
    return build.case()


# -- matmul ----------------------------------------------------------------------------------------
MATRICES = (
    ((3, 5), (5, 7)), ((4, 256), (256, 3)), ((5, 257), (257, 2)), ((2, 515), (515, 3)),
    ((17, 33), (33, 19)),
)  # fmt: skip
PRODUCTS = (
    ((6,), (6,)), ((3, 6), (6,)), ((6,), (6, 4)), ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((3, 2), (2, 0)),
    ((300,), (300,)),
)  # fmt: skip


def _matmuls(rng: Generator, dtypes: tuple[str, ...], shapes: tuple[object, ...]) -> Case:
    build = Builder()
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = list(shapes)  # type: ignore[arg-type]
    for k, (left, right) in enumerate(pairs):
        style = ("plain", "plain", "ties", "edges", "nan")[k % 5]
        x = build.input(dtypes[0], styled(rng, dtypes[0], _count(left), style), left)
        y = build.input(dtypes[1], styled(rng, dtypes[1], _count(right), style), right)
        build.judged("matmul", x, y)
    return build.case()


def matmul_matrices(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Contracted lengths around the block of 256."""
    return _matmuls(rng, dtypes, MATRICES)


def matmul_shapes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Vectors, batches that broadcast, empty matrices."""
    return _matmuls(rng, dtypes, PRODUCTS)


def matmul_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed and flipped operands, and one tensor times its own transpose."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35 * 9, "plain"), (35, 9))
    y = build.input(dtypes[1], styled(rng, dtypes[1], 35 * 11, "plain"), (35, 11))
    turned = build.apply("permute", x, order=(1, 0))
    build.judged("matmul", turned, y)
    build.judged("matmul", turned, build.apply("flip", y, axis=(0,)))
    build.judged("matmul", turned, x)
    return build.case()


def matmul_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A constant matrix against itself and against a buffer."""
    build = Builder()
    x = build.input(dtypes[0], np.resize(core_edges(dtypes[0]), 12), (3, 4), const=True)
    y = build.input(dtypes[1], np.resize(core_edges(dtypes[1])[::-1], 12), (4, 3), const=True)
    z = build.input(dtypes[1], styled(rng, dtypes[1], 4 * 5, "plain"), (4, 5))
    build.judged("matmul", x, y)
    build.judged("matmul", x, z)
    return build.case()


def matmul_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """The left operand comes out of reductions."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 7 * 13, "plain"))
    made = through_kernels(build, x, dtypes[0], 7 * 13)
    y = build.input(dtypes[1], styled(rng, dtypes[1], 13 * 5, "plain"), (13, 5))
    build.judged("matmul", build.apply("reshape", made, shape=(7, 13)), y)
    return build.case()


# -- movement and indexing -------------------------------------------------------------------------
MOVES: dict[str, tuple[tuple[tuple[int, ...], dict[str, Value]], ...]] = {
    "reshape": (
        ((6, 35), {"shape": (210,)}), ((210,), {"shape": (7, -1, 3)}), ((1,), {"shape": ()}),
        ((), {"shape": (1, 1)}), ((0, 3), {"shape": (3, 0, 2)}), ((4, 9), {"shape": (6, 6)}),
    ),
    "permute": (
        ((5, 7), {"order": (1, 0)}), ((3, 5, 7), {"order": (2, 0, 1)}), ((4,), {"order": (0,)}),
        ((2, 0, 3), {"order": (1, 2, 0)}), ((), {"order": ()}),
        ((2, 3, 4, 5), {"order": (3, 1, 2, 0)}),
    ),
    "expand": (
        ((1, 37), {"shape": (5, 37)}), ((3, 1), {"shape": (3, 17)}), ((), {"shape": (2, 3)}),
        ((7,), {"shape": (2, 3, 7)}), ((1, 3), {"shape": (0, 3)}), ((5, 1), {"shape": (-1, 4)}),
    ),
    "shrink": (
        ((37,), {"arg": ((3, 36),)}), ((5, 7), {"arg": ((0, 5), (2, 5))}),
        ((5, 7), {"arg": ((4, 4), (0, 7))}), ((3, 4, 5), {"arg": ((1, 2), (0, 3), (2, 5))}),
        ((), {"arg": ()}),
    ),
    "flip": (
        ((37,), {"axis": (0,)}), ((5, 7), {"axis": (0, 1)}), ((5, 7), {"axis": (-1,)}),
        ((3, 0), {"axis": (0,)}), ((2, 3, 4), {"axis": (0, 2)}), ((2, 3), {"axis": 1}),
    ),
    "pad": (
        ((37,), {"padding": ((1, 2),)}), ((3, 5), {"padding": ((0, 0), (4, 1))}),
        ((0,), {"padding": ((2, 3),)}), ((2, 3, 1), {"padding": ((1, 0), (0, 2), (3, 3))}),
    ),
    "getitem": (
        ((37,), {"index": (5,)}), ((37,), {"index": (-1,)}), ((37,), {"index": (slice(3, 30, 4),)}),
        ((37,), {"index": (slice(None, None, -1),)}), ((37,), {"index": (slice(30, 2, -7),)}),
        ((5, 7), {"index": (2, slice(1, 6))}), ((5, 7), {"index": (..., 3)}),
        ((5, 7), {"index": (None, slice(4, 1), None)}), ((3, 4, 5), {"index": (slice(None), -2)}),
        ((3, 4, 5), {"index": (1, ..., slice(None, None, 2))}), ((5, 7), {"index": ()}),
        ((5, 7), {"index": (slice(-100, 100), slice(-3, None))}), ((5,), {"index": 4}),
        ((2, 0), {"index": (slice(1, 2),)}),
        ((4, 6), {"index": (slice(3, None, -2), slice(5, 0, -3))}),
    ),
}  # fmt: skip


def _pad_values(dtype: str) -> tuple[Value, ...]:
    row = FORMATS[dtype]
    if row.is_float:
        return (-0.0, float("nan"), float("-inf"), 1.1, 3)
    return (True,) if row.kind == "bool" else (row.minimum, row.maximum, 1)


def moves(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every shape of the table, edge values inside; bits are judged, payloads too."""
    build = Builder()
    (dtype,) = dtypes
    for shape, attributes in MOVES[op]:
        x = build.input(dtype, styled(rng, dtype, _count(shape), "edges"), shape)
        build.judged(op, x, **attributes)
    if op == "pad":
        x = build.input(dtype, styled(rng, dtype, 11, "edges"))
        for value in _pad_values(dtype):
            build.judged(op, x, padding=((2, 1),), value=value)
    return build.case()


def moves_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Views of views."""
    build = Builder()
    (dtype,) = dtypes
    for shape, attributes in MOVES[op]:
        turned = tuple(reversed(shape))
        x = build.input(dtype, styled(rng, dtype, _count(shape), "edges"), turned)
        order = tuple(reversed(range(len(shape))))
        view = build.apply("permute", x, order=order)
        if shape:
            view = build.apply("flip", view, axis=(len(shape) - 1,))
        build.judged(op, view, **attributes)
    return build.case()


def moves_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants moved."""
    build = Builder()
    (dtype,) = dtypes
    for shape, attributes in MOVES[op]:
        count = _count(shape)
        if count <= CONST_LIMIT:
            bits = np.resize(core_edges(dtype), count)
            build.judged(op, build.input(dtype, bits, shape, const=True), **attributes)
        elif op != "reshape":
            scalar = build.input(dtype, core_edges(dtype)[-1:], (), const=True)
            wide = build.apply("expand", scalar, shape=shape)
            wide = wide if op != "expand" else build.apply("shrink", wide, arg=_whole(shape))
            build.judged(op, wide, **attributes)
    return build.case()


def _whole(shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((0, n) for n in shape)


def moves_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """What is moved comes out of reductions."""
    build = Builder()
    (dtype,) = dtypes
    shape, attributes = next(m for m in MOVES[op] if _count(m[0]) > 4)
    x = build.input(dtype, styled(rng, dtype, _count(shape), "edges"))
    made = through_kernels(build, x, dtype, _count(shape))
    build.judged(op, build.apply("reshape", made, shape=shape), **attributes)
    return build.case()


TAKES = (
    ((37,), (9,), 0), ((5, 7), (4,), 1), ((5, 7), (2, 3), 0), ((3, 4, 5), (6,), -2), ((6,), (), 0),
    ((0, 3), (2,), 0), ((4, 3), (0,), 1),
)  # fmt: skip


def takes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Positions inside, negative, and far outside."""
    build = Builder()
    for shape, picks, axis in TAKES:
        x = build.input(dtypes[0], styled(rng, dtypes[0], _count(shape), "edges"), shape)
        positions = _positions(rng, dtypes[1], _count(picks), shape[axis])
        build.judged(op, x, build.input(dtypes[1], positions, picks), axis=axis)
    return build.case()


def _positions(rng: Generator, dtype: str, count: int, extent: int) -> Array:
    row = FORMATS[dtype]
    inside = rng.integers(-extent - 1, extent + 2, count)
    bits = inside.astype(np.int64).astype(np.uint64).astype(row.unsigned)
    far = rng.choice(edges(dtype), count)
    return np.where(rng.random(count) < 0.3, far, bits)


def takes_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """From a transposed tensor at flipped positions."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35, "edges"), (5, 7))
    picks = build.input(dtypes[1], _positions(rng, dtypes[1], 9, 7))
    view = build.apply("permute", x, order=(1, 0))
    build.judged(op, view, build.apply("flip", picks, axis=(0,)), axis=0)
    return build.case()


def takes_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constant positions, and a constant table."""
    build = Builder()
    picks = build.input(dtypes[1], _positions(rng, dtypes[1], 9, 5), const=True)
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35, "edges"), (5, 7))
    build.judged(op, x, picks, axis=0)
    bits = np.resize(core_edges(dtypes[0]), 5)
    build.judged(op, build.input(dtypes[0], bits, const=True), picks, axis=0)
    return build.case()


def takes_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Out of what reductions made."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 37, "edges"))
    picks = build.input(dtypes[1], _positions(rng, dtypes[1], 11, 37))
    build.judged(op, through_kernels(build, x, dtypes[0], 37), picks, axis=0)
    return build.case()


# -- creation --------------------------------------------------------------------------------------
RANGES: tuple[tuple[Value, Value, Value], ...] = (
    (0, 37, 1), (3, 100, 7), (5, 5, 1), (5, 1, 1), (0, 1, 1),
)  # fmt: skip
SIGNED_RANGES: tuple[tuple[Value, Value, Value], ...] = (
    (10, -11, -3), (-5, 6, 2), (0, -3, -1),  # the last starts at +0: 0 + 0 * -1
)  # fmt: skip
FLOAT_RANGES: tuple[tuple[Value, Value, Value], ...] = (
    (0.0, 1.0, 0.1), (1.5, -2.0, -0.25), (0.0, 5000.0, 1.0),
)  # fmt: skip


def aranges(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Ranges that fit the dtype."""
    build = Builder()
    row = FORMATS[dtypes[0]]
    ranges = list(RANGES)
    if row.kind != "uint":
        ranges += SIGNED_RANGES
    if row.is_float:
        ranges += FLOAT_RANGES
    for start, stop, step in ranges:
        build.judged(op, start=start, stop=stop, step=step, dtype=row.name)
    return build.case()


def fulls(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Edge values as Python scalars, in several shapes."""
    build = Builder()
    for value in (*_pad_values(dtypes[0]), 0):
        for shape in ((), (37,), (2, 0), (3, 1, 5)):
            build.judged(op, shape=shape, fill_value=value, dtype=dtypes[0])
    return build.case()


_REDUCE: Layouts = {
    "main": (reduce_lengths, CONTIGUOUS), "axes": (reduce_axes, CONTIGUOUS),
    "long": (reduce_long, KERNELS),
    "strided": (reduce_strided, STRIDED), "const": (reduce_const, CONST),
    "kernels": (reduce_kernels, KERNELS),
}  # fmt: skip
_MATMUL: Layouts = {
    "main": (matmul_matrices, CONTIGUOUS), "shapes": (matmul_shapes, CONTIGUOUS),
    "strided": (matmul_strided, STRIDED), "const": (matmul_const, CONST),
    "kernels": (matmul_kernels, KERNELS),
}  # fmt: skip
_MOVE: Layouts = {
    "main": (moves, CONTIGUOUS), "strided": (moves_strided, STRIDED),
    "const": (moves_const, CONST), "kernels": (moves_kernels, KERNELS),
}  # fmt: skip
_TAKE: Layouts = {
    "main": (takes, CONTIGUOUS), "strided": (takes_strided, STRIDED),
    "const": (takes_const, CONST), "kernels": (takes_kernels, KERNELS),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = {
    **dict.fromkeys(("sum", "prod", "max", "min"), _REDUCE),
    **dict.fromkeys(MOVES, _MOVE),
    "matmul": _MATMUL,
    "take": _TAKE,
    "arange": {"main": (aranges, CONST)},
    "full": {"main": (fulls, CONST)},
}
