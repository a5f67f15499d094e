"""Checks of notebook 04."""

import random

import torch

from helpers import pooling
from helpers.checks.judge import Answer, judge, like, same
from helpers.checks.means import random_batch


def either_side(length: int = 7) -> list[tuple]:
    """A batch padded on the right, and the same padded on the left."""
    hidden, mask = random_batch(length=length)
    return [(hidden, mask), (hidden.flip(1), mask.flip(1))]


def last_token(answer: Answer) -> None:
    """answer(token_embeddings, attention_mask) -> [B, H], the last real token, wherever the padding is."""
    cases = either_side()
    rows = torch.arange(3)

    def at(position):
        return lambda hidden, mask: hidden[rows, position(mask)]

    judge(
        answer,
        cases,
        pooling.last_token_pool,
        [
            ("You took the last column. With padding on the right, that is padding.", like(at(lambda m: [-1] * 3), cases)),
            ("With padding on the left, nᵢ − 1 is not the last real token: find the last 1 in the mask.",
             like(at(lambda m: m.sum(1) - 1), cases)),
            ("One too far: the last real token has the index nᵢ − 1, since counting starts at 0.",
             like(at(lambda m: m.sum(1).clamp(max=m.shape[1] - 1)), cases)),
            ("That is the first real token.", like(pooling.cls_pool, cases)),
        ],
        "Decoders that became encoders are pooled like this: only their last token has seen the whole text.",
    )  # fmt: skip


def weighted_mean(answer: Answer) -> None:
    """answer(token_embeddings, attention_mask) -> [B, H], mean with weights 1 … nᵢ over the real tokens."""
    cases = either_side()

    def weighted(hidden, weights, total=None):
        return (hidden * weights.unsqueeze(-1)).sum(1) / (weights.sum(1, keepdim=True) if total is None else total)

    def columns(mask):
        return torch.arange(1, mask.shape[1] + 1) * mask

    judge(
        answer,
        cases,
        pooling.weighted_mean_pool,
        [
            ("Your weights count columns. With padding on the left the first real token must still get weight 1.",
             like(lambda h, m: weighted(h, columns(m)), cases)),
            ("Divide by the sum of the weights, not by the number of tokens.",
             like(lambda h, m: weighted(h, m.cumsum(1) * m, m.sum(1, keepdim=True)), cases)),
            ("Padding has weight: after the last real token the running count stays up. Multiply by the mask.",
             like(lambda h, m: weighted(h, m.cumsum(1)), cases)),
            ("Your weights fall from the first token to the last. They should rise.",
             like(lambda h, m: weighted(h, m.flip(1).cumsum(1).flip(1) * m), cases)),
            ("That is the plain mean: every token weighs the same.", like(pooling.mean_pool, cases)),
        ],
        "In a model whose tokens see both sides, as here, there is no reason why late tokens should know more.",
    )  # fmt: skip


