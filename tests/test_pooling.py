"""What pooling must not depend on, in every dtype; and agreement with the library."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.modules import Pooling

from helpers.pooling import POOLING_MODES, mean_pool, naive_mean, pool

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
MODES = list(POOLING_MODES)
SHARED = [mode for mode in MODES if mode in Pooling.POOLING_MODES]
HANDMADE = torch.tensor([[[2.0, -1.0], [4.0, -6.0], [9.0, 9.0]]])
NAN, INF = float("nan"), float("inf")


def batch(dtype=torch.float32, side="right", seed=0):
    """token_embeddings [4, 12, 16], and a mask with 1 to 12 real tokens a row."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(4, 12, 16, generator=generator).to(dtype)
    mask = (torch.arange(12) < torch.tensor([[1], [5], [11], [12]])).long()
    return hidden, mask if side == "right" else mask.flip(1)


def assert_close(a, b):
    """Equal up to what the last digits of the dtype can hold."""
    tolerance = max(1e-6, 2 * torch.finfo(a.dtype).eps)
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@st.composite
def batches(draw, one_stretch=False):
    """token_embeddings and a mask: a stretch of real tokens per row, or any 0 and 1."""
    B, L, H = (draw(st.integers(1, most)) for most in (4, 9, 5))
    seed = draw(st.integers(0, 10_000))
    dtype = draw(st.sampled_from([torch.float32, torch.float16, torch.bfloat16]))
    hidden = torch.randn(B, L, H, generator=torch.Generator().manual_seed(seed))
    rows = []
    for _ in range(B):
        if one_stretch:
            real = draw(st.integers(1, L))
            before = draw(st.integers(0, L - real))
            rows.append([0] * before + [1] * real + [0] * (L - before - real))
        else:
            rows.append(draw(st.lists(st.integers(0, 1), min_size=L, max_size=L)))
    return hidden.to(dtype), torch.tensor(rows)


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None, max_examples=40)
@given(
    given=batches(),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
    what=st.sampled_from([0.0, 77.0, NAN, INF, -INF]),
)
def test_padding_on_both_sides_changes_nothing(mode, given, before, after, what):
    hidden, mask = given
    padding = (0, 0, before, after)
    padded = torch.nn.functional.pad(hidden, padding, value=what)
    padded_mask = torch.nn.functional.pad(mask, padding[2:], value=0)
    together = pool(hidden, mask, [mode])
    assert together.dtype == hidden.dtype
    assert_close(pool(padded, padded_mask, [mode]), together)


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None, max_examples=40)
@given(given=batches(), seed=st.integers(0, 100))
def test_no_row_depends_on_the_others(mode, given, seed):
    """In another order, and each alone, cut down to its real tokens."""
    hidden, mask = given
    together = pool(hidden, mask, [mode])
    order = torch.randperm(len(mask), generator=torch.Generator().manual_seed(seed))
    assert_close(pool(hidden[order], mask[order], [mode]), together[order])
    for row, real in enumerate(mask.bool()):
        if real.any():
            alone = hidden[row, real][None]
            ones = torch.ones(alone.shape[:2])
            assert_close(pool(alone, ones, [mode]), together[row : row + 1])
        else:
            assert (together[row] == 0).all()


@pytest.mark.parametrize("mode", SHARED)
@settings(deadline=None, max_examples=40)
@given(batches(one_stretch=True))
def test_equal_to_sentence_transformers(mode, given):
    hidden, mask = given
    features = {"token_embeddings": hidden, "attention_mask": mask}
    library = Pooling(hidden.shape[2], pooling_mode=mode)
    assert_close(pool(hidden, mask, [mode]), library(features)["sentence_embedding"])


@pytest.mark.parametrize("modes", [["mean", "cls"], ("max", "mean_sqrt_len_tokens")])
def test_pool_concatenates_in_the_order_asked_for(modes):
    hidden, mask = batch()
    features = {"token_embeddings": hidden, "attention_mask": mask}
    library = Pooling(16, pooling_mode=tuple(modes))(features)["sentence_embedding"]
    assert_close(pool(hidden, mask, modes), library)
    each = [POOLING_MODES[mode](hidden, mask) for mode in modes]
    assert torch.equal(pool(hidden, mask, modes), torch.cat(each, 1))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cls", [2, -1]),
        ("max", [4, -1]),
        ("mean", [3, -3.5]),
        ("mean_sqrt_len_tokens", [6 / 2**0.5, -7 / 2**0.5]),
        ("weightedmean", [10 / 3, -13 / 3]),
        ("lasttoken", [4, -6]),
    ],
)
def test_worked_out_by_hand(mode, expected):
    mask = torch.tensor([[1, 1, 0]])
    assert pool(HANDMADE, mask, [mode])[0].tolist() == pytest.approx(expected)


