"""First contact: what is said and chosen before anything is installed."""

import collections
import os
import subprocess
import sys

import pytest

from helpers import install
from helpers.assets import ALL


@pytest.fixture
def failing():
    """Words: a command with one of them fails."""
    return []


@pytest.fixture
def calls(monkeypatch, tmp_path, failing):
    """What was run, in order, on a Linux machine without a graphics card."""
    made = []

    def run(command, folder=None):
        made.append(" ".join(map(str, command)))
        return int(any(word in made[-1] for word in failing))

    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(install, "ROOT", str(tmp_path))
    monkeypatch.setattr(install, "run", run)
    monkeypatch.setattr(install.sys, "platform", "linux")
    monkeypatch.setattr(install.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(install, "has_nvidia_card", lambda: False)
    return made


def test_it_says_what_comes_and_takes_the_small_build(calls, capsys):
    assert install.main([]) == 0
    said = capsys.readouterr().out
    assert "450 MB of packages with PyTorch's CPU build" in said
    assert "about 2 minutes at 100 Mbit/s, 9 at 10 Mbit/s" in said
    venv, _, torch, course = calls
    assert "-m venv" in venv
    assert f"--no-deps --index-url {install.CPU_INDEX}" in torch
    assert course.endswith("install --constraint constraints.txt --editable .")


def test_a_second_start_does_nothing(calls):
    install.main([])
    calls.clear()
    assert install.main([]) == 0
    assert calls == []
    os.utime(os.path.join(install.ROOT, "pyproject.toml"))
    os.utime(os.path.join(install.ROOT, ".venv", "ready"), (1, 1))
    install.main([])
    assert calls


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_the_choice_of_the_other_build(calls, capsys, monkeypatch, wanted):
    monkeypatch.setattr(install, "has_nvidia_card", lambda: wanted == "auto")
    assert install.main(["--torch", wanted]) == 0
    assert not any("--index-url" in call for call in calls)
    assert "3000 MB" in capsys.readouterr().out


def test_a_mirror(calls):
    install.main(["--torch", "https://mirror.example/cpu"])
    assert "--index-url https://mirror.example/cpu" in calls[2]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_pip_has_the_small_build(calls, monkeypatch, system):
    monkeypatch.setattr(install.sys, "platform", system)
    monkeypatch.setattr(install.platform, "machine", lambda: "arm64")
    assert install.main(["--torch", "cpu"]) == 0
    assert not any("--index-url" in call for call in calls)


def test_lab_goes_on_to_the_first_lesson(calls, failing):
    assert install.main(["--lab"]) == 0
    assert [call.split("-m ")[1] for call in calls[-3:]] == [
        "helpers.assets",
        "helpers.workspace",
        "jupyter lab 01_tokenization.ipynb",
    ]
    failing.append("helpers.assets")
    assert install.main(["--lab"]) == 1
    assert "helpers.assets" in calls[-1]


@pytest.mark.fault("install", "right result")
def test_an_index_out_of_reach_is_said_and_passed_by(calls, failing, capsys):
    failing.append("--index-url")
    assert install.main([]) == 0
    assert "can't be reached" in capsys.readouterr().out
    assert calls[-1].endswith("--editable .")


@pytest.mark.fault("install", "clear error")
@pytest.mark.parametrize(
    ("word", "message"),
    [("-m venv", "python3-venv"), ("--editable", "the reason is above")],
)
def test_what_only_a_person_can_provide(calls, failing, capsys, word, message):
    failing.append(word)
    assert install.main([]) == 1
    assert message in capsys.readouterr().out
    assert not os.path.exists(os.path.join(install.ROOT, ".venv", "ready"))


@pytest.mark.fault("install", "clear error")
def test_a_disk_without_room(calls, capsys, monkeypatch):
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: usage(1e9))
    assert install.main([]) == 1
    assert "only 1.0 GB free" in capsys.readouterr().out
    assert calls == []


@pytest.mark.fault("install", "clear error")
def test_a_mac_with_an_intel_processor(calls, capsys, monkeypatch):
    monkeypatch.setattr(install.sys, "platform", "darwin")
    assert install.main([]) == 1
    assert "conda way" in capsys.readouterr().out


@pytest.mark.fault("install", "clear error")
@pytest.mark.parametrize(
    ("version", "wordsize", "message"),
    [
        ((3, 9, 18), 2**63, "is 3.9.18"),
        ((3, 15, 0), 2**63, "no build yet"),
        ((2, 7, 18), 2**63, "is 2.7.18"),
        ((3, 12, 1), 2**31, "32 bit"),
    ],
)
def test_a_python_that_does_not_fit(monkeypatch, version, wordsize, message):
    assert (
        install.python_problem((3, 11, 0)) == install.python_problem((3, 14, 9)) == ""
    )
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    said = install.python_problem(version, wordsize)
    assert "needs Python 3.11 to 3.14" in said
    assert message in said
    assert "python.org" in said
    monkeypatch.setattr(install.shutil, "which", lambda name: name == "python3.12")
    assert "make lab PYTHON=python3.12" in install.python_problem(version, wordsize)


@pytest.mark.fault("install", "clear error")
def test_an_unfit_python_installs_nothing(calls, capsys, monkeypatch):
    monkeypatch.setattr(install, "python_problem", lambda version: "too old")
    assert install.main([]) == 1
    assert "too old" in capsys.readouterr().out
    assert calls == []


@pytest.mark.fault("install", "clear error")
def test_a_build_that_does_not_exist(calls, capsys):
    with pytest.raises(SystemExit, match="2"):
        install.main(["--torch", "cuda"])
    assert "auto, cpu, gpu or an address, not 'cuda'" in capsys.readouterr().err


@pytest.mark.fault("install", "clear error")
def test_ctrl_c(calls, capsys, monkeypatch):
    def stop(command, folder=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "run", stop)
    assert install.main([]) == 130
    assert "goes on" in capsys.readouterr().out


def test_the_card_is_looked_for(monkeypatch):
    monkeypatch.setattr(install.os.path, "exists", lambda path: False)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    assert not install.has_nvidia_card()
    monkeypatch.setattr(install.os.path, "exists", lambda path: path == "/dev/dxg")
    assert install.has_nvidia_card()


def test_commands_are_run(capsys):
    assert install.run([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert install.run(["there-is-no-such-program"]) == 1
    assert "No such file" in capsys.readouterr().out


def test_the_size_of_model_and_data():
    megabytes = sum(asset.megabytes for asset in ALL)
    assert megabytes <= install.ASSETS_MB + 1


@pytest.mark.parametrize("module", ["install", "doctor"])
def test_nothing_but_the_standard_library_is_imported(module):
    code = f"import sys; import helpers.{module}; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    )
    names = {name.split(".")[0] for name in said.stdout.split()}
    assert names <= {*sys.stdlib_module_names, "helpers", "__main__"}
