"""Functions as programs for elsewhere: what is captured, what is refused, what a plan says.

That pages compute the right bits is tested in `tests/conformance/test_webpage.py`, in a browser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import Tensor, dtypes
from engine.export import ExportError, Port, capture, document, export
from engine.export.capture import names_of, sample
from engine.export.plan import Copy, Launch

X = Port("x", dtypes.float32, (4,))


def test_outputs_have_names_dtypes_and_shapes() -> None:
    def function(x: Tensor) -> dict[str, Tensor]:
        return {"sum": x.sum(), "rows": x.cast("int64").reshape(2, 2)}

    assert capture(function, [X]).outputs == (
        Port("sum", dtypes.float32, ()), Port("rows", dtypes.int64, (2, 2))
    )  # fmt: skip
    assert [port.name for port in capture(lambda x: (x, x + 1), [X]).outputs] == [
        "output0", "output1"
    ]  # fmt: skip


def _reads(x: Tensor) -> Tensor:
    return x if x.sum().item() > 0 else -x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_reads, "reads what it is given: .* known only where the result runs"),
        (lambda x: 3, "output of the function is a int; return a tensor"),
        (lambda x: {"a": [x]}, "a of the function is a list"),
        (lambda x: [], "returns nothing"),
    ],
)
def test_what_cannot_be_captured(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        capture(function, [X])


@pytest.mark.parametrize("computed", [True, False])
def test_writes_into_tensors_of_others_are_refused_and_undone(computed: bool) -> None:
    state = Tensor([1.0, 2.0, 3.0, 4.0]) * 2
    if computed:
        state.realize()

    def function(x: Tensor) -> Tensor:
        state[0] = x[1]
        return x

    with pytest.raises(ExportError, match=r"not given \(float32 \(4,\)\).* take them as inputs"):
        capture(function, [X])
    assert state.tolist() == [2.0, 4.0, 6.0, 8.0]
    state[1:] += 1
    assert state.tolist() == [2.0, 5.0, 7.0, 9.0], "it can be written as before"


def test_inputs_and_tensors_made_within_may_be_written() -> None:
    def function(x: Tensor) -> Tensor:
        made = Tensor([0.0, 0.0, 0.0, 0.0])
        made[1:3] = x[2:]
        x[0] = 7
        return made + x

    program = capture(function, [X])
    data = Tensor([1.0, 2.0, 3.0, 4.0]).tobytes()
    for _ in range(2):  # nothing is written over
        (result,) = program.results([data])
        assert Tensor.from_bytes(result, "float32", (4,)).tolist() == [7.0, 5.0, 7.0, 4.0]


def test_steps_name_buffers_that_the_kernels_fit() -> None:
    weights = Tensor([[1.0, 2.0], [3.0, 4.0]])

    def function(x: Tensor) -> Tensor:
        x[1:3] = x[:2].clone()
        return (x.reshape(2, 2) @ weights).softmax()

    exported = export(function, [X])
    assert sorted(map(type, exported.holes), key=str) == [bytes, int]
    assert weights.tobytes() in exported.holes
    for plan in (exported.native, exported.integers):
        assert plan is not None
        for step in plan.steps:
            if isinstance(step, Copy):
                room = min(plan.buffers[step.source], plan.buffers[step.target])
                assert step.source != step.target and step.nbytes <= room
                continue
            assert isinstance(step, Launch)
            kernel = plan.kernels[step.kernel]
            rows = list(zip(step.buffers, kernel.sizes, kernel.written, strict=True))
            assert all(size <= plan.buffers[buffer] for buffer, size, _ in rows)
            written = [buffer for buffer, _, is_written in rows if is_written]
            assert all(step.buffers.count(buffer) == 1 for buffer in written)
            assert not set(written) & set(range(len(exported.holes))), "inputs and constants stay"


def test_a_plan_that_needs_no_float_is_there_once() -> None:
    exported = export(lambda x: x + 1, [Port("x", dtypes.int64, (3,))])
    assert exported.native is None and exported.integers is not None
    assert document(exported)["probes"] is None
    assert export(lambda x: x + 1, [X], floats="integers").native is None
    only = export(lambda x: x + 1, [X], floats="native")
    assert only.integers is None and document(only)["probes"] is not None
    with pytest.raises(ValueError, match="floats are auto, native, integers, not 'none'"):
        export(lambda x: x, [X], floats="none")


def test_names_come_from_the_function() -> None:
    def function(first: Tensor, *others: Tensor) -> Tensor:
        return first

    assert names_of(function, 3) == ["first", "input1", "input2"]
    assert names_of(Tensor.exp, 1) == ["self"]


@pytest.mark.parametrize("dtype", dtypes.TENSOR_DTYPES, ids=str)
def test_samples_are_those_of_their_seed(dtype: dtypes.DType) -> None:
    port = Port("x", dtype, (2, 40))
    data = sample(port, 1)
    assert len(data) == port.nbytes and data == sample(port, 1) != sample(port, 2)