@pytest.mark.fault("pooling", "right result")
@pytest.mark.parametrize("poison", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("mode", MODES)
def test_poisoned_padding_does_not_leak(mode, side, dtype, poison):
    hidden, mask = batch(dtype, side)
    poisoned = hidden.masked_fill(mask.unsqueeze(-1) == 0, poison)
    assert_close(pool(poisoned, mask, [mode]), pool(hidden, mask, [mode]))


@pytest.mark.fault("pooling", "right result")
@pytest.mark.parametrize("mode", MODES)
def test_nan_in_a_real_token_shows_in_its_row_only(mode):
    hidden, mask = batch()
    # All tokens: one is enough for a mean, but cls and lasttoken read only one.
    hidden[1] = NAN
    result = pool(hidden, mask, [mode])
    assert result[1].isnan().all()
    assert result[[0, 2, 3]].isfinite().all()


@pytest.mark.fault("pooling", "right result")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_a_row_without_real_tokens_gives_zeros(mode, dtype):
    hidden, mask = batch(dtype)
    mask[2], hidden[2] = 0, NAN
    assert torch.equal(pool(hidden, mask, [mode])[2], torch.zeros(16, dtype=dtype))


@pytest.mark.fault("pooling", "right result")
@pytest.mark.parametrize(
    "dtype",
    [
        torch.bool,
        torch.uint8,
        torch.uint16,
        torch.int8,
        torch.int32,
        torch.float16,
        torch.bfloat16,
        torch.float64,
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_any_dtype_of_mask(mode, dtype):
    """300 real tokens: more than uint8, float16 or bfloat16 can count."""
    hidden = torch.randn(2, 300, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 300, dtype=torch.long)
    mask[0, 290:] = 0
    assert torch.equal(pool(hidden, mask.to(dtype), [mode]), pool(hidden, mask, [mode]))


@pytest.mark.fault("pooling", "right result")
@pytest.mark.parametrize("mode", MODES)
def test_no_rows_give_no_vectors(mode):
    hidden = torch.zeros(0, 3, 4, requires_grad=True)
    result = pool(hidden, torch.zeros(0, 3), [mode])
    assert result.shape == (0, 4)
    result.sum().backward()
    assert hidden.grad.shape == (0, 3, 4)


@pytest.mark.fault("pooling", "right result")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_of_numbers_far_below_zero(dtype):
    """Padding loses against anything: −1e4 in its place would win here."""
    hidden = torch.full((1, 3, 2), -60_000.0, dtype=dtype)
    mask = torch.tensor([[1, 1, 0]])
    assert torch.equal(pool(hidden, mask, ["max"]), hidden[:, 0])


def test_half_precision_counts_and_sums_in_float32():
    many = torch.ones(1, 1000, 2, dtype=torch.bfloat16)
    many[0, 500:] = 3
    assert mean_pool(many, torch.ones(1, 1000)).tolist() == [[2.0, 2.0]]
    large = torch.full((1, 512, 1), 60_000.0, dtype=torch.float16)
    assert mean_pool(large, torch.ones(1, 512)).tolist() == [[60_000.0]]


@pytest.mark.parametrize("poisoned", [False, True])
def test_gradient_is_mask_over_count(poisoned):
    hidden, mask = batch(torch.float64)
    if poisoned:
        hidden = hidden.masked_fill(mask.unsqueeze(-1) == 0, NAN)
    hidden.requires_grad_()
    mean_pool(hidden, mask).sum().backward()
    expected = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1).double()
    assert torch.allclose(hidden.grad, expected.expand_as(hidden))


@pytest.mark.parametrize("mode", MODES)
def test_gradcheck(mode):
    hidden, mask = batch(torch.float64)
    hidden = hidden[:, :, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda h: pool(h, mask, [mode]), (hidden,))


def test_the_naive_mean_is_right_only_without_padding():
    hidden, mask = batch()
    rows = zip(naive_mean(hidden), mean_pool(hidden, mask), strict=True)
    right = [torch.allclose(a, b, atol=1e-6) for a, b in rows]
    assert right == [False, False, False, True]


HIDDEN, MASK = torch.zeros(2, 3, 4), torch.ones(2, 3)
A_FLOAT_TENSOR = (
    r"token_embeddings must be a float tensor \[B, L, H\], L and H at least 1"
)
OF_SHAPE = r"attention_mask must be \[B, L\] = \[2, 3\] to fit .*\[2, 3, 4\], not "
BINARY = r"attention_mask must hold only 0 \(padding\) and 1 \(real token\), not "


@pytest.mark.fault("pooling", "clear error")
@pytest.mark.parametrize(
    ("hidden", "mask", "message"),
    [
        (torch.zeros(2, 3), MASK, A_FLOAT_TENSOR + r", not torch.float32 \[2, 3\]"),
        (torch.zeros(3, 4), torch.ones(3), A_FLOAT_TENSOR),
        (torch.zeros(1, 2, 3, 4), MASK, A_FLOAT_TENSOR),
        (HIDDEN.long(), MASK, A_FLOAT_TENSOR + ", not torch.int64"),
        (HIDDEN.bool(), MASK, A_FLOAT_TENSOR),
        (HIDDEN.to(torch.complex64), MASK, A_FLOAT_TENSOR),
        (HIDDEN.to(torch.float8_e4m3fn), MASK, A_FLOAT_TENSOR),
        (MASK, HIDDEN, A_FLOAT_TENSOR),
        (torch.zeros(2, 0, 4), torch.ones(2, 0), A_FLOAT_TENSOR),
        (torch.zeros(0, 0, 4), torch.ones(0, 0), A_FLOAT_TENSOR),
        (torch.zeros(2, 3, 0), MASK, A_FLOAT_TENSOR),
        (HIDDEN, torch.ones(3), OF_SHAPE + r"\[3\]"),
        (HIDDEN, torch.ones(2), OF_SHAPE + r"\[2\]"),
        (HIDDEN, torch.tensor(1), OF_SHAPE + r"\[\]"),
        (HIDDEN, torch.ones(3, 2), OF_SHAPE + r"\[3, 2\]"),
        (HIDDEN, torch.ones(2, 4), OF_SHAPE),
        (HIDDEN, torch.ones(1, 3), OF_SHAPE),
        (HIDDEN, torch.ones(2, 1), OF_SHAPE),
        (HIDDEN, torch.ones(2, 3, 1), OF_SHAPE),
        (HIDDEN, torch.ones(2, 1, 1, 3), OF_SHAPE),
        (HIDDEN, torch.ones(0, 3), OF_SHAPE),
        (HIDDEN, MASK.to("meta"), "attention_mask must be on cpu, .* not on meta"),
        (HIDDEN, 0.5 * MASK, BINARY + r"\[0.5\]"),
        (HIDDEN, -MASK, BINARY),
        (HIDDEN, 2 * MASK.byte(), BINARY + r"\[2\]"),
        (HIDDEN, -10_000 * (1 - torch.eye(2, 3)), BINARY + r"\[-10000.0, "),
        (HIDDEN, NAN * MASK, BINARY + r"\[nan"),
        (HIDDEN, torch.arange(6).view(2, 3), BINARY),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_what_does_not_fit_is_refused(mode, hidden, mask, message):
    with pytest.raises(ValueError, match=message):
        pool(hidden, mask, [mode])


@pytest.mark.fault("pooling", "clear error")
@pytest.mark.parametrize(
    ("hidden", "mask", "message"),
    [
        (HIDDEN, MASK.tolist(), "attention_mask must be a tensor, not list: write"),
        (HIDDEN, MASK.numpy(), "attention_mask must be a tensor, not ndarray"),
        (HIDDEN, None, "attention_mask must be a tensor, not NoneType"),
        (HIDDEN, "111", "attention_mask must be a tensor, not str"),
        (HIDDEN.tolist(), MASK, "token_embeddings must be a tensor, not list"),
        (np.zeros((2, 3, 4)), MASK, "token_embeddings must be a tensor, not ndarray"),
        ((HIDDEN, MASK), MASK, "token_embeddings must be a tensor, not tuple"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_tensor_is_refused(mode, hidden, mask, message):
    with pytest.raises(TypeError, match=message):
        pool(hidden, mask, [mode])


@pytest.mark.fault("pooling", "clear error")
@pytest.mark.parametrize(
    "modes",
    [["average"], ["mean", "Max"], [["mean"]], [None], [0], [], (), "mean", None, 3],
)
def test_unknown_modes_are_named(modes):
    with pytest.raises(ValueError, match=r"pooling_modes must be a list of .*'mean'"):
        pool(*batch(), modes)


@pytest.mark.fault("pooling", "clear error")
def test_modes_that_can_be_read_once_are_refused():
    with pytest.raises(ValueError, match="pooling_modes must be a list"):
        pool(*batch(), iter(["mean"]))


@pytest.mark.parametrize("mode", [m for m in MODES if m not in ("cls", "lasttoken")])
def test_one_nan_in_one_real_token_shows(mode):
    """cls and lasttoken read one token only."""
    hidden = torch.randn(4, 6, 8)
    hidden[3, 4] = float("nan")
    vectors = POOLING_MODES[mode](hidden, torch.ones(4, 6))
    assert vectors[3].isnan().all() and vectors[:3].isfinite().all()


@pytest.mark.fault("pooling", "clear error")
@pytest.mark.parametrize("mode", POOLING_MODES)
def test_a_sparse_mask_is_refused(mode):
    mask = torch.tensor([[1, 1, 0]]).to_sparse()
    with pytest.raises(TypeError, match="attention_mask must be a dense tensor"):
        POOLING_MODES[mode](torch.ones(1, 3, 2), mask)
