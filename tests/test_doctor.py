"""The doctor: each kind of broken installation is named, with what mends it."""

import collections
import json
import os
import subprocess
import sys

import pytest

from helpers import assets, doctor
from helpers.doctor import Finding


def fix_of(finding):
    assert finding.fix, finding
    return f"{finding.found} -> {finding.fix}"


def packages(monkeypatch, **versions):
    """What the doctor says if these packages have these versions ("": missing)."""
    real = doctor._installed_version
    monkeypatch.setattr(
        doctor, "_installed_version", lambda name: versions.get(name, real(name))
    )
    return doctor.check_packages()


def probed(monkeypatch, lines, error="", status=0):
    """What the doctor says if the probe printed these lines and ended so."""
    output = "".join(json.dumps(line) + "\n" for line in lines).encode()
    done = subprocess.CompletedProcess([], status, output, error.encode())
    monkeypatch.setattr(doctor.subprocess, "run", lambda *a, **k: done)
    return doctor.check_running(encode=True)


def test_all_is_well(capsys, encoder):
    status = doctor.main()
    said = capsys.readouterr().out
    assert status == 0, said
    assert "FIX" not in said
    assert "a vector    'A sentence becomes a vector.' -> [0.0170," in said
    assert said.endswith("All is well.\n")


@pytest.mark.fault("doctor", "clear error")
def test_a_missing_package(monkeypatch):
    said = fix_of(packages(monkeypatch, bm25s="", tokenizers=""))
    assert "bm25s is missing (the course needs it)" in said
    assert "tokenizers is missing (" in said
    assert said.endswith("-m pip install -c constraints.txt -e .")


@pytest.mark.fault("doctor", "clear error")
def test_a_wrong_version(monkeypatch):
    assert "tqdm is 4.1, and " in fix_of(packages(monkeypatch, tqdm="4.1"))
    finding = packages(monkeypatch, tqdm="4.99.9")
    assert not finding.fix
    assert "tqdm 4.99.9 (locked: " in finding.found


@pytest.mark.fault("doctor", "clear error")
def test_many_missing_packages_are_counted(monkeypatch):
    monkeypatch.setattr(doctor, "_installed_version", lambda name: "")
    assert "more" in fix_of(doctor.check_packages())


@pytest.mark.fault("doctor", "clear error")
def test_neither_packaging_nor_pip(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    assert not doctor.check_packages().fix  # pip has a copy of its own
    monkeypatch.setitem(sys.modules, "pip._vendor.packaging.requirements", None)
    assert "-m ensurepip" in fix_of(doctor.check_packages())


@pytest.mark.fault("doctor", "clear error")
def test_an_unfit_python_is_all_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "python_problem", lambda version: "too old")
    assert doctor.main() == 1
    assert "FIX  python" in capsys.readouterr().out
    assert len(list(doctor.findings())) == 1


@pytest.mark.fault("doctor", "clear error")
def test_another_python_than_the_one_of_the_course(monkeypatch, tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    monkeypatch.setattr(doctor, "ROOT", str(tmp_path))
    monkeypatch.setattr(doctor, "venv_python", lambda folder: str(python))
    monkeypatch.setattr(doctor, "_installed_version", lambda name: "")
    assert f"start this with {python}" in fix_of(doctor.check_python())


@pytest.mark.fault("doctor", "clear error")
def test_model_and_data(monkeypatch, tmp_path):
    monkeypatch.setenv(assets.CACHE_VARIABLE, str(tmp_path))
    folder = tmp_path / assets.MINILM.name
    found = doctor.check_assets()
    assert found[0].part == "model"
    assert f"is not there: {folder}" in fix_of(found[0])
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"half a model")
    assert "is damaged" in fix_of(doctor.check_assets()[0])
    monkeypatch.setenv(assets.CACHE_VARIABLE, "here")
    assert "absolute path" in fix_of(doctor.check_assets()[0])
    monkeypatch.setitem(sys.modules, "helpers.assets", None)
    monkeypatch.delattr(sys.modules["helpers"], "assets")
    assert "First the packages" in fix_of(doctor.check_assets()[0])


