"""WGSL text of each operation, run on an adapter, against Python's integers and numpy's bits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import dtypes
from engine.backends import render_wgsl
from engine.backends.base import Backend, DeviceUnavailable, Program
from engine.backends.registry import backend
from engine.backends.wgsl_module import render
from engine.linear import parse
from engine.ops import Op
from engine.target import TEST_TARGETS
from tests.engine.backends.machine import GATED, NESTED, Machine, wrong_bits
from tests.engine.backends.test_webgpu import IMPLEMENTATIONS

OPS = TEST_TARGETS["like_wgsl"].ops
CASES = Machine(
    (dtypes.int32, dtypes.uint32), (dtypes.float32,), OPS, flags=dtypes.uint32
).cases()  # fmt: skip


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def device(request: pytest.FixtureRequest) -> Backend:
    """Each implementation of WebGPU."""
    return backend(request.param)


@pytest.fixture(scope="module")
def programs(device: Backend) -> Iterator[list[Program]]:
    """The programs of all cases; a skip where there is no adapter."""
    try:
        yield device.compile([case.kernel for case in CASES])
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.kernel.name for case in CASES])
def test_bits(number: int, device: Backend, programs: list[Program]) -> None:
    assert wrong_bits(programs[number], CASES[number], device.allocate) == {}


# -- the text --------------------------------------------------------------------------------------
def test_every_operation_of_the_target_has_a_row() -> None:
    rendered = render_wgsl.EXPRESSIONS.keys() | render_wgsl.STATEMENTS.keys()
    structure = {
        Op.PARAM, Op.TABLE, Op.ARGUMENT, Op.CONST, Op.LOOP, Op.CARRY, Op.END, Op.LOAD, Op.WRITE,
        Op.FORMAL, Op.CALL, Op.SHARED, Op.BARRIER,
    }  # fmt: skip
    assert rendered == OPS | structure


def lines(body: str) -> list[str]:
    """The statements for instructions on r0 and r1, two floats that were loaded."""
    text = render([parse(f"""kernel k global 1
        param float32 2 in
        r8 float32 = PARAM [(0, 2)]
        r9 int32 = CONST [0]
        r0 float32 = LOAD r8 r9
        r1 float32 = LOAD r8 r9
        {body}""")])
    return [line.strip() for line in text.splitlines() if line.startswith("  let r2")]


def test_what_an_operation_yields_is_hidden() -> None:
    """Else a driver sees (x + y) - y, or a product that goes into a sum."""
    assert lines("r2 float32 = ADD r0 r1") == [
        "let r2: u32 = bitcast<u32>(bitcast<f32>(r0) + bitcast<f32>(r1)) ^ launch.zero;"
    ]


def test_one_of_two_equal_operands_is_hidden() -> None:
    """Else a driver knows x - x."""
    (line,) = lines("r2 float32 = SUB r0 r0")
    assert "bitcast<f32>(r0) - bitcast<f32>(r0 ^ launch.zero)" in line


def test_a_constant_operand_is_hidden() -> None:
    """Else a driver knows x * 0, and a front end refuses NaN."""
    (line,) = lines("r3 float32 = CONST [0]\nr2 float32 = MUL r0 r3")
    assert "bitcast<f32>(r0) * bitcast<f32>(r3 ^ launch.operand_zero)" in line


def test_what_is_known_of_constants_is_hidden_once_more() -> None:
    """The zero of an operand is not that of results: r5 ^ z ^ z would be the constant again."""
    (line,) = lines(
        "r3 float32 = CONST [2147483648]\nr4 float32 = CONST [4286578687]\nr6 bool = LT r3 r4\n"
        "r5 float32 = WHERE r6 r4 r3\nr2 float32 = MUL r5 r5"
    )
    assert "bitcast<f32>(r5 ^ launch.operand_zero) * bitcast<f32>(r5 ^ launch.zero)" in line


def test_what_comes_from_memory_or_arithmetic_is_not_hidden_again() -> None:
    """Through choices too, unless one of those chosen from could be known."""
    for chosen in ("r5 r6", "r6 r5"):
        (line,) = lines(
            "r3 bool = LT r0 r1\nr4 float32 = MUL r0 r1\nr5 float32 = WHERE r3 r4 r1\n"
            f"r6 float32 = CONST [0]\nr7 float32 = WHERE r3 {chosen}\nr2 float32 = ADD r5 r7"
        )
        assert "bitcast<f32>(r5) + bitcast<f32>(r7 ^ launch.operand_zero)" in line


def test_moving_a_float_makes_no_float() -> None:
    """A NaN that becomes an f32 may be any NaN, or none."""
    assert lines("r3 bool = EQ r9 r9\nr2 float32 = WHERE r3 r0 r1") == [
        "let r2: u32 = select(r1, r0, r3);"
    ]
    assert lines("r2 bool = NE r0 r1") == ["let r2: bool = !equal(r0, r1);"]


def test_one_of_two_constants_is_hidden_from_a_choice() -> None:
    """Mesa takes `select(0.0, -1.0, c)` for minus c as a number, which is -0.0 for false."""
    (line,) = lines(
        "r3 bool = EQ r9 r9\nr4 float32 = CONST [0]\nr5 float32 = CONST [3212836864]\n"
        "r2 float32 = WHERE r3 r5 r4"
    )
    assert line == "let r2: u32 = select((r4 | u32(launch.zero)), r5, r3);"


def test_a_gated_place_may_be_a_constant_below_0() -> None:
    """Naga refuses a negative index that it knows, whether or not it is ever used."""
    kernel = parse("""kernel k global 1
        param uint32 1 out
        param uint32 1 in
        r0 uint32 = PARAM [(0, 1)]
        r1 uint32 = PARAM [(1, 1)]
        r2 int32 = CONST [4294967295]
        r3 bool = CONST [0]
        r4 int32 = CONST [0]
        r5 uint32 = LOAD r1 r2 r3
        uint32 = WRITE r0 r4 r5
        uint32 = WRITE r0 r2 r5 r3""")
    device = backend("WEBGPU")
    try:
        (program,) = device.compile([kernel])
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    out, given = device.allocate(4), device.allocate(4)
    out.write(b"1111")
    given.write(b"2222")
    program([out, given], ())
    assert out.read() == bytes(4)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "uint8", "index", "float32x4"])
def test_what_should_have_been_decomposed_is_refused(dtype: str) -> None:
    kernel = parse(f"kernel k global 1\nr0 {dtype} = CONST [0]")
    with pytest.raises(ValueError, match="should have been decomposed"):
        render([kernel])


def test_an_operation_without_a_row_is_refused() -> None:
    kernel = parse("kernel k global 1\nr0 float32 = CONST [0]\nr1 float32 = SQRT r0")
    with pytest.raises(ValueError, match="WGSL has no row for SQRT"):
        render([kernel])


@pytest.mark.parametrize("kernel", [NESTED.kernel, GATED.kernel], ids=["narrow", "wide"])
def test_dtypes_that_wgsl_lacks_never_arrive(kernel: object) -> None:
    with pytest.raises(ValueError, match="should have been decomposed"):
        render([kernel])  # type: ignore[arg-type]
