"""torch as an outside judge, within the domain where it can be believed.

`DOMAINS` is data, a module per family of rows: for each row the dtypes that torch judges, how its
answer is compared and which elements are left out, or the reason why it is not asked at all.
Nothing reaches torch that it cannot survive or is known to get wrong: see the reasons.

Operands are cast to their common dtype by the contract first, so torch never judges promotion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracles.catalog import FLOAT8, OUTPUT
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import BEYOND_NUMPY, common, widened
from oracles.torch_ref import (
    contraction,
    elementwise,
    factorisation,
    functions,
    movement,
    neural,
    random,
    reduce,
    scan,
    scatter,
    softmax,
    sort,
    spatial,
)
from oracles.torch_ref.domain import Call, Comparison, Domain, NotJudged
from oracles.ulp import spacing

__all__ = [
    "CALLS", "DOMAINS", "REMEDY", "NotJudged", "TorchMissing", "Verdict", "available", "compare",
    "compared", "evaluate", "not_judged",
]  # fmt: skip

REMEDY = "torch is not installed: pip install lockstep-tensor[torch]"
_OTHER_DTYPES = "torch is asked about other dtypes of this row"
_REASONS = {
    **dict.fromkeys(
        ("uint16", "uint32", "uint64"),
        "torch does not implement arithmetic of uint16, uint32 and uint64",
    ),
    **dict.fromkeys(FLOAT8, "torch does not implement arithmetic of float8"),
}

_FAMILIES = (
    contraction, elementwise, functions, movement, random, reduce, scan, sort, scatter, softmax,
    spatial, neural, factorisation,
)  # fmt: skip
DOMAINS: dict[str, Domain] = {
    name: row for family in _FAMILIES for name, row in family.DOMAINS.items()
}
CALLS: dict[str, Call] = {name: call for family in _FAMILIES for name, call in family.CALLS.items()}


class TorchMissing(ImportError):
    """torch cannot be imported; the message names the remedy."""


def not_judged(name: str, dtypes: Sequence[str], attrs: Mapping[str, Any]) -> str | None:
    """Why torch does not judge this row for these dtypes, or None when it does."""
    domain = DOMAINS.get(name)
    if domain is None:
        return "it has no row in torch_ref.DOMAINS"
    if domain.never is not None:
        return domain.never
    names = [*dtypes, *([attrs["dtype"]] if attrs.get("dtype") is not None else [])]
    for dtype in names:
        if dtype not in domain.dtypes:
            return {**_REASONS, **domain.reasons}.get(dtype, _OTHER_DTYPES)
    return None if domain.refuses is None else domain.refuses(dtypes, attrs)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise TorchMissing(REMEDY) from error
    return torch


def available() -> bool:
    """True when torch can be imported."""
    try:
        _torch()
    except TorchMissing:
        return False
    return True


@dataclass(frozen=True)
class Verdict:
    """`judged` says which elements torch judged, `agrees` where it agrees among those."""

    judged: Array
    agrees: Array
    answer: Array

    @property
    def passed(self) -> bool:
        """True when torch contradicts nothing that it judges."""
        return bool((self.agrees | ~self.judged).all())


def compare(name: str, args: Sequence[Array], attrs: Mapping[str, Any], got: Array) -> Verdict:
    """Compare a result with torch's; raises NotJudged with the reason where it is no judge."""
    return compared(name, args, attrs, evaluate(name, args, attrs), got)


def compared(
    name: str, args: Sequence[Array], attrs: Mapping[str, Any], answer: Array, got: Array
) -> Verdict:
    """Compare a result with an answer that torch has given, as its domain says."""
    if answer.shape != got.shape or answer.dtype != got.dtype:
        raise TypeError(f"torch gives {answer.dtype}{answer.shape}, got {got.dtype}{got.shape}")
    domain = DOMAINS[name]
    judged = np.ones(got.shape, dtype=bool)
    with np.errstate(all="ignore"):
        for excluded in domain.excluded:
            judged &= ~excluded(name, args, attrs)
        agrees = _agreement(domain, answer, got)
    return Verdict(judged, agrees, answer)


def _agreement(domain: Domain, answer: Array, got: Array) -> Array:
    row = format_of(got)
    if not row.is_float:
        return np.asarray(answer == got)
    both_nan = row.is_nan(row.to_bits(answer)) & row.is_nan(row.to_bits(got))
    if domain.comparison is Comparison.BITS:
        return np.asarray(both_nan | (row.to_bits(answer) == row.to_bits(got)))
    equal = widened(answer) == widened(got)
    if domain.comparison is Comparison.VALUES:
        return np.asarray(both_nan | equal)
    truth = answer.astype(np.longdouble)
    near = np.abs(truth - got.astype(np.longdouble)) <= domain.tolerance_ulp * spacing(row, truth)
    return np.asarray(both_nan | equal | near)


def evaluate(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """torch's result in the dtype of the contract; raises NotJudged or TorchMissing."""
    reason = not_judged(name, [one.dtype.name for one in args], attrs)
    if reason is not None:
        raise NotJudged(f"{name} is not judged by torch: {reason}")
    torch = _torch()
    prepare = DOMAINS[name].prepare
    prepared = common(*args) if prepare is None and args else prepare(args) if prepare else []
    tensors = [to_tensor(torch, one) for one in prepared]
    given = {key: value for key, value in attrs.items() if key != OUTPUT}
    result = CALLS[name](torch, tensors, given)
    if OUTPUT in attrs:
        result = result[attrs[OUTPUT]]
    return from_tensor(torch, result)


def to_tensor(torch: Any, x: Array) -> Any:
    """A copy as torch's tensor. Floats that numpy lacks travel as the bits of integers."""
    row = format_of(x)
    if row.name not in BEYOND_NUMPY:
        return torch.from_numpy(np.array(x, order="C", copy=True))
    words = np.array(row.to_bits(x), order="C", copy=True).view(f"int{row.bits}")
    return torch.from_numpy(words).view(getattr(torch, row.name))


def from_tensor(torch: Any, tensor: Any) -> Array:
    """The array of torch's tensor."""
    row = FORMATS[str(tensor.dtype).removeprefix("torch.")]
    if row.name not in BEYOND_NUMPY:
        return np.asarray(tensor.numpy())
    words = tensor.contiguous().view(getattr(torch, f"int{row.bits}")).numpy()
    return row.from_bits(words.view(row.unsigned))
