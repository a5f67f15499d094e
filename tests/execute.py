"""Re-execute notebooks in fresh kernels and save their outputs: `make notebooks`."""

import base64
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def execute(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):  # the same ids at every save, so that a diff shows what changed
        cell.id = f"cell-{number:02}"
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    NotebookClient(
        notebook, timeout=300, record_timing=False, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def readme_figure(path: Path) -> bytes:
    """The figure of the first cell that draws one: in notebook 03, the score as padding grows."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                return base64.b64decode(output.data["image/png"])
    raise ValueError(f"{path} holds no figure")


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"  # a progress bar is for a live session, not for a stored output
    for path in map(Path, sys.argv[1:]):
        start = time.perf_counter()
        execute(path)
        print(f"{path}: {time.perf_counter() - start:.0f} s", flush=True)
        if path.name == "03_masked_mean_pooling.ipynb" and path.parent.name == "notebooks":
            (path.parent / "figures").mkdir(exist_ok=True)
            (path.parent / "figures" / "padding.png").write_bytes(readme_figure(path))
