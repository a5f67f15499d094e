"""How a similarity is judged: cosine of two vectors, rank correlation with people's scores."""

import numpy as np
import torch
from scipy.stats import bootstrap, rankdata, spearmanr
from torch import Tensor


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of each row of a [..., H] with the same row of b [..., H] -> [...], from -1 to 1."""
    return torch.nn.functional.cosine_similarity(a, b, dim=-1)


def spearman(similarities: Tensor, scores) -> float:
    """Spearman rank correlation × 100 of N similarities with N human scores.

    Only the order counts, so cosine (-1 to 1) and score (0 to 5) need no common scale. Source: Reimers,
    Beyer and Gurevych (2016), Task-Oriented Intrinsic Evaluation of Semantic Textual Similarity.
    """
    if len(similarities) != len(scores):
        raise ValueError(f"similarities has {len(similarities)} values, scores has {len(scores)}: one each a pair")
    return 100 * float(spearmanr(similarities.double().cpu().numpy(), scores).statistic)


def sts_score(sentence_embeddings: Tensor, scores) -> float:
    """Spearman × 100 of the N pairs whose first sentences, then second sentences, are [2N, H]."""
    first, second = sentence_embeddings.chunk(2)
    return spearman(cosine(first, second), scores)


def sts_interval(similarities, scores, baseline=None, resamples: int = 1000) -> tuple[float, float]:
    """95 % bootstrap interval of Spearman × 100: how far chance in the choice of the N pairs could move it.

    With `baseline`, N similarities by another method, the interval of the difference from it on the same resampled
    pairs: it leaves out 0 if the difference is more than chance. Percentile method, Efron and Tibshirani (1993).
    """

    def statistic(*samples, axis=-1):
        *methods, gold = (rankdata(sample, axis=axis) for sample in samples)
        correlations = [100 * _pearson(ranks, gold, axis) for ranks in methods]
        return correlations[0] if baseline is None else correlations[0] - correlations[1]

    samples = [np.asarray(values) for values in (similarities, baseline, scores) if values is not None]
    result = bootstrap(samples, statistic, n_resamples=resamples, paired=True, method="percentile", rng=0, batch=100)
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _pearson(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    a, b = (values - values.mean(axis, keepdims=True) for values in (a, b))
    return (a * b).sum(axis) / np.sqrt((a * a).sum(axis) * (b * b).sum(axis))
