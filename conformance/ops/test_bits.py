"""Bitwise operators, and shifts by counts inside and outside the width."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("bitwise", "shift")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
