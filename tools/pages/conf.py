"""How Sphinx builds the site. `tools/pages/build.py` puts the sources together and calls it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from PIL import Image

HERE = Path(__file__).resolve().parent
SLUG = os.environ["GANLIB_PAGES_SLUG"]

project = html_title = "Generative Adversarial Nets, alive"
author = "The ganlib authors"
language = "en"
extensions = ["myst_nb", "tools.pages.mathml"]
exclude_patterns: list[str] = []
suppress_warnings = ["myst.header"]  # a notebook may begin a smaller heading below a larger one

nb_execution_mode = "off"  # the notebooks are executed already
nb_merge_streams = True
nb_render_text_lexer = "none"
nb_mime_priority_overrides = [("html", kind, at) for at, kind in enumerate(("image/png", "text/html"), 1)]
nb_code_prompt_show = "Show the cell that is closed here"
nb_code_prompt_hide = "Hide it"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
myst_heading_slug_func = "tools.pages.conf.slug"
myst_update_mathjax = False
myst_links_external_new_tab = False

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = [str(HERE / "static")]
html_favicon = str(HERE / "static" / "icon.svg")
html_extra_path = ["extra"]
html_css_files = ["demo.css", "site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = html_show_sourcelink = html_use_index = html_domain_indices = False
html_show_copyright = False
html_permalinks_icon = "#"
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
html_theme_options = {
    "top_of_page_buttons": [],
    "source_repository": f"https://github.com/{SLUG}",
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0072b2"},
    "dark_css_variables": {"color-brand-primary": "#56b4e9", "color-brand-content": "#56b4e9"},
}


def slug(title: str) -> str:
    """The anchor of a heading, as JupyterLab makes it: the notebooks' links name those."""
    return title.strip().replace(" ", "-")


def sizes(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Give each picture its size, so that nothing moves when it comes, and let it come when it is looked at."""

    def sized(match: re.Match[str]) -> str:
        file = Path(app.outdir) / match["src"]
        if "loading=" in match[0] or not file.is_file():
            return match[0]
        with Image.open(file) as picture:
            width, height = picture.size
        return f'<img width="{width}" height="{height}" loading="lazy" decoding="async"{match["rest"]}>'

    if "body" in context:
        context["body"] = re.sub(r'<img(?P<rest>[^>]*?\bsrc="(?P<src>_images/[^"]+)"[^>]*?)/?>', sized, context["body"])
        if "data-recording=" in context["body"]:
            app.add_js_file("demos.js", loading_method="defer")


def joined(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Keep what ends a sentence on the line of the formula before it: Chromium breaks a line after any `<math>`."""
    if "body" in context:
        formula = r"(<math\b(?:(?!</math>).)*</math>)\u2060([^\s<]+)"
        context["body"] = re.sub(formula, r'<span class="joined">\1\2</span>', context["body"], flags=re.S)


def setup(app: Any) -> None:
    """Tell Sphinx of it."""
    app.connect("html-page-context", sizes)
    app.connect("html-page-context", joined)
