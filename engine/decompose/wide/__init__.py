"""64-bit integers where a device has none: two words of 32 bits.

In memory they become words before threads are assigned (`storage`); between that and the end of the
passes they are ordinary values, so that every other rule sees them whole; then each becomes a pair
of words (`split`), one family of operations a file.
"""

from engine.decompose.wide.split import split_wide
from engine.decompose.wide.storage import WIDE_STORAGE

__all__ = ["WIDE_STORAGE", "split_wide"]
