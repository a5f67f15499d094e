"""Progress: seen while it lasts, silent on request, and gone at the end."""

from types import SimpleNamespace

import pytest

from helpers import progress


class Page:
    """Stands in for a notebook page: what the one line on it has shown, in order."""

    def __init__(self):
        self.shown = []

    def display(self, content, display_id):
        assert display_id
        self.shown.append(content.data)
        return SimpleNamespace(update=self.update)

    def update(self, content, raw=False):
        self.shown.append(content if raw else content.data)


@pytest.fixture
def page(monkeypatch):
    """A notebook with a reader who has been waiting for more than a second."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    page = Page()
    monkeypatch.setattr(progress, "display", page.display)
    monkeypatch.setattr(progress, "get_ipython", lambda: SimpleNamespace(kernel=True))
    clock = iter(range(0, 10**6, 10))
    monkeypatch.setattr("tqdm.std.time", lambda: next(clock))
    return page


def test_line_shows_how_far_and_then_nothing(page):
    assert list(progress.bar(range(3), desc="encode <b>")) == [0, 1, 2]
    assert page.shown[0].startswith("encode &lt;b&gt;: 1 of 3, ")
    assert any("encode <b>: 3 of 3" in str(line) for line in page.shown)
    assert page.shown[-1] == {"text/plain": ""}


def test_updates_and_postfix_are_shown(page):
    with progress.bar(total=20, initial=5, desc="train") as bar:
        bar.update()
        bar.set_postfix(loss="0.5")
    assert page.shown[0].startswith("train: 6 of 20, ")
    assert any("loss=0.5" in str(line) for line in page.shown)
    assert page.shown[-1] == {"text/plain": ""}


def test_line_goes_when_the_work_is_interrupted(page):
    with pytest.raises(KeyboardInterrupt):
        for i in progress.bar(range(3), desc="encode"):
            if i == 2:
                raise KeyboardInterrupt
    assert page.shown[-1] == {"text/plain": ""}


def test_what_is_quick_shows_nothing(page, monkeypatch):
    monkeypatch.setattr("tqdm.std.time", lambda: 0.0)
    assert list(progress.bar(range(3), desc="encode")) == [0, 1, 2]
    assert page.shown == []


def test_tqdm_disable_silences_it(page, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert list(progress.bar(range(3), desc="encode")) == [0, 1, 2]
    assert page.shown == []


def test_a_terminal_gets_a_line_of_its_own(page, monkeypatch, capsys):
    monkeypatch.setattr(progress, "get_ipython", lambda: None)
    assert list(progress.bar(range(3), desc="encode", unit="batch")) == [0, 1, 2]
    assert "encode: " in capsys.readouterr().err
    assert page.shown == []
