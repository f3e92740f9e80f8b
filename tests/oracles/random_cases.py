"""Random numbers by the known answers of their generator.

Source: the file of known answers of Random123 1.14 (Salmon et al., SC 2011), threefry2x32 with 20
rounds: counter and key 0; all bits set; digits of pi.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.formats import Array
from tests.oracles.arrays import INF, NAN


def _u64(*words: int) -> Array:
    return np.array(words, np.uint64)


FIRST, SECOND = 0x6B200159, 0x99BA4EFE
"""The two words of block 0 under key 0."""

_UNIT = np.array([FIRST >> 8, SECOND >> 8], np.float32) * np.float32(2.0**-24)
_CENTRED = _UNIT * np.float32(2) + np.float32(-1)
_ROOT = np.float32(2**-0.5)
_U, _V = _UNIT.astype(np.float64)
_NORMAL = np.array([np.sqrt(-2 * np.log(1 - _U)) * np.cos(2 * np.pi * _V)])

CASES: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("threefry", [_u64(0, 2**64 - 1, 0x85A308D3243F6A88),
                  _u64(0, 2**64 - 1, 0x0370734413198A2E)], {},
     _u64(0x99BA4EFE6B200159, 0xBB002BE71CB996FC, 0x483DF7A0C4923A9C)),
    ("random_bits", [_u64(0), _u64(0)], {"num": 2}, np.array([FIRST, SECOND], np.uint32)),
    ("rand", [], {"shape": (2, 1), "seed": 0}, _UNIT[:, None]),
    ("uniform", [], {"shape": (2,), "seed": 0, "low": 1, "high": 3},
     _UNIT * np.float32(2) + np.float32(1)),
    ("randint", [], {"shape": (1,), "seed": 0, "low": -5, "high": 5},
     np.array([(SECOND << 32 | FIRST) % 10 - 5], np.int32)),
    ("scaled_uniform", [], {"shape": (2,), "seed": 0},
     _UNIT * np.float32(2 * 2**-0.5) + -_ROOT),
    ("glorot_uniform", [], {"shape": (2,), "seed": 0},
     _UNIT * np.float32(2 * 2**0.5) + -np.float32(2**0.5)),
    ("randn", [], {"shape": (1,), "seed": 0}, _NORMAL.astype(np.float32)),
    ("normal", [], {"shape": (1,), "seed": 0, "mean": 3.0, "std": -2.0},
     (-2 * _NORMAL + 3).astype(np.float32)),
    ("kaiming_normal", [], {"shape": (1,), "seed": 0, "a": 1.0}, _NORMAL.astype(np.float32)),
    ("kaiming_uniform", [], {"shape": (2,), "seed": 0, "a": 5**0.5}, _CENTRED),
    ("randperm", [], {"n": 1, "seed": 0, "dtype": "float16"}, np.zeros(1, np.float16)),
    ("multinomial", [np.array([0, 3, NAN, INF, -1], np.float32)], {"seed": 0},
     np.array([1], np.int32)),
    ("multinomial", [np.array([[0, 3, 0], [0, 0, 0]], np.uint8)], {"seed": 0, "num_samples": 2},
     np.array([[1, 3], [3, 3]], np.int32)),
    ("multinomial", [np.array([1.0, 1.0])], {"seed": 0, "num_samples": 1},
     np.array([SECOND >> 31], np.int32)),
]  # fmt: skip
