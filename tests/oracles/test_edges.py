"""Edge values: every class of a dtype is among them, and the creation rule of the tables."""

from __future__ import annotations

from typing import Any

import pytest

from oracles.edges import classes, edge_class, edges
from oracles.formats import FORMATS
from oracles.promotion import RULES


@pytest.mark.parametrize("dtype", FORMATS)
def test_every_class_occurs(dtype: str) -> None:
    found = edges(dtype).tolist()
    assert {edge_class(dtype, bits) for bits in found} == set(classes(dtype))
    assert len(found) == len(set(found))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_least_signalling_nan_of_both_signs_is_there(dtype: str) -> None:
    row = FORMATS[dtype]
    least = row.infinity | 1
    assert {least, row.sign_bit | least} <= set(edges(dtype).tolist())


@pytest.mark.parametrize(("scalars", "dtype"), [
    ({"start": False, "stop": 3, "step": 1}, "int32"), ({"fill_value": True}, "bool"),
    ({"fill_value": 1}, "int32"), ({"start": True, "stop": 2.5}, "float32"),
    ({"fill_value": True, "dtype": "int8"}, "int8"),
])  # fmt: skip
def test_what_is_created_from_scalars(scalars: dict[str, Any], dtype: str) -> None:
    """bool only where all scalars are; one float makes floats."""
    assert RULES["creation"]((), scalars) == dtype
