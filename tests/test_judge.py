"""The verdict itself: it never raises, never hangs, and quotes what the student did."""

import contextlib
import copy
import inspect
import linecache
import random
import re
import signal
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers import checks, pooling
from helpers.checks import attempt, compare, judge, nb01, time_limit
from helpers.checks.judge import EXERCISES, Case, Verdict, exercise


@pytest.fixture(autouse=True)
def lines_as_long_as_they_come(request, monkeypatch):
    if "wrapped" not in request.node.name:
        monkeypatch.setattr(judge, "wrapped", str)


@pytest.fixture
def said(capsys, encoder):
    """said("mean_pool", answer) -> what the check prints."""

    def verdict(name, answer):
        arguments = [encoder.tokenizer] if name == "truncated" else []
        getattr(checks, name)(answer, *arguments)
        out, err = capsys.readouterr()
        assert err == ""  # no warning from what the check tries beside the answer
        return out.strip()

    return verdict


@pytest.fixture
def one_second(monkeypatch):
    monkeypatch.setattr(attempt, "SECONDS", 1.0)


def double(x):
    """A small exercise: twice a number."""
    return 2 * x


def verdict_on(answer, cases=(1, 2), reference=double, **more):
    more = {"mistakes": [], "praise": "Well."} | more
    cases = [Case((case,)) for case in cases]
    return judge.judge(answer, reference=reference, cases=cases, **more)


class NoEquality:
    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None


class NoRepresentation:
    def __repr__(self):
        raise RuntimeError("no representation")


class NoMessage(Exception):
    def __str__(self):
        raise RuntimeError("no message")


class NoLength(list):
    def __len__(self):
        raise RuntimeError("no length")


class Module(nn.Module):
    def forward(self, *arguments):
        return arguments[0]


def raises(error):
    def answer(*arguments):
        raise error

    return answer


def generator(*arguments):
    yield 1


NEITHER_RIGHT_NOR_A_REASON_TO_RAISE = {
    "a class": NoEquality,
    "a type": float,
    "a data frame": pd.DataFrame({"a": [1]}),
    "a data frame returned": lambda *_: pd.DataFrame({"a": [1.0, 2.0]}),
    "a series returned": lambda *_: pd.Series([1.0, 2.0]),
    "a number": 3,
    "nothing": None,
    "a string": "mean_pool",
    "a tensor": torch.ones(2, 3),
    "a module": Module(),
    "a builtin": len,
    "another builtin": print,
    "a builtin without a signature": torch.mean,
    "no arguments": lambda: 1,
    "one argument too many": lambda a, b, c, d, e, f, g, h: 1,
    "no comparison": lambda *_: NoEquality(),
    "no comparison in a list": lambda *_: [NoEquality(), NoEquality()],
    "no representation": lambda *_: NoRepresentation(),
    "no length": lambda *_: NoLength([1]),
    "no message": raises(NoMessage()),
    "an exit": raises(SystemExit(1)),
    "another exit": raises(GeneratorExit()),
    "a generator": generator,
    "a function": lambda *_: double,
    "a class returned": lambda *_: NoEquality,
    "a huge tensor": lambda *_: torch.zeros(1).expand(10**6, 10**5),
    "a huge list": lambda *_: [0] * 10**6,
    "a huge string": lambda *_: "a" * 10**6,
    "a huge number": lambda *_: 10**5000,
    "a list of itself": lambda *_: (lambda x: x.append(x) or x)([]),
    "a ragged array": lambda *_: np.array([[1], [1, 2]], dtype=object),
    "a complex number": lambda *_: 1j,
    "a complex tensor": lambda *_: torch.zeros(2, 2, dtype=torch.complex64),
    "a sparse tensor": lambda *_: torch.eye(3).to_sparse(),
    "a tensor without data": lambda *_: torch.empty(2, 3, device="meta"),
    "an empty tensor": lambda *_: torch.empty(0),
    "a nan": lambda *_: float("nan"),
    "a set": lambda *_: {1, 2},
    "an ellipsis in a list": lambda *_: [...],
    "NotImplementedError of PyTorch": lambda *_: torch.empty(2, device="meta").tolist(),
    "deep recursion": lambda *_: inspect.stack()[0].frame.f_code and deep(0),
}


