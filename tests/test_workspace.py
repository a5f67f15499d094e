"""Working copies: made when missing, renewed on request, never overwritten."""

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
