"""Working copies of the lessons, so that what you type never touches what is verified.

`python -m helpers.workspace` fills the folder my_notebooks, which git ignores, with a
copy of each lesson and solution. A copy that you changed stays as you left it. With
`--renew` the whole folder is set aside under another name, never removed, and filled
afresh. Whoever starts it twice at once waits. Does not merge your changes into a lesson
that was revised. Leaves the empty file .my_notebooks.lock beside the folder.
"""

import argparse
import hashlib
import itertools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parent.parent
FOLDER = "my_notebooks"
RECORD = ".copied.json"  # SHA-256 of each lesson when it was copied
SECONDS = 60  # to wait for another who is at it


class WorkspaceError(Exception):
    """Something stands where a folder or a copy has to be; nothing was changed."""


def update(root: Path | str = ROOT) -> list[str]:
    """Copy what is missing or outdated; returns the copies that were left as they are.

    Those are the ones that their owner changed, while the lesson has changed, too.
    Raises WorkspaceError, which names it, for a file or folder of the wrong kind.
    """
    root = Path(root)
    with _lock(root):
        return _update(root)


def renew(root: Path | str = ROOT) -> Path | None:
    """Set the folder of copies aside, fill a new one; returns where the old one is."""
    root, aside = Path(root), None
    with _lock(root):
        if os.path.lexists(root / FOLDER):
            aside = _free(root / FOLDER)
            (root / FOLDER).rename(aside)
        _update(root)
    return aside


def lessons(root: Path) -> list[str]:
    """Path of each notebook below notebooks/, as JupyterLab shows it."""
    found = [*root.glob("notebooks/*.ipynb"), *root.glob("notebooks/solutions/*.ipynb")]
    return sorted(path.relative_to(root / "notebooks").as_posix() for path in found)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _lock(root: Path) -> FileLock:
    if not (root / "notebooks").is_dir():
        raise WorkspaceError(
            f"There is no folder {root / 'notebooks'} to copy the lessons from: is "
            f"{root} where the course is?"
        )
    return FileLock(root / f".{FOLDER}.lock", timeout=SECONDS)


def _update(root: Path) -> list[str]:
    copies, names = root / FOLDER, lessons(root)
    _make_folders(copies, names)
    copied, kept = _read_record(copies / RECORD), []
    for name in names:
        content, copy = (root / "notebooks" / name).read_bytes(), copies / name
        _put_back(copy)  # what a killed update left
        before, now = copied.get(name), sha256(content)
        if not os.path.lexists(copy):
            is_new = _create(copy, content)
        elif _content(copy) == content:
            is_new = True
        else:
            is_new = before != now and _replace(copy, before, content)
            if not is_new and before != now:
                kept.append(name)
        if is_new:
            copied[name] = now
    record = _written(copies / RECORD, json.dumps(copied, indent=1).encode())
    record.replace(copies / RECORD)
    return kept


def _make_folders(copies: Path, names: Sequence[str]) -> None:
    """Before anything is written: is each thing of the right kind?"""
    for folder in sorted({copies, *((copies / name).parent for name in names)}):
        if os.path.lexists(folder) and not folder.is_dir():
            raise WorkspaceError(
                f"{folder} has to be a folder, and is none: move it away or rename it, "
                "then run this again."
            )
        folder.mkdir(exist_ok=True)
    for name in names:
        if (copies / name).is_dir():
            raise WorkspaceError(
                f"{copies / name} has to be a notebook, and is a folder: move it away "
                "or rename it, then run this again."
            )
    if (copies / RECORD).is_dir():  # nobody's work, but who knows what is in it
        (copies / RECORD).rename(_free(copies / RECORD))


def _read_record(path: Path) -> dict[str, str]:
    """{} if it is lost or spoiled: then what differs from its lesson is its owner's."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _replace(copy: Path, before: str | None, content: bytes) -> bool:
    """Put `content` in the place of a copy that is as it was made; else False.

    The copy is moved before it is looked at: whoever saves meanwhile makes a new file,
    which stays, or writes into the moved one, which then comes back.
    """
    old = _hidden(copy, "old")
    copy.rename(old)
    read = _content(old)
    if read is None or sha256(read) != before:
        _put_back(copy)
        return False
    is_new = _create(copy, content)
    old.unlink()
    return is_new


def _create(copy: Path, content: bytes) -> bool:
    """A new copy, or False if somebody has just made one."""
    new = _written(copy, content)
    is_new = _publish(new, copy)
    new.unlink(missing_ok=True)
    return is_new


def _put_back(copy: Path) -> None:
    """The copy that was moved, if there is one; beside the copy if it is back."""
    old = _hidden(copy, "old")
    if os.path.lexists(old) and not _publish(old, copy):
        old.rename(_free(copy))


def _publish(path: Path, target: Path) -> bool:
    """Rename, but never over a file that somebody has just made: then False."""
    try:
        if os.name == "nt":  # there a rename replaces nothing
            path.rename(target)
        else:
            os.link(path, target, follow_symlinks=False)
            path.unlink()
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if os.path.lexists(target):
            return False
        path.rename(target)
    return True


def _written(target: Path, content: bytes) -> Path:
    """A new file beside `target`: a link to elsewhere is never written through."""
    path = _hidden(target, "new")
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(content)
    return path


def _hidden(path: Path, word: str) -> Path:
    return path.with_name(f".{path.name}.{word}")


def _free(path: Path) -> Path:
    """The first of path.aside-1, path.aside-2, … that does not exist."""
    names = (path.with_name(f"{path.name}.aside-{i}") for i in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def _content(path: Path) -> bytes | None:
    """None if there is nothing to read, as with a link into the void."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.workspace",
        description=f"Make or update your copies of the lessons in {FOLDER}.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--renew",
        action="store_true",
        help="set the old copies aside, under another name, and make fresh ones",
    )
    wanted = parser.parse_args(arguments)
    try:
        if wanted.renew:
            aside = renew(ROOT)
            rest = f"; the old ones in {aside.name}" if aside else ""
            print(f"Fresh copies are in {FOLDER}{rest}")
            return
        for name in update(ROOT):
            print(f"{name} is newer than your changed copy, which stays: make renew")
        print(f"Your copies of the lessons are in {FOLDER}")
    except (WorkspaceError, OSError) as error:  # OSError: no rights, a full disk
        sys.exit(f"The copies could not be made. {error}")


if __name__ == "__main__":
    main()
