"""What to say of an error in an answer: its message, and the student's own line."""

import sysconfig
import traceback
from pathlib import Path

from helpers.checks import attempt
from helpers.checks.attempt import Outcome
from helpers.checks.time_limit import TimeUp

HELPERS = str(Path(__file__).parents[1])
STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]


def is_stub(tried: Outcome) -> bool:
    """An exercise left as it was: it returns `...`, or raises NotImplementedError."""
    if isinstance(tried.error, NotImplementedError):
        last = traceback.extract_tb(tried.error.__traceback__)[-1]
        by_hand = "raise" in (last.line or "raise")  # PyTorch raises it, too
        return by_hand and _is_students(last)
    stubs = (..., NotImplemented, NotImplementedError)
    return tried.error is None and any(tried.returned is stub for stub in stubs)


def raised(error: BaseException) -> str:
    """Sentences on `error`, with the last line of the student's on its way."""
    if isinstance(error, TimeUp):
        return _late(error.args[0], attempt.SECONDS)
    if isinstance(error, RecursionError):
        return f"Your function calls itself without end.{_line(error)}"
    return f"Your function raised {message(error)}{_line(error)}"


def _late(took: float, allowed: float) -> str:
    """Without its line: that is where it happened to be."""
    if took < allowed + 2:  # a busy machine stops later, and says the same
        text = f"Your function was stopped after {allowed:g} seconds"
        return f"{text}: does its loop ever end?"
    return (
        f"Your function took {took:.0f} seconds, where {allowed:g} are allowed, and "
        "could not be stopped earlier: does it do more work than it needs?"
    )


def message(error: BaseException | None) -> str:
    """Type and text of an error, on one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # its own __str__ raises
        text = ""
    text = text if len(text) <= 200 else text[:199] + "…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line(error: BaseException) -> str:
    """The student's own line, on a line of its own; "" if it is not known."""
    frames = traceback.extract_tb(error.__traceback__)
    own = next(filter(_is_students, reversed(frames)), None)
    if own is None or not own.line:
        return ""
    return f"\n  in line {own.lineno}: {own.line}"


def _is_students(frame: traceback.FrameSummary) -> bool:
    name = frame.filename
    installed = "site-packages" in name or "dist-packages" in name
    inside = name.startswith((HELPERS, STANDARD_LIBRARY, "<frozen", "<__array"))
    return not installed and not inside