def deep(n):
    return deep(n + 1)


@pytest.mark.fault("checks", "clear error")
@pytest.mark.parametrize("answer", NEITHER_RIGHT_NOR_A_REASON_TO_RAISE)
def test_no_answer_makes_a_check_raise(said, answer):
    for check in EXERCISES.values():
        text = said(check.__name__, NEITHER_RIGHT_NOR_A_REASON_TO_RAISE[answer])
        assert text.splitlines()[-1].startswith(("✗", "  in line")) or "\n✗" in text
        assert "✓" not in text
        assert len(text) < 1500


@pytest.mark.parametrize(
    "stub",
    [
        lambda *_: ...,
        lambda *_: NotImplementedError,
        lambda *_: NotImplemented,
        raises(NotImplementedError),
        raises(NotImplementedError("later")),
    ],
)
def test_a_stub_is_not_attempted(said, stub):
    for check in EXERCISES.values():
        assert said(check.__name__, stub).startswith("○ Not attempted yet")


def test_none_is_a_missing_return(said):
    for check in EXERCISES.values():
        assert "is `return` missing?" in said(check.__name__, lambda *_: None)


@pytest.mark.fault("checks", "clear error")
def test_a_missing_argument_of_the_check_is_said(capsys):
    checks.truncated(lambda *_: [])
    checks.mean_pool()
    checks.mean_pool(1, 2, 3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(
        line.startswith("✗ The check could not run: TypeError") for line in lines
    )


@pytest.mark.fault("checks", "clear error")
def test_wrong_arguments_are_said_by_name(said):
    text = said("mean_pool", lambda hidden: hidden)
    assert (
        "2 arguments: (token_embeddings, attention_mask). Yours takes (hidden)" in text
    )
    assert "1 argument: (x)" in verdict_on(lambda: 1).text


@pytest.mark.parametrize("number", EXERCISES)
def test_mistakes_are_named_by_their_own_texts(said, monkeypatch, number):
    """Each mistake that a check knows, given as an answer: wrong, and named."""
    name = EXERCISES[number].__name__
    given = {}
    with monkeypatch.context() as patch:
        module = sys.modules[EXERCISES[number].__module__]
        keep = Verdict("✗", "kept")
        patch.setattr(module, "judge", lambda _, **how: given.update(how) or keep)
        said(name, double)
    assert len(given["mistakes"]) >= 4
    answers = [(text, with_names(wrong, given)) for text, wrong in given["mistakes"]]
    said_of = [(text, said(name, answer)) for text, answer in answers]
    assert [(text, line) for text, line in said_of if text not in line] == []


def with_names(wrong, given):
    """`wrong` with exactly the parameters of the exercise."""
    parameters = inspect.signature(given["reference"]).parameters
    names = ", ".join(parameters)
    return eval(f"lambda {names}: wrong({names})", {"wrong": wrong})


def test_the_first_ordinary_case_that_fails_is_reported():
    mistakes = [("Twice, not thrice.", lambda x: 3 * x), ("One more.", lambda x: x + 1)]
    said = verdict_on(lambda x: 3 * x if x > 1 else 2 * x, (1, 2, 3), mistakes=mistakes)
    assert "expected 4" in said.text  # no mistake, as 1 went well
    assert "is a size or a number of the first written" in said.text
    said = verdict_on(lambda x: 3 * x, (1, 2), mistakes=mistakes)
    assert said.text == "Not yet. Twice, not thrice."


def test_the_mistake_that_agrees_more_often_is_named():
    mistakes = [("Four.", lambda x: 4), ("Squared.", lambda x: x * x)]
    said = verdict_on(lambda x: x * x, (4, 3), double, mistakes=mistakes)
    assert "Squared." in said.text
    said = verdict_on(lambda x: 4, (1, 2, 3), mistakes=[mistakes[1], mistakes[0]])
    assert "Four." in said.text


def test_a_hint_stands_for_its_case():
    cases = [Case((1,)), Case((-1,), "Negative numbers, too.")]
    how = {"reference": double, "cases": cases, "mistakes": [], "praise": ""}
    said = judge.judge(lambda x: abs(2 * x), **how)
    assert said.text == "Not yet. Negative numbers, too."
    said = judge.judge(lambda x: [][0] if x < 0 else 2 * x, **how)
    assert said.text.startswith("Not yet. Negative numbers, too. Your function raised")


def test_what_is_quoted_is_what_came_back():
    said = verdict_on(lambda x: x + 6).text
    assert "For 1 your function returns 7, expected 2." in said
    said = verdict_on(lambda x: list(range(x, 10**5)), (1, 2), lambda x: [x]).text
    assert "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ...], expected [1]." in said
    said = verdict_on(lambda x: 7, (1, 2), lambda x: [x]).text
    assert said == "Not yet. It returned an int, expected a list."


def test_an_answer_that_ignores_its_arguments():
    said = verdict_on(lambda x: 7).text
    assert said.startswith("Not yet. Your function returns 7 whatever it gets")


def test_changed_input_is_not_praised():
    def spoils(x):
        x.append(0)
        return sum(x)

    said = verdict_on(spoils, ([1], [2]), reference=lambda numbers: sum(numbers))
    assert said.mark == judge.WRONG
    assert "changes its input numbers" in said.text
    allowed = verdict_on(spoils, ([1],), lambda numbers: sum(numbers), in_place=True)
    assert allowed.mark == judge.RIGHT


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.fill_(0),
        lambda x: x.unsqueeze_(0),
        lambda x: x.resize_(1),
        lambda x: x.__setitem__(0, float("nan")),
    ],
)
def test_each_change_of_a_tensor_is_seen(change):
    arguments = (torch.tensor([1.0, float("nan"), float("inf")]),)
    assert attempt.attempt(change, arguments, judge.plainly, False).changed == 0
    kept = attempt.attempt(lambda x: x + 1, arguments, judge.plainly, False)
    assert kept.changed is None
    assert arguments[0][0] == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: x.__setitem__(0, 5),
        lambda x: x.__setitem__(0, "1"),
        lambda x: x[1].append(1),
        list.clear,
    ],
)
def test_each_change_of_a_list_is_seen(spoil):
    rows = [1, [2, 3]]
    assert attempt.attempt(spoil, (rows,), judge.plainly, False).changed == 0
    assert rows == [1, [2, 3]]


