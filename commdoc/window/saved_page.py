"""A notebook with its widgets as one HTML file, which needs no kernel, no server and no network.

The page brings the script and the looks of a room's page (`js-shim/src/viewer/saved`), its data beside them. Its policy
lets it load nothing; the only script that may run in it is its own, and modules that widgets bring with them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import re
from importlib import resources
from typing import Any, Final

from commdoc.errors import CommdocError
from commdoc.window.notebook_file import Notebook, widget_state_of

MATH: Final = re.compile(r"\$[^$]+\$|\\\\\(|\\\\\[|\\\\begin\{")
"""What may be a formula, in JSON."""

_POLICY: Final = (
    "default-src 'none'; script-src {scripts} blob: data: 'unsafe-eval' 'wasm-unsafe-eval'; "
    "style-src 'unsafe-inline' blob: data:; img-src data: blob:; font-src data:; media-src data: blob:; "
    "connect-src data: blob:; worker-src blob: data:; base-uri 'none'; form-action 'none'"
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="commdoc">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body class="jp-ThemedContainer" data-saved="true">
<p id="state" role="status">{words}</p>
<main>
<h1 class="for-readers">{title}</h1>
<div id="stage" data-state="live"><div id="cells"></div></div>
</main>
<details id="log" hidden><summary>Log</summary>
<div role="log" aria-live="off" aria-label="Log" tabindex="0"></div></details>
<p id="news" class="for-readers" role="status"></p>
<noscript>This page shows widgets and needs JavaScript.</noscript>
<script type="application/json" id="notebook">{notebook}</script>
<script type="application/vnd.jupyter.widget-state+json" id="widgets">{widgets}</script>
<script type="application/json" id="colored">{colored}</script>
{scripts}
</body>
</html>
"""


def saved_page(notebook: Notebook, *, title: str, widgets: bool = True) -> str:
    """Return the page of a notebook.

    Parameters
    ----------
    notebook : dict
        Of nbformat 4, its widgets in the metadata.
    title : str
        The page's.
    widgets : bool
        Whether they are in it; where not, their outputs show what else they have.

    Raises
    ------
    CommdocError
        When this installation has no built JavaScript.
    """
    state = widget_state_of(notebook)
    cells = _json({"cells": notebook["cells"]})
    saved = _json(state if widgets else {**state, "state": {}})
    has_math = any(map(MATH.search, (cells, saved)))
    scripts = [_script(name) for name in (*(["math.js"] if has_math else []), "saved.js")]
    style = "\n".join(_static(name) for name in ("saved.css", *(["math.css"] if has_math else [])))
    allowed = " ".join(_digest(script) for script in scripts)
    live = widgets and state["state"]
    words = "Saved page: its widgets work as far as they need no kernel." if live else "Saved page."
    return _PAGE.format(
        policy=html.escape(_POLICY.format(scripts=allowed), quote=True),
        title=html.escape(title),
        words=words,
        style=style,
        notebook=cells,
        widgets=saved,
        colored=_json(_colored(notebook)),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _colored(notebook: Notebook) -> dict[str, str]:
    """Return the code of each cell as HTML with Pygments' classes, by the cell's id."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    lexer = _lexer(notebook.get("metadata", {}))
    formatter: Any = HtmlFormatter(nowrap=True, classprefix="hl-")
    return {
        cell["id"]: highlight("".join(cell["source"]), lexer, formatter)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    }


def _lexer(metadata: dict[str, Any]) -> Any:
    from pygments.lexers import PythonLexer, get_lexer_by_name
    from pygments.util import ClassNotFound

    language = metadata.get("language_info", {})
    kernelspec = metadata.get("kernelspec", {})
    for name in (language.get("pygments_lexer"), language.get("name"), kernelspec.get("language")):
        if isinstance(name, str):
            with contextlib.suppress(ClassNotFound):
                return get_lexer_by_name(name, stripnl=False, ensurenl=False)
    return PythonLexer(stripnl=False, ensurenl=False)


def _static(name: str) -> str:
    file = resources.files("commdoc") / "server" / "static" / name
    if not file.is_file():
        raise CommdocError("this installation has no built JavaScript: run `make static` in the checkout")
    return file.read_text(encoding="utf-8")


def _script(name: str) -> str:
    """Return a script that nothing in it can end: what could is written as texts and patterns may have it, too."""
    text = _static(name).replace("\r\n", "\n")
    return re.sub(r"<(?=/?script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def _digest(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _json(content: object) -> str:
    """Return JSON that can't end the script that it stands in; lone surrogates are escaped."""
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
