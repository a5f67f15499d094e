"""Checks of lesson 08: how a search is scored, joined with another, and mined."""

import torch
from torch import Tensor

from helpers.checks.judge import Answer, Case, Verdict, exercise, judge


def mrr(ranks: Tensor) -> Tensor:
    return torch.where(ranks > 0, 1 / ranks.clamp(min=1), 0.0).mean()


def found(ranks: Tensor) -> Tensor:
    return ranks[ranks > 0].double()


MRR_CASES = [
    Case((torch.tensor([1, 2, 0, 4]),)),
    Case((torch.tensor([1, 3, 5]),)),
    Case((torch.tensor([7, 0]),)),
    Case((torch.tensor([0, 0, 0]),), "If nothing was found, the result is 0."),
    Case((torch.tensor([100] * 7 + [1, 2]),)),
]
MRR_MISTAKES = [
    (
        "You leave out the queries whose answer was not found. They count 0: the mean "
        "is over all queries.",
        lambda ranks: (1 / found(ranks)).mean(),
    ),
    (
        "A rank of 0 says not found, and counts 0: 1 / 0 is infinite.",
        lambda ranks: (1 / ranks).mean(),
    ),
    (
        "You count ranks from 0: 1 / (rank + 1). Here the first place is rank 1.",
        lambda ranks: (1 / (ranks + 1)).mean(),
    ),
    (
        "You count what was not found as found first.",
        lambda ranks: (1 / ranks.clamp(min=1)).mean(),
    ),
    (
        "That is the mean rank: take 1 / rank first.",
        lambda ranks: ranks.double().mean(),
    ),
    (
        "That is 1 / mean rank. The reciprocal of each rank comes first, then the mean.",
        lambda ranks: 1 / ranks.double().mean(),
    ),
    (
        "That is 1 / mean rank of what was found. The reciprocal comes first.",
        lambda ranks: 1 / found(ranks).mean(),
    ),
    (
        "That is the sum: divide by the number of queries.",
        lambda ranks: mrr(ranks) * len(ranks),
    ),
    (
        "That is the sum divided by the largest rank: divide by the number of queries.",
        lambda ranks: mrr(ranks) * len(ranks) / ranks.max(),
    ),
    (
        "That is recall@1: a rank of 2 counts as well, one half.",
        lambda ranks: (ranks == 1).double().mean(),
    ),
    (
        "That is the share of answers that were found, whatever their rank.",
        lambda ranks: (ranks > 0).double().mean(),
    ),
    (
        "That is the median of the reciprocals: take the mean.",
        lambda ranks: torch.where(ranks > 0, 1 / ranks.clamp(min=1), 0.0).median(),
    ),
    (
        "One number for all queries: take the mean.",
        lambda ranks: torch.where(ranks > 0, 1 / ranks.clamp(min=1), 0.0),
    ),
    (
        "The reciprocal is 1 / rank: the logarithm belongs to nDCG.",
        lambda ranks: torch.where(ranks > 0, 1 / (1 + ranks).log2(), 0.0).mean(),
    ),
]


@exercise("8.1")
def mean_reciprocal_rank(answer: Answer) -> Verdict:
    """answer(ranks) -> MRR, one number.

    ranks [Q]: of each query's answer, from 1; 0 for not found, which counts 0.
    Example: answer(torch.tensor([1, 2, 0, 4])) -> 0.4375
    """
    return judge(
        answer,
        reference=lambda ranks: mrr(ranks),
        cases=MRR_CASES,
        mistakes=MRR_MISTAKES,
        praise="A query whose answer is lost pulls the mean down by its whole share.",
    )


def gained(gains: Tensor, k: int) -> Tensor:
    places = torch.arange(2, len(gains[:k]) + 2, dtype=torch.float64)
    return (gains[:k] / places.log2()).sum()


def descending(gains: Tensor) -> Tensor:
    return gains.sort(descending=True).values