def test_an_error_shows_the_students_own_line():
    source = "def cell(x):\n    y = x + 1\n    return int(str(y) + 'z')\n"
    name = "<ipython-input-7-abc>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope = {}
    exec(compile(source, name, "exec"), scope)
    text = verdict_on(scope["cell"]).text
    assert "ValueError: invalid literal for int() with base 10: '2z'" in text
    assert text.endswith("\n  in line 3: return int(str(y) + 'z')")


def test_an_error_deep_in_a_library_shows_the_students_own_line():
    def answer(x):
        return pooling.mean_pool(torch.ones(2), torch.ones(2))

    assert verdict_on(answer).text.endswith("torch.ones(2), torch.ones(2))")
    assert "return deep(n + 1)" in verdict_on(lambda x: deep(x)).text
    assert "calls itself without end" in verdict_on(lambda x: deep(x)).text


def test_both_raise_is_the_same_mistake_where_another_case_agrees():
    def wrong(x):
        return 1 / (x - 1)

    def too(x):
        return (x - 1) ** -1 if x != 1 else {}["x"]

    said = verdict_on(too, (1, 2), mistakes=[("Not the inverse.", wrong)])
    assert said.text.startswith("Not yet. Not the inverse. Your function raised KeyErr")
    other = verdict_on(lambda x: {}[x], (1, 2), mistakes=[("Not the inverse.", wrong)])
    assert other.text.startswith("Not yet. Your function raised KeyError: 1")


