"""Checks of lesson 07: pairs of a clustering, a threshold, what is out of scope, a leak."""

import re
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from helpers.checks.inputs import decimals
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge


def pairs_counted(clusters: list, events: list) -> tuple[int, int, int]:
    """Pairs i < j in one cluster, of one event, and both."""
    found = right = both = 0
    for i in range(len(clusters)):
        for j in range(i + 1, len(clusters)):
            in_one, of_one = clusters[i] == clusters[j], events[i] == events[j]
            found, right = found + in_one, right + of_one
            both += in_one and of_one
    return found, right, both


def f1(found: int, right: int, both: int) -> float:
    return 2 * both / (found + right) if found + right else 1.0


def by_texts(clusters: list, events: list) -> float:
    """Texts whose two labels are the same word or number."""
    equal = [a == b for a, b in zip(clusters, events, strict=True)]
    return sum(equal) / len(equal)


def with_itself(clusters: list, events: list) -> float:
    """Each text counted as a pair with itself, too."""
    size = len(clusters)
    found, right, both = pairs_counted(clusters, events)
    return f1(2 * found + size, 2 * right + size, 2 * both + size)


def rand_index(clusters: list, events: list) -> float:
    found, right, both = pairs_counted(clusters, events)
    pairs = len(clusters) * (len(clusters) - 1) // 2
    return (pairs - found - right + 2 * both) / max(1, pairs)


def adjacent(clusters: list, events: list) -> float:
    """Only pairs of neighbors in the list."""
    in_one = [a == b for a, b in pairwise(clusters)]
    of_one = [a == b for a, b in pairwise(events)]
    both = sum(a and b for a, b in zip(in_one, of_one, strict=True))
    return f1(sum(in_one), sum(of_one), both)


def ratio(above: float, below: float) -> float:
    return above / below if below else 0.0


PAIR_F1_MISTAKES = [
    (
        "That is the precision: found and right, divided by found. F1 asks for the "
        "right pairs that were missed, too.",
        lambda c, e: ratio(pairs_counted(c, e)[2], pairs_counted(c, e)[0]),
    ),
    (
        "That is the recall: found and right, divided by right. F1 asks for the wrong "
        "pairs that were found, too.",
        lambda c, e: ratio(pairs_counted(c, e)[2], pairs_counted(c, e)[1]),
    ),
    (
        "You took the plain mean of precision and recall. F1 is their harmonic mean: "
        "2 · both / (found + right).",
        lambda c, e: (
            (
                ratio(pairs_counted(c, e)[2], pairs_counted(c, e)[0])
                + ratio(pairs_counted(c, e)[2], pairs_counted(c, e)[1])
            )
            / 2
        ),
    ),
    (
        "The 2 is missing: F1 = 2 · both / (found + right).",
        lambda c, e: f1(*pairs_counted(c, e)) / 2,
    ),
    (
        "Found plus right counts the pairs that are both twice, and so does the 2 "
        "above: you took both / (found or right), which is the Jaccard index.",
        lambda c, e: ratio(
            pairs_counted(c, e)[2],
            pairs_counted(c, e)[0] + pairs_counted(c, e)[1] - pairs_counted(c, e)[2],
        ),
    ),
    (
        "You compare labels text by text. Cluster 0 need not be event 0: what counts "
        "is which texts are together, so go through pairs.",
        by_texts,
    ),
    (
        "You count each text as a pair with itself, which is always right. Take "
        "i < j only.",
        with_itself,
    ),
    (
        "You count pairs that are rightly apart as well (the Rand index). Nearly all "
        "pairs are, so any clustering looks good.",
        rand_index,
    ),
    (
        "You look at neighbors in the list only. Take every two texts.",
        adjacent,
    ),
    (
        "With no pair found and none right, return 1.0: there was nothing to find.",
        lambda c, e: ratio(2 * pairs_counted(c, e)[2], sum(pairs_counted(c, e)[:2])),
    ),
    (
        "With no pair found and none right, return 1.0; dividing raises an error.",
        lambda c, e: 2 * pairs_counted(c, e)[2] / sum(pairs_counted(c, e)[:2]),
    ),
    (
        "F1 from 0 to 1, please, not in percent.",
        lambda c, e: 100 * f1(*pairs_counted(c, e)),
    ),
    (
        "Round when you print, not when you compute.",
        lambda c, e: round(f1(*pairs_counted(c, e)), 2),
    ),
]


