"""Running uses of samples on a device, and judging what comes out.

The row of the catalog judges first: by the numpy reference, exact arithmetic or mpmath, element by
element. Then torch's own answer is compared: within its domain where `torch_ref` says that it is a
judge, exactly where the result is no rounded number, else within `TOLERANCE`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.harness.calls import Operand, call_of
from conformance.harness.case import Case, Statement
from conformance.harness.judging import alone
from conformance.harness.opinfo import samples
from conformance.harness.opinfo.adapter import Use, needs
from oracles import accept, torch_ref
from oracles.catalog import OUTPUT, ROWS
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.support import scalar
from oracles.promotion import promote, to_float, weak

if TYPE_CHECKING:
    from engine import Tensor

TOLERANCE = {"float16": (2.0**-9, 2.0**-8), "float32": (2.0**-18, 2.0**-16),
             "float64": (2.0**-44, 2.0**-40)}  # fmt: skip
"""Relative and absolute, of results that torch rounds on ways of its own."""


# -- running ---------------------------------------------------------------------------------------
def called(use: Use, device: str | None = None) -> tuple[Tensor, ...]:
    """The results of a use as lazy tensors; what is no tensor becomes one."""
    from engine import Tensor

    operands = [samples.placed(x, device) if _is_tensor(x) else x for x in use.operands]
    receiver, positional, keywords, pick = _written(use, operands)
    target = Tensor if receiver is None else operands[receiver]
    method: Any = getattr(target, use_name(use))
    result = method(*positional, **keywords) if callable(method) else method
    if pick is not None:
        result = result[pick]
    many = result if isinstance(result, tuple) else (result,)
    return tuple(x if isinstance(x, Tensor) else Tensor(x, device) for x in many)


def use_name(use: Use) -> str:
    """The name of the method."""
    return "__getitem__" if use.method == "getitem" else use.method


def _written(
    use: Use, operands: Sequence[Any]
) -> tuple[int | None, list[Any], dict[str, Any], int | None]:
    """Receiver, arguments and keywords of the call, and which of its results is meant."""
    from engine import Tensor

    places = [k for k, x in enumerate(use.operands) if _is_tensor(x)]
    if use.method not in ROWS:
        rest = [x for k, x in enumerate(operands) if [k] != places[:1]]
        return places[0] if places else None, rest, dict(use.attributes), None
    call = call_of(Statement(use.method, tuple(range(len(operands))), dict(use.attributes)))
    fill = {Operand(k): x for k, x in enumerate(operands)}
    positional = [_filled(x, fill) for x in call.positional]
    keywords = {name: _filled(x, fill) for name, x in call.keywords.items()}
    first = None if call.receiver is None else call.receiver.place
    if first is None or first in places:
        return first, positional, keywords, call.pick
    reversible = "reverse" in inspect.signature(getattr(Tensor, use.method)).parameters
    needs(places == [1] and reversible, "a number as the first operand")
    return 1, [operands[0]], {**keywords, "reverse": True}, call.pick


def _filled(item: Any, fill: Mapping[Operand, Any]) -> Any:
    if isinstance(item, Operand):
        return fill[item]
    return tuple(_filled(part, fill) for part in item) if isinstance(item, tuple) else item


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "storage_offset")


# -- judging ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Judged:
    """What was found of one result; `problem` is empty where nothing is wrong."""

    elements: int
    problem: str = ""
    case: Case | None = None


def arrays(use: Use) -> list[Array]:
    """The operands as the row of the catalog takes them: numbers in the dtype that they get."""
    found = [samples.as_array(x) if _is_tensor(x) else None for x in use.operands]
    row = ROWS[use.row or use.method]
    shared = row.shared(len(found))
    names = [x.dtype.name for k, x in enumerate(found) if x is not None and (k in shared)]
    common = promote(*names) if names else "float32"
    return [_number(use, value, common) if x is None else x
            for x, value in zip(found, use.operands, strict=True)]  # fmt: skip


def _number(use: Use, value: Any, common: str) -> Array:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if ROWS[use.method].family == "compare" and whole and not FORMATS[common].is_float:
        return np.asarray(value, np.int64)
    dtype = weak(common, value)
    if use.method == "div" and use.attributes.get("rounding_mode") is None:
        dtype = to_float(dtype)
    return np.asarray(scalar(value, dtype))


def check(use: Use) -> None:
    """LeftOut where the catalog has no such operands."""
    needs(any(map(_is_tensor, use.operands)) or not _takes_tensors(use), "numbers alone")
    if use.row is not None:
        dtypes = [x.dtype.name for x in arrays(use)]
        needs(ROWS[use.row].accepts(dtypes), f"{use.row} of {', '.join(dtypes)}")


def _takes_tensors(use: Use) -> bool:
    return use.method in ROWS and ROWS[use.method].operands > 0


def judged(use: Use, results: Sequence[Array], answer: Any) -> list[Judged]:
    """Each result of a use against the row and against torch's answer."""
    due = answer if use.part is None else answer[use.part]
    answers = list(due) if isinstance(due, list | tuple) else [due]
    if OUTPUT not in use.attributes and len(answers) != len(results):
        text = f"{len(results)} results, torch has {len(answers)}"
        return [Judged(0, text)]
    given = {**use.attributes, **use.implied}
    count = 1 if use.row is None else ROWS[use.row].results(given)
    if count == 1 or OUTPUT in given:
        return [_one(use, use.row, given, results[0], answers[0])]
    found = []
    for k, (got, due) in enumerate(zip(results, answers)):
        row, attributes = use.row if k < count else None, {**given, OUTPUT: k}
        beside = {n: other for n, other in enumerate(results) if n != k}
        found.append(_one(use, row, attributes, got, due, beside))
    return found


