"""The states of a kernel between two passes, executed: any of them, as it is.

The interpreter of the linear level takes loops of any kind and memory of any dtype. Only TREE,
which lists of instructions do not have, becomes loops first.

Before CANON nodes are placed a computed NaN may have any bits, so up to there NaNs are one class:
`with_one_nan`. Arithmetic makes NaNs with strange bits here, so that a CANON that is missing shows;
maximum, minimum and casts to narrow floats make theirs canonical, as their decompositions do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.arrays import NUMPY
from engine.dtypes import DType
from engine.expand import replace_trees
from engine.graph import Node
from engine.interpret.kernels import Watch, run
from engine.interpret.rounding import canonical
from engine.linearize import Launchable, linearize

WORD = 4  # bytes of what some targets load and store at once


def executed(
    kernels: Sequence[Node], memory: Sequence[bytes], shuffle: int | None = None
) -> list[bytes]:
    """The contents of all buffers, one a PARAM number, after the kernels ran in order.

    `shuffle` seeds the order of parallel rounds. Raises what `interpret.kernels.run` raises.
    """
    parts = [linearize(replace_trees(kernel), "state", ()) for kernel in kernels]
    return launched(parts, memory, shuffle)


def launched(
    parts: Sequence[Launchable],
    memory: Sequence[bytes],
    shuffle: int | None = None,
    watch: Watch | None = None,
    strange_nans: bool = True,
) -> list[bytes]:
    """The same for lists of instructions. `watch` is shown every elementwise one.

    Without `strange_nans` arithmetic makes the NaNs of the host.
    """
    raw = [bytearray(item) + bytes(-len(item) % WORD) for item in memory]
    for part in parts:
        rows = zip(part.slots, part.kernel.parameters, strict=True)
        buffers = [np.frombuffer(raw[slot], NUMPY[row.dtype], row.size) for slot, row in rows]
        run(part.kernel, buffers, shuffle=shuffle, watch=watch,
                strange_nans=strange_nans)  # fmt: skip
    return [bytes(item[: len(given)]) for item, given in zip(raw, memory, strict=True)]


def with_one_nan(memory: Sequence[bytes], kinds: Sequence[DType]) -> list[bytes]:
    """The same contents with the canonical NaN of its dtype in place of every NaN."""
    return [
        canonical(dtype, np.frombuffer(raw, NUMPY[dtype])).tobytes()
        for raw, dtype in zip(memory, kinds, strict=True)
    ]
