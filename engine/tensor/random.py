"""Random numbers: counter-based, so that the same seed gives the same bits on every device.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers:
As Easy as 1, 2, 3", SC 2011). Block c of a stream is Threefry of the counter c under the key that
`manual_seed` sets. A call takes the next blocks and advances the counter of its device by as many;
which kernels compute them, and when, changes nothing. Key and counter are read from memory, so that
drawing again compiles nothing.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from engine import dtypes, storage
from engine.backends import registry
from engine.dtypes import DType, Scalar
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, checked_dtype, common_device
from engine.tensor.variable import Size

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)  # of the reference implementation, table R_32x2
PARITY = 0x1BD11BDA  # of Skein's key schedule
ROUNDS = 20
WORD = 1 << 64


# -- the generator ---------------------------------------------------------------------------------
def _rotated(x: Node, count: int) -> Node:
    left = Node(Op.LSHIFT, x.dtype, (x, const(count, x.dtype)))
    return left | Node(Op.RSHIFT, x.dtype, (x, const(32 - count, x.dtype)))


def _half(x: Node, high: bool) -> Node:
    """The upper or lower 32 bits of uint64."""
    shifted = Node(Op.RSHIFT, x.dtype, (x, const(32, x.dtype))) if high else x
    return shifted.cast(dtypes.uint32)


def threefry(counter: Node, key: Node) -> Node:
    """Threefry-2x32-20 of uint64 nodes whose lower halves are the first words."""
    first, second = _half(key, False), _half(key, True)
    keys = (first, second, first ^ second ^ PARITY)
    x, y = _half(counter, False) + keys[0], _half(counter, True) + keys[1]
    for number in range(ROUNDS):
        x = x + y
        y = _rotated(y, ROTATIONS[number % 8]) ^ x
        if number % 4 == 3:  # a key goes in after every fourth round
            turn = number // 4 + 1
            x = x + keys[turn % 3]
            y = y + keys[(turn + 1) % 3] + turn
    wide = y.cast(dtypes.uint64)
    high = Node(Op.LSHIFT, wide.dtype, (wide, const(32, wide.dtype)))
    return high | x.cast(dtypes.uint64)


def _blocks(key: Node, counter: Node, count: int) -> Node:
    """Blocks counter, counter + 1 … as uint64 of shape (count,); key and counter are scalars."""
    numbers = Node(Op.IOTA, dtypes.int64, (), count).cast(dtypes.uint64)
    return threefry(*views.broadcast("random", numbers + counter, key))


def _words(blocks: Node, count: int) -> Node:
    """uint32 words of blocks, the lower one of each first, of shape (count,)."""
    pairs = views.expand(views.reshape(blocks, (*blocks.shape, 1)), (*blocks.shape, 2))
    which = Node(Op.IOTA, dtypes.int32, (), 2).cast(dtypes.uint64) * 32
    halves = Node(Op.RSHIFT, blocks.dtype, (pairs, views.expand(which, pairs.shape)))
    flat = views.reshape(halves.cast(dtypes.uint32), (2 * _length(blocks),))
    return views.shrink(flat, [(0, count)])


def _length(node: Node) -> int:
    size = node.shape[0]
    assert isinstance(size, int)
    return size


# -- streams ---------------------------------------------------------------------------------------
@dataclass
class _Streams:
    """The key, and how many blocks each device has drawn since it was set."""

    key: int = 0
    drawn: dict[str, int] = field(default_factory=dict)

    def take(self, device: str, count: int) -> Node:
        """The next `count` blocks of a device, as uint64 of shape (count,)."""
        start = self.drawn.get(device, 0)
        self.drawn[device] = (start + count) % WORD
        return _blocks(_in_memory(self.key, device), _in_memory(start, device), count)


def _in_memory(value: int, device: str) -> Node:
    return storage.from_host(struct.pack("<Q", value), dtypes.uint64, (), device)


_streams = _Streams()


# -- numbers ---------------------------------------------------------------------------------------
def _unit(blocks: int, device: str, count: int, dtype: DType) -> Node:
    """`count` multiples of 2**-p from 0 to below 1, all equally likely, p the precision."""
    drawn = _streams.take(device, blocks)
    bits = drawn if dtype is dtypes.float64 else _words(drawn, count)
    kept = Node(Op.RSHIFT, bits.dtype, (bits, const(bits.dtype.bits - dtype.precision, bits.dtype)))
    return kept.cast(dtype) * const(2.0**-dtype.precision, dtype)


def _shape(op: str, sizes: Sequence[object]) -> tuple[int, ...]:
    shape = views.checked_sizes(op, views.as_shape(sizes))
    if not all(isinstance(size, int) for size in shape):
        raise ValueError(f"{op}: a random tensor has no symbolic size")
    return tuple(operator.index(size) for size in shape)  # type: ignore[arg-type] # no node is left


def _float_dtype(op: str, dtype: DType | str | None) -> DType:
    row = dtypes.default_float if dtype is None else checked_dtype(op, dtype)
    if not row.is_float:
        raise TypeError(f"{op}: {row} is not a float dtype; use randint, or cast the result")
    return row


class Random(TensorBase):
    """`device` None is the default device. Every call advances the counter of its device."""

    training = False
    """Whether `dropout` drops."""

    @classmethod
    def manual_seed(cls, seed: int = 0) -> None:
        """Start all streams anew: the same seed, the same calls, the same bits, on any device.

        `seed` is taken modulo 2**64.
        """
        _streams.key = operator.index(seed) % WORD
        _streams.drawn.clear()

    def threefry(self, seed: TensorBase) -> Self:
        """Threefry-2x32-20 of each uint64 under the key `seed`, which broadcasts.

        The lower halves are the first words of counter, key and result. TypeError unless both are
        uint64.
        """
        for operand in (self, seed):
            if not isinstance(operand, TensorBase) or operand.dtype is not dtypes.uint64:
                kind = getattr(operand, "dtype", type(operand).__name__)
                raise TypeError(f"threefry: counter and key are uint64 tensors, not {kind}")
        pair = views.broadcast("threefry", self.node, seed.node)
        return self._wrap(threefry(*pair), common_device("threefry", (self, seed)))

    @classmethod
    def random_bits(cls, key: TensorBase, counter: TensorBase, num: int) -> Self:
        """`num` uint32 words: those of blocks counter, counter + 1 … under `key`, lower word first.

        `key` and `counter` are uint64 tensors of one element. TypeError or ValueError otherwise.
        """
        for operand in (key, counter):
            if operand.dtype is not dtypes.uint64 or operand.numel() != 1:
                raise TypeError("random_bits: key and counter are uint64 tensors of one element")
        count = operator.index(num)
        if count < 0:
            raise ValueError(f"random_bits: cannot draw {count} words")
        scalars = [views.reshape(operand.node, ()) for operand in (key, counter)]
        blocks = _blocks(scalars[0], scalars[1], -(-count // 2))
        return cls._wrap(_words(blocks, count), common_device("random_bits", (key, counter)))

    @classmethod
    def rand(
        cls,
        *shape: Size | Sequence[Size],
        device: str | None = None,
        dtype: DType | str | None = None,
        contiguous: bool = True,
    ) -> Self:
        """Uniform numbers from 0 to below 1: multiples of 2**-p, p the precision of the dtype.

        float64 takes a block a number, all others a word. `contiguous` gives them memory, so that
        they are drawn once. TypeError unless the dtype is a float.
        """
        sizes, row = _shape("rand", shape), _float_dtype("rand", dtype)
        name = registry.canonical(device)
        count = math.prod(sizes)
        blocks = count if row is dtypes.float64 else -(-count // 2)
        node = views.reshape(_unit(blocks, name, count, row), sizes)
        if contiguous and count:
            node = Node(Op.CONTIGUOUS, row, (node,))
        return cls._wrap(node, name)

    def rand_like(self, dtype: DType | str | None = None, device: str | None = None) -> Self:
        """`rand` with the shape, and unless given the dtype and device, of this tensor."""
        return self.rand(*self.shape, dtype=dtype or self.dtype, device=device or self._device)

    @classmethod
    def uniform(
        cls,
        *shape: Size | Sequence[Size],
        low: float = 0.0,
        high: float = 1.0,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """low + (high - low) * rand, each step rounded in the dtype: `high` may be reached."""
        unit = cls.rand(*shape, dtype=dtype, device=device)
        node = unit.node * const(high - low, unit.dtype) + const(low, unit.dtype)
        return unit._like(node)

    @classmethod
    def randint(
        cls,
        *shape: Size | Sequence[Size],
        low: int = 0,
        high: int = 10,
        dtype: DType | str = dtypes.int32,
        device: str | None = None,
    ) -> Self:
        """Integers from `low` to below `high`: low + block modulo (high - low).

        No value is more likely than another by more than 2**-64 times their number. ValueError for
        an empty range, OverflowError if the dtype does not hold it, TypeError unless it is an
        integer dtype.
        """
        row = checked_dtype("randint", dtype)
        low, high = operator.index(low), operator.index(high)
        if not row.is_int:
            raise TypeError(f"randint: {row} is not an integer dtype; cast the result")
        if low >= high:
            raise ValueError(f"randint: there is no integer from {low} to below {high}")
        if low < row.min or high - 1 > row.max:
            raise OverflowError(f"randint: {low} … {high - 1} does not fit {row}")
        sizes, name = _shape("randint", shape), registry.canonical(device)
        drawn = _streams.take(name, math.prod(sizes))
        if high - low < WORD:
            drawn = drawn % (high - low)
        node = (drawn + const(low, dtypes.uint64)).cast(row)  # modulo 2**64, and then of the dtype
        return cls._wrap(Node(Op.CONTIGUOUS, row, (views.reshape(node, sizes),)), name)

    @classmethod
    def randn(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Normal numbers, mean 0 and deviation 1: sqrt(-2 log(1 - u)) * cos(2 pi v).

        u and v are `rand` of shape (2, *shape) in float64 for float64, else in float32, where every
        step is computed; one rounding to the dtype. (Box, Muller, "A Note on the Generation of
        Random Normal Deviates", 1958.)
        """
        return cls._normal("randn", shape, 0.0, 1.0, dtype, device)

    @classmethod
    def _normal(
        cls,
        op: str,
        shape: Sequence[object],
        mean: float,
        std: float,
        dtype: DType | str | None,
        device: str | None,
    ) -> Self:
        sizes, row = _shape(op, shape), _float_dtype(op, dtype)
        pair = cls.rand(2, *sizes, dtype=dtypes.accumulator(row), device=device)
        u, v = (views.reshape(_row(pair.node, k), sizes) for k in (0, 1))
        radius = ((1.0 - u).unary(Op.LOG) * -2.0).sqrt()
        drawn = radius * (v * (2 * math.pi)).unary(Op.COS)
        if (mean, std) != (0.0, 1.0):
            drawn = drawn * std + mean
        return pair._like(drawn.cast(row))

    def randn_like(self, dtype: DType | str | None = None, device: str | None = None) -> Self:
        """`randn` with the shape, and unless given the dtype and device, of this tensor."""
        return self.randn(*self.shape, dtype=dtype or self.dtype, device=device or self._device)

    @classmethod
    def normal(
        cls,
        *shape: Size | Sequence[Size],
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """std * randn + mean, computed as `randn` is, with one rounding to the dtype at the end."""
        return cls._normal("normal", shape, float(mean), float(std), dtype, device)

    @classmethod
    def scaled_uniform(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Uniform from -1 to 1, times the number of elements to the power of -1/2."""
        count = math.prod(_shape("scaled_uniform", shape))
        bound = max(count, 1) ** -0.5
        return cls.uniform(*shape, low=-bound, high=bound, dtype=dtype, device=device)

    @classmethod
    def glorot_uniform(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Uniform up to sqrt(6 / (inputs + outputs)): sizes of axis 0 and of all others.

        (Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", AISTATS 2010.)
        """
        first, *rest = _fans("glorot_uniform", shape)
        bound = math.sqrt(6 / max(first + math.prod(rest), 1))
        return cls.uniform(*shape, low=-bound, high=bound, dtype=dtype, device=device)

    @classmethod
    def kaiming_uniform(
        cls,
        *shape: Size | Sequence[Size],
        a: float = 0.01,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Uniform up to sqrt(3) * gain / sqrt(inputs), gain = sqrt(2 / (1 + a²)).

        Inputs are all axes but the first. (He, Zhang, Ren, Sun, "Delving Deep into Rectifiers",
        ICCV 2015.)
        """
        bound = math.sqrt(3.0) * _kaiming("kaiming_uniform", shape, a)
        return cls.uniform(*shape, low=-bound, high=bound, dtype=dtype, device=device)

    @classmethod
    def kaiming_normal(
        cls,
        *shape: Size | Sequence[Size],
        a: float = 0.01,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Normal with deviation gain / sqrt(inputs); see `kaiming_uniform`."""
        std = _kaiming("kaiming_normal", shape, a)
        return cls.normal(*shape, mean=0.0, std=std, dtype=dtype, device=device)

    def dropout(self, p: Scalar = 0.5) -> Self:
        """While `Tensor.training`: zeros with probability p, the others times 1 / (1 - p).

        An element is kept where a float32 `rand` is at least p. Otherwise, and for p = 0, a copy
        of the tensor. ValueError unless 0 <= p <= 1.
        """
        if not 0 <= p <= 1:
            raise ValueError(f"dropout: p must be from 0 to 1, not {p}")
        if not type(self).training or p == 0:
            return self._like(self.node)
        drawn = self.rand(*self.shape, dtype=dtypes.float32, device=self._device)
        kept = ~drawn.node.lt(float(p))
        scale = const(1.0 if p == 1 else 1.0 / (1.0 - p), self.dtype)
        return self._like(kept.where(self.node * scale, const(0, self.dtype)))


def _row(pair: Node, number: int) -> Node:
    ends = [(0, size) for size in pair.shape]
    ends[0] = (number, number + 1)
    return views.shrink(pair, ends)


def _fans(op: str, sizes: Sequence[object]) -> tuple[int, ...]:
    shape = _shape(op, sizes)
    if not shape:
        raise ValueError(f"{op}: a tensor of shape () has no inputs and outputs")
    return shape


def _kaiming(op: str, sizes: Sequence[object], a: float) -> float:
    inputs = math.prod(_fans(op, sizes)[1:])
    return math.sqrt(2.0 / (1 + a**2)) / math.sqrt(max(inputs, 1))
