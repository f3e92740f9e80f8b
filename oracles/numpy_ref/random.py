"""Random numbers in numpy: the generator written out with 32-bit words, streams from block 0.

Threefry-2x32 with 20 rounds: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
`seed` is the key, and what a row draws begins at block 0 of its stream.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oracles.formats import FORMATS, Array
from oracles.numpy_ref.support import convert, rounded, scalar
from oracles.promotion import accumulator

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_SKEIN_PARITY = np.uint32(0x1BD11BDA)
_ROUNDS_OF_FOUR = 5


def _rotate(x: Array, count: int) -> Array:
    return np.asarray((x << np.uint32(count)) | (x >> np.uint32(32 - count)))


def _split(x: Array) -> tuple[Array, Array]:
    return x.astype(np.uint32), (x >> np.uint64(32)).astype(np.uint32)


def threefry(counter: Array, seed: Array) -> Array:
    """The generator on uint64, whose lower halves are the first words."""
    low_key, high_key = _split(np.asarray(seed))
    schedule = [low_key, high_key, low_key ^ high_key ^ _SKEIN_PARITY]
    a, b = _split(np.asarray(counter))
    with np.errstate(over="ignore"):
        a, b = a + schedule[0], b + schedule[1]
        for four in range(_ROUNDS_OF_FOUR):
            for count in _ROTATIONS[four % 2]:
                a = a + b
                b = _rotate(b, count) ^ a
            a = a + schedule[(four + 1) % 3]
            b = b + schedule[(four + 2) % 3] + np.uint32(four + 1)
    return np.asarray(a.astype(np.uint64) | (b.astype(np.uint64) << np.uint64(32)))


def _blocks(seed: int, start: int, count: int) -> Array:
    with np.errstate(over="ignore"):
        counters = np.arange(count, dtype=np.uint64) + np.uint64(start)
    return threefry(counters, np.asarray(seed % 2**64, dtype=np.uint64))


def _words(seed: int, start: int, count: int) -> Array:
    low, high = _split(_blocks(seed, start, -(-count // 2)))
    return np.stack([low, high], axis=-1).reshape(-1)[:count]


def stream(seed: int, count: int) -> Array:
    """The first `count` blocks, as uint64."""
    return _blocks(seed, 0, count)


def random_bits(key: Array, counter: Array, num: int) -> Array:
    """`num` words from block `counter` on, lower halves first."""
    return _words(int(key.reshape(-1)[0]), int(counter.reshape(-1)[0]), num)


def unit(count: int, dtype: str, seed: int) -> Array:
    """The first `count` numbers of `rand`, flat."""
    row = FORMATS[dtype]
    bits = _blocks(seed, 0, count) if row.bits == 64 else _words(seed, 0, count)
    width = 64 if row.bits == 64 else 32
    kept = bits >> bits.dtype.type(width - row.precision)
    scaled = kept.astype(np.float64) * 2.0**-row.precision  # exact: at most 53 bits
    return np.asarray(scaled.astype(row.numpy_dtype))


def rand(shape: Sequence[int], seed: int, dtype: str = "float32") -> Array:
    """Multiples of 2**-p from 0 to below 1, p the precision."""
    return unit(math.prod(shape), dtype, seed).reshape(tuple(shape))


def uniform(
    shape: Sequence[int], seed: int, low: float = 0.0, high: float = 1.0, dtype: str = "float32"
) -> Array:
    """low + (high - low) * rand, each step rounded."""
    scaled = rounded(np.multiply, rand(shape, seed, dtype), scalar(high - low, dtype))
    return rounded(np.add, scaled, scalar(low, dtype))


def randint(
    shape: Sequence[int], seed: int, low: int = 0, high: int = 10, dtype: str = "int32"
) -> Array:
    """low + block modulo (high - low)."""
    row = FORMATS[dtype]
    drawn = _blocks(seed, 0, math.prod(shape)).tolist()
    values = [low + block % (high - low) for block in drawn]
    return np.array(values, dtype=row.numpy_dtype).reshape(tuple(shape))


def _symmetric(shape: Sequence[int], seed: int, bound: float, dtype: str) -> Array:
    return uniform(shape, seed, -bound, bound, dtype)


def scaled_uniform(shape: Sequence[int], seed: int, dtype: str = "float32") -> Array:
    """Uniform up to the number of elements to the power of -1/2."""
    return _symmetric(shape, seed, max(math.prod(shape), 1) ** -0.5, dtype)


def glorot_uniform(shape: Sequence[int], seed: int, dtype: str = "float32") -> Array:
    """Uniform up to sqrt(6 / (inputs + outputs))."""
    bound = math.sqrt(6 / max(shape[0] + math.prod(shape[1:]), 1))
    return _symmetric(shape, seed, bound, dtype)


def kaiming_uniform(
    shape: Sequence[int], seed: int, a: float = 0.01, dtype: str = "float32"
) -> Array:
    """Uniform up to sqrt(3) * sqrt(2 / (1 + a**2)) / sqrt(inputs)."""
    gain = math.sqrt(2.0 / (1 + a**2)) / math.sqrt(max(math.prod(shape[1:]), 1))
    return _symmetric(shape, seed, math.sqrt(3.0) * gain, dtype)


def normal(
    shape: Sequence[int], seed: int, mean: float = 0.0, std: float = 1.0, dtype: str = "float32"
) -> Array:
    """std * randn + mean in float64, rounded; an estimate, its last bits are not a reference."""
    drawn = unit(2 * math.prod(shape), accumulator(dtype), seed).astype(np.float64)
    u, v = drawn.reshape(2, *shape)
    value = std * np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v) + mean
    return convert(np.asarray(value), dtype)


def randn(shape: Sequence[int], seed: int, dtype: str = "float32") -> Array:
    """Normal numbers by the formula of Box and Muller; an estimate like `normal`."""
    return normal(shape, seed, dtype=dtype)


def kaiming_normal(
    shape: Sequence[int], seed: int, a: float = 0.01, dtype: str = "float32"
) -> Array:
    """`normal` with deviation math.sqrt(2 / (1 + a**2)) / math.sqrt(inputs)."""
    std = math.sqrt(2.0 / (1 + a**2)) / math.sqrt(max(math.prod(shape[1:]), 1))
    return normal(shape, seed, 0.0, std, dtype)
