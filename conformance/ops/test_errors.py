"""What raises, raises when the graph is built, on every device, and says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import Tensor

REFUSED: dict[str, tuple[type[Exception], Callable[[Tensor], object]]] = {
    "max over an empty axis": (ValueError, lambda x: x[:0].max(axis=0)),
    "min over an empty axis": (ValueError, lambda x: x[:, :0].min(axis=1)),
    "max of nothing": (ValueError, lambda x: x[:0].max()),
    "argmax over an empty axis": (ValueError, lambda x: x[:0].argmax(axis=0)),
    "argmin of nothing": (ValueError, lambda x: x[:0].argmin()),
    "argmax over two axes": (TypeError, lambda x: x.argmax(axis=(0, 1))),  # type: ignore[arg-type]
    "a correction that is no integer": (TypeError, lambda x: x.var(correction=0.5)),  # type: ignore[arg-type]
    "a scan along no axis": (IndexError, lambda x: x.cumsum(axis=2)),
    "more than there are": (ValueError, lambda x: x.topk(4)),
    "a sort along no axis": (IndexError, lambda x: x.sort(2)),
    "a scatter by floats": (TypeError, lambda x: x.scatter(0, x, x)),
    "an index of fewer axes": (ValueError, lambda x: x.scatter(0, x[0].int(), x)),
    "an index wider than its tensor": (
        ValueError, lambda x: x[:, :2].scatter(0, x.int(), x),
    ),
    "an index larger than its values": (ValueError, lambda x: x.scatter(0, x.int(), x[:1])),
    "a scatter that takes a mean": (ValueError, lambda x: x.scatter(0, x.int(), x, "mean")),
    "a reduction of no such name": (
        ValueError, lambda x: x.scatter_reduce(0, x.int(), x, "add"),
    ),
    "an index behind the end": (IndexError, lambda x: x[2]),
    "an index before the start": (IndexError, lambda x: x[-3]),
    "too many indices": (IndexError, lambda x: x[0, 0, 0]),
    "an axis that is not there": (IndexError, lambda x: x.sum(axis=2)),
    "an axis twice": (ValueError, lambda x: x.sum(axis=(0, -2))),
    "a reshape to another size": (ValueError, lambda x: x.reshape(shape=(4,))),
    "two unknown extents": (ValueError, lambda x: x.reshape(shape=(-1, -1))),
    "an expansion of more than one": (ValueError, lambda x: x.expand(shape=(2, 4))),
    "a permutation with a hole": (ValueError, lambda x: x.permute(order=(0, 0))),
    "a window outside": (ValueError, lambda x: x.shrink(arg=((0, 3), (0, 3)))),
    "shapes that do not broadcast": (ValueError, lambda x: x + x.permute(order=(1, 0))),
    "matrices that do not fit": (ValueError, lambda x: x.matmul(x)),
    "a scalar in a matrix product": (ValueError, lambda x: x.matmul(x.sum())),
    "a formula for more operands": (ValueError, lambda x: Tensor.einsum("ij,jk->ik", x)),
    "a formula for more axes": (ValueError, lambda x: Tensor.einsum("ijk->i", x)),
    "a formula that makes a letter up": (ValueError, lambda x: Tensor.einsum("ij->k", x)),
    "a formula with a letter twice behind": (ValueError, lambda x: Tensor.einsum("ij->ii", x)),
    "a formula with a digit": (ValueError, lambda x: Tensor.einsum("i1->i", x)),
    "a diagonal of a rectangle": (ValueError, lambda x: Tensor.einsum("ii->i", x)),
    "sizes that an einsum joins": (ValueError, lambda x: Tensor.einsum("ij,ji->i", x, x)),
    "an operand that is no tensor": (TypeError, lambda x: Tensor.einsum("ij,k->i", x, 2.0)),  # type: ignore[arg-type]
    "a weight that does not fit": (ValueError, lambda x: x.linear(x)),
    "a convolution of two axes": (ValueError, lambda x: x.conv2d(x)),
    "channels that do not fit": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(x.reshape((2, 1, 3))),
    ),
    "channels in three groups": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(x.reshape((1, 2, 3)), groups=3),
    ),
    "a window that is too large": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(Tensor.ones(1, 2, 4)),
    ),
    "a window of nothing": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(Tensor.ones(1, 2, 0)),
    ),
    "a stride of 0": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(Tensor.ones(1, 2, 1), stride=0),
    ),
    "a stride for another axis": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(Tensor.ones(1, 2, 1), stride=(1, 1)),
    ),
    "negative padding": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(Tensor.ones(1, 2, 1), padding=-1),
    ),
    "a bias of another size": (
        ValueError, lambda x: x.reshape((1, 2, 3)).conv2d(Tensor.ones(3, 2, 1), Tensor.ones(2)),
    ),
    "output padding of a whole stride": (
        ValueError,
        lambda x: x.reshape((1, 2, 3)).conv_transpose2d(Tensor.ones(2, 1, 2), output_padding=1),
    ),
    "padding of more than half a window": (ValueError, lambda x: x.max_pool2d(2, padding=2)),
    "a window that pooling does not fit": (ValueError, lambda x: x.avg_pool2d(3)),
    "a maximum of padding alone": (
        ValueError, lambda x: x[:, :1].max_pool2d((2,), dilation=2, padding=1),
    ),
    "places of another shape": (ValueError, lambda x: x.max_unpool2d(x[:1].int())),
    "places of floats": (TypeError, lambda x: x.max_unpool2d(x)),
    "a size that pools into other windows": (
        ValueError, lambda x: x.max_unpool2d(x.int(), output_size=(2, 6)),
    ),
    "elements between none": (ValueError, lambda x: x[:, :0].interpolate((2,))),
    "corners of the nearest": (ValueError, lambda x: x.interpolate((2,), "nearest", True)),
    "no such reduction": (ValueError, lambda x: x.cross_entropy(x, "max")),
    "labels that are floats": (TypeError, lambda x: x.nll_loss(x[:, 0])),
    "labels for another axis": (ValueError, lambda x: x.cross_entropy(x[0].int())),
    "targets of another shape": (ValueError, lambda x: x.binary_crossentropy(x[0])),
    "a share of more than all": (ValueError, lambda x: x.cross_entropy(x, label_smoothing=2)),
    "a norm of a negative degree": (ValueError, lambda x: x.normalize(p=-1.0)),
    "scales of another channel": (ValueError, lambda x: x.batchnorm(None, None, x[0], x[:, 0])),
    "a mask beside a causal one": (
        ValueError, lambda x: x.scaled_dot_product_attention(x, x, x > 0, is_causal=True),
    ),
    "a mask of numbers": (
        TypeError, lambda x: x.scaled_dot_product_attention(x, x, (x @ x.T).int()),
    ),
    "keys of another depth": (
        ValueError, lambda x: x.scaled_dot_product_attention(x.T, x),
    ),
    "bits of another width": (ValueError, lambda x: x.bitcast("int64")),
    "bitwise operators on floats": (TypeError, lambda x: x & x),
    "shifts of floats": (TypeError, lambda x: x << 1),
    "a float as an index": (TypeError, lambda x: x.take(x, axis=0)),
    "a dtype that there is not": (TypeError, lambda x: x.cast("float31")),
    "an integer that does not fit": (OverflowError, lambda x: x.cast("int8") + 128),
    "minus of bool": (TypeError, lambda x: -(x > 0)),
    "a difference of bools": (TypeError, lambda x: (x > 0) - (x > 0)),
    "shapes that do not join": (ValueError, lambda x: x.cat(x.T)),
    "shapes that do not stack": (ValueError, lambda x: x.stack(x.T)),
    "a list in the place of tensors": (
        TypeError, lambda x: x.cat([x]),  # type: ignore[arg-type]
    ),
    "parts that do not add up": (ValueError, lambda x: x.split((1, 2), dim=0)),
    "no parts at all": (ValueError, lambda x: x.chunk(0)),
    "too few counts": (ValueError, lambda x: x.repeat(2)),
    "a shift without an axis": (ValueError, lambda x: x.roll((1, 2), 0)),
    "a window longer than its axis": (ValueError, lambda x: x.unfold(0, 3, 1)),
    "a diagonal of one axis": (ValueError, lambda x: x.diagonal(0, 1, -1)),
    "a triangle of a vector": (ValueError, lambda x: x[0].tril()),
    "a mode that there is not": (ValueError, lambda x: x.pad((1, 1), mode="wrap")),
    "a mirror of nothing": (ValueError, lambda x: x[:0].pad(((1, 0), (0, 0)), mode="reflect")),
    "a shape that is too small": (ValueError, lambda x: x.pad_to(1, 3)),
    "a shape that is too large": (ValueError, lambda x: x.shrink_to(3, 3)),
    "a formula that loses an axis": (ValueError, lambda x: x.rearrange("a b -> a")),
    "a grid of matrices": (ValueError, lambda x: x.meshgrid(x)),
    "an index that does not fit": (ValueError, lambda x: x.gather(0, Tensor([0]))),
    "floats as places": (TypeError, lambda x: x[x]),
    "a place outside in a list": (IndexError, lambda x: x[[0, 2]]),
    "a mask of another shape": (IndexError, lambda x: x[Tensor([True, False, True])]),
    "places that do not broadcast": (
        IndexError, lambda x: x[Tensor([0, 1]), Tensor([0, 1, 2])],
    ),
    "a mask of integers": (TypeError, lambda x: x.masked_select(Tensor([1, 0, 1]))),
    "classes of floats": (TypeError, lambda x: x.one_hot(3)),
    "a last axis that does not divide": (ValueError, lambda x: x.bitcast("float64")),
    "a last axis that is scattered": (ValueError, lambda x: x.T.bitcast("int8")),
    "nothing at address 0": (ValueError, lambda x: Tensor.from_blob(0, (2,))),
    "ends without a number": (ValueError, lambda x: Tensor.linspace(0, float("inf"), 3)),
    "samples of three axes": (ValueError, lambda x: x[None].multinomial()),
    "samples of no places": (ValueError, lambda x: x[:, :0].multinomial()),
    "more samples than places": (ValueError, lambda x: x.multinomial(4)),
    "no samples": (ValueError, lambda x: x.multinomial(0, replacement=True)),
    "a permutation that does not fit": (OverflowError, lambda x: x.randperm(129, dtype="int8")),
    "a permutation of bools": (TypeError, lambda x: x.randperm(2, dtype="bool")),
    "a permutation of less than nothing": (ValueError, lambda x: x.randperm(-1)),
    "factors of a vector": (ValueError, lambda x: x[0].qr()),
    "singular values of a vector": (ValueError, lambda x: x[0].svd()),
    "an iteration on a vector": (ValueError, lambda x: x[0].newton_schulz(1, (1,))),
    "less than no steps": (ValueError, lambda x: x.newton_schulz(-1, (1,))),
    "a polynomial of nothing": (ValueError, lambda x: x.newton_schulz(1, ())),
    "a range without a step": (ValueError, lambda x: Tensor.arange(0, 5, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name: str) -> None:
    error, build = REFUSED[name]
    with pytest.raises(error) as raised:
        build(Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert len(str(raised.value)) > 10


def test_an_empty_result_of_max_is_fine() -> None:
    """Only an empty axis raises; nothing to reduce is nothing."""
    assert Tensor([[1.0], [2.0]])[:, :0].max(axis=0).shape == (0,)