def endless(x):
    while True:
        x += 1


def swallows(x):
    while True:
        try:
            x = len(str(x))
        except:  # noqa: E722
            x = 0


def swallows_and_goes_on(x):
    while True:
        try:
            int("x")
        except:  # noqa: E722
            continue


def swallows_sleeping(x):
    while True:
        try:  # noqa: SIM105
            time.sleep(0.05)
        except BaseException:
            pass


def suppresses(x):
    while True:
        with contextlib.suppress(BaseException):
            int("x")


def never_leaves(x):
    while True:
        try:
            int("x")
        finally:
            continue  # noqa: B012


def zero_after_all(x):
    try:
        return int(x)
    except:  # noqa: E722
        return 0


def swallows_in_a_function(x):
    while True:
        try:  # noqa: SIM105
            zero_after_all("x")
        except:  # noqa: E722
            pass


def in_no_grad(x):
    with torch.no_grad():
        swallows_and_goes_on(x)


ENDLESS = [endless, swallows, swallows_and_goes_on, swallows_sleeping, suppresses]
ENDLESS += [never_leaves, swallows_in_a_function, in_no_grad]
ASLEEP = [lambda x: time.sleep(60), lambda x: re.match("(a+)+$", 30 * "a" + "b")]


def stopped_in_time(answer):
    before, threads = time.monotonic(), threading.active_count()
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, time_limit.SIGNAL)]
    tracer = sys.gettrace()
    said = verdict_on(answer)
    assert said.text.endswith("stopped after 1 seconds: does its loop ever end?")
    assert time.monotonic() - before < 30  # one case of two, on a busy machine
    time.sleep(0.3)  # a ring that is still due would come here
    assert threading.active_count() == threads
    assert [signal.getsignal(s) for s in (signal.SIGINT, time_limit.SIGNAL)] == handlers
    assert sys.gettrace() is tracer
    assert torch.is_grad_enabled()


@pytest.mark.fault("checks", "clear error")
@pytest.mark.parametrize("answer", [*ENDLESS, *ASLEEP])
def test_an_endless_loop_is_stopped_and_nothing_is_left(one_second, answer):
    stopped_in_time(answer)


@pytest.mark.fault("checks", "clear error")
@pytest.mark.parametrize("answer", ENDLESS)
def test_an_endless_loop_is_stopped_where_there_is_no_timer(
    one_second, monkeypatch, answer
):
    """As on Windows."""
    monkeypatch.delattr(signal, "setitimer", raising=False)
    monkeypatch.setattr(time_limit, "SIGNAL", signal.SIGTERM)
    stopped_in_time(answer)


@pytest.mark.fault("checks", "clear error")
@pytest.mark.parametrize("in_thread", [False, True])
def test_what_cannot_be_stopped_is_told_and_not_tried_again(monkeypatch, in_thread):
    monkeypatch.setattr(attempt, "SECONDS", 0.2)
    calls, said = [], []

    def slow(x):
        calls.append(x)
        time.sleep(3)
        return 2 * x

    # As code in C that looks for no signals: no ring gets through.
    monkeypatch.setattr(time_limit.Bell, "ring", lambda *_: None)
    worker = threading.Thread(target=lambda: said.append(verdict_on(slow)))
    worker.start() if in_thread else worker.run()
    worker.join() if in_thread else None
    assert calls == [1]
    assert "Your function took 3 seconds, where 0.2 are allowed" in said[0].text


def test_a_timer_of_the_notebook_goes_on():
    rung = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        verdict_on(double)
        time.sleep(0.5)
        assert rung == [1]
    finally:
        signal.signal(signal.SIGALRM, handler)


