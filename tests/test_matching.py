"""What lesson 07 needs: its data, and a yes or no from a cosine."""

import random

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pair_confusion_matrix, precision_recall_fscore_support

from helpers.datasets import (
    LANGUAGES,
    load_intents,
    load_lee,
    load_minimal_pairs,
)
from helpers.metrics import (
    bootstrap,
    choose_threshold,
    pairwise_cosines,
    precision_recall,
    same_label,
)
from helpers.templates import say

NAN = float("nan")


def booleans(*values):
    return np.array(values, dtype=bool)


# --- data


def test_news_and_what_people_said_of_it():
    reports, people = load_lee()
    assert len(reports) == 50 and people.shape == (50, 50)
    assert all(40 < len(report.split()) < 130 for report in reports)
    assert (people == people.T).all() and (people.diagonal() == 1).all()
    assert people.min() == 0.2 and people.max() == 1
    # Byte 0x92 and its like are quotation marks in cp1252, and nothing in Latin 1.
    assert not any("\x80" <= letter < "\xa0" for letter in "".join(reports))


@pytest.mark.parametrize(("language", "intents"), [("en", 42), ("zh-CN", 40)])
def test_messages_are_always_the_same_and_never_twice(language, intents):
    frame = load_intents(language, messages=6)
    assert frame.equals(load_intents(language, messages=6))
    assert frame.intent.nunique() == intents and frame.text.is_unique
    assert frame.groupby("intent").size().max() == 6
    assert not frame.text.str.contains(r"[\[\](){}<>|]").any()
    assert (frame.text == frame.text.str.strip()).all()


def test_messages_are_spread_over_the_templates():
    frame = load_intents("en", messages=6)
    many = frame[frame.intent.isin(["TurnOn", "StartTimer", "LightSet"])]
    assert many.groupby("intent").template.nunique().eq(6).all()
    few = frame[frame.intent == "ShoppingListAddItem"]
    assert few.template.value_counts().tolist() == [3, 3]


@pytest.mark.fault("datasets", "clear error")
@pytest.mark.parametrize("language", ["de", "EN", "zh", "", None, 0, ["en"], b"en"])
def test_what_is_no_language_is_refused(language):
    with pytest.raises(ValueError, match="language must be 'en' or 'zh-CN', not"):
        load_intents(language)


@pytest.mark.fault("datasets", "clear error")
@pytest.mark.parametrize("messages", [0, -1, 2.0, "4", None, True, [3]])
def test_what_is_no_number_of_messages_is_refused(messages):
    with pytest.raises(ValueError, match="messages must be an integer of at least 1"):
        load_intents(LANGUAGES[0], messages)


def test_minimal_pairs_are_what_the_lesson_says():
    frame = load_minimal_pairs()
    counts = frame.kind.value_counts()
    assert counts.to_dict() == dict.fromkeys(
        ("negation", "number", "roles", "name"), 15
    )
    texts = frame[["sentence", "paraphrase", "changed"]]
    assert not texts.isna().any(axis=None) and frame.sentence.is_unique
    for row in texts.itertuples(index=False):
        words = [set(text.lower().strip(".").split()) for text in row]
        near, far = (len(words[0] & w) / len(words[0] | w) for w in words[1:])
        assert near < far, row  # the change shares more words than the paraphrase


# --- templates


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("(turn|switch) on", {"turn on", "switch on"}),
        ("[the] {area} light", {"the hall light", "hall light"}),
        ("<go> home", {"go home", "come home"}),
        ("(a;b)", {"a b", "b a"}),
        ("{area}灯", {"hall灯"}),
        ("{area:place}", {"hall"}),
    ],
)
def test_a_template_says_all_that_it_can_and_nothing_else(template, said):
    rules, lists = {"go": "(go|come)"}, {"area": ["hall"]}
    generator = random.Random(0)
    assert {say(template, rules, lists, generator) for _ in range(40)} == said


@pytest.mark.fault("templates", "clear error")
@pytest.mark.parametrize(
    ("template", "named"), [("{room}", "list 'room'"), ("<who>", "rule 'who'")]
)
def test_what_a_template_names_must_be_there(template, named):
    with pytest.raises(ValueError, match=f"template names the {named}, which is not"):
        say(template, {}, {}, random.Random(0))


# --- precision, recall, threshold


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12)
)
def test_pairs_are_counted_as_scikit_learn_counts_them(labels):
    clusters, events = np.array(labels).T
    found, right = same_label(clusters), same_label(events)
    (_, fp), (fn, tp) = pair_confusion_matrix(events, clusters) // 2
    assert (found & right).sum() == tp
    assert (found.sum(), right.sum()) == (tp + fp, tp + fn)
    if right.any():
        expected = precision_recall_fscore_support(
            right, found, average="binary", zero_division=0
        )
        assert precision_recall(found, right) == pytest.approx(expected[:3])