def quotient(gains: Tensor, k: int, discount: Answer) -> Tensor:
    """nDCG with another discount by rank, from 1."""
    factors = discount(torch.arange(1, len(gains) + 1, dtype=torch.float64))[:k]
    return (gains[:k] * factors).sum() / (descending(gains)[:k] * factors).sum()


NDCG_CASES = [
    Case((torch.tensor([0.0, 2.0, 1.0]), 2)),
    Case((torch.tensor([3.0, 2.0, 0.0, 1.0, 0.0, 3.0]), 4)),
    Case((torch.tensor([1.0, 2.0, 3.0, 1.0]), 2)),
    Case((torch.tensor([0.0, 0.0, 1.0, 0.0]), 3)),
    Case((torch.tensor([1.0, 0.0, 2.0]), 10), "k may be larger than the list."),
    Case((torch.tensor([0.0, 0.0, 3.0]), 2)),
]
NDCG_MISTAKES = [
    (
        "That is DCG: divide by the DCG of the best order.",
        gained,
    ),
    (
        "The best order is that of all documents, cut at k afterwards. You sorted only "
        "the first k, and what was not found among them is forgiven.",
        lambda gains, k: gained(gains, k) / gained(descending(gains[:k]), k),
    ),
    (
        "You did not cut at k: only the first k count, above and below.",
        lambda gains, k: (
            gained(gains, len(gains)) / gained(descending(gains), len(gains))
        ),
    ),
    (
        "You cut at k above, but not below: the best order is cut at k as well.",
        lambda gains, k: gained(gains, k) / gained(descending(gains), len(gains)),
    ),
    (
        "The best order has the largest gain first: descending.",
        lambda gains, k: gained(gains, k) / gained(gains.sort().values, k),
    ),
    (
        "The logarithm is to base 2 of 1 + rank, so the first place counts in full. "
        "log2(rank) is 0 there.",
        lambda gains, k: quotient(gains, k, lambda r: 1 / r.log2()),
    ),
    (
        "One too far: the first place is rank 1, and counts 1 / log2(2) = 1.",
        lambda gains, k: quotient(gains, k, lambda r: 1 / (r + 2).log2()),
    ),
    (
        "You discounted by the rank itself: divide by log2(1 + rank).",
        lambda gains, k: quotient(gains, k, lambda r: 1 / r),
    ),
    (
        "Without a discount each place counts alike: divide by log2(1 + rank).",
        lambda gains, k: quotient(gains, k, torch.ones_like),
    ),
    (
        "You multiply by the logarithm: later places must count less, so divide.",
        lambda gains, k: quotient(gains, k, lambda r: (r + 1).log2()),
    ),
    (
        "Gains 2ᵍ − 1 are another variant: here the gain counts as it is.",
        lambda gains, k: gained(2**gains - 1, k) / gained(descending(2**gains - 1), k),
    ),
    (
        "You only see whether a gain is above 0: how large it is counts as well.",
        lambda gains, k: (
            gained((gains > 0).double(), k)
            / gained(descending((gains > 0).double()), k)
        ),
    ),
    (
        "Upside down: the best order is the denominator.",
        lambda gains, k: gained(descending(gains), k) / gained(gains, k),
    ),
    (
        "You divide by the sum of the gains: the best order is discounted as well.",
        lambda gains, k: gained(gains, k) / gains.sum(),
    ),
    (
        "You divide by k: the best order's sum is the denominator.",
        lambda gains, k: gained(gains, k) / k,
    ),
]


@exercise("8.2")
def ndcg(answer: Answer) -> Verdict:
    """answer(gains, k) -> nDCG@k, one number.

    gains [N], at least one above 0, in the order in which all documents were found.
    Example: answer(torch.tensor([0.0, 2.0, 1.0]), 2) -> 0.4796
    """
    return judge(
        answer,
        reference=lambda gains, k: gained(gains, k) / gained(descending(gains), k),
        cases=NDCG_CASES,
        mistakes=NDCG_MISTAKES,
        praise="scikit-learn's ndcg_score gives the same, from scores instead of an "
        "order.",
    )


