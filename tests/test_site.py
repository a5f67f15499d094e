"""The pages: what is made for them, and that a dead link is found. Sphinx is optional."""

import json
import re
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.execute import QUESTIONS, REPOSITORY, ROOT
from tests.publish import (
    GLOSSARY,
    anchor,
    explained_in,
    first_mention,
    gather,
    home,
    moved,
    page,
    problems,
    sources,
)

README = (ROOT / "README.md").read_text(encoding="utf-8")
TERMS = GLOSSARY.read_text(encoding="utf-8")


def headings(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def links(text):
    """(file, anchor) of each link that is not to the web."""
    for target in re.findall(r"\]\(<?((?!https?:)[^)>]+)>?\)", text):
        yield unquote(target).partition("#")[::2]


def test_every_term_leads_to_the_heading_that_explains_it():
    for file, heading in links(TERMS):
        assert heading in headings(ROOT / "notebooks" / file), (file, heading)


def test_every_term_has_a_lesson():
    lines = re.search(r"```{glossary}\n:sorted:\n(.+?)```", TERMS, re.S)[1].splitlines()
    terms = [line for line in lines if re.match(r"\S", line)]
    assert explained_in(TERMS).keys() == {term.lower() for term in terms}
    assert len(terms) == len({term.lower() for term in terms})


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("Encoders, and a cross-encoder.", "Encoder"),
        ("A cross-encoder is no encoder.", "encoder"),  # the second of the two
        ("Only cross-encoders here.", None),
        ("Recall@k says more than recall@keyword.", "Recall@k"),
        ("encodersome", None),
    ],
)
def test_a_mention_is_a_word_of_its_own(text, mention):
    terms = {"encoder", "cross-encoder", "recall@k"}
    found = first_mention(text, {"encoder", "recall@k"}, terms)
    assert (found and found.group()) == mention
    if text.startswith("A cross"):
        assert found.start() > text.index("no")


def test_home_leads_to_pages_and_everything_else_to_the_repository():
    text = home(README)
    for file, heading in links(text):
        assert file or heading == "Find-your-question"
        if file.endswith(".ipynb"):
            assert not heading or heading in headings(ROOT / "notebooks" / file)
    assert "](notebooks/" not in text
    assert "## Find your question" in text and "## The notebooks" in text


@pytest.mark.parametrize(
    ("target", "there"),
    [
        (
            "notebooks/05_losses.ipynb#Order:-CoSENTLoss",
            "05_losses.ipynb#Order:-CoSENTLoss",
        ),
        ("notebooks/solutions", "solutions/index.md"),
        ("notebooks/questions.ipynb", "#Find-your-question"),
        ("notebooks/results", f"{REPOSITORY}/tree/main/notebooks/results"),
        ("CONTRIBUTING.md", f"{REPOSITORY}/blob/main/CONTRIBUTING.md"),
    ],
)
def test_links_of_the_readme_move(target, there):
    assert moved(target) == there


@pytest.mark.parametrize(
    ("folder", "target", "there"),
    [
        (
            "notebooks",
            "solutions/05_losses.ipynb#5.1-x",
            "solutions/05_losses.ipynb#5.1-x",
        ),
        ("notebooks", "questions.ipynb", "index.md#Find-your-question"),
        (
            "notebooks",
            "results/x.json",
            f"{REPOSITORY}/blob/main/notebooks/results/x.json",
        ),
        ("notebooks/solutions", "../05_losses.ipynb", "../05_losses.ipynb"),
        (
            "notebooks",
            "../helpers/pooling.py",
            f"{REPOSITORY}/blob/main/helpers/pooling.py",
        ),
    ],
)
def test_links_of_a_notebook_move(folder, target, there):
    assert moved(target, folder) == there


