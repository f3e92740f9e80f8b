"""Random indices and views, as text: basic ones, shifted ones, tensors of places, masks."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.harness.generate.choosing import Chooser, chance, choose
from conformance.harness.sequences.evaluate import Run
from conformance.harness.sequences.text import expression
from oracles.formats import FORMATS, Array, format_of

WORDS = tuple(name for name in FORMATS if name != "bool")  # what a bitcast may be to


def basic(chooser: Chooser, shape: tuple[int, ...]) -> str:
    """Integers, slices, None and the Ellipsis."""
    if not shape or chance(chooser, 8):
        return "..."
    items = [_item(chooser, n) for n in shape[: chooser.integer(1, len(shape))]]
    if chance(chooser, 8):
        items.insert(chooser.integer(0, len(items)), "None")
    if len(items) < len(shape) and chance(chooser, 4):
        items.insert(0 if chance(chooser, 2) else len(items), "...")
    return ", ".join(items)


def _item(chooser: Chooser, size: int) -> str:
    """One index of an axis."""
    kind = chooser.integer(0, 5)
    if kind == 0 and size:
        return str(chooser.integer(-size, size - 1))
    if kind == 1:
        return ":"
    if kind == 2 and size:
        return choose(chooser, ("::-1", "::2", "1::2", "::-2"))
    if not chance(chooser, 3):
        return choose(chooser, ("1:", ":-1", "1:3", f":{size // 2}", f"{size // 2}:"))
    low = chooser.integer(0, size)
    return f"{low}:{chooser.integer(low, size)}"


def part(run: Run, name: str, key: str) -> Array | None:
    """What a key selects of a tensor; None where there is no such part, or nothing in it."""
    try:
        found: Array = run.value(expression(f"{name}[{key}]"))
    except (IndexError, ValueError, RuntimeError):
        return None
    return found if found.size or not run.names[name].size else None


def shifted(chooser: Chooser, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str | None:
    """Another part of the same shape, which often overlaps."""
    if len(wanted) != len(shape) or any(n > m for n, m in zip(wanted, shape)):
        return None
    items = []
    for size, length in zip(shape, wanted):
        low = chooser.integer(0, size - length)
        backward = length and chance(chooser, 4)
        items.append(_reversed(low, length) if backward else f"{low}:{low + length}")
    return ", ".join(items) or "..."


def _reversed(low: int, length: int) -> str:
    return f"{low + length - 1}:{low - 1}:-1" if low else f"{low + length - 1}::-1"


def advanced(
    chooser: Chooser, name: str, x: Array, known: Mapping[str, Array]
) -> str | None:
    """A tensor of places, which may repeat and be out of range, a list, or a mask."""
    if not x.ndim or not x.size:
        return None
    size = x.shape[0]
    kind = chooser.integer(0, 4)
    if kind == 0 and format_of(x).kind not in ("bool",):
        return f"{name} {choose(chooser, ('<', '>', '=='))} {_number(x, chooser)}"
    if kind == 1:
        masks = [n for n, m in known.items() if m.dtype == bool and m.shape == x.shape]
        if masks:
            return choose(chooser, masks)
    if kind == 2:
        places = [chooser.integer(-size, size - 1) for _ in range(chooser.integer(1, 4))]
        return str(places)
    if kind == 3:
        fits = [n for n, i in known.items()
                if format_of(i).kind in ("int", "uint") and 0 < i.size <= 8 and i.ndim]
        if fits:
            return choose(chooser, fits)
    places = [chooser.integer(-size - 1, size) for _ in range(chooser.integer(1, 5))]
    dtype = choose(chooser, ("int32", "int32", "int64", "int8"))
    rest = ", ::-1" if x.ndim > 1 and chance(chooser, 3) else ""
    front = ":, " if x.ndim > 1 and x.shape[1] and chance(chooser, 4) else ""
    return f"{front}tensor({places}, '{dtype}'){'' if front else rest}"


def _number(x: Array, chooser: Chooser) -> str:
    number = str(chooser.integer(0, 5))
    return number + ".5" if format_of(x).is_float else number


def view(chooser: Chooser, name: str, x: Array) -> str | None:
    """A view of a tensor."""
    n = x.ndim
    if not n:
        return f"{name}.{choose(chooser, ('unsqueeze(0)', 'detach()', 'reshape((1,))'))}"
    axis = chooser.integer(0, n - 1)
    kind = chooser.integer(0, 11)
    if kind <= 4:
        return f"{name}[{basic(chooser, x.shape)}]"
    if kind == 5:
        order = list(range(n))
        order.insert(chooser.integer(0, n - 1), order.pop(axis))
        return f"{name}.permute({tuple(order)})"
    if kind == 6:
        return f"{name}.flip({axis})"
    if kind == 7:
        return _reshaped(chooser, name, x)
    if kind == 8:
        return f"{name}.unsqueeze({axis})" if n < 4 else f"{name}.flatten()"
    if kind == 9:
        return f"{name}.diagonal()" if n > 1 else _windows(chooser, name, x)
    if kind == 10:
        wide = tuple(3 if size == 1 else size for size in x.shape)
        return f"{name}.expand({wide if wide != x.shape or n > 2 else (2, *x.shape)})"
    return _bitcast(chooser, name, x)


def _reshaped(chooser: Chooser, name: str, x: Array) -> str:
    choices = [(x.size,), (1, x.size), (x.size, 1)]
    choices += [(k, x.size // k) for k in (2, 3) if x.size and x.size % k == 0]
    return f"{name}.reshape({choose(chooser, choices)})"


def _windows(chooser: Chooser, name: str, x: Array) -> str | None:
    size = chooser.integer(1, 2)
    if x.shape[0] < size:
        return None
    return f"{name}.unfold(0, {size}, {chooser.integer(1, 3)})"


def _bitcast(chooser: Chooser, name: str, x: Array) -> str | None:
    if x.dtype == bool:
        return None
    bits = format_of(x).bits
    fits = [w for w in WORDS if FORMATS[w].bits <= bits or
            x.shape[-1] * bits % FORMATS[w].bits == 0]  # fmt: skip
    return f"{name}.bitcast('{choose(chooser, fits)}')"