def fused(first: Tensor, second: Tensor, c: float = 60.0) -> Tensor:
    return one_search(first, c) + one_search(second, c)


def one_search(ranks: Tensor, c: float = 60.0) -> Tensor:
    return torch.where(ranks > 0, 1 / (c + ranks), 0.0)


FUSION_CASES = [
    Case((torch.tensor([1, 2, 0]), torch.tensor([3, 0, 0]))),
    Case((torch.tensor([1, 2, 3, 4]), torch.tensor([4, 3, 2, 1]))),
    Case((torch.tensor([0, 5, 80]), torch.tensor([7, 0, 2]))),
    Case((torch.tensor([9]), torch.tensor([9]))),
]
FUSION_MISTAKES = [
    (
        "A rank of 0 says that a search has not found the document: it gets nothing "
        "from there, and you give it 1 / 60.",
        lambda first, second: 1 / (60 + first) + 1 / (60 + second),
    ),
    (
        "A document that one search has not found keeps what it gets from the other.",
        lambda first, second: torch.where(
            (first > 0) & (second > 0), fused(first, second), 0.0
        ),
    ),
    (
        "Add 60 to the rank: without it the first places decide alone.",
        lambda first, second: fused(first, second, 0.0),
    ),
    ("c is 60, not 1.", lambda first, second: fused(first, second, 1.0)),
    (
        "Ranks count from 1 here already: 60 + rank, not 61 + rank.",
        lambda first, second: fused(first, second, 61.0),
    ),
    (
        "60 + rank, not 59 + rank: the first place counts 1 / 61.",
        lambda first, second: fused(first, second, 59.0),
    ),
    (
        "Sum, not mean: nothing is divided by 2.",
        lambda first, second: fused(first, second) / 2,
    ),
    (
        "Sum the two reciprocals: you took the larger one.",
        lambda first, second: torch.maximum(one_search(first), one_search(second)),
    ),
    (
        "Sum the two reciprocals: you multiplied them.",
        lambda first, second: one_search(first) * one_search(second),
    ),
    (
        "Take the reciprocal of each rank and then the sum: you summed the ranks first.",
        lambda first, second: 1 / (60 + first + second),
    ),
    (
        "Take the reciprocal of each rank and then the sum: you summed 60 + rank first.",
        lambda first, second: 1 / (120 + first + second),
    ),
    ("You use the first search only.", lambda first, second: one_search(first)),
    ("You use the second search only.", lambda first, second: one_search(second)),
    (
        "That are ranks again. The fused scores were asked for, higher for better.",
        lambda first, second: (
            fused(first, second).argsort(descending=True).argsort() + 1
        ),
    ),
    (
        "That is the order of the documents. Their scores were asked for.",
        lambda first, second: fused(first, second).argsort(descending=True),
    ),
    ("The sign is wrong: higher is better.", lambda *ranks: -fused(*ranks)),
]


@exercise("8.3")
def rank_fusion(answer: Answer) -> Verdict:
    """answer(first, second) -> fused scores [N], by 1 / (60 + rank).

    first, second [N]: ranks in two searches, from 1; 0 where it was not found.
    Example: answer(torch.tensor([1, 2, 0]), torch.tensor([3, 0, 0]))
    -> tensor([0.0323, 0.0161, 0.0000])
    """
    return judge(
        answer,
        reference=lambda first, second: fused(first, second),
        cases=FUSION_CASES,
        mistakes=FUSION_MISTAKES,
        praise="Three searches, or ten, are joined in the same way.",
    )


def suspicious(answer: Tensor, negatives: Tensor, margin: float) -> Tensor:
    return negatives > (1 - margin) * answer[:, None]


