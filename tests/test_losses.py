"""Losses equal to the library's, value and gradient, on every branch; and bad input."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer import losses as library
from torch import nn
from torch.nn.functional import normalize

from helpers import losses
from helpers.metrics import cosine

B, H = 12, 8
NAN, INF = float("nan"), float("inf")
LOSSES = ("softmax", "cosine", "contrastive", "triplet", "ranking", "cosent")
WITH_LABELS = ("softmax", "cosine", "contrastive", "cosent")


class Vectors(nn.Module):
    """Stands in for a model of the library: its sentences are vectors already."""

    device = torch.device("cpu")

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}

    def get_embedding_dimension(self):
        return H


def head():
    torch.manual_seed(0)
    return losses.SoftmaxLoss(H).double()


OURS = {
    "softmax": head(),
    "cosine": losses.cosine_similarity_loss,
    "contrastive": losses.contrastive_loss,
    "triplet": losses.triplet_loss,
    "ranking": losses.multiple_negatives_ranking_loss,
    "cosent": losses.cosent_loss,
}


def theirs(name, **parameters):
    """The library's loss as a function of vectors and labels; softmax has our head."""
    if name == "softmax":
        loss = library.SoftmaxLoss(Vectors(), H, 3)
        loss.classifier = OURS["softmax"].classifier
    else:
        loss = {
            "cosine": library.CosineSimilarityLoss,
            "contrastive": library.ContrastiveLoss,
            "triplet": library.TripletLoss,
            "ranking": library.MultipleNegativesRankingLoss,
            "cosent": library.CoSENTLoss,
        }[name](Vectors(), **parameters)

    def call(*vectors, labels=None):
        return loss([{"vectors": x} for x in vectors], labels)

    return call


def value_and_gradients(loss, vectors, **arguments):
    leaves = [x.detach().clone().requires_grad_() for x in vectors]
    value = loss(*leaves, **arguments)
    return [value.detach(), *torch.autograd.grad(value, leaves)]


def assert_equal_to_the_library(name, vectors, labels=None, ours=None, theirs_=None):
    """Value and each gradient, which is returned."""
    given = {} if labels is None else {"labels": labels}
    mine = value_and_gradients(OURS[name], vectors, **given, **(ours or {}))
    reference = theirs(name, **(theirs_ or {}))
    other = value_and_gradients(reference, vectors, labels=labels)
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-12)
    return mine


def vectors(count, seed=0, rows=B, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(count, rows, H, generator=generator, dtype=dtype))


generator = torch.Generator().manual_seed(1)
# With ties, and in eighths: the library reads labels in float32, which holds these.
SCORES = (8 * torch.rand(B, generator=generator, dtype=torch.float64)).round() / 8
CLASSES = (SCORES * 2.9).long()
LABELS = {
    "softmax": CLASSES,
    "cosine": SCORES,
    "contrastive": (SCORES > 0.5).double(),
    "cosent": SCORES,
}


def call(name, *given, **more):
    """A loss on as many of the vectors as it takes, with its labels if it takes any."""
    count = 3 if name == "triplet" else 2
    given = list(given) or vectors(count)
    if name in WITH_LABELS and "labels" not in more:
        more["labels"] = LABELS[name][: len(given[0])]
    return OURS[name](*given[:count], **more)


@pytest.mark.parametrize("name", LOSSES)
@settings(deadline=None, max_examples=30)
@given(
    length=st.sampled_from([1e-3, 1.0, 100.0]),
    seed=st.integers(0, 10_000),
    rows=st.integers(1, B),
    near=st.sampled_from([0.0, 0.3, 3.0]),
)
def test_value_and_gradient_equal_the_library(name, length, seed, rows, near):
    """Random vectors of any length; `near` pulls v to u, so that cosines reach 1."""
    u, v, w = vectors(3, seed, rows)
    some = [length * x for x in (u, v + near * u, w)][: 3 if name == "triplet" else 2]
    labels = LABELS[name][:rows] if name in WITH_LABELS else None
    assert_equal_to_the_library(name, some, labels)


