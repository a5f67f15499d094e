"""Set the course up in the folder .venv, and say first how much will be downloaded.

`make lab` calls it; `python3 -m helpers.install --lab` does the same without make. On
Linux without an NVIDIA card it takes PyTorch's CPU build, a tenth of the download. Runs
before anything is installed, so it needs nothing but Python's standard library, and it
is written for old Pythons too, so that these can say what is wrong. Does not change
anything outside of .venv, pip's cache and the course's own.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 14)  # of the locked versions there are wheels for these
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# What pip downloads for the versions in constraints.txt, in MB, and what lies on the
# disk in the end, in GB, the course's own cache included; measured in November 2026.
SIZES = {"cpu": (450, 2.2), "gpu": (3000, 7), "darwin": (310, 2), "win32": (350, 2)}
ASSETS_MB = 115  # model and data; a test compares this with helpers.assets


class InstallError(Exception):
    """Something is missing that only a person can provide."""


def python_problem(version: tuple, wordsize: int = sys.maxsize) -> str:
    """What is wrong with a Python of this version, and what to do; "" if it will do.

    Example: python_problem((3, 9, 18)) -> "This course needs Python 3.11 to 3.14, …".
    """
    if OLDEST <= tuple(version[:2]) <= NEWEST and wordsize > 2**32:
        return ""
    oldest, newest = [".".join(map(str, pair)) for pair in (OLDEST, NEWEST)]
    found = ".".join(map(str, version[:3]))
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    others = [name for name in names if shutil.which(name)]
    if wordsize <= 2**32:
        why = "and one of 64 bit; this is one of 32 bit"
    elif version[:2] > NEWEST:
        why = f"and {sys.executable} is {found}, for which PyTorch has no build yet"
    else:
        why = f"and {sys.executable} is {found}"
    if others:
        cure = f"You have another one: make lab PYTHON={others[0]}, or, without make, "
        cure += f"{others[0]} -m helpers.install --lab"
    else:
        cure = "Get one from python.org, or let conda or uv bring it: see README.md"
    return f"This course needs Python {oldest} to {newest}, {why}. {cure}."


def has_nvidia_card() -> bool:
    """Whether the driver of an NVIDIA card is loaded, or its tool is there (WSL)."""
    traces = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
    return any(map(os.path.exists, traces)) or bool(shutil.which("nvidia-smi"))


def torch_index(wanted: str) -> str:
    """The index to take PyTorch from; "" for the one that pip uses for all the rest.

    wanted is "auto" (the CPU build on Linux without an NVIDIA card), "cpu", "gpu" or
    the address of a mirror of PyTorch's index. Only on Linux do the builds differ so.
    """
    if "://" in wanted:
        return wanted
    choice = wanted
    if wanted == "auto":
        choice = "gpu" if has_nvidia_card() else "cpu"
    return CPU_INDEX if choice == "cpu" and sys.platform == "linux" else ""


def size(index: str) -> tuple:
    """MB to download and GB on the disk."""
    if sys.platform in SIZES:
        return SIZES[sys.platform]
    return SIZES["cpu" if index else "gpu"]


def announce(index: str) -> None:
    """Say what will come, before it comes; raises InstallError if there is no room."""
    megabytes, gigabytes = size(index)
    total = megabytes + ASSETS_MB
    # 1 MB is 8 Mbit; unpacking takes a minute or two beside it.
    fast, slow = [round(total * 8 / rate / 60 + 1) for rate in (100, 10)]
    kind = " with PyTorch's CPU build" if index else ""
    if not index and sys.platform == "linux":
        kind = " with PyTorch's GPU libraries; without them it is a sixth: TORCH=cpu"
    say(
        f"Setting up the course in {os.path.join(ROOT, '.venv')}, once.",
        f"  to download  {megabytes} MB of packages{kind},",
        f"               then {ASSETS_MB} MB of model and data",
        f"  this takes   about {fast} minutes at 100 Mbit/s, {slow} at 10 Mbit/s",
        f"  on the disk  {gigabytes} GB",
        "What pip has in its cache is not downloaded again. Ctrl-C stops; the next",
        "start goes on. Later starts need no network.",
    )
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < gigabytes:
        raise InstallError(
            f"There are only {free:.1f} GB free for {ROOT}, and {gigabytes} GB are "
            "needed: make room, or move the course to another disk."
        )


def make_venv(folder: str) -> None:
    """A virtual environment with pip in it, or an InstallError that says what helps."""
    python = venv_python(folder)
    if run([sys.executable, "-m", "venv", folder]) or run([python, "-m", "pip", "-V"]):
        raise InstallError(
            f"{sys.executable} could not make a virtual environment in {folder}. On "
            "Debian and Ubuntu the part for that is a package of its own: sudo apt "
            "install python3-venv. Without the rights for that, let uv or conda do it: "
            "see README.md."
        )


def install(python: str, index: str) -> None:
    """The course and what it needs, in the locked versions, for this Python."""
    pip = [python, "-m", "pip", "install", "--constraint", "constraints.txt"]
    if index:
        say(f"PyTorch's CPU build, from {index}")
        patience = ["--retries", "1", "--timeout", "15"]
        if run([*pip, "--no-deps", "--index-url", index, *patience, "torch"]):
            more, _ = SIZES["gpu"]
            say(
                f"{index} can't be reached, or has not what we need. Going on with the",
                f"PyTorch that pip finds elsewhere: up to {more} MB. If that is too",
                "much: Ctrl-C, and make lab TORCH=https://… with the address of a",
                "mirror of PyTorch's CPU index.",
            )
    if run([*pip, "--editable", "."]):
        raise InstallError(
            "pip could not install the course; the reason is above. Without a network, "
            "let somebody who has one make a box for you: see README.md. With one, try "
            "again: what has been downloaded is kept."
        )


def open_lab(python: str) -> int:
    """What `make lab` does once all is installed."""
    for module in ("helpers.assets", "helpers.workspace"):
        code = run([python, "-m", module])
        if code:
            return code
    copies = os.path.join(ROOT, "my_notebooks")
    return run([python, "-m", "jupyter", "lab", "01_tokenization.ipynb"], copies)


def venv_python(folder: str) -> str:
    where = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *where)


def run(command: list, folder: str = ROOT) -> int:
    """Exit status of the command; 1 if there is no such program."""
    try:
        return subprocess.call(command, cwd=folder)
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        return 1


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # before what pip says


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.install", description="Set the course up in .venv."
    )
    parser.add_argument(
        "--torch",
        default="auto",
        metavar="auto|cpu|gpu|URL",
        help="PyTorch's build on Linux: by the graphics card, small, with the GPU "
        "libraries, or from a mirror of PyTorch's index",
    )
    parser.add_argument("--lab", action="store_true", help="then open the first lesson")
    wanted = parser.parse_args(arguments)
    if wanted.torch not in ("auto", "cpu", "gpu") and "://" not in wanted.torch:
        parser.error(f"--torch is auto, cpu, gpu or an address, not {wanted.torch!r}")
    try:
        set_up(wanted.torch)
    except InstallError as error:
        say("", str(error))
        return 1
    except KeyboardInterrupt:
        say("", "Stopped. The next start goes on.")
        return 130
    return open_lab(venv_python(os.path.join(ROOT, ".venv"))) if wanted.lab else 0


def set_up(torch: str) -> None:
    """Does nothing if .venv is younger than what it is made from."""
    problem = python_problem(sys.version_info)
    folder = os.path.join(ROOT, ".venv")
    ready = os.path.join(folder, "ready")  # make looks at it, too
    if is_current(ready):
        return
    if not problem and (sys.platform, platform.machine()) == ("darwin", "x86_64"):
        problem = (
            "PyTorch has no wheels for Macs with an Intel processor (or this Python is "
            "one for them): take the conda way in README.md."
        )
    if problem:
        raise InstallError(problem)
    index = torch_index(torch)
    announce(index)
    make_venv(folder)
    install(venv_python(folder), index)
    with open(ready, "w"):
        os.utime(ready)


def is_current(ready: str) -> bool:
    sources = [os.path.join(ROOT, x) for x in ("pyproject.toml", "constraints.txt")]
    if not os.path.exists(ready):
        return False
    made = os.path.getmtime(ready)
    return all(os.path.getmtime(source) <= made for source in sources)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
