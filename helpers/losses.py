"""Losses: from two or three sentence vectors and a judgment to one number, to be small.

Each has the formula, the defaults and the name that it has in sentence-transformers,
and returns a mean over the batch (CoSENT: one value for the whole batch). A NaN in the
vectors makes the loss NaN. Computes in the dtype of the vectors. Does not gather
negatives from other processes.
"""

from numbers import Real

import torch
from torch import Tensor, nn

from helpers.batching import whole_number
from helpers.metrics import cosine

cross_entropy = nn.functional.cross_entropy


class SoftmaxLoss(nn.Module):
    """Classify a pair from (u, v, |u − v|) with a linear head, to be trained along.

    u, v [B, H], labels [B] integers 0 to num_labels − 1 -> scalar. Does not ask for any
    cosine: only the head reads |u − v|, the cosine is trained by accident. Raises
    ValueError for labels that are no class, and for vectors of another size.
    Source: Reimers and Gurevych (2019), section 3.
    """

    def __init__(self, hidden_size: int, num_labels: int = 3):
        super().__init__()
        hidden_size = whole_number("hidden_size", hidden_size)
        num_labels = whole_number("num_labels", num_labels, at_least=2)
        self.classifier = nn.Linear(3 * hidden_size, num_labels)

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        _check_vectors(u=u, v=v)
        labels = _check_labels(labels, u)
        features = torch.cat([u, v, (u - v).abs()], 1)  # [B, 3 · H]
        if features.shape[1] != self.classifier.in_features:
            raise ValueError(
                f"u and v must be [B, {self.classifier.in_features // 3}], hidden_size "
                f"numbers each, not {list(u.shape)}"
            )
        classes = self.classifier.out_features
        wrong = (labels < 0) | (labels >= classes) | labels.is_floating_point()
        if wrong.any():
            raise ValueError(
                f"labels must be integers from 0 to {classes - 1}, the classes, "
                f"not {_some(labels[wrong])}"
            )
        return cross_entropy(self.classifier(features), labels)


def cosine_similarity_loss(u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
    """Squared distance of the cosine from the label: regression.

    u, v [B, H], labels [B] in -1 to 1 -> scalar. Raises ValueError for labels that no
    cosine can reach: scale scores of 0 to 5 first. Source: Reimers and Gurevych (2019),
    section 3. Example: cosine 0.5, label 1 -> 0.25.
    """
    _check_vectors(u=u, v=v)
    labels = _check_labels(labels, u)
    reachable = (labels >= -1) & (labels <= 1)
    if not reachable.all():
        raise ValueError(
            "labels must lie in -1 to 1, as a cosine does, "
            f"not {_some(labels[~reachable])}; divide scores of 0 to 5 by 5"
        )
    return (cosine(u, v) - labels.to(u.dtype)).square().mean()


def contrastive_loss(
    u: Tensor, v: Tensor, labels: Tensor, *, margin: float = 0.5
) -> Tensor:
    """Pull pairs of label 1 together, push pairs of label 0 apart, up to the margin.

    u, v [B, H], labels [B] of 0 and 1, margin above 0 -> scalar. The distance is
    1 − cosine, at most 2. Raises ValueError for other labels.
    Source: Hadsell, Chopra and LeCun (2006), who take the Euclidean distance.
    Example: cosine 0.8, label 0, margin 0.5 -> ½ · (0.5 − 0.2)² = 0.045.
    """
    _check_vectors(u=u, v=v)
    _check_number("margin", margin)
    labels = _check_labels(labels, u)
    binary = (labels == 0) | (labels == 1)
    if not binary.all():
        raise ValueError(
            f"labels must be 0 (different) or 1 (same), not {_some(labels[~binary])}"
        )
    labels, distance = labels.to(u.dtype), 1 - cosine(u, v)
    pull, push = distance**2, (margin - distance).relu() ** 2
    return 0.5 * (labels * pull + (1 - labels) * push).mean()


def triplet_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 5.0
) -> Tensor:
    """Ask that the negative be farther from the anchor than the positive by the margin.

    Three [B, H], margin at least 0 -> scalar. The distance is Euclidean, so the margin
    has to fit the length of the vectors: unit vectors are at most 2 apart. Source:
    Schroff et al. (2015), FaceNet, arXiv 1503.03832, who square the distances; Reimers
    and Gurevych (2019) use margin 1.
    Example: distances 1 to the positive, 3 to the negative, margin 5 -> 1 − 3 + 5 = 3.
    """
    _check_vectors(anchor=anchor, positive=positive, negative=negative)
    _check_number("margin", margin, at_least=0)
    # The gradient of vector_norm at distance 0 is 0; a square root's would be NaN.
    near = torch.linalg.vector_norm(anchor - positive, dim=1)
    far = torch.linalg.vector_norm(anchor - negative, dim=1)
    return (near - far + margin).relu().mean()


