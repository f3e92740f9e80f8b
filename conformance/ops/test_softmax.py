"""The softmax family: lengths around lanes, axes, infinities, empty tensors."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("softmax")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
