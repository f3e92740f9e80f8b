"""Markers in the graph: where gradients end, and which way they take.

Equal expressions are one node, so a tensor whose gradient is wanted needs an identity: a LEAF with
a number of its own. Markers show their first operand. They are removed before a program is
scheduled, so neither its kernels nor its key know of them.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from engine.graph import Node
from engine.ops import Op

_numbers = itertools.count(1)
_owners: weakref.WeakValueDictionary[int, object] = weakref.WeakValueDictionary()
_recording: ContextVar[bool] = ContextVar("recording", default=True)


@contextmanager
def unrecorded() -> Iterator[None]:
    """What is made inside has no gradient."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def recorded(node: Node) -> Node:
    """A result as a tensor keeps it: detached where nothing is recorded."""
    return node if _recording.get() else detached(node)


def is_recording() -> bool:
    """Whether what is made now has a gradient."""
    return _recording.get()


def new_leaf(x: Node, tensor: object = None) -> Node:
    """The values of x, where gradients end, apart from every other leaf; `tensor` gets them.

    None where nobody does.
    """
    number = next(_numbers)
    if tensor is not None:
        _owners[number] = tensor
    return Node(Op.LEAF, x.dtype, (x,), number)


def owner(leaf: Node) -> object:
    """The tensor that gets the gradient of a leaf; None if it is no more."""
    return _owners.get(leaf.arg)


def hidden(x: Node) -> Node:
    """The values of x, which no gradient reaches, also where x is a view that changes."""
    return Node(Op.DETACH, x.dtype, (x,))


def detached(x: Node) -> Node:
    """The values of x, which no gradient reaches."""
    return hidden(x) if x.tracked else x


def surrogate(x: Node, sources: Iterable[Node], model: Callable[[], Node]) -> Node:
    """The values of x with the gradient of a model of the sources, of the dtype and shape of x.

    For values whose own operations have no gradient, or another one where they are not smooth. The
    model is not computed, and not even made where no gradient flows to a source.
    """
    tracked = any(source.tracked for source in sources)
    return Node(Op.SURROGATE, x.dtype, (x, model())) if tracked else x


def contiguous_backward(x: Node) -> Node:
    """The values of x, whose gradient gets memory of its own: no kernel computes it twice."""
    return Node(Op.CONTIGUOUS_BACKWARD, x.dtype, (x,)) if x.tracked else x


def refused(x: Node, sources: Iterable[Node], why: str, times: int = 0) -> Node:
    """The values of x, which depends on the sources; a gradient of it to them raises, with `why`.

    With `times` that happens not before the gradient of the gradient, and so on.
    """
    operands = (x, *sources)
    tracked = any(operand.tracked for operand in operands)
    return Node(Op.REFUSE, x.dtype, operands, (why, times)) if tracked else x
