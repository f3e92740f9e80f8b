"""`rearrange`: reshape, permute and reshape again, written as one formula (einops).

    "b (h p) (w q) c -> b h w (p q c)"

A side lists axes in order; names in parentheses are one axis made of several, row-major; `1` is an
axis of size 1; `...` stands for all axes that have no name. Both sides have the same names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from engine.graph import Sint
from engine.tensor import views
from engine.tensor.base import TensorBase
from engine.tensor.variable import as_sint, describe, show

DOTS = "..."
_WORD = re.compile(r"\s*(?:(?P<name>[A-Za-z]\w*)|(?P<one>1)(?!\w)|(?P<mark>\.\.\.|[()]))")


class Rearrange(TensorBase):
    """Formulas of movement."""

    def rearrange(self, formula: str, **sizes: int) -> Self:
        """The elements as the formula says; `sizes` are those of names that no axis tells.

        ValueError, with the place in the formula, for what is no formula, and where the shape does
        not fit it.
        """
        left, right = _sides(formula)
        named = _solved(formula, left, self.shape, sizes)
        lead = named.pop(DOTS, ())
        dots = [f"{DOTS}{k}" for k in range(len(lead))]
        named.update({name: (size,) for name, size in zip(dots, lead, strict=True)})
        before = _atoms(left, dots)
        after = _atoms(right, dots)
        apart = views.reshape(self.node, tuple(named[name][0] for name in before))
        turned = views.permute(apart, tuple(before.index(name) for name in after))
        shape = [views.product([named[name][0] for name in group]) for group in _axes(right, dots)]
        return self._view_or_copy(views.reshape(turned, tuple(shape)))


@dataclass(frozen=True)
class _Group:
    """One axis of a side: the names it is made of, and where it stands in the formula."""

    names: tuple[str, ...]
    place: int


def _wrong(formula: str, place: int, text: str) -> ValueError:
    return ValueError(f"rearrange: {text}, at place {place} of {formula!r}")


def _sides(formula: str) -> tuple[list[_Group], list[_Group]]:
    """Both sides of the arrow, which have the same names."""
    if not isinstance(formula, str):
        raise TypeError(f"rearrange: the formula is a string, not {type(formula).__name__}")
    arrow = formula.find("->")
    if arrow < 0 or formula.find("->", arrow + 2) >= 0:
        raise _wrong(formula, max(arrow, 0), "a formula has one ->")
    left, right = _parsed(formula, 0, arrow), _parsed(formula, arrow + 2, len(formula))
    for here, there, side in ((left, right, "right"), (right, left, "left")):
        known = {name for group in there for name in group.names}
        for group in here:
            for name in group.names:
                if name not in known:
                    raise _wrong(formula, group.place, f"{name!r} is not on the {side} side")
    return left, right


def _parsed(formula: str, start: int, end: int) -> list[_Group]:
    """The axes of the side between two places."""
    groups: list[_Group] = []
    inner: list[str] | None = None
    seen: set[str] = set()
    at = opened = start
    while formula[at:end].strip():
        match = _WORD.match(formula, at, end)
        if match is None:
            place = at + len(formula[at:end]) - len(formula[at:end].lstrip())
            raise _wrong(formula, place, f"{formula[place]!r} is no name, 1, ( ) or ...")
        place, word = match.start(match.lastgroup or 0), match[0].strip()
        at = match.end()
        if word in seen:
            raise _wrong(formula, place, f"{word!r} appears twice on one side")
        if word in "()":
            if (word == "(") != (inner is None):
                raise _wrong(formula, place, "parentheses are not nested, and come in pairs")
            if inner is not None:
                groups.append(_Group(tuple(inner), opened))
            inner, opened = ([], place) if word == "(" else (None, place)
            continue
        if word != "1":
            seen.add(word)
        if word == DOTS and inner is not None:
            raise _wrong(formula, place, "... stands outside of parentheses")
        names = () if word == "1" else (word,)
        if inner is None:
            groups.append(_Group(names, place))
        else:
            inner += names
    if inner is not None:
        raise _wrong(formula, opened, "a parenthesis is not closed")
    return groups


def _solved(
    formula: str, groups: Sequence[_Group], shape: tuple[Sint, ...], sizes: dict[str, int]
) -> dict[str, tuple[Sint, ...]]:
    """The size of each name, as a tuple of one; those of the axes under `...`."""
    dots = [k for k, group in enumerate(groups) if group.names == (DOTS,)]
    more = len(shape) - len(groups) + 1
    if (len(groups) != len(shape) and not dots) or (dots and more < 0):
        raise _wrong(formula, 0, f"{len(groups)} axes for a tensor of shape {show(shape)}")
    known: dict[str, tuple[Sint, ...]] = {}
    for name, given in sizes.items():
        if not any(name in group.names for group in groups):
            raise ValueError(f"rearrange: {name}={given} is no name of {formula!r}")
        known[name] = (as_sint("rearrange", given),)
    axis = 0
    for group in groups:
        if group.names == (DOTS,):
            known[DOTS] = shape[axis : axis + more]
            axis += more
        else:
            _solve(formula, group, shape[axis], known)
            axis += 1
    return known


def _solve(
    formula: str, group: _Group, size: Sint, known: dict[str, tuple[Sint, ...]]
) -> None:
    """The one size of a group that is not known yet; ValueError where none fits."""
    missing = [name for name in group.names if name not in known]
    given = [known[name][0] for name in group.names if name in known]
    if len(missing) > 1:
        text = f"the sizes of {' and '.join(missing)} are not known: pass all but one"
        raise _wrong(formula, group.place, text)
    try:
        if missing:
            known[missing[0]] = (views.inferred((size,), (*given, -1))[-1],)
        fits = bool(missing) or views.product(given) == size
    except ValueError:
        fits = False
    if not fits:
        parts = " x ".join([*map(describe, given), *missing]) or "1"
        raise _wrong(formula, group.place, f"an axis of size {describe(size)} is not {parts}")


def _axes(groups: Sequence[_Group], dots: Sequence[str]) -> list[tuple[str, ...]]:
    """The names of each axis, `...` spelled out."""
    axes: list[tuple[str, ...]] = []
    for group in groups:
        axes += [(name,) for name in dots] if group.names == (DOTS,) else [group.names]
    return axes


def _atoms(groups: Sequence[_Group], dots: Sequence[str]) -> list[str]:
    return [name for axis in _axes(groups, dots) for name in axis]
