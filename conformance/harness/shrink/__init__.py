"""Smaller programs that are wrong in the same way."""

from conformance.harness.shrink.finish import described
from conformance.harness.shrink.reduce import shrink
from conformance.harness.shrink.same import same_bucket

__all__ = ["described", "same_bucket", "shrink"]
