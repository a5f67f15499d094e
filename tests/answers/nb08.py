"""Answers to the exercises of lesson 08, as students write them."""

import math

import numpy as np
import torch
from sklearn.metrics import ndcg_score

from tests.answers.catalogue import Answers, Wrong

# 8.1 mean_reciprocal_rank


def mrr_by_loop(ranks):
    total = 0.0
    for rank in ranks.tolist():
        if rank > 0:
            total += 1 / rank
    return total / len(ranks)


def mrr_by_mask(ranks):
    values = torch.zeros(len(ranks))
    values[ranks > 0] = 1 / ranks[ranks > 0]
    return values.mean()


def mrr_by_numpy(ranks):
    r = ranks.numpy().astype(float)
    return np.divide(1, r, out=np.zeros_like(r), where=r > 0).mean()


def mrr_infinite_to_zero(ranks):
    values = 1 / ranks.float()
    values[torch.isinf(values)] = 0
    return float(values.mean())


def mrr_of_found(ranks):
    found = ranks[ranks > 0]
    return (1 / found).mean()


def mrr_in_place(ranks):
    ranks[ranks == 0] = 10**9
    return (1 / ranks).mean()


def mrr_only_the_first(ranks):
    return 1 / ranks[0]


MEAN_RECIPROCAL_RANK = Answers(
    {
        "a loop": mrr_by_loop,
        "a mask": mrr_by_mask,
        "NumPy": mrr_by_numpy,
        "infinity to zero": mrr_infinite_to_zero,
        "a comprehension": lambda r: sum(1 / x for x in r.tolist() if x) / len(r),
    },
    [
        Wrong("found only", mrr_of_found, "leave out the queries"),
        Wrong("division by zero", lambda r: (1 / r).mean(), "infinite"),
        Wrong("from zero", lambda r: (1 / (r + 1)).mean(), "from 0"),
        Wrong("clamped", lambda r: (1 / r.clamp(min=1)).mean(), "as found first"),
        Wrong("mean rank", lambda r: r.float().mean(), "mean rank"),
        Wrong("one over mean rank", lambda r: 1 / r.float().mean(), "1 / mean rank"),
        Wrong(
            "sum",
            lambda r: sum(1 / x for x in r.tolist() if x),
            "the sum",
        ),
        Wrong("recall@1", lambda r: (r == 1).float().mean(), "recall@1"),
        Wrong("share found", lambda r: (r > 0).float().mean(), "share of answers"),
        Wrong(
            "no mean",
            lambda r: torch.where(r > 0, 1 / r.clamp(min=1), 0.0),
            "One number",
        ),
        Wrong("in place", mrr_in_place, "changes its input"),
        Wrong("first only", mrr_only_the_first, ""),
        Wrong("no return", lambda r: None, "`return`"),
        Wrong(
            "percent",
            lambda r: 100 * mrr_by_loop(r),
            "",
        ),
    ],
)

# 8.2 ndcg


def dcg(gains, k):
    return sum(g / math.log2(i + 2) for i, g in enumerate(gains[:k]))


def ndcg_by_loop(gains, k):
    listed = gains.tolist()
    return dcg(listed, k) / dcg(sorted(listed, reverse=True), k)


def ndcg_by_tensor(gains, k):
    best = torch.sort(gains, descending=True).values[:k]
    kept = gains[:k]
    discount = torch.log2(torch.arange(len(kept)) + 2.0)
    return (kept / discount).sum() / (best / discount).sum()


def ndcg_by_numpy(gains, k):
    g = gains.numpy()
    best = np.sort(g)[::-1][:k]
    g = g[:k]
    discount = np.log2(np.arange(2, len(g) + 2))
    return (g / discount).sum() / (best / discount).sum()


def ndcg_by_library(gains, k):
    scores = np.arange(len(gains), 0, -1)[None]
    return ndcg_score(gains.numpy()[None], scores, k=k)


def with_discount(function, base=math.log2):
    def ndcg(gains, k):
        listed = gains.tolist()
        best = sorted(listed, reverse=True)
        sums = [
            sum(g / function(i + 1) for i, g in enumerate(order[:k]))
            for order in (listed, best)
        ]
        return sums[0] / sums[1]

    return ndcg