@pytest.mark.fault("doctor", "clear error")
def test_memory(monkeypatch):
    monkeypatch.setattr(doctor, "_free_memory", lambda: 1.2e9)
    assert "only 1.2 GB" in fix_of(doctor.check_memory())
    monkeypatch.setattr(doctor, "_free_memory", lambda: None)
    assert doctor.check_memory() == Finding("memory", "not known here")


def test_a_container_has_less_than_its_machine(monkeypatch):
    files = {"memory.max": "3000", "memory.current": "1000", "cpu.max": "100000 100000"}
    monkeypatch.setattr(doctor, "_cgroup", lambda name: files[name])
    assert doctor._free_memory() == 2000
    assert doctor.cores() == 1
    files.update({"memory.max": "max", "cpu.max": "max 100000"})
    assert doctor._free_memory() > 2000
    monkeypatch.delattr(doctor.os, "sched_getaffinity", raising=False)
    assert doctor.cores() == os.cpu_count()
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert doctor._free_memory() is None


@pytest.mark.fault("doctor", "clear error")
def test_a_disk_that_is_full_or_closed(monkeypatch, tmp_path):
    assert "No such file" in fix_of(doctor._check_folder(str(tmp_path / "gone")))
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage(1e8))
    assert "only 0.10 GB" in fix_of(doctor._check_folder(str(tmp_path)))


@pytest.mark.fault("doctor", "clear error")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ModuleNotFoundError: No module named 'gone'", "-c constraints.txt"),
        ("ModuleNotFoundError: No module named 'regex'", "--no-deps regex=="),
        ("ImportError: cannot import name 'T' from 'tokenizers' (x)", "tokenizers=="),
        ("AttributeError: partially initialized module 'x'", "Rename it"),
        ("", "it crashed, exit status -7"),
    ],
)
def test_an_import_that_fails(monkeypatch, error, expected):
    said = [{"doing": "import torch"}]
    assert expected in fix_of(probed(monkeypatch, said, error, -7)[0])


@pytest.mark.fault("doctor", "clear error")
def test_a_damaged_torch_comes_from_where_it_came(monkeypatch):
    monkeypatch.setattr(doctor, "_installed_version", lambda name: "2.13.0+cpu")
    found = probed(monkeypatch, [{"doing": "import torch"}], "", 1)
    assert f"torch==2.13.0+cpu --extra-index-url {doctor.CPU_INDEX}" in found[0].fix


@pytest.mark.fault("doctor", "clear error")
def test_what_the_probe_finds_out(monkeypatch):
    said = [
        {"helpers": "/elsewhere/helpers/__init__.py", "threads": 99},
        {"kernel": "/usr/bin/python9"},
        {"vector": [1.0, 0.0, 0.0, 0.0]},
    ]
    _, helpers, kernel, threads, vector = probed(monkeypatch, said)
    assert "take helpers from /elsewhere" in fix_of(helpers)
    assert "another Python: /usr/bin/python9" in fix_of(kernel)
    assert "OMP_NUM_THREADS=" in fix_of(threads)
    assert "but it should be [0.0170, " in fix_of(vector)


@pytest.mark.fault("doctor", "clear error")
def test_a_file_with_the_name_of_a_package(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "ROOT", str(tmp_path))
    for name in ("torch", "site"):
        (tmp_path / "my_notebooks" / name).mkdir(parents=True)
    for name in ("random.py", "01.ipynb", "mine.py", "torch/__init__.py"):
        (tmp_path / "my_notebooks" / name).write_text("")
    (finding,) = doctor.check_names()
    assert finding.found.startswith("random.py, torch in ")
    assert "Rename it" in fix_of(finding)


@pytest.mark.fault("doctor", "clear error")
def test_a_probe_without_end(monkeypatch):
    def wait(*arguments, **options):
        raise subprocess.TimeoutExpired("python", 300)

    monkeypatch.setattr(doctor.subprocess, "run", wait)
    assert "not done after 300 seconds" in fix_of(doctor.check_running(True)[0])


@pytest.mark.fault("doctor", "clear error")
def test_without_the_model_no_sentence_is_encoded(monkeypatch, capsys):
    missing = [Finding("model", "not there", "fetch it")]
    monkeypatch.setattr(doctor, "check_assets", lambda: missing)
    monkeypatch.setattr(doctor, "check_running", lambda encode: [Finding("x", encode)])
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "x           False" in said
    assert said.endswith("1 to mend, from the top.\n")
