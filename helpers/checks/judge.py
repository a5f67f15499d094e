"""The verdict on an answer: not attempted, wrong (and probably why), or right.

A check never reads source code. It calls the answer with fixed input, compares what
comes back with a reference, and names the mistake by comparing it with what typical
wrong answers give. It prints a verdict and never raises; only the stop button gets
through.

One rule for all exercises, for a lesson to quote: "What an exercise calls a tensor must
be a PyTorch tensor, of whole numbers for ids, positions and masks, of decimals for
vectors; a number may come from Python, NumPy or PyTorch; a list may be a tuple; and
your function leaves its input as it was."
"""

import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from helpers.checks import attempt
from helpers.checks.attempt import Outcome
from helpers.checks.compare import describe, kind, quote, same, type_fault
from helpers.checks.raised import is_stub, message, raised
from helpers.checks.time_limit import TimeUp

Answer = Callable[..., Any]
Mistake = tuple[str, Answer]  # what to tell the student, and a function that does it
# What to tell the student, and whether it applies to (returned, wanted, *arguments).
Sign = tuple[str, Callable[..., bool]]

RIGHT, WRONG, UNTRIED = "✓", "✗", "○"
EXERCISES: dict[str, Callable[..., None]] = {}  # by number, "3.1"; filled by `exercise`
_marks: dict[str, str] = {}  # the best verdict on each exercise in this kernel


class Case(NamedTuple):
    """Arguments of one call, and what to say if only cases like this one fail."""

    arguments: tuple
    hint: str = ""


class Trial(NamedTuple):
    """One case, and what the answer and the reference made of it."""

    case: Case
    tried: Outcome
    wanted: Outcome


class Verdict(NamedTuple):
    mark: str
    text: str
    printed: str = ""  # by the answer itself


def plainly(answer: Answer, *arguments: Any) -> Any:
    return answer(*arguments)


def exercise(number: str) -> Callable[[Callable[..., Verdict]], Callable[..., None]]:
    """Register a check under the number of its exercise; it prints and never raises."""

    def register(check: Callable[..., Verdict]) -> Callable[..., None]:
        @functools.wraps(check)
        def checked(*arguments: Any, **named: Any) -> None:
            try:
                with attempt.own_random_numbers():
                    verdict = check(*arguments, **named)
            except Exception as error:
                verdict = Verdict(WRONG, f"The check could not run: {message(error)}")
            if _marks.get(number) != RIGHT:
                _marks[number] = verdict.mark
            if verdict.printed:
                print(f"Your function printed:\n{verdict.printed}\n")
            print(wrapped(f"{verdict.mark} {verdict.text}"))

        EXERCISES[number] = checked
        return checked

    return register


def wrapped(text: str) -> str:
    """Lines of at most 88 columns: JupyterLab breaks longer ones within a word.

    Quoted code, which is indented, stays as it is.
    """
    lines = []
    for line in text.splitlines():
        fits = len(line) <= 88 or line.startswith(" ")
        lines += [line] if fits else textwrap.wrap(line, 88, break_long_words=False)
    return "\n".join(lines)


def summary(lesson: int) -> None:
    """Print how many exercises of a lesson are solved, as judged in this kernel."""
    numbers = [number for number in EXERCISES if number.startswith(f"{lesson}.")]
    if not numbers:
        lessons = sorted({number.split(".")[0] for number in EXERCISES})
        print(f"Lesson {lesson} has no exercises: try {lessons[0]} to {lessons[-1]}.")
        return
    marks = [_marks.get(number, UNTRIED) for number in numbers]
    each = ", ".join(f"{n} {mark}" for n, mark in zip(numbers, marks, strict=True))
    print(f"{marks.count(RIGHT)} of {len(numbers)} solved: {each}")


def judge(
    answer: Answer,
    *,
    reference: Answer,
    cases: Sequence[Case],
    mistakes: Sequence[Mistake],
    praise: str,
    signs: Sequence[Sign] = (),
    look: Callable[..., Any] = plainly,
    in_place: bool = False,
) -> Verdict:
    """The verdict on `answer`, which should give what `reference` gives in every case.

    Ordinary cases come first: the first one that fails is reported. Its mistake is the
    first of `mistakes` that gives the same there, preferably in all other cases, too;
    then the first of `signs` that applies. `look(function, *arguments)` calls a
    function and returns what counts of its result, for example its gradients as well.
    `in_place` allows the answer to change its arguments.
    """
    if unfit := _unfit(answer, reference):
        return unfit
    # The references first: what PyTorch imports at first is not the answer's time.
    wanted = [attempt.observe(reference, case.arguments, look) for case in cases]
    if errors := [outcome.error for outcome in wanted if outcome.error]:
        return Verdict(WRONG, f"The check could not run: {message(errors[0])}")
    trials = list(_try(answer, cases, wanted, look, in_place))
    first = trials[0].tried
    if is_stub(first):
        text = "Not attempted yet: write your code instead of the line `return ...`."
        return Verdict(UNTRIED, text, first.printed)
    wrong = [index for index, trial in enumerate(trials) if not _is_right(trial)]
    if not wrong:
        return Verdict(RIGHT, f"Right. {praise}", first.printed)
    failed = trials[wrong[0]]
    named = _mistake(wrong[0], trials, mistakes, look)
    if failed.tried.error:
        text = f"{named or _only_here(wrong[0], failed)} {raised(failed.tried.error)}"
    else:
        text = named or _reason(wrong[0], trials, signs, reference)
    return Verdict(WRONG, f"Not yet. {text.strip()}", first.printed)


