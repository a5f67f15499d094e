"""What students write: no wrong answer is praised, and no right one is refused.

The catalogues are in tests/answers. Every answer is judged three times, the last time
with other random numbers about; CHECK_TRIES=250 judges it 250 times. The table by
exercise is printed at the end of the tests.
"""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import checks
from helpers.checks import attempt, judge
from helpers.checks.judge import EXERCISES
from tests.answers import CATALOGUE

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
TRIES = int(os.environ.get("CHECK_TRIES", "3"))
NAMED = 0.8  # share of the wrong answers whose mistake is named, over all exercises
NUMBERS = {check.__name__: number for number, check in EXERCISES.items()}


@pytest.fixture
def judged(capsys, encoder, monkeypatch):
    """judged(exercise, answer) -> the one verdict of TRIES tries."""

    monkeypatch.setattr(attempt, "SECONDS", 2.0)  # some answers never end
    monkeypatch.setattr(judge, "wrapped", str)  # lines as long as they come

    def verdict(exercise, answer):
        arguments = [encoder.tokenizer] if exercise == "truncated" else []
        verdicts = set()
        for i in range(TRIES):
            if i > 1:
                random.seed(i)
                np.random.seed(i)
                torch.manual_seed(i)
            getattr(checks, exercise)(answer, *arguments)
            verdicts.add(capsys.readouterr().out.strip())
        assert len(verdicts) == 1, f"the verdict depends on luck: {verdicts}"
        return verdicts.pop()

    return verdict


def test_every_lesson_has_registered_its_exercises():
    lessons = {path.name[:2] for path in NOTEBOOKS.glob("[0-9]*.ipynb")}
    assert lessons == {f"{int(number.split('.')[0]):02}" for number in EXERCISES}


def test_every_exercise_has_answers():
    assert set(CATALOGUE) == {check.__name__ for check in EXERCISES.values()}
    assert all(len(answers.right) >= 3 for answers in CATALOGUE.values())
    assert all(len(answers.wrong) >= 8 for answers in CATALOGUE.values())


@pytest.mark.parametrize("exercise", CATALOGUE, ids=lambda name: NUMBERS[name])
def test_answers_are_told_apart(judged, exercise, record_property):
    answers = CATALOGUE[exercise]
    right = {label: judged(exercise, f) for label, f in answers.right.items()}
    wrong = [(w, judged(exercise, w.answer)) for w in answers.wrong]
    refused = {k: said for k, said in right.items() if "✓ Right." not in said}
    praised = [w.label for w, said in wrong if "✓" in said]
    misnamed = {w.label: said for w, said in wrong if w.phrase not in said}
    named = sum(bool(w.phrase) and w.label not in misnamed for w in answers.wrong)
    counts = [*map(len, (right, refused, wrong, praised)), named]
    record_property("answers", (f"{NUMBERS[exercise]} {exercise}", counts))
    assert (refused, praised, misnamed) == ({}, [], {})


def test_most_mistakes_are_named():
    """The phrases that name them are asserted above."""
    wrong = [answer for answers in CATALOGUE.values() for answer in answers.wrong]
    assert sum(bool(answer.phrase) for answer in wrong) >= NAMED * len(wrong)
