"""Sphinx configuration of the pages (`make site`) and the decks (`make slides`).

tests/publish.py gathers the sources and calls Sphinx. Nothing is executed: the pages
show the stored outputs. Nothing is fetched from outside: MathJax and reveal.js come
from packages and are copied beside the pages.
"""

import base64
import importlib.util
import re
import shutil
import struct
from pathlib import Path

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator
from sphinx_revealjs.nodes import revealjs_break
from sphinx_revealjs.writers import RevealjsSlideTranslator

from tests.execute import REPOSITORY
from tests.publish import GLOSSARY, SITE, explained_in, first_mention

project = "How a sentence becomes a vector"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx_revealjs"]
if not tags.has("slides"):  # noqa: F821 - Sphinx defines it
    extensions.append("sphinx_copybutton")
exclude_patterns = ["_static"]
nb_execution_mode = "off"
OUTPUTS = ("text/html", "text/markdown", "image/png", "text/plain")  # HTML has alt text
nb_mime_priority_overrides = [
    ("revealjs", mime, priority) for priority, mime in enumerate(OUTPUTS)
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 6
myst_heading_slug_func = "tests.publish.anchor"
suppress_warnings = ["myst.header"]  # a lesson may go from # to ###
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {
    "options": {"enableMenu": False},  # it would load more from beside the script
    "loader": {"load": ["[tex]/textmacros"]},  # \\_ inside of \\text
    "tex": {"packages": {"[+]": ["textmacros"]}},
}

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = str(SITE / "icon.svg")
html_static_path = [str(SITE / "site.css"), str(SITE / "site.js")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_context = {"default_mode": "auto"}
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "path_to_docs": "notebooks",
    "use_repository_button": True,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the side bar has the search
    "show_toc_level": 2,
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
}

revealjs_static_path = [str(SITE / "slides.css")]
revealjs_css_files = ["pygments.css", "slides.css"]
revealjs_style_theme = "white"
revealjs_use_section_ids = True
revealjs_script_conf = {"slideNumber": True, "hash": True, "width": 1280, "height": 800}

LINES_ON_A_SLIDE = 16
WORDS_IN_A_LINE = 14
LETTERS_IN_A_LINE = 100  # of output, which slides.css lets wrap
PIXELS_IN_A_LINE = 33
FIGURE_WIDTH, FIGURE_HEIGHT = 770, 540  # as plots shows them; at most, in slides.css


def lines_of(node: nodes.Node) -> float:
    """About how many lines of a slide a node takes, as slides.css sets them."""
    if isinstance(node, nodes.Invisible):
        return 0
    if isinstance(node, nodes.container):  # a cell, its input, its outputs
        return sum(lines_of(child) for child in node.children)
    if is_figure(node):
        return lines_of_figures(node.astext())
    if isinstance(node, nodes.literal_block):
        lines = node.astext().splitlines()
        return 0.7 * sum(1 + len(line) // LETTERS_IN_A_LINE for line in lines) + 1
    if isinstance(node, nodes.math_block):
        return 3
    rows = len(list(node.findall(nodes.row))) + node.astext().count("<tr")
    items = len(list(node.findall(nodes.list_item)))
    words = 0 if isinstance(node, nodes.raw) else len(node.astext().split())
    return 0.7 + rows + 0.5 * items + words / WORDS_IN_A_LINE


def lines_of_figures(html: str) -> float:
    """The same of a figure, or of several: the head of a PNG knows width and height."""
    pixels = 0
    for head in re.findall(r"data:image/png;base64,([\w+/]{32})", html):
        width, height = struct.unpack(">2I", base64.b64decode(head)[16:])
        pixels += min(FIGURE_HEIGHT, FIGURE_WIDTH * height / width)
    return 1 + (pixels or FIGURE_HEIGHT) / PIXELS_IN_A_LINE


def is_figure(node: nodes.Node) -> bool:
    return "<img" in node.astext() or any(node.findall(nodes.image))


def part_full_cells(section: nodes.section) -> None:
    """Let the output of a cell that fills more than a slide be a cell of its own."""
    for cell in list(section.children):
        is_cell = "cell" in getattr(cell, "attributes", {}).get("classes", [])
        if is_cell and len(cell) == 2 and lines_of(cell) > LINES_ON_A_SLIDE:
            below = cell.copy()  # without what is in it
            below += cell.pop()
            section.insert(section.index(cell) + 1, below)


def break_slides(app, doctree, docname):
    """Begin a slide where the one before is full, and with each quick question.

    Headings begin one anyhow.
    """
    if app.builder.name != "revealjs":
        return
    for section in doctree.findall(nodes.section):
        section["ids"] = section["ids"][:1]  # a slide has one: the one that links use
        part_full_cells(section)
        lines, before = 0.0, None
        for child in list(section.children):
            if isinstance(child, nodes.title | nodes.section):
                continue
            taken = lines_of(child)
            is_caption = (
                before is not None
                and is_figure(before)
                and isinstance(child, nodes.paragraph)
                and isinstance(child[0], nodes.emphasis)
            )
            is_full = lines + taken > LINES_ON_A_SLIDE and not is_caption
            if lines and (is_full or re.match(r"[1-9]\. .+\?", child.astext())):
                section.insert(section.index(child), revealjs_break())
                lines = 0.0
            lines += taken
            before = child


class Deck(RevealjsSlideTranslator):
    """The same colors of code as on the pages; reveal.js needs no plugin for it."""

    visit_literal_block = HTML5Translator.visit_literal_block
    depart_literal_block = HTML5Translator.depart_literal_block


def link_terms(app, doctree, docname):
    """The first mention of a term on a later page leads to the glossary."""
    if app.builder.name != "html" or docname.startswith(("index", "glossary")):
        return
    places = explained_in(GLOSSARY.read_text(encoding="utf-8"))
    known = app.env.get_domain("std")._terms  # lower case -> (page, anchor)
    here = docname.split("/")[-1]
    terms = {term for term, there in places.items() if term in known and there < here}
    for text in list(doctree.findall(nodes.Text)):
        if not terms:
            return
        if not isinstance(text.parent, nodes.paragraph):
            continue
        found = first_mention(text, terms, places)
        if not found:
            continue
        term = found.group().lower()
        page, anchor = known[term]
        uri = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
        link = nodes.reference(
            "", found.group(), refuri=uri, internal=True, classes=["term"]
        )
        before, after = text[: found.start()], text[found.end() :]
        text.parent.replace(text, [nodes.Text(before), link, nodes.Text(after)])
        terms.discard(term)


def empty_corners(app, pagename, templatename, context, doctree):
    """The corner of a table from pandas is no heading: a screen reader would stop at it.

    Only what the page shows changes, never the stored outputs.
    """
    if "body" in context:
        context["body"] = context["body"].replace("<th></th>", "<td></td>")


def copy_mathjax(app, exception):
    """What a page may load of MathJax, beside the pages: one script and its fonts."""
    if exception is None:
        package = importlib.util.find_spec("sphinx-mathjax-offline")
        source = Path(package.origin).parent / "static" / "mathjax"
        target = Path(app.outdir) / "_static" / "mathjax"
        for part in ("output/chtml/fonts", "input/tex/extensions"):
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        shutil.copy(source / "tex-chtml.js", target)


def setup(app):
    app.connect("doctree-resolved", break_slides)
    app.connect("doctree-resolved", link_terms)
    app.connect("html-page-context", empty_corners)
    app.connect("build-finished", copy_mathjax)
    if app.tags.has("slides"):  # else the theme takes it for the pages' translator, too
        app.set_translator("revealjs", Deck, override=True)
