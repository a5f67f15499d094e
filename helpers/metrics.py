"""How vectors are judged: by cosine, by rank correlation with people, by their spread,
by the yes and no that a threshold makes of a cosine, and by search, where an answer has
to be found among many.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.stats import spearmanr
from torch import Tensor


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of each row of a [..., H] with the same row of b [..., H] -> [...].

    Shapes are broadcast: cosine(a[:, None], b[None]) is the matrix of all pairs. A
    vector of zeros has cosine 0 with every other. Raises ValueError for two widths H,
    and checks nothing else. Example: [3, 4] with [4, 3] -> 24 / 25.
    """
    if a.shape[-1] != b.shape[-1]:  # a width of 1 would be stretched in silence
        raise ValueError(
            "a and b must have one width H, the last of their sizes, not "
            f"{list(a.shape)} and {list(b.shape)}"
        )
    return torch.nn.functional.cosine_similarity(_tamed(a), _tamed(b), dim=-1)


def _tamed(vectors: Tensor) -> Tensor:
    """vectors at a length whose square is a number: those of 1e30 and 1e-30 are not."""
    largest = vectors.detach().abs().amax(-1, keepdim=True)
    if ((largest > 1e-15) & (largest < 1e15) | (largest == 0)).all():  # nearly always
        return vectors
    # A power of two changes no digit, and so no cosine.
    return vectors * torch.exp2(-largest.log2().round().clamp(-126, 126))


def spearman(similarities: Tensor | ArrayLike, scores: ArrayLike) -> float:
    """Spearman rank correlation × 100 of N similarities with N human scores.

    Only the order counts, so cosine (-1 to 1) and score (0 to 5) need no common scale.
    Both may be tensors, arrays, lists or pandas Series, read by position. Raises
    ValueError unless both hold N finite numbers that are not all equal: where there is
    no order, there is no correlation. Source: Reimers, Beyer and Gurevych (2016),
    Task-Oriented Intrinsic Evaluation of Semantic Textual Similarity.
    Example: [0.1, 0.2, 0.9] with [0, 3, 5] -> 100.0.
    """
    similarities, scores = _columns(similarities=similarities, scores=scores)
    return 100 * float(spearmanr(similarities, scores).statistic)


def sts_score(sentence_embeddings: Tensor, scores: ArrayLike) -> float:
    """Spearman × 100 of N pairs: first sentences, then second ones, are [2N, H].

    Raises ValueError for an odd number of rows, and what spearman raises.
    """
    check_vectors("sentence_embeddings", sentence_embeddings)
    if len(sentence_embeddings) % 2:
        raise ValueError(
            "sentence_embeddings must be [2N, H], first sentences, then second ones, "
            f"not {list(sentence_embeddings.shape)}"
        )
    first, second = sentence_embeddings.chunk(2)
    return spearman(cosine(first, second), scores)


