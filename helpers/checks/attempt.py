"""One call of an answer, and nothing escapes: no error, no endless loop, no print.

What it does to its arguments is seen, and the random numbers of the notebook around it
go on undisturbed. Does not protect against an answer that deletes files or ends the
kernel. What cannot be stopped is listed in `time_limit`.
"""

import contextlib
import io
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.checks.time_limit import TimeUp, limited

SECONDS = 5.0  # a call that takes longer is stopped; right answers take milliseconds
LINES = 8  # of what an answer prints


class Outcome(NamedTuple):
    """What one call of an answer led to."""

    returned: Any = None
    seen: Any = None  # what counts of it
    error: BaseException | None = None
    changed: int | None = None  # which argument was changed in place
    printed: str = ""


class Folded(io.TextIOBase):
    """Takes what is printed, keeps the first LINES lines and counts the others."""

    def __init__(self) -> None:
        self.kept, self.breaks = "", 0

    def write(self, text: str) -> int:
        if self.breaks < LINES:
            self.kept += text[:2000]
        self.breaks += text.count("\n")
        return len(text)

    def text(self) -> str:
        lines = self.kept.splitlines()[:LINES]
        more = self.breaks - LINES
        return "\n".join([*lines, f"… {more} more lines"] if more > 0 else lines)


def attempt(
    function: Callable, arguments: Sequence, look: Callable, in_place: bool
) -> Outcome:
    """What a student's function does with a copy of `arguments`, through `look`.

    `look(function, *arguments)` calls it and returns what counts of the result. With
    `in_place` the function may change its arguments.
    """
    printed = Folded()

    def run() -> Outcome:
        return observe(function, arguments, look, in_place)

    with contextlib.redirect_stdout(printed), own_modes():
        try:
            outcome = limited(run, SECONDS, inside=_call.__code__)
        except TimeUp as error:
            outcome = Outcome(error=error)
    return outcome._replace(printed=printed.text())


def observe(
    function: Callable, arguments: Sequence, look: Callable, in_place: bool = True
) -> Outcome:
    """As `attempt`, for functions that are known to end and to print nothing."""
    outcome: dict[str, Any] = {}

    def recorded(*given):
        before = _copy(given)
        try:
            outcome["returned"] = _call(function, given)
        except BaseException as error:
            outcome["error"] = error
            raise
        if not in_place and outcome.get("changed") is None:
            changes = (i for i, x in enumerate(given) if not _equal(before[i], x))
            outcome["changed"] = next(changes, None)
        return outcome["returned"]

    with own_random_numbers():
        try:
            outcome["seen"] = look(recorded, *_copy(tuple(arguments)))
        except (KeyboardInterrupt, TimeUp):  # the stop button, or the time is up
            raise
        except BaseException as error:  # such as SystemExit, from exit()
            if "returned" not in outcome:
                outcome["error"] = error
            elif "error" not in outcome:  # what came back is of no use to `look`
                outcome["seen"] = outcome["returned"]
    return Outcome(**outcome)


def _call(function: Callable, given: tuple) -> Any:
    """Every frame within this one is the answer's."""
    return function(*given)


@contextlib.contextmanager
def own_modes() -> Iterator[None]:
    """What PyTorch has for all cells, and an answer might leave set, as it was."""
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)


@contextlib.contextmanager
def own_random_numbers() -> Iterator[None]:
    """Seeded random numbers inside, and outside as if nothing had been drawn."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(0)
        np.random.seed(0)
        torch.default_generator.manual_seed(0)  # torch.manual_seed takes 1 ms
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _copy(value: Any) -> Any:
    """Tensors and containers copied; models, optimizers and functions shared."""
    if isinstance(value, Tensor):
        copied = value.detach().clone()
        return copied.requires_grad_(value.requires_grad)
    if type(value) in (list, tuple, set):
        return type(value)(map(_copy, value))
    return value


def _equal(before: Any, after: Any) -> bool:
    """Exactly as before, nan included; what `_copy` shares is not looked into."""
    if before is after:
        return True
    if type(before) is not type(after):
        return False
    if isinstance(before, Tensor):
        before, after = before.detach(), after.detach()
        same_form = before.shape == after.shape and before.dtype == after.dtype
        nan = (before != before) & (after != after) if same_form else None
        return same_form and bool(((before == after) | nan).all())
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_equal, before, after))
    return before == after
