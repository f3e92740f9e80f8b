"""No operator exists untested: the public API, the catalog and the plan name the same ones."""

import inspect

import pytest

from conformance.harness import plan
from conformance.harness.calls import SEED
from conformance.harness.case import parse_case
from engine import Tensor
from oracles import numpy_ref, torch_ref
from oracles.catalog import ROWS

# Public methods that compute nothing of their own: views and spellings of rows, reading, places.
NOT_ROWS = {
    # spellings of rows
    "bool": "cast", "short": "cast", "int": "cast", "long": "cast", "half": "cast",
    "bfloat16": "cast",
    "float": "cast", "double": "cast", "view": "reshape", "flatten": "reshape",
    "unflatten": "reshape", "squeeze": "reshape", "unsqueeze": "reshape", "transpose": "permute",
    "T": "permute", "allclose": "isclose", "swish": "silu", "dot": "matmul", "zeros": "full",
    "ones": "full",
    "full_like": "full", "zeros_like": "full", "ones_like": "full", "eye": "full",
    "const": "full", "const_like": "full", "empty": "full", "empty_like": "full",
    # what no seed makes the same twice in a case, or what is made of other rows
    "manual_seed": "", "training": "", "rand_like": "rand", "randn_like": "randn",
    "dropout": "rand",
    # computes what its author writes
    "custom_kernel": "", "sequential": "",
    # writing, which conformance/assign judges
    "assign": "",
    # places and reading
    "to": "", "to_": "", "replace": "", "detach": "", "contiguous": "", "clone": "",
    "realize": "", "tobytes": "", "data": "",
    "numpy": "", "tolist": "", "item": "", "nbytes": "", "from_bytes": "", "from_node": "",
    "from_blob": "",
    # gradients, which the suite in conformance/gradients judges
    "backward": "", "contiguous_backward": "", "grad": "", "gradient": "", "no_grad": "",
    "requires_grad": "", "requires_grad_": "",
    # facts
    "device": "", "dtype": "", "shape": "", "ndim": "", "numel": "", "element_size": "",
    "is_floating_point": "", "size": "", "max_shape": "", "max_numel": "", "node": "",
}  # fmt: skip
METHODS = {"getitem": "__getitem__"}


def public() -> set[str]:
    """What a user finds on Tensor."""
    return {name for name, _ in inspect.getmembers(Tensor) if not name.startswith("_")}


def test_every_public_method_has_a_row() -> None:
    assert public() - set(ROWS) - set(NOT_ROWS) == set()


def test_the_list_of_methods_without_rows_is_current() -> None:
    assert set(NOT_ROWS) - public() == set()
    assert {row for row in NOT_ROWS.values() if row} <= set(ROWS)


@pytest.mark.parametrize("op", list(ROWS))
def test_every_row_is_a_method_with_its_attributes(op: str) -> None:
    method = getattr(Tensor, METHODS.get(op, op))
    if op in METHODS:
        return
    parameters = inspect.signature(method).parameters
    assert set(ROWS[op].attributes) - {SEED} <= set(parameters)


@pytest.mark.parametrize("op", list(ROWS))
def test_every_row_has_a_reference(op: str) -> None:
    places = "a function of its name in oracles/numpy_ref"
    assert op in numpy_ref.FUNCTIONS, f"the catalog row {op} has no reference: write {places}"
    said = "the dtypes that torch judges, or why it is never asked"
    assert op in torch_ref.DOMAINS, f"the catalog row {op} has no row in torch_ref.DOMAINS: {said}"


@pytest.mark.parametrize("op", list(ROWS))
def test_every_row_has_cells_of_all_its_dtypes(op: str) -> None:
    """Each dtype that the row allows for an operand is in a cell, and every cell has batches."""
    cells = plan.cells(op)
    assert cells
    for place, allowed in enumerate(ROWS[op].dtypes[: min(map(len, cells))]):
        assert {names[place] for names in cells} >= set(allowed)
    for names in cells[:: max(1, len(cells) // 3)]:
        batches = list(plan.batches(op, names, full=True))
        assert any(batch.layout == "main" for batch in batches)
        for batch in batches:
            made = [batch.case.statement_of(value) for value in batch.case.outputs]
            assert all(statement is not None and statement.op == op for statement in made)
            assert parse_case(batch.case.text) == batch.case, "a failure's case is read again"
