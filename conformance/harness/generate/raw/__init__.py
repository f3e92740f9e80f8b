"""Random kernels below the tensor level: valid graphs that no program of the API makes."""

from conformance.harness.generate.raw.addresses import addresses
from conformance.harness.generate.raw.expressions import ALIKE, OTHERS, expressions
from conformance.harness.generate.raw.kernel import Kernel
from conformance.harness.generate.raw.loops import loops

__all__ = ["ALIKE", "OTHERS", "Kernel", "addresses", "expressions", "loops"]
