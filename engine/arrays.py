"""The numpy dtype of every dtype.

numpy, and ml_dtypes, which has the narrow floats that numpy lacks, are loaded when they are asked
for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import dtypes
from engine.dtypes import DType

if TYPE_CHECKING:
    import numpy as np


class _NumpyDtypes(dict[DType, "np.dtype[Any]"]):
    """Rows are looked up when they are needed first."""

    def __missing__(self, row: DType) -> np.dtype[Any]:
        import numpy as np

        if row in dtypes.NARROW_FLOATS and row is not dtypes.float16:
            import ml_dtypes

            found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, row.name))
        else:
            found = np.dtype("int64" if row is dtypes.index else row.name)
        self[row] = found
        return found


NUMPY = _NumpyDtypes()
