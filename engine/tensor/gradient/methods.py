"""Gradients as methods: what is recorded, and what is asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Self

from engine.graph import Node, const, toposort
from engine.ops import Op
from engine.storage import Storage
from engine.tensor import views
from engine.tensor.alias import View
from engine.tensor.base import TensorBase, common_device
from engine.tensor.gradient import tracking
from engine.tensor.gradient.walk import gradients
from engine.tensor.variable import show


class Differentiable(TensorBase):
    """Derivatives of what is made of tensors that require a gradient.

    Gradients are tensors like others, computed when they are read, with the same bits everywhere.
    """

    grad: Self | None = None
    """What `backward` has found so far; None before. Set it to None to start again."""

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows to this tensor: it asked for one, or is made of such."""
        return self.node.tracked

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for the gradient of this tensor, of what is made of it from now on; or stop that.

        TypeError unless it is a float. RuntimeError for False where the tensor is made of others
        that require a gradient: `detach` makes one that is not.
        """
        if not requires_grad:
            self._stop_recording()
        elif not self.dtype.is_float:
            raise TypeError(
                f"requires_grad_: {self.dtype} has no gradients; cast to a float dtype first"
            )
        elif not self.node.tracked:
            self._shows.storage.device = self.device  # a leaf lives somewhere
            self._mark(tracking.new_leaf(self._placed(), self))
        return self

    def _mark(self, node: Node) -> None:
        """Show what is shown, with markers on it: a storage keeps them, or a view of it."""
        shows = self._shows
        if isinstance(shows, Storage):
            shows.show(node)
        else:
            self._shows = View.moved(shows, node)

    def _become(self, x: TensorBase) -> Self:
        """This tensor, from now on, what x is; a leaf becomes another leaf."""
        was_leaf = self.node.op is Op.LEAF and x.dtype.is_float
        self._shows = x._shows
        if was_leaf:
            leaf = tracking.new_leaf(tracking.hidden(x.node), self)
            self._shows = View.moved(x._shows, leaf)
        return self

    def _stop_recording(self) -> None:
        if self.node.op is Op.LEAF:
            whole = isinstance(self._shows, Storage)
            self._mark(self.node.src[0] if whole else tracking.hidden(self.node))
        elif self.node.tracked:
            raise RuntimeError(
                "requires_grad_: this tensor is made of others that require a gradient; "
                ".detach() gives its values without"
            )

    def detach(self) -> Self:
        """The same values, apart from any gradient: a view."""
        return self._view(tracking.hidden(self.node))

    def contiguous_backward(self) -> Self:
        """The same values; their gradient gets memory of its own, in row-major order."""
        return self._like(tracking.contiguous_backward(self.node))

    @staticmethod
    def no_grad() -> AbstractContextManager[None]:
        """`with Tensor.no_grad(): …`: what is made inside is detached. Also a decorator."""
        return tracking.unrecorded()

    def backward(self, gradient: TensorBase | None = None) -> Self:
        """Add the gradient of this tensor to `grad` of all tensors that it requires.

        `gradient` is that of a result with respect to this tensor, of its shape; 1 for a tensor of
        one element. What stands in `grad` is detached. Returns the tensor itself. RuntimeError
        where no gradient is required, or `gradient` is missing; ValueError for another shape;
        NotImplementedError for an operation on the way that has none.
        """
        root = self._differentiated("backward")
        leaves = [node for node in _tracked_below(root) if node.op is Op.LEAF]
        found = gradients(root, self._seed("backward", gradient), leaves)
        with tracking.unrecorded():
            for node, value in found.items():
                tensor = tracking.owner(node)
                if isinstance(tensor, Differentiable):
                    known = tensor.grad
                    tensor.grad = tensor._like(value if known is None else known.node + value)
        return self

    def gradient(self, *targets: Self, gradient: TensorBase | None = None) -> list[Self]:
        """The gradient of this tensor with respect to each target, which may be on the way too.

        The results can be differentiated again. `gradient`, and errors, as in `backward`;
        RuntimeError also for a target that requires no gradient or of which this tensor is not
        made. A target in which it is constant, as through `floor`, has the gradient 0.
        """
        root = self._differentiated("gradient")
        order = _tracked_below(root)
        wanted = [_nodes_of(target, order) for target in targets]
        nodes = [node for group in wanted for node in group]
        found = gradients(root, self._seed("gradient", gradient), nodes)
        results = []
        for target, group in zip(targets, wanted, strict=True):
            value, *more = (found[node] for node in group)
            for other in more:
                value = value + other
            results.append(target._like(value))
        return results

    def _differentiated(self, name: str) -> Node:
        """The node that is differentiated."""
        if not self.node.tracked:
            raise RuntimeError(
                f"{name}: nothing that this {self.dtype} tensor of shape {show(self.shape)} is "
                "made of requires a gradient; call requires_grad_() before computing with it"
            )
        return self.node

    def _seed(self, name: str, gradient: TensorBase | None) -> Node:
        """The gradient with which the walk begins."""
        if gradient is None:
            if self.numel() != 1:
                raise RuntimeError(
                    f"{name}: a tensor of shape {show(self.shape)} is not one element; pass "
                    "`gradient`, of its shape, or reduce it first"
                )
            return views.expand(const(1, self.dtype), self.shape)
        if gradient.shape != self.shape:
            raise ValueError(
                f"{name}: a gradient of shape {show(gradient.shape)} for a tensor of shape "
                f"{show(self.shape)}"
            )
        common_device(name, (self, gradient))
        return gradient.node.cast(self.dtype)


def _tracked_below(root: Node) -> list[Node]:
    """What a gradient can flow to."""
    order = toposort([root], stop=lambda node: not node.tracked)
    return [node for node in order if node.tracked]


def _nodes_of(target: Differentiable, order: list[Node]) -> list[Node]:
    """Where a target stands in a graph: a leaf stands there under its number."""
    node = target.node
    if node.op is Op.LEAF:
        found = [one for one in order if one.op is Op.LEAF and one.arg == node.arg]
    else:
        found = [one for one in order if one is node]
    if not found:
        why = "is not what it is made of" if node.tracked else "requires no gradient"
        raise RuntimeError(
            f"gradient: a target of shape {show(target.shape)} {why}; call requires_grad_() on it "
            "before computing with it"
        )
    return found

