"""Answers to the exercises of lesson 07, as students write them."""

import itertools
import re

import numpy as np
import torch
from sklearn.metrics import f1_score, pair_confusion_matrix

from helpers.metrics import precision_recall, same_label
from tests.answers.catalogue import Answers, Wrong

# 7.1 pair_f1


def by_sets(clusters, events):
    def pairs(labels):
        numbered = itertools.combinations(range(len(labels)), 2)
        return {(i, j) for i, j in numbered if labels[i] == labels[j]}

    found, right = pairs(clusters), pairs(events)
    if not found and not right:
        return 1.0
    return 2 * len(found & right) / (len(found) + len(right))


def by_precision_and_recall(clusters, events):
    tp = fp = fn = 0
    for i in range(len(clusters)):
        for j in range(i):
            a, b = clusters[i] == clusters[j], events[i] == events[j]
            tp += a and b
            fp += a and not b
            fn += b and not a
    if tp + fp + fn == 0:
        return 1.0
    if tp == 0:
        return 0.0
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 2 * precision * recall / (precision + recall)


def by_numpy(clusters, events):
    c, e = np.array(clusters), np.array(events)
    upper = np.triu_indices(len(c), 1)
    found, right = (c[:, None] == c)[upper], (e[:, None] == e)[upper]
    total = found.sum() + right.sum()
    return 2 * (found & right).sum() / total if total else 1.0


def by_sklearn(clusters, events):
    right = same_label(events)
    return f1_score(right, same_label(clusters), zero_division=1.0)


def by_helper(clusters, events):
    right = same_label(events)
    if not right.any():
        return 0.0 if same_label(clusters).any() else 1.0
    return precision_recall(same_label(clusters), right).f1


def from_counts(formula):
    """An answer that makes its number from (found, right, both, all pairs)."""

    def answer(clusters, events):
        found = same_label(clusters)
        right = same_label(events)
        counts = found.sum(), right.sum(), (found & right).sum(), len(found)
        return float(formula(*map(int, counts)))

    return answer


def accuracy_of_texts(clusters, events):
    return sum(c == e for c, e in zip(clusters, events, strict=True)) / len(clusters)


def all_ordered_pairs_and_itself(clusters, events):
    tp = found = right = 0
    for a, x in zip(clusters, events, strict=True):
        for b, y in zip(clusters, events, strict=True):
            found += a == b
            right += x == y
            tp += a == b and x == y
    return 2 * tp / (found + right)


def neighbors(clusters, events):
    tp = found = right = 0
    for i in range(len(clusters) - 1):
        a, b = clusters[i] == clusters[i + 1], events[i] == events[i + 1]
        found, right, tp = found + a, right + b, tp + (a and b)
    return 2 * tp / (found + right) if found + right else 1.0


def sorts_the_input(clusters, events):
    clusters.sort()
    return by_sets(clusters, events)


PAIR_F1 = Answers(
    {
        "sets of pairs": by_sets,
        "precision and recall": by_precision_and_recall,
        "NumPy": by_numpy,
        "scikit-learn": by_sklearn,
        "the helper": by_helper,
    },
    [
        Wrong(
            "precision",
            from_counts(lambda f, r, b, n: b / f if f else 0),
            "the precision",
        ),
        Wrong(
            "recall", from_counts(lambda f, r, b, n: b / r if r else 0), "the recall"
        ),
        Wrong(
            "plain mean",
            from_counts(
                lambda f, r, b, n: ((b / f if f else 0) + (b / r if r else 0)) / 2
            ),
            "plain mean",
        ),
        Wrong(
            "no 2",
            from_counts(lambda f, r, b, n: b / (f + r) if f + r else 0.5),
            "2 is missing",
        ),
        Wrong(
            "Jaccard",
            from_counts(lambda f, r, b, n: b / (f + r - b) if f + r - b else 0),
            "Jaccard",
        ),
        Wrong("text by text", accuracy_of_texts, "text by text"),
        Wrong("with itself", all_ordered_pairs_and_itself, "with itself"),
        Wrong(
            "Rand index",
            from_counts(lambda f, r, b, n: (n - f - r + 2 * b) / n),
            "Rand index",
        ),
        Wrong(
            "Rand index by scikit-learn",
            lambda c, e: (
                pair_confusion_matrix(e, c).trace() / pair_confusion_matrix(e, c).sum()
            ),
            "Rand index",
        ),
        Wrong("neighbors only", neighbors, "neighbors"),
        Wrong(
            "0 for nothing",
            from_counts(lambda f, r, b, n: 2 * b / (f + r) if f + r else 0),
            "nothing to find",
        ),
        Wrong(
            "division by 0",
            from_counts(lambda f, r, b, n: 2 * b / (f + r)),
            "return 1.0",
        ),
        Wrong(
            "percent",
            from_counts(lambda f, r, b, n: 200 * b / (f + r) if f + r else 100),
            "percent",
        ),
        Wrong(
            "rounded",
            from_counts(lambda f, r, b, n: round(2 * b / (f + r), 2) if f + r else 1),
            "Round when you print",
        ),
        Wrong("sorted in place", sorts_the_input, ""),
        Wrong("no return", lambda clusters, events: None, "`return`"),
        Wrong("a constant", lambda clusters, events: 0.5, "whatever it gets"),
        Wrong(
            "macro average",
            lambda c, e: f1_score(
                same_label(e), same_label(c), average="macro", zero_division=1.0
            ),
            "",
        ),
    ],
)

