"""float16 is stored as bits and computed through float32: its casts, for every pattern."""

import numpy as np
import pytest

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.devices import under_test
from conformance.harness.draws import every
from oracles.formats import FORMATS

HALF = FORMATS["float16"]


def on_every_device(case: Case, due: bytes) -> None:
    for device in under_test():
        if device.subject is not None:
            assert device.subject.run(case)[0] == due, device.name


def bits_of(values: np.ndarray, name: str) -> bytes:
    """Bits with the canonical NaN in place of any."""
    row = FORMATS[name]
    bits = row.to_bits(values).copy()
    bits[np.isnan(values)] = row.canonical_nan
    return bits.astype(row.unsigned.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("target", ["float32", "float64"])
def test_every_half_widens_exactly(target: str) -> None:
    build = Builder()
    build.judged("cast", build.input("float16", every("float16")), dtype=target)
    wide = HALF.from_bits(every("float16")).astype(FORMATS[target].numpy_dtype)
    on_every_device(build.case(), bits_of(wide, target))


@pytest.mark.parametrize("source", ["float32", "float64"])
def test_every_half_its_neighbours_and_midpoints_narrow(source: str) -> None:
    """Values of a wider format at, and one step beside, every half and every midpoint of two."""
    row = FORMATS[source]
    half = np.sort(HALF.from_bits(np.arange(0x7C00, dtype=np.uint16)).astype(row.numpy_dtype))
    middle = half + np.diff(half, append=row.numpy_dtype.type(65536)) / 2
    grid = np.concatenate([half, middle])
    around = [np.nextafter(grid, row.numpy_dtype.type(s)) for s in (-np.inf, np.inf)]
    values = np.concatenate([grid, *around])
    values = np.concatenate([values, -values])
    build = Builder()
    build.judged("cast", build.input(source, row.to_bits(values)), dtype="float16")
    on_every_device(build.case(), bits_of(values.astype(np.float16), "float16"))


def test_a_round_trip_is_not_the_identity() -> None:
    """float32 → float16 → float32 rounds: 65536 overflows, 2049 is no half."""
    values = np.array([65536.0, 2049.0, 1e-8, 0.1], dtype=np.float32)
    build = Builder()
    x = build.input("float32", values.view(np.uint32))
    build.judged("cast", build.apply("cast", x, dtype="float16"), dtype="float32")
    on_every_device(build.case(), values.astype(np.float16).astype(np.float32).tobytes())
