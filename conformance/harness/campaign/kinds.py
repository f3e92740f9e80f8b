"""The kinds of programs that a campaign may be of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.harness.campaign.journal import Journal
from conformance.harness.campaign.programs import Programs
from conformance.harness.campaign.sequences import Sequences
from conformance.harness.campaign.skill import Post, Skill
from conformance.harness.campaign.store import Program
from conformance.harness.case import VERSION, parse_case
from conformance.harness.script import print_script
from conformance.harness.sequences.text import HEADER, parse_sequence


@dataclass(frozen=True)
class Kind:
    """One kind of programs.

    `noun` is what one is called, `header` how its text begins, `suffix` how a file of it is named.
    `vectors` programs are a draw, which is `steered` by what others have reached. `read` raises
    ValueError for other texts, `script` gives "" where the text is one already.
    """

    noun: str
    header: str
    suffix: str
    vectors: int
    steered: bool
    read: Callable[[str], Program]
    script: Callable[[str], str]
    skill: Callable[[Post, Journal], Skill[Any]]


def _script_of_case(text: str) -> str:
    return print_script(parse_case(text))


def _no_script(text: str) -> str:
    return ""


KINDS: Mapping[str, Kind] = {
    # most of the time of a structure goes into compiling, so it gets many value vectors
    "programs": Kind(
        "program", f"lockstep case {VERSION}", ".case", 16, True, parse_case, _script_of_case,
        Programs,
    ),
    "sequences": Kind(
        "sequence", HEADER, ".seq", 1, False, parse_sequence, _no_script, Sequences
    ),
}  # fmt: skip


def read_program(text: str) -> Program:
    """A program of any kind; ValueError for any other text."""
    for kind in KINDS.values():
        if text.startswith(kind.header):
            return kind.read(text)
    raise ValueError("not a program of any kind")
