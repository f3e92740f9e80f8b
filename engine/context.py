"""Settings, from the environment or for a block of code.

    DEBUG=2 python program.py
    with Context(DEBUG=2): tensor.realize()
"""

from __future__ import annotations

import os
from contextvars import ContextVar, Token
from types import TracebackType

# name -> (default, what it does)
SETTINGS: dict[str, tuple[int, str]] = {
    "DEBUG": (0, "1 kernels with times, 2 schedule, 3 graphs, 4 every pass, 5 generated code"),
    "VERIFY": (1, "check the spec after every pass"),
    "THREADS": (0, "threads of one kernel on the host devices; 0: one a core"),
    "MEMORY_PLAN": (1, "let intermediate results share memory"),
    "OPTIMIZE": (1, "vectors, register tiles and threads; 0: plain loops"),
}


def _from_environment(name: str, default: int) -> int:
    """ValueError where the variable holds something else than an integer; empty is not set."""
    text = os.environ.get(name, "").strip()
    try:
        return int(text) if text else default
    except ValueError:
        raise ValueError(f"environment variable {name}: {text!r} is no integer") from None


def _variable(name: str, default: int) -> ContextVar[int]:
    value = _from_environment(name, default)
    return ContextVar(name, default=value)


_values = {name: _variable(name, default) for name, (default, _) in SETTINGS.items()}


def setting(name: str) -> int:
    """The value in force."""
    return _values[name].get()


class Context:
    """Overrides settings inside a `with` block. ValueError for a name that is no setting."""

    def __init__(self, **overrides: int) -> None:
        unknown = set(overrides) - set(SETTINGS)
        if unknown:
            raise ValueError(f"no such setting: {sorted(unknown)}; there are {sorted(SETTINGS)}")
        self.overrides = overrides
        self.tokens: list[tuple[str, Token[int]]] = []

    def __enter__(self) -> Context:
        for name, value in self.overrides.items():
            self.tokens.append((name, _values[name].set(int(value))))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self.tokens:
            name, token = self.tokens.pop()
            _values[name].reset(token)
