"""Random tensor programs for the tests of passes, drawn from every step that passes treat."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from engine import Tensor, dtypes
from engine.arrays import NUMPY
from engine.graph import Node
from engine.ops import Op
from engine.tensor import views

DTYPES = ("float32", "float32", "float16", "float64", "int32", "uint8", "int64", "bool", "int8")
SHAPES = ((6,), (3, 5), (4, 16), (1, 9), (17, 3), (2, 33), (2, 3, 4), (40,), (8, 32))
CASTS = ("float32", "float16", "float64", "int32", "uint8", "int16", "bool")


def contents(dtype: str, count: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    """Ordinary numbers; every third seed puts NaNs with payload, infinities, -0 … among floats.

    Not every one, or each sum of some length would be NaN, in any order.
    """
    rng = np.random.default_rng(seed)
    row = dtypes.as_dtype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, count).astype(bool)
    if not row.is_float:
        near = rng.integers(-9, 10, count)
        far = rng.integers(0, 1 << 62, count)
        return np.where(rng.random(count) < 0.8, near, far).astype(dtype)
    values = (rng.standard_normal(count) * 2.0 ** rng.integers(-3, 4, count)).astype(dtype)
    bits = values.view(NUMPY[row.unsigned])
    special = [row.infinity, row.sign_bit, 1, row.infinity + 3, row.infinity | row.sign_bit]
    for at in np.flatnonzero(rng.random(count) < (0.0 if seed % 3 else 0.1)):
        bits[at] = special[rng.integers(len(special))]
    return values


class Programs:
    """Draws tensor expressions; `made` holds what can be used further."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seed = seed * 1000
        self.made: list[Tensor] = []

    def leaf(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        self.seed += 1
        name = dtype or self.random.choice(DTYPES)
        values = contents(name, int(np.prod(shape)), self.seed).reshape(shape)
        return Tensor(values, device="PYTHON")

    def beside(self, x: Tensor) -> Tensor:
        """A tensor of the same shape."""
        same = [t for t in self.made if t.shape == x.shape]
        if same and self.random.random() < 0.6:
            return self.random.choice(same)
        return self.leaf(x.shape)  # type: ignore[arg-type] # no size is symbolic here

    def program(self) -> list[Tensor]:
        self.made = [self.leaf(self.random.choice(SHAPES))]
        for _ in range(self.random.randint(4, 10)):
            x = self.random.choice(self.made[-3:])
            step = self.random.choice(STEPS)
            self.made.append(step(self, x))
        last = self.made[-1] + 1
        if self.random.random() < 0.3:
            return [last, last.maximum(self.made[-1])]
        return [last, self.random.choice(self.made).contiguous()]

    # -- steps: each keeps to what its dtype allows ----------------------------------------------
    def unary(self, x: Tensor) -> Tensor:
        if x.dtype.kind == "bool":
            return ~x
        if not x.dtype.is_float:
            return self.random.choice([x.abs(), -x, ~x])
        return self.random.choice([x.abs, x.neg, x.sqrt, x.exp2, x.log2])()

    def binary(self, x: Tensor) -> Tensor:
        y = self.beside(x)
        if x.dtype.kind == "bool" or y.dtype.kind == "bool":
            return x.maximum(y)
        name = self.random.choice(["add", "sub", "mul", "div", "maximum", "minimum"])
        result: Tensor = getattr(x, name)(y)
        return result

    def integers(self, x: Tensor) -> Tensor:
        a, b = x.cast("int32"), self.beside(x).cast("int32")
        return self.random.choice([a // b, a % b, a << (b & 31), a >> b, a ^ b, a * b])

    def choose(self, x: Tensor) -> Tensor:
        y = self.beside(x)
        return (x < y).where(x, y) if self.random.random() < 0.5 else (x != y).where(y, x)

    def cast(self, x: Tensor) -> Tensor:
        return x.cast(self.random.choice(CASTS))

    def reduce(self, x: Tensor) -> Tensor:
        axes = sorted(self.random.sample(range(x.ndim), self.random.randint(1, x.ndim)))
        name = self.random.choice(["sum", "prod", "max", "min"])
        result: Tensor = getattr(x, name)(axes, keepdim=self.random.random() < 0.7)
        if result.ndim == 0:
            return result.reshape((1,)).expand((7,))
        return result

    def spread(self, x: Tensor) -> Tensor:
        """A reduction beside what it reduced, as in normalisation."""
        return x - x.max(x.ndim - 1, keepdim=True) if x.dtype.kind != "bool" else x

    def matmul(self, x: Tensor) -> Tensor:
        inner = x.shape[-1]
        assert isinstance(inner, int)
        return x @ self.leaf((inner, self.random.choice((1, 3, 16))))

    def move(self, x: Tensor) -> Tensor:
        last = x.shape[-1]
        assert isinstance(last, int)
        moved: tuple[Callable[[], Tensor], ...] = (
            lambda: x.flip(x.ndim - 1),
            lambda: x.permute(tuple(reversed(range(x.ndim)))),
            lambda: x.pad(((1, 2),) * x.ndim, value=1),
            lambda: x[..., 1:] if last > 2 else x,
            lambda: x.reshape((1, *x.shape)).expand((3, *x.shape)),
            lambda: x.reshape((-1,)),
            lambda: x[..., ::2],
        )
        return self.random.choice(moved)()

    def gather(self, x: Tensor) -> Tensor:
        picks = self.random.choice([(0, -1, 99, 1), (0,), (-99, 0, 0, -1, 1, 0, 2, 1)])
        return x.take(Tensor(list(picks), device="PYTHON", dtype="int32"), 0)

    def windows(self, x: Tensor) -> Tensor:
        """Overlapping windows of the last axis, or every other element backwards."""
        *outer, last = x.shape
        kept = [(0, tuple(int(j == i) for j in range(len(outer)))) for i in range(len(outer))]
        if isinstance(last, int) and last > 2 and self.random.random() < 0.6:
            places = [(o, (*f, 0, 0)) for o, f in kept] + [(0, (0,) * len(outer) + (1, 1))]
            return x._like(views.affine(x.node, (*outer, last - 1, 2), places))  # type: ignore[arg-type]
        places = [(o, (*f, 0)) for o, f in kept] + [(last - 1, (0,) * len(outer) + (-2,))]
        return x._like(views.affine(x.node, (*outer, (last + 1) // 2), places))  # type: ignore[arg-type]

    def cat(self, x: Tensor) -> Tensor:
        axis = self.random.randrange(x.ndim)
        y = self.beside(x).cast(x.dtype)
        return x._like(views.cat([x.node, (y + y).node, x.node][: self.random.randint(2, 3)], axis))

    def scan(self, x: Tensor) -> Tensor:
        name = self.random.choice(["ADD", "MUL", "MAXIMUM", "MINIMUM"])
        if x.dtype.kind == "bool" or (x.dtype is dtypes.float16 and name in ("ADD", "MUL")):
            x = x.cast("float32")
        return x._like(Node(Op.SCAN, x.dtype, (x.node,), name))

    def merge(self, x: Tensor) -> Tensor:
        """Single numbers are sorted runs; from them on, runs twice as long each time."""
        node = x.cast("int64").bitcast("uint64").node
        for k in range(self.random.randint(1, 3)):
            node = Node(Op.MERGE, node.dtype, (node,), 1 << k)
        return x._like(node).bitcast("int64")

    def scatter(self, x: Tensor) -> Tensor:
        axis = self.random.randrange(x.ndim)
        y = self.beside(x).cast(x.dtype)
        name = self.random.choice([None, "ADD", "MAXIMUM"])
        if x.dtype.kind == "bool" or x.dtype is dtypes.float16:
            name = None
        picks = self.leaf(x.shape, "int32") % 5 - 2  # type: ignore[arg-type]
        return x._like(Node(Op.SCATTER, x.dtype, (x.node, picks.node, y.node), (axis, name)))


STEPS = (
    Programs.unary, Programs.unary, Programs.binary, Programs.binary, Programs.integers,
    Programs.choose, Programs.cast, Programs.reduce, Programs.spread, Programs.matmul,
    Programs.move, Programs.move, Programs.gather, Programs.windows, Programs.cat, Programs.scan,
    Programs.merge, Programs.scatter,
)  # fmt: skip
