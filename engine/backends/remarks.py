"""Which lines of a kernel's text an instruction has become.

A renderer that is asked for remarks ends every line in a comment: the instruction that it is of, in
the text form of `engine.linear`, behind the name of its function if it is in one. The lines are
otherwise those without remarks, so their numbers hold for both.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.backends.base import Language
from engine.linear import Instruction, line_of


def remarked(
    lines: Sequence[str], language: Language, item: Instruction, function: str = ""
) -> list[str]:
    """The lines of an instruction with a remark each; `function` is empty for a kernel's own."""
    remark = _remark(language, item, function)
    return [line + remark for line in lines]


def lines_of(text: str, language: Language, item: Instruction, function: str = "") -> list[int]:
    """The numbers, from 1, of an instruction's lines in a text with remarks."""
    remark = _remark(language, item, function)
    return [number for number, line in enumerate(text.splitlines(), 1) if line.endswith(remark)]


def _remark(language: Language, item: Instruction, function: str) -> str:
    return f" {language.comment} {function or 'kernel'}: {line_of(item)}"
