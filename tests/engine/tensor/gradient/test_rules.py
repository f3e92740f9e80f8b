"""The table of rules, and nodes that the API makes seldom or never."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import Tensor, Variable, dtypes
from engine.graph import Node, const, dump, parse
from engine.interpret.tensors import evaluate
from engine.ops import ELEMENTWISE, Group, Op, Operation
from engine.realize import realize, resolved_roots
from engine.spec import TENSOR_OPS, verify_tensor
from engine.storage import memory_of, realized
from engine.tensor.gradient import movement, tracking
from engine.tensor.gradient.rules import RULES

# Operations of the tensor level through which no gradient flows.
NO_RULE: dict[Operation, str] = {
    **dict.fromkeys((Op.BUFFER, Op.CONST, Op.TABLE, Op.IOTA, Op.VARIABLE, Op.BIND), "leaves"),
    **dict.fromkeys((Op.LT, Op.EQ, Op.NE, Op.AND, Op.OR, Op.XOR, Op.NOT), "yield no floats"),
    **dict.fromkeys((Op.LSHIFT, Op.RSHIFT, Op.MERGE), "of integers"),
    **dict.fromkeys((Op.LEAF, Op.DETACH), "where gradients end"),
    **dict.fromkeys((Op.PARTIAL, Op.SINK), "made by the scheduler"),
    Op.BITCAST: "bits have no derivative: raises",
    Op.CUSTOM: "a program of the user's: raises",
}


def test_every_operation_has_a_rule_or_a_reason() -> None:
    machine = {op for op in ELEMENTWISE if op.group is Group.MACHINE}
    assert set(RULES) | set(NO_RULE) == TENSOR_OPS - machine
    assert not set(RULES) & set(NO_RULE)


def leaf(data: Any) -> Tensor:
    return Tensor(np.asarray(data, "float64")).requires_grad_()


def test_markers_are_values_of_their_operand() -> None:
    x = leaf([1.0, 2.0])
    marked = tracking.refused(tracking.contiguous_backward(x.node), (x.node,), "why", times=1)
    marked = tracking.surrogate(marked, (x.node,), lambda: x.node * 2)
    marked = tracking.detached(marked) + 1
    assert parse(dump(marked)) is marked
    verify_tensor(marked)
    array = np.array([1.0, 2.0])
    assert evaluate([marked], lambda buffer: array)[0].tolist() == [2.0, 3.0]
    (shown,) = resolved_roots([marked])
    assert {node.split()[2] for node in dump(shown).splitlines()[:-1]} == {"BUFFER", "CONST", "ADD"}


def test_results_that_differ_in_leaves_alone() -> None:
    """One program computes both, and each is known."""
    x = Tensor(np.arange(3.0))
    first, second = (
        tracking.new_leaf(x.node).unary(Op.SIN) for _ in range(2)
    )
    assert first is not second
    realize([first, second])
    for node in (first, second):
        view = realized(node)
        assert view is not None
        while view.op is not Op.BUFFER:
            view = view.src[0]
        assert np.allclose(np.frombuffer(memory_of(view).read()), np.sin(np.arange(3.0)))


def test_a_store_splits_the_gradient() -> None:
    old, value = leaf(np.arange(6.0)), leaf([7.0, 8.0])
    node = Node(Op.STORE, dtypes.float64, (old.node, value.node), (2, (1,)))
    y = (Tensor.from_node(node) * Tensor(np.arange(1.0, 7.0))).sum()
    by_old, by_value = y.gradient(old, value)
    assert by_old.tolist() == [1.0, 2.0, 0.0, 0.0, 5.0, 6.0] and by_value.tolist() == [3.0, 4.0]


def test_what_a_store_overwrites_is_not_alive() -> None:
    old = leaf([0.0, 1.0, 4.0])
    node = Node(Op.STORE, dtypes.float64, (old.log().node, Tensor(np.ones(1)).node), (0, (1,)))
    assert Tensor.from_node(node).sum().gradient(old)[0].tolist() == [0.0, 1.0, 0.25]


def test_after_passes_the_gradient_to_what_is_read() -> None:
    x = leaf([1.0, 2.0])
    node = Node(Op.AFTER, dtypes.float64, (x.node, Tensor(np.ones(2)).exp().node))
    assert (Tensor.from_node(node) * 3).sum().gradient(x)[0].tolist() == [3.0, 3.0]


def test_padding_that_has_a_gradient() -> None:
    x, edge = leaf([[1.0, 2.0]]), leaf(5.0)
    node = Node(Op.PAD, dtypes.float64, (x.node, edge.node), ((1, 0), (0, 2)))
    weights = Tensor(np.arange(8.0).reshape(2, 4))
    by_x, by_edge = (Tensor.from_node(node) * weights).sum().gradient(x, edge)
    assert by_x.tolist() == [[4.0, 5.0]] and by_edge.item() == 28.0 - 9.0


def test_scalars_beside_tensors_get_sums() -> None:
    x = leaf(2.0)
    y = (x * Tensor(np.arange(2000.0).reshape(20, 100))).sum()
    assert y.gradient(x)[0].tolist() == 1999000.0


def test_symbolic_sizes() -> None:
    n = Variable("n", 1, 5).bind(3)
    x = leaf(np.arange(5.0))
    y = x[:n].square().sum()
    assert y.gradient(x)[0].tolist() == [0.0, 2.0, 4.0, 0.0, 0.0]


def test_views_go_back_by_taps_and_by_places_alike(monkeypatch: Any) -> None:
    """Overlapping windows, steps, diagonals, and several axes that read along one."""
    x = leaf(np.arange(60.0).reshape(5, 12))
    views = {
        "windows": lambda: x.unfold(1, 5, 2),
        "every third": lambda: x[::2, 1::3],
        "turned": lambda: x[::-1, ::-2],
        "diagonal": lambda: x.diagonal(1),
        "pooled": lambda: x.reshape(1, 1, 5, 12).max_pool2d((3, 2), stride=1, dilation=2),
    }
    for name, view in views.items():
        weights = Tensor(np.random.default_rng(5).integers(1, 9, view().shape).astype("float64"))
        found = []
        for most in (64, 0):
            monkeypatch.setattr(movement, "MOST_TAPS", most)
            found.append((view() * weights).sum().gradient(x)[0].tolist())
        assert found[0] == found[1], name
        assert np.sum(found[0]) == weights.sum().item(), name


def test_contractions_have_the_order_of_products() -> None:
    """A gradient of a matrix product is one, summed as one."""
    x, w = leaf(np.ones((4, 3))), leaf(np.ones((3, 2)))
    for g in (x @ w).sum().gradient(x, w):
        orders = {node.arg[2] for node in _below(g.node) if node.op is Op.REDUCE}
        assert orders == {(1, 256)}


def _below(node: Node) -> list[Node]:
    from engine.graph import toposort

    return toposort([node])


def test_gradients_do_not_read_what_they_need_not() -> None:
    """The gradient of a sum reads no operand."""
    x = leaf(np.ones(5))
    (g,) = (x + 2).sum().gradient(x)
    assert not any(node.op is Op.BUFFER for node in _below(g.node))
    assert const(1, dtypes.float64) in _below(g.node)
    assert g.tolist() == [1.0] * 5
