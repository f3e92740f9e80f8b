"""Reading and writing at named places."""

from __future__ import annotations

from typing import Any

from conformance.harness.opinfo.adapter import NO_AXES, Adapter, Use, needs, use


def _getitem(input: Any, key: Any) -> Use:
    """Tensors become operands, which the index names; what holds a list torch alone judges."""
    items = key if isinstance(key, tuple) else (key,)
    found, tensors = [], []
    for item in items:
        if hasattr(item, "shape"):
            tensors.append(item)
            found.append(f"t{len(tensors)}")
        else:
            found.append(item)
    index = tuple(found) if isinstance(key, tuple) else found[0]
    row = None if any(isinstance(item, list) for item in items) else "getitem"
    return Use("getitem", (input, *tensors), {"index": index}, row)


def _gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Use:
    needs(input.ndim > 0 or index.ndim == 0, NO_AXES)
    needs(index.numel() > 0 or index.ndim == input.ndim, "an empty index with other axes")
    return use("gather", input, index, dim=dim)


def _take(input: Any, index: Any) -> Use:
    return use("take", input, index)


def _take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Use:
    needs(dim is not None, "take_along_dim of the elements in a row")
    fits = all(n <= m for k, (n, m) in enumerate(zip(indices.shape, input.shape)) if k != dim)
    same = all(n == m for k, (n, m) in enumerate(zip(indices.shape, input.shape)) if k != dim)
    needs(fits and same, "an index that is broadcast")
    return use("gather", input, indices, dim=dim)


def _index_select(input: Any, dim: int, index: Any) -> Use:
    needs(input.ndim > 0, NO_AXES)
    return use("take", input, index, axis=dim)


def _embedding(
    weight: Any, index: Any, padding_idx: Any = None, max_norm: Any = None, norm_type: Any = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Use:  # fmt: skip
    """What is said of gradients alone does not show in the result."""
    needs(max_norm is None, "weights that are normed on the way")
    return use("take", weight, index, axis=0)


def _scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Use:
    needs(index.shape != () or input.shape == (), NO_AXES)
    written = value if src is None else src
    tensor = hasattr(written, "shape")
    given = {"dim": dim, **({} if reduce is None else {"reduce": reduce})}
    return Use("scatter", (input, index, written), given, "scatter" if tensor else None)


def _scatter_add(input: Any, dim: int, index: Any, src: Any) -> Use:
    return use("scatter_reduce", input, index, src, dim=dim, reduce="sum")


def _scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Use:
    return use(
        "scatter_reduce", input, index, src, dim=dim, reduce=reduce, include_self=include_self
    )


def _nonzero(input: Any, *, as_tuple: bool = False) -> Use:
    needs(not as_tuple, "coordinates as a tuple")
    return use("nonzero", input)


def _nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Use:
    return use("nonzero", input, size=size, fill_value=fill_value)


def _masked_select(input: Any, mask: Any) -> Use:
    return use("masked_select", input, mask)


def _one_hot(input: Any, num_classes: int = -1) -> Use:
    needs(num_classes >= 0, "classes that are counted in the data")
    return use("one_hot", input, num_classes=num_classes)


ADAPTERS: dict[str, Adapter] = {
    "__getitem__": _getitem,
    "gather": _gather,
    "take": _take,
    "take_along_dim": _take_along_dim,
    "index_select": _index_select,
    "nn.functional.embedding": _embedding,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "scatter_reduce|sum": _scatter_reduce,
    "scatter_reduce|prod": _scatter_reduce,
    "scatter_reduce|mean": _scatter_reduce,
    "scatter_reduce|amax": _scatter_reduce,
    "scatter_reduce|amin": _scatter_reduce,
    "nonzero": _nonzero,
    "nonzero_static": _nonzero_static,
    "argwhere": _nonzero,
    "masked_select": _masked_select,
    "nn.functional.one_hot": _one_hot,
}
