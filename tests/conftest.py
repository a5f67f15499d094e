"""What all tests share: the encoder, the reference, and the table of faults."""

import os
from collections import Counter

# Before anything reads them: no test may need a model hub, and threads that wait for
# each other by spinning make small models ten times as slow beside another process.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest

from helpers.assets import MINILM, fetch
from helpers.storage import load_encoder

OUTCOMES = ("clear error", "right result")


@pytest.fixture(scope="session")
def encoder():
    return load_encoder()


@pytest.fixture(scope="session")
def library():
    """The reference: sentence-transformers on the same files."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(fetch(MINILM)), device="cpu")


def pytest_collection_modifyitems(items):
    """A test marked fault(area, outcome) says so in its reports, case by case."""
    for item in items:
        for marker in item.iter_markers("fault"):
            area, outcome = marker.args
            if outcome not in OUTCOMES:
                raise pytest.UsageError(
                    f"{item.nodeid}: outcome {outcome!r}, not in {OUTCOMES}"
                )
            item.user_properties.append(("fault", (area, outcome)))


def pytest_terminal_summary(terminalreporter):
    _print_answers(terminalreporter)
    _print_faults(terminalreporter)


def _recorded(terminalreporter, name):
    """Status and value of each property of that name; they come from workers, too."""
    for status in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(status):
            for key, value in report.user_properties:
                if key == name:
                    yield status, value


def _print_answers(terminalreporter):
    """What the checks made of right and wrong answers, by exercise."""
    rows = dict(value for _, value in _recorded(terminalreporter, "answers"))
    if not rows:
        return
    terminalreporter.section("answers to the exercises")
    heads = ("right", "refused", "wrong", "praised", "named")
    line = "{:30}" + "{:>9}" * len(heads)
    terminalreporter.line(line.format("exercise", *heads))
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    for name, row in [*sorted(rows.items()), ("all exercises", total)]:
        share = f"{row[-1] / row[2]:.0%}"
        terminalreporter.line(line.format(name, *row[:-1], share))


def _print_faults(terminalreporter):
    """What the marked tests tried: no row may hold a silent wrong."""
    counts = Counter()
    for status, (area, outcome) in _recorded(terminalreporter, "fault"):
        counts[area, outcome if status == "passed" else "silent wrong"] += 1
    if not counts:
        return
    columns = (*OUTCOMES, "silent wrong")
    terminalreporter.section("faults")
    terminalreporter.line(
        f"{'area':16}{'faults tried':>14}" + "".join(f"{c:>14}" for c in columns)
    )
    areas = sorted({area for area, _ in counts})
    rows = [(area, [counts[area, column] for column in columns]) for area in areas]
    rows.append(
        ("all", [sum(column) for column in zip(*(r for _, r in rows), strict=True)])
    )
    for area, row in rows:
        numbers = "".join(f"{number:>14}" for number in (sum(row), *row))
        terminalreporter.line(f"{area:16}{numbers}")