def pair(degrees):
    """Two vectors [1, H] at an angle."""
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    u, v = torch.zeros(2, 1, H, dtype=torch.float64)
    u[0, 0], v[0, 0], v[0, 1] = 1, angle.cos(), angle.sin()
    return [u, v]


@pytest.mark.parametrize("margin", [0.5, 0.1, 1.5])
@pytest.mark.parametrize(
    ("degrees", "label"), [(20.0, 1.0), (20.0, 0.0), (50.0, 0.0), (100.0, 0.0)]
)
def test_each_branch_of_the_contrastive_loss(degrees, label, margin):
    """Pulled, pushed inside the margin, left alone outside it; by hand as well."""
    labels = torch.tensor([label], dtype=torch.float64)
    given = {"margin": margin}
    some = pair(degrees)
    value, *gradients = assert_equal_to_the_library(
        "contrastive", some, labels, given, given
    )
    distance = 1 - math.cos(math.radians(degrees))
    wanted = distance if label else max(0.0, margin - distance)
    assert value.item() == pytest.approx(wanted**2 / 2, abs=1e-12)
    # d(wanted² / 2) = wanted · d(cosine), and the slope of the cosine is the sine.
    push = wanted * math.sin(math.radians(degrees))
    for gradient in gradients:
        assert float(gradient.norm()) == pytest.approx(push, abs=1e-12)


@pytest.mark.parametrize("margin", [5.0, 1.0, 0.0])
def test_each_branch_of_the_triplet_loss(margin):
    """Two triplets that push, and two that are satisfied."""
    anchor = torch.zeros(4, H, dtype=torch.float64)
    positive, negative = vectors(2, rows=4)
    positive = normalize(positive, dim=1)
    gaps = torch.tensor([-0.5, 0.5, 1.5, 2.5]).double()  # beyond the margin, or not
    far = (1 + margin + gaps).clamp(min=0.01)[:, None]
    some = [anchor, positive, far * normalize(negative, dim=1)]
    value, *gradients = assert_equal_to_the_library(
        "triplet", some, None, {"margin": margin}, {"triplet_margin": margin}
    )
    assert float(value) == pytest.approx(0.5 / 4)
    for gradient in gradients:
        assert (gradient.norm(dim=1) > 0).tolist() == [True, False, False, False]


@pytest.mark.parametrize("scale", [20.0, 1.0, 100.0])
@pytest.mark.parametrize(
    "labels",
    [
        [0.0, 0.5, 1.0, 0.2],  # all different
        [0.0, 1.0, 1.0, 0.0],  # ties
        [3, 1, 2, 2],  # whole numbers
        [1.0, 1.0, 1.0, 1.0],  # nothing to order
    ],
)
def test_each_branch_of_cosent(labels, scale):
    labels, given = torch.tensor(labels), {"scale": scale}
    some = vectors(2, rows=4)
    value, *gradients = assert_equal_to_the_library(
        "cosent", some, labels, given, given
    )
    # By hand, pair of pairs by pair of pairs.
    c, terms = cosine(*some), 1.0
    for i in range(4):
        for j in range(4):
            if labels[i] < labels[j]:
                terms += math.exp(scale * (c[i] - c[j]))
    assert float(value) == pytest.approx(math.log(terms))
    different = len(labels.unique()) > 1
    assert all(bool(gradient.any()) == different for gradient in gradients)


@pytest.mark.parametrize("scale", [20.0, 1.0, 100.0])
def test_in_batch_negatives_at_each_scale(scale):
    given = {"scale": scale}
    some = vectors(2)
    value, *_ = assert_equal_to_the_library("ranking", some, None, given, given)
    logits = scale * cosine(some[0][:, None], some[1][None])
    by_hand = -logits.log_softmax(1).diagonal().mean()
    assert float(value) == pytest.approx(float(by_hand))


@pytest.mark.parametrize("label", [-1.0, 0.0, 0.3, 1.0])
def test_cosine_regression_by_hand(label):
    labels = torch.tensor([label], dtype=torch.float64)
    value, *_ = assert_equal_to_the_library("cosine", pair(60.0), labels)
    assert float(value) == pytest.approx((0.5 - label) ** 2)


