"""The stored notebooks as objects: executed, in order, and clean. nbval re-executes them elsewhere."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from tests.nbval_plugin import Tolerant

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")) + sorted((ROOT / "notebooks/solutions").glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if path.parent.name == "notebooks"]


def name(path):
    return str(path.relative_to(ROOT / "notebooks"))


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def problems(notebook: dict) -> list[str]:
    """What makes a stored notebook unfit: one line each."""
    found = []
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        found.append("execution counts are not 1..N: stripped, out of order, or with an empty cell")
    if "widgets" in notebook["metadata"]:
        found.append("widget state in the metadata")
    for cell in code:
        for output in cell["outputs"]:
            data = {kind: value for kind, value in output.get("data", {}).items() if kind != "image/png"}
            body = json.dumps({**output, "data": data}, ensure_ascii=False)
            if output["output_type"] == "error":
                found.append(f"error: {output['evalue']}")
            if output.get("name") == "stderr":
                found.append(f"stderr: {output['text'][:60]}")
            if "widget-view" in body or re.search(r"\d+%\|", body):
                found.append("a progress bar or widget in an output")
            if re.search(r"Warning\b(?!:? \d+ of \d+ sentences)", body):
                found.append("a warning in an output")
            if re.search(rf"/(tmp|home|root|Users|work)/|site-packages|{re.escape(str(Path.home()))}/", body):
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
    for part in ("**After this notebook you can**", "**You need**", "**Time:**", "## Takeaways", "## Exercises"):
        assert part in text
    assert "## Further reading" in text
    assert len(re.findall(r"^\*(Easy|Medium|Hard), \d+ minutes\.\*", text, re.M)) >= 3
    figures = sum("image/png" in o.get("data", {}) for cell in code_cells(path) for o in cell.outputs)
    assert figures >= 3


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_every_exercise_has_a_stub_and_a_solution(path):
    titles = re.findall(r"^### (\d+\.\d+ .+)$", text_of(path), re.M)
    solution = path.parent / "solutions" / path.name
    assert titles == re.findall(r"^## (\d+\.\d+ .+)$", text_of(solution), re.M)
    stored = "".join(o.get("text", "") for cell in code_cells(path) for o in cell.outputs)
    assert stored.count("○ Not attempted yet") == len(titles)
    stored = "".join(o.get("text", "") for cell in code_cells(solution) for o in cell.outputs)
    assert stored.count("✓ Right") == len(titles)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_links_between_notebooks_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(path)):
        assert (path.parent / target).is_file(), target


def test_readme_names_every_lesson_and_only_existing_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in LESSONS:
        assert f"notebooks/{path.name}" in readme
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_readme_figure_is_the_one_in_the_notebook():
    """README shows the figure that notebook 03 draws, not an older one: `make notebooks` writes it."""
    from tests.execute import readme_figure

    assert (ROOT / "notebooks/figures/padding.png").read_bytes() == readme_figure(LESSONS[2])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda nb: nb["cells"][0].update(execution_count=None, outputs=[]), "execution counts"),
        (lambda nb: nb["metadata"].update(widgets={}), "widget state"),
        (lambda nb: nb["cells"][0]["outputs"].append({"output_type": "error", "evalue": "boom"}), "error"),
        (lambda nb: nb["cells"][0]["outputs"][0].update(name="stderr"), "stderr"),
        (lambda nb: nb["cells"][0]["outputs"][0].update(text="UserWarning: x"), "a warning"),
        (lambda nb: nb["cells"][0]["outputs"][0].update(text="/home/me/x.py"), "a path"),
        (lambda nb: nb["cells"][0]["outputs"][0].update(text="<object at 0x7f00aa11bb>"), "address"),
        (lambda nb: nb["cells"][0]["outputs"][0].update(text="encode:  31%|###1  |"), "progress"),
    ],
)
def test_hygiene_finds_what_it_looks_for(change, problem):
    output = {"output_type": "stream", "name": "stdout", "text": "82.03"}
    notebook = {"metadata": {}, "cells": [{"cell_type": "code", "execution_count": 1, "outputs": [output]}]}
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
