"""Smaller programs that are wrong in the same way."""

from conformance.harness.shrink.finish import described
from conformance.harness.shrink.reduce import shrink
from conformance.harness.shrink.same import alike, same_bucket

__all__ = ["alike", "described", "same_bucket", "shrink"]