@pytest.mark.fault("checks", "right result")
def test_what_an_answer_leaves_set_in_pytorch_is_taken_back():
    def leaves(x):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return 2 * x

    assert verdict_on(leaves).mark == judge.RIGHT
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.fault("checks", "clear error")
@pytest.mark.parametrize("cases", [(0,), (1, 0)])
def test_failing_together_with_the_reference_is_no_praise(cases):
    def inverse(x):
        return 1 / x

    for answer in (inverse, lambda x: 1 / x, lambda x: 1 / 0):
        said = verdict_on(answer, cases, reference=inverse)
        assert said.mark == judge.WRONG
        assert said.text.startswith("The check could not run: ZeroDivisionError")


@pytest.mark.fault("checks", "clear error")
@pytest.mark.parametrize("answer", [lambda t, s, m: 1 / 0, lambda t, s, m: []])
def test_a_check_without_a_tokenizer_says_so(capsys, encoder, answer):
    for given in (None, "bert", len, lambda text, **_: {"input_ids": "abc"}, 5):
        checks.truncated(answer, given)
        out = capsys.readouterr().out
        assert out.startswith("✗ The check needs a tokenizer as its second argument")
    checks.truncated(answer, encoder)
    assert "got an Encoder: pass its tokenizer, encoder.t" in capsys.readouterr().out


@pytest.mark.fault("checks", "right result")
def test_the_tokenizer_of_the_notebook_stays_as_it_was(encoder):
    tokenizer = copy.deepcopy(encoder.tokenizer)
    tokenizer("a", truncation=True, max_length=7)
    settings = nb01.settings(tokenizer)

    def spoils(tokenizer, sentences, max_length):
        tokenizer(sentences, truncation=True, max_length=3, padding=True)
        tokenizer.model_max_length = 5
        tokenizer.padding_side = "left"
        tokenizer.add_tokens(["zzzq"])
        return []

    checks.truncated(spoils, tokenizer)
    assert nb01.settings(tokenizer) == settings
    assert "zzzq" not in tokenizer.get_vocab()
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 7
    assert tokenizer.backend_tokenizer.padding is None


def test_an_interrupt_at_the_last_moment_is_caught(monkeypatch):
    monkeypatch.setattr(attempt, "SECONDS", 0.02)
    for wait in (0.018, 0.0195, 0.02, 0.0205, 0.022):
        attempt.attempt(time.sleep, (wait,), judge.plainly, False)
        time.sleep(0.01)


def test_the_stop_button_stops():
    with pytest.raises(KeyboardInterrupt):
        verdict_on(raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        checks.mean_pool(raises(KeyboardInterrupt()))


def test_a_check_runs_in_another_thread(capsys):
    worker = threading.Thread(target=checks.mean_pool, args=[all_right])
    worker.start()
    worker.join()
    assert capsys.readouterr().out.startswith("✓ Right.")


def all_right(token_embeddings, attention_mask):
    return pooling.mean_pool(token_embeddings, attention_mask)


def test_what_an_answer_prints_appears_once_and_folded(said):
    def chatty(token_embeddings, attention_mask):
        for i in range(100):
            print("line", i)
        return pooling.mean_pool(token_embeddings, attention_mask)

    text = said("mean_pool", chatty)
    assert text.startswith("Your function printed:\nline 0\nline 1\n")
    assert text.count("line 7") == 1
    assert "line 8" not in text
    assert "… 92 more lines" in text
    assert "\n\n✓ Right." in text

    def one_line(token_embeddings, attention_mask):
        print(token_embeddings.shape)
        return pooling.mean_pool(token_embeddings, attention_mask)

    assert "printed:\ntorch.Size([3, 6, 4])\n\n✓" in said("mean_pool", one_line)


def test_random_numbers_of_the_notebook_go_on_undisturbed(said):
    def draws(token_embeddings, attention_mask):
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)
        torch.rand(3)
        return token_embeddings

    def numbers():
        return random.random(), np.random.rand(), torch.rand(1).item()

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = numbers()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    for check in EXERCISES.values():
        said(check.__name__, draws)
        said(check.__name__, lambda *_: torch.rand(2))
    assert numbers() == expected


