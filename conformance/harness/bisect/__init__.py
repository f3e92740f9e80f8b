"""Bisecting a wrong program: which stage, which pass, which rule at which node, which kernel."""

from conformance.harness.bisect.blame import NOT_FOUND, STAGES, Blame, Place, Step
from conformance.harness.bisect.isolated import bisect_isolated
from conformance.harness.bisect.search import NATIVE, bisect

__all__ = ["NATIVE", "NOT_FOUND", "STAGES", "Blame", "Place", "Step", "bisect", "bisect_isolated"]
