"""The case format: text and back, and what a stranger may send."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from conformance.harness.case import (
    Case,
    Input,
    Statement,
    parse_case,
    print_case,
)
from conformance.harness.generate.strategies import inputs, programs
from conformance.harness.script import print_script
from conformance.harness.subject import ReferenceSubject, run
from conformance.harness.values import Value, parse_value, print_value
from oracles.catalog import ALL

EXAMPLE = """lockstep case 1
# 0.1 + 0.2
devices LLVM CPU
%0 = buffer float32 (2,)
    3dcccccd 7fc00001
%1 = const float32 ()
    3e4ccccd
%2 = add %0 %1
%3 = sum %2 axis=(0,) keepdim=True
output %3
expect
    7fc00000
"""


def test_the_documented_example_parses_prints_and_runs() -> None:
    case = parse_case(EXAMPLE)
    assert print_case(case) == EXAMPLE
    assert case.devices == ("LLVM", "CPU")
    assert case.inputs[1].const
    assert run(case, ReferenceSubject()) == [case.expected[0]]


@settings(max_examples=40)
@given(programs())
def test_programs_round_trip(case: Case) -> None:
    again = parse_case(print_case(case))
    assert again == case
    assert print_case(again) == print_case(case)
    assert ReferenceSubject().run(again) == ReferenceSubject().run(case)


@given(st.sampled_from(ALL).flatmap(lambda name: inputs(name, 5)))
def test_every_bit_pattern_round_trips(item: Input) -> None:
    case = Case((item,), (), (0,), (item.data,))
    assert parse_case(print_case(case)) == case


SCALARS: st.SearchStrategy[Value] = (
    st.none() | st.booleans() | st.integers(-(1 << 64), 1 << 64) | st.floats()
    | st.text("abzAZ09_", max_size=8) | st.just(...)
    | st.builds(slice, *[st.none() | st.integers(-9, 9)] * 3)
)  # fmt: skip


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6))
def test_values_round_trip(value: Value) -> None:
    text = print_value(value)
    assert print_value(parse_value(text)) == text
    assert " " not in text


@pytest.mark.parametrize("value", [-0.0, 5e-324, float("inf"), 0.1])
def test_floats_keep_their_bits(value: float) -> None:
    found = parse_value(print_value(value))
    assert isinstance(found, float)
    assert struct.pack("<d", found) == struct.pack("<d", value)


def test_zeros_of_both_signs_are_different_statements() -> None:
    """They are equal in Python, and a harness that merged them would miss what it looks for."""
    positive, negative = (Statement("full", (), {"fill_value": v}) for v in (0.0, -0.0))
    assert positive != negative
    assert len({positive, negative}) == 2


HOSTILE = {
    "another version": (EXAMPLE.replace("case 1", "case 2"), 1),
    "no version": (EXAMPLE.partition("\n")[2], 1),
    "an unknown operator": (EXAMPLE.replace("= add", "= system"), 8),
    "an operator of Python": (EXAMPLE.replace("= add", "= __import__"), 8),
    "an unknown attribute": (EXAMPLE.replace("axis=", "device="), 9),
    "an attribute twice": (EXAMPLE.replace("keepdim=True", "axis=0"), 9),
    "an expression": (EXAMPLE.replace("axis=(0,)", "axis=(1+1,)"), 9),
    "a call": (EXAMPLE.replace("axis=(0,)", "axis=open('x')"), 9),
    "deep nesting": (EXAMPLE.replace("(0,)", "(" * 5000), 9),
    "a huge integer": (EXAMPLE.replace("(0,)", "9" * 5000), 9),
    "a later value": (EXAMPLE.replace("add %0 %1", "add %0 %3"), 8),
    "itself": (EXAMPLE.replace("add %0 %1", "add %0 %2"), 8),
    "too few operands": (EXAMPLE.replace("add %0 %1", "add %0"), 8),
    "numbers out of order": (EXAMPLE.replace("%3 = ", "%7 = "), 9),
    "a huge shape": (EXAMPLE.replace("(2,)", "(99999999999,)"), 5),
    "a negative extent": (EXAMPLE.replace("(2,)", "(-2,)"), 5),
    "a shape of bools": (EXAMPLE.replace("(2,)", "(True,)"), 4),
    "too few words": (EXAMPLE.replace("3dcccccd 7fc00001", "3dcccccd"), 5),
    "a short word": (EXAMPLE.replace("3dcccccd 7fc00001", "3dcccccd 7fc0"), 5),
    "a word that is no number": (EXAMPLE.replace("3e4ccccd", "3e4ccczz"), 7),
    "an unknown dtype": (EXAMPLE.replace("buffer float32", "buffer float31"), 4),
    "a device with a path": (EXAMPLE.replace("devices LLVM", "devices ../x"), 3),
    "an output that is not there": (EXAMPLE.replace("output %3", "output %9"), 10),
    "expected bits of the wrong width": (EXAMPLE.replace("    7fc00000", "    7fc0"), 12),
    "words without an input": (EXAMPLE.replace("# 0.1 + 0.2", "    00"), 2),
    "no output": (EXAMPLE.partition("output")[0], 9),
    "a large constant": (
        EXAMPLE.replace("float32 ()", "float32 (17,)").replace("3e4ccccd", "00000000 " * 17),
        7,
    ),
    "a bool that is 2": ("lockstep case 1\n%0 = buffer bool (1,)\n    02\noutput %0\n", 3),
    "dtypes that the row forbids": (EXAMPLE.replace("= add", "= lshift"), 8),
    "nothing": ("", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_text_is_refused_with_its_line(name: str) -> None:
    text, line = HOSTILE[name]
    with pytest.raises(ValueError, match=f"^line {line}: "):
        parse_case(text)


@given(st.text(max_size=200), st.integers(0, len(EXAMPLE)), st.integers(0, len(EXAMPLE)))
def test_damaged_text_never_raises_anything_else(noise: str, at: int, end: int) -> None:
    text = EXAMPLE[:at] + noise + EXAMPLE[end:]
    try:
        found = print_case(parse_case(text))
    except ValueError as error:
        found = str(error)
    assert found.startswith(("line ", "lockstep case 1\n"))


@pytest.mark.parametrize("statement", [
    "%1 = expand %0 shape=(99999999,99999999)",
    "%1 = full shape=(9999999999,) fill_value=0",
    "%1 = arange start=99999999999",
    "%1 = pad %0 padding=((9999999999,0),)",
    "%1 = arange start=5 step=0",
])  # fmt: skip
def test_results_that_would_be_too_large_are_not_computed(statement: str) -> None:
    text = f"lockstep case 1\n%0 = buffer int8 (1,)\n    01\n{statement}\noutput %1\n"
    with pytest.raises((ValueError, TypeError)):
        ReferenceSubject().run(parse_case(text))


def test_the_script_is_short_and_gives_the_same_bits(tmp_path: Path) -> None:
    case = parse_case(EXAMPLE)
    script = print_script(case, "PYTHON")
    assert len([line for line in script.splitlines() if line]) <= 10
    file = tmp_path / "script.py"
    file.write_text(script)
    done = subprocess.run(
        [sys.executable, str(file)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "", "what is expected is not printed, but asserted"
    assert ReferenceSubject().run(case)[0].hex() in script
