"""An exported function as a page that computes it in a browser, or as a module for other scripts.

What is exported comes as JSON values: see `engine/export/document.py`. Nothing here knows more of
it than the names, dtypes and shapes of inputs and outputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.standalone import safe_json, standalone

FOLDER = Path(__file__).parent
PROGRAM = "program.js"


def page(document: Mapping[str, Any]) -> str:
    """The HTML page: fields for the inputs, a button, the outputs; `window.lockstep` for scripts.
    """
    names = ", ".join(json.dumps(port["name"]) + ": …" for port in document["inputs"])
    return standalone(
        FOLDER, "page", {}, document, (PROGRAM,),
        title=document["name"], inputs=document["inputs"], outputs=document["outputs"],
        example=f"{{{names}}}",
    )  # fmt: skip


def module(document: Mapping[str, Any]) -> str:
    """The same computation as a JavaScript module, which exports what `window.lockstep` has."""
    program = (FOLDER / PROGRAM).read_text("utf-8")
    return (
        f"{program}\nconst program = lockstepProgram({safe_json(document)});\n"
        "export const {name, inputs, outputs, start, run} = program;\nexport default program;\n"
    )