def _unfit(answer: Any, reference: Answer) -> Verdict | None:
    """A verdict on what cannot be called with the arguments of the exercise."""
    parameters = list(inspect.signature(reference).parameters)
    if isinstance(answer, type) or not callable(answer):
        got = "a class" if isinstance(answer, type) else kind(answer)
        text = f"Give the check your function itself, its name alone: it got {got}."
        return Verdict(WRONG, f"Not yet. {text}")
    try:
        signature = inspect.signature(answer)
    except Exception:  # written in C: calling it will tell
        return None
    try:
        signature.bind(*parameters)
    except TypeError:
        needed = f"{len(parameters)} arguments: ({', '.join(parameters)})"
        needed = needed.replace("1 arguments", "1 argument")
        text = f"Your function must take {needed}. Yours takes {signature}."
        return Verdict(WRONG, f"Not yet. {text}")
    return None


def _try(
    answer: Answer,
    cases: Sequence[Case],
    wanted: Sequence[Outcome],
    look: Callable[..., Any],
    in_place: bool,
) -> Iterator[Trial]:
    """One trial a case, until the time is up."""
    for case, outcome in zip(cases, wanted, strict=True):
        tried = attempt.attempt(answer, case.arguments, look, in_place)
        yield Trial(case, tried, outcome)
        if isinstance(tried.error, TimeUp):
            return


def _is_right(trial: Trial) -> bool:
    return (
        trial.wanted.error is None  # to fail together is no praise
        and trial.tried.changed is None
        and _alike(trial.tried, trial.wanted)
        and not type_fault(trial.tried.returned, trial.wanted.returned)
    )


def _alike(a: Outcome, b: Outcome) -> bool:
    """The same result, or the same error."""
    if a.error or b.error:
        return message(a.error) == message(b.error)
    return same(a.seen, b.seen)


def _mistake(
    index: int,
    trials: Sequence[Trial],
    mistakes: Sequence[Mistake],
    look: Callable[..., Any],
) -> str:
    """What to say of the mistake that makes trial `index` fail, "" if none is known."""
    failed = trials[index]
    if _alike(failed.tried, failed.wanted):  # its values are right
        return ""
    best, most = "", (0, 0)
    for text, wrong in mistakes:
        theirs = attempt.observe(wrong, failed.case.arguments, look)
        both_raised = failed.tried.error and theirs.error
        if not (both_raised or _alike(failed.tried, theirs)):
            continue
        common = _common(wrong, index, trials, look)
        if common[0] and common > most:
            best, most = text, common
    return best


def _common(
    wrong: Answer, index: int, trials: Sequence[Trial], look: Callable[..., Any]
) -> tuple[int, int]:
    """In how many cases `wrong` errs as the answer does, and in how many it agrees.

    (0, 0) if it goes wrong in a case before `index`, where the answer is still right.
    """
    wrong_alike = alike = 0
    for i, trial in enumerate(trials):
        theirs = attempt.observe(wrong, trial.case.arguments, look)
        agrees = _alike(trial.tried, theirs)
        if i < index and not agrees:
            return 0, 0
        alike += agrees
        wrong_alike += agrees and not _alike(theirs, trial.wanted)
    return wrong_alike, alike


def _only_here(index: int, failed: Trial) -> str:
    """What to say of a failure if the cases before it went well."""
    if failed.case.hint or index == 0:
        return failed.case.hint
    return (
        "The first input goes well, another does not: is a size or a number of the "
        "first written into your function?"
    )


def _reason(
    index: int, trials: Sequence[Trial], signs: Sequence[Sign], reference: Answer
) -> str:
    """What can be said of a result that no mistake explains."""
    failed = trials[index]
    arguments = failed.case.arguments
    returned, wanted = failed.tried.returned, failed.wanted.returned
    if returned is None:
        return "Your function returned None: is `return` missing?"
    if failed.tried.changed is not None:
        name = list(inspect.signature(reference).parameters)[failed.tried.changed]
        return (
            f"Your function changes its input {name}, and the caller's is spoiled: "
            "work on a copy, with operations that make a new one."
        )
    for text, applies in signs:
        if _applies(applies, returned, wanted, *arguments):
            return text
    if fault := type_fault(returned, wanted):
        return fault
    if failed.case.hint:
        return failed.case.hint
    if len(trials) > 1 and all(same(returned, t.tried.returned) for t in trials):
        return (
            f"Your function returns {quote(returned)} whatever it gets: does it use "
            "a variable of the notebook instead of its arguments?"
        )
    described = describe(returned, wanted, arguments)
    return f"{_only_here(index, failed)} {described}"


def _applies(sign: Callable[..., bool], *observed: Any) -> bool:
    try:
        return bool(sign(*observed))
    except Exception:  # written for another type of result
        return False
