"""Say what is wrong with an installation and what mends it: `python -m helpers.doctor`.

A line for each part, "OK", or "FIX" with the command that helps; exit status 1 if there
is anything to mend. Works on a broken installation: up to the last lines it needs
nothing but Python's standard library, and what might crash runs in a process of its
own. Changes nothing. Does not look for newer versions, nor at graphics cards.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple

from helpers.install import CPU_INDEX, ROOT, python_problem, venv_python

# fix: "" if the part is in order, else what to do about it.
Finding = namedtuple("Finding", ["part", "found", "fix"])
Finding.__new__.__defaults__ = ("",)  # namedtuple(defaults=…) is young

MEMORY_GB = 2  # what the hungriest lesson takes
DISK_GB = 0.5  # for copies, checkpoints and what JupyterLab keeps
PROBE_SECONDS = 300  # to import everything from a slow disk
SENTENCE = "A sentence becomes a vector."
# The first numbers of its vector. Processors and versions differ by about 1e-6.
VECTOR = (0.0170, 0.0407, -0.0250, 0.0471)
TOLERANCE = 1e-3

# Runs where a notebook runs. Says what it is about to do, so that a crash has a name.
PROBE = """
import importlib, json, sys
def say(**found): print(json.dumps(found), flush=True)
for name in {modules}:
    say(doing="import " + name)
    importlib.import_module(name)
import helpers, torch
from jupyter_client.kernelspec import KernelSpecManager
say(helpers=helpers.__file__, threads=torch.get_num_threads())
say(kernel=KernelSpecManager().get_kernel_spec("python3").argv[0])
if {encode}:
    say(doing="encode a sentence")
    from helpers.encoder import encode
    from helpers.storage import load_encoder
    say(vector=encode(load_encoder(), [{sentence!r}])[0, :{size}].tolist())
say(doing="")
"""
MODULES = [
    *("numpy", "torch", "transformers", "scipy", "sklearn", "pandas", "ipywidgets"),
    *("matplotlib.pyplot", "jupyterlab", "sentence_transformers", "helpers.plots"),
]


def check_python() -> Finding:
    """Its version, and whether it is the one that the course was installed for."""
    found = f"{sys.version.split()[0]}, {sys.executable}"
    problem = python_problem(sys.version_info)
    if problem:
        return Finding("python", found, problem)
    own = venv_python(os.path.join(ROOT, ".venv"))
    if (
        os.path.exists(own)
        and not _same_python(own)
        and not _installed_version("torch")
    ):
        return Finding(
            "python", found, f"The course is in .venv: start this with {own}"
        )
    return Finding("python", found)


def check_packages() -> Finding:
    """Whether all that the course needs is there, in versions that go together."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        try:
            from pip._vendor.packaging.requirements import Requirement
        except ImportError:
            fix = f"{_python()} -m ensurepip, and then {_pip_install()}"
            return Finding("packages", "pip itself is missing", fix)
    wrong, versions = _walk(Requirement)
    if wrong:
        found = "; ".join(sorted(wrong)[:5])
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Finding("packages", found + more, _pip_install())
    pins = _pins()
    others = [
        f"{name} {version} (locked: {pins[name]})"
        for name, version in sorted(versions.items())
        if name in pins and version.split("+")[0] != pins[name]
    ]
    found = f"{len(versions)} as needed"
    if others:
        found += f"; {len(others)} not as locked, so that digits may differ: "
        found += ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
    return Finding("packages", found)


def _walk(requirement_class: type) -> tuple:
    """What is missing or of a wrong version, and the version of each package found.

    Follows what packages say that they need; a marker such as 'sys_platform == "win32"'
    may leave a requirement out.
    """
    import tomllib
    from importlib.metadata import requires

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    todo = [(requirement_class(line), "the course", "") for line in lines]
    wrong, versions, seen = {}, {}, set()
    while todo:
        need, who, extra = todo.pop()
        if need.marker and not need.marker.evaluate({"extra": extra}):
            continue
        version = _installed_version(need.name)
        if not version:
            wrong[need.name] = f"{need.name} is missing ({who} needs it)"
            continue
        if not need.specifier.contains(version, prereleases=True):
            found = f"{need.name} is {version}, and {who} needs {need.specifier}"
            wrong[need.name] = found
        versions[_canonical(need.name)] = version
        for extra in {"", *need.extras}:
            if (need.name, extra) not in seen:
                seen.add((need.name, extra))
                for line in requires(need.name) or []:
                    todo.append((requirement_class(line), need.name, extra))
    return list(wrong.values()), versions