def _one(
    use: Use,
    row: str | None,
    attributes: Mapping[str, Any],
    got: Array,
    answer: Any,
    beside: Mapping[int, Array] | None = None,
) -> Judged:
    due = samples.as_array(answer) if _is_tensor(answer) else np.asarray(answer)
    if row is None:
        return Judged(got.size, _against_torch(use, None, [], attributes, got, due))
    operands = arrays(use)
    judgement = accept.judge(row, operands, attributes, got, beside=beside)
    statement = Statement(row, tuple(range(len(operands))), dict(attributes))
    if not judgement.passed:
        wrong = np.flatnonzero(~judgement.ok.reshape(-1))
        text = judgement.problem or judgement.certificate(int(wrong[0])).text()
        return Judged(got.size, text, alone(statement, operands))
    problem = _against_torch(use, row, operands, attributes, got, due)
    return Judged(got.size, problem, alone(statement, operands) if problem else None)


def _against_torch(
    use: Use,
    row: str | None,
    operands: list[Array],
    attributes: Mapping[str, Any],
    got: Array,
    due: Array,
) -> str:
    """What torch's answer, in the dtype of the result, says against it."""
    if use.unlike:
        return ""
    if due.shape != got.shape:
        return f"shape {got.shape}, torch has {due.shape}"
    if due.dtype.kind in "iu" and got.dtype.kind in "iu" and due.itemsize < got.itemsize:
        got = got.astype(due.dtype)  # torch sums narrow integers in their dtype, modulo its width
    with np.errstate(all="ignore"):
        answer = np.asarray(due.astype(got.dtype))
        if use.near:
            agrees = _near(got, answer)
        else:
            agrees = _agreement(row, operands, attributes, got, answer)
        if use.counts is not None:
            agrees = agrees | ~use.counts(operands)
    wrong = np.flatnonzero(~agrees.reshape(-1))
    if not wrong.size:
        return ""
    place = int(wrong[0])
    pair = [x.reshape(-1)[place] for x in (got, answer)]
    return f"{wrong.size} of {got.size} elements, first at {place}: {pair[0]!r}, torch {pair[1]!r}"


def _agreement(
    row: str | None, operands: list[Array], attributes: Mapping[str, Any], got: Array, answer: Array
) -> Array:
    dtypes = [x.dtype.name for x in operands]
    if row is not None and torch_ref.not_judged(row, dtypes, attributes) is None:
        verdict = torch_ref.compared(row, operands, attributes, answer, got)
        return np.asarray(verdict.agrees | ~verdict.judged)
    if got.dtype.kind == "f" and row is not None and ROWS[row].computing:
        return _near(got, answer)
    return _same(got, answer)


def _same(got: Array, answer: Array) -> Array:
    """Equal numbers; NaN is one class, and zero too."""
    equal = np.asarray(answer == got)
    return np.asarray(equal | np.isnan(answer) & np.isnan(got)) if got.dtype.kind == "f" else equal


def _near(got: Array, answer: Array) -> Array:
    """Within the tolerance, whose absolute part grows with the largest element."""
    if got.dtype.kind != "f":
        return _same(got, answer)
    relative, absolute = TOLERANCE[got.dtype.name]
    finite = np.abs(answer[np.isfinite(answer)]).astype(np.float64)
    allowed = relative * np.abs(answer) + absolute * max(1.0, float(finite.max(initial=0.0)))
    return np.asarray(_same(got, answer) | (np.abs(got.astype(np.float64) - answer) <= allowed))
