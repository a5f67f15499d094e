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
    """Print what the marked tests tried: no row may hold a silent wrong."""
    counts = Counter()
    for status in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(status):
            for name, (area, outcome) in report.user_properties:
                if name == "fault":
                    outcome = outcome if status == "passed" else "silent wrong"
                    counts[area, outcome] += 1
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
