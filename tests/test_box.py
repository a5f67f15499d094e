"""The box: what goes in, and what its install.py makes of it, without pip's network."""

import subprocess
import sys
import zipfile

import pytest

from helpers import assets, box, unbox


def wheel(folder, name, *requires, version="1.0"):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        lines = [f"Requires-Dist: {line}" for line in requires]
        text = "\n".join([f"Metadata-Version: 2.1\nName: {name}", *lines])
        archive.writestr(f"{name}-{version}.dist-info/METADATA", text + "\n")
    return path


@pytest.fixture
def course(monkeypatch, tmp_path):
    """A course of two packages, and pip's downloads as they would come."""
    root = tmp_path / "course"
    (root / "helpers").mkdir(parents=True)
    (root / "my_notebooks").mkdir()
    (root / ".git").mkdir()
    (root / "helpers" / "unbox.py").write_text("print('unbox')")
    (root / "constraints.txt").write_text("# lock\nfirst==1.0\ntorch==1.0\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["builder>=1"]\n'
        '[project]\ndependencies = ["first[more]>=0.5", "torch; python_version>\'3\'"]\n'
    )
    known = {
        "first": ["last; sys_platform == 'win32'", "extra1; extra == 'more'"],
        "extra1": ["first"],
        "last": [],
        "torch": ["gpu; sys_platform == 'linux'"],
        "builder": [],
        "gpu": [],
    }
    asked = []

    def download(requirements, folder, platform, python):
        asked.append(sorted(requirements))
        for line in requirements:
            name = line.split("=")[0].split(">")[0]
            wheel(folder, name, *known[name])

    monkeypatch.setattr(box, "ROOT", root)
    monkeypatch.setattr(box, "download", download)
    monkeypatch.setattr(box.assets, "ALL", ())
    return root, asked


@pytest.mark.parametrize(
    ("platform", "more"), [("windows", "last"), ("linux", "gpu"), ("mac", None)]
)
def test_markers_are_read_for_the_other_machine(course, tmp_path, platform, more):
    _, asked = course
    box.main([str(tmp_path / "box"), "--platform", platform, "--python", "3.12"])
    assert asked[0] == ["builder>=1", "first==1.0", "torch==1.0"]
    assert asked[1] == sorted({"extra1", more} - {None})
    asked.clear()
    box.main([str(tmp_path / "box"), "--platform", platform])
    assert not any(asked)  # an older box is gone on with


def test_what_lies_in_the_box(course, tmp_path):
    folder = course[0] / "box"
    box.main([str(folder), "--platform", "mac", "--python", "3.12"])
    inside = sorted(path.name for path in folder.iterdir())
    assert inside == ["assets", "course", "install.py", "made-for.txt", "wheels"][1:]
    copied = sorted(path.name for path in (folder / "course").iterdir())
    assert copied == ["constraints.txt", "helpers", "pyproject.toml"]
    assert (folder / "install.py").read_text() == "print('unbox')"
    assert (folder / "made-for.txt").read_text() == "mac 3.12\n"


@pytest.mark.fault("box", "clear error")
def test_a_folder_with_other_things_is_refused(course, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(SystemExit, match="holds other things"):
        box.main([str(tmp_path / "mine")])
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def answer(status, said=""):
    return subprocess.CompletedProcess([], status, "", said)


@pytest.mark.fault("box", "clear error")
def test_pip_says_no(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(box.subprocess, "run", lambda *a, **k: answer(1, "no wheel"))
    linux = box.PLATFORMS["linux"]
    with pytest.raises(box.BoxError, match="no wheel"):
        box.download(["torch==1.0", "x"], tmp_path, linux, "3.12")
    assert "grows by gigabytes" in capsys.readouterr().out


def test_torch_comes_from_its_own_index(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        box.subprocess, "run", lambda command, **k: asked.append(command) or answer(0)
    )
    box.download(["torch==1.0", "x"], tmp_path, box.PLATFORMS["linux"], "3.12")
    assert box.CPU_INDEX in asked[0]
    assert asked[1][-1] == "x"
    box.download([], tmp_path, box.PLATFORMS["linux"], "3.12")
    assert len(asked) == 2


def test_assets_are_copied_anew(monkeypatch, course, tmp_path):
    asset = assets.STSB
    monkeypatch.setattr(box.assets, "ALL", (asset,))
    folder = tmp_path / "box"
    for _ in range(2):
        box.main([str(folder), "--platform", "mac"])
        assert assets.verified(asset, folder / "assets" / asset.name)
        (folder / "assets" / asset.name / "old").write_text("")
    assert (folder / "assets" / asset.name / "old").exists()


def test_all_assets_are_listed():
    every = [x for x in vars(assets).values() if isinstance(x, assets.Asset)]
    assert every == list(assets.ALL)


def test_the_machine_that_we_are_on(monkeypatch):
    monkeypatch.setattr(box.sys, "platform", "win32")
    assert box.this_platform() == "windows"


@pytest.fixture
def filled(monkeypatch, tmp_path):
    """A box, and the commands that its install.py gives."""
    folder, asked = tmp_path / "stick", []
    (folder / "course" / "helpers").mkdir(parents=True)
    here = unbox.SYSTEMS.get(sys.platform, sys.platform)
    (folder / "made-for.txt").write_text(f"{here} 3.{sys.version_info.minor}")
    monkeypatch.setattr(unbox, "BOX", str(folder))

    def call(command, cwd):
        asked.append(" ".join(command))
        (tmp_path / "there" / ".venv").mkdir(exist_ok=True)
        return int("doctor" in asked[-1] and "sick" in asked)

    monkeypatch.setattr(unbox.subprocess, "call", call)
    return folder, asked, str(tmp_path / "there")


def test_the_box_installs_without_a_network(filled, tmp_path, capsys):
    folder, asked, there = filled
    assert unbox.main([there]) == 0
    assert f"--isolated install --quiet --no-index --find-links {folder}" in asked[1]
    assert asked[-1].endswith("-m helpers.doctor")
    assert (tmp_path / "there" / ".venv" / "ready").exists()
    assert (tmp_path / "there" / "helpers").is_dir()
    assert "helpers.install --lab" in capsys.readouterr().out
    assert unbox.main([there]) == 0  # once more: it goes on


@pytest.mark.fault("box", "clear error")
def test_what_the_doctor_finds_stops_the_installation(filled, tmp_path, capsys):
    _, asked, there = filled
    asked.append("sick")
    assert unbox.main([there]) == 1
    assert "That went wrong" in capsys.readouterr().out
    assert not (tmp_path / "there" / ".venv" / "ready").exists()


@pytest.mark.fault("box", "clear error")
def test_a_box_for_another_machine(filled, capsys):
    folder, asked, there = filled
    (folder / "made-for.txt").write_text("mac 3.99")
    assert unbox.main([there]) == 1
    assert "This box is for mac with Python 3.99" in capsys.readouterr().out
    assert asked == []


@pytest.mark.fault("box", "clear error")
def test_a_folder_in_use_is_left_alone(filled, tmp_path, capsys):
    _, asked, there = filled
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("mine")
    assert unbox.main([there]) == 1
    assert "exists, and is not from a box" in capsys.readouterr().out
    assert asked == []


@pytest.mark.fault("box", "clear error")
def test_wrong_arguments_and_full_disks(filled, monkeypatch, capsys):
    assert unbox.main(["--help"]) == unbox.main(["one", "two"]) == 2

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device", "there")

    monkeypatch.setattr(unbox.shutil, "copytree", fail)
    assert unbox.main([filled[2]]) == 1
    assert "there: No space left on device" in capsys.readouterr().out
