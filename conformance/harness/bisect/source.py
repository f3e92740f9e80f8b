"""The lines of a device's text that an instruction has become, shown among those around them."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.harness.bisect.observed import Culprit
from engine.backends.base import Backend
from engine.backends.remarks import lines_of

AROUND = 2  # lines before and after


def source(chosen: Backend, culprit: Culprit) -> tuple[str, str]:
    """The lines by number, as a sentence says it, and the text around them.

    Both are empty where the instruction has no line of its own: a constant that stands where it is
    used, and what an interpreter runs.
    """
    text = chosen.render([culprit.kernel], remarks=True)
    numbers = lines_of(text, chosen.language, culprit.item, culprit.function)
    if not numbers:
        return "", ""
    lines = "line" if len(numbers) == 1 else "lines"
    said = f"{chosen.language.name} {lines} {', '.join(map(str, numbers))}"
    return said, excerpt(chosen.render([culprit.kernel]), numbers)


def excerpt(text: str, numbers: Sequence[int]) -> str:
    """The lines of these numbers, marked, with those around them."""
    lines = text.splitlines()
    near = {k for n in numbers for k in range(n - AROUND, n + AROUND + 1)}
    return "\n".join(
        f"{'>' if number in numbers else ' '} {number:4} | {line}"
        for number, line in enumerate(lines, 1) if number in near
    )