@exercise("7.1")
def pair_f1(answer: Answer) -> Verdict:
    """answer(clusters, events) -> pairwise F1 of a clustering, a number from 0 to 1.

    clusters and events: a label for each of N texts, as lists.
    Example:
    answer([0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 2]) -> 0.5
    """
    cases = [
        Case(([0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 3])),
        Case(([5, 1, 5, 1, 5, 2, 2], [0, 0, 0, 1, 0, 1, 2])),
        Case(([3, 3, 3, 3], [0, 1, 2, 0])),
        Case((["a", "b", "a", "c"], ["x", "y", "x", "z"])),
        Case(
            ([0, 1, 2], [0, 0, 1]),
            "It is right until a clustering finds no pair at all: then nothing found "
            "is right, and F1 is 0.",
        ),
        Case(
            ([0, 1, 2], [4, 5, 6]),
            "It is right until there is no pair to find, and none is found: return 1.0.",
        ),
    ]
    return judge(
        answer,
        reference=lambda clusters, events: f1(*pairs_counted(clusters, events)),
        cases=cases,
        mistakes=PAIR_F1_MISTAKES,
        praise="It does not care what the clusters are called, or in which order.",
    )


def curve(cosines: np.ndarray, same: np.ndarray) -> list[tuple[float, float, float]]:
    """(threshold, precision, recall) at each cosine, the highest first."""
    rows = []
    for t in sorted(cosines.tolist(), reverse=True):
        found = cosines >= t
        hits = int((found & same).sum())
        rows.append((t, hits / found.sum(), hits / max(1, same.sum())))
    return rows


def lowest(
    cosines: np.ndarray, same: np.ndarray, precision: float, column: int = 1
) -> float | None:
    reached = [row[0] for row in curve(cosines, same) if row[column] >= precision]
    return min(reached, default=None)


def until_the_first_failure(
    cosines: np.ndarray, same: np.ndarray, precision: float
) -> float | None:
    last = None
    for t, reached, _ in curve(cosines, same):
        if reached < precision:
            break
        last = t
    return last


def above_only(cosines: np.ndarray, same: np.ndarray, precision: float) -> float | None:
    """> in place of >=."""
    reached = []
    for t in cosines.tolist():
        found = cosines > t
        if found.any() and (found & same).sum() / found.sum() >= precision:
            reached.append(t)
    return min(reached, default=None)


def highest(cosines: np.ndarray, same: np.ndarray, precision: float) -> float | None:
    reached = [t for t, p, _ in curve(cosines, same) if p >= precision]
    return max(reached, default=None)


def best_f1(cosines: np.ndarray, same: np.ndarray, precision: float) -> float:
    rows = curve(cosines, same)
    return max(rows, key=lambda row: 2 * row[1] * row[2] / max(1e-9, row[1] + row[2]))[
        0
    ]


def accuracy(cosines: np.ndarray, same: np.ndarray, precision: float) -> float | None:
    reached = [
        t for t in cosines.tolist() if ((cosines >= t) == same).mean() >= precision
    ]
    return min(reached, default=None)


