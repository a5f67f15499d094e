"""diagnose_training: each planted fault of a run is named, a sound run passes."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from helpers import diagnose_training as look
from helpers import losses
from helpers.metrics import cosine

torch.manual_seed(0)
LABELS = torch.linspace(0, 1, 60)
NOISE = torch.randn(2, 60, 16)
U = NOISE[0]
V = LABELS[:, None] * U + (1 - LABELS[:, None]) * NOISE[1]  # the more alike, the closer
PAIRS = torch.cat([U, V])


def stage(finding):
    assert (finding.verdict == "sound") == (finding.stage == "")
    assert str(finding).startswith(finding.verdict)
    return finding.stage


def test_baseline():
    assert stage(look.check_baseline(80, 85)) == ""
    assert stage(look.check_baseline(80, 70)) == "training made it worse"


def test_labels():
    assert stage(look.check_labels(LABELS)) == ""
    assert stage(look.check_labels(5 * LABELS)) == "range of the labels"
    assert stage(look.check_labels(torch.ones(4))) == "all labels are equal"


def test_pairing():
    assert stage(look.check_pairing(PAIRS, LABELS)) == ""
    for by in (1, -2):
        moved = look.check_pairing(torch.cat([U, V.roll(by, 0)]), LABELS.numpy())
        assert stage(moved) == "pairing of rows"
        assert f"moves by {-by}" in moved.evidence
    order = torch.randperm(60, generator=torch.Generator().manual_seed(3))
    shuffled = look.check_pairing(torch.cat([U, V[order]]), LABELS)
    assert stage(shuffled) == "pairing of rows" and "chance" in shuffled.evidence


def test_metric():
    similarities = cosine(U, V)
    assert stage(look.check_metric(similarities, LABELS)) == ""
    assert stage(look.check_metric(1 - similarities, LABELS)) == "sign of metric"
    binary = look.check_metric(similarities, (LABELS > 0.5).numpy())
    assert stage(binary) == "ceiling of Spearman" and "at most 87" in binary.evidence


def test_optimizer():
    model, head = nn.Linear(3, 3), losses.SoftmaxLoss(3)
    alone = torch.optim.AdamW(model.parameters())
    both = torch.optim.AdamW([*model.parameters(), *head.parameters()])
    assert stage(look.check_optimizer(alone, model, head)) == "not in optimizer"
    assert stage(look.check_optimizer(both, model, head)) == ""
    head.requires_grad_(False)  # what is frozen need not be there
    assert stage(look.check_optimizer(alone, model, head)) == ""


@pytest.mark.parametrize(
    ("rates", "guilty"),
    [
        ([0.0, 0.5, 1.0, 0.5], ""),
        ([1.0, 1.0, 1.0], ""),
        ([0.0, 1.0, 0.5, 0.0, 0.0], "schedule"),
        ([0.0, 0.1, 0.2, 0.3], "schedule"),
    ],
)
def test_schedule(rates, guilty):
    assert stage(look.check_schedule(rates)) == guilty


def test_frozen():
    model = nn.Linear(3, 3)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    assert stage(look.check_frozen(model, before)) == "frozen"
    with torch.no_grad():
        model.weight += 1
    assert stage(look.check_frozen(model, before)) == ""


UNIT = nn.functional.normalize(NOISE, dim=2)
ranking = partial(losses.multiple_negatives_ranking_loss, scale=5.0)


def with_row(value):
    spoiled = UNIT[1].clone()
    spoiled[7] = value
    return spoiled


def not_a_number(u, v):
    return (u * v).sum() / 0 * 0


@pytest.mark.parametrize(
    ("loss", "embeddings", "guilty"),
    [
        (ranking, (UNIT[0], UNIT[1]), ""),
        (ranking, (UNIT[0], with_row(math.nan)), "nan in a vector"),
        (ranking, (UNIT[0], with_row(math.inf)), "nan in a vector"),
        (not_a_number, (UNIT[0], UNIT[1]), "nan in the loss"),
        (ranking, (UNIT[0], torch.ones(60, 16)), "collapse"),
        (ranking, (UNIT[0], UNIT[1][[*range(30)] * 2]), "duplicates in the batch"),
        (losses.triplet_loss, (UNIT[0], UNIT[1], -UNIT[1]), "margin out of reach"),
        (
            partial(losses.triplet_loss, margin=0.1),
            (UNIT[0], UNIT[0], -UNIT[0]),
            "margin reached by all",
        ),
        (
            partial(losses.triplet_loss, margin=1.0),
            (UNIT[0], UNIT[1], UNIT[1].roll(1, 0)),
            "",
        ),
        (losses.triplet_loss, (9 * UNIT[0], 9 * UNIT[1], 9 * UNIT[1].roll(1, 0)), ""),
    ],
)
def test_loss(loss, embeddings, guilty):
    assert stage(look.check_loss(loss, *embeddings)) == guilty


def test_floor_of_duplicates_is_the_loss_of_perfect_vectors():
    perfect = torch.eye(8)[[0, 0, 0, 1, 2, 2, 3, 4]]
    finding = look.check_loss(
        partial(losses.multiple_negatives_ranking_loss, scale=100.0), perfect, perfect
    )
    floor = (3 * np.log(3) + 2 * np.log(2)) / 8
    assert f"loss {floor:.3f}" in finding.evidence
    assert f"floor {floor:.3f}" in finding.evidence