def sorts_what_was_cut(gains, k):
    kept = gains.tolist()[:k]
    best = dcg(sorted(kept, reverse=True), k)
    return dcg(kept, k) / best if best else 0.0


def sorts_in_place(gains, k):
    first = dcg(gains.tolist(), k)
    gains[:] = gains.sort(descending=True).values
    return first / dcg(gains.tolist(), k)


NDCG = Answers(
    {
        "a loop": ndcg_by_loop,
        "tensors": ndcg_by_tensor,
        "NumPy": ndcg_by_numpy,
        "scikit-learn": ndcg_by_library,
        "natural logarithms": with_discount(lambda r: math.log(r + 1)),
    },
    [
        Wrong("DCG", lambda g, k: dcg(g.tolist(), k), "That is DCG"),
        Wrong("cut before sorting", sorts_what_was_cut, "only the first k"),
        Wrong("not cut", lambda g, k: ndcg_by_loop(g, len(g)), "did not cut"),
        Wrong(
            "best not cut",
            lambda g, k: dcg(g.tolist(), k) / dcg(sorted(g.tolist())[::-1], len(g)),
            "not below",
        ),
        Wrong(
            "ascending",
            lambda g, k: (
                dcg(g.tolist(), k) / (dcg(sorted(g.tolist()), k) or float("nan"))
            ),
            "",
        ),
        Wrong("one too far", with_discount(lambda r: math.log2(r + 2)), "too far"),
        Wrong("by rank", with_discount(lambda r: r), "rank itself"),
        Wrong("no discount", with_discount(lambda r: 1), "Without a discount"),
        Wrong("times log", with_discount(lambda r: 1 / math.log2(r + 1)), "multiply"),
        Wrong("exponential", lambda g, k: ndcg_by_loop(2**g - 1, k), "variant"),
        Wrong("binary", lambda g, k: ndcg_by_loop((g > 0).float(), k), "above 0"),
        Wrong(
            "by sum of gains", lambda g, k: dcg(g.tolist(), k) / g.sum(), "sum of the"
        ),
        Wrong("by k", lambda g, k: dcg(g.tolist(), k) / k, "divide by k"),
        Wrong("log of rank", with_discount(lambda r: math.log2(r)), ""),
        Wrong("in place", sorts_in_place, "changes its input"),
        Wrong("no return", lambda g, k: None, "`return`"),
    ],
)

# 8.3 rank_fusion


def share(ranks, c=60):
    return torch.where(ranks > 0, 1 / (c + ranks), 0.0)


def fusion_by_loop(first, second):
    fused = []
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        score = 0.0
        if a:
            score += 1 / (60 + a)
        if b:
            score += 1 / (60 + b)
        fused.append(score)
    return torch.tensor(fused)


def fusion_by_masks(first, second):
    fused = torch.zeros(len(first))
    fused[first > 0] += 1 / (60 + first[first > 0])
    fused[second > 0] += 1 / (60 + second[second > 0])
    return fused


def fusion_by_product(first, second):
    return (first > 0) / (first + 60) + (second > 0) / (second + 60)


def fusion_stacked(first, second):
    ranks = torch.stack([first, second])
    return (1.0 / (60 + ranks)).masked_fill(ranks == 0, 0).sum(0)


def fusion_with(change=lambda x: x, c=60):
    return lambda first, second: change(share(first, c) + share(second, c))


def fusion_in_place(first, second):
    first[first == 0] = 10**12
    second[second == 0] = 10**12
    return 1 / (60 + first) + 1 / (60 + second)


def fusion_as_list(first, second):
    return fusion_by_loop(first, second).tolist()


