"""The verdict on an answer: not attempted, wrong (and probably why), or right (and what to notice)."""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

Answer = Callable[..., Any]
Mistake = tuple[str, Callable[[Answer], bool]]  # what to tell the student, and how to recognize it


def judge(answer: Answer, cases: Sequence[tuple], reference: Answer, mistakes: Sequence[Mistake], notice: str) -> None:
    """Print the verdict on `answer`, which should give what `reference` gives for the arguments of every case.

    The first mistake that recognizes a wrong answer is named. `notice` goes with the praise.
    """
    try:
        results = [call(answer, case) for case in cases]
    except NotImplementedError:
        results = [None]
    except Exception as error:
        results = [error]
    if results[0] is None or results[0] is ...:
        print("○ Not attempted yet: write the function above, then run its cell and this one again.")
        return
    expected = [call(reference, case) for case in cases]
    right = len(results) == len(expected) and all(map(same, results, expected))
    hint = next((message for message, seen_in in mistakes if recognizes(seen_in, answer)), None)
    if right and not hint:
        print(f"✓ Right. {notice}")
    else:
        print(f"✗ Not yet. {hint or describe(results, expected)}")


def like(wrong: Answer, cases: Sequence[tuple]) -> Callable[[Answer], bool]:
    """Recognizes an answer that gives what the typical wrong function gives, in every case."""
    return lambda answer: all(same(call(answer, case), call(wrong, case)) for case in cases)


def call(function: Answer, case: tuple) -> Any:
    return function(*deepcopy(case))  # an answer that works in place must not spoil the next comparison


def recognizes(seen_in: Callable[[Answer], bool], answer: Answer) -> bool:
    try:
        return seen_in(answer)
    except Exception:  # an answer may raise on the input that reveals the mistake: then it is another one
        return False


def same(a: Any, b: Any) -> bool:
    """Equal, decimals within rounding; sequences element by element, whether list, tuple or tensor."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        try:
            a, b = torch.as_tensor(a), torch.as_tensor(b)
        except (TypeError, ValueError, RuntimeError):  # a ragged list, a word, ...
            return False
        return a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-5, equal_nan=True)
    a, b = (x.tolist() if hasattr(x, "tolist") else x for x in (a, b))  # arrays and their scalars
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, int | float) and isinstance(b, int | float) and math.isclose(a, b, rel_tol=1e-6)
    return a == b


def describe(results: Sequence[Any], expected: Sequence[Any]) -> str:
    """What can be said of a wrong answer that no mistake recognizes."""
    if isinstance(results[0], Exception):
        return f"Your function raised {type(results[0]).__name__}: {results[0]}"
    got, wanted = next(pair for pair in zip(results, expected, strict=True) if not same(*pair))
    if isinstance(got, Tensor) and isinstance(wanted, Tensor):
        if got.shape != wanted.shape:
            return f"Your result has shape {list(got.shape)}, expected {list(wanted.shape)}."
        return f"The shape {list(got.shape)} is right, the values are not: try it on two rows that you can do by hand."
    if type(got) is not type(wanted):
        return f"Your function returns a {type(got).__name__}, expected a {type(wanted).__name__}."
    return f"Your function returns {got}, expected {wanted}."