def test_the_head_of_softmax_gets_a_gradient():
    loss = head()
    u, v = vectors(2)
    value = loss(u, v, CLASSES)
    value.backward()
    features = torch.cat([u, v, (u - v).abs()], 1)
    expected = nn.functional.cross_entropy(loss.classifier(features), CLASSES)
    assert value.item() == pytest.approx(expected.item())
    assert all(bool(weight.grad.any()) for weight in loss.parameters())


def test_an_anchor_equal_to_its_positive_has_a_gradient():
    """The derivative of a root at 0 is 1 / 0."""
    u, v = vectors(2)
    for gradient in value_and_gradients(losses.triplet_loss, [u, u, v]):
        assert gradient.isfinite().all()


def test_what_the_lesson_says_of_each():
    u, v = (normalize(x, dim=1) for x in vectors(2))
    # The best that unit vectors can do with margin 5.
    assert losses.triplet_loss(u, u, -u) == pytest.approx(3)
    ranking = losses.multiple_negatives_ranking_loss
    four = torch.eye(4, dtype=torch.float64)
    assert ranking(four, four) < 1e-7
    four[1] = four[0]
    assert ranking(four, four) == pytest.approx(math.log(2) / 2, abs=1e-7)
    assert losses.cosent_loss(u, v, torch.zeros(B)) == 0  # nothing to order
    stretched = losses.cosent_loss(u, v, 5 * SCORES)
    assert losses.cosent_loss(u, v, SCORES) == pytest.approx(float(stretched))


# Bad input. Labels that go where a number belongs would become the scale or the margin.


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize("extra", [SCORES, 0.3, SCORES.tolist()])
@pytest.mark.parametrize("name", LOSSES)
def test_what_comes_after_vectors_and_labels_needs_its_name(name, extra):
    given = vectors(3 if name == "triplet" else 2)
    if name in WITH_LABELS:
        given.append(LABELS[name])
    with pytest.raises(TypeError, match=r"takes \d positional arguments but \d were"):
        OURS[name](*given, extra)


PARAMETERS = [
    ("contrastive", "margin"),
    ("triplet", "margin"),
    ("ranking", "scale"),
    ("cosent", "scale"),
]


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    "bad", [-1, -0.5, NAN, INF, -INF, "20", None, [20.0], SCORES, True, 1j]
)
@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_meaningless_scale_or_margin_is_refused(name, parameter, bad):
    with pytest.raises(ValueError, match=f"{parameter} must be a finite number .*not "):
        call(name, **{parameter: bad})


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    ("name", "parameter"), [one for one in PARAMETERS if one[0] != "triplet"]
)
def test_zero_as_scale_or_margin_is_refused(name, parameter):
    """Nothing would be pushed: the loss would be a constant, or pull alone."""
    with pytest.raises(
        ValueError, match=f"{parameter} must be a finite number above 0"
    ):
        call(name, **{parameter: 0})


@pytest.mark.fault("losses", "right result")
@pytest.mark.parametrize(
    "number", [2, np.float32(2), np.float64(2), np.int64(2), np.uint8(2)]
)
@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_any_real_number_is_a_scale_or_a_margin(name, parameter, number):
    assert call(name, **{parameter: number}) == call(name, **{parameter: 2.0})


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0,), "hidden_size"), ((8, 1), "num_labels"), ((8, NAN), "num_labels")],
)
def test_a_head_without_sizes_is_refused(arguments, name):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be a"):
        losses.SoftmaxLoss(*arguments)


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_that_are_not_finite_are_counted(name, bad):
    labels = SCORES.clone()
    labels[[1, 5]] = bad
    with pytest.raises(ValueError, match="labels must be finite, but 2 of 12 are not"):
        call(name, labels=labels)


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        (
            "cosine",
            5 * SCORES,
            r"must lie in -1 to 1.*not \[1.*\]; divide scores of 0",
        ),
        ("cosine", CLASSES.byte() * 200, r"must lie in -1 to 1.*not \[144, 200\]"),
        ("cosine", SCORES - 2, "must lie in -1 to 1"),
        ("contrastive", SCORES, "must be 0 .different. or 1"),
        ("contrastive", 2 * SCORES.round() - 1, r"must be 0 .*not \[-1.0\]"),
        ("contrastive", CLASSES, r"must be 0 .*not \[2\]"),
        ("softmax", CLASSES + 1, r"integers from 0 to 2, the classes, not \[3\]"),
        ("softmax", CLASSES - 1, r"integers from 0 to 2, the classes, not \[-1\]"),
        ("softmax", (CLASSES - 1).byte(), r"integers from 0 to 2.*not \[255\]"),
        ("softmax", SCORES, "integers from 0 to 2"),
        ("softmax", CLASSES.float(), "integers from 0 to 2"),
    ],
)
def test_labels_out_of_range_are_named(name, labels, message):
    with pytest.raises(ValueError, match=message):
        call(name, labels=labels)