RANK_FUSION = Answers(
    {
        "a loop": fusion_by_loop,
        "masks": fusion_by_masks,
        "a product": fusion_by_product,
        "stacked": fusion_stacked,
        "where": fusion_with(),
    },
    [
        Wrong(
            "0 is a rank",
            lambda a, b: 1 / (60 + a) + 1 / (60 + b),
            "has not found the document",
        ),
        Wrong(
            "both needed",
            lambda a, b: (share(a) + share(b)) * ((a > 0) & (b > 0)),
            "keeps what it gets",
        ),
        Wrong("no c", fusion_with(c=0), "Add 60"),
        Wrong("c = 1", fusion_with(c=1), "not 1"),
        Wrong("61", fusion_with(c=61), "not 61"),
        Wrong("59", fusion_with(c=59), "not 59"),
        Wrong("mean", fusion_with(lambda x: x / 2), "not mean"),
        Wrong("larger", lambda a, b: torch.max(share(a), share(b)), "larger one"),
        Wrong("product", lambda a, b: share(a) * share(b), "multiplied"),
        Wrong("sum of ranks", lambda a, b: 1 / (60 + a + b), "summed the ranks"),
        Wrong("first only", lambda a, b: share(a), "first search only"),
        Wrong("second only", lambda a, b: share(b), "second search only"),
        Wrong(
            "order", fusion_with(lambda x: x.argsort(descending=True)), "order of the"
        ),
        Wrong("negative", fusion_with(lambda x: -x), "sign is wrong"),
        Wrong("in place", fusion_in_place, "changes its input"),
        Wrong("a list", fusion_as_list, "expected a tensor"),
        Wrong("best only", fusion_with(lambda x: x.max()), ""),
    ],
)

# 8.4 false_negatives


def suspicious_by_loop(answer, negatives, margin):
    mask = torch.zeros(negatives.shape, dtype=torch.bool)
    for q in range(len(answer)):
        bound = answer[q] * (1 - margin)
        for m in range(negatives.shape[1]):
            mask[q, m] = negatives[q, m] > bound
    return mask


def above(bound):
    """Negatives above bound(answer [Q], margin), which broadcasts to [Q, M]."""
    return lambda answer, negatives, margin: negatives > bound(answer, margin)


def rows_stacked(answer, negatives, margin):
    rows = zip(answer, negatives, strict=True)
    return torch.stack([row > (1 - margin) * a for a, row in rows])


FALSE_NEGATIVES = Answers(
    {
        "a new axis": above(lambda a, m: (1 - m) * a[:, None]),
        "a loop": suspicious_by_loop,
        "transposed": lambda a, n, m: n.T.gt(a * (1 - m)).T,
        "rows stacked": rows_stacked,
        "a difference": lambda a, n, m: n - a.unsqueeze(1) * (1 - m) > 0,
    },
    [
        Wrong("no new axis", above(lambda a, m: (1 - m) * a), "answer of its own"),
        Wrong("no margin", above(lambda a, m: a[:, None]), "just below it"),
        Wrong("minus", above(lambda a, m: a[:, None] - m), "share of the answer"),
        Wrong("plus", above(lambda a, m: (1 + m) * a[:, None]), "not by 1 + margin"),
        Wrong("inverted", lambda a, n, m: n <= (1 - m) * a[:, None], "good negatives"),
        Wrong("margin alone", above(lambda a, m: m * a[:, None]), "margin times"),
        Wrong("largest", above(lambda a, m: (1 - m) * a.max()), "with the largest"),
        Wrong("smallest", above(lambda a, m: (1 - m) * a.min()), "with the smallest"),
        Wrong("mean", above(lambda a, m: (1 - m) * a.mean()), "with the mean"),
        Wrong(
            "between",
            lambda a, n, m: (n > (1 - m) * a[:, None]) & (n < a[:, None]),
            "most suspicious",
        ),
        Wrong(
            "any",
            lambda a, n, m: (n > (1 - m) * a[:, None]).any(1),
            "which queries",
        ),
        Wrong(
            "places",
            lambda a, n, m: (n > (1 - m) * a[:, None]).nonzero(),
            "the places",
        ),
        Wrong("count", lambda a, n, m: (n > (1 - m) * a[:, None]).sum(), "how many"),
        Wrong("a fixed bound", lambda a, n, m: n > 0.75, ""),
        Wrong("no return", lambda a, n, m: None, "`return`"),
    ],
)

ANSWERS = {
    "mean_reciprocal_rank": MEAN_RECIPROCAL_RANK,
    "ndcg": NDCG,
    "rank_fusion": RANK_FUSION,
    "false_negatives": FALSE_NEGATIVES,
}
