"""What pooling must not depend on, in every dtype; and agreement with sentence-transformers."""

import pytest
import torch
from sentence_transformers.sentence_transformer.modules import Pooling

from helpers.pooling import POOLING_MODES, mean_pool, naive_mean, pool

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
MODES = list(POOLING_MODES)


def batch(dtype=torch.float32, side="right", seed=0):
    """token_embeddings [4, 12, 16], and a mask with 1 to 12 real tokens a row."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(4, 12, 16, generator=generator).to(dtype)
    mask = (torch.arange(12) < torch.tensor([[1], [5], [11], [12]])).long()
    return hidden, mask if side == "right" else mask.flip(1)


def close(a, b, dtype):
    return torch.allclose(a, b, rtol=0, atol={torch.float16: 2e-3, torch.bfloat16: 2e-2}.get(dtype, 1e-6))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("mode", MODES)
def test_a_row_alone_is_the_row_in_a_batch_with_any_padding(mode, side, dtype):
    hidden, mask = batch(dtype, side)
    together = pool(hidden, mask, [mode])
    assert together.dtype == dtype
    for row in range(4):
        real = hidden[row : row + 1, mask[row] == 1]
        alone = pool(real, torch.ones(1, real.shape[1]), [mode])
        assert close(alone, together[row : row + 1], dtype)
    padding = torch.full((4, 9, 16), 77.0, dtype=dtype)
    for parts in ([hidden, padding], [padding, hidden]):
        masks = [mask if part is hidden else torch.zeros(4, 9) for part in parts]
        assert close(pool(torch.cat(parts, 1), torch.cat(masks, 1), [mode]), together, dtype)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_poisoned_padding_does_not_leak(mode, poison, dtype):
    hidden, mask = batch(dtype)
    poisoned = hidden.masked_fill(mask.unsqueeze(-1) == 0, poison)
    assert close(pool(poisoned, mask, [mode]), pool(hidden, mask, [mode]), dtype)


@pytest.mark.parametrize("mode", MODES)
def test_nan_in_a_real_token_shows_in_its_row_only(mode):
    hidden, mask = batch()
    hidden[1] = float("nan")  # all tokens: one is enough for a mean, but cls and lasttoken read only one
    result = pool(hidden, mask, [mode])
    assert result[1].isnan().all()
    assert result[[0, 2, 3]].isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_a_row_without_real_tokens_gives_zeros(mode, dtype):
    hidden, mask = batch(dtype)
    mask[2] = 0
    assert torch.equal(pool(hidden, mask, [mode])[2], torch.zeros(16, dtype=dtype))


@pytest.mark.parametrize("mask_dtype", [torch.bool, torch.int32, torch.int64, torch.float32, torch.float16])
def test_any_dtype_of_mask(mask_dtype):
    hidden, mask = batch()
    assert torch.equal(mean_pool(hidden, mask.to(mask_dtype)), mean_pool(hidden, mask))


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
        hidden = hidden.masked_fill(mask.unsqueeze(-1) == 0, float("nan"))
    hidden.requires_grad_()
    mean_pool(hidden, mask).sum().backward()
    expected = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1).expand_as(hidden).double()
    assert torch.allclose(hidden.grad, expected)


@pytest.mark.parametrize("mode", MODES)
def test_gradcheck(mode):
    hidden, mask = batch(torch.float64)
    hidden = hidden[:, :, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda h: pool(h, mask, [mode]), (hidden,))


@pytest.mark.parametrize("mode", MODES)
def test_equal_to_sentence_transformers(mode):
    hidden, mask = batch()
    theirs = Pooling(16, pooling_mode=mode)({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]
    assert torch.allclose(pool(hidden, mask, [mode]), theirs, atol=1e-6)


def test_pool_concatenates_in_the_order_asked_for():
    hidden, mask = batch()
    result = pool(hidden, mask, ["mean", "cls"])
    assert torch.equal(result, torch.cat([mean_pool(hidden, mask), hidden[:, 0]], 1))


def test_the_naive_mean_is_right_only_without_padding():
    hidden, mask = batch()
    right = [torch.allclose(a, b, atol=1e-6) for a, b in zip(naive_mean(hidden), mean_pool(hidden, mask), strict=True)]
    assert right == [False, False, False, True]


@pytest.mark.parametrize(
    ("hidden", "mask", "message"),
    [
        (torch.zeros(2, 3), torch.ones(2, 3), r"token_embeddings must be a float tensor \[B, L, H\]"),
        (torch.zeros(2, 3, 4, dtype=torch.long), torch.ones(2, 3), "token_embeddings must be a float tensor"),
        (torch.zeros(2, 3, 4), torch.ones(3, 2), r"attention_mask must be \[B, L\] = \[2, 3\].*not \[3, 2\]"),
        (torch.zeros(2, 3, 4), torch.ones(2, 3, 1), r"attention_mask must be \[B, L\]"),
        (torch.zeros(2, 3, 4), torch.full((2, 3), 0.5), r"only 0 \(padding\) and 1 \(real token\), not \[0.5\]"),
        (torch.zeros(2, 3, 4), torch.full((2, 3), -1), "only 0"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_bad_input_is_named(mode, hidden, mask, message):
    with pytest.raises(ValueError, match=message):
        pool(hidden, mask, [mode])


@pytest.mark.parametrize("modes", [["average"], [], "mean"])
def test_unknown_modes_are_named(modes):
    with pytest.raises(ValueError, match="pooling_modes must be a list of"):
        pool(*batch(), modes)
