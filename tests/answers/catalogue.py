"""What a catalogue is made of: right and wrong answers, one module a lesson."""

from collections.abc import Callable
from typing import NamedTuple

import torch


class Wrong(NamedTuple):
    """A wrong answer, and words by which its verdict names it: "" if it can't."""

    label: str
    answer: Callable
    phrase: str


class Answers(NamedTuple):
    """Answers to one exercise: at least three right ones and eight wrong ones."""

    right: dict[str, Callable]
    wrong: list[Wrong]


def told_by_first_row(attention_mask):
    """The mask as one guesses it who takes the first row's side of padding for all."""
    count, length = attention_mask.sum(1, keepdim=True), attention_mask.shape[1]
    columns = torch.arange(length)
    left = bool(attention_mask[0, -1])
    return ((columns >= length - count) if left else (columns < count)).long()
