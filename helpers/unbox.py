"""Install the course from a box, without any network: python install.py [FOLDER]

FOLDER is where the course will be, by default sentence-to-vector in your home folder.
`python -m helpers.box` has made the box, for one system and one version of Python. This
script lies in it as install.py, and needs nothing but Python's standard library.
"""

import os
import shutil
import subprocess
import sys

BOX = os.path.dirname(os.path.abspath(__file__))
MARKER = ".from-a-box"  # a folder with it is ours to go on with
SYSTEMS = {"linux": "linux", "darwin": "mac", "win32": "windows"}
# Puts what the box has into the cache, file by file verified; what is there stays.
STORE = """
import pathlib, shutil, sys
from helpers import assets
for asset in assets.ALL:
    target = assets.cache_dir() / asset.name
    if not assets.verified(asset, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with assets._work_folder(target) as work:
            shutil.copytree(pathlib.Path(sys.argv[1]) / asset.name, work / "files")
            if not assets.verified(asset, work / "files"):
                sys.exit(f"{asset.name} is damaged in the box: copy the box again")
            assets._move_into_place(work / "files", target)
    print(f"{asset.name}: {target}")
"""


def main(arguments: list) -> int:
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 2
    home = os.path.join(os.path.expanduser("~"), "sentence-to-vector")
    target = os.path.abspath(arguments[0] if arguments else home)
    problem = unfit() or in_the_way(target)
    if problem:
        print(problem)
        return 1
    try:
        return install(target)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}. Then run this again: it goes on.")
        return 1


def unfit() -> str:
    """Why the box does not fit this machine; "" if it does."""
    with open(os.path.join(BOX, "made-for.txt")) as file:
        system, python = file.read().split()
    here = SYSTEMS.get(sys.platform, sys.platform)
    version = "{}.{}".format(*sys.version_info[:2])
    if (system, python) == (here, version):
        return ""
    return (
        f"This box is for {system} with Python {python}; here are {here} and Python "
        f"{version}, {sys.executable}. Start it with another Python, or make a box "
        f"where there is a network: python -m helpers.box FOLDER --platform {here} "
        f"--python {version}"
    )


def in_the_way(target: str) -> str:
    if os.path.exists(os.path.join(target, MARKER)):
        return ""
    if not os.path.lexists(target) or (
        os.path.isdir(target) and not os.listdir(target)
    ):
        return ""
    return f"{target} exists, and is not from a box: python install.py OTHER_FOLDER"


def install(target: str) -> int:
    """Copy the lessons, install, store model and data, and ask the doctor."""
    print(f"Installing the course in {target}; this takes a few minutes.", flush=True)
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, MARKER), "w"):
        pass
    shutil.copytree(os.path.join(BOX, "course"), target, dirs_exist_ok=True)
    environment = os.path.join(target, ".venv")
    where = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    python = os.path.join(environment, *where)
    wheels = ["--no-index", "--find-links", os.path.join(BOX, "wheels")]
    pip = [python, "-m", "pip", "--isolated", "install", "--quiet", *wheels]
    commands = [
        [sys.executable, "-m", "venv", environment],
        [*pip, "--constraint", "constraints.txt", "--editable", "."],
        [python, "-c", STORE, os.path.join(BOX, "assets")],
        [python, "-m", "helpers.workspace"],
        [python, "-m", "helpers.doctor"],
    ]
    for command in commands:
        code = subprocess.call(command, cwd=target)
        if code:
            print(f"That went wrong: {' '.join(command[:4])} …; the reason is above.")
            return code
    with open(os.path.join(environment, "ready"), "w"):  # make lab looks at it
        pass
    print(f'\nReady. To open the first lesson:\n  cd "{target}"')
    print(f"  {os.path.relpath(python, target)} -m helpers.install --lab")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
