"""Gradients and writing: which versions count, where gradients go, what may not be written."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Tensor


def leaf(values: object) -> Tensor:
    return Tensor(np.asarray(values, dtype=np.float64)).requires_grad_()


def test_what_is_overwritten_gets_nothing_and_the_value_gets_its_part() -> None:
    x, v = leaf([1.0, 2.0, 3.0, 4.0]), leaf([5.0, 6.0])
    y = x * 2
    y[1:3] = v * 3
    by_x, by_v = (y * Tensor([1.0, 10.0, 100.0, 1000.0], dtype="float64")).sum().gradient(x, v)
    assert by_x.tolist() == [2.0, 0.0, 0.0, 2000.0] and by_v.tolist() == [30.0, 300.0]


@pytest.mark.parametrize("key", [slice(None, None, -2), (slice(1, 3),), (Ellipsis, 2)])
def test_every_kind_of_part(key: object) -> None:
    """By the definition: y is linear in x and v, so its gradients are those of one run each."""
    x, v, weights = np.arange(5.0), np.float64(7.0), np.array([1.0, 10.0, 100.0, 1e3, 1e4])
    a, b = leaf(x), leaf(v)
    y = a + 0
    y[key] = b
    by_a, by_b = (y * Tensor(weights)).sum().gradient(a, b)
    hit = np.zeros(5, dtype=bool)
    hit[key] = True  # type: ignore[index]
    assert by_a.tolist() == np.where(hit, 0.0, weights).tolist()
    assert by_b.item() == weights[hit].sum()


def test_values_that_broadcast_and_views_that_are_turned() -> None:
    v, y = leaf([1.0, 2.0]), Tensor.zeros(3, 2, dtype="float64").contiguous()
    y.T[:, 1:] = v.reshape(2, 1)
    (by_v,) = (y * Tensor(np.arange(6.0).reshape(3, 2))).sum().gradient(v)
    assert by_v.tolist() == [2.0 + 4.0, 3.0 + 5.0]


def test_masks_and_index_tensors() -> None:
    x, v = leaf([1.0, 2.0, 3.0, 4.0]), leaf([10.0, 20.0, 30.0])
    y = x * 1
    y[Tensor([0, 2, 0])] = v
    by_x, by_v = (y * Tensor([1.0, 2.0, 4.0, 8.0], dtype="float64")).sum().gradient(x, v)
    assert by_x.tolist() == [0.0, 2.0, 0.0, 8.0] and by_v.tolist() == [0.0, 4.0, 1.0]
    z = x * 1
    z[x > 2] = 0.0
    assert z.sum().gradient(x)[0].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_a_gradient_is_of_the_versions_that_were_read() -> None:
    x = leaf([3.0])
    w = Tensor([2.0], dtype="float64").contiguous()
    y = x * w
    w += 5
    assert y.gradient(x)[0].tolist() == [2.0]
    w.realize()
    y.realize()
    assert y.gradient(x)[0].tolist() == [2.0], "also when the later version is in memory"


def test_a_version_that_a_gradient_reads_keeps_its_memory() -> None:
    """The write may not take the place of what backward multiplies by."""
    x, w = leaf([3.0]), Tensor(np.array([2.0])).realize()
    y = (x * w).realize()
    w += 5
    assert w.realize().tolist() == [7.0]
    assert y.gradient(x)[0].tolist() == [2.0]


def test_a_leaf_is_written_inside_no_grad_alone() -> None:
    x = leaf([1.0, 2.0])
    view, clone = x[1:], x.clone()
    for write in (lambda: x.assign([0.0, 0.0]), lambda: view.assign(0.0)):
        with pytest.raises(RuntimeError, match=r"asked for its gradient.*no_grad\(\)"):
            write()
    with pytest.raises(RuntimeError, match="asked for its gradient"):
        x += 1
    assert x.tolist() == [1.0, 2.0], "what failed changed nothing"
    clone[0] = 5.0
    assert clone.sum().gradient(x)[0].tolist() == [0.0, 1.0]


def test_steps_of_an_optimizer() -> None:
    """Each step is another leaf with the same tensor: gradients are those of the new values."""
    w = leaf([1.0, -2.0])
    expected = np.array([1.0, -2.0])
    for _ in range(3):
        (w * w).sum().backward()
        assert w.grad is not None and w.grad.tolist() == (2 * expected).tolist()
        with Tensor.no_grad():
            w -= w.grad * 0.25
        w.grad = None
        expected = expected - 0.25 * 2 * expected
        assert w.requires_grad and w.tolist() == expected.tolist()


def test_a_write_inside_no_grad_forgets_what_the_value_was_made_of() -> None:
    x, y = leaf([1.0]), Tensor([0.0], dtype="float64").contiguous()
    with Tensor.no_grad():
        y[:] = x * 2
    assert not y.requires_grad and y.tolist() == [2.0]


def test_detached_is_a_view_of_the_values_and_not_of_the_gradient() -> None:
    y = leaf([1.0, 2.0]) * 1
    apart = y.detach()
    apart[0] = 7.0
    assert y.tolist() == [7.0, 2.0] and not apart.requires_grad and y.requires_grad
    z = Tensor([1.0], dtype="float64").contiguous()
    before = z.detach()
    z[:] = leaf([3.0])
    assert z.requires_grad and not before.requires_grad and before.tolist() == [3.0]
