"""Every row of the catalog on the floats that numpy lacks, by what the contract says of them all:
converted to float32 once, computed there, rounded once.

So the operands as float32 must give results that, rounded, are those of the narrow dtype. What
float32 gives is judged by the matrix, and how it is rounded by `narrow`. The programs are those
that the matrix has for float16, with operands rounded to the narrow dtype. Each row meets bfloat16
and one float8, in turn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conformance.dtypes.narrow import FLOAT8, nearest, values
from conformance.harness import plan
from conformance.harness.case import Case, Input, Statement
from conformance.harness.subject import EngineSubject
from engine import Tensor
from oracles import numpy_ref
from oracles.catalog import ROWS
from oracles.formats import FORMATS, Array

MODEL = "float16"
SUBJECT = EngineSubject("LLVM")
DRAWN = ("rand", "uniform", "scaled_uniform", "glorot_uniform", "kaiming_uniform")
ELSEWHERE = {
    "cast": "every value is cast to every dtype in test_narrow_floats",
    "bitcast": "widths differ from the model's",
    "floordiv": "an IEEE quotient from 2**p on, in test_narrow_floats",
    "div": "with a rounding mode as floordiv; all pairs in test_narrow_floats",
    "pow": "16 bits by way of float64, in test_narrow_floats; all pairs of float8 there",
    "copysign": "the sign of a NaN is a bit; all pairs in test_narrow_floats",
    "nll_loss": "weights have other dtypes in every cell; cross_entropy takes the same steps",
    "randperm": "refuses dtypes that do not hold every place",
    **dict.fromkeys(DRAWN, "multiples of 2**-p, and each step rounded in the dtype: see below"),
}


def model_cell(op: str) -> tuple[str, ...] | None:
    """The cell of a row in which every promoted operand is of the model's dtype."""
    row = ROWS[op]
    for names in plan.cells(op):
        shared = [names[k] for k in row.shared(len(names))] or list(names[:1])
        if set(shared) == {MODEL}:
            return names
    return None


MODELS = {op: cell for op in ROWS if op not in ELSEWHERE and (cell := model_cell(op))}


def rounded_input(item: Input, name: str) -> Input:
    """The model's numbers in a narrow dtype."""
    if item.dtype != MODEL:
        return item
    words = np.frombuffer(item.data, np.uint16)
    return replace(item, dtype=name, data=nearest(name, values(MODEL, words)).tobytes())


def widened_input(item: Input, name: str) -> Input:
    """The same numbers in float32, whose NaN is canonical."""
    if item.dtype != name:
        return item
    numbers = values(name, np.frombuffer(item.data, FORMATS[name].unsigned))
    wide = numbers.astype(np.float32)
    wide[np.isnan(numbers)] = np.nan
    return replace(item, dtype="float32", data=wide.tobytes())


def with_dtype(statement: Statement, name: str) -> Statement:
    """Where a statement names the model's dtype, it names this one."""
    renamed = {k: name if v == MODEL else v for k, v in statement.attributes.items()}
    return replace(statement, attributes=renamed)


def variant(case: Case, inputs: list[Input], name: str) -> Case:
    statements = tuple(with_dtype(one, name) for one in case.statements)
    return replace(case, inputs=tuple(inputs), statements=statements, expected=())


def results(case: Case) -> list[tuple[str, Array]]:
    """Dtype and bits of each output."""
    found = []
    outputs = [output.contiguous() for output in SUBJECT.build(case)]
    outputs[0].realize(*outputs[1:])
    for output in outputs:
        row = FORMATS[output.dtype.name]
        found.append((row.name, np.frombuffer(output.tobytes(), row.unsigned)))
    return found


def comparable(name: str, dtype: str, bits: Array) -> Array:
    """Bits as the narrow dtype has them, any NaN canonical: a row may move or make it."""
    if dtype == "float32":
        return nearest(name, FORMATS[dtype].from_bits(bits).astype(np.float64))
    return nearest(name, values(name, bits)) if dtype == name else bits


@pytest.mark.parametrize("op", MODELS)
def test_float32_rounded_once(op: str) -> None:
    batch = next(iter(plan.batches(op, MODELS[op], full=False)))
    for name in ("bfloat16", FLOAT8[list(MODELS).index(op) % len(FLOAT8)]):
        narrow = [rounded_input(item, name) for item in batch.case.inputs]
        wide = [widened_input(item, name) for item in narrow]
        got = results(variant(batch.case, narrow, name))
        wanted = results(variant(batch.case, wide, "float32"))
        assert name in {dtype for dtype, _ in got} or all(
            not FORMATS[dtype].is_float for dtype, _ in got
        ), "no result has the narrow dtype"
        for (dtype, bits), (other, more) in zip(got, wanted, strict=True):
            assert dtype == other or (dtype, other) == (name, "float32")
            same = comparable(name, dtype, bits) == comparable(name, other, more)
            assert same.all(), (name, np.flatnonzero(~same)[:8])


@pytest.mark.parametrize("op", DRAWN)
def test_uniform_numbers(op: str) -> None:
    """Those of numpy's reference, whose products and sums ml_dtypes rounds once: none overflows."""
    for name in ("bfloat16", *FLOAT8):
        Tensor.manual_seed(7)
        got = getattr(Tensor, op)(9, 31, dtype=name, device=SUBJECT.name)
        wanted = numpy_ref.evaluate(op, [], {"shape": (9, 31), "seed": 7, "dtype": name})
        assert got.tobytes() == wanted.tobytes(), name


def test_rows_are_left_out_for_a_reason() -> None:
    """What has no model has no operand that may be a float, or makes no floats."""
    rest = {op for op in ROWS if op not in MODELS and op not in ELSEWHERE}
    takes_floats = {op for op in rest if any(MODEL in allowed for allowed in ROWS[op].dtypes)}
    assert not takes_floats, sorted(takes_floats)
