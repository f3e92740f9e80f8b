"""torch's samples: drawn in the same way each time, and their tensors as arrays and as ours.

A tensor that is no plain memory in torch becomes a view here too: its memory, and on it the slices,
axes and repetitions that its strides say.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.harness.subject import array_bytes
from oracles.formats import FORMATS, Array

if TYPE_CHECKING:
    from engine import Tensor

SEED = 20240229
REMEDY = "torch's operator samples cannot be imported: pip install lockstep-tensor[torch]"


@contextmanager
def _unwarned() -> Iterator[None]:
    """torch warns of what it will change; none of it matters here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def infos() -> dict[str, Any]:
    """torch's descriptions of operators by name, with the variant behind a bar."""
    with _unwarned():
        from torch.testing._internal.common_methods_invocations import op_db

    return {
        f"{one.name}|{one.variant_test_name}" if one.variant_test_name else one.name: one
        for one in op_db
    }


def available() -> bool:
    """True when torch and what its samples need can be imported."""
    try:
        infos()
    except ImportError:
        return False
    return True


def _seeded() -> None:
    """The generators from which samples draw: the series begins anew, and differs by sample."""
    import torch

    torch.default_generator.manual_seed(SEED)
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - some samples draw from the generator that all share


def drawn(name: str, dtype: str) -> list[Any]:
    """All samples of an operator, every second one with tensors that are scattered in memory.

    They are those of `OpInfo.sample_inputs`, which begins the same series of numbers anew for each
    sample, and inspects the stack.
    """
    import torch

    info = infos()[name]
    if not info.supports_dtype(getattr(torch, dtype), "cpu"):
        return []
    with _unwarned():
        _seeded()
        found = list(info.sample_inputs_func(info, "cpu", getattr(torch, dtype), False))
        return [one.noncontiguous() if k % 2 else one for k, one in enumerate(found)]


def refused(name: str) -> list[Any]:
    """The samples that torch's operator refuses, with the errors that it raises."""
    info = infos()[name]
    if info.error_inputs_func is None:
        return []
    with _unwarned():
        _seeded()
        return list(info.error_inputs_func(info, "cpu"))


def answer(name: str, sample: Any) -> Any:
    """What torch's operator gives."""
    with _unwarned():
        return infos()[name].op(sample.input, *sample.args, **sample.kwargs)


def elements(values: Any) -> int:
    """How many elements the tensors among some values have."""
    if isinstance(values, list | tuple):
        return sum(map(elements, values))
    return values.numel() if hasattr(values, "numel") else 0


# -- tensors ---------------------------------------------------------------------------------------
def as_array(tensor: Any) -> Array:
    """A copy of torch's tensor."""
    array: Array = np.array(tensor.detach().contiguous().numpy(), order="C", copy=True)
    return array


def placed(tensor: Any, device: str | None = None) -> Tensor:
    """Torch's tensor as one of ours, a view of memory where that is one."""
    if tensor.is_contiguous() or _axes(tensor.shape, tensor.stride()) is None:
        return _in_memory(as_array(tensor), device)
    memory = as_array(tensor.as_strided((_reach(tensor),), (1,), tensor.storage_offset()))
    return strided(memory, tuple(tensor.shape), tensor.stride(), device)


def _reach(tensor: Any) -> int:
    """Elements from the first to the last."""
    if tensor.numel() == 0:
        return 0
    steps: int = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride()))
    return 1 + steps


def _in_memory(array: Array, device: str | None) -> Tensor:
    from engine import Tensor

    return Tensor.from_bytes(array_bytes(array), array.dtype.name, array.shape, device)


def _axes(shape: Sequence[int], strides: Sequence[int]) -> list[int] | None:
    """The axes with steps, from the longest step to the shortest.

    None where elements are shared between places in another way than by steps of 0, or where a step
    is no part of the one before it.
    """
    axes = [k for k, (n, step) in enumerate(zip(shape, strides)) if n > 1 and step]
    axes.sort(key=lambda k: -strides[k])
    for outer, inner in pairwise(axes):
        last = inner == axes[-1]
        room = (shape[inner] - 1) * strides[inner] + 1 if last else shape[inner] * strides[inner]
        if strides[outer] < room:
            return None
    return axes


def strided(
    memory: Array, shape: tuple[int, ...], strides: Sequence[int], device: str | None = None
) -> Tensor:
    """A view of `memory`, which begins with the first element, by slices and movement."""
    if 0 in shape:
        return _in_memory(np.empty(shape, memory.dtype), device)
    axes = _axes(shape, strides)
    if axes is None:
        raise ValueError(f"strides {tuple(strides)} of shape {shape} are no view of slices")
    view = _sliced(memory, [(shape[k], strides[k]) for k in axes], device)
    order = tuple(axes.index(k) for k in sorted(axes))
    view = view.permute(order) if order else view
    kept = tuple(n if k in axes else 1 for k, n in enumerate(shape))
    return view.reshape(kept).expand(shape) if shape else view.reshape(())


def _sliced(memory: Array, axes: list[tuple[int, int]], device: str | None) -> Tensor:
    """Axes (size, step), the longest step first, of memory that is filled up to whole steps."""
    room = math.prod(axes[0]) if axes else 1
    filled = np.zeros(room, memory.dtype)
    filled[: memory.size] = memory
    view = _in_memory(filled, device)
    done: tuple[int, ...] = ()
    for size, step in axes:
        if size * step > room:  # the last one, which ends before a whole step
            return view[..., : (size - 1) * step + 1 : step]
        view = view[..., : size * step].reshape((*done, size, step))
        done, room = (*done, size), step
    return view[..., 0]


def bits(array: Array) -> Array:
    """The bit patterns of an array."""
    row = FORMATS[array.dtype.name]
    return row.to_bits(array)
