"""The stored notebooks as objects: executed, in order, and clean. nbval re-executes them elsewhere."""

import inspect
import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from helpers import losses
from helpers.pooling import POOLING_MODES
from tests.execute import (
    COLLAPSED,
    QUESTIONS,
    REPOSITORY,
    SETUP,
    readme_figure,
    readme_questions,
)
from tests.nbval_plugin import PICTURE, Tolerant

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted(
    (ROOT / "notebooks/solutions").glob("*.ipynb")
)
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
LESSONS.append(ROOT / "notebooks/clinic.ipynb")
# An option of a quick question, and the first word of its explanation
OPTION = re.compile(r"<details><summary>([A-D])\. .+</summary>\n\n(Right|Not)[a-z ]*: ")

LOSSES = (
    losses.cosine_similarity_loss,
    losses.cosent_loss,
    losses.contrastive_loss,
    losses.SoftmaxLoss,
    losses.multiple_negatives_ranking_loss,
    losses.triplet_loss,
)


def name(path):
    return str(path.relative_to(ROOT / "notebooks"))


def code_cells(path):
    return [
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def problems(notebook: dict) -> list[str]:
    """What makes a stored notebook unfit: one line each."""
    found = []
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        found.append(
            "execution counts are not 1..N: stripped, out of order, or with an empty cell"
        )
    if "widgets" in notebook["metadata"]:
        found.append("widget state in the metadata")
    for cell in code:
        for output in cell["outputs"]:
            data = {
                kind: value
                for kind, value in output.get("data", {}).items()
                if kind != "image/png"
            }
            body = json.dumps({**output, "data": data}, ensure_ascii=False)
            body = PICTURE.sub("", body)  # base64 holds any word by chance
            if output["output_type"] == "error":
                found.append(f"error: {output['evalue']}")
            if output.get("name") == "stderr":
                found.append(f"stderr: {output['text'][:60]}")
            if "widget-view" in body or re.search(r"\d+%\|", body):
                found.append("a progress bar or widget in an output")
            if re.search(r"Warning\b(?!:? \d+ of \d+ sentences)", body):
                found.append("a warning in an output")
            if re.search(
                rf"/(tmp|home|root|Users|work)/|site-packages|{re.escape(str(Path.home()))}/",
                body,
            ):
                found.append("a path of a machine in an output")
            if re.search(r"0x[0-9a-f]{6,}", body):
                found.append("a memory address in an output")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_is_executed_and_clean(path):
    assert problems(json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_lesson_has_its_parts(path):
    text = text_of(path)
    for part in (
        "**After this notebook you can**",
        "**You need**",
        "**Time:**",
        "## Takeaways",
        "## Exercises",
    ):
        assert part in text
    assert "## Further reading" in text
    assert len(re.findall(r"^\*(Easy|Medium|Hard), \d+ minutes\.\*", text, re.M)) >= 3
    figures = sum(
        "image/png" in o.get("data", {})
        for cell in code_cells(path)
        for o in cell.outputs
    )
    assert figures >= 3


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_every_exercise_has_a_stub_and_a_solution(path):
    titles = re.findall(r"^### (\d+\.\d+ .+)$", text_of(path), re.M)
    solution = path.parent / "solutions" / path.name
    assert titles == re.findall(r"^## (\d+\.\d+ .+)$", text_of(solution), re.M)
    stored = "".join(
        o.get("text", "") for cell in code_cells(path) for o in cell.outputs
    )
    assert stored.count("○ Not attempted yet") == len(titles)
    stored = "".join(
        o.get("text", "") for cell in code_cells(solution) for o in cell.outputs
    )
    assert stored.count("✓ Right") == len(titles)


def code_lines(cell) -> list[str]:
    return [line for line in cell.source.splitlines() if line.strip()]


def shown_cells(path: Path) -> list:
    """Code that a reader is meant to read: the collapsed cells aside."""
    return [
        c for c in code_cells(path) if not COLLAPSED & {*c.metadata.get("tags", [])}
    ]


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_cells_are_small_in_both_directions(path):
    sizes = sorted(len(code_lines(cell)) for cell in shown_cells(path))
    assert sizes[len(sizes) // 2] <= 6
    assert sizes[int(0.9 * len(sizes))] <= 12
    assert sizes[-1] <= 20
    wide = [line for c in code_cells(path) for line in code_lines(c) if len(line) > 88]
    assert wide == []


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_prose_comes_in_portions(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert [text[:60] for text in prose if len(text.split()) > 150] == []
    captions = [text for text in prose if re.fullmatch(r"\*[^*]+\*", text)]
    assert [text[:60] for text in captions if len(text.split()) > 60] == []
    read = [text for text in prose if not OPTION.search(text)]
    assert sum(len(text.split()) for text in read) < 45 * 100  # minutes, words in each


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_five_quick_questions_explain_every_option(path):
    section = (
        text_of(path).split("## Five quick questions")[1].split("\n## Exercises")[0]
    )
    for number, text in enumerate(re.split(r"^\*\*(?=\d\. )", section, flags=re.M)):
        letters, verdicts = (
            zip(*OPTION.findall(text), strict=True) if number else ("", "")
        )
        assert not number or "".join(letters) in ("ABC", "ABCD"), text
        assert not number or verdicts.count("Right") == 1, text
        assert len(letters) == text.count("<details>") == text.count("</details>")
    assert number == 5


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_lesson_sent_alone_says_what_to_install(path):
    first = code_cells(path)[0]
    assert (first.metadata.get("tags"), first.source) == (["setup"], SETUP)


@pytest.mark.parametrize("missing", ["helpers", "helpers.plots", "matplotlib"])
def test_setup_cell_names_what_is_missing_and_the_line_to_run(missing, monkeypatch):
    for module in [
        m for m in sys.modules if m.split(".")[0] in ("helpers", "matplotlib")
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        exec(SETUP, {})
    assert f"\n%pip install {REPOSITORY}/archive/main.zip\n" in str(caught.value)
    assert missing in str(caught.value)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_guards_are_out_of_the_way(path):
    for cell in code_cells(path):
        tags = set(cell.metadata.get("tags", []))
        collapsed = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert collapsed == bool(COLLAPSED & tags)
        guard = "verify" in tags
        assert guard or not re.search(r"^assert ", cell.source, re.M), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_saving_in_jupyterlab_changes_nothing(path):
    """Whatever JupyterLab would add to the metadata is there already."""
    language = json.loads(path.read_text(encoding="utf-8"))["metadata"]["language_info"]
    assert {"codemirror_mode", "file_extension", "mimetype", "version"} <= set(language)


def anchors(path: Path) -> set[str]:
    """Where a link into a notebook may lead: its headings as JupyterLab spells them."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.M)
    return {heading.replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_links_between_notebooks_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(path)):
        file, _, anchor = unquote(target).partition("#")
        there = path.parent / file if file else path
        assert there.is_file(), target
        assert not anchor or anchor in anchors(there), target


def test_readme_names_every_lesson_and_only_what_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in LESSONS:
        assert f"notebooks/{path.name}" in readme
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme):
        file, _, anchor = unquote(target).partition("#")
        assert (ROOT / file).exists(), target
        assert not anchor or anchor in anchors(ROOT / file), target


def cheat_sheet_rows() -> tuple[list[str], list[str]]:
    """Rows of the cheat sheet's tables of modes and losses, from the docstrings."""
    modes = [f"| `{m}` | {first_sentence(f)} |" for m, f in POOLING_MODES.items()]
    rows = []
    for loss in LOSSES:
        takes = inspect.signature(getattr(loss, "forward", loss)).parameters
        names = ", ".join(f"`{name}`" for name in takes if name != "self")
        rows.append(f"| `{loss.__name__}` | {names} | {first_sentence(loss)} |")
    return modes, rows


def first_sentence(function) -> str:
    return " ".join(inspect.getdoc(function).split()).split(". ")[0].rstrip(".")


def test_cheat_sheet_says_what_the_code_says():
    page = text_of(ROOT / "notebooks/cheat_sheet.ipynb").splitlines()
    for rows in cheat_sheet_rows():
        assert [row for row in rows if row not in page] == []


def test_jupyterlab_opens_the_questions_of_the_readme():
    assert text_of(QUESTIONS) == readme_questions()
    assert len(re.findall(r"^- \[", readme_questions(), re.M)) >= 25


def test_readme_figure_is_the_one_in_the_notebook():
    """README shows the figure that notebook 03 draws: `make notebooks` writes it."""
    assert (ROOT / "notebooks/figures/padding.png").read_bytes() == readme_figure()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda nb: nb["cells"][0].update(execution_count=None, outputs=[]),
            "execution counts",
        ),
        (lambda nb: nb["metadata"].update(widgets={}), "widget state"),
        (
            lambda nb: nb["cells"][0]["outputs"].append(
                {"output_type": "error", "evalue": "boom"}
            ),
            "error",
        ),
        (lambda nb: nb["cells"][0]["outputs"][0].update(name="stderr"), "stderr"),
        (
            lambda nb: nb["cells"][0]["outputs"][0].update(text="UserWarning: x"),
            "a warning",
        ),
        (
            lambda nb: nb["cells"][0]["outputs"][0].update(text="/home/me/x.py"),
            "a path",
        ),
        (
            lambda nb: nb["cells"][0]["outputs"][0].update(
                text="<object at 0x7f00aa11bb>"
            ),
            "address",
        ),
        (
            lambda nb: nb["cells"][0]["outputs"][0].update(text="encode:  31%|###1  |"),
            "progress",
        ),
    ],
)
def test_hygiene_finds_what_it_looks_for(change, problem):
    output = {"output_type": "stream", "name": "stdout", "text": "82.03"}
    notebook = {
        "metadata": {},
        "cells": [{"cell_type": "code", "execution_count": 1, "outputs": [output]}],
    }
    assert problems(notebook) == []
    change(notebook)
    assert any(problem in found for found in problems(notebook))


@pytest.mark.parametrize(
    ("stored", "computed", "equal"),
    [
        ("score 82.03", "score 82.04", True),
        ("score 82.03", "score 82.06", False),
        ("cosine -0.0", "cosine 0.0001", True),
        ("1379. That", "1378. That", False),
        ("cosine 1.0", "cosine 0.9999", True),
        ("1379 pairs", "1378 pairs", False),
        ("True", "False", False),
        ("score 82.03", "score nan", False),
        ("[1.0, 2.0]", "[1.0, 2.0, 3.0]", False),
    ],
)
def test_tolerance_is_for_decimals_only(stored, computed, equal):
    assert (Tolerant(stored) == Tolerant(computed)) is equal
    assert (Tolerant(stored) != Tolerant(computed)) is not equal
