"""QR by Householder's reflections, with the choices of LAPACK's `dgeqrf`.

G. Golub, C. Van Loan, "Matrix Computations", 4th edition, 5.1 and 5.2. Reflections are applied to
[A | I], which becomes [R | Qᵀ]. All steps have one shape, and the number of a step is read from
memory, so that they share their kernels.
"""

from __future__ import annotations

import struct

from engine import dtypes, storage
from engine.dtypes import DType
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import views
from engine.tensor.along import cut_last, gathered_last
from engine.tensor.linalg import product
from engine.tensor.reduce import SUM_ORDER, reduced


def reflected(x: Node, device: str) -> tuple[Node, Node]:
    """Q (b, m, m) and R (b, m, n) of x (b, m, n), whose elements are finite.

    Columns are scaled by powers of two, which changes no quotient in them: R alone can overflow.
    """
    batch, rows, columns = sizes(x)
    if 0 in x.shape:
        return identity(batch, rows, x.dtype), x
    scale = power_of_two(extent(x, 1))
    work = in_memory(_beside_identity(x / views.expand(scale, x.shape)))
    for step in range(min(rows - 1, columns)):
        work = in_memory(_reflect(work, counter(step, device)))
    upper = cut_last(work, 0, columns) * views.expand(scale, x.shape)
    down, across = _places(upper)
    kept = across.lt(down).where(const(0, x.dtype), upper)
    return views.permute(cut_last(work, columns, columns + rows), (0, 2, 1)), kept


def sizes(x: Node) -> tuple[int, int, int]:
    """The sizes of a batch of matrices."""
    batch, rows, columns = x.shape
    assert isinstance(batch, int) and isinstance(rows, int) and isinstance(columns, int)
    return batch, rows, columns


def in_memory(x: Node) -> Node:
    """x in memory of its own."""
    return Node(Op.CONTIGUOUS, x.dtype, (x,))


def counter(value: int, device: str) -> Node:
    """An int32 scalar that is read from memory, so that kernels do not depend on it."""
    return storage.from_host(struct.pack("<i", value), dtypes.int32, (), device)


def extent(x: Node, axis: int) -> Node:
    """The size of the largest element along an axis, which stays with size 1."""
    return reduced(Op.MAXIMUM, x.unary(Op.ABS), (axis,), None)


def power_of_two(x: Node) -> Node:
    """The largest power of two that is at most x, and the least normal number below that.

    Dividing by it leaves nothing of 2 or more, and is exact but for what is 2**-emin times smaller.
    """
    bits = x.bitcast(x.dtype.unsigned)
    exponent = bits & bits.constant_bits(x.dtype.infinity)
    return exponent.bitcast(x.dtype).binary(Op.MAXIMUM, 2.0 ** (1 - x.dtype.bias))


def dot(x: Node, y: Node, axis: int) -> Node:
    """The sum of products along an axis, which stays with size 1, in the order of `sum`."""
    return reduced(Op.ADD, x * y, (axis,), SUM_ORDER)


def _places(x: Node) -> tuple[Node, Node]:
    """The row and the column of each element of x (b, m, n), as int32."""
    _, rows, columns = sizes(x)
    down = views.expand(views.reshape(views.iota(rows), (1, rows, 1)), x.shape)
    return down, views.expand(views.reshape(views.iota(columns), (1, 1, columns)), x.shape)


def identity(batch: int, size: int, dtype: DType) -> Node:
    """(b, n, n): ones on the diagonals."""
    zeros = views.expand(const(0, dtype), (batch, size, size))
    down, across = _places(zeros)
    return across.eq(down).where(const(1, dtype), zeros)


def _beside_identity(x: Node) -> Node:
    """[x | I]."""
    _, rows, columns = sizes(x)
    wide = views.pad(x, ((0, 0), (0, 0), (0, rows)), const(0, x.dtype))
    down, across = _places(wide)
    return across.eq(down + columns).where(const(1, x.dtype), wide)


def _reflect(work: Node, step: Node) -> Node:
    """One reflection (I - tau v vᵀ) of all of `work`, which clears column `step` below its row.

    With alpha the element on the diagonal and s the sum of the squares below, both divided by a
    power of two, beta = -sign(alpha) sqrt(alpha² + s), tau = (beta - alpha) / beta, and v is 1 at
    `step` and x / (alpha - beta) below. Where s is 0 nothing is reflected.
    """
    batch, rows, _ = sizes(work)
    one, zero = const(1, work.dtype), const(0, work.dtype)
    column = gathered_last(work, views.expand(step, (batch, rows, 1)))
    down = views.expand(views.reshape(views.iota(rows), (1, rows, 1)), column.shape)
    at, below = down.eq(step), step.lt(down)
    active = in_memory(down.lt(step).where(zero, column))
    scale = power_of_two(extent(active, 1))
    x = active / views.expand(scale, active.shape)
    tail = below.where(x, zero)
    s = dot(tail, tail, 1)
    picked = gathered_last(views.permute(x, (0, 2, 1)), views.expand(step, (batch, 1, 1)))
    alpha = in_memory(picked)
    norm = (alpha * alpha + s).sqrt()
    flat = s.eq(0)
    beta = flat.where(alpha, alpha.lt(0).where(norm, -norm))
    tau = flat.where(zero, (beta - alpha) / flat.where(one, beta))
    divisor = views.expand(flat.where(one, alpha - beta), x.shape)
    v = in_memory(at.where(one, below.where(x / divisor, zero)))
    weights = product("qr", views.permute(v, (0, 2, 1)), work)
    weights = views.expand(tau, weights.shape) * weights
    changed = work - views.expand(v, work.shape) * views.expand(weights, work.shape)
    down, across = _places(work)
    cleared = down.eq(step).where(views.expand(beta * scale, work.shape), zero)
    cleared = down.lt(step).where(work, cleared)
    return across.eq(step).where(cleared, changed)
