"""Reductions over axes."""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, SEQUENTIAL_LANES, WRAP, ZEROS, Exactness, OpRow


def _sum(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), result="accumulated",
        exactness=Exactness.ORDERED, order=SEQUENTIAL_LANES, formula=formula,
        attributes=("axis", "keepdim", "dtype"),
        defaults={"axis": None, "keepdim": False, "dtype": None},
        special=(NANS, WRAP, *special), references=("numpy", "torch", "exact"),
    )  # fmt: skip


def _extreme(name: str, formula: str) -> OpRow:
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), formula=formula,
        attributes=("axis", "keepdim"), defaults={"axis": None, "keepdim": False},
        special=(NANS, ZEROS, "an empty reduced axis raises"),
    )  # fmt: skip


def _moment(name: str, formula: str, *special: str, outputs: int = 1) -> OpRow:
    """A mean, or what is made of squared distances from it, which has a correction."""
    corrected = name != "mean"
    rules = ("to_float",) * outputs if outputs > 1 else "to_float"
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), result=rules, outputs=outputs,
        exactness=Exactness.ORDERED, order=SEQUENTIAL_LANES, formula=formula,
        attributes=("axis", "keepdim", "correction") if corrected else ("axis", "keepdim"),
        defaults={"axis": None, "keepdim": False, **({"correction": 1} if corrected else {})},
        special=(NANS, "bool and integers are cast to the default float first", *special),
        references=("numpy", "exact"),
    )  # fmt: skip


def _truth(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), result="truth", formula=formula,
        attributes=("axis", "keepdim"), defaults={"axis": None, "keepdim": False},
        special=("NaN is true", *special),
    )  # fmt: skip


def _place(name: str, formula: str) -> OpRow:
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), result="index", formula=formula,
        attributes=("axis", "keepdim"), defaults={"axis": None, "keepdim": False},
        special=("the first NaN wins", "+0 equals -0", "an empty axis raises"),
    )  # fmt: skip


_VARIANCE = "sum((x - mean)^2) / max(0, n - correction), the mean in the accumulator"
_DIVISOR = "a divisor of 0 gives NaN, or +inf from n < correction"

ROWS = (
    _sum("sum", "sum of the elements in Order(32, 32)", "an empty sum is +0", "never -0"),
    _sum("prod", "product of the elements in Order(32, 32)", "an empty product is 1"),
    _extreme("max", "greatest element"),
    _extreme("min", "least element"),
    _moment("mean", "sum / n, divided in the accumulator", "the mean of nothing is NaN"),
    _moment("var", _VARIANCE, _DIVISOR),
    _moment("std", "sqrt(var), before the final rounding", _DIVISOR),
    _moment("var_mean", "var and mean", _DIVISOR, outputs=2),
    _moment("std_mean", "std and mean", _DIVISOR, outputs=2),
    _truth("any", "whether an element is not 0", "any of nothing is False"),
    _truth("all", "whether no element is 0", "all of nothing is True"),
    _place("argmax", "the first place of the greatest element, flat without an axis"),
    _place("argmin", "the first place of the least element, flat without an axis"),
)