PRECISION_THRESHOLD_MISTAKES = [
    (
        "You stop at the first threshold that fails. Precision is no straight road "
        "down: it may recover, and a lower threshold finds more. Try them all.",
        until_the_first_failure,
    ),
    (
        "That is the highest threshold with this precision. The lowest one finds the "
        "most.",
        highest,
    ),
    (
        "That is a wanted recall: hits divided by all that are the same. Precision "
        "divides by what is found.",
        lambda c, s, p: lowest(c, s, p, column=2),
    ),
    (
        "A pair exactly at the threshold counts: >=, not >.",
        above_only,
    ),
    (
        "At least the wanted precision: where it is reached exactly, it is reached. "
        ">=, not >.",
        lambda c, s, p: min((t for t, q, _ in curve(c, s) if q > p), default=None),
    ),
    (
        "That is the threshold with the best F1. Here the precision is given.",
        best_f1,
    ),
    (
        "You count pairs that are rightly left out as well: that is accuracy.",
        accuracy,
    ),
    (
        "The precision of 1 is not asked for: use the argument.",
        lambda c, s, p: lowest(c, s, 1.0),
    ),
    (
        "If no threshold reaches the precision, return None.",
        lambda c, s, p: min(t for t, q, _ in curve(c, s) if q >= p),
    ),
    (
        "If no threshold reaches the precision, return None: another number would be "
        "taken for a threshold.",
        lambda c, s, p: 1.0 if lowest(c, s, p) is None else lowest(c, s, p),
    ),
    (
        "If no threshold reaches the precision, return None: another number would be "
        "taken for a threshold.",
        lambda c, s, p: 0.0 if lowest(c, s, p) is None else lowest(c, s, p),
    ),
    (
        "You return the lowest cosine of a pair that is the same, whatever the "
        "precision there.",
        lambda c, s, p: float(c[s].min()) if s.any() else None,
    ),
    (
        "You return where it stands in the array. The cosine itself is asked for.",
        lambda c, s, p: (
            None if lowest(c, s, p) is None else c.tolist().index(lowest(c, s, p))
        ),
    ),
    (
        "The cosines come in any order: sort them before you count along the list.",
        lambda c, s, p: min(
            (c.tolist()[i] for i in range(len(c)) if s[: i + 1].sum() / (i + 1) >= p),
            default=None,
        ),
    ),
]


@exercise("7.2")
def precision_threshold(answer: Answer) -> Verdict:
    """answer(cosines, same, precision) -> the lowest threshold with that precision.

    cosines [P], all different, and same [P] booleans, as NumPy arrays; a number -> one
    of the cosines, or None.
    Example:
    answer(np.array([0.9, 0.6, 0.4]), np.array([True, False, True]), 0.6) -> 0.4
    """
    cosines = np.array([0.31, 0.92, 0.55, 0.12, 0.78, 0.64, 0.47, 0.05])
    same = np.array([True, True, True, False, False, True, False, False])
    cases = [
        Case((cosines, same, 0.7)),
        Case((cosines, same, 0.6)),
        Case((cosines, same, 0.9)),
        Case(
            (np.array([0.2, 0.8, 0.5, 0.6]), np.array([True, True, False, False]), 0.5)
        ),
        Case((np.array([-0.3, 0.4, 0.1]), np.array([True, True, True]), 1.0)),
        Case(
            (np.array([0.7, 0.9, 0.3]), np.array([True, False, False]), 0.8),
            "It is right until no threshold reaches the precision: then return None.",
        ),
    ]
    return judge(
        answer,
        reference=lambda cosines, same, precision: lowest(cosines, same, precision),
        cases=cases,
        mistakes=PRECISION_THRESHOLD_MISTAKES,
        praise="On these pairs. What it is worth, other pairs say.",
    )


def unit(*shape: int, seed: int) -> Tensor:
    rows = decimals(*shape, seed=seed)
    return rows / rows.norm(dim=1, keepdim=True)


def answers(
    examples: Tensor, labels: list[str], queries: Tensor, threshold: float
) -> list[str | None]:
    best, where = (queries @ examples.T).max(dim=1)
    return [
        labels[i] if cosine >= threshold else None
        for cosine, i in zip(best.tolist(), where.tolist(), strict=True)
    ]


def means(examples: Tensor, labels: list[str]) -> tuple[list[str], Tensor]:
    names = sorted(set(labels))
    rows = [[i for i, label in enumerate(labels) if label == name] for name in names]
    centers = torch.stack([examples[row].mean(0) for row in rows])
    return names, centers / centers.norm(dim=1, keepdim=True)


def by_means(
    examples: Tensor, labels: list[str], queries: Tensor, threshold: float
) -> list[str | None]:
    names, centers = means(examples, labels)
    return answers(centers, names, queries, threshold)


def any_above(
    examples: Tensor, labels: list[str], queries: Tensor, threshold: float
) -> list[str | None]:
    """The first example above the threshold, not the nearest."""
    found = []
    for row in (queries @ examples.T).tolist():
        above = [labels[i] for i, cosine in enumerate(row) if cosine >= threshold]
        found.append(above[0] if above else None)
    return found


