"""Sums of products over named axes, and layers that are one: einsum and linear.

Products are taken from left to right, each rounded in the accumulator, and summed in the order of
matrix products.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, Sint
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.linalg import PRODUCT_ORDER, product
from engine.tensor.reduce import accumulated_in, reduced
from engine.tensor.variable import describe, show

Labels = tuple[str, ...]
_LETTERS = frozenset(string.ascii_letters)


class Contraction(TensorBase):
    """Contractions of any number of tensors."""

    @classmethod
    def einsum(
        cls,
        formula: str,
        *operands: TensorBase | Sequence[TensorBase],
        dtype: DType | str | None = None,
    ) -> Self:
        """The sum of products that `formula` names: one letter an axis, `...` for further ones.

        `ij,jk->ik` is a matrix product. A letter twice in one term is a diagonal; axes of size 1
        broadcast, and so do the axes of `...`. Without `->` the result has the axes of `...`, then
        the letters that appear once, in alphabetical order. The operands may be one sequence.

        Operands are promoted and cast to the accumulator of `matmul`, products are taken from left
        to right and rounded there. What the result does not name is summed in Order(1, 256), the
        axes row-major in the order in which the formula first names them. If it names everything,
        the products are the result. ValueError for a formula that does not fit the operands.
        """
        tensors = tensors_of("einsum", operands)
        device = common_device("einsum", tensors)
        terms, result = _parsed(formula, [t.ndim for t in tensors])
        common = dtypes.promote(*(t.dtype for t in tensors))
        kept, row = accumulated_in("einsum", common, dtype)
        nodes = [t.node.cast(common).cast(kept) for t in tensors]
        return cls._wrap(_contracted(formula, nodes, terms, result).cast(row), device)

    def linear(
        self, weight: TensorBase, bias: TensorBase | None = None, dtype: DType | str | None = None
    ) -> Self:
        """self @ weight + bias: (…, m) with a weight of shape (m, n) is (…, n).

        A weight of one axis multiplies the elements instead. The three are promoted to one dtype;
        the bias is added in the accumulator, and the result rounded once, behind it. Dtypes and
        order as in `matmul`. TypeError for operands that are no tensors.
        """
        operands = tensors_of("linear", [self, weight] if bias is None else [self, weight, bias])
        device = common_device("linear", operands)
        common = dtypes.promote(*(t.dtype for t in operands))
        kept, row = accumulated_in("linear", common, dtype)
        x, w, *rest = (t.node.cast(common).cast(kept) for t in operands)
        if len(w.shape) == 1:
            total = Node(Op.MUL, kept, views.broadcast("linear", x, w))
        else:
            total = product("linear", x, w)
        return self._wrap(with_bias("linear", total, rest).cast(row), device)


def with_bias(op: str, total: Node, bias: Sequence[Node]) -> Node:
    """The sum with a bias, if there is one, in the dtype of both."""
    if not bias:
        return total
    return Node(Op.ADD, total.dtype, views.broadcast(op, total, bias[0]))


def tensors_of(op: str, operands: Sequence[TensorBase | Sequence[TensorBase]]) -> list[TensorBase]:
    """The operands, given one by one or as one sequence."""
    first = operands[0] if operands else None
    given = list(first) if isinstance(first, list | tuple) and len(operands) == 1 else operands
    tensors = [t for t in given if isinstance(t, TensorBase)]
    if len(tensors) < len(given):
        other = next(t for t in given if not isinstance(t, TensorBase))
        raise TypeError(f"{op}: operands are tensors, not {type(other).__name__}")
    return tensors


# -- formulas --------------------------------------------------------------------------------------
def _parsed(formula: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """The labels of each operand's axes and of the result's. `...` becomes labels ".0" (last), …"""
    if not isinstance(formula, str):
        raise TypeError(f"einsum: the formula is a string, not {type(formula).__name__}")
    left, arrow, right = formula.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(ranks):
        raise ValueError(f"einsum: {formula!r} has {len(words)} terms for {len(ranks)} operands")
    terms = [_labels(formula, word, rank) for word, rank in zip(words, ranks, strict=True)]
    used = Counter(label for term in terms for label in term)
    spread = sorted((label for label in used if label not in _LETTERS), key=_place, reverse=True)
    if not arrow:
        once = sorted(label for label, n in used.items() if n == 1 and label in _LETTERS)
        return terms, (*spread, *once)
    return terms, _result_labels(formula, right, used, spread)


def _result_labels(formula: str, word: str, used: Counter[str], spread: list[str]) -> Labels:
    """The labels behind `->`: each appears once there, and on the left."""
    head, dots, tail = word.partition("...")
    result = (*head, *(spread if dots else ()), *tail)
    unknown = [label for label in (*head, *tail) if label not in _LETTERS or label not in used]
    twice = [label for label, n in Counter(result).items() if n > 1]
    if unknown or twice:
        raise ValueError(
            f"einsum: {formula!r} names {(unknown or twice)[0]!r} in its result, which must be a "
            "letter of the operands, once"
        )
    return result


def _place(label: str) -> int:
    return int(label[1:])


def _labels(formula: str, word: str, rank: int) -> Labels:
    """One label for each of `rank` axes. ValueError if the word names more or fewer."""
    head, dots, tail = word.partition("...")
    named = len(head) + len(tail)
    if any(letter not in _LETTERS for letter in head + tail):
        raise ValueError(f"einsum: {formula!r} has a term {word!r} of something else than letters")
    if named > rank or (named < rank and not dots):
        raise ValueError(
            f"einsum: the term {word!r} of {formula!r} names {named} axes, the operand has {rank}"
        )
    hidden = [f".{k}" for k in reversed(range(rank - named))]
    return (*head, *hidden, *tail)


# -- graphs ----------------------------------------------------------------------------------------
def _contracted(formula: str, nodes: list[Node], terms: list[Labels], result: Labels) -> Node:
    """The sum of the product of `nodes`, all of one dtype, over the labels not in `result`."""
    first = dict.fromkeys(label for term in terms for label in term)
    summed = tuple(label for label in first if label not in result)
    axes = (*result, *summed)
    aligned = [
        _aligned(_diagonal(formula, node, term), tuple(dict.fromkeys(term)), axes)
        for node, term in zip(nodes, terms, strict=True)
    ]
    shape = _sizes(formula, aligned, axes)
    total = views.expand(aligned[0], shape, "einsum")
    for node in aligned[1:]:
        total = total * views.expand(node, shape, "einsum")
    if not summed:
        return total.canonical() if total.dtype.is_float else total
    places = tuple(range(len(result), len(axes)))
    return views.squeezed(reduced(Op.ADD, total, places, PRODUCT_ORDER), places)


def _sizes(formula: str, nodes: Sequence[Node], axes: Labels) -> tuple[Sint, ...]:
    """The size of each label: the one that is not 1. ValueError where two differ."""
    shape: list[Sint] = []
    for place, label in enumerate(axes):
        sizes = list(dict.fromkeys(n.shape[place] for n in nodes if n.shape[place] != 1))
        if len(sizes) > 1:
            name = "..." if label.startswith(".") else label
            raise ValueError(
                f"einsum: {name!r} of {formula!r} has size {describe(sizes[0])} in one operand and "
                f"{describe(sizes[1])} in another"
            )
        shape.append(sizes[0] if sizes else 1)
    return tuple(shape)


def _aligned(node: Node, term: Labels, axes: Labels) -> Node:
    """The axes of a term, each label once, in the order of `axes`, with 1 for those it lacks."""
    present = [label for label in axes if label in term]
    node = views.permute(node, tuple(term.index(label) for label in present))
    sizes = dict(zip(present, node.shape, strict=True))
    return views.reshape(node, tuple(sizes.get(label, 1) for label in axes))


def _diagonal(formula: str, node: Node, term: Labels) -> Node:
    """The operand with one axis for each label, the diagonal where a label is repeated."""
    labels = list(dict.fromkeys(term))
    if len(labels) == len(term):
        return node
    shape = []
    for label in labels:
        sizes = {s for s, other in zip(node.shape, term, strict=True) if other == label}
        size = next(iter(sizes))
        if len(sizes) > 1 or not isinstance(size, int):
            raise ValueError(
                f"einsum: {label!r} of {formula!r} names axes of different sizes of "
                f"{show(node.shape)}"
            )
        shape.append(size)
    places = [(0, [int(label == other) for other in labels]) for label in term]
    return views.affine(node, tuple(shape), places)