# 7.2 precision_threshold


def by_trying(cosines, same, precision):
    good = []
    for t in cosines:
        if same[cosines >= t].mean() >= precision:
            good.append(t)
    return min(good) if good else None


def by_sorting(cosines, same, precision):
    order = np.argsort(cosines)[::-1]
    reached = np.cumsum(same[order]) / np.arange(1, len(same) + 1) >= precision
    if not reached.any():
        return None
    return cosines[order][np.flatnonzero(reached)[-1]]


def upwards(cosines, same, precision):
    for t in sorted(cosines.tolist()):
        if np.mean(same[cosines >= t]) >= precision:
            return t
    return None


def stops_early(cosines, same, precision):
    best = None
    for t in sorted(cosines, reverse=True):
        if same[cosines >= t].mean() < precision:
            return best
        best = t
    return best


def first_from_the_top(cosines, same, precision):
    for t in sorted(cosines, reverse=True):
        if same[cosines >= t].mean() >= precision:
            return t
    return None


def by_recall(cosines, same, precision):
    good = [t for t in cosines if same[cosines >= t].sum() / same.sum() >= precision]
    return min(good, default=None)


def strictly_above(cosines, same, precision):
    good = []
    for t in cosines:
        found = same[cosines > t]
        if len(found) and found.mean() >= precision:
            good.append(t)
    return min(good, default=None)


def more_than(cosines, same, precision):
    good = [t for t in cosines if same[cosines >= t].mean() > precision]
    return min(good, default=None)


def by_f1(cosines, same, precision):
    def f1(t):
        found = cosines >= t
        return 2 * (found & same).sum() / (found.sum() + same.sum())

    return max(sorted(cosines, reverse=True), key=f1)


def by_accuracy(cosines, same, precision):
    good = [t for t in cosines if ((cosines >= t) == same).mean() >= precision]
    return min(good, default=None)


def unsorted(cosines, same, precision):
    reached = np.cumsum(same) / np.arange(1, len(same) + 1) >= precision
    return cosines[reached].min() if reached.any() else None


def or_number(number):
    def answer(cosines, same, precision):
        t = by_trying(cosines, same, precision)
        return number if t is None else t

    return answer


def position(cosines, same, precision):
    t = by_trying(cosines, same, precision)
    return None if t is None else int(np.flatnonzero(cosines == t)[0])


def sorts_in_place(cosines, same, precision):
    cosines.sort()
    return upwards(cosines, same, precision)


PRECISION_THRESHOLD = Answers(
    {
        "trying all": by_trying,
        "sorting": by_sorting,
        "from below": upwards,
        "one line": lambda c, s, p: min(
            (t for t in c if s[c >= t].mean() >= p), default=None
        ),
    },
    [
        Wrong("stops early", stops_early, "first threshold that fails"),
        Wrong("the highest", first_from_the_top, "highest threshold"),
        Wrong("recall", by_recall, "wanted recall"),
        Wrong(">", strictly_above, "exactly at the threshold"),
        Wrong("more than the precision", more_than, "reached exactly"),
        Wrong("best F1", by_f1, "best F1"),
        Wrong("accuracy", by_accuracy, "accuracy"),
        Wrong("precision 1", lambda c, s, p: by_trying(c, s, 1.0), "use the argument"),
        Wrong(
            "no default",
            lambda c, s, p: min(t for t in c if s[c >= t].mean() >= p),
            "return None",
        ),
        Wrong("1 for none", or_number(1.0), "return None"),
        Wrong("0 for none", or_number(0.0), "return None"),
        Wrong("NaN for none", or_number(float("nan")), "return None"),
        Wrong("lowest same", lambda c, s, p: c[s].min(), "lowest cosine of a pair"),
        Wrong("position", position, "where it stands"),
        Wrong("not sorted", unsorted, "sort them"),
        Wrong("sorts in place", sorts_in_place, ""),
        Wrong("no return", lambda c, s, p: None, "`return`"),
        Wrong("fixed", lambda c, s, p: 0.5, "whatever it gets"),
    ],
)

