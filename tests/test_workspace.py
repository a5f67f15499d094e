"""Working copies: made when missing, renewed on request, never overwritten."""

import subprocess
import sys

import pytest

from helpers import workspace


@pytest.fixture
def root(tmp_path):
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    for name in ("01.ipynb", "solutions/01.ipynb"):
        (tmp_path / "notebooks" / name).write_text(f"lesson {name}")
    return tmp_path


def copies(root, folder=workspace.FOLDER):
    names = workspace.lessons(root)
    return [(root / folder / name).read_text() for name in names]


def test_copies_are_made(root):
    assert workspace.update(root) == []
    assert copies(root) == ["lesson 01.ipynb", "lesson solutions/01.ipynb"]


def test_an_untouched_copy_follows_the_lesson(root):
    workspace.update(root)
    (root / "notebooks/01.ipynb").write_text("revised")
    assert workspace.update(root) == []
    assert copies(root)[0] == "revised"


@pytest.mark.fault("workspace", "right result")
def test_a_changed_copy_stays(root):
    workspace.update(root)
    (root / workspace.FOLDER / "01.ipynb").write_text("my answers")
    assert workspace.update(root) == []  # the lesson is the same: nothing to tell
    (root / "notebooks/01.ipynb").write_text("revised")
    assert workspace.update(root) == workspace.update(root) == ["01.ipynb"]
    assert copies(root)[0] == "my answers"


@pytest.mark.fault("workspace", "right result")
def test_a_copy_without_a_record_is_the_users(root):
    (root / workspace.FOLDER).mkdir()
    (root / workspace.FOLDER / "01.ipynb").write_text("mine, from somewhere else")
    assert workspace.update(root) == ["01.ipynb"]
    assert copies(root)[0] == "mine, from somewhere else"


@pytest.mark.fault("workspace", "right result")
def test_renewing_sets_aside(root):
    assert workspace.renew(root) is None
    (root / workspace.FOLDER / "01.ipynb").write_text("my answers")
    assert workspace.renew(root).name == "my_notebooks.aside-1"
    assert copies(root)[0] == "lesson 01.ipynb"
    (root / workspace.FOLDER / "01.ipynb").write_text("other answers")
    assert workspace.renew(root).name == "my_notebooks.aside-2"
    assert copies(root, "my_notebooks.aside-1")[0] == "my answers"
    assert copies(root, "my_notebooks.aside-2")[0] == "other answers"


def revise(root):
    for name in workspace.lessons(root):
        (root / "notebooks" / name).write_text("revised")


@pytest.mark.fault("workspace", "right result")
@pytest.mark.parametrize(
    "record",
    [b"", b"\xff", b'{"01.ipynb":', b"null", b"[]", b"5", b'{"01.ipynb": 5}', None],
)
def test_a_spoiled_record_counts_as_empty(root, record):
    workspace.update(root)
    path = root / workspace.FOLDER / workspace.RECORD
    path.unlink()
    if record is None:
        path.mkdir()
    else:
        path.write_bytes(record)
    (root / workspace.FOLDER / "01.ipynb").write_text("my answers")
    workspace.update(root)  # the other copy equals its lesson: it is ours again
    revise(root)
    assert workspace.update(root) == ["01.ipynb"]
    assert copies(root) == ["my answers", "revised"]


@pytest.mark.fault("workspace", "right result")
@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_file_elsewhere_is_not_written_through_a_link(root, link):
    workspace.update(root)
    copy, backup = root / workspace.FOLDER / "01.ipynb", root / "backup"
    copy.rename(backup)
    getattr(copy, link)(backup)
    revise(root)
    assert workspace.update(root) == []
    assert copies(root)[0] == "revised"
    assert backup.read_text() == "lesson 01.ipynb"


@pytest.mark.fault("workspace", "right result")
def test_a_link_into_the_void_is_its_owners(root):
    workspace.update(root)
    copy = root / workspace.FOLDER / "01.ipynb"
    copy.unlink()
    copy.symlink_to(root / "gone")
    revise(root)
    assert workspace.update(root) == ["01.ipynb"]
    assert copy.is_symlink()
    assert not (root / "gone").exists()


@pytest.mark.fault("workspace", "right result")
@pytest.mark.parametrize("when", ["after it was moved", "before it is read", "both"])
def test_what_is_saved_during_the_update_stays(root, monkeypatch, when):
    """Jupyter opens its file by name: a moved one is made anew."""
    workspace.update(root)
    revise(root)
    copy = root / workspace.FOLDER / "01.ipynb"
    read = workspace._content

    def save(path):
        if path == copy.with_name(".01.ipynb.old"):
            if when != "after it was moved":
                path.write_text("saved early")  # was open before it was moved
            content = read(path)
            if when != "before it is read":
                copy.write_text("saved late")
            return content
        return read(path)

    monkeypatch.setattr(workspace, "_content", save)
    assert workspace.update(root) == ["01.ipynb"]
    late = when != "before it is read"
    assert copies(root)[0] == ("saved late" if late else "saved early")
    aside = copy.with_name("01.ipynb.aside-1")
    assert aside.exists() == (when == "both")
    assert not aside.exists() or aside.read_text() == "saved early"


