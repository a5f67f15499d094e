"""How a similarity is judged: cosine of two vectors, rank correlation with people's scores."""

import torch
from scipy.stats import spearmanr
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
    return 100 * float(spearmanr(similarities.cpu().numpy(), scores).statistic)


def sts_score(sentence_embeddings: Tensor, scores) -> float:
    """Spearman × 100 of the N pairs whose first sentences, then second sentences, are [2N, H]."""
    first, second = sentence_embeddings.chunk(2)
    return spearman(cosine(first, second), scores)