def test_pairs_come_in_the_order_of_the_cosines():
    vectors = torch.eye(3)[[0, 1, 0, 2]]
    assert (same_label([0, 1, 0, 2]) == (pairwise_cosines(vectors) == 1).numpy()).all()
    assert same_label(["a"]).size == 0


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize(
    "labels",
    [["a", "b", "a"], (0, 1, 0), torch.tensor([0, 1, 0]), pd.Series(list("aba"))],
)
def test_labels_of_any_kind(labels):
    assert same_label(labels).tolist() == [False, True, False]


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("labels", [3, [[1, 2], [1, 2]], np.zeros((2, 1))])
def test_what_is_no_list_of_labels_is_refused(labels):
    with pytest.raises(ValueError, match=r"labels must be \[N\], not"):
        same_label(labels)


def test_nothing_found_has_no_precision():
    assert precision_recall(booleans(0, 0), booleans(1, 0)) == (0, 0, 0)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("found", "right", "message"),
    [
        ([0.3, 0.9], [True, False], r"found must be booleans \[N\], not float64"),
        ([1, 0], [True, False], r"found must be booleans \[N\], not int64"),
        ([True], [True, False], "found, right must be of one length, not 1 and 2"),
        ([True, False], [False, False], "right must hold at least one True"),
        ([], [], r"found must be booleans \[N\]"),
        ([[True]], [[True]], r"found must be booleans \[N\], not bool \[1, 1\]"),
        (None, [True], "found must be booleans"),
        ([True, None], [True, True], "found must be booleans"),
    ],
)
def test_what_cannot_be_counted_is_refused(found, right, message):
    with pytest.raises(ValueError, match=message):
        precision_recall(found, right)


def test_thresholds_worked_out_by_hand():
    cosines, right = [0.4, 0.9, 0.6], booleans(1, 1, 0)
    assert choose_threshold(cosines, right) == 0.4  # F1: 2/3, 1/2, 4/5
    assert choose_threshold(cosines, right, precision=1) == 0.75
    assert choose_threshold(torch.tensor(cosines), right, 0.6) == pytest.approx(0.4)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=15),
    st.sampled_from([None, 0.3, 0.5, 0.75, 1.0]),
)
def test_no_other_threshold_is_better(rows, wanted):
    cosines, right = np.array([c / 5 for c, _ in rows]), booleans(*[r for _, r in rows])
    if not right.any() or len(set(cosines)) < 2:
        return
    tried = [precision_recall(cosines >= c, right) for c in cosines]
    if wanted is None:
        chosen = choose_threshold(cosines, right)
        best = max(counted.f1 for counted in tried)
        assert precision_recall(cosines >= chosen, right).f1 == pytest.approx(best)
    elif max(counted.precision for counted in tried) < wanted:
        with pytest.raises(ValueError, match="no threshold reaches a precision of"):
            choose_threshold(cosines, right, wanted)
    else:
        chosen = precision_recall(
            cosines >= choose_threshold(cosines, right, wanted), right
        )
        assert chosen.precision >= wanted
        assert chosen.recall == max(c.recall for c in tried if c.precision >= wanted)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("cosines", "right", "precision", "message"),
    [
        ([0.1, NAN], [True, False], None, "similarities must be finite, but 1 of 2"),
        ([0.1, 0.2], [False, False], None, "at least one True, not 2 with 0 True"),
        ([0.1, 0.2], [True], None, "right must hold 2 booleans"),
        ([0.1, 0.1], [True, False], None, "at least two different values"),
        ([0.1, 0.2], [1, 0], None, "right must be booleans"),
        ([0.1, 0.2], [True, False], 0, "precision must be above 0 and at most 1"),
        ([0.1, 0.2], [True, False], 90, "precision must be above 0 and at most 1"),
        (
            [0.1, 0.2],
            [True, False],
            0.9,
            "a precision of 0.9: at best 1 of 2 found are right",
        ),
        ([], [], None, "similarities must"),
    ],
)
def test_what_gives_no_threshold_is_refused(cosines, right, precision, message):
    with pytest.raises(ValueError, match=message):
        choose_threshold(cosines, right, precision)


# --- bootstrap


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap(lambda chosen: values[chosen].mean(), 400)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("score", "size", "message"),
    [
        (lambda chosen: 0.0, 1, "size must be an integer of at least 2, not 1"),
        (lambda chosen: 0.0, 2.5, "size must be an integer"),
        (lambda chosen: 0.0, None, "size must be an integer"),
        (lambda chosen: NAN, 5, "score must be finite, but 1000 of 1000 are not"),
        (lambda chosen: "x", 5, r"score must be numbers \[N\]"),
        (lambda chosen: None, 5, r"score must be numbers \[N\]"),
    ],
)
def test_what_has_no_interval_is_refused(score, size, message):
    with pytest.raises(ValueError, match=message):
        bootstrap(score, size)


@pytest.mark.fault("metrics", "clear error")
def test_too_few_resamples_for_the_level():
    with pytest.raises(ValueError, match="resamples must be an integer of at least 40"):
        bootstrap(lambda chosen: 0.0, 5, resamples=39)