def sts_interval(
    similarities: Tensor | ArrayLike,
    scores: ArrayLike,
    baseline: Tensor | ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    resample_runs: bool = False,
) -> tuple[float, float]:
    """Bootstrap interval of Spearman × 100 over the choice of the N pairs.

    It holds the share `level` of the scores that resampled pairs give. With `baseline`,
    N similarities by another method, it is the interval of the difference from it on
    the same resampled pairs: it leaves out 0 if the difference is more than chance.
    Either may be [S, N], from S runs with other seeds: then the mean of their S scores
    counts. With `resample_runs`, S runs are drawn anew in each resample as well, for
    each method on its own, since runs of two methods are no partners.
    Raises ValueError where spearman does, for pairs so few or so alike that a resample
    has no order, and for fewer resamples than the level needs. Percentile method, Efron
    and Tibshirani (1993). Does not correct its bias: with few pairs, or few runs, it is
    too narrow.
    """
    if not isinstance(resample_runs, bool):  # "no" is true in Python
        raise TypeError(f"resample_runs must be True or False, not {resample_runs!r}")
    _check_interval(resamples, level)
    methods = [_runs("similarities", similarities, scores)]
    if baseline is not None:
        methods.append(_runs("baseline", baseline, scores))
    scores = _numbers("scores", scores)
    generator, found = np.random.default_rng(0), []
    runs_generator = np.random.default_rng(1) if resample_runs else None
    for start in range(0, resamples, 100):  # not all at once, to spare memory
        size = (min(100, resamples - start), len(scores))
        chosen = generator.integers(0, len(scores), size)
        drawn = np.stack([np.bincount(row, minlength=len(scores)) for row in chosen])
        gold = _ranks(scores, drawn)  # [100, N]
        means = [_mean_score(runs, gold, drawn, runs_generator) for runs in methods]
        found.append(means[0] - (0 if baseline is None else means[1]))
    low, high = np.quantile(np.concatenate(found), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def pairwise_cosines(vectors: Tensor) -> Tensor:
    """Cosine of every two different rows of vectors [N, H] -> [N · (N − 1) / 2].

    A single row gives none. A row of zeros has cosine 0 with every other. Raises
    ValueError for anything but a float tensor [N, H].
    Example: rows [1, 0], [0, 1], [0, 2] -> [0, 0, 1].
    """
    check_vectors("vectors", vectors)
    unit = torch.nn.functional.normalize(_tamed(vectors), dim=1)
    first, second = torch.triu_indices(len(unit), len(unit), offset=1)
    return (unit @ unit.T)[first, second]


class Counted(NamedTuple):
    """Shares from 0 to 1: of what was found, what is right; of what is right, found."""

    precision: float
    recall: float
    f1: float


def precision_recall(found: ArrayLike, right: ArrayLike) -> Counted:
    """How good a yes or no for each of N pairs is: precision, recall and their F1.

    found and right [N] hold True and False. precision: the share of found pairs that
    are right, 0 if none is found. recall: the share of right pairs that are found. F1:
    2 · precision · recall / (precision + recall). Raises ValueError unless both are
    booleans of one length, with at least one right pair.
    Example: found [1, 1, 0, 0] and right [1, 0, 1, 1] as booleans -> 1/2, 1/3, 2/5.
    """
    found, right = _booleans(found=found, right=right)
    if not right.any():
        raise ValueError("right must hold at least one True, or nothing can be found")
    hits = int((found & right).sum())
    precision = hits / max(1, int(found.sum()))
    f1 = 2 * hits / int(found.sum() + right.sum())
    return Counted(precision, hits / int(right.sum()), f1)


def same_label(labels: ArrayLike) -> np.ndarray:
    """Whether two rows have one label, for every two of N -> booleans [N · (N − 1) / 2].

    In the order of pairwise_cosines. Labels may be numbers or words.
    Example: ["a", "b", "a"] -> [False, True, False].
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must be [N], not {list(labels.shape)}")
    first, second = np.triu_indices(len(labels), 1)
    return labels[first] == labels[second]


def choose_threshold(
    similarities: Tensor | ArrayLike,
    right: ArrayLike,
    precision: float | None = None,
) -> float:
    """The cosine from which on a pair counts as the same.

    similarities [N], right [N] booleans. By default the one with the best F1; with a
    wanted precision the lowest one that reaches it, which finds the most. It lies
    halfway between the last pair that counts and the next, so that rounding turns no
    pair. Raises ValueError for input that does not fit, and where no threshold reaches
    the precision. It is chosen for these pairs: judge it on others.
    Example: [0.9, 0.6, 0.4], [True, False, True] -> 0.4; with precision=1, 0.75.
    """
    (values,) = _columns(similarities=similarities)
    (right,) = _booleans(right=right)
    if len(values) != len(right) or not right.any():
        raise ValueError(
            f"right must hold {len(values)} booleans, one for each similarity, and at "
            f"least one True, not {len(right)} with {int(right.sum())} True"
        )
    if precision is not None and not 0 < precision <= 1:
        raise ValueError(f"precision must be above 0 and at most 1, not {precision}")
    order = np.argsort(-values, kind="stable")
    values, hits = values[order], np.cumsum(right[order])
    count = np.arange(1, len(values) + 1)
    # Equal similarities fall on one side of any threshold.
    possible = np.append(values[:-1] > values[1:], True)
    if precision is None:
        last = int(np.where(possible, 2 * hits / (count + right.sum()), -1).argmax())
    else:
        shares = np.where(possible, hits / count, -1)
        reached = np.flatnonzero(shares >= precision)
        if not len(reached):
            top = int(np.flatnonzero(shares == shares.max())[-1])
            raise ValueError(
                f"no threshold reaches a precision of {precision}: at best "
                f"{hits[top]} of {top + 1} found are right"
            )
        last = int(reached[-1])
    below = values[min(last + 1, len(values) - 1)]
    return float((values[last] + below) / 2)


def bootstrap(
    score: Callable[[np.ndarray], float],
    size: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Bootstrap interval of any score over the choice of `size` units.

    score(chosen) gets the numbers of the units drawn, with repetitions, as an array
    [size], and returns a number. Draw what is independent: reports, not pairs of them;
    templates, not messages made from one. Raises ValueError for a size below 2, too few
    resamples for the level, and a score that is not a finite number. Percentile method,
    Efron and Tibshirani (1993), as in sts_interval. Where no resample can differ, as
    with 0 right of 10, it has no width, and says nothing.
    Example: bootstrap(lambda chosen: right[chosen].mean(), len(right)).
    """
    _check_interval(resamples, level)
    if not isinstance(size, Integral) or size < 2:
        raise ValueError(f"size must be an integer of at least 2, not {size!r}")
    generator = np.random.default_rng(0)
    found = [score(generator.integers(0, size, size)) for _ in range(resamples)]
    found = _numbers("score", found)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def whiten(fit_on: Tensor, vectors: Tensor) -> Tensor:
    """Move and stretch vectors [N, H] so that the cloud fit_on [M, H] becomes round.

    Returns [N, K] in float64: K axes, at most H and at most M − 1, along each of which
    fit_on has mean 0 and variance 1. Axes with less than a millionth of the largest
    variance are left out, since there is nothing but rounding along them. Raises
    ValueError unless both are float and of one width, and fit_on has two different rows
    of finite numbers. Source: Su et al. (2021), arXiv 2103.15316.
    """
    check_vectors("fit_on", fit_on)
    check_vectors("vectors", vectors)
    if vectors.shape[1] != fit_on.shape[1]:
        raise ValueError(
            f"vectors must be [N, {fit_on.shape[1]}], as wide as fit_on, "
            f"not {list(vectors.shape)}"
        )
    if not fit_on.isfinite().all():
        raise ValueError("fit_on must be finite, but some of its numbers are not")
    if not (fit_on != fit_on[:1]).any():
        raise ValueError(
            "fit_on must hold at least two different rows, or there is no spread to "
            f"stretch: not {list(fit_on.shape)}, all rows equal"
        )
    variances, axes = torch.linalg.eigh(torch.cov(fit_on.double().T))
    keep = variances > 1e-6 * variances.max()
    centered = vectors.double() - fit_on.double().mean(0)
    return centered @ axes[:, keep] / variances[keep].sqrt()


def _mean_score(
    runs: np.ndarray,
    gold: np.ndarray,
    drawn: np.ndarray,
    runs_generator: np.random.Generator | None,
) -> np.ndarray:
    """Score of each of R resamples, mean of S runs -> [R].

    runs [S, N], ranks of the human scores gold [R, N], drawn [R, N]: how often each
    pair is in each resample.
    """
    ranked = [_pearson(_ranks(run, drawn), gold, drawn) for run in runs]
    correlations = 100 * np.stack(ranked)  # [S, R]
    if runs_generator is not None:
        which = runs_generator.integers(0, len(runs), correlations.shape)
        correlations = np.take_along_axis(correlations, which, axis=0)
    return correlations.mean(0)


def _ranks(values: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Rank of each of values [N] in each of R resamples -> [R, N]; ties: the middle.

    Equal to rankdata of each resample, and faster: the order is the same in all of
    them, so a sum over drawn [R, N], how often each value is there, is enough.
    """
    distinct, place = np.unique(values, return_inverse=True)
    order = place.argsort(kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(distinct)))
    each = np.add.reduceat(drawn[:, order], starts, axis=1)  # of each distinct value
    return (each.cumsum(1) - (each - 1) / 2)[:, place]


def _pearson(a: np.ndarray, b: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Correlation of R resamples, of each the ranks a and b [R, N] -> [R]."""
    middle = (a.shape[1] + 1) / 2  # the mean of all ranks
    a, b = a - middle, b - middle
    spread = np.sqrt((drawn * a * a).sum(1) * (drawn * b * b).sum(1))
    equal = int((spread == 0).sum())
    if equal:
        raise ValueError(
            f"the {a.shape[1]} pairs are too few, or too alike: {equal} of "
            f"{a.shape[0]} resamples hold only equal similarities, or equal scores, "
            "which have no rank correlation. Take more pairs"
        )
    return (drawn * a * b).sum(1) / spread


def check_vectors(name: str, vectors: Tensor) -> None:
    """Refuse what is no float tensor [N, H]: TypeError, or ValueError with its shape."""
    if not isinstance(vectors, Tensor):
        raise TypeError(
            f"{name} must be a tensor [N, H], not {type(vectors).__name__}: "
            f"write torch.tensor({name})"
        )
    if vectors.ndim != 2 or not vectors.is_floating_point():
        raise ValueError(
            f"{name} must be a float tensor [N, H], not {vectors.dtype} "
            f"{list(vectors.shape)}"
        )


def _columns(**columns: Tensor | ArrayLike) -> list[np.ndarray]:
    """Each column as float64 [N]: all of one length, none with all values equal."""
    arrays = [_numbers(name, values) for name, values in columns.items()]
    for name, array in zip(columns, arrays, strict=True):
        if len(array) != len(arrays[-1]):
            raise ValueError(
                f"{name} has {len(array)} values, scores has {len(arrays[-1])}: "
                "one of each per pair"
            )
    for name, array in zip(columns, arrays, strict=True):
        if len(set(array)) < 2:
            raise ValueError(
                f"{name} must hold at least two different values, or nothing can be "
                f"ranked: all {len(array)} are equal"
            )
    return arrays


def _booleans(**columns: ArrayLike) -> list[np.ndarray]:
    """Each column as booleans [N], all of one length, at least 1."""
    arrays = []
    for name, values in columns.items():
        array = np.asarray(values)
        if array.ndim != 1 or array.dtype != bool or not len(array):
            raise ValueError(
                f"{name} must be booleans [N], not {array.dtype} {list(array.shape)}: "
                "compare first, as in similarities >= threshold"
            )
        if len(array) != len(next(iter(arrays), array)):
            raise ValueError(
                f"{', '.join(columns)} must be of one length, not {len(arrays[0])} and "
                f"{len(array)}"
            )
        arrays.append(array)
    return arrays


def _runs(name: str, similarities: Tensor | ArrayLike, scores: ArrayLike) -> np.ndarray:
    """Similarities [S, N], or [N] of a single run, as float64 [S, N]."""
    array = similarities
    if not isinstance(array, Tensor):
        array = np.asarray(array)
    rows = array if array.ndim == 2 and len(array) else [similarities]
    return np.stack([_columns(**{name: row}, scores=scores)[0] for row in rows])


def _numbers(name: str, values: Tensor | ArrayLike) -> np.ndarray:
    if isinstance(values, Tensor) and not values.is_complex():
        values = values.detach().double().cpu()  # NumPy has no bfloat16
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        raise ValueError(f"{name} must have no masked values: drop those pairs first")
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must be numbers [N], not {array.dtype} {list(array.shape)}"
        )
    infinite = int((~np.isfinite(array)).sum())
    if infinite:
        raise ValueError(
            f"{name} must be finite, but {infinite} of {len(array)} are not"
        )
    return array.astype(float)


def _check_interval(resamples: int, level: float) -> None:
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, such as 0.95, not {level!r}")
    # Beyond each end of the interval lies at least one resample.
    least = math.ceil(round(2 / (1 - level), 6))
    if not isinstance(resamples, Integral) or resamples < least:
        raise ValueError(
            f"resamples must be an integer of at least {least} for level {level}, "
            f"not {resamples!r}"
        )


def reciprocal_ranks(scores: Tensor, gains: Tensor) -> Tensor:
    """1 / rank of the first relevant document of each query, [Q, N] twice -> [Q].

    scores as a search gives them, gains above 0 for relevant documents: one row for
    each query. Of equal scores the less relevant counts as the better placed, so that
    a tie is no luck. The mean is known as MRR. Raises ValueError for scores or gains
    that do not fit, and for a query without a relevant document.
    Example: scores [[0.2, 0.9]], gains [[1, 0]] -> [0.5].
    """
    found = _in_order(scores, gains) > 0
    return 1 / (found.int().argmax(1) + 1).to(torch.float64)


def recall_at_k(scores: Tensor, gains: Tensor, k: int = 10) -> Tensor:
    """Share of each query's relevant documents that are among the first k -> [Q].

    With one relevant document it is 1 or 0. Ties and errors as in reciprocal_ranks.
    """
    found = (_in_order(scores, gains) > 0).to(torch.float64)
    return found[:, : _at_least_one("k", k)].sum(1) / found.sum(1)


def ndcg_at_k(scores: Tensor, gains: Tensor, k: int = 10) -> Tensor:
    """Normalized discounted cumulative gain of the first k documents -> [Q], 0 to 1.

    The gain at rank r counts gain / log2(1 + r); divided by what the best order gives.
    Ties and errors as in reciprocal_ranks; without ties equal to scikit-learn's
    ndcg_score. Source: Järvelin and Kekäläinen (2002).
    Example: the one relevant document at rank 2 -> 1 / log2(3) = 0.6309.
    """
    k = _at_least_one("k", k)
    gained = _in_order(scores, gains)[:, :k]
    best = gains.to(torch.float64).sort(dim=1, descending=True).values[:, :k]
    places = torch.arange(2, gained.shape[1] + 2, device=gained.device)
    discount = 1 / places.to(torch.float64).log2()
    return (gained * discount).sum(1) / (best * discount).sum(1)


def query_interval(
    values: Tensor | ArrayLike,
    baseline: Tensor | ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Bootstrap interval of the mean over Q queries of a value for each, such as MRR.

    With `baseline`, the values of another search for the same queries, it is the
    interval of the difference of the means: it leaves out 0 if that is more than the
    chance of these queries. Raises ValueError for values that are not finite numbers
    [Q] of at least two queries, not as many as baseline's, or for fewer resamples than
    the level needs. Too narrow with few queries.
    """
    values = _numbers("values", values)
    if baseline is not None:
        baseline = _numbers("baseline", baseline)
        if len(baseline) != len(values):
            raise ValueError(
                f"baseline has {len(baseline)} values, values has {len(values)}: one "
                "of each per query"
            )
        values = values - baseline
    if len(values) < 2:
        raise ValueError(
            f"values must hold those of at least two queries, not {len(values)}"
        )
    return bootstrap(lambda drawn: values[drawn].mean(), len(values), resamples, level)


def _in_order(scores: Tensor, gains: Tensor) -> Tensor:
    """Gains [Q, N] in float64, in the order that the scores [Q, N] put them in."""
    for name, table in {"scores": scores, "gains": gains}.items():
        if not isinstance(table, Tensor) or table.ndim != 2 or table.is_complex():
            kind = list(table.shape) if isinstance(table, Tensor) else type(table)
            raise ValueError(
                f"{name} must be a tensor [Q, N], a row for each query, not {kind}"
            )
        if not table.isfinite().all():
            raise ValueError(f"{name} must be finite, but some of its numbers are not")
    if scores.shape != gains.shape:
        raise ValueError(
            f"scores are {list(scores.shape)}, gains {list(gains.shape)}: one of each "
            "for every query and document"
        )
    if (gains < 0).any():
        raise ValueError("gains must be at least 0, but some are negative")
    without = (~(gains > 0).any(1)).nonzero().flatten().tolist()
    if without:
        raise ValueError(
            f"gains must mark a relevant document for each query, but the queries "
            f"{without[:5]} have none: leave them out, or count them by themselves"
        )
    least_first = gains.argsort(dim=1, stable=True)
    order = scores.gather(1, least_first).argsort(dim=1, descending=True, stable=True)
    return gains.gather(1, least_first).gather(1, order).to(torch.float64)


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)
