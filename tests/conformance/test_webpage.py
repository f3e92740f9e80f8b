"""Exported functions, computed by headless Chromium with WebGPU: the bits are those of Python."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.harness.webpage import ports
from engine import Tensor, Variable, dtypes
from engine.backends import webgpu_probe
from engine.export import Exported, Port, capture, document, export, plan
from reports.webpage import module, page
from tests.conformance.browser import REMEDY, Browser, BrowserError, executable
from tests.conformance.command import lockstep

Document = dict[str, Any]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = executable()
    if path is None:
        pytest.skip(f"not run: there is no browser; {REMEDY}")
    with Browser(path, tmp_path_factory.mktemp("browser")) as found:
        yield found


def opened(browser: Browser, folder: Path, given: Document) -> None:
    file = folder / "page.html"
    file.write_text(page(given), "utf-8")
    browser.open(file)


def run(browser: Browser, inputs: Sequence[bytes]) -> list[bytes]:
    """What the open page makes of the bytes of inputs."""
    texts = [base64.b64encode(data).decode() for data in inputs]
    script = f"""
      (async () => {{
        const {{fromBase64}} = lockstep.codec;
        const found = await lockstep.run({json.dumps(texts)}.map(text => fromBase64(text).buffer));
        return lockstep.outputs.map(port => Array.from(found[port.name].bytes));
      }})()"""
    return [bytes(row) for row in browser.evaluate(script)]


def edges(dtype: str) -> tuple[bytes, bytes]:
    """All pairs of edges of a dtype, as two operands."""
    if dtype == "float32":
        x, y = webgpu_probe.operands()
        return x[:1600].tobytes(), y[:1600].tobytes()
    if dtype == "float64":
        values = [0, 5e-324, 2.2250738585072014e-308, 0.1, 1, 3, 2**53 + 2, 1.7e308, np.inf, np.nan]
        row = np.array([*values, *(-value for value in values)], "float64")
    else:
        limits = np.iinfo(dtype)
        row = np.array([limits.min, limits.min + 1, -7, -1, 0, 1, 2, 10, 2**31, limits.max], dtype)
    return np.repeat(row, len(row)).tobytes(), np.tile(row, len(row)).tobytes()


def _elementwise(x: Tensor, y: Tensor) -> dict[str, Tensor]:
    return {
        "sum": x * y + x, "difference": x - y, "quotient": x / y, "root": x.sqrt(),
        "larger": x.maximum(y), "less": x < y, "whole": x.cast("int32"), "e": (x * 0.01).exp(),
    }  # fmt: skip


def _doubles(x: Tensor, y: Tensor) -> list[Tensor]:
    return [x * y + x, x / y, x.sqrt(), x < y, x.cast("float32")]


def _integers(x: Tensor, y: Tensor) -> list[Tensor]:
    return [x * y - x, x // y, x % y, x >> 3, x.cast("float32"), x.minimum(y)]


def _setitem(x: Tensor) -> tuple[Tensor, Tensor]:
    before = x + 0
    x[2:9] += 5
    x[::3] = x[1:8:2].sum()
    return x, before


def _narrow(x: Tensor) -> dict[str, Tensor]:
    return {name.name: x.cast(name) for name in dtypes.NARROW_FLOATS}


def _attention(q: Tensor, k: Tensor) -> Tensor:
    return (q @ k.T).softmax() @ k


def _with_state(x: Tensor) -> Tensor:
    return x @ Tensor([[1.5, -2.0], [0.25, 3.0], [1e-3, 7.0]]) + Tensor([1.0, 2.0])


def _symbolic(x: Tensor) -> Tensor:
    n = Variable("n", 1, 8).bind(5)
    return x[:n].sum() * 3


def _shapes(x: Tensor) -> list[Tensor]:
    return [x, x.T, x[1:, :0], x.sum(), Tensor.full((2, 2), 2.5), x]


FUNCTIONS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "float32": (_elementwise, ["float32:1600", "float32:1600"]),
    "float64": (_doubles, ["float64:400", "float64:400"]),
    "int64": (_integers, ["int64:100", "int64:100"]),
    "matmul": (lambda x, y: x @ y, ["float32:37x50", "float32:50x19"]),
    "softmax": (lambda x: x.softmax(), ["float32:5x33"]),
    "attention": (_attention, ["float32:6x8", "float32:6x8"]),
    "sort": (lambda x: list(x.sort()), ["float32:3x70"]),
    "narrow": (_narrow, ["float32:300"]),
    "from float8": (lambda x: x.cast("float32") * 2, ["float8_e4m3fn:67"]),
    "setitem": (_setitem, ["int16:11"]),
    "constants": (_with_state, ["float32:4x3"]),
    "variable": (_symbolic, ["float32:8"]),
    "bools": (lambda x: (~x, x.any(), x.sum()), ["bool:13"]),
    "shapes": (_shapes, ["uint8:3x5"]),
    "tables": (lambda x: [x.sin(), x.tan()], ["float64:50"]),
    "large": (lambda x: x * x + 1, ["uint32:100000"]),
    "no input": (lambda: Tensor.arange(7) * 3, []),
}


def inputs_of(name: str, exported: Exported) -> list[bytes]:
    """The edges where there are two operands of one dtype by that name, and else the samples."""
    return list(edges(name)) if name in ("float32", "float64", "int64") else list(exported.samples)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_browser_has_the_bits_of_python(name: str, browser: Browser, tmp_path: Path) -> None:
    function, texts = FUNCTIONS[name]
    given = ports(function, texts)
    exported = export(function, given, name)
    opened(browser, tmp_path, document(exported))
    data = inputs_of(name, exported)
    due = capture(function, given).results(data)
    for _ in range(2):  # the second time on the same memory
        found = run(browser, data)
        for port, here, there in zip(exported.outputs, found, due, strict=True):
            assert here == there, port


def test_large_buffers_are_bound_in_windows(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "BINDING", 1024)
    given = ports(_setitem, ["int32:600"])
    exported = export(lambda x: x[::-1] * 3, given)
    assert exported.integers is not None
    assert any(len(kernel.windows) > 4 for kernel in exported.integers.kernels)
    opened(browser, tmp_path, document(exported))
    due = capture(lambda x: x[::-1] * 3, given).results(exported.samples)
    assert run(browser, exported.samples) == due


def test_native_floats_of_ordinary_numbers(browser: Browser, tmp_path: Path) -> None:
    """What is open is what adapters do with subnormals and NaN: without probes, others are right.
    """
    function, texts = FUNCTIONS["attention"]
    exported = export(function, ports(function, texts))
    opened(browser, tmp_path, document(exported) | {"probes": None})
    assert browser.evaluate("lockstep.start().then(found => found.floats)") == "native"
    assert run(browser, exported.samples) == capture(function, exported.inputs).results(
        exported.samples
    )


# -- what the adapter is worth ---------------------------------------------------------------------
def with_wrong_probe(exported: Exported) -> Document:
    given = document(exported)
    given["probes"]["rows"] = [row for row in given["probes"]["rows"] if row["name"] == "x * y"]
    given["probes"]["rows"][0]["digest"] = "0" * 64
    return given


def test_a_probe_that_fails_decides_for_integers(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, with_wrong_probe(export(lambda x: x * 2, [X])))
    found = browser.evaluate("lockstep.start().then(found => [found.floats, found.failed])")
    assert found == ["integers", ["x * y"]]


def test_a_page_without_integers_refuses_such_an_adapter(
    browser: Browser, tmp_path: Path
) -> None:
    opened(browser, tmp_path, with_wrong_probe(export(lambda x: x * 2, [X], floats="native")))
    with pytest.raises(BrowserError, match=r"not that of IEEE 754 \(x \* y\); export .* --floats"):
        run(browser, [bytes(16)])


def test_probes_agree_with_what_is_due(browser: Browser, tmp_path: Path) -> None:
    """An adapter fails where it flushes subnormals; products by 0 and x - x hold on all."""
    opened(browser, tmp_path, document(export(lambda x: x * 2, [X])))
    failed = browser.evaluate("lockstep.start().then(found => found.failed)")
    assert {"x * 0", "x - x", "float32 of int32"}.isdisjoint(failed)


def test_loops_that_are_cut_short_are_refused(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("engine.export.document"), "PROBED_ROUNDS", 100)
    given = document(export(lambda x: x.max(), [Port("x", dtypes.int32, (20_000,))]))
    assert given["loop"] is not None
    given["loop"]["rounds"] += 1
    given["integers"]["rounds"] = given["loop"]["rounds"] + 1
    opened(browser, tmp_path, given)
    with pytest.raises(BrowserError, match=r"ends loops after 200000 rounds"):
        run(browser, [bytes(80_000)])


def test_more_than_an_adapter_has_is_refused_by_name(browser: Browser, tmp_path: Path) -> None:
    given = document(export(lambda x: x * 2, [Port("x", dtypes.int32, (4,))]))
    given["integers"]["limits"]["maxBufferSize"] = 1 << 60
    opened(browser, tmp_path, given)
    with pytest.raises(BrowserError, match=r"maxBufferSize of .* and the function needs"):
        run(browser, [bytes(16)])


def test_without_webgpu_the_page_says_so(browser: Browser, tmp_path: Path) -> None:
    hide = "delete Navigator.prototype.gpu"
    added = browser.call("Page.addScriptToEvaluateOnNewDocument", source=hide)
    try:
        opened(browser, tmp_path, document(export(lambda x: x * 2, [X])))
        browser.evaluate("new Promise(done => setTimeout(done, 50))")
        text = browser.evaluate("document.getElementById('problem').textContent")
        assert "offers no WebGPU" in text and "Chrome, Edge, Safari and Firefox" in text
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])


# -- numbers in JavaScript -------------------------------------------------------------------------
X = Port("x", dtypes.float32, (4,))


@pytest.mark.parametrize("dtype", dtypes.NARROW_FLOATS, ids=str)
def test_narrow_floats_are_read_and_rounded(
    dtype: dtypes.DType, browser: Browser, tmp_path: Path
) -> None:
    opened(browser, tmp_path, document(export(lambda x: x, [Port("x", dtype, (4,))])))
    setup = f"(() => {{ const {{decoded, encoded}} = lockstep.codec, row = JSON.parse(\
document.getElementById('data').textContent).dtypes.{dtype.name};"
    count = 1 << dtype.bits
    bits = f"Array.from({{length: {count}}}, (_, bits) => bits)"
    values = browser.evaluate(f"{setup} return {bits}.map(b => String(decoded(b, row))) }})()")
    due = [dtype.decode(row) for row in range(count)]
    found = [float(text.replace("Infinity", "inf")) for text in values]
    assert np.array_equal(found, np.array(due, float), equal_nan=True)
    draw = random.Random(4)
    drawn = [draw.uniform(-1.01, 1.01) * 2.0 ** draw.randint(-160, 140) for _ in range(2000)]
    numbers = [row for row in due if abs(row) < np.inf]
    ties = [(a + b) / 2 for a, b in pairwise(numbers)][:4000]
    for given in (drawn, ties, numbers[:4000], [0.0, 1e300, -1e300, 5e-324, -5e-324]):
        texts = json.dumps(given)
        found = browser.evaluate(f"{setup} return {texts}.map(x => encoded(x, row)) }})()")
        assert found == [dtype.encode(value) for value in given]
    special = f"{setup} return [NaN, Infinity, -Infinity, -0].map(x => encoded(x, row)) }})()"
    assert browser.evaluate(special) == [
        dtype.encode(value) for value in (np.nan, np.inf, -np.inf, -0.0)
    ]


def test_inputs_come_as_numbers_by_name_or_in_order(browser: Browser, tmp_path: Path) -> None:
    given = [Port("a", dtypes.int64, (2,)), Port("b", dtypes.float16, (2, 2))]
    opened(browser, tmp_path, document(export(lambda a, b: (a * 2, b + b), given)))
    script = """lockstep.run({}).then(found => [
        Array.from(found.output0.values, String), Array.from(found.output1.values)])"""
    wanted = [["4", "-18446744073709551614"], [0.5, 2.0, -4.0, 65504.0]]
    wanted[0][1] = str(np.int64(-(2**62)) * 2)
    values = "[2, -(2n ** 62n)]", "[[0.25, 1], [-2, 32752]]"
    for inputs in (f"[{', '.join(values)}]", f"{{b: {values[1]}, a: {values[0]}}}"):
        assert browser.evaluate(script.replace("{}", inputs)) == wanted
    for inputs, message in (
        ("[[1], [1, 2, 3, 4]]", r"input a \(int64 \[2\]\) has 2 elements, not 1"),
        ("[[1, 2]]", r"input b \(float16 \[2, 2\]\) is missing"),
        ("[[1, 2n ** 63n], [1, 2, 3, 4]]", "does not fit int64"),
        ("[[1, 0.5], [1, 2, 3, 4]]", "0.5 is no integer, as int64 needs"),
        ("[new ArrayBuffer(9), [1, 2, 3, 4]]", "has 16 bytes, not 9"),
    ):
        with pytest.raises(BrowserError, match=message):
            browser.evaluate(f"lockstep.run({inputs})")


# -- the page --------------------------------------------------------------------------------------
def shown(browser: Browser, element: str) -> str:
    text: str = browser.evaluate(f"document.querySelector({json.dumps(element)}).textContent")
    return text


def press_run(browser: Browser) -> None:
    browser.evaluate("document.getElementById('run').click()")
    browser.evaluate("""new Promise(done => {
        const wait = () => document.getElementById('run').disabled ? setTimeout(wait, 5) : done();
        wait(); })""")


def test_people_type_run_and_read(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, document(export(lambda x: x + x, [X])))
    press_run(browser)
    assert shown(browser, "#verdict") == "The same bits as in Python, for the sample."
    typed = "nan -0\n0x00000001, 1e-3"
    browser.evaluate(f"""{{ const area = document.querySelector("textarea");
        area.value = {json.dumps(typed)}; area.dispatchEvent(new Event("input")); }}""")
    press_run(browser)
    assert shown(browser, "[data-output] pre").split() == ["nan", "-0", "3e-45", "0.002"]
    assert shown(browser, "#verdict") == "", "other inputs than Python has seen"
    browser.evaluate("document.getElementById('bits').click()")
    assert shown(browser, "[data-output] pre").split() == [
        "0x7fc00000", "0x80000000", "0x00000002", "0x3b03126f"
    ]  # fmt: skip
    browser.evaluate("""{ const area = document.querySelector("textarea");
        area.value = "1 2 3 x"; area.dispatchEvent(new Event("input")); }""")
    press_run(browser)
    assert shown(browser, "#problem") == "x: x is no number"


def test_other_bits_than_in_python_are_said(browser: Browser, tmp_path: Path) -> None:
    exported = export(lambda x: x + x, [X])
    opened(browser, tmp_path, document(replace(exported, digests=("0" * 64,))))
    press_run(browser)
    assert shown(browser, "#verdict") == "Other bits than in Python: output."


def test_files_of_numpy_go_in_and_out(browser: Browser, tmp_path: Path) -> None:
    port = Port("x", dtypes.float32, (2, 3))
    opened(browser, tmp_path, document(export(lambda x: x * 2, [port])))
    values = np.arange(6, dtype="float32").reshape(2, 3)
    np.save(tmp_path / "x.npy", values)
    node = browser.call("DOM.getDocument")["root"]["nodeId"]
    field = browser.call("DOM.querySelector", nodeId=node, selector="input[type=file]")["nodeId"]
    browser.call("DOM.setFileInputFiles", files=[str(tmp_path / "x.npy")], nodeId=field)
    browser.evaluate("new Promise(done => setTimeout(done, 200))")
    press_run(browser)
    assert shown(browser, "[data-output] pre").split() == ["0", "2", "4", "6", "8", "10"]
    browser.evaluate("""{ const make = URL.createObjectURL;
        URL.createObjectURL = blob => { window.saved = blob; return make(blob); }; }""")
    browser.evaluate("document.querySelector('.save').click()")
    saved = browser.evaluate("saved.arrayBuffer().then(b => Array.from(new Uint8Array(b)))")
    (tmp_path / "y.npy").write_bytes(bytes(saved))
    assert np.array_equal(np.load(tmp_path / "y.npy"), values * 2)


EVIL = "</script><script>window.evil = 1</script><img src=x onerror='evil = 1'>&amp;{{ 7*7 }}"


def test_hostile_names_stay_text(browser: Browser, tmp_path: Path) -> None:
    exported = export(lambda x: {EVIL: x}, [replace(X, name=EVIL)], EVIL)
    opened(browser, tmp_path, document(exported))
    press_run(browser)
    assert browser.evaluate("window.evil") is None
    assert shown(browser, "h1") == shown(browser, "[data-input] code") == EVIL
    assert shown(browser, "#verdict").startswith("The same bits")


def test_the_page_needs_nothing_else() -> None:
    text = page(document(export(lambda x: x * 2, [X])))
    assert "default-src 'none'" in text
    for outside in ("http://", "https://", " src=", "url(", "@import", "import("):
        assert outside not in text


def test_a_module_for_other_scripts(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "bare.html").write_text("<!DOCTYPE html><title>bare</title>")
    browser.open(tmp_path / "bare.html")
    text = module(document(export(lambda x: x + 1, [Port("x", dtypes.int32, (3,))])))
    script = f"""(async () => {{
        const code = new Blob([{json.dumps(text)}], {{type: "text/javascript"}});
        const {{run, inputs}} = await import(URL.createObjectURL(code));
        const {{output}} = await run([[1, 2, -2147483648]]);
        return [inputs, Array.from(output.values)];
    }})()"""
    assert browser.evaluate(script) == [
        [{"name": "x", "dtype": "int32", "shape": [3]}], [2, 3, -2147483647]
    ]  # fmt: skip


# -- the command -----------------------------------------------------------------------------------
MODEL = "from engine import Tensor\nbias = 3\ndef net(x, y):\n    return x @ y\n"


def test_the_command_writes_pages_and_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exported_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    inputs = ("--input", "float32:2x3", "--input", "w=float32:3x2")
    for name in ("page.html", "page.mjs"):
        file = tmp_path / name
        code, output = lockstep("export", "exported_model:net", str(file), *inputs)
        assert code == 0 and "x float32 (2, 3), w float32 (3, 2) -> output" in output
        assert "lockstepProgram" in file.read_text("utf-8")
    for given, message in (
        (("exported_model:nothing", "a.html"), "has no attribute 'nothing'"),
        (("exported_model:bias", "a.html"), "is a int, which cannot be called"),
        (("no_such_module:f", "a.html"), "No module named"),
        (("exported_model:net", "a.txt"), "a page ends in .html"),
        (("exported_model:net", "a.html", "--input", "float31:2"), "the dtypes are"),
        (("exported_model:net", "a.html", "--input", "float32:2y"), "expected [NAME=]DTYPE"),
        (("exported_model:net", "a.html", *inputs, "--floats", "both"), "floats are auto"),
    ):
        code, output = lockstep("export", *given)
        assert code == 2 and message in " ".join(output.split())
