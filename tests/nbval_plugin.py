"""How strictly nbval compares: words and integers to the letter, decimals nearly.

Load with `pytest -p tests.nbval_plugin --nbval`. nbval itself knows no tolerance: it
compares strings. Here each string becomes one that compares the text around its decimals
as it is, and the decimals as numbers.
"""

import math
import re
import sys
from collections import defaultdict

import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None

# More than two instruction sets differ by in what the notebooks print.
RELATIVE = ABSOLUTE = 2e-4
GIGABYTES = 2  # per kernel: what Binder gives
# A figure and its slider: bytes and alt text differ from machine to machine
PICTURE = re.compile(r"<(?:img|input) [^>]*>")
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")


class Tolerant(str):
    """Equals another string of the same words and integers, and close decimals."""

    __slots__ = ()

    def __eq__(self, other):
        if not isinstance(other, str):
            return NotImplemented
        ours, theirs = DECIMAL.findall(self), DECIMAL.findall(other)
        return DECIMAL.sub("#", self) == DECIMAL.sub("#", other) and all(
            math.isclose(float(a), float(b), rel_tol=RELATIVE, abs_tol=ABSOLUTE)
            for a, b in zip(ours, theirs, strict=True)
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = None


def pytest_configure(config):
    from nbval.plugin import IPyNbCell

    sanitize = IPyNbCell.sanitize
    IPyNbCell.sanitize = lambda cell, text: (
        Tolerant(PICTURE.sub("<img>", sanitize(cell, text)))
        if isinstance(text, str)
        else sanitize(cell, text)
    )


seconds = defaultdict(float)


def pytest_runtest_logreport(report):
    seconds[report.nodeid.split("::")[0]] += report.duration


def _largest_kernel() -> float:
    """Peak memory of the largest child process (a kernel) in GB; 0 on Windows.

    Those of pytest-xdist's workers are counted, too, once the workers have ended.
    """
    if resource is None:
        return 0.0
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("notebooks")
    for name, duration in seconds.items():
        terminalreporter.write_line(f"{name:50} {duration:5.0f} s")
    terminalreporter.write_line(
        f"largest kernel: {_largest_kernel():.2f} GB of memory, at most {GIGABYTES} "
        "allowed"
    )
    if _largest_kernel() > GIGABYTES:
        terminalreporter.write_line(
            "FAILED: a kernel needed more memory than Binder gives", red=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if _largest_kernel() > GIGABYTES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
