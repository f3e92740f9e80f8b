"""torch's samples: how they are drawn, become views, and that what is wrong is noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.harness.opinfo import ADAPTERS, refusal, samples, trial
from conformance.harness.opinfo.adapter import LeftOut, Use, translated
from engine import Tensor

FEW = {"float32": 2, "int64": 2}


@pytest.fixture(scope="module")
def torchs() -> None:
    """What needs torch's samples."""
    if not samples.available():
        pytest.skip(samples.REMEDY)


STRIDED = (
    ((2, 3), (3, 1)), ((3, 2), (1, 3)), ((4,), (2,)), ((2, 3), (0, 2)), ((2, 1, 3), (12, 7, 4)),
    ((2, 3, 2), (1, 2, 8)), ((3, 2), (5, 2)), ((), ()), ((1, 1), (3, 5)), ((2, 2, 2), (4, 0, 1)),
    ((0, 3), (1, 1)),
)  # fmt: skip


@pytest.mark.parametrize("shape,strides", STRIDED)
def test_strides_become_views(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    memory = np.arange(40, dtype=np.int16)
    due = np.lib.stride_tricks.as_strided(memory, shape, [2 * step for step in strides])
    reach = 1 + sum((n - 1) * step for n, step in zip(shape, strides))
    view = samples.strided(memory[: max(reach, 0)], shape, strides)
    assert view.shape == shape and view.numpy().tolist() == due.tolist()


@pytest.mark.usefixtures("torchs")
def test_samples_are_the_same_each_time() -> None:
    first, second = (samples.drawn("add", "float32") for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.input.tolist() == other.input.tolist()
        assert one.input.stride() == other.input.stride()
    assert not all(one.input.is_contiguous() for one in first)


# -- what is wrong is noticed ----------------------------------------------------------------------
@pytest.mark.usefixtures("torchs")
def test_the_row_of_the_catalog_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not trial.run("mul", limits=FEW).problems
    monkeypatch.setattr(Tensor, "mul", lambda x, y: x + y)
    problems = trial.run("mul", limits=FEW).problems
    assert problems and all("lockstep case 1" in text for text in problems)


@pytest.mark.usefixtures("torchs")
def test_torch_judges_where_there_is_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not trial.run("ravel", limits=FEW).problems
    monkeypatch.setattr(Tensor, "flatten", lambda x, **_: x.reshape(-1).flip(0))
    assert any("torch" in text for text in trial.run("ravel", limits=FEW).problems)


@pytest.mark.usefixtures("torchs")
def test_a_sample_that_is_written_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row agrees with the attributes that it was given, torch does not."""

    def other_axis(input: Any, dims: Any) -> Use:  # noqa: A002
        return Use("flip", (input,), {"axis": (0,)}, "flip")

    monkeypatch.setitem(ADAPTERS, "flip", other_axis)
    assert any("torch" in text for text in trial.run("flip", limits=FEW).problems)


@pytest.mark.usefixtures("torchs")
def test_a_call_that_ought_to_raise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not refusal.run("tril").problems
    monkeypatch.setattr(Tensor, "tril", lambda x, diagonal=0: x)
    assert refusal.run("tril").problems == [
        "tril: torch: input tensor must have at least 2 dimensions: is allowed"
    ]


@pytest.mark.usefixtures("torchs")
def test_an_error_that_names_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(x: Tensor, diagonal: int = 0) -> Tensor:
        raise ValueError("no")

    monkeypatch.setattr(Tensor, "tril", fail)
    assert "does not name tril" in refusal.run("tril").problems[0]


@pytest.mark.parametrize("kwargs,reason", [
    ({"out": None}, "out="), ({"alpha": 2}, "alpha"), ({"alpha": 2j}, "complex"),
    ({"layout": "torch.sparse_coo"}, "layout"), ({"beta": 1}, "arguments"),
])  # fmt: skip
def test_what_a_sample_asks_for_too_much(kwargs: dict[str, Any], reason: str) -> None:
    class Sample:
        input, args = 1.0, (2.0,)

    Sample.kwargs = kwargs  # type: ignore[attr-defined]
    with pytest.raises(LeftOut, match=reason):
        translated(ADAPTERS["add"], Sample)
