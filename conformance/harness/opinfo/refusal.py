"""What torch's operators refuse: a call of ours must raise as well, and say which one it was.

`ALLOWED` lists what is allowed here all the same. It is strict: an entry that nothing needs is an
error.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from conformance.harness.opinfo import ADAPTERS, judge, samples
from conformance.harness.opinfo.adapter import LeftOut, translated

ERRORS = (TypeError, ValueError, IndexError, NotImplementedError, OverflowError)
SPELLED = {"view": "reshape", "dot": "matmul", "getitem": "x[…]"}
"""Methods whose errors have another name, since they are that method under a second one."""

_NUMBER = "a Python number may stand for an operand"
_PLACES = "a place outside reads 0, and what is written there is dropped"
_CAST = "operands are promoted, and what is written is cast"
_ANY_AXES = "a table of any number of axes may be read along one of them"
_EMPTY = "a range without numbers is empty"
ALLOWED: dict[tuple[str, str], str] = {
    **{(name, ""): _NUMBER for name in (
        "maximum", "minimum", "max|binary", "min|binary", "logaddexp", "isclose", "clamp_min",
        "clamp_max", "rsub", "__radd__", "__rmul__", "__rdiv__", "__rand__", "__ror__", "__rxor__",
    )},
    ("isclose", "rtol must be greater than or equal to zero"): "isclose is a formula, as in numpy",
    ("isclose", "atol must be greater than or equal to zero"): "isclose is a formula, as in numpy",
    ("masked_fill", "only supports a 0-dimensional value tensor, but got tensor with 1 dimension"):
        "the value is broadcast as operands are",
    ("nn.functional.hardtanh", "min_val cannot be greater than max_val"):
        "min(max(x, lo), hi) is hi where lo > hi",
    ("mean", r"mean\(\): could not infer output dtype. Input dtype must be either a floating"):
        "integers are converted to the default float",
    ("gather", "index 23 is out of bounds for dimension"): _PLACES,
    ("scatter", "index 34 is out of bounds for dimension 0 with size 3"): _PLACES,
    ("scatter_add", "index 34 is out of bounds for dimension 0 with size 3"): _PLACES,
    ("scatter", "Expected self.dtype to be equal to src.dtype"): _CAST,
    ("scatter_add", "Expected self.dtype to be equal to src.dtype"): _CAST,
    ("nn.functional.conv1d", "should be the same"): _CAST,
    ("nn.functional.conv3d", "should be the same"): _CAST,
    ("nn.functional.conv3d", "padding='same' is not supported for strided convolutions"):
        "amounts of padding are given as numbers",
    ("nn.functional.embedding", "'weight' must be 2-D"): _ANY_AXES,
    **{(f"nn.functional.max_pool{n}d", text): "any number of axes stands before the windows, and "
        "nothing is made of nothing" for n, text in (
            (1, "Expected 2D or 3D"), (3, "Expected input"),
    )},
    ("arange", "upper bound and lower bound inconsistent with step sign"): _EMPTY,
}  # fmt: skip
"""By the name of the operator and the beginning of the pattern of torch's message."""


@dataclass
class Found:
    """What has become of the samples that torch's operator refuses."""

    refused: int = 0
    left: Counter[str] = field(default_factory=Counter)
    used: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def run(name: str) -> Found:
    """Try all samples that an operator of torch's refuses."""
    found = Found()
    for one in samples.refused(name):
        try:
            problem = _tried(name, one)
        except LeftOut as reason:
            found.left[str(reason)] += 1
            continue
        entry = _entry(name, one.error_regex)
        if problem is None:
            found.refused += 1
        elif problem == "" and entry is not None:
            found.used.add(entry)
        else:
            found.problems.append(f"{name}: torch: {one.error_regex}: {problem or 'is allowed'}")
    return found


def _entry(name: str, pattern: str) -> tuple[str, str] | None:
    """The entry of the list for a message; an empty one is for an empty pattern alone."""
    for operator, beginning in ALLOWED:
        same = pattern.startswith(beginning) if beginning else pattern == ""
        if operator == name and same:
            return operator, beginning
    return None


def _tried(name: str, refused: Any) -> str | None:
    """None where the call raises as it should, "" where it does not raise, else what is wrong."""
    uses = translated(ADAPTERS[name], refused.sample_input)
    for use in uses:
        try:
            judge.called(use)
        except ERRORS as error:
            names = (use.method, SPELLED.get(use.method, use.method))
            if any(word in str(error) for word in names):
                return None
            return f"the message does not name {use.method}: {error}"
    return ""
