"""What a sweep measures: functions of a device of the engine, or of a library, on 1-d arrays.

Each has an identity, a digest of whatever its results depend on, so that results of different code
are never counted together.
"""

from __future__ import annotations

from hashlib import sha256
from importlib import metadata
from typing import Any, Protocol

import numpy as np

from oracles.catalog import ROWS
from oracles.formats import FORMATS, Array

LIBRARIES = ("numpy", "torch")

_NUMPY_NAMES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
}  # fmt: skip


_TORCH_BITS = 16


class Subject(Protocol):
    """Something that evaluates functions."""

    bounded: bool
    """Whether it promises the catalog's bounds and canonical NaNs."""

    @property
    def name(self) -> str:
        """How records name it."""
        ...

    def identity(self, op: str, dtype: str) -> str:
        """A digest of what the results of a function depend on; ValueError if it has none."""
        ...

    def evaluate(self, op: str, *operands: Array) -> Array:
        """The function at all operands, or pairs of operands, in their dtype."""
        ...


class EngineFunctions:
    """The engine on one device."""

    bounded = True

    def __init__(self, device: str) -> None:
        self.device = device

    @property
    def name(self) -> str:
        from engine.context import text_setting

        taken = text_setting("EMULATE")
        return f"{self.device} EMULATE={taken}" if taken else self.device

    def identity(self, op: str, dtype: str) -> str:
        """Of the operations that the device is left with, as plain loops over one element."""
        from engine import Tensor
        from engine.compile import trace
        from engine.context import Context
        from engine.graph import dump
        from engine.lower import lower
        from engine.realize import structure, target_of
        from engine.schedule import make_schedule

        row = FORMATS[dtype]
        ones = [
            Tensor.from_bytes(bytes(row.bits // 8), dtype, (1,), self.device)
            for _ in range(ROWS[op].operands)
        ]
        with Context(OPTIMIZE=0):
            root = getattr(ones[0], op)(*ones[1:]).node
            schedule = make_schedule([root], structure([root]).holes, target_of, self.device)
            states = []
            for item in schedule.items:
                assert item.kernel is not None
                *_, (_, kernels) = trace(lower(item.kernel), target_of(self.device))
                states += [dump(kernel) for kernel in kernels]
        return _digest(*states)

    def evaluate(self, op: str, *operands: Array) -> Array:
        from engine import Tensor

        row = FORMATS[operands[0].dtype.name]
        first, *others = (
            Tensor.from_bytes(one.tobytes(), row.name, one.shape, self.device) for one in operands
        )
        data = getattr(first, op)(*others).tobytes()
        return row.from_bits(np.frombuffer(data, row.unsigned))


class NumpyFunctions:
    """numpy's function of that dtype; there is none of sigmoid, rsqrt and erf."""

    bounded = False
    name = "numpy"

    def identity(self, op: str, dtype: str) -> str:
        if not hasattr(np, _NUMPY_NAMES.get(op, op)):
            raise ValueError(f"numpy has no {op}")
        if not hasattr(np, dtype):
            raise ValueError(f"numpy has no {dtype}")
        return _digest("numpy", np.__version__, str(_processor()))

    def evaluate(self, op: str, *operands: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(getattr(np, _NUMPY_NAMES.get(op, op))(*operands))


class TorchFunctions:
    """torch's function of that dtype on the CPU, by one thread."""

    bounded = False
    name = "torch"

    def identity(self, op: str, dtype: str) -> str:
        try:
            version = metadata.version("torch")
        except metadata.PackageNotFoundError:
            raise ValueError("torch is not installed: it comes with the extra `torch`") from None
        if FORMATS[dtype].bits < _TORCH_BITS:
            raise ValueError(f"torch has no functions of {dtype}")
        return _digest("torch", version, str(_processor()))

    def evaluate(self, op: str, *operands: Array) -> Array:
        import torch

        torch.set_num_threads(1)
        row = FORMATS[operands[0].dtype.name]
        given: list[Any] = []
        for one in operands:
            words = row.to_bits(one).view(f"int{row.bits}")  # it takes no bfloat16 from numpy
            given.append(torch.from_numpy(words.copy()).view(getattr(torch, row.name)))
        found = getattr(torch, op)(*given).view(getattr(torch, f"int{row.bits}"))
        return row.from_bits(found.numpy().view(row.unsigned))


def _processor() -> list[str]:
    """What the libraries choose their code by."""
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    return sorted([*features["baseline"], *features["found"]])


def _digest(*texts: str) -> str:
    return sha256("\0".join(texts).encode()).hexdigest()[:32]


def subject(name: str) -> Subject:
    """A library by its name, else the device."""
    found: dict[str, type[NumpyFunctions] | type[TorchFunctions]] = {
        "numpy": NumpyFunctions, "torch": TorchFunctions,
    }  # fmt: skip
    return found[name]() if name in found else EngineFunctions(name)