@pytest.mark.fault("losses", "right result")
@pytest.mark.parametrize(
    "dtype",
    [torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int64, torch.float16],
)
@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_of_any_dtype_that_holds_them(name, dtype):
    """1 − label is an error for bool and wraps around for uint8, as −1 does."""
    if name == "softmax" and dtype.is_floating_point:
        dtype = torch.int32
    labels = (SCORES > 0.5).long()
    expected = value_and_gradients(OURS[name], vectors(2), labels=labels)
    same = value_and_gradients(OURS[name], vectors(2), labels=labels.to(dtype))
    assert all(torch.equal(a, b) for a, b in zip(same, expected, strict=True))


@pytest.mark.fault("losses", "right result")
def test_cosent_tells_apart_what_float32_cannot():
    """Whole numbers as large as times in seconds keep their order."""
    u, v = vectors(2, rows=2, dtype=torch.float32)
    v[0] = u[0]  # the first pair should rank below the second, and does not
    later = torch.tensor([1_700_000_000, 1_700_000_001])
    value = losses.cosent_loss(u, v, later)
    assert value == losses.cosent_loss(u, v, torch.tensor([0, 1])) != 0


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    "labels",
    [
        torch.zeros(B, 1, dtype=torch.long),
        torch.zeros(1, B, dtype=torch.long),
        torch.zeros(1, dtype=torch.long),
        torch.zeros(B + 1, dtype=torch.long),
        torch.zeros(0, dtype=torch.long),
        torch.tensor(1),
        torch.zeros(B, dtype=torch.complex64),
    ],
)
@pytest.mark.parametrize("name", WITH_LABELS)
def test_one_label_a_pair_or_an_error(name, labels):
    """[B, 1] against [B] would broadcast to [B, B], and train on a wrong number."""
    with pytest.raises(ValueError, match=r"labels must be \[12\], one number for each"):
        call(name, labels=labels)


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    "labels",
    [
        SCORES.tolist(),
        SCORES.numpy(),
        pd.Series(SCORES.numpy()),
        1.0,
        None,
        "0",
        tuple(CLASSES),
    ],
)
@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_that_are_no_tensor_are_refused(name, labels):
    message = f"labels must be a tensor .B., not {type(labels).__name__}: write torch"
    with pytest.raises(TypeError, match=message):
        call(name, labels=labels)


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_elsewhere_are_refused(name):
    with pytest.raises(ValueError, match=r"labels must be on cpu, .* not on meta"):
        call(name, labels=LABELS[name].to("meta"))


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda x: x[:1],
            r"one shape \[B, H\], B and H at least 1, not \[12, 8\] and ",
        ),
        (lambda x: x[:3], "one shape"),
        (lambda x: x[:, :1], "one shape"),
        (lambda x: x[0], "one shape"),
        (lambda x: x[None], "one shape"),
        (lambda x: x[:0], "one shape"),
        (lambda x: x.float(), "one float dtype .*, not .*float64 on cpu and .*float32"),
        (lambda x: x.half(), "one float dtype"),
        (lambda x: x.long(), "one float dtype"),
        (
            lambda x: x.to("meta"),
            "one float dtype and be on one device, not .*float64 on cpu.*on meta",
        ),
    ],
)
@pytest.mark.parametrize("name", LOSSES)
def test_vectors_that_do_not_fit_are_named(name, spoil, message):
    first, *rest = vectors(3)
    with pytest.raises(ValueError, match=f" and .* must have {message}"):
        call(name, first, *map(spoil, rest))


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[:0], r"must have one shape \[B, H\], B and H at least 1"),
        (lambda x: x[:, :0], r"must have one shape \[B, H\], B and H at least 1"),
        (lambda x: x[0], r"must have one shape \[B, H\]"),
        (lambda x: x[None], r"must have one shape \[B, H\]"),
        (lambda x: x.long(), "must have one float dtype .*not torch.int64 on cpu"),
        (lambda x: x.bool(), "must have one float dtype"),
        (lambda x: x.to(torch.complex64), "must have one float dtype"),
    ],
)
@pytest.mark.parametrize("name", LOSSES)
def test_vectors_all_of_a_wrong_kind_are_refused(name, spoil, message):
    """No pair has no mean, and integers have no gradient."""
    with pytest.raises(ValueError, match=message):
        call(name, *map(spoil, vectors(3)))


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize("bad", [None, "u", [[0.5] * H] * B, np.ones((B, H))])
@pytest.mark.parametrize("name", LOSSES)
def test_vectors_that_are_no_tensors_are_refused(name, bad):
    first, _, third = vectors(3)
    message = f"(v|positive) must be a tensor, not {type(bad).__name__}"
    with pytest.raises(TypeError, match=message):
        call(name, first, bad, third)