@pytest.mark.fault("workspace", "right result")
def test_what_a_killed_update_has_moved_comes_back(root):
    workspace.update(root)
    copy = root / workspace.FOLDER / "01.ipynb"
    copy.rename(copy.with_name(".01.ipynb.old"))
    copy.with_name(".01.ipynb.old").write_text("my answers")
    revise(root)
    assert workspace.update(root) == ["01.ipynb"]
    assert copies(root) == ["my answers", "revised"]


@pytest.mark.fault("workspace", "right result")
def test_a_file_system_without_links(root, monkeypatch):
    def link(*_, **__):
        raise PermissionError("no links here")

    monkeypatch.setattr(workspace.os, "link", link)
    workspace.update(root)
    revise(root)
    assert workspace.update(root) == []
    assert copies(root) == ["revised"] * 2
    copy = root / workspace.FOLDER / "01.ipynb"
    assert not workspace._publish(root / "notebooks/01.ipynb", copy)


@pytest.mark.fault("workspace", "right result")
@pytest.mark.parametrize("does", ["update", "renew"])
def test_several_at_once_do_not_disturb_each_other(root, does):
    code = f"from helpers import workspace; workspace.{does}({str(root)!r})"
    command = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(command, cwd=workspace.ROOT, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[1] for process in running] == [b""] * 4
    assert copies(root) == ["lesson 01.ipynb", "lesson solutions/01.ipynb"]
    aside = list(root.glob(f"{workspace.FOLDER}.aside-*"))
    assert len(aside) == (3 if does == "renew" else 0)


@pytest.mark.fault("workspace", "clear error")
@pytest.mark.parametrize("name", ["", "solutions"])
@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_in_the_place_of_a_folder_is_named(root, name, is_link):
    path = root / workspace.FOLDER / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(root / "gone") if is_link else path.write_text("mine")
    with pytest.raises(workspace.WorkspaceError, match="has to be a folder") as error:
        workspace.update(root)
    assert str(path) in str(error.value)
    assert is_link or path.read_text() == "mine"
    assert workspace.renew(root).name == "my_notebooks.aside-1"


@pytest.mark.fault("workspace", "clear error")
def test_a_folder_in_the_place_of_a_copy_is_named(root):
    path = root / workspace.FOLDER / "01.ipynb"
    path.mkdir(parents=True)
    (path / "mine").write_text("mine")
    with pytest.raises(
        workspace.WorkspaceError, match=r"01\.ipynb has to be a notebook"
    ):
        workspace.update(root)
    assert (path / "mine").read_text() == "mine"


@pytest.mark.fault("workspace", "clear error")
@pytest.mark.parametrize("does", [workspace.update, workspace.renew])
def test_a_root_without_lessons_is_named(tmp_path, does):
    for root in (tmp_path, tmp_path / "gone", str(tmp_path)):
        with pytest.raises(workspace.WorkspaceError, match=r"no folder .*notebooks"):
            does(root)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("workspace", "clear error")
@pytest.mark.parametrize("argument", ["--renwe", "--rene", "renew", "--renew=1"])
def test_unknown_arguments_change_nothing(root, monkeypatch, capsys, argument):
    monkeypatch.setattr(workspace, "ROOT", root)
    with pytest.raises(SystemExit, match="2"):
        workspace.main([argument])
    assert "usage: python -m helpers.workspace" in capsys.readouterr().err
    assert not (root / workspace.FOLDER).exists()


def test_the_command_says_where_the_copies_are(root, monkeypatch, capsys):
    monkeypatch.setattr(workspace, "ROOT", root)
    with pytest.raises(SystemExit, match="0"):
        workspace.main(["--help"])
    assert "set the old copies aside" in capsys.readouterr().out
    workspace.main(["--renew"])
    (root / workspace.FOLDER / "01.ipynb").write_text("my answers")
    revise(root)
    workspace.main([])
    workspace.main(["--renew"])
    assert capsys.readouterr().out.splitlines() == [
        "Fresh copies are in my_notebooks",
        "01.ipynb is newer than your changed copy, which stays: make renew",
        "Your copies of the lessons are in my_notebooks",
        "Fresh copies are in my_notebooks; the old ones in my_notebooks.aside-1",
    ]


@pytest.mark.fault("workspace", "clear error")
def test_the_command_says_what_is_in_the_way(root, monkeypatch):
    monkeypatch.setattr(workspace, "ROOT", root)
    (root / workspace.FOLDER).write_text("mine")
    with pytest.raises(SystemExit, match="has to be a folder"):
        workspace.main([])
