"""Which application of which rule changes something: bisecting how many are allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.graph import Node, dump
from engine.rewrite import Applications, limited

ALL = 1 << 40


@dataclass(frozen=True)
class Application:
    """One application of a rule: what it replaced by what."""

    rule: str
    node: Node
    result: Node


def first_wrong(is_right: Callable[[], bool]) -> Application | None:
    """The application with which `is_right`, which rewrites and looks, first becomes false.

    None if it is false without any application, true with all of them, or cannot be told because
    what stands between cannot be executed.
    """
    try:
        right, counted = _probe(is_right, ALL)
        if right or not _probe(is_right, 0)[0]:
            return None
        low, high = 0, counted.count  # right with `low`, wrong with `high`
        while high - low > 1:
            middle = (low + high) // 2
            right, _ = _probe(is_right, middle)
            low, high = (middle, high) if right else (low, middle)
        _, counted = _probe(is_right, high)
    except Exception:  # noqa: BLE001 - a state halfway through a pass need not be executable
        return None
    return None if counted.last is None else Application(*counted.last)


def _probe(is_right: Callable[[], bool], limit: int) -> tuple[bool, Applications]:
    with limited(limit) as counted:
        return is_right(), counted


def shown(node: Node, lines: int = 12) -> str:
    """A node with what it is made of; the last lines of it where there are many."""
    text = dump(node).splitlines()
    return "\n".join(text if len(text) <= lines else ["…", *text[-lines:]])