@pytest.mark.fault("losses", "clear error")
def test_vectors_wider_than_the_head_are_refused():
    with pytest.raises(ValueError, match=r"u and v must be \[B, 16\], hidden_size"):
        losses.SoftmaxLoss(16).double()(*vectors(2), CLASSES)


@pytest.mark.fault("losses", "right result")
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("name", LOSSES)
def test_nan_in_a_vector_shows(name, which):
    """Also where the pair, or the triplet, would have cost nothing."""
    some = vectors(3)
    some[which][3, 2] = NAN
    value = call(name, *some)
    used = which < (3 if name == "triplet" else 2)
    assert bool(value.isnan()) == used


@pytest.mark.fault("losses", "right result")
@pytest.mark.parametrize("name", WITH_LABELS)
@pytest.mark.parametrize("label", [0, 1])
def test_nan_shows_where_all_labels_are_equal(name, label):
    u, v = vectors(2)
    v[3] = NAN
    labels = torch.full((B,), label)
    assert call(name, u, v, labels=labels).isnan()


@pytest.mark.fault("losses", "right result")
@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_one(name):
    """What compares pairs with each other has nothing to compare, and asks for none."""
    some = vectors(3, rows=1)[: 3 if name == "triplet" else 2]
    labels = torch.ones(1, dtype=torch.long) if name in WITH_LABELS else None
    value, *gradients = assert_equal_to_the_library(name, some, labels)
    alone = name in ("ranking", "cosent")
    assert (value == 0) == alone
    assert all(bool(gradient.any()) != alone for gradient in gradients)


@pytest.mark.fault("losses", "right result")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_the_dtype_of_the_vectors_is_the_loss_s(name, dtype):
    some = [x.to(dtype) for x in vectors(3)]
    exact = call(name, *(x.double() for x in some))
    if name == "softmax":
        value = losses.SoftmaxLoss(H)
        value.load_state_dict(OURS["softmax"].state_dict())
        value = value.to(dtype)(*some[:2], CLASSES)
    else:
        value = call(name, *some)
    assert value.dtype == dtype
    assert value.item() == pytest.approx(exact.item(), rel=30 * torch.finfo(dtype).eps)


@pytest.mark.fault("losses", "clear error")
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_labels": 2.0}, "num_labels must be a whole number, not 2.0"),
        ({"hidden_size": 8.0}, "hidden_size must be a whole number, not 8.0"),
    ],
)
def test_a_head_has_whole_numbers_of_inputs_and_classes(sizes, message):
    with pytest.raises(TypeError, match=message):
        losses.SoftmaxLoss(**{"hidden_size": 8, **sizes})