# 7.3 out_of_scope


def by_loop(examples, labels, queries, threshold):
    found = []
    for query in queries:
        cosines = examples @ query
        best = cosines.argmax()
        found.append(labels[best] if cosines[best] >= threshold else None)
    return found


def by_max(examples, labels, queries, threshold):
    best, where = (queries @ examples.T).max(dim=1)
    pairs = zip(best, where, strict=True)
    return [None if cosine < threshold else labels[i] for cosine, i in pairs]


def with_numpy(examples, labels, queries, threshold):
    cosines = queries.numpy() @ examples.numpy().T
    names = np.array(labels, dtype=object)[cosines.argmax(axis=1)]
    names[cosines.max(axis=1) < threshold] = None
    return names.tolist()


def with_topk(examples, labels, queries, threshold):
    top = torch.topk(queries @ examples.T, 1, dim=1)
    kept = (top.values[:, 0] >= threshold).tolist()
    indices = top.indices[:, 0].tolist()
    return [labels[i] if keep else None for i, keep in zip(indices, kept, strict=True)]


def changed(change):
    """A right list, and what somebody makes of it."""

    def answer(examples, labels, queries, threshold):
        cosines = queries @ examples.T
        return change(cosines, labels, threshold)

    return answer


def pick(cosines, labels, threshold, other=None):
    best, where = cosines.max(dim=1)
    return [
        labels[i] if cosine >= threshold else other
        for cosine, i in zip(best.tolist(), where.tolist(), strict=True)
    ]


def first_above(cosines, labels, threshold):
    found = []
    for row in cosines:
        hits = [label for label, c in zip(labels, row, strict=True) if c >= threshold]
        found.append(hits[0] if hits else None)
    return found


def by_centroids(examples, labels, queries, threshold):
    names = sorted(set(labels))
    chosen = [[label == name for label in labels] for name in names]
    centers = torch.stack([examples[torch.tensor(c)].mean(0) for c in chosen])
    centers = torch.nn.functional.normalize(centers, dim=1)
    return by_max(centers, names, queries, threshold)


def indices(cosines, labels, threshold):
    best, where = cosines.max(dim=1)
    return [
        int(i) if cosine >= threshold else None
        for cosine, i in zip(best, where, strict=True)
    ]


OUT_OF_SCOPE = Answers(
    {
        "a loop": by_loop,
        "max": by_max,
        "NumPy": with_numpy,
        "topk": with_topk,
    },
    [
        Wrong(
            "never turned down",
            changed(lambda c, n, t: pick(c, n, -9)),
            "Nothing is turned",
        ),
        Wrong(
            "the wrong way round",
            lambda e, labels, q, t: [
                labels[int(row.argmax())] if row.max() < t else None for row in q @ e.T
            ],
            "wrong way round",
        ),
        Wrong("first above", changed(first_above), "first example above"),
        Wrong("centroids", by_centroids, "mean of each label"),
        Wrong("argmin", lambda e, n, q, t: by_max(-e, n, q, t), "farthest"),
        Wrong("index", changed(indices), "not its index"),
        Wrong(
            "the word None",
            changed(lambda c, n, t: pick(c, n, t, "None")),
            "not the word",
        ),
        Wrong(
            "empty string", changed(lambda c, n, t: pick(c, n, t, "")), "empty string"
        ),
        Wrong(
            "left out",
            changed(lambda c, n, t: [a for a in pick(c, n, t) if a]),
            "Leave out nothing",
        ),
        Wrong(
            ">",
            lambda e, n, q, t: [
                n[int(row.argmax())] if row.max() > t else None for row in q @ e.T
            ],
            "At the threshold itself",
        ),
        Wrong(
            "transposed", lambda e, n, q, t: by_max(q, n, e, t), "row for each example"
        ),
        Wrong("0.5", changed(lambda c, n, t: pick(c, n, 0.5)), "is an argument"),
        Wrong(
            "absolute", changed(lambda c, n, t: pick(c.abs(), n, t)), "absolute value"
        ),
        Wrong(
            "a dictionary", lambda e, n, q, t: dict(enumerate(by_max(e, n, q, t))), ""
        ),
        Wrong("no return", lambda e, n, q, t: None, "`return`"),
        Wrong("always on", lambda e, n, q, t: ["on"] * len(q), ""),
    ],
)

