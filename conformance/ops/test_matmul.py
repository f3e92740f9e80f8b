"""Matrix products: contracted lengths around the block of the order, batches."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("matmul")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
