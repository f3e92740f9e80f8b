"""Windows as hypothesis draws them, and what they see, position by position."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

Pair = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """Windows along one axis; `before` and `after` are the padding around it."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    ceil_mode: bool = False

    @property
    def reach(self) -> int:
        """What a window spans."""
        return self.dilation * (self.kernel - 1) + 1

    def windows(self) -> list[list[int]]:
        """The positions of each window, from 0 to size - 1 where they are elements."""
        room = self.size + self.before + self.after - self.reach
        count = room // self.stride + 1
        if self.ceil_mode:
            count = -(-room // self.stride) + 1
            count -= (count - 1) * self.stride - self.before >= self.size
        starts = [i * self.stride - self.before for i in range(count)]
        return [[start + j * self.dilation for j in range(self.kernel)] for start in starts]


Axes = tuple[Axis, ...]


@st.composite
def axes_of(draw: st.DrawFn, ceil: bool = False, half: bool = True) -> Axes:
    """One to three axes with at least one window each, and no window of padding alone.

    With `half` padding is at most half of a window.
    """
    ceil_mode = ceil and draw(st.booleans())
    found = []
    for _ in range(draw(st.integers(1, 3))):
        kernel, stride, dilation = (draw(st.integers(1, most)) for most in (4, 4, 3))
        reach = dilation * (kernel - 1) + 1
        most = reach // 2 if half else 3
        before, after = draw(st.integers(0, most)), draw(st.integers(0, most))
        least = max(dilation if before else 1, reach - before - after)
        size = least + draw(st.integers(0, 4))
        found.append(Axis(size, kernel, stride, dilation, before, after, ceil_mode))
    return tuple(found)


def attributes_of(axes: Axes) -> dict[str, Any]:
    """Stride, dilation and padding as an operator takes them."""
    backwards = [pair for axis in reversed(axes) for pair in (axis.before, axis.after)]
    return {
        "stride": tuple(axis.stride for axis in axes),
        "dilation": tuple(axis.dilation for axis in axes),
        "padding": tuple(backwards),
    }


def sizes_of(axes: Axes) -> tuple[int, ...]:
    return tuple(axis.size for axis in axes)


def counts_of(axes: Axes) -> tuple[int, ...]:
    """How many windows there are along each axis."""
    return tuple(len(axis.windows()) for axis in axes)


def every_window(axes: Axes) -> list[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """(number on each axis, positions) of all windows, both in row-major order."""
    along = [list(enumerate(axis.windows())) for axis in axes]
    return [
        (tuple(number for number, _ in chosen), list(product(*(window for _, window in chosen))))
        for chosen in product(*along)
    ]


def is_element(place: tuple[int, ...], axes: Axes) -> bool:
    return all(0 <= p < axis.size for p, axis in zip(place, axes))


def counted(shape: tuple[int, ...], modulus: int = 7) -> Any:
    """Small integers that repeat, so that there are ties."""
    return (np.arange(int(np.prod(shape))) * 5 % modulus - modulus // 2).reshape(shape)
