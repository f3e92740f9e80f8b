"""Shapes and attributes on which movement of one tensor is tried: empty ones and scalars too."""

from __future__ import annotations

from conformance.harness.values import Value

Move = tuple[tuple[int, ...], dict[str, Value]]


def _each(count: int, shape: tuple[int, ...], **attributes: Value) -> tuple[Move, ...]:
    """One move for each of `count` results."""
    return tuple((shape, {**attributes, "output": k}) for k in range(count))


MOVES: dict[str, tuple[Move, ...]] = {
    "reshape": (
        ((6, 35), {"shape": (210,)}), ((210,), {"shape": (7, -1, 3)}), ((1,), {"shape": ()}),
        ((), {"shape": (1, 1)}), ((0, 3), {"shape": (3, 0, 2)}), ((4, 9), {"shape": (6, 6)}),
    ),
    "permute": (
        ((5, 7), {"order": (1, 0)}), ((3, 5, 7), {"order": (2, 0, 1)}), ((4,), {"order": (0,)}),
        ((2, 0, 3), {"order": (1, 2, 0)}), ((), {"order": ()}),
        ((2, 3, 4, 5), {"order": (3, 1, 2, 0)}),
    ),
    "expand": (
        ((1, 37), {"shape": (5, 37)}), ((3, 1), {"shape": (3, 17)}), ((), {"shape": (2, 3)}),
        ((7,), {"shape": (2, 3, 7)}), ((1, 3), {"shape": (0, 3)}), ((5, 1), {"shape": (-1, 4)}),
    ),
    "shrink": (
        ((37,), {"arg": ((3, 36),)}), ((5, 7), {"arg": ((0, 5), (2, 5))}),
        ((5, 7), {"arg": ((4, 4), (0, 7))}), ((3, 4, 5), {"arg": ((1, 2), (0, 3), (2, 5))}),
        ((), {"arg": ()}),
    ),
    "flip": (
        ((37,), {"axis": (0,)}), ((5, 7), {"axis": (0, 1)}), ((5, 7), {"axis": (-1,)}),
        ((3, 0), {"axis": (0,)}), ((2, 3, 4), {"axis": (0, 2)}), ((2, 3), {"axis": 1}),
    ),
    "pad": (
        ((37,), {"padding": ((1, 2),)}), ((), {"padding": ()}),
        ((5, 7), {"padding": ((-1, 2), (3, -4))}),
        ((37,), {"padding": ((3, 4),), "mode": "reflect"}),
        ((3, 5), {"padding": ((7, 2), (0, 11)), "mode": "reflect"}),
        ((1, 4), {"padding": ((2, 2), (-1, 3)), "mode": "reflect"}),
        ((5, 7), {"padding": ((2, 1), (9, -2)), "mode": "replicate"}),
        ((3, 5), {"padding": ((4, 7), (0, 3)), "mode": "circular"}),
        ((0, 3), {"padding": ((0, 0), (2, 1)), "mode": "circular"}),
        ((3, 5), {"padding": ((0, 0), (4, 1))}), ((0,), {"padding": ((2, 3),)}),
        ((2, 3, 1), {"padding": ((1, 0), (0, 2), (3, 3))}),
    ),
    "pad_to": (
        ((5, 7), {"shape": (5, 11)}), ((3,), {"shape": (37,), "value": 1}),
        ((2, 0), {"shape": (None, 3)}), ((), {"shape": ()}),
    ),
    "shrink_to": (
        ((5, 7), {"shape": (3, 7)}), ((37,), {"shape": (29,)}), ((2, 3), {"shape": (None, 0)}),
        ((), {"shape": ()}),
    ),
    "repeat": (
        ((37,), {"repeats": (3,)}), ((3, 5), {"repeats": (2, 1, 3)}), ((), {"repeats": (4,)}),
        ((2, 3), {"repeats": (0, 2)}), ((0, 3), {"repeats": (2, 2)}), ((), {"repeats": ()}),
    ),
    "repeat_interleave": (
        ((37,), {"repeats": 2}), ((3, 5), {"repeats": 3, "dim": 1}), ((), {"repeats": 3}),
        ((2, 3, 2), {"repeats": 2, "dim": -3}), ((2, 3), {"repeats": 0, "dim": 0}),
        ((0, 2), {"repeats": 2, "dim": 1}), ((5, 2), {"repeats": 3}),
    ),
    "roll": (
        ((37,), {"shifts": 5}), ((5, 7), {"shifts": 3}), ((), {"shifts": 1}),
        ((5, 7), {"shifts": (2, -9), "dims": (0, 1)}),
        ((3, 4, 5), {"shifts": (1, 1), "dims": (-1, -1)}),
        ((0, 3), {"shifts": (4,), "dims": (0,)}), ((4, 3), {"shifts": -1, "dims": 1}),
    ),
    "unfold": (
        ((37,), {"dim": 0, "size": 5, "step": 3}), ((5, 7), {"dim": 1, "size": 3, "step": 1}),
        ((5, 7), {"dim": -2, "size": 2, "step": 2}), ((4,), {"dim": 0, "size": 0, "step": 1}),
        ((3, 0), {"dim": 0, "size": 3, "step": 2}), ((2, 6, 3), {"dim": 1, "size": 2, "step": 3}),
    ),
    "diagonal": (
        ((5, 7), {}), ((5, 7), {"offset": 3}), ((5, 7), {"offset": -2}), ((5, 7), {"offset": 9}),
        ((3, 4, 5), {"offset": 1, "dim1": 0, "dim2": -1}), ((0, 3), {}),
        ((3, 4, 5), {"offset": -1, "dim1": 2, "dim2": 1}),
    ),
    "diag": (((11,), {}), ((5, 7), {}), ((1,), {}), ((0,), {}), ((3, 0), {})),
    "tril": (
        ((5, 7), {}), ((5, 7), {"diagonal": 2}), ((7, 5), {"diagonal": -3}),
        ((2, 3, 4), {"diagonal": 1}), ((3, 3), {"diagonal": -70}), ((2, 0), {}),
    ),
    "triu": (
        ((5, 7), {}), ((5, 7), {"diagonal": 2}), ((7, 5), {"diagonal": -3}),
        ((2, 3, 4), {"diagonal": 1}), ((3, 3), {"diagonal": -70}), ((2, 0), {}),
    ),
    "rearrange": (
        ((5, 7), {"formula": "a b -> b a"}), ((6, 35), {"formula": "a b -> (a b)"}),
        ((6, 10), {"formula": "(a b) (c d) -> a c (b d)", "sizes": (("a", 2), ("d", 5))}),
        ((2, 3, 4, 5), {"formula": "b ... c -> c b ..."}),
        ((3, 4), {"formula": "a (b 1) -> 1 b () a"}), ((), {"formula": " -> 1"}),
        ((2, 0, 3), {"formula": "a b c -> (a b) c"}),
        ((2, 6, 4), {"formula": "... (h p) -> h p ...", "sizes": (("p", 2),)}),
    ),
    "split": (
        *_each(3, (37,), sizes=15), *_each(2, (5, 7), sizes=(3, 4), dim=1),
        *_each(3, (6, 2), sizes=(0, 5, 1), dim=-2), *_each(1, (0, 3), sizes=2),
        *_each(8, (8,), sizes=1),
    ),
    "chunk": (
        *_each(3, (37,), chunks=3), *_each(2, (5, 7), chunks=2, dim=1),
        *_each(3, (5,), chunks=4), *_each(2, (3, 0), chunks=2, dim=1),
    ),
}  # fmt: skip