def test_an_answer_of_random_numbers_gets_one_verdict(said):
    def lucky(token_embeddings, attention_mask):
        return torch.rand(token_embeddings.shape[::2])

    assert len({said("mean_pool", lucky) for _ in range(3)}) == 1


def test_summary_counts_what_this_kernel_has_judged(capsys, monkeypatch):
    monkeypatch.setattr(judge, "_marks", {})
    checks.summary(3)
    checks.mean_pool(pooling.mean_pool)
    checks.mean_pool(lambda *_: None)  # a try afterwards takes nothing back
    checks.true_mean(lambda *_: None)
    checks.mean_pool_gradient(lambda *_: ...)
    checks.summary(3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0 of 5 solved: 3.1 ○, 3.2 ○, 3.3 ○, 3.4 ○, 3.5 ○"
    assert lines[-1] == "1 of 5 solved: 3.1 ✓, 3.2 ✗, 3.3 ○, 3.4 ○, 3.5 ○"


@pytest.mark.fault("checks", "clear error")
def test_summary_of_no_lesson(capsys):
    checks.summary(9)
    lessons = [int(number.split(".")[0]) for number in EXERCISES]
    wanted = f"Lesson 9 has no exercises: try {min(lessons)} to {max(lessons)}.\n"
    assert capsys.readouterr().out == wanted


def test_exercises_are_registered_in_order():
    assert list(EXERCISES) == sorted(EXERCISES)
    assert all(getattr(checks, check.__name__) is check for check in EXERCISES.values())
    assert all(
        check.__doc__ and "Example" in check.__doc__ for check in EXERCISES.values()
    )


def test_a_check_that_fails_itself_says_so(capsys, monkeypatch):
    monkeypatch.setattr(judge, "EXERCISES", {})
    monkeypatch.setattr(judge, "_marks", {})
    exercise("9.9")(raises(ZeroDivisionError("by us")))(None)
    assert capsys.readouterr().out == (
        "✗ The check could not run: ZeroDivisionError: by us\n"
    )


@pytest.mark.parametrize(
    ("got", "wanted", "fault"),
    [
        (torch.tensor([1]), torch.tensor([1]), ""),
        (torch.tensor([1], dtype=torch.int32), torch.tensor([1]), ""),
        (torch.tensor([1], dtype=torch.int16), torch.tensor([1]), "int16"),
        (torch.tensor([1.0]), torch.tensor([1]), "float32"),
        (torch.tensor([True]), torch.tensor([1]), "bool"),
        (torch.tensor([1.0]).double(), torch.tensor([1.0]), ""),
        (torch.tensor([1.0]).half(), torch.tensor([1.0]), "expected float32"),
        (torch.tensor([1.0]), torch.tensor([1.0]).half(), "expected float16"),
        (torch.tensor([1]), torch.tensor([1.0]), "expected decimals"),
        ([1.0], torch.tensor([1.0]), "a list, expected a tensor"),
        (np.ones(1), torch.tensor([1.0]), "a NumPy array, expected a tensor"),
        (1, 1.0, ""),
        (np.float32(1), 1.0, ""),
        (torch.tensor(1.0), 1.0, ""),
        (1.0, torch.tensor(1.0), ""),
        (torch.tensor([1.0]), 1.0, "a tensor, expected a number"),
        (True, 1.0, "a bool, expected a number"),
        ("1", 1.0, "a string, expected a number"),
        (1.0, 1, "expected a whole number"),
        (np.int64(1), 1, ""),
        (torch.tensor(1), 1, ""),
        (True, True, ""),
        (np.bool_(True), True, ""),
        (torch.tensor(True), True, ""),
        (1, True, "expected True or False"),
        ((1, 2), [1, 2], ""),
        ([1, 2], (1, 2), ""),
        (np.array([1, 2]), [1, 2], "a NumPy array, expected a list"),
        (torch.tensor([1, 2]), (1, 2), "a tensor, expected 2 results"),
        ([1, 2.0], [1, 2], "expected a whole number"),
        (1, "a", "an int, expected a string"),
        ("a", "a", ""),
        (object(), double, ""),
    ],
)
def test_the_rule_on_types(got, wanted, fault):
    said = compare.type_fault(got, wanted)
    assert fault in said
    assert bool(fault) == bool(said)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1, 1.0, True),
        (float("nan"), float("nan"), True),
        (float("inf"), float("inf"), True),
        (0.3, 0.1 + 0.2, True),
        (0.3, 0.31, False),
        ("a", "a", True),
        ("a", ["a"], False),
        ([1, [2]], (1, (2,)), True),
        ([1, 2], [1], False),
        (torch.tensor([1.0, float("nan")]), torch.tensor([1.0, float("nan")]), True),
        (torch.tensor([1.0]), [1], True),
        (np.array([1]), torch.tensor([1.0]), True),
        (torch.tensor([1.0]), torch.tensor([[1.0]]), False),
        (torch.tensor([1.0]), torch.tensor([1.01]), False),
        (torch.tensor([1.0]), [1, 2], False),
        (torch.tensor(1.0), 1, True),
        (torch.tensor([[1], [2]]), [[1], [2, 3]], False),
        (np.float32(2), 2, True),
        (None, None, True),
        (None, 0, False),
        (NoEquality(), NoEquality(), False),
    ],
)
def test_equal_values(a, b, equal):
    assert compare.same(a, b) is equal
    assert compare.same(b, a) is equal


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "None"),
        (1, "an int"),
        ([], "a list"),
        (torch.ones(1), "a tensor"),
        (np.ones(1), "a NumPy array"),
        ("", "a string"),
        ({}, "a dictionary"),
        (NoEquality(), "a NoEquality"),
    ],
)
def test_kinds_have_names(value, name):
    assert compare.kind(value) == name


