"""Buffers that are larger than a binding: bound in windows, with the bits that others have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine import Tensor
from engine.backends import registry
from engine.backends.base import DeviceLimit, DeviceUnavailable
from engine.backends.registry import backend
from engine.backends.webgpu import WebGpuBackend
from engine.backends.wgsl_bindings import Window, large, windows
from engine.backends.wgsl_module import render
from engine.linear import parse

SHOWN = 1000  # bytes of a binding on the device SMALL: no multiple of the alignment


@pytest.fixture(scope="module")
def small() -> Iterator[WebGpuBackend]:
    """The device SMALL, whose bindings show SHOWN bytes; a skip where there is no adapter."""
    device = backend("WEBGPU")
    assert isinstance(device, WebGpuBackend)
    try:
        limits = device.adapter.limits | {"max-storage-buffer-binding-size": SHOWN}
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    found = WebGpuBackend(replace(device.adapter, limits=limits))
    found.__dict__["profile"] = device.profile  # of the same driver
    registry.register("SMALL", lambda: found)
    yield found
    registry.unregister("SMALL")


# -- rows ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 250, 251, 255, 256, 384, 500, 1000])
def test_windows_show_every_byte_once(size: int) -> None:
    kernel = parse(f"""kernel k global 1
        param float32 {size} out
        param uint8 {size} in""")
    rows = windows(kernel, SHOWN)
    for slot, nbytes in enumerate((4 * size, size)):
        mine = [row for row in rows if row.slot == slot]
        end = mine[-1].offset + mine[-1].nbytes
        assert mine[0].offset == 0 and end == max(4, -(-nbytes // 4) * 4)
        assert all(a.offset + a.nbytes == b.offset for a, b in pairwise(mine))
        assert all(row.offset % 256 == 0 and 0 < row.nbytes <= SHOWN for row in mine)
        assert (f"b{slot}" in large(rows)) == (nbytes > SHOWN) == (len(mine) > 1)
        assert all(row.written == (slot == 0) for row in mine)
    assert len({row.name for row in rows}) == len(rows)


def test_a_buffer_that_fits_is_bound_as_it_is() -> None:
    kernel = parse("kernel k global 1\nparam int32 250 out")
    assert windows(kernel, SHOWN) == [Window(0, "b0", 0, SHOWN, True)]


READS = """kernel reads global 1
    param uint32 600 in
    param float32 300 out
    r0 uint32 = PARAM [(0, 600)]
    r1 float32 = PARAM [(1, 300)]
    r2 int32 = CONST [299]
    r3 uint32 = LOAD r0 r2
    r4 float32 = BITCAST r3
    float32 = WRITE r1 r2 r4"""


def test_large_buffers_go_through_functions_that_choose() -> None:
    text = render([parse(READS)], largest=SHOWN)
    names = [f"binding({n}) var<storage, read> b0_{n}:" for n in range(4)]
    names += [f"binding({4 + n}) var<storage, read_write> b1_{n}:" for n in range(2)]
    assert all(name in text for name in names) and "@binding(6) var<uniform> launch" in text
    assert "let r3: u32 = load_b0(u32(r2));" in text and "store_b1(u32(r2), r4);" in text
    assert "store_b0" not in text, "it is not written"
    assert "load_" not in render([parse(READS)])


# -- bits ------------------------------------------------------------------------------------------
def _numbers(device: str, count: int) -> Tensor:
    values = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    return Tensor(values, device=device)


def _scattered(device: str) -> Tensor:
    index = Tensor(np.random.default_rng(1).permutation(900).astype(np.int32), device=device)
    return Tensor.zeros(900, device=device).scatter(0, index, _numbers(device, 900))


def _written(device: str) -> Tensor:
    x = _numbers(device, 1000).clone()
    x[100:900:3] += 5
    x[::7] = x[1::7][:143]
    return x


PROGRAMS: dict[str, Callable[[str], Tensor]] = {
    "elementwise": lambda device: _numbers(device, 1025) * 3 + _numbers(device, 1025).exp2(),
    "transposed": lambda device: _numbers(device, 1200).reshape(30, 40).T.contiguous(),
    "gathered": lambda device: _numbers(device, 1200)[
        Tensor(np.random.default_rng(2).integers(0, 1200, 700).astype(np.int32), device=device)
    ],
    "scattered": _scattered,
    "matmul": lambda device: _numbers(device, 600).reshape(20, 30) @ _numbers(device, 900).reshape(
        30, 30
    ),
    "sum": lambda device: _numbers(device, 900).reshape(3, 300).sum(axis=0),
    "cumsum": lambda device: _numbers(device, 900).cumsum(0),
    "bytes": lambda device: (_numbers(device, 3001) > 0).where(3, 200).cast("uint8") + 1,
    "float64": lambda device: _numbers(device, 400).cast("float64") / 3,
    "cat": lambda device: Tensor.cat(_numbers(device, 500), _numbers(device, 300)),
    "written": _written,
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_windows_change_no_bit(small: WebGpuBackend, name: str) -> None:
    found, due = (PROGRAMS[name](device).numpy() for device in ("SMALL", "PYTHON"))
    assert found.dtype == due.dtype and found.tobytes() == due.tobytes()


def test_memory_that_is_read_may_be_written_too(small: WebGpuBackend) -> None:
    """What is read is copied first, windows and all."""
    (program,) = small.compile([parse(READS.replace("600", "300"))])
    memory = small.allocate(1200)
    memory.write(np.arange(300, dtype=np.uint32).tobytes())
    program([memory, memory], ())
    assert np.frombuffer(memory.read(), np.uint32).tolist() == list(range(300))


def test_the_scheduler_counts_windows(small: WebGpuBackend) -> None:
    """Sums of many large tensors are cut where a kernel has no bindings left."""
    assert small.target.max_buffers == min(64, small.adapter.bindings)
    found, due = (
        sum((_numbers(device, 2000 + k)[:2000] for k in range(1, 9)), _numbers(device, 2000))
        for device in ("SMALL", "PYTHON")
    )
    assert isinstance(found, Tensor) and isinstance(due, Tensor)
    assert found.numpy().tobytes() == due.numpy().tobytes()


def test_what_needs_more_bindings_than_there_are_is_refused(small: WebGpuBackend) -> None:
    x = Tensor.zeros(small.adapter.bindings * SHOWN // 4, device="SMALL").contiguous()
    message = rf"bindings of up to {SHOWN} bytes, and .* has {small.adapter.bindings}; split the"
    with pytest.raises(DeviceLimit, match=message):
        (x + 1).numpy()


def test_a_tensor_larger_than_a_binding() -> None:
    """One window and a half, as the adapter has them."""
    device = backend("WEBGPU")
    assert isinstance(device, WebGpuBackend)
    try:
        shown = device.adapter.shown
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    count = shown // 4 * 3 // 2
    if 4 * count > min(device.adapter.largest, 1 << 28):
        pytest.skip(f"not run: a binding shows {shown} bytes here, too many for a test")
    x = Tensor.arange(count, device="WEBGPU").contiguous()
    places = np.array([0, 1, shown // 4 - 1, shown // 4, shown // 4 + 1, count - 1], np.int32)
    found = (x * 3)[Tensor(places, device="WEBGPU")].numpy()
    assert found.tolist() == [3 * int(place) for place in places]
