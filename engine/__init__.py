"""Lockstep: a lazy tensor engine that gives the same bits on every device.

The public names load what they need when they are first used, so that a stage of the engine can be
imported without the API above it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from engine import dtypes

if TYPE_CHECKING:
    from engine.backends.registry import Device
    from engine.context import Context
    from engine.counters import GlobalCounters
    from engine.tensor import Tensor, Variable

__all__ = ["Context", "Device", "GlobalCounters", "Tensor", "Variable", "dtypes"]

_HOMES = {
    "Context": "engine.context",
    "Device": "engine.backends.registry",
    "GlobalCounters": "engine.counters",
    "Tensor": "engine.tensor",
    "Variable": "engine.tensor",
}

if not TYPE_CHECKING:  # or any name imported from here would pass the type checker

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'engine' has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
