"""Running extremes against the definition, and what the bound of running sums notices."""

from typing import Any

import numpy as np
import pytest

from oracles import numpy_ref
from oracles.bounds import broken_bounds
from oracles.case import Case


@pytest.mark.parametrize("greatest", [True, False])
def test_places_are_first(greatest: bool) -> None:
    rng = np.random.default_rng(4)
    items: Any = rng.choice([1.0, 0.0, -0.0, -2.0, np.inf, np.nan], (50, 12), p=[0.19] * 5 + [0.05])
    name = "cummax" if greatest else "cummin"
    values, places = (numpy_ref.evaluate(name, [items], {"axis": 1, "output": k}) for k in (0, 1))
    for i, row in enumerate(items):
        for j in range(len(row)):
            part = row[: j + 1]
            assert places[i, j] == (np.argmax if greatest else np.argmin)(part)
            whole = numpy_ref.evaluate("max" if greatest else "min", [part], {})
            assert values[i, j].tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_bound_notices_what_is_off(name: str, dtype: str) -> None:
    x = np.random.default_rng(2).uniform(0.5, 1.5, (2, 30)).astype(dtype)
    result = numpy_ref.evaluate(name, [x], {"axis": 1})
    case = Case(name, [x], {"axis": 1}, result)
    assert not broken_bounds(case, result).any()
    result[1, 17] *= result.dtype.type(1 + 2**-6)
    assert np.argwhere(broken_bounds(case, result)).tolist() == [[1, 17]]