def test_wrong_tensors_are_described():
    wanted = torch.arange(6.0).view(2, 3)
    square = torch.arange(4.0).view(2, 2)
    said = compare.describe
    assert "[3], expected [2, 3]" in said(wanted[0], wanted, ())
    assert "nan" in said(wanted / 0, wanted, ())
    assert "swapped" in said(square.T.contiguous(), square, ())
    assert "yours begins with 1, 2, 3, expected 0, 1, 2" in said(wanted + 1, wanted, ())
    assert "but for its sign" in said(-wanted, wanted, ())
    assert "Is it rounded?" in said(0.33, 1 / 3, (1,))


def test_quotes_are_short_and_the_same_in_every_kernel():
    assert compare.quote(double) == "<function double>"
    assert compare.quote(torch.ones(2)) == "tensor([1., 1.])"
    assert "NoRepresentation" in compare.quote(NoRepresentation())
    assert len(compare.quote("a" * 1000)) <= 72


def test_checks_are_fast(said):
    for name, answer in [
        ("mean_pool", lambda a, b: a),
        ("wordpiece", lambda a, b: [a]),
    ]:
        start = time.process_time()
        said(name, answer)
        assert time.process_time() - start < 1


def test_a_verdict_is_wrapped_between_words_and_quoted_code_is_not():
    long, code = "a long verdict " * 10, "    " + "x = 1; " * 20
    lines = judge.wrapped(f"{long}\n{code}\nshort").splitlines()
    assert max(map(len, lines[:-2])) <= 88
    assert " ".join(lines[:-2]) == long.strip()
    assert lines[-2:] == [code, "short"]


def test_the_verdict_of_an_exercise_is_wrapped(capsys):
    checks.mean_pool(lambda token_embeddings, attention_mask: None)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 88
