"""Losses that turn two or three sentence vectors and a judgment into one number to make small.

Each has the formula, the defaults and the name that it has in sentence-transformers. Each returns a mean over the
batch (CoSENT: one value for the whole batch). But: no gathering of negatives across processes.
"""

import torch
from torch import Tensor, nn

from helpers.metrics import cosine

cross_entropy = nn.functional.cross_entropy


class SoftmaxLoss(nn.Module):
    """Classify a pair from (u, v, |u − v|) with a linear head, which has to be trained along.

    u, v [B, H], labels [B] integers 0 to num_labels − 1 -> scalar. Only the head reads |u − v|: the cosine of u and
    v is trained by accident. Source: Reimers and Gurevych (2019), section 3.
    """

    def __init__(self, hidden_size: int, num_labels: int = 3):
        super().__init__()
        self.classifier = nn.Linear(3 * hidden_size, num_labels)

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        _check(u, v, labels)
        classes = self.classifier.out_features
        wrong = (labels < 0) | (labels >= classes) | labels.is_floating_point()
        if wrong.any():
            raise ValueError(
                f"labels must be integers from 0 to {classes - 1}, the classes, not {_some(labels[wrong])}"
            )
        return cross_entropy(self.classifier(torch.cat([u, v, (u - v).abs()], 1)), labels.long())


def cosine_similarity_loss(u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
    """Squared distance of the cosine from the label: regression. u, v [B, H], labels [B] in -1 to 1 -> scalar.

    Raises ValueError for labels that no cosine can reach: scale scores of 0 to 5 first. Source: Reimers and
    Gurevych (2019), section 3.
    """
    _check(u, v, labels)
    reachable = (labels >= -1) & (labels <= 1)
    if not reachable.all():
        raise ValueError(
            f"labels must lie in -1 to 1, as a cosine does, not {_some(labels[~reachable])}; divide scores of 0 to 5 by 5"
        )
    return (cosine(u, v) - labels.to(u.dtype)).square().mean()


def contrastive_loss(u: Tensor, v: Tensor, labels: Tensor, margin: float = 0.5) -> Tensor:
    """Pull pairs of label 1 together, push pairs of label 0 apart until d = 1 − cosine reaches the margin.

    u, v [B, H], labels [B] of 0 and 1 -> scalar. Source: Hadsell, Chopra and LeCun (2006).
    """
    _check(u, v, labels)
    binary = (labels == 0) | (labels == 1)
    if not binary.all():
        raise ValueError(f"labels must be 0 (different) or 1 (same), not {_some(labels[~binary])}")
    labels, distance = labels.to(u.dtype), 1 - cosine(u, v)
    return 0.5 * (labels * distance**2 + (1 - labels) * (margin - distance).relu() ** 2).mean()


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 5.0) -> Tensor:
    """Ask that the negative be farther from the anchor than the positive, by the margin. Three [B, H] -> scalar.

    Euclidean distance, so the margin has to fit the length of the vectors: unit vectors are at most 2 apart.
    Source: Schroff et al. (2015), FaceNet, arXiv 1503.03832; Reimers and Gurevych (2019) use margin 1.
    """
    _check(anchor, positive)
    _check(anchor, negative)
    norm = torch.linalg.vector_norm  # its gradient at distance 0 is 0; that of the square root would be NaN
    return (norm(anchor - positive, dim=1) - norm(anchor - negative, dim=1) + margin).relu().mean()


def multiple_negatives_ranking_loss(anchor: Tensor, positive: Tensor, scale: float = 20.0) -> Tensor:
    """Find each anchor's positive among all positives of the batch. Two [B, H] -> scalar.

    The B − 1 other positives serve as negatives, so no two pairs of a batch may mean the same. Also called InfoNCE,
    with temperature 1 / scale. Source: Henderson et al. (2017), arXiv 1705.00652; van den Oord et al. (2018).
    """
    _check(anchor, positive)
    similarities = nn.functional.normalize(anchor, dim=1) @ nn.functional.normalize(positive, dim=1).T  # [B, B]
    return cross_entropy(scale * similarities, torch.arange(len(anchor), device=anchor.device))


def cosent_loss(u: Tensor, v: Tensor, labels: Tensor, scale: float = 20.0) -> Tensor:
    """Put the cosines of the batch into the order of the labels. u, v [B, H], labels [B], any scale -> scalar.

    log(1 + Σ exp(scale · (cosᵢ − cosⱼ))) over all pairs of pairs with labelᵢ < labelⱼ. Source: Su (2022), CoSENT;
    Huang et al. (2024).
    """
    _check(u, v, labels)
    scaled = scale * cosine(u, v)
    too_high = (scaled[:, None] - scaled)[labels[:, None] < labels]  # where i should rank below j
    return torch.cat([scaled.new_zeros(1), too_high]).logsumexp(0)  # e⁰ is the 1


def _check(u: Tensor, v: Tensor, labels: Tensor | None = None) -> None:
    """What does not fit would be broadcast, and give a wrong number without a word."""
    if u.ndim != 2 or u.shape != v.shape:
        raise ValueError(f"The vectors must have one shape [B, H], not {list(u.shape)} and {list(v.shape)}")
    if labels is not None and labels.shape != u.shape[:1]:
        raise ValueError(f"labels must be [{len(u)}], one a pair, not {list(labels.shape)}")


def _some(labels: Tensor) -> list:
    return [round(label, 4) for label in labels.unique()[:6].tolist()]
