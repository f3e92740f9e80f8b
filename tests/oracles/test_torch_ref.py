"""torch agrees with the numpy reference wherever its row says that it judges."""

from __future__ import annotations

import sys
from itertools import chain, product
from typing import Any

import numpy as np
import pytest

from oracles import mpmath_ref, numpy_ref, torch_ref
from oracles.catalog import ROWS, Exactness
from oracles.edges import edges
from oracles.formats import FORMATS, Array

needs_torch = pytest.mark.skipif(not torch_ref.available(), reason=torch_ref.REMEDY)

JUDGED = [name for name, domain in torch_ref.DOMAINS.items() if domain.never is None]

ATTRIBUTES: dict[str, list[dict[str, Any]]] = {
    "cast": [{"dtype": dtype} for dtype in FORMATS],
    "bitcast": [{"dtype": dtype} for dtype in FORMATS],
    "reshape": [{"shape": (4, -1)}],
    "permute": [{"order": (1, 0)}],
    "expand": [{"shape": (3, -1, -1)}],
    "pad": [{"padding": ((1, 2), (0, 1)), "value": 1}],
    "shrink": [{"arg": ((0, 1), (1, 3))}],
    "flip": [{"axis": (0, 1)}],
    "sum": [{"axis": 1}, {"keepdim": True}],
    "prod": [{"axis": 1}, {}],
    "max": [{"axis": 1}, {}],
    "min": [{"axis": 0, "keepdim": True}],
    "any": [{"axis": 1}, {}],
    "all": [{"axis": 0, "keepdim": True}],
    "argmax": [{"axis": 1}, {}],
    "argmin": [{"axis": 0, "keepdim": True}],
    "cumsum": [{"axis": 1}, {"axis": 0}],
    "cumprod": [{"axis": 1}],
    "cummax": [{"axis": 1, "output": 0}],
    "cummin": [{"axis": 0, "output": 0}],
    "pad_to": [{"shape": (3, None)}],
    "shrink_to": [{"shape": (1, None)}],
    "repeat": [{"repeats": (2, 1, 2)}],
    "repeat_interleave": [{"repeats": 3, "dim": 1}, {"repeats": 2}],
    "roll": [{"shifts": 3}, {"shifts": (1, -2), "dims": (0, 1)}],
    "unfold": [{"dim": 1, "size": 3, "step": 2}],
    "tril": [{"diagonal": -1}],
    "split": [{"sizes": 3, "dim": 1, "output": 1}],
    "chunk": [{"chunks": 2, "output": 1}],
    "meshgrid": [{"indexing": "xy", "output": 0}],
    "sort": [{"dim": 1, "output": 0}, {"dim": 0, "descending": True, "output": 1}],
    "argsort": [{"dim": 1}],
    "topk": [{"k": 3, "dim": 1, "output": 0}, {"k": 1, "dim": 0, "largest": False, "output": 0}],
    "scatter": [{"dim": 1}, {"dim": 0, "reduce": "add"}],
    "scatter_reduce": [{"dim": 0, "reduce": "amax"}, {"dim": 1, "reduce": "prod"},
                       {"dim": 1, "reduce": "mean", "include_self": False}],
    "getitem": [{"index": (slice(0, 1), None, 1)}],
    "clamp": [{"min_": 0}, {"min_": 3, "max_": 1}],
    "masked_fill": [{"value": 1}],
    "full": [{"shape": (2, 3), "fill_value": 1}],
    "einsum": [{"formula": "ij->ji"}, {"formula": "ij->j"}],
    "conv2d": [{"padding": 1, "stride": (2, 1)}, {"dilation": (1, 2)}],
    "conv_transpose2d": [{"padding": 1, "stride": (2, 1)}, {"dilation": 2}],
    "avg_pool2d": [{}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
                   {"kernel_size": (3, 2), "padding": 1, "count_include_pad": False},
                   {"kernel_size": (3,), "stride": 2, "padding": 1, "ceil_mode": True}],
    "max_pool2d": [{"kernel_size": 3, "stride": 1, "padding": 1},
                   {"kernel_size": 2, "dilation": (2, 3), "return_indices": True, "output": 1},
                   {"kernel_size": (2,), "ceil_mode": True, "return_indices": True, "output": 0}],
    "max_unpool2d": [{}, {"kernel_size": (3,), "stride": 2, "padding": 1},
                     {"stride": 3, "output_size": (13, 14)}],
    "interpolate": [{"size": (11,), "mode": "nearest"},
                    {"size": (4, 3), "mode": "nearest-exact"}],
}


SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "linear": ((4, 6), (6, 5), (5,)), "conv2d": ((2, 3, 6, 5), (4, 3, 2, 2), (4,)),
    "conv_transpose2d": ((2, 3, 4, 5), (3, 2, 2, 2), (2,)),
    **dict.fromkeys(("avg_pool2d", "max_pool2d", "interpolate"), ((3, 6, 7),)),
    "max_unpool2d": ((3, 5, 5), (3, 5, 5)),
}  # fmt: skip


def _operands(name: str, dtypes: tuple[str, ...]) -> list[Array]:
    x = [FORMATS[dtype].from_bits(edges(dtype)) for dtype in dtypes]
    if name == "matmul":
        return [np.resize(x[0], (4, 5)), np.resize(x[1], (5, 3))]
    if name == "meshgrid":
        return x
    if ROWS[name].family == "scatter":
        return [np.resize(x[0], (6, 7)), np.resize(x[1], (5, 6)), np.resize(x[2], (6, 6))]
    if name in SHAPES:
        return [np.resize(one, shape) for one, shape in zip(x, SHAPES[name])]
    if len(x) == 1:
        return [np.resize(x[0], (2, max(4, 2 * (len(x[0]) // 2))))]
    if len(x) == 3:
        return [x[0][:, None, None], x[1][::5, None], x[2][::5]]
    return [x[0][:, None], x[1]] if len(x) == 2 else []


def _cases(name: str) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    found = []
    most = ROWS[name].operands
    counts = {most - ROWS[name].optional, most}
    for dtypes in chain(*(product(FORMATS, repeat=count) for count in counts)):
        for attrs in ATTRIBUTES.get(name, [{}]):
            same_width = name != "bitcast" or (
                FORMATS[dtypes[0]].bits == FORMATS[attrs["dtype"]].bits
            )
            judged = torch_ref.not_judged(name, dtypes, attrs) is None
            if ROWS[name].accepts(dtypes) and same_width and judged:
                found.append((dtypes, attrs))
    return found


@needs_torch
@pytest.mark.parametrize("name", JUDGED)
def test_torch_contradicts_nothing_that_it_judges(name: str) -> None:
    cases = _cases(name)
    assert cases
    for dtypes, attrs in cases:
        args = _operands(name, dtypes)
        if ROWS[name].exactness_for(dtypes, attrs) is Exactness.FAITHFUL:
            got = mpmath_ref.FUNCTIONS[name](*args)
        else:
            got = numpy_ref.evaluate(name, args, attrs)
        verdict = torch_ref.compare(name, args, attrs, got)
        assert verdict.judged.any(), (dtypes, attrs)
        assert verdict.passed, (dtypes, attrs)


@needs_torch
def test_torch_notices_a_wrong_bit() -> None:
    x = np.array([1, 2], np.float32)
    verdict = torch_ref.compare("add", [x, x], {}, np.array([2, 5], np.float32))
    assert verdict.agrees.tolist() == [True, False]
    x = np.array([6, 6], np.int8)
    verdict = torch_ref.compare("floordiv", [x, np.array([0, 4], np.int8)], {}, x)
    assert verdict.judged.tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "dtypes", "attrs"),
    [
        ("sqrt", ("float32",), {}),
        ("sum", ("float32",), {}),
        ("add", ("uint16", "uint16"), {}),
        ("cast", ("float64",), {"dtype": "float16"}),
        ("take", ("float32", "int32"), {}),
        ("getitem", ("int8",), {"index": slice(None, None, -1)}),
        ("pad", ("int64",), {"padding": ((1, 0),), "value": 2**63 - 1}),
    ],
)
def test_reasons_are_given(name: str, dtypes: tuple[str, ...], attrs: dict[str, Any]) -> None:
    assert torch_ref.not_judged(name, dtypes, attrs)
    with pytest.raises(torch_ref.NotJudged, match="not judged by torch"):
        torch_ref.evaluate(name, [np.ones(1, dtype) for dtype in dtypes], attrs)


def test_the_catalog_and_the_domains_name_the_same_rows() -> None:
    assert set(JUDGED) == {name for name, row in ROWS.items() if "torch" in row.references}
    assert set(torch_ref.DOMAINS) == set(ROWS), "every row states whether torch judges it"


def test_without_torch_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not torch_ref.available()
    x = np.ones(1, np.float32)
    with pytest.raises(torch_ref.TorchMissing, match=r"pip install lockstep-tensor\[torch\]"):
        torch_ref.evaluate("add", [x, x], {})