def _installed_version(name: str) -> str:
    """ "" if it is not there, or what is left of it says no version."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name) or ""
    except (PackageNotFoundError, KeyError):
        return ""


def _pins() -> dict:
    with open(os.path.join(ROOT, "constraints.txt"), encoding="utf-8") as file:
        lines = [line.strip().split("==") for line in file if "==" in line]
    return {_canonical(name): version for name, version in lines}


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def check_assets() -> list:
    """Model and data: in the cache, and byte for byte as they should be."""
    try:
        from helpers import assets
    except ImportError as error:
        fix = "First the packages; then ask again"
        return [Finding("model, data", f"could not be looked at: {error}", fix)]
    try:
        cache = assets.cache_dir()
    except assets.AssetError as error:
        return [Finding("model, data", "the cache folder is not clear", str(error))]
    return [_check_asset(assets, asset, cache / asset.name) for asset in assets.ALL]


def _check_asset(assets: object, asset: object, folder: object) -> Finding:
    part = "model" if "model.safetensors" in asset.files else "data"
    if assets.verified(asset, folder):
        return Finding(part, f"{asset.name}, verified, in {folder}")
    state = "is damaged" if os.path.lexists(folder) else "is not there"
    fix = (
        f"With a network: {_python()} -m helpers.assets. Without one: set "
        f"{assets.CACHE_VARIABLE} to a folder that has it, or install from a box"
    )
    return Finding(part, f"{asset.name} {state}: {folder}", fix)


def check_memory() -> Finding:
    """What a kernel can still take."""
    free = _free_memory()
    if free is None:
        return Finding("memory", "not known here")
    if free < MEMORY_GB * 1e9:
        fix = f"A lesson takes up to {MEMORY_GB} GB: shut down other kernels, programs"
        return Finding("memory", f"only {free / 1e9:.1f} GB are free", fix)
    return Finding("memory", f"{free / 1e9:.1f} GB free")


def _free_memory() -> "int | None":
    """Bytes, of the machine or of the container that we are in, whichever is less."""
    try:
        import psutil
    except ImportError:
        return None
    free = psutil.virtual_memory().available
    limit, used = [_cgroup(f"memory.{x}").split() for x in ("max", "current")]
    if limit and used and limit != ["max"]:
        free = min(free, int(limit[0]) - int(used[0]))
    return free


def _cgroup(name: str) -> str:
    try:
        with open(f"/sys/fs/cgroup/{name}") as file:
            return file.read()
    except OSError:
        return ""


def check_disk() -> list:
    """Room, and the right to write, where the lessons write."""
    places = dict.fromkeys((ROOT, tempfile.gettempdir()))
    return [_check_folder(place) for place in places]


def _check_folder(folder: str) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1_000_000))
    except OSError as error:
        fix = "Make room there, or get the right to write, or move the course"
        return Finding("disk", f"{folder}: {error.strerror}", fix)
    free = shutil.disk_usage(folder).free / 1e9
    if free < DISK_GB:
        fix = f"Make room there: {DISK_GB} GB are needed"
        return Finding("disk", f"{folder}: only {free:.2f} GB are free", fix)
    return Finding("disk", f"{folder}: {free:.0f} GB free")


def cores() -> int:
    """Those that this process may use: a container may have fewer than its machine."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        count = os.cpu_count() or 1
    quota = _cgroup("cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        count = min(count, max(1, round(int(quota[0]) / int(quota[1]))))
    return count


def check_names() -> list:
    """Files beside the lessons that Python would take for a package's."""
    folder = _lessons()
    packages = {name.split(".")[0] for name in MODULES} | set(sys.stdlib_module_names)
    clashes = [
        name
        for name in sorted(os.listdir(folder))
        if os.path.splitext(name)[0] in packages
        # A folder without __init__.py comes after every installed package.
        and (name.endswith(".py") or os.path.exists(f"{folder}/{name}/__init__.py"))
    ]
    if not clashes:
        return []
    found = f"{', '.join(clashes)} in {folder}: Python takes it for the package"
    return [Finding("names", found, "Rename it, and restart the kernel")]


def _lessons() -> str:
    """Where notebooks run: a reader's copies, if there are any."""
    copies = os.path.join(ROOT, "my_notebooks")
    return copies if os.path.isdir(copies) else os.path.join(ROOT, "notebooks")


def check_running(encode: bool) -> list:
    """Import everything where a notebook does; if encode, encode a sentence, too."""
    code = PROBE.format(
        modules=MODULES, encode=encode, sentence=SENTENCE, size=len(VECTOR)
    )
    try:
        probe = subprocess.run(
            [sys.executable, "-c", code],
            cwd=_lessons(),
            capture_output=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
            timeout=PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        fix = "Try again: the first time a virus scanner reads every file"
        return [Finding("imports", f"not done after {PROBE_SECONDS} seconds", fix)]
    said = {}
    for line in probe.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("{"):
            said.update(json.loads(line))
    findings = [Finding("imports", f"{len(MODULES)} packages and helpers")]
    if probe.returncode:
        findings = [_stumble(said.get("doing", "start Python"), probe)]
    return findings + _judge(said)


def _stumble(doing: str, probe: object) -> Finding:
    """Where the probe ended, why, and what may help."""
    lines = probe.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
    why = lines[-1] if lines[-1] else f"it crashed, exit status {probe.returncode}"
    missing = re.search(r"(?:No module named|cannot import name .* from) '(\w+)", why)
    name = missing[1] if missing else doing.replace("import ", "").split(".")[0]
    fix = _pip_install()
    if "partially initialized" in why or "is not a package" in why:
        fix = "Is there a file of yours with the name of a package? Rename it"
    elif _installed_version(name):  # it is there, and still it does not work
        what = f"{name}=={_installed_version(name)}"
        if what.endswith("+cpu"):
            what += f" --extra-index-url {CPU_INDEX}"
        fix = f"{_python()} -m pip install --force-reinstall --no-deps {what}"
    return Finding("imports", f"{doing}: {why}", fix)


def _judge(said: dict) -> list:
    """Findings on what the probe said before it ended."""
    findings = []
    home = os.path.dirname(os.path.dirname(said.get("helpers", "")))
    if home and os.path.realpath(home) != os.path.realpath(ROOT):
        found = f"notebooks take helpers from {home}, not from {ROOT}"
        findings.append(Finding("helpers", found, _pip_install()))
    kernel = said.get("kernel", "python")
    if os.path.isabs(kernel) and not _same_python(kernel):
        fix = f"{_python()} -m ipykernel install --sys-prefix, and remove the other one"
        found = f"JupyterLab's kernel 'python3' is another Python: {kernel}"
        findings.append(Finding("kernel", found, fix))
    threads, most = said.get("threads"), cores()
    if threads:
        found = f"{threads} for {most} cores"
        fix = f"Set OMP_NUM_THREADS={most}: more threads than cores are slow"
        findings.append(Finding("threads", found, fix if threads > most else ""))
    if "vector" in said:
        findings.append(_judge_vector(said["vector"]))
    return findings


def _same_python(path: str) -> bool:
    # Not realpath alone: the python of every virtual environment links to the same one.
    return os.path.dirname(os.path.abspath(path)) == os.path.dirname(sys.executable)


def _judge_vector(vector: list) -> Finding:
    off = max(abs(a - b) for a, b in zip(vector, VECTOR))  # noqa: B905 (old Pythons)
    found = f"{SENTENCE!r} -> [{', '.join(f'{x:.4f}' for x in vector)}, …]"
    if off <= TOLERANCE:
        return Finding("a vector", found)
    expected = ", ".join(f"{x:.4f}" for x in VECTOR)
    found += f", but it should be [{expected}, …]"
    return Finding("a vector", found, _pip_install())


def _python() -> str:
    return f'"{sys.executable}"' if " " in sys.executable else sys.executable


def _pip_install() -> str:
    where = f'cd "{ROOT}"' if " " in ROOT else f"cd {ROOT}"
    return f"{where} && {_python()} -m pip install -c constraints.txt -e ."


def findings() -> "Iterator[Finding]":  # noqa: F821 (old Pythons read this)
    """Every finding, the quick ones first; of an unfit Python only that."""
    python = check_python()
    yield python
    if python.fix:
        return
    packages = check_packages()
    yield packages
    found = check_assets()
    yield from found
    yield check_memory()
    yield from check_disk()
    yield from check_names()
    model = [finding for finding in found if finding.part == "model"]
    yield from check_running(encode=bool(model) and not model[0].fix)


def main() -> int:
    wrong = 0
    for finding in findings():
        mark = "FIX" if finding.fix else "OK "
        print(f"{mark}  {finding.part:12}{finding.found}", flush=True)
        if finding.fix:
            wrong += 1
            print(f"     {'':12}-> {finding.fix}", flush=True)
    print(f"{wrong} to mend, from the top." if wrong else "All is well.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