def test_gathers_every_notebook_and_executes_none(tmp_path):
    gather(tmp_path)
    contents = (tmp_path / "index.md").read_text(encoding="utf-8")
    lessons, others = sources()
    assert QUESTIONS not in (*lessons, *others)  # the home page is that list
    for path in (*lessons, *others):
        copy = tmp_path / path.relative_to(ROOT / "notebooks")
        stored, shown = (
            json.loads(p.read_text("utf-8"))["cells"] for p in (path, copy)
        )
        assert [c.get("outputs") for c in stored] == [c.get("outputs") for c in shown]
        assert path.parent.name == "solutions" or f"\n{path.stem}\n" in contents


def test_guards_are_hidden_and_decks_have_neither_stubs_nor_links_out_of_them():
    cells = [
        new_code_cell("assert 1", metadata={"tags": ["verify"]}),
        new_markdown_cell("[a](solutions/1_x.ipynb), [b](2_y.ipynb#Z), [c](https://d)"),
        new_code_cell("return ...  # your code instead of this line"),
        new_markdown_cell("[q](questions.ipynb)\n\n[Solution](solutions/1_x.ipynb#Y)"),
    ]
    shown = page(new_notebook(cells=cells), "site").cells
    assert shown[0].metadata.tags == ["verify", "remove-cell"]
    assert "tags" not in shown[2].metadata
    assert shown[3].source.startswith("[q](index.md#Find-your-question)")
    shown = page(new_notebook(cells=cells), "slides").cells
    assert shown[1].source == "a, [b](2_y.ipynb#Z), [c](https://d)"
    assert shown[2].metadata.tags == ["remove-cell"]
    assert "olution" not in shown[3].source


def write(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(body, encoding="utf-8")


def test_whole_pages_have_no_problems(tmp_path):
    write(
        tmp_path,
        one='<a href="two.html#A-%28b%29">x</a><a href="#here" id="here"></a>',
        two='<h2 id="A-(b)">x</h2><a href="https://example.org">x</a><script src="s.js">',
    )
    (tmp_path / "s.js").touch()
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="three.html">x</a>', "one.html: no file three.html"),
        ('<a href="two.html#B">x</a>', "one.html: no heading two.html#B"),
        ('<a href="#B">x</a>', "one.html: no heading #B"),
        ('<img src="x.png">', "one.html: no file x.png"),
        ('<script src="https://cdn.org/x.js">', "one.html: loads https://cdn.org/x.js"),
        ('<link href="//cdn.org/x.css">', "one.html: loads //cdn.org/x.css"),
    ],
)
def test_a_dead_link_and_an_outside_script_are_found(tmp_path, body, problem):
    write(tmp_path, one=body, two='<p id="A">')
    assert problems(tmp_path) == [problem]


@pytest.mark.parametrize("kind", ["site", "slides"])
def test_sphinx_resolves_the_anchors_of_jupyterlab(tmp_path, kind):
    """Two small notebooks instead of the lessons; `make site` checks those."""
    pytest.importorskip("sphinx_revealjs", reason='needs pip install ".[site]"')
    from sphinx.cmd.build import main as sphinx

    a = new_markdown_cell("# A\n\n[x](2_b.ipynb#The-bug:-f%28x,-1%29-%22is%22-no-good)")
    b = new_markdown_cell('# B\n\n## The bug: f(x, 1) "is" `no` good\n\nA triplet.')
    for name, cell in {"1_a": a, "2_b": b}.items():
        notebook = page(new_notebook(cells=[cell]), kind)
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    (tmp_path / "index.md").write_text("# C\n\n```{toctree}\n1_a\n2_b\n```\n", "utf-8")
    builder = {"site": "html", "slides": "revealjs"}[kind]
    config = ["-c", str(GLOSSARY.parent), "-t", kind, "-b", builder, "-q", "-W"]
    assert sphinx([*config, str(tmp_path), str(tmp_path / "out")]) == 0
    assert problems(tmp_path / "out") == []
    assert 'href="2_b.html#' in (tmp_path / "out" / "1_a.html").read_text("utf-8")
