"""Movement and basic indexing against numpy, and the errors of both."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, broadcastable_shapes

from engine import dtypes
from engine.ops import Op
from engine.tensor import Tensor, Variable

SHAPES = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


def counting(shape: tuple[int, ...]) -> Any:
    return np.arange(np.prod(shape, dtype=int), dtype="int32").reshape(shape)


@settings(max_examples=300)
@given(data=st.data(), shape=SHAPES)
def test_basic_indexing_is_numpys(data: st.DataObject, shape: Any, loaded: Any, value: Any) -> None:
    index = data.draw(basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    x = counting(shape)
    result = value(loaded(x)[index])
    assert result.shape == x[index].shape
    assert (result == x[index]).all()


@settings(max_examples=100)
@given(data=st.data(), shape=SHAPES)
def test_movement_is_numpys(data: st.DataObject, shape: Any, loaded: Any, value: Any) -> None:
    x, t = counting(shape), loaded(counting(shape))
    order = tuple(data.draw(st.permutations(range(x.ndim))))
    axes = tuple(sorted(data.draw(st.sets(st.sampled_from(range(x.ndim)))))) if shape else ()
    wide = data.draw(broadcastable_shapes(shape, min_dims=x.ndim, min_side=0, max_side=6))
    pairs = tuple(data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in shape)
    place = data.draw(st.integers(-x.ndim - 1, x.ndim))
    try:
        expanded = np.broadcast_to(x, wide)
    except ValueError:
        wide, expanded = shape, x
    for result, wanted in (
        (t.permute(order), x.transpose(order)), (t.flip(axes), np.flip(x, axes)), (t.T, x.T),
        (t.expand(wide), expanded), (t.unsqueeze(place), np.expand_dims(x, place)),
        (t.pad(pairs, value=7), np.pad(x, pairs, constant_values=7) if shape else x),
        (t.flatten(), x.reshape(-1) if x.size else x.reshape(0)),
        (t.unsqueeze(place).squeeze(place), x),
    ):  # fmt: skip
        assert result.shape == wanted.shape
        assert (value(result) == wanted).all()


def test_reshape_forms(loaded: Any, value: Any) -> None:
    t = loaded(counting((2, 3, 4)))
    assert t.reshape(6, -1).shape == t.reshape((6, 4)).shape == t.view([6, 4]).shape == (6, 4)
    assert t.flatten(1).shape == (2, 12) and t.flatten(0, -2).shape == (6, 4)
    assert t.unflatten(-1, (2, -1)).shape == (2, 3, 2, 2)
    assert t.transpose(0, 2).shape == (4, 3, 2) and t.T.shape == (4, 3, 2)
    assert t.expand(5, -1, None, 4).shape == (5, 2, 3, 4)
    assert t.reshape(1, 2, 3, 1, 4).squeeze().shape == (2, 3, 4)
    assert t.reshape(1, 2, 3, 1, 4).squeeze((0, 3)).shape == (2, 3, 4)
    assert Tensor(3).reshape(1, 1).shape == (1, 1) and Tensor(3).flatten().shape == (1,)
    assert Tensor.ones(0, 3).reshape(3, 0, 5).shape == (3, 0, 5)


def test_what_changes_nothing_is_no_node(loaded: Any) -> None:
    t = loaded(counting((2, 3)))
    for same in (
        t.reshape(2, 3), t.permute(0, 1), t.expand(2, 3), t.flip(()), t[:], t[..., :],
        t.pad(((0, 0), None)), t.shrink((None, (0, 3))),
    ):  # fmt: skip
        assert same.node is t.node


def test_padding_notations(loaded: Any, value: Any) -> None:
    t = loaded(counting((2, 3)))
    x = counting((2, 3))
    assert (value(t.pad((1, 2), value=9)) == np.pad(x, ((0, 0), (1, 2)), constant_values=9)).all()
    assert (value(t.pad((1, 2, 3, 0))) == np.pad(x, ((3, 0), (1, 2)))).all()
    assert (value(t.pad((None, (0, 1)))) == np.pad(x, ((0, 0), (0, 1)))).all()
    assert (value(t.pad((-1, 1))) == np.pad(x[:, 1:], ((0, 0), (0, 1)))).all()
    nan = value(loaded([1.0], "float16").pad((1, 0), value=float("nan")))
    assert np.isnan(nan[0]) and nan.dtype == np.float16


@pytest.mark.parametrize("dtype", [row.name for row in dtypes.TENSOR_DTYPES])
def test_padding_takes_a_value_of_the_dtype(dtype: str) -> None:
    assert Tensor.zeros(2, dtype=dtype).pad((1, 1), value=1.0).dtype.name == dtype


def test_movement_errors() -> None:
    t = Tensor.ones(2, 3)
    for error, text, call in (
        (ValueError, r"\(2, 3\) and \(4,\) differ in the number", lambda: t.reshape(4)),
        (ValueError, "-1 has no size", lambda: t.reshape(4, -1)),
        (ValueError, "negative", lambda: t.reshape(-1, -1)),
        (ValueError, "-1 has no size", lambda: Tensor.ones(0).reshape(0, -1)),
        (ValueError, "negative", lambda: t.reshape(-2, -3)),
        (TypeError, "reshape: 2.0 is a float", lambda: t.reshape(2.0, 3)),
        (TypeError, "truth value", lambda: t.reshape(True, 6)),
        (ValueError, "does not expand", lambda: t.expand(4, 3)),
        (ValueError, "more than 1 axes", lambda: t.expand(3)),
        (ValueError, "does not name each", lambda: t.permute(0, 0)),
        (IndexError, "axis 2 is out of range for 2", lambda: t.permute(0, 2)),
        (IndexError, "flip: axis -3", lambda: t.flip(-3)),
        (ValueError, "appears twice", lambda: t.flip((0, -2))),
        (ValueError, "has size 3, not 1", lambda: t.squeeze(1)),
        (IndexError, "unsqueeze: axis 3", lambda: t.unsqueeze(3)),
        (ValueError, "comes after", lambda: t.flatten(1, 0)),
        (ValueError, "outside an axis of size 3", lambda: t.shrink((None, (1, 4)))),
        (ValueError, "1 pairs for 2", lambda: t.shrink((None,))),
        (ValueError, "not pairs", lambda: t.pad((1, 2, 3))),
        (ValueError, "mode must be one of", lambda: t.pad((1, 1), mode="mirror")),
        (ValueError, "'reflect' takes elements of axis 1, which has size 0",
         lambda: t[:, :0].pad((1, 1), mode="reflect")),
        (ValueError, "outside an axis", lambda: t.pad((-4, 0))),
        (OverflowError, "does not fit uint8", lambda: t.cast("uint8").pad((1, 1), value=256)),
        (TypeError, "no value of int32", lambda: t.int().pad((1, 1), value=0.5)),
    ):
        with pytest.raises(error, match=text):
            call()


def test_indexing_errors() -> None:
    t = Tensor.ones(2, 3)
    for error, text, key in (
        (IndexError, "index 2 is out of range for axis 0 of size 2", 2),
        (IndexError, "index -4 is out of range for axis 1 of size 3", (0, -4)),
        (IndexError, "3 indices for 2 dimensions", (0, 0, 0)),
        (IndexError, "one Ellipsis", (..., ...)),
        (TypeError, "not float", 1.0),
        (TypeError, "not float", [1.0]),
        (TypeError, "not str", "a"),
        (TypeError, "not float32", Tensor([0.5])),
        (TypeError, "not bool and int", [True, 1]),
        (IndexError, "index 2 is out of range for axis 0 of size 2", [0, 2]),
        (IndexError, "index -4 is out of range for axis 1 of size 3", (0, np.array([0, -4]))),
        (IndexError, r"a mask of shape \(3,\) does not fit axes 0 to 0", [True, False, True]),
        (IndexError, r"\(2,\) and \(3,\) do not broadcast", (Tensor([0, 1]), Tensor([0, 1, 2]))),
        (IndexError, "3 indices for 2 dimensions", (Tensor([[True]]), 0)),
        (TypeError, r"use i\.bind", Variable("i", 0, 1)),
        (ValueError, "zero", slice(None, None, 0)),
    ):
        with pytest.raises(error, match=text):
            t[key]
    assert t[np.int64(1)].shape == (3,)
    with pytest.raises(IndexError):
        Tensor.ones(0)[0]


@pytest.mark.parametrize("key", [
    True, False, (True, 1), (1, None, True), (..., True), (True, False), (slice(1, None), True, 1),
])  # fmt: skip
def test_a_bool_alone_is_a_mask_of_no_axes(key: Any, loaded: Any, value: Any) -> None:
    x = counting((2, 3, 4))
    assert value(loaded(x)[key]).tolist() == x[key].tolist()
    assert loaded(x)[key].shape == x[key].shape


def test_length_and_iteration(loaded: Any, value: Any) -> None:
    t = loaded(counting((3, 2)))
    assert len(t) == 3 and [value(row).tolist() for row in t] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(TypeError, match=r"shape \(\) has no fixed length"):
        len(t[0, 0])


def test_take(loaded: Any, value: Any) -> None:
    x, picks = counting((3, 4)), np.array([[0, -1], [2, 1]])
    for dtype in ("int8", "int64", "int32"):
        i = loaded(picks, dtype)
        assert (value(loaded(x).take(i, 0)) == x[picks]).all()
        assert (value(loaded(x).take(i, -1)) == x[:, picks]).all()
        assert (value(loaded(x).take(i)) == x.ravel()[picks]).all()
    assert value(loaded(x).take(loaded([4, -5, 3]), 1))[2].tolist() == [0, 0, 11]
    for wrong in ([0], 0, Tensor([True]), Tensor([1.0])):
        with pytest.raises(TypeError, match="take: the index must be an integer tensor"):
            loaded(x).take(wrong, 0)


# -- symbolic sizes and offsets --------------------------------------------------------------------
def test_a_variable_as_index_and_offset(loaded: Any, value: Any) -> None:
    x = counting((6, 4))
    for v in range(4):
        i = Variable("i", 0, 3).bind(v)
        t = loaded(x)
        assert (value(t[i]) == x[v]).all()
        assert (value(t[i + 2 : i + 3, 1]) == x[v + 2 : v + 3, 1]).all()
        assert t[i : i + 2].shape == (2, 4) and (value(t[i : i + 2]) == x[v : v + 2]).all()
        assert (value(t[:, i]) == x[:, v]).all()


def test_the_offset_is_an_operand() -> None:
    i = Variable("i", 0, 3).bind(1)
    node = Tensor.ones(6)[i : i + 2].node
    assert node.op is Op.SHRINK and node.arg == ((None, 2),) and node.src[1] is i.node


def test_symbolic_sizes(loaded: Any, value: Any) -> None:
    x = counting((6, 4))
    n = Variable("n", 1, 6).bind(3)
    t = loaded(x)[:n]
    assert repr(t) == f"<Tensor int32 (n=3, 4) on {t.device}>"
    assert (value(t * 2) == x[:3] * 2).all()
    assert value(t.sum()) == x[:3].sum() and (value(t.max(0)) == x[:3].max(0)).all()
    assert (value(t.flatten()) == x[:3].ravel()).all()
    assert (value(t.reshape(2, -1, 2)) == x[:3].reshape(2, 3, 2)).all()
    assert (value(t + Tensor.ones(n, 1, dtype="int32")) == x[:3] + 1).all()
    assert value(loaded(x)[n - 1 :]).shape == (4, 4)
    assert t.nbytes() == 48
    assert (value(t.float().T @ t.float()) == x[:3].T @ x[:3]).all()


def test_variables_are_checked() -> None:
    i = Variable("i", 0, 3)
    for error, text, call in (
        (ValueError, "i: 4 is outside its range 0..3", lambda: i.bind(4)),
        (ValueError, "holds no value", lambda: Variable("i", 1, 0)),
        (TypeError, r"use i\.bind\(value\)", lambda: Tensor.ones(4)[i]),
        (TypeError, r"use i\.bind\(value\)", lambda: Tensor.ones(4)[:i]),
        (TypeError, r"use i\.bind\(value\)", lambda: Tensor.ones(i)),
        (IndexError, "out of range for axis 0 of size 3", lambda: Tensor.ones(3)[i.bind(0)]),
        (IndexError, "can leave axis 0", lambda: Tensor.ones(4)[i.bind(0) : i.bind(0) + 2]),
        (IndexError, "step 1", lambda: Tensor.ones(4)[: i.bind(2) : 2]),
        (ValueError, "max: no elements", Tensor.ones(4)[: i.bind(2)].max),
        (TypeError, "1.0 is no integer", lambda: i.bind(1.0)),
        (ValueError, "do not broadcast", lambda: Tensor.ones(i.bind(1)) + Tensor.ones(3)),
    ):
        with pytest.raises(error, match=text):
            call()


def test_two_values_of_a_variable_are_two_numbers(loaded: Any, value: Any) -> None:
    x, n = counting((6, 4)), Variable("n", 1, 4)
    t, a, b = loaded(x), n.bind(2), n.bind(3)
    assert value(t[:a].sum() * 100 + t[:b].sum()) == x[:2].sum() * 100 + x[:3].sum()
    assert (value(t[a] - t[b]) == x[2] - x[3]).all()
    assert (value(t[:a, :b] + 1) == x[:2, :3] + 1).all()
    assert (value(t[:a].cat(t[:b])) == np.concatenate([x[:2], x[:3]])).all()


@pytest.mark.parametrize("meet", [
    lambda x, y: x + y, lambda x, y: (x < y).where(x, y), lambda x, y: x.T @ y,
    lambda x, y: x.cat(y, dim=1), lambda x, y: x.assign(y), Tensor.stack,
    lambda x, y: x.reshape(y.shape), lambda x, y: Tensor.einsum("ij,ij->", x, y),
])  # fmt: skip
def test_where_they_must_be_equal_they_are_named(meet: Any) -> None:
    x, n = Tensor.ones(6, 4), Variable("n", 1, 4)
    with pytest.raises(ValueError, match=r"n=2.*n=3|n=3.*n=2"):
        meet(x[: n.bind(2)], x[: n.bind(3)])
    meet(x[: n.bind(2)], x[: n.bind(2)])


def test_storages_are_shared_by_views(loaded: Any) -> None:
    node = loaded(counting((4, 4)))[1:, ::-1].T.node
    while node.src:
        node = node.src[0]
    assert node.op is Op.BUFFER and node.device == "LLVM"
