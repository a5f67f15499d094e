"""Fill a folder that installs the course without any network.

`python -m helpers.box FOLDER` takes wheels, model, data and lessons; on a machine with
the same system and Python, `python FOLDER/install.py` does the rest. For other machines
say --platform and --python. The versions are those of constraints.txt. Does not take
Python itself along, nor conda packages.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from helpers import assets
from helpers.install import CPU_INDEX, NEWEST, OLDEST

ROOT = Path(__file__).parent.parent
GLIBC = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)]
GLIBC += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]


class Platform(NamedTuple):
    """What pip and the markers in packages call a kind of machine."""

    tags: tuple[str, ...]
    markers: dict[str, str]


def _platform(tags: Sequence[str], **markers: str) -> Platform:
    python = {"implementation_name": "cpython", "extra": ""}
    python["platform_python_implementation"] = "CPython"
    return Platform(tuple(tags), {**python, **markers})


PLATFORMS = {
    "linux": _platform(
        [f"{tag}_x86_64" for tag in GLIBC],
        sys_platform="linux",
        platform_system="Linux",
        platform_machine="x86_64",
        os_name="posix",
    ),
    "mac": _platform(
        [f"macosx_{version}_0_arm64" for version in range(14, 10, -1)],
        sys_platform="darwin",
        platform_system="Darwin",
        platform_machine="arm64",
        os_name="posix",
    ),
    "windows": _platform(
        ["win_amd64"],
        sys_platform="win32",
        platform_system="Windows",
        platform_machine="AMD64",
        os_name="nt",
    ),
}


class BoxError(RuntimeError):
    """The box could not be filled; what is in it already is used by the next try."""


def fill(folder: Path, platform: str, python: str) -> None:
    """Put wheels, assets, lessons and install.py into folder."""
    folder.mkdir(parents=True, exist_ok=True)
    print("1 of 3: model and data", flush=True)
    for asset in assets.ALL:
        copy_new(assets.fetch(asset), folder / "assets" / asset.name)
    print("2 of 3: lessons and code", flush=True)
    copy_course(folder)
    print(f"3 of 3: wheels for {platform}, Python {python}", flush=True)
    download_wheels(folder / "wheels", PLATFORMS[platform], python)
    (folder / "made-for.txt").write_text(f"{platform} {python}\n", encoding="utf-8")


def copy_new(source: Path, target: Path) -> None:
    """A copy of source that is new: a file of an older box does not stay in it."""
    if target.exists():
        shutil.rmtree(target)  # ours: in a box, nobody works
    shutil.copytree(source, target)


def copy_course(folder: Path) -> None:
    """The course as it stands here, without hidden files, copies and environments."""
    names = (".*", "my_notebooks*", "__pycache__", "build", "*.egg-info")
    by_name = shutil.ignore_patterns(*names)

    def leave_out(place: str, found: list[str]) -> set[str]:
        own = {name for name in found if (Path(place) / name).resolve() == folder}
        return own | by_name(place, found)

    target = folder / "course"
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(ROOT, target, ignore=leave_out)
    shutil.copy(ROOT / "helpers" / "unbox.py", folder / "install.py")


def download_wheels(folder: Path, platform: Platform, python: str) -> None:
    """The wheels of everything that the course needs there, in the locked versions.

    pip reads markers such as 'sys_platform == "win32"' for the machine that it runs on.
    So it only downloads here, and what a wheel needs on the other machine is read here.
    """
    folder.mkdir(exist_ok=True)
    pins, project = read_pins(), (ROOT / "pyproject.toml").read_text("utf-8")
    parsed = tomllib.loads(project)
    todo = [*parsed["project"]["dependencies"], *parsed["build-system"]["requires"]]
    markers = platform.markers | {
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    seen: set[tuple[str, str]] = set()
    while todo:
        needed = {}
        for requirement in map(Requirement, todo):
            if requirement.marker and not requirement.marker.evaluate(markers):
                continue
            name = canonicalize_name(requirement.name)
            for extra in {"", *requirement.extras} - {e for n, e in seen if n == name}:
                seen.add((name, extra))
                needed.setdefault(name, (requirement, []))[1].append(extra)
        missing = [
            f"{name}=={pins[name]}" if name in pins else f"{name}{need.specifier}"
            for name, (need, _) in needed.items()
            if not find(folder, name)
        ]
        download(missing, folder, platform, python)
        todo = []
        for name, (_, extras) in needed.items():
            todo += needs(find(folder, name), extras, markers)


def read_pins() -> dict[str, str]:
    """Name -> version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, version in pairs}


def find(folder: Path, name: str) -> Path | None:
    """The wheel of that name in folder."""
    for wheel in folder.glob("*.whl"):
        if parse_wheel_filename(wheel.name)[0] == name:
            return wheel
    return None


def needs(wheel: Path, extras: Sequence[str], markers: dict[str, str]) -> list[str]:
    """What a wheel requires there, each without its marker."""
    import zipfile
    from email.parser import Parser

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        path = next(n for n in names if n.endswith(".dist-info/METADATA"))
        text = archive.read(path).decode("utf-8", "replace")
    found = []
    for line in Parser().parsestr(text).get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if not marker or any(marker.evaluate(markers | {"extra": e}) for e in extras):
            requirement.marker = None
            found.append(str(requirement))
    return found


def download(
    requirements: list[str], folder: Path, platform: Platform, python: str
) -> None:
    """By pip, into folder; raises BoxError with what pip said."""
    if not requirements:
        return
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", python, "--dest", folder]
    command += [f"--platform={tag}" for tag in platform.tags]
    torch = [line for line in requirements if line.startswith("torch=")]
    if torch and platform.markers["sys_platform"] == "linux":
        patience = ["--retries", "1", "--timeout", "15"]
        small = [*command, "--index-url", CPU_INDEX, *patience, *torch]
        if subprocess.run(small, capture_output=True).returncode == 0:
            requirements = [line for line in requirements if line not in torch]
        else:
            print(f"  {CPU_INDEX} can't be reached: the box grows by gigabytes")
    done = subprocess.run([*command, *requirements], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise BoxError(f"pip could not download all:\n{done.stderr}")


def this_platform() -> str | None:
    """The name of the machine that we are on, if boxes can be made for it."""
    names = {"linux": "linux", "darwin": "mac", "win32": "windows"}
    return names.get(sys.platform)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.box",
        description="Fill a folder that installs the course without any network.",
    )
    versions = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    here = f"3.{sys.version_info.minor}"
    parser.add_argument("folder", type=Path)
    parser.add_argument("--platform", choices=PLATFORMS, default=this_platform())
    parser.add_argument("--python", choices=versions, default=here)
    wanted = parser.parse_args(arguments)
    folder = wanted.folder.resolve()
    own = {"assets", "course", "wheels", "install.py", "made-for.txt"}
    if folder.is_dir() and any(path.name not in own for path in folder.iterdir()):
        sys.exit(f"{folder} holds other things: name a new folder, or an older box")
    try:
        fill(folder, wanted.platform, wanted.python)
    except (BoxError, OSError, assets.AssetError) as error:
        sys.exit(str(error))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder} has {size / 1e6:.0f} MB. There: python {folder.name}/install.py")


if __name__ == "__main__":
    main()
