"""HTML pages that need nothing else: no file beside them and no network.

Style, script and data are in the page, and its policy forbids everything that is not them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reports.markdown import printable

COMMON_STYLE = Path(__file__).parent / "standalone.css"


def standalone(
    folder: Path,
    name: str,
    filters: Mapping[str, Callable[..., str]],
    data: object,
    scripts: tuple[str, ...] = (),
    **known: Any,
) -> str:
    """The page of `name.html.j2`, `name.css` and `name.js` in a folder, rendered with `known`.

    `scripts` name files that come before `name.js`, in the same element. The template finds
    `style`, `script`, their hashes for the policy, and `data` as JSON.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters.update(filters)
    style = COMMON_STYLE.read_text("utf-8") + (folder / f"{name}.css").read_text("utf-8")
    script = "".join((folder / file).read_text("utf-8") for file in (*scripts, f"{name}.js"))
    return environment.get_template(f"{name}.html.j2").render(
        **known,
        style=Markup(style),  # all of these are files of ours
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(safe_json(data)),
    )


def _hash(text: str) -> str:
    """How a policy names an inline element that is allowed."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def safe_json(data: object) -> str:
    """JSON in which nothing can end the element around it, or begin another."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
