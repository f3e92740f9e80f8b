"""The order of accumulation, repeated in numpy bit for bit.

Source: the contract's section on the order of accumulation.  Order(L, R): element i belongs to
block i // (L*R) and lane i % L; lanes start at the identity and combine their elements in
sequence; lanes combine by halving; the results of several blocks are the elements of another
Order(L, R), until one remains.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from oracles.catalog import Order
from oracles.formats import FORMATS, Array

_STEPS: dict[str, np.ufunc] = {"sum": np.add, "prod": np.multiply}
_IDENTITY: dict[str, int] = {"sum": 0, "prod": 1}
SCAN_CHUNK = 256


def ordered_reduce(values: Array, op: str, lanes: int, rows: int) -> Array:
    """Reduce the last axis of `values` [..., n] in Order(lanes, rows); the dtype is kept.

    `values` must already be in the accumulator dtype.  NaNs are left as the hardware made
    them; the caller makes them canonical after the final rounding.
    """
    step, identity = _STEPS[op], values.dtype.type(_IDENTITY[op])
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], identity, dtype=values.dtype)
    with np.errstate(all="ignore"):
        while True:
            values = _reduce_blocks(values, step, identity, lanes, rows)
            if values.shape[-1] == 1:
                return np.asarray(values[..., 0])


def _reduce_blocks(
    values: Array, step: np.ufunc, identity: np.generic, lanes: int, rows: int
) -> Array:
    """[..., n] to [..., blocks].  The tail is filled with the identity, which changes no bit:
    a running sum is never -0, and a product times 1 is itself."""
    count = values.shape[-1]
    block = lanes * rows
    blocks = -(-count // block)
    used_rows = rows if blocks > 1 else -(-count // lanes)
    padded = np.full((*values.shape[:-1], blocks * used_rows * lanes), identity)
    padded[..., :count] = values
    grid = padded.reshape(*values.shape[:-1], blocks, used_rows, lanes)
    running = np.full((*values.shape[:-1], blocks, lanes), identity)
    for row in range(used_rows):
        running = step(running, grid[..., row, :])
    return _halve(running, step)


def _halve(running: Array, step: np.ufunc) -> Array:
    """lane[l] = lane[l] o lane[l + h] for l < h, for h = L/2 ... 1."""
    half = running.shape[-1] // 2
    while half >= 1:
        running = step(running[..., :half], running[..., half : 2 * half])
        half //= 2
    return np.asarray(running[..., 0])


def ordered_scan(values: Array, op: str) -> Array:
    """Each element of the last axis with those before it; the dtype is kept.

    Chunks of SCAN_CHUNK elements are scanned in sequence from the identity, their totals by the
    same rule; the total before a chunk is combined with each of its elements.
    """
    step, identity = _STEPS[op], values.dtype.type(_IDENTITY[op])
    count = values.shape[-1]
    chunks = -(-count // SCAN_CHUNK)
    padded = np.full((*values.shape[:-1], chunks * SCAN_CHUNK), identity)
    padded[..., :count] = values
    grid = padded.reshape(*values.shape[:-1], chunks, SCAN_CHUNK)
    running = np.full(grid.shape[:-1], identity)
    local = np.empty_like(grid)
    with np.errstate(all="ignore"):
        for place in range(min(count, SCAN_CHUNK)):
            running = step(running, grid[..., place])
            local[..., place] = running
        if chunks > 1:
            before = ordered_scan(running, op)[..., :-1]
            local[..., 1:, :] = step(before[..., None], local[..., 1:, :])
    return local.reshape(padded.shape)[..., :count]


def scan_path(count: int) -> int:
    """How many roundings the last of `count` scanned elements has behind it at most."""
    if count <= SCAN_CHUNK:
        return count
    return SCAN_CHUNK + scan_path(-(-count // SCAN_CHUNK)) + 1


def ordered_matmul(x: Array, y: Array, order: Order) -> Array:
    """[..., m, k] @ [..., k, n] in the dtype of x and y: products rounded, then summed.

    `order` must have one lane; the contracted index is walked in sequence, in blocks.
    """
    if order.lanes != 1:
        raise ValueError("matmul is summed with one lane")
    depth = x.shape[-1]
    partials = []
    with np.errstate(all="ignore"):
        for begin in range(0, depth, order.rows):
            window = range(begin, min(begin + order.rows, depth))
            partials.append(_dot_block(x, y, window))
    if not partials:
        return _dot_block(x, y, range(0))
    stacked = np.stack(partials, axis=-1)
    if len(partials) == 1:
        return np.asarray(stacked[..., 0])
    return ordered_reduce(stacked, "sum", order.lanes, order.rows)


def _dot_block(x: Array, y: Array, window: range) -> Array:
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    running = np.zeros((*batch, x.shape[-2], y.shape[-1]), dtype=x.dtype)
    for k in window:
        product = np.multiply(x[..., :, k, None], y[..., k, None, :])
        running = np.add(running, product)
    return running


def longest_path(count: int, order: Order) -> int:
    """How many additions (or products) an element passes through at most.

    A sum in any order obeys the bound of gamma with this number for n (Higham, section 4.2).
    """
    if order.lanes & (order.lanes - 1):
        raise ValueError("the number of lanes is a power of two")
    path = 0
    while True:
        path += min(-(-count // order.lanes), order.rows) + order.lanes.bit_length() - 1
        count = -(-count // (order.lanes * order.rows))
        if count <= 1:
            return path


def gamma(count: int, dtype: str) -> Fraction:
    """gamma_n = n*u / (1 - n*u), u half the spacing at 1.

    Source: N. Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    """
    unit = Fraction(1, 2 ** FORMATS[dtype].precision)
    scaled = count * unit
    if scaled >= 1:
        raise ValueError(f"gamma of {count} terms has no meaning in {dtype}")
    return scaled / (1 - scaled)


def within_gamma(
    got: Fraction, exact: Fraction, magnitude: Fraction, count: int, dtype: str, result: str
) -> bool:
    """|got - exact| <= gamma_n * magnitude, plus the final rounding from `dtype` to `result`.

    `count` is the number of roundings on the longest path, see `longest_path`; a sum of products
    has one more.
    """
    bound = gamma(max(count, 1), dtype) * magnitude
    if result != dtype:
        bound += FORMATS[result].ulp(abs(exact) + bound) / 2
    return abs(got - exact) <= bound