FALSE_CASES = [
    Case((torch.tensor([0.8, 0.5]), torch.tensor([[0.7, 0.79], [0.6, 0.1]]), 0.05)),
    Case(
        (
            torch.tensor([0.9, 0.3]),
            torch.tensor([[0.8, 0.86, 0.95], [0.29, 0.2, 0.35]]),
            0.1,
        )
    ),
    Case((torch.tensor([0.6, 0.4, 0.2]), torch.tensor([[0.5], [0.39], [0.3]]), 0.0)),
    Case(
        (torch.tensor([0.5]), torch.tensor([[0.2, 0.3, 0.36, 0.55, 0.46]]), 0.4),
        "One query alone is [1, M].",
    ),
    Case(
        (torch.tensor([0.7, 0.9]), torch.tensor([[0.66, 0.3], [0.8, 0.86]]), 0.05),
    ),
]
FALSE_MISTAKES = [
    (
        "Each row has an answer of its own: answer[:, None], or row 0's answer is "
        "compared with column 0.",
        lambda answer, negatives, margin: negatives > (1 - margin) * answer,
    ),
    (
        "Only what is above the answer itself: what is just below it, within the "
        "margin, is suspicious as well.",
        lambda answer, negatives, margin: negatives > answer[:, None],
    ),
    (
        "The margin is a share of the answer's cosine: times (1 − margin), not minus "
        "margin.",
        lambda answer, negatives, margin: negatives > answer[:, None] - margin,
    ),
    (
        "The bound lies below the answer: multiply by 1 − margin, and not by 1 + margin.",
        lambda answer, negatives, margin: negatives > (1 + margin) * answer[:, None],
    ),
    (
        "The bound lies below the answer, and margin is a share: times (1 − margin), "
        "not plus margin.",
        lambda answer, negatives, margin: negatives > answer[:, None] + margin,
    ),
    (
        "The other way round: those are the good negatives.",
        lambda *arguments: ~suspicious(*arguments),
    ),
    (
        "The bound is (1 − margin) times the answer: you took margin times.",
        lambda answer, negatives, margin: negatives > margin * answer[:, None],
    ),
    (
        "Each query has its own answer: you compared all with the largest.",
        lambda answer, negatives, margin: negatives > (1 - margin) * answer.max(),
    ),
    (
        "Each query has its own answer: you compared all with the smallest.",
        lambda answer, negatives, margin: negatives > (1 - margin) * answer.min(),
    ),
    (
        "Each query has its own answer: you compared all with the mean.",
        lambda answer, negatives, margin: negatives > (1 - margin) * answer.mean(),
    ),
    (
        "Each query has its own answer: you compared all with the first.",
        lambda answer, negatives, margin: negatives > (1 - margin) * answer[0],
    ),
    (
        "Only what lies between the bound and the answer: what is above the answer is "
        "the most suspicious of all.",
        lambda answer, negatives, margin: (
            suspicious(answer, negatives, margin) & (negatives <= answer[:, None])
        ),
    ),
    (
        "A mask with an entry for each negative: you say only which queries have one.",
        lambda *arguments: suspicious(*arguments).any(1),
    ),
    (
        "A mask with an entry for each negative: you return the places where it is "
        "True.",
        lambda *arguments: suspicious(*arguments).nonzero(),
    ),
    (
        "A mask: you return how many there are.",
        lambda *arguments: suspicious(*arguments).sum(),
    ),
    (
        "A mask: you return the cosines themselves.",
        lambda answer, negatives, margin: negatives[
            suspicious(answer, negatives, margin)
        ],
    ),
    (
        "A mask [Q, M], not [M, Q]: you transposed.",
        lambda *arguments: suspicious(*arguments).T,
    ),
]


@exercise("8.4")
def false_negatives(answer: Answer) -> Verdict:
    """answer(answer, negatives, margin) -> mask [Q, M], True where suspicious.

    answer [Q]: cosine of each query with its answer; negatives [Q, M] with mined ones:
    suspicious above (1 − margin) times the answer's.
    Example: answer(torch.tensor([0.5]), torch.tensor([[0.6, 0.1]]), 0.05)
    -> tensor([[True, False]])
    """
    return judge(
        answer,
        reference=lambda answer, negatives, margin: suspicious(
            answer, negatives, margin
        ),
        cases=FALSE_CASES,
        mistakes=FALSE_MISTAKES,
        praise="Then read some of them: a margin suspects, a person decides.",
    )
