"""The backend WEBGPU: its adapter, its memory, how kernels are launched, what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.backends import (
    render_wgsl,
    webgpu,
    webgpu_launch,
    webgpu_probe,
    webgpu_wgpu,
    wgsl_module,
)
from engine.backends.base import CompileError, DeviceLimit, DeviceUnavailable
from engine.backends.cache import Cache
from engine.backends.registry import backend
from engine.backends.webgpu import WebGpuBackend
from engine.backends.webgpu_dawn import DawnBackend
from engine.linear import parse
from engine.ops import Op

IMPLEMENTATIONS = ("WEBGPU", "WEBGPU:DAWN")


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def device(request: pytest.FixtureRequest) -> WebGpuBackend:
    """The device, started; a skip where there is no adapter, or no implementation."""
    found = backend(request.param)
    assert isinstance(found, WebGpuBackend)
    try:
        found.adapter
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    return found


# -- the adapter -----------------------------------------------------------------------------------
def test_without_a_library_the_device_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("wgpu", "engine.backends.dawn"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delattr("engine.backends.dawn", raising=False)  # what was imported before
    monkeypatch.setattr(webgpu_wgpu, "package", webgpu_wgpu.package.__wrapped__)  # not the cached
    for made, extra in ((WebGpuBackend(), "webgpu"), (DawnBackend(), "dawn")):
        info = made.info()
        assert not info.available and "is missing" in info.detail
        assert info.detail.startswith(f"{info.name}: ") and info.name == made.name
        assert f"pip install lockstep-tensor[{extra}]" in info.remedy
        with pytest.raises(DeviceUnavailable, match="is missing"):
            made.compile([])
        with pytest.raises(DeviceUnavailable, match="is missing"):
            _ = made.target


def test_without_a_driver_dawn_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    dawn = pytest.importorskip("engine.backends.dawn", reason="not run: dawn-python is missing")

    def absent() -> None:
        raise RuntimeError("No supported adapters")

    monkeypatch.setattr(dawn, "request_adapter", absent)
    info = DawnBackend().info()
    assert not info.available
    assert "driver (No supported adapters)" in info.detail and "Vulkan driver" in info.remedy


def test_without_a_driver_the_device_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webgpu_wgpu, "package", lambda: None)
    monkeypatch.setattr(webgpu_wgpu, "_request", lambda wgpu: None)
    info = WebGpuBackend().info()
    assert not info.available
    assert "no Vulkan, Metal or D3D12 driver" in info.detail and "Vulkan driver" in info.remedy


def test_the_device_names_its_driver_and_what_was_measured(device: WebGpuBackend) -> None:
    info = device.info()
    assert info.available and device.adapter.identity in info.detail
    assert device.profile.describe() in info.detail


def test_types_of_wgpu_are_what_cffi_makes_of_them() -> None:
    native = pytest.importorskip(
        "wgpu.backends.wgpu_native", reason=f"not run: wgpu is missing; {webgpu_wgpu.REMEDY}"
    )
    webgpu_wgpu.package()
    ffi = native.ffi
    types = ["WGPULimits", "WGPUBindGroupEntry[3]", "WGPUDeviceDescriptor const *", "uint32_t *"]
    fast = [ffi._parser.parse_type(name) for name in types]
    (right,) = type(ffi._parser).__bases__
    own = right()
    own._declarations = ffi._parser._declarations
    assert type(ffi._parser) is not right
    assert [own.parse_type(name) for name in types] == fast
    assert len(own._declarations) > 400


def test_probes_run_once_for_a_driver(
    device: WebGpuBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second backend, as of another process, takes what the first one measured."""
    runs = []

    def measured(given: object) -> webgpu_probe.Profile:
        runs.append(given)
        return webgpu_probe.Profile(("x * 0",), 65535)

    monkeypatch.setattr(webgpu_probe, "measure", measured)
    for _ in range(2):
        other = type(device)(device.adapter)
        other._cache = Cache(tmp_path)
        assert other.profile == webgpu_probe.Profile(("x * 0",), 65535)
        assert dtypes.float32 not in other.target.arithmetic
    assert len(runs) == 1


