"""Views: a storage seen through a map. What a tensor shows is a storage, or a view of one.

A view names no version. Its map is a node over a stand-in for the storage, and what it shows is the
map on whatever node the storage has now. That node is kept until the storage gets another one, and
the map is made only then: programs that write nothing never need it.
"""

from __future__ import annotations

from engine.dtypes import DType
from engine.graph import Node, substitute
from engine.ops import Op
from engine.shapes import view_of
from engine.storage import Storage
from engine.tensor import layout
from engine.tensor.bits import resized
from engine.tensor.layout import Layout


class View:
    """What movements, and changes of dtype, show of a storage.

    The map leads from `of` to what is shown: from a storage, or, where `dtype` is given, from the
    bits of `of` as elements of that dtype, which has another width. The node that is kept stands on
    the node `bottom`, which shows what `below` maps; None is the map that changes nothing.
    """

    __slots__ = ("__weakref__", "_below", "_bottom", "_layout", "_node", "dtype", "of", "storage")

    def __init__(
        self, of: Source, dtype: DType | None, node: Node, bottom: Node, below: Node | None
    ) -> None:
        self.of, self.dtype = of, dtype
        self.storage: Storage = of.storage
        self._node: Node | None = node
        self._bottom, self._below = bottom, below
        self._layout: Layout | None = None
        self.storage.keep(self)

    @classmethod
    def moved(cls, source: Source, node: Node) -> View:
        """What `node`, a movement of the node of `source` or a bitcast of equal width, shows."""
        if isinstance(source, Storage):
            return cls(source, None, node, source.node, None)
        assert source._node is not None, "a movement is made of a node that is shown"
        return cls(source.of, source.dtype, node, source._bottom, source._below)

    @classmethod
    def of_dtype(cls, source: Source, dtype: DType) -> View:
        """The bits of `source`, whose last axis is contiguous, as elements of another width."""
        node = resized(source.node, dtype)
        return cls(source, dtype, node, node, None)

    @property
    def node(self) -> Node:
        """What is shown now."""
        if self._node is None:
            base = self._base()
            assert self._below is not None
            self._node = self._bottom = substitute(self._below, {_stand_in(base): base})
            self.storage.keep(self)
        return self._node

    @property
    def layout(self) -> Layout | None:
        """Where the elements are in the storage; None if they are in no even order there."""
        if self._layout is None:
            found = layout_of(self.of)
            if self.dtype is not None:
                found = layout.of_dtype(found, self.dtype.itemsize)
            self._layout = layout.after(found, self._movements())
        return self._layout

    def hide(self) -> None:
        """Forget the node that is shown: the storage has another one now."""
        if self._node is not None:
            self._below = self._map(self._node)
            self._node = None
            self._bottom = self._below

    def settle(self, node: Node) -> None:
        """Show `node` until the storage is written to: it has the same bits."""
        if node is not self._node:
            self._below = self._map(self.node)
            self._node = self._bottom = node

    def _base(self) -> Node:
        return self.of.node if self.dtype is None else resized(self.of.node, self.dtype)

    def _map(self, node: Node) -> Node:
        """The map of a node over the bottom."""
        below = _stand_in(self._bottom) if self._below is None else self._below
        return substitute(node, {self._bottom: below})

    def _movements(self) -> list[Node]:
        """The map, step by step from the stand-in."""
        chain, node = list[Node](), self.node
        while node is not self._bottom:
            chain.append(node)
            node = node.src[0]
        if self._below is not None:
            node, end = self._below, _stand_in(self._base())
            while node is not end:
                chain.append(node)
                node = node.src[0]
        return chain[::-1]


Source = Storage | View


def layout_of(source: Source) -> Layout:
    """Where the elements of a storage, or of a view that has a layout, are in the storage."""
    if isinstance(source, Storage):
        return layout.of_storage(source.node.shape, source.node.dtype.itemsize)
    assert source.layout is not None
    return source.layout


def _stand_in(node: Node) -> Node:
    """What maps are made of in the place of `node`: it has its shape and dtype, and no memory."""
    return view_of(Node(Op.BUFFER, node.dtype, (), (0, 0, "")), node.shape)
