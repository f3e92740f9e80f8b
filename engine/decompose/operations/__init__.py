"""Machine operations that a target lacks, made of those it has; the last pass.

Integer division is a loop unless the divisor is known, the others are rules, one family a file.
"""

from engine.decompose.operations.without import without_missing

__all__ = ["without_missing"]
