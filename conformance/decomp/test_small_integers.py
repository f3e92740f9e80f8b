"""8-bit and 16-bit integers on devices that load, store and compute with words only."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.decomp.integers import BINARY, as_array, as_counts, pairs, results
from conformance.harness import plan
from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.devices import under_test
from conformance.harness.draws import every
from engine import Tensor
from engine.context import Context
from oracles.catalog import ALL
from oracles.exact import cast_bits
from oracles.formats import FORMATS

EMULATED = "int8,uint8,int16,uint16"
SMALL = ("int8", "uint8", "int16", "uint16")
COMPILED = ("LLVM", "CPU")
DEVICES = (*COMPILED, "PYTHON")


def on(names: tuple[str, ...], case: Case, due: list[bytes], missing: str = EMULATED) -> None:
    for device in under_test(names):
        if device.subject is not None:
            with Context(EMULATE=missing):
                assert device.subject.run(case) == due, device.name


def all_pairs(name: str) -> tuple[Builder, list[int], list[int], int, int]:
    """A program of all pairs of bytes; the bytes, and the numbers of the two inputs."""
    left = [x for x in range(256) for _ in range(256)]
    right = list(range(256)) * 256
    build = Builder()
    x, y = (build.input(name, as_array(side, FORMATS[name])) for side in (left, right))
    return build, left, right, x, y


# -- values ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_all_pairs_of_bytes(name: str) -> None:
    build, left, right, x, y = all_pairs(name)
    for op in BINARY:
        build.judged(op, x, y)
    due = [results(op, FORMATS[name], left, right) for op in BINARY]
    on(COMPILED, build.case(), due)


@pytest.mark.parametrize("name", SMALL)
def test_operations(name: str) -> None:
    """The interpreter too, on fewer operands: its loops are slow."""
    row = FORMATS[name]
    left, right = (side[::9] for side in pairs(name, 90))
    counts = as_counts(right, row)
    build = Builder()
    x, y, count = (build.input(name, as_array(side, row)) for side in (left, right, counts))
    due = []
    for op in BINARY:
        build.judged(op, x, count if op.endswith("shift") else y)
        due.append(results(op, row, left, counts if op.endswith("shift") else right))
    on(DEVICES, build.case(), due)


@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_results_wrap_before_they_are_used(name: str) -> None:
    """All pairs of bytes; a store would drop what is wrong above, so the results become larger."""
    build, left, right, x, y = all_pairs(name)
    ops = ("add", "sub", "mul", "lshift")
    for op in ops:
        build.judged("cast", build.apply(op, x, y), dtype="int32")
    build.judged("cast", build.apply("bitwise_not", x), dtype="int32")
    small = [results(op, FORMATS[name], left, right) for op in ops]
    small.append(bytes(~x & 255 for x in left))
    due = [np.frombuffer(one, name).astype(np.int32).tobytes() for one in small]
    on(COMPILED, build.case(), due)


@pytest.mark.parametrize("name", SMALL)
def test_casts(name: str) -> None:
    """All bytes, and every 13th of the larger ones, to every dtype."""
    build = Builder()
    bits = every(name)[:: 1 if FORMATS[name].bits == 8 else 13]
    x = build.input(name, bits)
    for target in ALL:
        build.judged("cast", x, dtype=target)
    due = [
        np.array([cast_bits(name, target, int(b)) for b in bits], FORMATS[target].unsigned)
        for target in ALL
    ]
    on(COMPILED, build.case(), [one.tobytes() for one in due])


# -- memory ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*SMALL, "bool", "float16"])
def test_neighbours_are_kept(name: str, device: str) -> None:
    """Parts that begin and end inside of words, written one after another; what is around them."""
    rng = np.random.default_rng(3)
    dtype = np.dtype(name)
    for first, second, third in [(1, 1, 1), (3, 2, 5), (4, 7, 1), (2, 9, 6), (13, 3, 2)]:
        parts = [rng.integers(0, 2, size * 3).astype(dtype).reshape(3, size)
                 for size in (first, second, third)]
        with Context(EMULATE=EMULATED):
            tensors = [Tensor(part, device=device) for part in parts]
            joined = Tensor.cat(*tensors, dim=1)
            flipped, padded = joined.flip(1).contiguous(), joined.pad(((1, 0), (2, 1)))
            assert np.array_equal(joined.numpy(), np.concatenate(parts, 1))
            assert np.array_equal(flipped.numpy(), np.concatenate(parts, 1)[:, ::-1])
            wide = np.pad(np.concatenate(parts, 1), ((1, 0), (2, 1)))
            assert np.array_equal(padded.numpy(), wide)


@pytest.mark.parametrize("device", COMPILED)
def test_threads_lose_nothing(device: str) -> None:
    """A kernel that is shared among threads where bytes are stored as they are."""
    size = 3 * 349_527
    x = np.arange(size).astype(np.uint8).reshape(-1, 3)
    with Context(EMULATE=EMULATED, THREADS=4):
        y = Tensor(x, device=device)
        for _ in range(2):
            y = (y * 3 + 1).contiguous()
        got = y.numpy()
    assert np.array_equal(got, (x * 3 + 1) * 3 + 1)


# -- whole programs --------------------------------------------------------------------------------
CELLS = ("sort", "cumsum", "gather", "scatter_reduce", "getitem", "cat", "where", "max", "matmul")


@pytest.mark.parametrize("missing", [EMULATED, "like_wgsl", "only_words"])
@pytest.mark.parametrize("op", CELLS)
def test_programs_keep_their_bits(op: str, missing: str) -> None:
    """Cells of the catalog on the device and on what is left of it."""
    (subject,) = [d.subject for d in under_test(["LLVM"])]
    assert subject is not None
    cells = [cell for cell in plan.selected([op], ["int8", "uint16", "bool", "float16"])
             if "float64" not in cell[1]]
    for name, dtypes in cells[:: max(1, len(cells) // 3)]:
        for batch in plan.batches(name, dtypes, full=False):
            due = subject.run(batch.case)
            with Context(EMULATE=missing):
                assert subject.run(batch.case) == due, (name, dtypes, batch.layout)
