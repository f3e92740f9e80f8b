"""What users call: leaves, `backward`, `gradient`, and what is not recorded."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from engine import GlobalCounters, Tensor
from engine.dtypes import BY_NAME


def leaf(*values: float, dtype: str = "float32") -> Tensor:
    return Tensor(list(values), dtype=dtype).requires_grad_()


def test_equal_constants_are_two_leaves() -> None:
    x, y = Tensor.ones(3).requires_grad_(), Tensor.ones(3).requires_grad_()
    (x * 2 + y * 3).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 2.0, 2.0]
    assert y.grad is not None and y.grad.tolist() == [3.0, 3.0, 3.0]


def test_gradients_add_up_until_they_are_set_to_none() -> None:
    x = leaf(1, 2)
    for _ in range(2):
        x.square().sum().backward()
    assert x.grad is not None and x.grad.tolist() == [4.0, 8.0]
    assert not x.grad.requires_grad
    x.grad = None
    x.square().sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0]


def test_of_targets_on_the_way() -> None:
    x = leaf(1, 2)
    middle = x * 3
    y = middle.square().sum()
    by_middle, by_x = y.gradient(middle, x)
    assert by_middle.tolist() == [6.0, 12.0] and by_x.tolist() == [18.0, 36.0]
    assert x.grad is None


def test_what_has_been_read_can_still_be_differentiated() -> None:
    x = leaf(1, 2)
    middle = (x * 3).realize()
    loss = middle.square().sum()
    assert loss.item() == 45.0
    assert loss.gradient(x)[0].tolist() == [18.0, 36.0]
    x.realize()
    assert loss.gradient(x, middle)[1].tolist() == [6.0, 12.0]
    assert (x * loss.detach()).sum().gradient(x)[0].tolist() == [45.0, 45.0]


def test_what_is_read_lets_go_of_its_past() -> None:
    x = Tensor([1.0, 2.0]) * 2
    past = weakref.ref(x.node)
    x.requires_grad_().realize()
    gc.collect()
    assert past() is None and x.requires_grad


def test_again_and_again() -> None:
    x = leaf(2, dtype="float64")
    y = x**5
    for due in (80.0, 160.0, 240.0, 240.0, 120.0):
        (y,) = y.gradient(x)
        assert y.tolist() == [due]


def test_detach_and_no_grad() -> None:
    x = leaf(2, 3)
    assert not x.detach().requires_grad and not (x > 1).requires_grad
    assert (x * x.detach()).sum().gradient(x)[0].tolist() == [2.0, 3.0]
    with Tensor.no_grad():
        assert not (x * 2).requires_grad and x.requires_grad
        inner = (x.exp() * x).sum()
    assert not inner.requires_grad

    @Tensor.no_grad()
    def step(y: Tensor) -> Tensor:
        return y * 2

    assert not step(x).requires_grad and (x * 2).requires_grad
    assert step(x).tolist() == [4.0, 6.0]


def test_a_gradient_to_begin_with() -> None:
    x = leaf(1, 2, 3)
    (x * x).backward(Tensor([1.0, 10.0, 100.0]))
    assert x.grad is not None and x.grad.tolist() == [2.0, 40.0, 600.0]


def test_dtypes_are_those_of_the_operands() -> None:
    x, y = leaf(1, 2, dtype="float16"), leaf(3, 4, dtype="float64")
    (x * y).sum().backward()
    assert x.grad is not None and x.grad.dtype.name == "float16" and x.grad.tolist() == [3.0, 4.0]
    assert y.grad is not None and y.grad.dtype.name == "float64" and y.grad.tolist() == [1.0, 2.0]


def test_integers_stop_gradients() -> None:
    x = leaf(1.5, 2.5)
    assert not x.int().float().requires_grad
    assert (x * x.int()).sum().gradient(x)[0].tolist() == [1.0, 2.0]


def test_constant_in_a_target() -> None:
    x = leaf(1.5, -2.5)
    assert x.floor().sum().gradient(x)[0].tolist() == [0.0, 0.0]
    assert x.sign().sum().gradient(x)[0].tolist() == [0.0, 0.0]


def test_contiguous_backward_changes_no_value() -> None:
    x = leaf(1, 2)
    y = (x.contiguous_backward() * 3).sum()
    assert y.item() == 9.0 and y.gradient(x)[0].tolist() == [3.0, 3.0]
    (g,) = y.gradient(x)
    assert g.node.op.name == "CONTIGUOUS"


def test_replace_makes_a_new_leaf() -> None:
    x = leaf(1, 2)
    before = (x * 5).sum()
    x.replace(x - x.square())
    after = (x * 7).sum()
    assert after.gradient(x)[0].tolist() == [7.0, 7.0]
    with pytest.raises(RuntimeError, match="not what it is made of"):
        before.gradient(x)


def test_other_devices() -> None:
    x = Tensor([1.0, 2.0], device="PYTHON").requires_grad_()
    (x.to("LLVM") * Tensor([3.0, 4.0], device="LLVM")).sum().backward()
    assert x.grad is not None and x.grad.device == "PYTHON" and x.grad.tolist() == [3.0, 4.0]
    x.to_("LLVM")
    (x * 2).sum().backward()
    assert x.device == "LLVM" and x.requires_grad


def test_no_leaf_splits_a_cache() -> None:
    """Programs that differ in their leaves alone are one program."""
    values = np.arange(7, dtype="float32")
    expected = Tensor(values).sin().cos().tolist()
    misses = GlobalCounters.schedule_misses
    for _ in range(3):
        assert Tensor(values).requires_grad_().sin().cos().tolist() == expected
        assert Tensor(values).requires_grad_().sin().detach().cos().tolist() == expected
    assert GlobalCounters.schedule_misses == misses


def test_deep_graphs() -> None:
    x = leaf(1, dtype="float64")
    y = x
    for _ in range(5000):
        y = y * 0.999 + x
    (g,) = y.sum().gradient(x)
    assert g.requires_grad is False and g.shape == (1,)


def test_every_float_dtype_can_ask() -> None:
    for name, row in BY_NAME.items():
        if row.is_float and not name.startswith("index"):
            x = Tensor([1.0, 2.0], dtype=name).requires_grad_()
            assert (x * x).sum().gradient(x)[0].dtype is row


# -- errors ----------------------------------------------------------------------------------------
def test_errors() -> None:
    x, alone = leaf(1, 2), leaf(3)
    with pytest.raises(RuntimeError, match="not one element; pass `gradient`"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"a gradient of shape \(3,\)"):
        (x * 2).backward(Tensor([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match="int32 has no gradients; cast"):
        Tensor([1, 2]).requires_grad_()
    with pytest.raises(RuntimeError, match=r"call requires_grad_\(\) before"):
        Tensor([1.0]).backward()
    with pytest.raises(RuntimeError, match="is not what it is made of"):
        x.sum().gradient(alone)
    with pytest.raises(RuntimeError, match="requires no gradient"):
        x.sum().gradient(Tensor([1.0]))
    with pytest.raises(RuntimeError, match=r"\.detach\(\) gives"):
        (x * 2).requires_grad_(False)
    assert not x.requires_grad_(False).requires_grad


def test_operations_without_a_gradient_are_named() -> None:
    x = leaf(1, 2, dtype="float16")
    with pytest.raises(NotImplementedError, match=r"BITCAST of bfloat16 \(2,\) on LLVM"):
        x.bitcast("bfloat16").sum().backward()
