"""Random numbers: what a seed gives, the same everywhere."""

from __future__ import annotations

from dataclasses import replace

from oracles.catalog.row import ALL, Exactness, OpRow, bounds

_UINT64 = ("uint64",)
_STREAM = ("`seed` is what manual_seed is given before", "every call advances the stream")


def _drawn(
    name: str, formula: str, *attributes: str, result: str = "drawn_float", **defaults: object
) -> OpRow:
    return OpRow(
        name=name, family="random", result=result, formula=formula, references=("numpy",),
        attributes=("shape", "seed", *attributes, "dtype"),
        defaults={**defaults, "dtype": "int32" if result == "drawn_int" else "float32"},
        special=_STREAM,
    )  # fmt: skip


def _normal(name: str, formula: str, *attributes: str, **defaults: float) -> OpRow:
    return replace(
        _drawn(name, formula, *attributes, result="drawn_float", **defaults),
        exactness=Exactness.COMPOSITE, references=("mpmath",),
        bound_ulp=bounds(0.501, 4.0),
    )  # fmt: skip


ROWS = (
    OpRow(
        name="threefry", family="random", dtypes=(_UINT64, _UINT64), common=(0, 1),
        formula="Threefry-2x32-20 of the counter under the key", references=("numpy",),
    ),
    OpRow(
        name="random_bits", family="random", dtypes=(_UINT64, _UINT64), result="word",
        attributes=("num",), formula="words of the blocks counter, counter + 1 … under the key",
        references=("numpy",),
    ),
    _drawn("rand", "k * 2**-p with 0 <= k < 2**p drawn, p the precision"),
    _drawn("uniform", "low + (high - low) * rand", "low", "high", low=0.0, high=1.0),
    _drawn(
        "randint", "low + block mod (high - low)", "low", "high", result="drawn_int", low=0, high=10
    ),
    _drawn("scaled_uniform", "uniform from -b to b, b = n**-0.5 for n elements"),
    _drawn("glorot_uniform", "uniform from -b to b, b = sqrt(6 / (inputs + outputs))"),
    _drawn(
        "kaiming_uniform", "uniform from -b to b, b = sqrt(6 / ((1 + a**2) inputs))", "a", a=0.01
    ),
    _normal("randn", "sqrt(-2 log(1 - u)) * cos(2 pi v), u and v drawn"),
    _normal("normal", "std * randn + mean", "mean", "std", mean=0.0, std=1.0),
    _normal("kaiming_normal", "randn * sqrt(2 / (1 + a**2)) / sqrt(inputs)", "a", a=0.01),
    OpRow(
        name="randperm", family="random", result="drawn_int", references=("numpy",),
        attributes=("n", "seed", "dtype"), defaults={"dtype": "int32"},
        formula="the stable order of n blocks", special=_STREAM,
    ),
    OpRow(
        name="multinomial", family="random", dtypes=(ALL,), result="index", references=("numpy",),
        attributes=("num_samples", "replacement", "seed"),
        defaults={"num_samples": 1, "replacement": False},
        formula="the first place whose cumulative weight is above u times the last; without "
        "replacement, places in decreasing order of log(w) - log(-log(1 - u))",
        special=(
            *_STREAM, "a negative, infinite or NaN weight is 0", "no weight left gives n",
        ),
    ),
)  # fmt: skip
