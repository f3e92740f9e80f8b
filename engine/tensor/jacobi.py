"""Singular values by one-sided Jacobi rotations, all disjoint pairs of a round at once.

G. Golub, C. Van Loan, "Matrix Computations", 4th edition, 8.5.4 for the rounds and 8.6.3.
Z. Drmač, K. Veselić, "New Fast and Accurate Jacobi SVD Algorithm", 2008: what is rotated is not A
but Rᵀ of its QR with columns in decreasing order, which takes fewer sweeps.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from engine import dtypes, storage
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import views
from engine.tensor.along import cut_last, gathered_last
from engine.tensor.householder import (
    dot,
    extent,
    identity,
    in_memory,
    power_of_two,
    reflected,
    sizes,
)
from engine.tensor.reduce import SUM_ORDER, reduced
from engine.tensor.sort import order_of


def sweeps_of(columns: int) -> int:
    """How many sweeps are made over this many columns.

    At least two more than any matrix of the tests needed, Hilbert's and those with clusters of
    singular values among them: 2 for 2 columns, 6 for 8, 11 for 32, 18 for 128. Where all columns
    are orthogonal a sweep changes nothing.
    """
    return 2 + -(-5 * (columns - 1).bit_length() // 2) if columns > 1 else 0


def singular(x: Node, device: str) -> tuple[Node, Node, Node]:
    """U (b, m, m), S (b, n) descending and V (b, n, n) of x (b, m, n), m >= n.

    Elements are finite. With P the order of the columns, x P = Q R and Rᵀ J = W, where J rotates
    until the columns of W are orthogonal. U is Q J, and P W is V times the lengths of the columns,
    which are S. A second QR takes them off, so that V is orthogonal where they are 0 too.
    """
    batch, rows, columns = sizes(x)
    if 0 in x.shape:
        values = views.expand(const(0, x.dtype), (batch, columns))
        return identity(batch, rows, x.dtype), values, identity(batch, columns, x.dtype)
    scale = power_of_two(extent(extent(x, 1), 2))
    x = in_memory(x / views.expand(scale, x.shape))
    places = _decreasing(x)
    q, r = reflected(in_memory(_columns(x, places)), device)
    triangle = views.permute(_rows(r, 0, columns), (0, 2, 1))
    both = _rotated(views.cat((triangle, cut_last(q, 0, columns)), 1), columns, device)
    both = in_memory(_columns(both, _decreasing(_rows(both, 0, columns))))
    turned = _rows(both, 0, columns)
    lengths = views.squeezed(dot(turned, turned, 1).sqrt(), (1,))
    values = lengths * views.expand(views.squeezed(scale, (1,)), lengths.shape)
    left = views.cat((_rows(both, columns, columns + rows), cut_last(q, columns, rows)), 2)
    right, diagonal = reflected(turned, device)
    right = views.permute(right * views.expand(_signs(diagonal), right.shape), (0, 2, 1))
    return left, values, views.permute(_columns(right, order_of(places)), (0, 2, 1))


# -- movement --------------------------------------------------------------------------------------
def _rows(x: Node, start: int, end: int) -> Node:
    """Rows start … end-1."""
    return views.narrowed(x, 1, start, end)


def _columns(x: Node, places: Node) -> Node:
    """The columns of x (b, m, n) at places (b, k) or (k,)."""
    batch, rows, _ = sizes(x)
    wide = views.reshape(places, (*places.shape[:-1], 1, *places.shape[-1:]))
    shape = (batch, rows, *places.shape[-1:])
    return gathered_last(x, views.expand(wide, shape))


def _decreasing(x: Node) -> Node:
    """The places of the columns of x (b, m, n) in decreasing order of their lengths."""
    return order_of(views.squeezed(dot(x, x, 1), (1,)), descending=True)


def _signs(x: Node) -> Node:
    """(b, 1, n) of x (b, n, n): -1 where the element on the diagonal is negative, else 1."""
    batch, size, _ = sizes(x)
    diagonal = views.affine(x, (batch, 1, size), ((0, (1, 0, 0)), (0, (0, 0, 1)), (0, (0, 0, 1))))
    return diagonal.lt(0).where(const(-1, x.dtype), const(1, x.dtype))


# -- rotations -------------------------------------------------------------------------------------
class _Round(NamedTuple):
    """Where things are in a round over an even number n of columns, in memory.

    Column i < n/2 is rotated with column n/2 + i. `first` and `second` are the columns whose
    products are summed: each with itself, and then those of each pair. Afterwards columns move, so
    that n - 1 rounds pair all and bring them back: `own` is the column that comes to a place,
    `other` the one that it was rotated with, `pair` the number of their pair, and `sign` is 1
    where it is the first of the two, else -1.
    """

    first: Node
    second: Node
    own: Node
    other: Node
    pair: Node
    sign: Node


def _round(columns: int, device: str) -> _Round:
    half = columns // 2
    left, right = list(range(half)), list(range(half, columns))
    own = [0, half, *left[1:-1], *right[1:], half - 1] if half > 1 else [0, 1]
    tables = (
        left + right + left, left + right + right, own, [(k + half) % columns for k in own],
        [k % half for k in own], [1 if k < half else -1 for k in own],
    )  # fmt: skip
    return _Round(*(_table(numbers, device) for numbers in tables))


def _table(numbers: Sequence[int], device: str) -> Node:
    words = struct.pack(f"<{len(numbers)}i", *numbers)
    return storage.from_host(words, dtypes.int32, (len(numbers),), device)


def _rotated(x: Node, count: int, device: str) -> Node:
    """The columns of x, rotated until their first `count` elements are orthogonal.

    Where their product is at most u times the greater length of the two times that of the matrix,
    two columns are left alone; u is half an ulp of 1.
    """
    columns = sizes(x)[2]
    upper = _rows(x, 0, count)
    length = reduced(Op.ADD, upper * upper, (1, 2), SUM_ORDER).sqrt()
    least = in_memory(length * 2.0**-x.dtype.precision)
    even = in_memory(views.pad(x, ((0, 0), (0, 0), (0, columns % 2)), const(0, x.dtype)))
    places = _round(columns + columns % 2, device)
    for _ in range(sweeps_of(columns) * (columns + columns % 2 - 1)):
        even = _turned(even, count, least, places)
    return cut_last(even, 0, columns)


def _turned(x: Node, count: int, least: Node, places: _Round) -> Node:
    """One round: in each pair the smaller rotation that makes two columns orthogonal.

    With a and b the squared lengths, p the product, zeta = (b - a) / 2p and t = sign(zeta) /
    (|zeta| + sqrt(1 + zeta²)), c = 1 / sqrt(1 + t²), s = c t and r = s / (1 + c), columns x and y
    become x - s (y + r x) and y + s (x - r y): small rotations make small errors.
    """
    upper = _rows(x, 0, count)
    sums = in_memory(dot(_columns(upper, places.first), _columns(upper, places.second), 1))
    half = sizes(sums)[2] // 3
    a, b, p = (_columns(sums, places.pair + k * half) for k in range(3))
    length = a.binary(Op.MAXIMUM, b).sqrt()
    apart = (views.expand(least, length.shape) * length).lt(p.unary(Op.ABS))
    zeta = (b - a) / (p + p)
    t = 1.0 / (zeta.unary(Op.ABS) + (zeta * zeta + 1.0).sqrt())
    t = apart.where(zeta.lt(0).where(-t, t), const(0, x.dtype))
    sign = places.sign.cast(x.dtype)
    t = in_memory(t * views.expand(views.reshape(sign, (1, 1, *sign.shape)), t.shape))
    t = views.expand(t, x.shape)
    c = 1.0 / (t * t + 1.0).sqrt()
    s = c * t
    own, other = _columns(x, places.own), _columns(x, places.other)
    return in_memory(own - s * (other + s / (c + 1.0) * own))
