"""`lockstep export MODULE:FUNCTION FILE`: a function as a page that computes it in a browser."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from engine import dtypes
from engine.export import Exported, Port, document, export
from engine.export.capture import names_of
from reports.webpage import module, page

_INPUT = re.compile(r"(?:([A-Za-z_]\w*)=)?([a-z]\w*?)(?::(\d+(?:x\d+)*)?)?")
WRITERS = {".html": page, ".js": module, ".mjs": module}  # by the ending of the file


def write(name: str, file: Path, inputs: Sequence[str], floats: str) -> Exported:
    """Export the function `module:function` into a file, and say what it has become.

    ValueError for wrong names, inputs and endings, and for functions that cannot be exported.
    """
    if file.suffix not in WRITERS:
        raise ValueError(f"{file}: a page ends in .html, a JavaScript module in .js or .mjs")
    function = function_of(name)
    exported = export(function, ports(function, inputs), name, floats)
    file.write_text(WRITERS[file.suffix](document(exported)), "utf-8")
    return exported


def function_of(name: str) -> Callable[..., Any]:
    """What `module:function` names; modules of the working directory are found first.

    ValueError for what is not there, or cannot be called.
    """
    path, _, attribute = name.partition(":")
    if "" not in sys.path:  # as `python -m` would have it
        sys.path.insert(0, "")
    try:
        found = import_module(path)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (AttributeError, ModuleNotFoundError) as error:
        raise ValueError(f"{name}: {error}") from None
    if not callable(found):
        raise ValueError(f"{name} is a {type(found).__name__}, which cannot be called")
    return found


def ports(function: Callable[..., Any], texts: Sequence[str]) -> list[Port]:
    """Inputs as `[NAME=]DTYPE[:SHAPE]`, such as `float32:4x3`; without a shape it is a scalar.

    Names are those of the function's parameters where they are not given. ValueError for others.
    """
    found = []
    for text, name in zip(texts, names_of(function, len(texts)), strict=True):
        match = _INPUT.fullmatch(text)
        if match is None:
            raise ValueError(f"--input {text!r}: expected [NAME=]DTYPE[:SHAPE], as float32:4x3")
        given, dtype, shape = match.groups()
        if dtype not in {row.name for row in dtypes.TENSOR_DTYPES}:
            names = ", ".join(row.name for row in dtypes.TENSOR_DTYPES)
            raise ValueError(f"--input {text!r}: the dtypes are {names}")
        sizes = tuple(map(int, shape.split("x"))) if shape else ()
        found.append(Port(given or name, dtypes.as_dtype(dtype), sizes))
    if len({port.name for port in found}) < len(found):
        raise ValueError("two inputs have one name")
    return found


def described(exported: Exported) -> str:
    """One line: what goes in and comes out, and how it is computed."""
    ways = [
        f"{len(plan.kernels)} kernels{kind}"
        for plan, kind in (
            (exported.native, " with the adapter's float32"), (exported.integers, " of integers"),
        ) if plan is not None
    ]  # fmt: skip
    given, results = (", ".join(map(str, rows)) for rows in (exported.inputs, exported.outputs))
    return f"{given or 'nothing'} -> {results}: {' or '.join(ways)}"
