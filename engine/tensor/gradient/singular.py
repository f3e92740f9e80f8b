"""The gradient of singular values and vectors, by models of how they move with the matrix.

Rotations stop where a matrix is nearly diagonal, so the derivatives of their steps are not those of
what they converge to. With A = U diag(S) Vᵀ and the inner derivative D = Uᵀ dA V:

    dS = diag(D)
    dU = U (F ∘ (D S + S Dᵀ)) + (I - U Uᵀ) dA V / S       F[i, j] = 1 / (S[j]² - S[i]²), 0 for i = j
    dV = V (F ∘ (S D + Dᵀ S)) + (I - V Vᵀ) dAᵀ U / S

(Townsend, Differentiating the singular value decomposition, 2016.) The models put A for dA, which
is linear in A. Their factors are constants, so there is no second derivative, and asking raises.
"""

from __future__ import annotations

from engine.graph import Node
from engine.ops import Op
from engine.tensor import views
from engine.tensor.gradient import tracking
from engine.tensor.linalg import product
from engine.tensor.reduce import SUM_ORDER, reduced

_ONCE = "svd is differentiated once; there is no gradient of its gradient"
_COLUMNS = (
    "svd: the vectors beyond the singular values are not determined by the matrix; use "
    "full_matrices=False"
)


def with_models(x: Node, u: Node, s: Node, v: Node) -> tuple[Node, Node, Node]:
    """U (b, m, k or m), S (b, k) and V (b, n, k or n) of x (b, m, n) with their gradients.

    Where singular values are equal, those of U and V are infinite or NaN; what is beyond the k-th
    column of either has none.
    """
    if not x.tracked:
        return u, s, v
    count = s.shape[-1]
    a = tracking.refused(x, (), _ONCE, times=1)
    left, right = (views.narrowed(m, 2, 0, count) for m in (u, v))
    along = product("svd", a, right)
    inner = product("svd", _turned(left), along)
    values = tracking.surrogate(s, (x,), lambda: _diagonal(left, along))
    back = product("svd", _turned(a), left)
    return (
        _moving(u, x, left, s, along, inner),
        values,
        _moving(v, x, right, s, back, _turned(inner)),
    )


def _diagonal(left: Node, along: Node) -> Node:
    """The diagonal of the product of both."""
    return views.squeezed(reduced(Op.ADD, left * along, (1,), SUM_ORDER), (1,))


def _moving(whole: Node, x: Node, left: Node, s: Node, along: Node, inner: Node) -> Node:
    """Vectors with their gradient; `left` are those of singular values, `along` is A times the
    others, and `inner` the product of both."""
    count = left.shape[-1]
    row, column = views.unsqueezed(s, 1), views.unsqueezed(s, 2)

    def model() -> Node:
        wide = inner.shape
        across, down = views.expand(row, wide), views.expand(column, wide)
        places = views.expand(views.iota(count), wide)
        apart = across * across - down * down
        mixed = (inner * across + down * _turned(inner)) / apart
        mixed = places.eq(_turned(places)).where(0, mixed)
        moved = product("svd", left, mixed)
        if left.shape[1] == count:
            return moved
        rest = along - product("svd", left, inner)
        return moved + rest / views.expand(row, rest.shape)

    moving = tracking.surrogate(left, (x,), model)
    if whole.shape == left.shape:
        return moving
    others = views.narrowed(whole, 2, count, whole.shape[2])
    return views.cat((moving, tracking.refused(others, (x,), _COLUMNS)), 2)


def _turned(x: Node) -> Node:
    return views.permute(x, (0, 2, 1))
