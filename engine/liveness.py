"""What may still be read: found by marking, from all that is alive.

Memory that a program has read may be written over if nothing that is left afterwards leads to it:
no storage that is in it now, and no expression that somebody still has to compute. How many
references a node has does not say so. Interned nodes are shared by programs that know nothing of
each other, and an expression that has been computed refers to its operands as before.

Nothing leads to memory that is made of older buffers alone: nodes know the newest one below them,
and an expression that has been computed there is as old as its operands. So a step that writes
marks what is younger than what it writes, and not all that waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.graph import Node
from engine.storage import names_of, owners, pending_storages, realized, shown_storages


def holders() -> Iterator[Node]:
    """What something alive stands on: versions that are to be computed, and what views show.

    What a view shows may have been remembered apart from the memory of its storage.
    """
    for storage in pending_storages():
        yield storage.node
    for storage in shown_storages():
        for view in storage.shown or ():
            yield view.node


def still_read(buffers: Collection[Node], computed: Collection[Node]) -> set[Node]:
    """Those of some BUFFERs that may be read after a program which leaves `computed` in memory."""
    found = {buffer for buffer in buffers if owners(buffer)}
    wanted = set(buffers) - found
    if not wanted:
        return found
    least = min(name.newest for buffer in wanted for name in names_of(buffer))
    pending = [node for node in holders() if node.newest >= least]
    seen = set(pending)
    while pending and wanted:
        node = pending.pop()
        wanted.discard(node)
        for below in _read_below(node, computed):
            if below not in seen and below.newest >= least:
                seen.add(below)
                pending.append(below)
    return set(buffers) - wanted


def _read_below(node: Node, computed: Collection[Node]) -> list[Node]:
    """What somebody who needs a node reads: its memory, or its operands.

    A gradient reads the operands again, whether or not the node itself has been computed.
    """
    view = realized(node)
    if view is not None:
        return [view, *node.src] if node.tracked else [view]
    return list(node.src) if node.tracked or node not in computed else []
