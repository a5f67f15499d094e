"""Re-execute notebooks in fresh kernels and save their outputs: `make notebooks`."""

import base64
import os
import sys
import time
import tomllib
from pathlib import Path

import nbformat
from nbclient import NotebookClient

KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
ROOT = Path(__file__).parent.parent
COLLAPSED = {"verify", "setup"}  # only guards the prose; only for a lesson sent alone
QUESTIONS = ROOT / "notebooks" / "questions.ipynb"  # a page of the README
LESSON_OF_THE_README = ROOT / "notebooks" / "03_masked_mean_pooling.ipynb"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
REPOSITORY = PROJECT["urls"]["Repository"]  # the one place that names it

SETUP = f'''\
# For a lesson opened in Colab, or sent alone: is the course's own package there?
from importlib import import_module

try:
    import_module("helpers.plots")
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{{error}}. This lesson needs the course's own package. Put the next line\\n"
        "into a cell, run it, and then run this cell again:\\n\\n"
        "%pip install "
        "{REPOSITORY}/archive/main.zip\\n"
    ) from None'''


def execute(path: Path) -> None:
    """Run every cell in a fresh kernel, and save what came out as JupyterLab would."""
    notebook = nbformat.read(path, as_version=4)
    if path.resolve() == QUESTIONS:
        notebook.cells = [nbformat.v4.new_markdown_cell(readme_questions())]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"  # the same at every save: a diff shows changes
        cell.metadata = tidy(cell.metadata)
        if "setup" in cell.metadata.get("tags", []):
            cell.source = SETUP
    NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,
        coalesce_streams=True,  # or a slow print would show in the diff
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    # The kernel's whole answer, as JupyterLab writes it: saving there changes nothing.
    language = notebook.metadata["language_info"]
    notebook.metadata = {"kernelspec": KERNEL, "language_info": language}
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def tidy(metadata: dict) -> dict:
    """Tags stay; a cell that no reader came for (see COLLAPSED) is collapsed."""
    tags = metadata.get("tags")
    kept = {"tags": tags} if tags else {}
    if COLLAPSED & set(kept.get("tags", [])):
        kept["jupyter"] = {"source_hidden": True}
    return kept


def readme_questions() -> str:
    """The README's list of questions, with links as they are from the notebooks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Find your question\n")[1].split("\n## ")[0].strip()
    questions = section[section.index("**") :]  # after the introduction
    hint = "If a link opens a lesson at its top, click it once more.\n\n"
    return f"# Find your question\n\n{hint}" + questions.replace("](notebooks/", "](")


def readme_figure(path: Path = LESSON_OF_THE_README) -> bytes | None:
    """The figure of the cell tagged `readme`: the score as padding grows."""
    for cell in nbformat.read(path, as_version=4).cells:
        if "readme" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output.data["image/png"])
    return None


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"  # progress is for a live session
    for path in map(Path, sys.argv[1:]):
        start = time.perf_counter()
        execute(path)
        print(f"{path}: {time.perf_counter() - start:.0f} s", flush=True)
        if path.resolve() == LESSON_OF_THE_README and readme_figure():
            figure = path.parent / "figures" / "padding.png"
            figure.parent.mkdir(exist_ok=True)
            figure.write_bytes(readme_figure())
