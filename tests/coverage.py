"""What ran: the share of helpers that the notebooks reach alone, and with the tests.

`make test` calls it after both. Lessons must reach most of helpers, and each public
function of it; what only guards against faults is the unit tests' work.
"""

import io
import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parent.parent
NOTEBOOKS, BOTH = 85, 98  # percent of the lines, at least
COMMANDS = {
    "workspace",
    "install",
    "doctor",
    "box",
    "unbox",
}  # modules that a reader starts by name, outside of lessons


def combined(*names: str) -> Coverage:
    """The data files of earlier runs as one; the files stay."""
    merged = Coverage(
        data_file=tempfile.mktemp(), config_file=str(ROOT / "pyproject.toml")
    )
    merged.combine([str(ROOT / name) for name in names], keep=True)
    return merged


def unseen_functions(notebooks: Coverage) -> list[str]:
    """Public functions of helpers that no notebook enters, as module.function.

    Those of checks aside: there, many are mistakes that a lesson hopes not to see.
    """
    report = Path(tempfile.mkdtemp()) / "coverage.json"
    notebooks.json_report(outfile=str(report))
    found = []
    for file, content in json.loads(report.read_text("utf-8"))["files"].items():
        module = Path(file).relative_to("helpers").with_suffix("").as_posix()
        for name, function in content["functions"].items():
            public = name and not name.startswith("_") and "." not in name
            elsewhere = module in COMMANDS or module.startswith("checks/")
            if public and not elsewhere and not function["executed_lines"]:
                found.append(f"{module}.{name}")
    return found


def main() -> str | None:
    notebooks = combined(".coverage.notebooks")
    print("\nhelpers, lines that the notebooks do not reach:")
    commands = [f"helpers/{name}.py" for name in COMMANDS]
    alone = notebooks.report(show_missing=True, skip_covered=True, omit=commands)
    both = combined(".coverage.notebooks", ".coverage.unit").report(file=io.StringIO())
    print(
        f"\nnotebooks alone reach {alone:.1f} % of helpers, commands aside, at least "
        f"{NOTEBOOKS} asked"
    )
    print(f"notebooks and unit tests {both:.1f} %, at least {BOTH} asked")
    unseen = unseen_functions(notebooks)
    if unseen:
        return f"No lesson runs {', '.join(unseen)}"
    return None if alone >= NOTEBOOKS and both >= BOTH else "Coverage is too low"


if __name__ == "__main__":
    sys.exit(main())