OUT_OF_SCOPE_MISTAKES = [
    (
        "Nothing is turned down: where the best cosine is below the threshold, the "
        "answer is None.",
        lambda e, labels, q, t: answers(e, labels, q, -2.0),
    ),
    (
        "The wrong way round: you turn down what is near, and answer what is far.",
        lambda e, labels, q, t: [
            label if cosine < t else None
            for cosine, label in zip(
                (q @ e.T).max(dim=1).values.tolist(),
                answers(e, labels, q, -2.0),
                strict=True,
            )
        ],
    ),
    (
        "You take the first example above the threshold. Take the nearest one.",
        any_above,
    ),
    (
        "You compare with the mean of each label's examples. Here the nearest example "
        "is asked for.",
        by_means,
    ),
    (
        "You take the farthest example: argmax, not argmin.",
        lambda e, labels, q, t: answers(-e, labels, q, t),
    ),
    (
        "Return the label, not its index.",
        lambda e, labels, q, t: [
            None if cosine < t else i
            for cosine, i in zip(
                (q @ e.T).max(dim=1).values.tolist(),
                (q @ e.T).argmax(dim=1).tolist(),
                strict=True,
            )
        ],
    ),
    (
        "None itself, not the word.",
        lambda e, labels, q, t: [a or "None" for a in answers(e, labels, q, t)],
    ),
    (
        "None, not an empty string.",
        lambda e, labels, q, t: [a or "" for a in answers(e, labels, q, t)],
    ),
    (
        "Leave out nothing: one answer for each query, None for what you turn down.",
        lambda e, labels, q, t: [a for a in answers(e, labels, q, t) if a is not None],
    ),
    (
        "At the threshold itself a query counts as in scope: turn down what is *below* "
        "it.",
        lambda e, labels, q, t: answers(e, labels, q, t + 1e-6),
    ),
    (
        "One answer for each query: the matrix has a row for each example. It is "
        "queries @ examples.T, and the best of each row.",
        lambda e, labels, q, t: answers(q, labels, e, t),
    ),
    (
        "The threshold is an argument: do not write a number into your function.",
        lambda e, labels, q, t: answers(e, labels, q, 0.5),
    ),
    (
        "A cosine of −0.9 is far, not near: do not take its absolute value.",
        lambda e, labels, q, t: [
            labels[i] if cosine >= t else None
            for cosine, i in zip(
                (q @ e.T).abs().max(dim=1).values.tolist(),
                (q @ e.T).abs().argmax(dim=1).tolist(),
                strict=True,
            )
        ],
    ),
]


@exercise("7.3")
def out_of_scope(answer: Answer) -> Verdict:
    """answer(examples, labels, queries, threshold) -> a label or None for each query.

    examples [N, H] and queries [Q, H] with rows of length 1, labels: N strings.
    Example:
    examples, queries = torch.eye(2), torch.tensor([[0.8, 0.6], [0.0, -1.0]])
    answer(examples, ["on", "off"], queries, 0.5) -> ["on", None]
    """
    many = ["on", "off", "dim", "on", "off", "on", "dim"]
    exact = Tensor([[1.0, 0.0], [0.0, 1.0]]), ["a", "b"]
    cases = [
        Case((unit(7, 3, seed=70), many, unit(9, 3, seed=71), 0.75)),
        Case((unit(5, 4, seed=72), many[:5], unit(6, 4, seed=73), 0.3)),
        Case((unit(2, 3, seed=74), many[:2], unit(8, 3, seed=75), -0.2)),
        Case(
            (*exact, Tensor([[0.5, 0.25], [0.25, 0.125]]), 0.5),
            "A query exactly at the threshold is not below it: it is answered.",
        ),
        Case((*exact, Tensor([[0.0, -1.0]]), 0.1)),
    ]
    return judge(
        answer,
        reference=lambda examples, labels, queries, threshold: answers(
            examples, labels, queries, threshold
        ),
        cases=cases,
        mistakes=OUT_OF_SCOPE_MISTAKES,
        praise="Which threshold, in-scope messages and strangers say together.",
    )


def key(text: str) -> str:
    return re.sub(r"\d+", "#", text.strip().lower())


def leaking(texts: list[str], is_test: list[bool], key=key) -> list[int]:
    known = {key(t) for t, test in zip(texts, is_test, strict=True) if not test}
    return [
        i
        for i, (text, test) in enumerate(zip(texts, is_test, strict=True))
        if test and key(text) in known
    ]