def multiple_negatives_ranking_loss(
    anchor: Tensor, positive: Tensor, *, scale: float = 20.0
) -> Tensor:
    """Find each anchor's positive among all positives of the batch.

    Two [B, H], scale above 0 -> scalar. The B − 1 other positives serve as negatives:
    no two pairs of a batch may mean the same, and a batch of one costs nothing. Also
    called InfoNCE, with temperature 1 / scale. Source: Henderson et al. (2017), arXiv
    1705.00652; van den Oord et al. (2018), arXiv 1807.03748.
    """
    _check_vectors(anchor=anchor, positive=positive)
    _check_number("scale", scale)
    normalize = nn.functional.normalize
    similarities = normalize(anchor, dim=1) @ normalize(positive, dim=1).T  # [B, B]
    itself = torch.arange(len(anchor), device=anchor.device)
    return cross_entropy(scale * similarities, itself)


def cosent_loss(u: Tensor, v: Tensor, labels: Tensor, *, scale: float = 20.0) -> Tensor:
    """Put the cosines of the batch into the order of the labels.

    u, v [B, H], labels [B] on any scale, scale above 0 -> scalar:
    log(1 + Σ exp(scale · (cosᵢ − cosⱼ))) over all i and j with labelᵢ < labelⱼ. Equal
    labels ask for nothing. Source: Su (2022), CoSENT; Huang et al. (2024).
    """
    _check_vectors(u=u, v=v)
    _check_number("scale", scale)
    labels = _check_labels(labels, u)
    scaled = scale * cosine(u, v)
    should_rank_below = labels[:, None] < labels  # [B, B]
    too_high = (scaled[:, None] - scaled)[should_rank_below]
    # e⁰ is the 1 of the formula. 0 times a sum: NaN shows also where no labels differ.
    zero = 0 * scaled.sum(0, keepdim=True)
    return torch.cat([zero, too_high]).logsumexp(0)


def _check_vectors(**vectors: Tensor) -> None:
    """Refuse vectors that do not fit: they would be broadcast, to a wrong number.

    Raises ValueError unless all are float tensors of one shape [B, H], B and H at least
    1, in one dtype and on one device; TypeError for what is no tensor.
    """
    names = " and ".join(vectors)
    for name, value in vectors.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
    shapes = [list(value.shape) for value in vectors.values()]
    if any(shape != shapes[0] or len(shape) != 2 or 0 in shape for shape in shapes):
        raise ValueError(
            f"{names} must have one shape [B, H], B and H at least 1, "
            f"not {' and '.join(map(str, shapes))}"
        )
    kinds = [(value.dtype, str(value.device)) for value in vectors.values()]
    if len(set(kinds)) > 1 or not kinds[0][0].is_floating_point:
        said = " and ".join(f"{dtype} on {device}" for dtype, device in kinds)
        raise ValueError(
            f"{names} must have one float dtype and be on one device, not {said}"
        )


def _check_labels(labels: Tensor, vectors: Tensor) -> Tensor:
    """Return labels as float or int64, or refuse what is not one number for each pair.

    Raises ValueError unless labels are finite, [B], and where the vectors [B, H] are;
    TypeError for what is no tensor.
    """
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"labels must be a tensor [B], not {type(labels).__name__}: "
            "write torch.tensor(labels)"
        )
    if labels.shape != vectors.shape[:1] or labels.is_complex():
        raise ValueError(
            f"labels must be [{len(vectors)}], one number for each pair, "
            f"not {labels.dtype} {list(labels.shape)}"
        )
    if labels.device != vectors.device:
        raise ValueError(
            f"labels must be on {vectors.device}, as the vectors are, "
            f"not on {labels.device}"
        )
    infinite = int((~labels.isfinite()).sum())
    if infinite:
        raise ValueError(
            f"labels must be finite, but {infinite} of {len(labels)} are not"
        )
    # 1 - labels would be an error for bool, and wrap around for uint8.
    return labels if labels.is_floating_point() else labels.long()


def _check_number(name: str, value: float, at_least: float | None = None) -> None:
    """Raise ValueError unless value is finite and above 0, or at least the bound."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if at_least is None:
        bound, is_right = "above 0", is_number and 0 < value < float("inf")
    else:
        bound = f"of at least {at_least}"
        is_right = is_number and at_least <= value < float("inf")
    if not is_right:
        raise ValueError(f"{name} must be a finite number {bound}, not {value!r}")


def _some(labels: Tensor) -> list:
    return [round(label, 4) for label in labels.unique()[:6].tolist()]
