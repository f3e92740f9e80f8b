"""Faults that change nothing, each with the reason; who adds one has understood the code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Equivalent:
    """`fault` as it is printed: before -> after."""

    module: str
    where: str
    fault: str
    why: str


def known() -> list[Equivalent]:
    """The rows of the table. TypeError if one lacks a field or has one too many."""
    rows = tomllib.loads(TABLE.read_text("utf-8"))["fault"]
    return [Equivalent(**row) for row in rows]
