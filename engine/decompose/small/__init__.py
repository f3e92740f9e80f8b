"""8-bit and 16-bit integers where a device has none: packed into words in memory (`storage`), and
one to a word as values (`values`).
"""

from engine.decompose.small.storage import pack
from engine.decompose.small.values import widen_small

__all__ = ["pack", "widen_small"]
