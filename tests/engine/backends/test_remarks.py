"""Texts with remarks: every line of an instruction is found, and nothing else changes."""

from __future__ import annotations

import re

import pytest

from engine.backends import render_c, render_llvm, render_wgsl, wgsl_module
from engine.backends.base import Language
from engine.backends.remarks import lines_of
from engine.linear import LinearKernel, parse
from engine.ops import Op
from tests.engine.backends.machine import GATED, NESTED

CALLING = parse("""\
kernel calling global 70
param float32 70 out
param float32 70 in
function twice r1
r0 float32 = FORMAL [0]
r1 float32 = ADD r0 r0
return
r0 float32 = PARAM [(0, 70)]
r1 float32 = PARAM [(1, 70)]
r3 int32 = CONST [70]
r4 int32 = LOOP r3 [((0,), 'global')]
r5 float32 = LOAD r1 r4
r6 float32 = CALL r5 ['twice']
float32 = WRITE r0 r4 r6
int32 = END r4
""")


def rendered(language: Language, kernel: LinearKernel, remarks: bool) -> str:
    if language is render_wgsl.LANGUAGE:
        return wgsl_module.render([kernel], remarks)
    if language is render_c.LANGUAGE:
        return render_c.function(kernel, "k", remarks)
    return render_llvm.render([kernel], "x86_64", remarks)


LANGUAGES = (render_c.LANGUAGE, render_llvm.LANGUAGE, render_wgsl.LANGUAGE)
by_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda row: row.name)


@by_language
def test_a_line_for_every_instruction(language: Language) -> None:
    """But for constants and operands, which may stand where they are used."""
    text = rendered(language, CALLING, remarks=True)
    (twice,) = CALLING.functions
    for function, items in (("", CALLING.instructions), ("twice", twice.instructions)):
        for item in items:
            numbers = lines_of(text, language, item, function)
            assert numbers or item.op in (Op.CONST, Op.PARAM, Op.FORMAL), item
            if item.op is Op.CALL:
                (number,) = numbers
                assert re.search(r"twice(\.0)?\(", text.splitlines()[number - 1])


@by_language
def test_remarks_change_no_line(language: Language) -> None:
    comment = re.compile(rf" {language.comment} (kernel|twice): .*")
    wide = [] if language is render_wgsl.LANGUAGE else [GATED.kernel, NESTED.kernel]
    for kernel in (CALLING, *wide):
        with_remarks = rendered(language, kernel, remarks=True).splitlines()
        assert [comment.sub("", line) for line in with_remarks] == (
            rendered(language, kernel, remarks=False).splitlines()
        )


def test_calls_that_go_through_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the lines that leave the operands and the line that takes the result are the call's."""
    monkeypatch.setattr(render_wgsl, "INLINED", -1)
    text = wgsl_module.render([CALLING], remarks=True)
    (call,) = (item for item in CALLING.instructions if item.op is Op.CALL)
    lines = text.splitlines()
    found = [lines[number - 1] for number in lines_of(text, render_wgsl.LANGUAGE, call)]
    assert [line.partition("//")[0].strip() for line in found] == [
        "twice_0 = r5;", "let r6: u32 = twice_result;",
    ]  # fmt: skip
