"""What EMULATE takes away, and that nothing remembered survives the change."""

from __future__ import annotations

import pytest

from engine import Tensor, dtypes
from engine.context import Context, setting, text_setting
from engine.counters import GlobalCounters
from engine.ops import Op
from engine.realize import target_of
from engine.target import HOST_DTYPES, TEST_TARGETS, Target, effective

HOST = Target("HOST", narrow_index=False)


def left(text: str) -> Target:
    with Context(EMULATE=text):
        return effective(HOST)


def test_without_the_setting_the_target_is_the_same_object() -> None:
    assert left("") is HOST
    assert left("  , ") == HOST


def test_a_dtype_loses_storage_and_arithmetic() -> None:
    target = left("float64, int8")
    assert target.arithmetic == HOST_DTYPES - {dtypes.float64, dtypes.int8}
    assert target.storage == HOST.storage - {dtypes.float64, dtypes.int8}
    assert target.ops == HOST.ops and not target.narrow_index


@pytest.mark.parametrize("name", ["int64", "uint64"])
def test_both_64_bit_integers_go_together_and_addresses_are_narrow(name: str) -> None:
    target = left(name)
    assert HOST_DTYPES - target.arithmetic == {dtypes.int64, dtypes.uint64}
    assert target.narrow_index


def test_operations_go() -> None:
    target = left("no_div,no_sqrt")
    assert HOST.ops - target.ops == {Op.IDIV, Op.IREM, Op.SQRT}


@pytest.mark.parametrize("name", TEST_TARGETS)
def test_a_named_target_leaves_no_more_than_it_has(name: str) -> None:
    target, row = left(name), TEST_TARGETS[name]
    assert target.arithmetic == row.arithmetic
    assert target.storage == row.storage
    assert target.ops == row.ops
    assert target.store_granularity == row.store_granularity
    assert target.max_buffers == HOST.max_buffers


@pytest.mark.parametrize("name", ["int32", "bool", "no_such", "int65"])
def test_unknown_names_are_refused_with_the_known_ones(name: str) -> None:
    message = f"'{name}' cannot be taken away; these can: int8, .*no_div"
    with pytest.raises(ValueError, match=message):
        left(name)


def test_a_program_says_so_too() -> None:
    with Context(EMULATE="int65"), pytest.raises(ValueError, match="'int65' cannot be taken away"):
        (Tensor([1]) + 1).realize()


def test_settings_keep_their_types() -> None:
    with pytest.raises(TypeError, match="EMULATE is of type str, not 1"):
        Context(EMULATE=1)
    with pytest.raises(TypeError, match="DEBUG is of type int, not '1'"):
        Context(DEBUG="1")
    with Context(EMULATE="no_div", OPTIMIZE=0):
        assert (text_setting("EMULATE"), setting("OPTIMIZE")) == ("no_div", 0)


def test_devices_have_what_is_left() -> None:
    with Context(EMULATE="float64"):
        assert dtypes.float64 not in target_of("PYTHON").arithmetic
    assert dtypes.float64 in target_of("PYTHON").arithmetic


def test_schedules_are_not_shared_with_other_settings() -> None:
    """The same program: compiled for each setting, found again under the same one."""

    def misses(text: str) -> int:
        before = GlobalCounters.schedule_misses
        with Context(EMULATE=text):
            (Tensor([3, 4]) + 1005).realize()
        return GlobalCounters.schedule_misses - before

    assert [misses(text) for text in ("", "no_sqrt", "", "no_sqrt")] == [1, 1, 0, 0]
