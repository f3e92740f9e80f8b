"""How the memory of a kernel is bound on WebGPU: a large buffer as several bindings.

A binding shows no more than `max-storage-buffer-binding-size` bytes, which may be a sixteenth of
what a buffer holds. So a parameter that is larger has one binding for every window of it, and is
read and written through functions that choose the window. Whatever the order of the accesses, and
their number, a kernel does the same as on one binding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.linear import LinearKernel

ALIGNMENT = 256  # of a window: min-storage-buffer-offset-alignment is nowhere more


@dataclass(frozen=True)
class Window:
    """`nbytes` of parameter `slot`, from byte `offset` on, as the array `name` of words."""

    slot: int
    name: str
    offset: int
    nbytes: int
    written: bool


def padded(nbytes: int) -> int:
    """Whole words, and at least one."""
    return max(4, -(-nbytes // 4) * 4)


def window_bytes(largest: int) -> int:
    """The bytes that a window shows where a binding can show `largest`."""
    return largest // ALIGNMENT * ALIGNMENT


def windows(kernel: LinearKernel, largest: int) -> list[Window]:
    """A row for each binding: the parameters in order, every one from its first byte to its last.

    `largest` is the most bytes that one binding can show.
    """
    rows = []
    step = window_bytes(largest)
    for slot, parameter in enumerate(kernel.parameters):
        size = padded(parameter.size * parameter.dtype.itemsize)
        if size <= largest:
            rows.append(Window(slot, f"b{slot}", 0, size, parameter.written))
            continue
        for number, start in enumerate(range(0, size, step)):
            shown = min(step, size - start)
            rows.append(Window(slot, f"b{slot}_{number}", start, shown, parameter.written))
    return rows


def large(rows: Sequence[Window]) -> frozenset[str]:
    """The parameters that have several windows, by their names in the text."""
    return frozenset(f"b{row.slot}" for row in rows if row.name != f"b{row.slot}")


def declarations(rows: Sequence[Window]) -> list[str]:
    """The lines of a module that name its bindings, and the functions for large parameters."""
    lines = [
        f"@group(0) @binding({number}) var<storage, {'read_write' if row.written else 'read'}> "
        f"{row.name}: array<u32>;"
        for number, row in enumerate(rows)
    ]
    for name in sorted(large(rows)):
        shown = [row for row in rows if f"b{row.slot}" == name]
        lines += _chosen(f"fn load_{name}(place: u32) -> u32", "return {}[{}];", shown)
        if shown[0].written:
            store = f"fn store_{name}(place: u32, word: u32)"
            lines += _chosen(store, "{}[{}] = word; return;", shown)
    return lines


def _chosen(head: str, access: str, shown: Sequence[Window]) -> list[str]:
    """A function that finds the word number `place` in the last window that begins before it."""
    lines = [f"{head} {{"]
    for row in reversed(shown[1:]):
        first = f"{row.offset // 4}u"
        found = access.format(row.name, f"place - {first}")
        lines.append(f"  if (place >= {first}) {{ {found} }}")
    return [*lines, f"  {access.format(shown[0].name, 'place')}", "}"]