def twins_anywhere(texts: list[str], is_test: list[bool]) -> list[int]:
    keys = [key(text) for text in texts]
    return [i for i, test in enumerate(is_test) if test and keys.count(keys[i]) > 1]


LEAKS_MISTAKES = [
    (
        "Equal texts only: upper and lower case, digits and outer spaces count as "
        "nothing. Compare keys.",
        lambda texts, is_test: leaking(texts, is_test, key=str),
    ),
    (
        "Digits: each run of them becomes #.",
        lambda texts, is_test: leaking(texts, is_test, lambda t: t.strip().lower()),
    ),
    (
        'Each *run* of digits becomes one #: "5" and "10" are the same. Write '
        r"\d+, not \d.",
        lambda texts, is_test: leaking(
            texts, is_test, lambda t: re.sub(r"\d", "#", t.strip().lower())
        ),
    ),
    (
        "Upper and lower case count as nothing: lower().",
        lambda texts, is_test: leaking(
            texts, is_test, lambda t: re.sub(r"\d+", "#", t.strip())
        ),
    ),
    (
        "Spaces around the text count as nothing: strip().",
        lambda texts, is_test: leaking(
            texts, is_test, lambda t: re.sub(r"\d+", "#", t.lower())
        ),
    ),
    (
        "You delete the digits. A text without a number is then a twin of one with: "
        "put # in their place.",
        lambda texts, is_test: leaking(
            texts, is_test, lambda t: re.sub(r"\d+", "", t).strip().lower()
        ),
    ),
    (
        "Spaces inside a text stay: only those around it go.",
        lambda texts, is_test: leaking(
            texts, is_test, lambda t: key(t).replace(" ", "")
        ),
    ),
    (
        "Two twins that are both in test are no leak: look for the twin outside.",
        twins_anywhere,
    ),
    (
        "Those are the known messages with a twin in test. Asked are the test messages.",
        lambda texts, is_test: leaking(texts, [not test for test in is_test]),
    ),
    (
        "Those are the test messages without a twin.",
        lambda texts, is_test: [
            i
            for i, test in enumerate(is_test)
            if test and i not in leaking(texts, is_test)
        ],
    ),
    (
        "Return the indices, not the texts.",
        lambda texts, is_test: [texts[i] for i in leaking(texts, is_test)],
    ),
    (
        "Count positions in the whole list, not among the test messages.",
        lambda texts, is_test: [sum(is_test[:i]) for i in leaking(texts, is_test)],
    ),
    (
        "Which ones, not how many.",
        lambda texts, is_test: len(leaking(texts, is_test)),
    ),
    (
        "In ascending order, each once, please.",
        lambda texts, is_test: leaking(texts, is_test)[::-1],
    ),
    (
        "A True for each message is not asked for: the indices.",
        lambda texts, is_test: [
            i in leaking(texts, is_test) for i in range(len(texts))
        ],
    ),
]


@exercise("7.4")
def leaks(answer: Answer) -> Verdict:
    """answer(texts, is_test) -> indices of the test messages with a twin outside test.

    texts: N strings, is_test: N booleans, as lists.
    Example:
    answer(["Set 5 minutes", "set 10 minutes ", "stop"], [False, True, True]) -> [1]
    """
    timers = [
        "set a timer for 5 minutes", "Stop it", "set a timer for 12 minutes", "go",
        "Set a timer for 40 minutes", "  stop it ", "set a timer for minutes",
        "level 7", "level 88", "g o", "STOP IT", "level 9",
    ]  # fmt: skip
    tested = [
        False, False, True, False, True, True, True, True, True, True, False, False,
    ]  # fmt: skip
    more = ["Page 3 of 10", "volume 20", "page 12 of 9", "off", "Off", "volume  20"]
    cases = [
        Case((timers, tested)),
        Case((more, [True, False, False, True, False, True])),
        Case((["hi", " HI", "hi 1"], [True, True, False])),
        Case((["a 1", "a 22", "a 333"], [True, False, True])),
        Case((["a", "b"], [False, False])),
    ]
    return judge(
        answer,
        reference=lambda texts, is_test: leaking(texts, is_test),
        cases=cases,
        mistakes=LEAKS_MISTAKES,
        praise="Run it on your own split before you believe a score.",
    )
