"""Factorisations of matrices, the last two axes; all axes in front are a batch.

bool and integers become the default float first; narrower ones are computed in float32, and every
result is rounded once. Made of the operations of other files, so that all devices give the same
bits.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Self

from engine.dtypes import Scalar
from engine.graph import Node
from engine.ops import Op
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase
from engine.tensor.composite import step_dtype
from engine.tensor.gradient import tracking
from engine.tensor.gradient.singular import with_models
from engine.tensor.householder import in_memory, reflected, sizes
from engine.tensor.jacobi import singular
from engine.tensor.linalg import product
from engine.tensor.reduce import SUM_ORDER, reduced
from engine.tensor.variable import show

Factors = tuple[Node, ...]


class Factorisation(TensorBase):
    """Matrices with an infinity or a NaN have factors that are NaN everywhere."""

    def qr(self) -> tuple[Self, Self]:
        """Q (…, m, m) orthogonal and R (…, m, n) upper triangular with x = Q R.

        By Householder's reflections with LAPACK's signs: where something is left to clear below an
        element of the diagonal it changes its sign, else it stays. Below the diagonal R is +0.
        ValueError for fewer than two axes, or symbolic ones.
        """
        q, r = self._factored("qr", reflected)
        return q, r

    def svd(self, full_matrices: bool = True) -> tuple[Self, Self, Self]:
        """U, S and Vᵀ with x = U diag(S) Vᵀ: U and V orthogonal, S descending and not negative.

        (…, m, n) gives (…, m, m), (…, k) and (…, n, n), k = min(m, n); unless `full_matrices`
        (…, m, k), (…, k) and (…, k, n), which are the first columns and rows of these. By Jacobi's
        rotations in a number of sweeps that depends on k alone, see `jacobi.sweeps_of`; they are
        written out in the graph, which is meant for k up to a hundred or two. ValueError for fewer
        than two axes, or symbolic ones.
        """

        def factors(x: Node, device: str) -> Factors:
            return _singular(x, device, full_matrices)

        u, s, v = self._factored("svd", factors)
        return u, s, v

    def _factored(self, name: str, factors: Callable[[Node, str], Factors]) -> tuple[Self, ...]:
        """Each factor in the shape of the batch and the dtype of the result."""
        *lead, rows, columns = self._fixed(name)
        dtype = promotion.as_float(self.dtype)
        x = self.node.cast(dtype).cast(step_dtype(dtype))
        x = in_memory(views.reshape(x, (math.prod(lead), rows, columns)))
        whole = _finite(x)
        clean = views.expand(whole, x.shape).where(x, x.constant(0))
        found = []
        for factor in factors(clean, self.device):
            kept = views.reshape(whole, (x.shape[0], *(1,) * (len(factor.shape) - 1)))
            factor = views.expand(kept, factor.shape).where(factor, factor.constant(math.nan))
            found.append(views.reshape(factor.cast(dtype), (*lead, *factor.shape[1:])))
        return tuple(self._wrap(node, self.device) for node in found)

    def _fixed(self, name: str) -> tuple[int, ...]:
        """The sizes of a batch of matrices."""
        shape = tuple(size for size in self.shape if isinstance(size, int))
        if len(shape) < max(2, self.ndim):
            raise ValueError(f"{name}: a matrix has two fixed axes, not {show(self.shape)}")
        return shape

    def newton_schulz(self, steps: int, params: Sequence[Scalar], eps: Scalar = 1e-7) -> Self:
        """x with its singular values driven to those where a polynomial is fixed.

        With x divided by sqrt(sum(x²)) + eps, and transposed while it has more rows than columns,
        each step makes G into p₀ G + (p₁ A + p₂ A² + …) G, A = G Gᵀ and Aᵏ⁺¹ = Aᵏ A, evaluated from
        left to right as it stands. (Higham, "Functions of Matrices", 2008, 8.3; with three
        parameters, Jordan's optimizer "Muon", 2024.) ValueError for fewer than two axes, a negative
        number of steps, and no parameters.
        """
        count, numbers = operator.index(steps), tuple(params)
        if self.ndim < 2:
            raise ValueError(f"newton_schulz: a matrix has two axes, not {show(self.shape)}")
        if count < 0 or not numbers:
            given = f"{count} steps with {len(numbers)} parameters"
            raise ValueError(f"newton_schulz: there are no {given}")
        dtype = promotion.as_float(self.dtype)
        x = self.node.cast(dtype).cast(step_dtype(dtype))
        last = len(x.shape) - 1
        length = reduced(Op.ADD, x * x, (last - 1, last), SUM_ORDER).sqrt() + eps
        x = x / views.expand(length, x.shape)
        tall = _is_taller(x)
        x = _transposed(x) if tall else x
        for _ in range(count):
            x = _improved(x, numbers)
        return self._like((_transposed(x) if tall else x).cast(dtype))


def _finite(x: Node) -> Node:
    """(b, 1, 1) of x (b, m, n): whether all elements of a matrix are finite."""
    fine = x.unary(Op.ABS).lt(math.inf)
    return reduced(Op.MINIMUM, fine, (1, 2), None)


def _singular(x: Node, device: str, full: bool) -> Factors:
    """U, S and Vᵀ; a wide matrix is decomposed as its transpose."""
    _, rows, columns = sizes(x)
    known = tracking.detached(x)
    if rows < columns:
        v, s, u = singular(_transposed(known), device)
    else:
        u, s, v = singular(known, device)
    count = min(rows, columns)
    if not full:
        u, v = views.narrowed(u, 2, 0, count), views.narrowed(v, 2, 0, count)
    u, s, v = with_models(x, u, s, v)
    return u, s, _transposed(v)


def _transposed(x: Node) -> Node:
    *lead, rows, columns = range(len(x.shape))
    return views.permute(x, (*lead, columns, rows))


def _is_taller(x: Node) -> bool:
    rows, columns = x.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int):
        return rows > columns
    raise ValueError(f"newton_schulz: which of {show(x.shape)} is larger is not fixed")


def _improved(x: Node, params: Sequence[Scalar]) -> Node:
    """p₀ x + (p₁ A + p₂ A² + …) x with A = x xᵀ."""
    square = product("newton_schulz", x, _transposed(x))
    power, total = square, None
    for number, factor in enumerate(params[1:]):
        power = product("newton_schulz", power, square) if number else square
        total = power * factor if total is None else total + power * factor
    scaled = x * params[0]
    return scaled if total is None else scaled + product("newton_schulz", total, x)
