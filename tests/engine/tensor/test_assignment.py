"""Assignment gives what numpy gives, computes nothing, and changes nothing where it is refused.

Tensors are evaluated by the interpreter of nodes; what devices make of versions is judged by
`conformance/assign`.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Variable
from engine.counters import GlobalCounters
from engine.graph import toposort
from engine.ops import Op
from engine.tensor import Tensor
from engine.tensor.assignment import IN_PLACE
from tests.engine.tensor.conftest import Loaded, Value


# -- keys ------------------------------------------------------------------------------------------
def basic_part(draw: random.Random, size: int) -> Any:
    """An integer or a slice for an axis."""
    if size and draw.random() < 0.3:
        return draw.randrange(-size, size)
    ends = [draw.choice([None, draw.randrange(-size - 1, size + 2)]) for _ in range(2)]
    return slice(*ends, draw.choice([None, 1, 2, -1, -3]))


def places(draw: random.Random, size: int, shape: tuple[int, ...]) -> Any:
    return np.array(
        [draw.randrange(-size, size) for _ in range(int(np.prod(shape)))], np.int32
    ).reshape(shape)


def key_for(draw: random.Random, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """A key of every kind: basic, with index arrays, or with a mask."""
    kind = draw.choice(["basic", "basic", "indices", "mask", "mask beside"])
    items = [basic_part(draw, size) for size in shape]
    if kind == "indices" and 0 not in shape:
        common = draw.choice([(3,), (2, 2), (), (1,)])
        for axis in draw.sample(range(len(shape)), draw.randint(1, len(shape))):
            items[axis] = places(draw, shape[axis], draw.choice([common, common[-1:]]))
    elif kind.startswith("mask"):
        count = draw.randint(1, len(shape)) if kind == "mask" else 1
        bits = np.array([draw.random() < 0.4 for _ in range(int(np.prod(shape[:count])))], bool)
        items[:count] = [bits.reshape(shape[:count])]
    if draw.random() < 0.3:
        items.insert(draw.randint(0, len(items)), None)
    if draw.random() < 0.3:
        place = draw.randint(0, len(items))
        items[place:] = [...]
    return tuple(items)


def value_for(draw: random.Random, shape: tuple[int, ...]) -> Any:
    """Numbers that broadcast to a shape, with axes too many in front at times."""
    cut = shape[draw.randint(0, len(shape)) :]
    sizes = [draw.choice([1, size]) if draw.random() < 0.3 else size for size in cut]
    if shape and len(cut) == len(shape) and draw.random() < 0.2:
        sizes = [1, *sizes]
    return np.array(
        [draw.randrange(100, 1000) for _ in range(int(np.prod(sizes)))], np.int32
    ).reshape(sizes)


def as_tensors(loaded: Loaded, key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(loaded(item) if isinstance(item, np.ndarray) else item for item in key)


@pytest.mark.parametrize("seed", range(200))
def test_a_write_by_index_is_numpys(seed: int, loaded: Loaded, value: Value) -> None:
    """To a tensor or to a view of one, with the index arrays in tensors or not."""
    draw = random.Random(seed)
    a = np.arange(48, dtype=np.int32).reshape(draw.choice([(48,), (6, 8), (2, 4, 6), (4, 1, 12)]))
    x = loaded(a)
    part, shown = x, a
    if draw.random() < 0.5:
        order = draw.sample(range(a.ndim), a.ndim)
        part, shown = x.permute(*order).flip(0), np.flip(a.transpose(order), 0)
    key = key_for(draw, shown.shape)
    v = value_for(draw, shown[key].shape)
    shown[key] = v
    part[as_tensors(loaded, key) if draw.random() < 0.5 else key] = draw.choice([v, loaded(v)])
    assert (value(x) == a).all()
    assert (value(part) == shown).all()


@pytest.mark.parametrize("seed", range(40))
def test_an_update_by_index_is_numpys(seed: int, loaded: Loaded, value: Value) -> None:
    draw = random.Random(1000 + seed)
    a = np.arange(24, dtype=np.int32).reshape(4, 6)
    x = loaded(a)
    key = key_for(draw, a.shape)
    tensors = as_tensors(loaded, key)
    a[key] += 100
    x[tensors] += 100
    assert (value(x) == a).all()


# -- operators -------------------------------------------------------------------------------------
SQUARE = {"__imatmul__": ([[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]])}
FLOATS = ([[7.5, -2.0], [3.0, 4.25]], [[2.0, 2.0], [1.5, 3.0]])
INTEGERS = ([[7, -2], [3, 4]], [[2, 2], [1, 3]])
OF_INTEGERS = ("__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__")


@pytest.mark.parametrize("name", IN_PLACE)
def test_an_operator_writes_what_its_method_gives(name: str, loaded: Loaded, value: Value) -> None:
    """Also through a view, and to the same tensor."""
    left, right = SQUARE.get(name, INTEGERS if name in OF_INTEGERS else FLOATS)
    dtype = "int32" if name in OF_INTEGERS else "float32"
    for turned in (False, True):
        x, y = loaded(left, dtype), loaded(right, dtype)
        shown = x.T if turned else x
        due = value(getattr(shown, IN_PLACE[name])(y))
        made = getattr(operator, name.strip("_"))(shown, y)
        assert made is shown
        assert value(x).tobytes() == (due.T if turned else due).tobytes()


def test_the_operators_are_those_of_python() -> None:
    """Each that Python has and Tensor has a method for."""
    known = {f"__{name}__" for name in dir(operator) if name.startswith("i") and len(name) > 2}
    known &= {name for name in dir(int) + dir(np.ndarray) if name.startswith("__i")} | {
        f"__i{name.strip('_')}__" for name in dir(int)
    }
    arithmetic = {name for name in known if hasattr(Tensor, f"__{name[3:-2]}__")}
    assert arithmetic - set(IN_PLACE) == set()


def test_a_chain_of_whole_writes_is_one_expression(loaded: Loaded) -> None:
    """So that it fuses: no STORE, and nothing is computed."""
    x = loaded([1.0, 2.0])
    kernels = GlobalCounters.kernel_count
    x += 1
    x[:] *= 2
    x.assign(x - 3)
    assert Op.STORE not in {node.op for node in toposort([x.node])}
    assert GlobalCounters.kernel_count == kernels


def test_an_update_of_a_part_is_one_store(loaded: Loaded, value: Value) -> None:
    """`x[1:] += 1` writes the part to itself afterwards, which is nothing."""
    x = loaded([1, 2, 3])
    x[1:] += 1
    assert [node.op for node in toposort([x.node])].count(Op.STORE) == 1
    assert value(x).tolist() == [1, 3, 4]


# -- dtypes ----------------------------------------------------------------------------------------
def test_a_value_is_cast(loaded: Loaded, value: Value) -> None:
    x = loaded([0, 0, 0, 0], "uint8")
    x[0] = 3.7
    x[1] = loaded(-1.0, "float32")
    x[2] = loaded(300, "int64")
    x[3] = True
    assert value(x).tolist() == [3, 0, 44, 1]


KINDS = {"bool": 0, "int8": 1, "uint16": 1, "int64": 1, "float16": 2, "float32": 2}


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
def test_an_operator_keeps_the_dtype_or_raises(left: str, right: str, loaded: Loaded) -> None:
    """The kind of the result must not be above that of the target."""
    x, y = loaded([1, 0], left), loaded([1, 1], right)
    if KINDS[right] > KINDS[left]:
        with pytest.raises(TypeError, match=f"mul in place: .*{left}"):
            x *= y
        assert x._shows.storage.version == 0
    else:
        x *= y
        assert x.dtype.name == left
        assert x._shows.storage.version == 1


# -- through bitcasts ------------------------------------------------------------------------------
WIDTHS = ("int8", "int16", "int32", "int64", "float32")


@pytest.mark.parametrize("of", WIDTHS)
@pytest.mark.parametrize("to", WIDTHS)
def test_writes_through_a_bitcast(of: str, to: str, loaded: Loaded, value: Value) -> None:
    """The whole, a part in steps, one element, and a part that starts within an element."""
    parts: list[tuple[Any, ...]] = [
        (...,), (slice(1, None), slice(None, None, 2)), (1, 0), (slice(None), slice(1, None)),
    ]  # fmt: skip
    for key in parts:
        a = np.arange(48, dtype=np.int8).view(of).reshape(3, -1).copy()
        x = loaded(a)
        v = np.arange(1, 1 + a.view(to)[key].size).astype(to).reshape(a.view(to)[key].shape)
        a.view(to)[key] = v
        x.bitcast(to)[key] = loaded(v)
        assert value(x).tobytes() == a.tobytes()


def test_a_bitcast_of_a_part_of_a_bitcast(loaded: Loaded, value: Value) -> None:
    """Which starts within an element of the storage."""
    a = np.arange(16, dtype=np.int32)
    x = loaded(a)
    x.bitcast("int8")[6:22].bitcast("int32")[1:3] = 7
    bits = a.view(np.int8)
    bits[10:18] = np.array([7, 7], np.int32).view(np.int8)
    assert (value(x) == a).all()


# -- symbolic sizes --------------------------------------------------------------------------------
def test_a_place_that_a_variable_names(loaded: Loaded, value: Value) -> None:
    """As a cache of keys is filled: the same graph for every step, but for the binding."""
    step = Variable("step", 0, 5)
    a = np.zeros((2, 6, 3), np.int32)
    x = loaded(a)
    for k in (0, 3, 5):
        x[:, step.bind(k)] = k + 1
        a[:, k] = k + 1
    assert (value(x) == a).all()
    start = Variable("start", 0, 3).bind(2)
    x[1, start : start + 3, 1] += 50
    a[1, 2:5, 1] += 50
    assert (value(x) == a).all()


def test_a_storage_of_symbolic_size(loaded: Loaded, value: Value) -> None:
    n = Variable("n", 1, 6).bind(4)
    x = loaded(np.arange(18).reshape(3, 6), "int32")[:, :n].contiguous()
    x[1] = 50
    x[:, 1:n] += 100
    x.T[0] = 7
    due = np.arange(18, dtype=np.int32).reshape(3, 6)[:, :4].copy()
    due[1] = 50
    due[:, 1:] += 100
    due[:, 0] = 7
    assert (value(x) == due).all()


# -- what is refused -------------------------------------------------------------------------------
def refused(kind: type[Exception], match: str, write: Callable[[Tensor], None]) -> Any:
    return pytest.param(kind, match, write, id=match)


def set_(key: Any, value: Any) -> Callable[[Tensor], None]:
    return lambda x: operator.setitem(x, key, value)


@pytest.mark.parametrize("kind, match, write", [
    refused(ValueError, r"\(3,\).*\(2,\)|\(2,\).*\(3,\)", set_(0, [1, 2])),
    refused(ValueError, r"assign: \(3, 2\) does not expand", lambda x: x.assign([[1, 2]] * 3)),
    refused(ValueError, "the result has shape", lambda x: operator.iadd(x[0], x)),
    refused(ValueError, "share memory", lambda x: x[:1].expand(4, 3).assign(0)),
    refused(ValueError, "lie between", lambda x: x.unfold(1, 2, 1).assign(0)),
    refused(IndexError, "index 2 is out of range", set_(2, 0)),
    refused(IndexError, "index 3 is out of range", set_((0, [1, 3]), 0)),
    refused(IndexError, "does not fit axes", set_([True], 0)),
    refused(TypeError, "takes integers", set_("a", 0)),
    refused(TypeError, "cannot make a tensor of a object", set_(0, object())),
    refused(TypeError, "an operand is a tensor", lambda x: operator.iadd(x, [1, 2, 3])),
    refused(TypeError, "truediv in place: float32", lambda x: operator.itruediv(x, 2)),
    refused(OverflowError, "does not fit int32", set_(0, 1 << 40)),
    refused(OverflowError, "add: .* does not fit", lambda x: operator.iadd(x, 1 << 40)),
])  # fmt: skip
def test_what_is_refused_changes_nothing(
    kind: type[Exception], match: str, write: Callable[[Tensor], None],
    loaded: Loaded, value: Value,
) -> None:  # fmt: skip
    x = loaded([[0, 1, 2], [3, 4, 5]], "int32")
    x[0] = 7
    storage = x._shows.storage
    node, version, home = storage.node, storage.version, storage.home
    with pytest.raises(kind, match=match):
        write(x)
    assert (storage.node, storage.version, storage.home) == (node, version, home)
    assert value(x).tolist() == [[7, 7, 7], [3, 4, 5]]


def test_a_mask_of_a_tensor_is_computed_for_values_of_its_own_only(loaded: Loaded) -> None:
    x, mask = loaded([1, 2, 3]), loaded([1, 2, 3]) > 1
    kernels = GlobalCounters.kernel_count
    x[mask] = 7
    x[mask] = [8]
    assert GlobalCounters.kernel_count == kernels
    with pytest.raises(ValueError, match=r"\(3,\) does not expand to \(2,\)"):
        x[mask] = [1, 2, 3]
    assert x.tolist() == [1, 8, 8]


def test_a_mask_that_is_what_it_writes_to(loaded: Loaded) -> None:
    """Computing it computes the tensor, which is in memory from then on."""
    x = loaded([0, 1, 2, 3]) > 1
    x[x] = [False, True]
    assert x.tolist() == [False, False, False, True]


def test_places_out_of_range_in_a_tensor_are_not_written(loaded: Loaded, value: Value) -> None:
    x = loaded(np.zeros((2, 3)), "int32")
    x[loaded([0, 5, -1, -4], "int64")] = loaded([[1], [2], [3], [4]])
    assert value(x).tolist() == [[1, 1, 1], [3, 3, 3]]
    x[loaded([0, 1, 7]), loaded([2, -5, 0])] = 9
    assert value(x).tolist() == [[1, 1, 9], [3, 3, 3]]


# -- constants and devices -------------------------------------------------------------------------
def test_constants_are_written_without_a_device(value: Value) -> None:
    x, y = Tensor.zeros(2, 2), Tensor.zeros(2, 2)
    x[0] = 1
    x[:, 1] += 2
    assert value(x).tolist() == [[1, 3], [0, 2]]
    assert value(y).tolist() == [[0, 0], [0, 0]]
    assert x._device is None


def test_a_value_gives_a_constant_its_device(loaded: Loaded) -> None:
    x = Tensor.zeros(3)
    x[1:] = loaded([1.0, 2.0], device="PYTHON")
    assert x.device == "PYTHON"
    assert x.tolist() == [0, 1, 2]


def test_a_value_is_moved_to_the_device_of_the_target(loaded: Loaded) -> None:
    x, v = loaded([1, 2, 3]), loaded([7, 8], device="PYTHON")
    x[:2] = v
    x.assign(x)
    assert x.device == "LLVM"
    assert x.tolist() == [7, 8, 3]
    with pytest.raises(RuntimeError, match="operands on LLVM and PYTHON"):
        x[:2] += v


def test_replace_is_no_write(loaded: Loaded, value: Value) -> None:
    x, y = loaded([1, 2]), loaded([3, 4])
    part = x[:1]
    x.replace(y)
    x += 1
    assert value(part).tolist() == [1]
    assert value(y).tolist() == [4, 5]