def test_probes_run_again_for_another_text(
    device: WebGpuBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is certified is the driver with the text that it was given, and no other."""
    found = []
    for sums in (render_wgsl.EXPRESSIONS[Op.ADD], lambda scope, item: "0x7fc00001u"):
        monkeypatch.setitem(render_wgsl.EXPRESSIONS, Op.ADD, sums)
        other = type(device)(device.adapter)
        other._cache = Cache(tmp_path)
        found.append(other.profile)
    assert found[0] == device.profile
    assert "x + y" in found[1].failed and not found[1].float32


@pytest.mark.parametrize("probe", webgpu_probe.PROBES, ids=lambda probe: probe.name)
def test_a_probe_notices_one_wrong_bit(
    probe: webgpu_probe.Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numpy in the place of a device, right at first, then wrong for one subnormal."""
    x, y = webgpu_probe.operands()
    with np.errstate(all="ignore"):
        a, b = probe.operands(x).view(probe.operand), probe.operands(y).view(probe.operand)
        right = np.ascontiguousarray(probe.due(a, b)).view(np.uint32)
    wrong = right.copy()
    place = int(np.flatnonzero((right & 0x7FFFFFFF) < 0x7F800000)[-1])
    wrong[place] ^= 1
    for found, holds in ((right, True), (wrong, False)):
        monkeypatch.setattr(webgpu_probe, "_run", lambda *given, found=found: found)
        assert webgpu_probe._holds(None, probe, x, y) is holds  # type: ignore[arg-type]


# -- memory ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1023])
def test_bytes_come_back(device: WebGpuBackend, size: int) -> None:
    """Whatever their number: the queue knows only whole words."""
    memory = device.allocate(size)
    data = bytes(k % 251 + 1 for k in range(size))
    memory.write(data)
    assert memory.read() == data


def test_what_is_not_written_stays(device: WebGpuBackend) -> None:
    memory = device.allocate(8)
    memory.write(bytes(8 * [7]))
    memory.write(b"\x01\x02\x03")
    assert memory.read() == b"\x01\x02\x03" + bytes(5 * [7])


def test_more_than_a_buffer_can_hold_is_refused(device: WebGpuBackend) -> None:
    with pytest.raises(DeviceLimit, match="split the tensor"):
        device.allocate(device.adapter.largest + 4)
    assert (Tensor([1.0], device=device.name) + 1).item() == 2.0  # the device goes on


# -- launches --------------------------------------------------------------------------------------
def test_more_rounds_than_workgroups_along_one_axis(device: WebGpuBackend) -> None:
    count = webgpu_launch.GROUPS * 64 + 1000
    found = (Tensor.arange(count, device=device.name) * 3).numpy()
    assert (found == np.arange(count, dtype=found.dtype) * 3).all()


INCREMENT = """kernel increment global 8
    param uint32 8 in
    param uint32 8 out
    variable n 0 100
    r0 uint32 = PARAM [(0, 8)]
    r1 uint32 = PARAM [(1, 8)]
    r2 uint32 = ARGUMENT [0]
    r3 int32 = CONST [8]
    r4 int32 = LOOP r3 [((0,), 'global')]
    r5 uint32 = LOAD r0 r4
    r6 uint32 = ADD r5 r2
    uint32 = WRITE r1 r4 r6
    int32 = END r4"""


def test_variables_are_those_of_each_launch(device: WebGpuBackend) -> None:
    (program,) = device.compile([parse(INCREMENT)])
    x, y, z = (device.allocate(32) for _ in range(3))
    x.write(np.arange(8, dtype=np.uint32).tobytes())
    program([x, y], (5,))
    program([y, z], (7,))
    assert np.frombuffer(z.read(), np.uint32).tolist() == list(range(12, 20))


def test_memory_that_is_read_may_be_written_too(device: WebGpuBackend) -> None:
    """WebGPU knows one use of a buffer in a launch: what is read is copied first."""
    (program,) = device.compile([parse(INCREMENT)])
    x = device.allocate(32)
    x.write(np.arange(8, dtype=np.uint32).tobytes())
    program([x, x], (1,))
    assert np.frombuffer(x.read(), np.uint32).tolist() == list(range(1, 9))


def test_loops_that_the_driver_would_cut_short_are_refused(device: WebGpuBackend) -> None:
    other = type(device)(device.adapter)
    other.__dict__["profile"] = webgpu_probe.Profile((), 65535)
    long = parse(webgpu_probe._LOOP_KERNEL)
    with pytest.raises(DeviceLimit, match=r"runs 200000 rounds .* ends after 65535: get a newer"):
        other.compile([long])
    short = parse(webgpu_probe._LOOP_KERNEL.replace("CONST [200000]", "CONST [65535]"))
    assert len(other.compile([short])) == 1
    assert webgpu_launch.rounds(parse(INCREMENT)) == 1, "the loop that is shared counts once"


def test_text_that_is_refused_comes_with_the_log(
    device: WebGpuBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webgpu, "render", lambda kernel, **given: "fn broken( {")
    with pytest.raises(CompileError, match=r"WEBGPU.* refused a kernel: (?s:.)*fn broken"):
        device.compile([parse(INCREMENT)])
    monkeypatch.undo()
    assert (Tensor([1.0], device=device.name) + 1).item() == 2.0


CHOSEN = """kernel chosen global 1
    param float32 1 out
    param float32 1 in
    r0 float32 = PARAM [(0, 1)]
    r1 float32 = PARAM [(1, 1)]
    r2 int32 = CONST [0]
    r3 float32 = LOAD r1 r2
    r4 float32 = CONST [2147483648]
    r5 float32 = CONST [4286578687]
    r6 bool = LT r4 r5
    r7 float32 = WHERE r6 r5 r4
    r8 float32 = MUL r7 r3
    float32 = WRITE r0 r2 r8"""


def test_what_a_driver_finds_out_of_constants_stays_hidden(device: WebGpuBackend) -> None:
    """-0.0, chosen by comparing two constants, times what it cannot know: Mesa makes it 0.0."""
    (program,) = device.compile([parse(CHOSEN)])
    result, factor = device.allocate(4), device.allocate(4)
    factor.write(np.float32(0.5).tobytes())
    program([result, factor], ())
    assert np.frombuffer(result.read(), "uint32") == 0x80000000


def test_constants_are_computed_where_they_are_used(device: WebGpuBackend) -> None:
    """What has no device of its own goes to the program's: memory of two devices never meets."""
    x = Tensor([3, 1, 2], device=device.name)
    values, places = x.sort()
    assert values.tolist() == [1, 2, 3] and places.tolist() == [1, 2, 0]


LOOPED = """kernel looped global 1
    param float32 1 in
    param float32 2 out
    function twice r1
      r0 float32 = FORMAL [0]
      r1 float32 = ADD r0 r0
    return
    r0 float32 = PARAM [(0, 1)]
    r1 float32 = PARAM [(1, 2)]
    r2 int32 = CONST [0]
    r3 int32 = CONST [1]
    r4 int32 = CONST [3]
    r5 float32 = LOAD r0 r2
    r6 float32 = CALL r5 ['twice']
    r7 float32 = CALL r6 ['twice']
    r8 float32 = CARRY r6
    r9 float32 = CARRY r7
    r10 int32 = LOOP r4 [((0,), 'reduce')]
      r11 float32 = CALL r8 ['twice']
      r12 float32 = ADD r11 r5
      r13 float32 = CALL r12 ['twice']
    int32 = END r10 r8 r12 r9 r13
    r14 float32 = CALL r9 ['twice']
    float32 = WRITE r1 r2 r8
    float32 = WRITE r1 r3 r14"""


@pytest.mark.parametrize("inlined", [0, 1 << 30], ids=["one place", "inlined"])
def test_calls_through_one_place(
    device: WebGpuBackend, monkeypatch: pytest.MonkeyPatch, inlined: int
) -> None:
    """Values cross pieces, loops and the ends of loops; 3, doubled and increased by 3 each round.
    """
    monkeypatch.setattr(render_wgsl, "INLINED", inlined)
    kernel = parse(LOOPED)
    assert ("for (var piece" in wgsl_module.render([kernel])) == (inlined == 0)
    (program,) = device.compile([kernel])
    x, y = device.allocate(4), device.allocate(8)
    x.write(np.array([3], np.float32).tobytes())
    program([x, y], ())
    a, b = 6.0, 12.0
    for _ in range(3):
        a, b = 2 * a + 3, 2 * (2 * a + 3)
    assert np.frombuffer(y.read(), np.float32).tolist() == [a, 2 * b]
