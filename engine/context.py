"""Settings, from the environment or for a block of code.

    DEBUG=2 python program.py
    with Context(DEBUG=2): tensor.realize()
    with Context(EMULATE="int64,no_div"): tensor.realize()
"""

from __future__ import annotations

import os
from contextvars import ContextVar, Token
from types import TracebackType

# name -> (default, what it does); the default is an integer or a text, and so are its values
SETTINGS: dict[str, tuple[int | str, str]] = {
    "DEBUG": (0, "1 kernels with times, 2 schedule, 3 graphs, 4 every pass, 5 generated code"),
    "VERIFY": (1, "check the spec after every pass"),
    "THREADS": (0, "threads of one kernel on the host devices; 0: one a core"),
    "MEMORY_PLAN": (1, "let intermediate results share memory"),
    "OPTIMIZE": (1, "vectors, register tiles and threads; 0: plain loops"),
    "LARGE_FROM": (0, "operations from which kernels count as large; 0: where it pays off"),
    "EMULATE": ("", "dtypes and operations to take away from devices, separated by commas"),
}


def _from_environment(name: str, default: int | str) -> int | str:
    """ValueError where the variable should hold an integer and does not; empty is not set."""
    text = os.environ.get(name, "").strip()
    if isinstance(default, str):
        return text or default
    try:
        return int(text) if text else default
    except ValueError:
        raise ValueError(f"environment variable {name}: {text!r} is no integer") from None


def _variable(name: str, default: int | str) -> ContextVar[int | str]:
    value = _from_environment(name, default)
    return ContextVar(name, default=value)


_values = {name: _variable(name, default) for name, (default, _) in SETTINGS.items()}


def setting(name: str) -> int:
    """The value in force, of a setting that is an integer."""
    value = _values[name].get()
    assert isinstance(value, int), name
    return value


def text_setting(name: str) -> str:
    """The value in force, of a setting that is a text."""
    value = _values[name].get()
    assert isinstance(value, str), name
    return value


def large_from(pays_off: int) -> int:
    """The work from which something that pays off for large kernels is done."""
    return setting("LARGE_FROM") or pays_off


def _checked(name: str, value: int | str) -> int | str:
    """TypeError where a text is given for an integer, or an integer for a text."""
    kind = type(SETTINGS[name][0])
    if isinstance(value, str) is not (kind is str):
        raise TypeError(f"setting {name} is of type {kind.__name__}, not {value!r}")
    return value if isinstance(value, str) else int(value)


class Context:
    """Overrides settings inside a `with` block.

    ValueError for a name that is no setting, TypeError for a value of the wrong type.
    """

    def __init__(self, **overrides: int | str) -> None:
        unknown = set(overrides) - set(SETTINGS)
        if unknown:
            raise ValueError(f"no such setting: {sorted(unknown)}; there are {sorted(SETTINGS)}")
        self.overrides = {name: _checked(name, value) for name, value in overrides.items()}
        self.tokens: list[tuple[str, Token[int | str]]] = []

    def __enter__(self) -> Context:
        for name, value in self.overrides.items():
            self.tokens.append((name, _values[name].set(value)))
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