def padding_detector(answer: Answer) -> None:
    """answer(pool) -> True if the vectors that pool(token_embeddings, attention_mask) gives depend on padding."""

    def naive(hidden, mask):
        return hidden.mean(1)

    def unmasked_max(hidden, mask):
        return hidden.amax(1)

    def divides_by_length(hidden, mask):
        return (hidden * mask.unsqueeze(-1)).mean(1)

    def first_column(hidden, mask):
        return hidden[:, 0]

    def last_column(hidden, mask):
        return hidden[:, -1]

    def rounds_otherwise(hidden, mask):  # right, but its rounding depends on L, as a matrix product's does
        return pooling.mean_pool(hidden * (hidden.shape[1] + 0.1), mask) / (hidden.shape[1] + 0.1)

    right = [pooling.mean_pool, pooling.max_pool, pooling.cls_pool, pooling.last_token_pool, rounds_otherwise]
    wrong = [naive, unmasked_max, divides_by_length]
    cases = [(pool,) for pool in [*right, *wrong, first_column, last_column]]

    def reference(pool):
        hidden, mask = random_batch()
        before = pool(hidden, mask)
        more = torch.full_like(hidden, 50.0)
        sides = [([hidden, more], [mask, mask * 0]), ([more, hidden], [mask * 0, mask])]
        return any(not same(before, pool(torch.cat(hs, 1), torch.cat(ms, 1))) for hs, ms in sides)

    def says(answer, pools):
        return [bool(answer(pool)) for pool in pools]

    judge(
        answer,
        cases,
        reference,
        [
            ("You call a correct pooling wrong. Compare with a tolerance: sums of other length round otherwise.",
             lambda answer: any(says(answer, right))),
            ("The unmasked maximum gets past you: padding of zeros or small numbers never wins. Use large ones.",
             lambda answer: says(answer, wrong) == [True, False, True]),
            ("Dividing by L gets past you. Make L larger, and compare the vectors: their cosine does not change.",
             lambda answer: says(answer, wrong) == [True, True, False]),
            ("The first column gets past you: it is right until the padding is on the left. Try both sides.",
             lambda answer: all(says(answer, wrong)) and not answer(first_column)),
            ("The last column gets past you: it is right until the padding is on the right. Try both sides.",
             lambda answer: all(says(answer, wrong)) and not answer(last_column)),
            ("None of the wrong ones is found: does the second call really have more padding?",
             lambda answer: not any(says(answer, wrong))),
        ],
        "A few lines that no benchmark score can replace. Put them into your own tests.",
    )  # fmt: skip


def whiten(answer: Answer) -> None:
    """answer(fit_on, vectors) -> vectors [N, H] whitened with the mean and covariance of fit_on [M, H]."""
    generator = torch.Generator().manual_seed(random.getrandbits(31))
    mix = torch.randn(4, 4, generator=generator, dtype=torch.float64) + 2 * torch.eye(4)
    fit_on = torch.randn(500, 4, generator=generator, dtype=torch.float64) @ mix + 3
    other = torch.randn(20, 4, generator=generator, dtype=torch.float64) @ mix + 4
    cases = [(fit_on, other)]

    def products(whitened):  # a whitening is known up to a rotation, which no product of two vectors sees
        return whitened @ whitened.T

    def whitening(fit_on, vectors, mean=True, power=-0.5):
        center = fit_on.mean(0)
        values, axes = torch.linalg.eigh(torch.cov(fit_on.T))
        return (vectors - center * mean) @ axes * values**power

    def seen(answer):
        def rotated(fit_on, vectors):
            result = answer(fit_on, vectors)
            return products(result) if isinstance(result, torch.Tensor) and result.ndim == 2 else result

        return rotated

    def wrong(function):
        return like(lambda *case: products(function(*case)), cases)

    judge(
        seen(answer),
        cases,
        lambda *case: products(whitening(*case)),
        [
            ("You fitted on the vectors that you transform. Take mean and covariance from fit_on alone.",
             wrong(lambda fit_on, vectors: whitening(vectors, vectors))),
            ("You did not subtract the mean of fit_on.", wrong(lambda f, v: whitening(f, v, mean=False))),
            ("You divided by the variances. Divide by their square roots, the standard deviations.",
             wrong(lambda f, v: whitening(f, v, power=-1.0))),
            ("Centered, but not scaled: divide each axis by its standard deviation.",
             wrong(lambda f, v: whitening(f, v, power=0.0))),
            ("Almost: divide the covariance by M − 1, as torch.cov does.",
             wrong(lambda f, v: whitening(f, v) * (len(f) / (len(f) - 1)) ** 0.5)),
            ("You multiplied by the standard deviations: that stretches the long axes further.",
             wrong(lambda f, v: whitening(f, v, power=0.5))),
        ],
        "No label was needed. Whitening only asks how the vectors are spread, and makes every direction count the same.",
    )  # fmt: skip
