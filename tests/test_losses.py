import math

import pytest
import torch
from sentence_transformers.sentence_transformer import losses as library
from torch import nn

from helpers import losses

B, H = 12, 8


class Vectors(nn.Module):
    """Stands in for a model of the library: its sentences are vectors already."""

    device = torch.device("cpu")

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}

    def get_embedding_dimension(self):
        return H


def vectors(count, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(B, H, generator=generator, dtype=dtype).requires_grad_() for _ in range(count)]


scores = torch.rand(B, generator=torch.Generator().manual_seed(1), dtype=torch.float64).round(decimals=1)  # with ties
same = (scores > 0.5).double()
classes = (scores * 2.9).long()


def softmax_pair():
    torch.manual_seed(0)
    ours = losses.SoftmaxLoss(H).double()
    theirs = library.SoftmaxLoss(Vectors(), H, 3)
    theirs.classifier = nn.Linear(3 * H, 3).double()
    theirs.classifier.load_state_dict(ours.classifier.state_dict())
    return ours, theirs


def cases():
    yield "softmax", *softmax_pair(), 2, classes
    yield "cosine", losses.cosine_similarity_loss, library.CosineSimilarityLoss(Vectors()), 2, scores
    yield "contrastive", losses.contrastive_loss, library.ContrastiveLoss(Vectors()), 2, same
    yield "triplet", losses.triplet_loss, library.TripletLoss(Vectors()), 3, None
    yield (
        "ranking",
        losses.multiple_negatives_ranking_loss,
        library.MultipleNegativesRankingLoss(Vectors()),
        2,
        None,
    )
    yield "cosent", losses.cosent_loss, library.CoSENTLoss(Vectors()), 2, scores


@pytest.mark.parametrize(("ours", "theirs", "columns", "labels"), [case[1:] for case in cases()],
                         ids=[case[0] for case in cases()])  # fmt: skip
@pytest.mark.parametrize("length", [1.0, 1e-3, 100.0])
def test_value_and_gradient_equal_the_library(ours, theirs, columns, labels, length):
    mine = [(length * v.detach()).requires_grad_() for v in vectors(columns)]
    yours = [v.detach().clone().requires_grad_() for v in mine]
    value = ours(*mine) if labels is None else ours(*mine, labels)
    reference = theirs([{"vectors": v} for v in yours], labels)
    assert value.item() == pytest.approx(reference.item(), rel=1e-6)
    value.backward()
    reference.backward()
    for a, b in zip(mine, yours, strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-6, atol=1e-9 / length)


@pytest.mark.parametrize(
    ("loss", "labels", "message"),
    [
        (losses.cosine_similarity_loss, 5 * scores, r"not \[1.5, .*\]; divide scores of 0 to 5 by 5"),
        (losses.cosine_similarity_loss, torch.full((B,), float("nan")), "must lie in -1 to 1"),
        (losses.contrastive_loss, scores, "must be 0 .different. or 1"),
        (losses.SoftmaxLoss(H).double(), classes + 1, "integers from 0 to 2"),
        (losses.SoftmaxLoss(H).double(), scores, "integers from 0 to 2"),
    ],
)
def test_labels_out_of_range_are_named(loss, labels, message):
    with pytest.raises(ValueError, match=message):
        loss(*vectors(2), labels)


def test_labels_of_any_dtype_that_holds_them():
    u, v = vectors(2)
    head = losses.SoftmaxLoss(H).double()
    for dtype in (torch.bool, torch.int8, torch.int64, torch.float32):
        assert losses.contrastive_loss(u, v, same.to(dtype)) == losses.contrastive_loss(u, v, same)
        assert losses.cosine_similarity_loss(u, v, same.to(dtype)) == losses.cosine_similarity_loss(u, v, same)
    for dtype in (torch.int8, torch.int32):
        assert head(u, v, classes.to(dtype)) == head(u, v, classes)


@pytest.mark.parametrize(
    "loss", [losses.contrastive_loss, losses.cosine_similarity_loss, losses.cosent_loss, losses.SoftmaxLoss(H).double()]
)
def test_one_label_a_pair_or_an_error(loss):
    """[B, 1] against [B] would broadcast to [B, B], and train on a wrong number."""
    with pytest.raises(ValueError, match=r"labels must be \[12\]"):
        loss(*vectors(2), torch.zeros(B, 1, dtype=torch.long))
    with pytest.raises(ValueError, match=r"labels must be \[12\]"):
        loss(*vectors(2), torch.zeros(1, dtype=torch.long))


def test_vectors_that_do_not_fit_are_named():
    u, v = vectors(2)
    with pytest.raises(ValueError, match=r"one shape \[B, H\], not \[12, 8\] and \[1, 8\]"):
        losses.cosine_similarity_loss(u, v[:1], scores)
    with pytest.raises(ValueError, match="one shape"):
        losses.multiple_negatives_ranking_loss(u, v[:3])
    with pytest.raises(ValueError, match="one shape"):
        losses.triplet_loss(u, v, v[:, :1])


def test_an_anchor_equal_to_its_positive_has_a_gradient():
    """The derivative of a root at 0 is 1 / 0."""
    u, v = vectors(2)
    losses.triplet_loss(u, u.detach(), v).backward()
    assert u.grad.isfinite().all()


def test_what_the_lesson_says_of_each():
    u, v = (nn.functional.normalize(x.detach(), dim=1) for x in vectors(2))
    assert losses.triplet_loss(u, u, -u) == pytest.approx(3)  # the best that unit vectors can do with margin 5
    four = torch.eye(4, dtype=torch.float64)
    assert losses.multiple_negatives_ranking_loss(four, four) < 1e-7
    four[1] = four[0]
    assert losses.multiple_negatives_ranking_loss(four, four) == pytest.approx(math.log(2) / 2, abs=1e-7)
    assert losses.cosent_loss(u, v, torch.zeros(B)) == 0  # nothing to order
    assert losses.cosent_loss(u, v, scores) == pytest.approx(float(losses.cosent_loss(u, v, 5 * scores)))