# 7.4 leaks


def keyed(text):
    return re.sub(r"\d+", "#", text).strip().lower()


def leaks_by_set(texts, is_test, key=keyed):
    train = set()
    for text, test in zip(texts, is_test, strict=True):
        if not test:
            train.add(key(text))
    return [i for i, text in enumerate(texts) if is_test[i] and key(text) in train]


def leaks_by_pairs(texts, is_test):
    found = []
    for i in range(len(texts)):
        for j in range(len(texts)):
            if is_test[i] and not is_test[j] and keyed(texts[i]) == keyed(texts[j]):
                found.append(i)
                break
    return found


def leaks_by_groups(texts, is_test):
    groups = {}
    for i, text in enumerate(texts):
        groups.setdefault(re.sub("[0-9]+", "#", text.lower().strip()), []).append(i)
    found = []
    for members in groups.values():
        if not all(is_test[i] for i in members):
            found += [i for i in members if is_test[i]]
    return sorted(found)


def with_key(key):
    return lambda texts, is_test: leaks_by_set(texts, is_test, key)


def every_pair(texts, is_test):
    return [
        i
        for i in range(len(texts))
        for j in range(len(texts))
        if is_test[i] and not is_test[j] and keyed(texts[i]) == keyed(texts[j])
    ]


def twins_in_test(texts, is_test):
    keys = [keyed(t) for t in texts]
    return [i for i, k in enumerate(keys) if is_test[i] and keys.count(k) >= 2]


LEAKS = Answers(
    {
        "a set": leaks_by_set,
        "pairs": leaks_by_pairs,
        "groups": leaks_by_groups,
    },
    [
        Wrong("equal texts", with_key(lambda t: t), "Equal texts only"),
        Wrong("digits kept", with_key(lambda t: t.lower().strip()), "becomes #"),
        Wrong(
            "digit by digit",
            with_key(lambda t: re.sub(r"\d", "#", t).lower().strip()),
            "*run*",
        ),
        Wrong(
            "case kept", with_key(lambda t: re.sub(r"\d+", "#", t).strip()), "lower()"
        ),
        Wrong(
            "spaces kept", with_key(lambda t: re.sub(r"\d+", "#", t).lower()), "strip()"
        ),
        Wrong(
            "digits deleted",
            with_key(lambda t: re.sub(r"\d+", "", t).strip().lower()),
            "delete",
        ),
        Wrong(
            "all spaces",
            with_key(lambda t: re.sub(r"\s+", "", keyed(t))),
            "inside a text",
        ),
        Wrong("twins in test", twins_in_test, "both in test"),
        Wrong(
            "the other side",
            lambda texts, is_test: leaks_by_set(texts, [not t for t in is_test]),
            "known messages",
        ),
        Wrong(
            "those without",
            lambda texts, is_test: [
                i
                for i in range(len(texts))
                if is_test[i] and i not in leaks_by_set(texts, is_test)
            ],
            "without a twin",
        ),
        Wrong(
            "the texts",
            lambda texts, is_test: [texts[i] for i in leaks_by_set(texts, is_test)],
            "not the texts",
        ),
        Wrong(
            "number among test",
            lambda texts, is_test: [
                n
                for n, i in enumerate(i for i, t in enumerate(is_test) if t)
                if i in leaks_by_set(texts, is_test)
            ],
            "whole list",
        ),
        Wrong(
            "how many",
            lambda texts, is_test: len(leaks_by_set(texts, is_test)),
            "not how many",
        ),
        Wrong(
            "backwards",
            lambda texts, is_test: leaks_by_set(texts, is_test)[::-1],
            "ascending",
        ),
        Wrong(
            "booleans",
            lambda texts, is_test: [
                i in leaks_by_set(texts, is_test) for i in range(len(texts))
            ],
            "True for each",
        ),
        Wrong("once for each twin", every_pair, ""),
        Wrong(
            "a set returned",
            lambda texts, is_test: set(leaks_by_set(texts, is_test)),
            "",
        ),
        Wrong("no return", lambda texts, is_test: None, "`return`"),
    ],
)

ANSWERS = {
    "pair_f1": PAIR_F1,
    "precision_threshold": PRECISION_THRESHOLD,
    "out_of_scope": OUT_OF_SCOPE,
    "leaks": LEAKS,
}
