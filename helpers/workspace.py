"""Working copies of the lessons, so that what you type never touches what is verified.

`python -m helpers.workspace` fills the folder my_notebooks, which git ignores, with a
copy of each lesson and solution. A copy that you changed stays as you left it. With
`--renew` the whole folder is set aside under another name, never removed, and filled
afresh.
"""

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = "my_notebooks"
RECORD = ".copied.json"  # SHA-256 of each lesson when it was copied


def update(root: Path = ROOT) -> list[str]:
    """Copy what is missing or outdated; returns the copies that were left as they are.

    Those are the ones that their owner changed, while the lesson has changed, too.
    """
    copies = root / FOLDER
    copies.mkdir(exist_ok=True)
    record = copies / RECORD
    copied = json.loads(record.read_text("utf-8")) if record.exists() else {}
    kept = []
    for name in lessons(root):
        content, copy = (root / "notebooks" / name).read_bytes(), copies / name
        before, now = copied.get(name), sha256(content)
        if not copy.exists() or sha256(copy.read_bytes()) == before:
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(content)
            copied[name] = now
        elif before != now and copy.read_bytes() != content:
            kept.append(name)
    record.write_text(json.dumps(copied, indent=1), encoding="utf-8")
    return kept


def renew(root: Path = ROOT) -> Path | None:
    """Set the folder of copies aside and fill a new one; returns where the old one is."""
    copies, aside, number = root / FOLDER, None, 1
    if copies.exists():
        while (aside := root / f"{FOLDER}.aside-{number}").exists():
            number += 1
        copies.rename(aside)
    update(root)
    return aside


def lessons(root: Path) -> list[str]:
    """Path of each notebook below notebooks/, as JupyterLab shows it."""
    found = [*root.glob("notebooks/*.ipynb"), *root.glob("notebooks/solutions/*.ipynb")]
    return sorted(path.relative_to(root / "notebooks").as_posix() for path in found)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] == ["--renew"]:
        aside = renew()
        print(f"Fresh copies are in {FOLDER}; the old ones in {aside and aside.name}")
    else:
        for name in update():
            print(f"{name} is newer than your changed copy, which stays: make renew")
        print(f"Your copies of the lessons are in {FOLDER}")
