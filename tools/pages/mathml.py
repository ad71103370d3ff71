"""Formulas as MathML, made when the site is built: a page needs no script for them and no address elsewhere.

The converter is that of docutils. What it lacks of LaTeX and the notebooks use, `prepared` writes out for it.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

TAG = re.compile(r"\\tag\{([^{}]*)\}")
BIG = re.compile(r"\\([bB]ig)(?![a-z])\s*(\\[A-Za-z{}|]+|.)")
CLOSING = {")", "]", r"\}", r"\rangle"}
EITHER = {"|", r"\|", r"\Vert"}
THIN = '<mspace width="0.17em"/>'
APPLIED = "<mo>&#8289;</mo>"
SPACED = [  # what MathML's operators leave to the writer, and TeX does by itself
    (r"(<m[io][^>]*>\w+</m[io]>)<mo>&ApplyFunction;</mo>(?!<mo|$)", r"\1" + APPLIED + THIN),
    (r"<mo>&ApplyFunction;</mo>", APPLIED),
    (r"(</m(?:i|n|sub|sup|subsup|frac|under)>|[)\]]</mo>)(?=<mi[^>]*>(?:log|exp|sin|cos|dim)</mi>)", rf"\1{THIN}"),
    (r"<mo(?![^>]*size)[^>]*>([|‖])</mo>", r'<mo lspace="0" rspace="0" stretchy="false">\1</mo>'),
]
JOINED = ".,;:!?)’”"  # these stay on the line of the formula before them


def prepared(latex: str) -> str:
    r"""The same formula in what the converter knows: \big( with its side, \frac12 with braces."""
    opened: list[str] = []

    def sided(match: re.Match[str]) -> str:
        size, delimiter = match.groups()
        closes = delimiter in CLOSING or (delimiter in EITHER and delimiter in opened)
        if closes and delimiter in EITHER:
            opened.remove(delimiter)
        elif delimiter in EITHER:
            opened.append(delimiter)
        return rf"\{size}{'r' if closes else 'l'}{delimiter}"

    latex = re.sub(r"\\([td]?frac)\s*(\w)\s*(\w)(?![{])", r"\\\1{\2}{\3}", latex)
    return BIG.sub(sided, latex)


@cache
def mathml(latex: str, *, block: bool = False) -> str:
    """A formula as a `<math>` element; its LaTeX stays with it as `alttext`.

    Raises `ValueError` on what the converter does not know.
    """
    try:
        found = tex2mathml(prepared(TAG.sub("", latex)), as_block=block)
    except MathError as error:
        raise ValueError(f"the formula {latex!r}: {error}") from None
    found = re.sub(r"\n\s*", "", found)
    said = html.escape(" ".join(latex.split()))
    found = found.replace('<math xmlns="http://www.w3.org/1998/Math/MathML"', f'<math alttext="{said}"', 1)
    for pattern, instead in SPACED:
        found = re.sub(pattern, instead, found)
    # a brace below or above takes its words with it, as in LaTeX
    brace = r"<msu[bp]>(<m(?P<way>under|over)>(?:(?!</m(?P=way)>).)*<mo>[⏟⏞]</mo></m(?P=way)>)(.*?)</msu[bp]>"
    return re.sub(brace, r"<m\g<way>>\1\3</m\g<way>>", found)


def visit_math(self: Any, node: nodes.Element) -> None:
    """Write a formula in a line; what ends the sentence after it stays on its line."""
    after = node.next_node(descend=False, siblings=True)
    joined = isinstance(after, nodes.Text) and after.astext()[:1] in JOINED
    self.body.append(mathml(node.astext()) + ("\u2060" if joined else ""))
    raise nodes.SkipNode


def visit_block(self: Any, node: nodes.Element) -> None:
    """Write a formula that has its own line, its number at the right; it scrolls where it is wider than the page."""
    latex = node.astext()
    number = f'<span class="eqno">({html.escape(tag[1])})</span>' if (tag := TAG.search(latex)) else ""
    self.body.append(f'<div class="math" tabindex="0">{mathml(latex.strip(), block=True)}{number}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
