"""Checks of notebook 03."""

import random

import torch
from torch import Tensor

from helpers import pooling
from helpers.checks.judge import Answer, judge, like, same


def random_batch(batch: int = 3, length: int = 6, size: int = 4) -> tuple[Tensor, Tensor]:
    """token_embeddings [B, L, H] and a right-padded attention_mask [B, L]: 2 to L − 1 real tokens a row, not all alike."""
    generator = torch.Generator().manual_seed(random.getrandbits(31))
    real = torch.randint(2, length, (batch, 1), generator=generator)
    real[0], real[-1] = 2, length - 1
    return torch.randn(batch, length, size, generator=generator) + 1, (torch.arange(length) < real).long()


def mean_pool(answer: Answer) -> None:
    """answer(token_embeddings, attention_mask) -> [B, H], the mean of the real tokens."""
    cases = [random_batch(), random_batch(2, 9, 5)]
    square = random_batch(5, 5, 5)  # B = L = H: here a mask on a wrong axis does not even raise

    def wrong_axis(answer: Answer) -> bool:
        hidden, mask = square
        count = mask.sum(1, keepdim=True)
        wrong = [(hidden * mask.unsqueeze(1)).sum(1) / count, (hidden * mask).sum(1) / count]
        return any(same(answer(hidden, mask), result) for result in wrong)

    half = torch.ones(2, 3, 2, dtype=torch.float16), torch.tensor([[1, 1, 0], [0, 0, 0]])  # the second row is empty
    many = torch.ones(1, 257, 2, dtype=torch.bfloat16), torch.ones(1, 257, dtype=torch.long)
    many[0][0, 0] = 0  # the sum, 256, has a bfloat16; the count, 257, has none

    def changed_by_padding(answer: Answer) -> bool:
        hidden, mask = random_batch()
        more = torch.cat([hidden, torch.randn_like(hidden)], 1), torch.cat([mask, torch.zeros_like(mask)], 1)
        return not same(answer(hidden, mask), answer(*more))

    judge(
        answer,
        [*cases, half, many],
        pooling.mean_pool,
        [
            ("You averaged the padding in: that is torch.mean(token_embeddings, 1), the bug itself.",
             like(lambda hidden, mask: hidden.mean(1), cases)),
            ("You divided by L. Padding was removed from the sum, now remove it from the count: divide by nᵢ.",
             like(lambda hidden, mask: (hidden * mask.unsqueeze(-1)).mean(1), cases)),
            ("You summed over H, the numbers of one vector. Sum over L, the tokens: axis 1.",
             lambda answer: same(answer(*cases[0]), (cases[0][0] * cases[0][1].unsqueeze(-1)).sum(-1))
             or answer(*cases[0]).shape == cases[0][0].shape[:2]),
            ("The mask is on the wrong axis: unsqueeze(-1) makes it [B, L, 1], one number a token.", wrong_axis),
            ("That is the sum of the real tokens: divide by how many there are.",
             like(lambda hidden, mask: (hidden * mask.unsqueeze(-1)).sum(1), cases)),
            ("Your result changes when padding is added: did padding reach the sum or the count?", changed_by_padding),
            ("In half precision an empty row gives nan: 1e-9 rounds to 0 there, so the clamp is lost. Count in float32.",
             lambda answer: not answer(*half).isfinite().all()),
            ("In bfloat16 a count of 257 rounds to 256. Sum and count in float32, convert at the end.",
             lambda answer: not same(answer(*many), pooling.mean_pool(*many))),
        ],
        "It holds for any padding, for an empty row and for half precision: more than most code in use can say.",
    )  # fmt: skip


def true_mean(answer: Answer) -> None:
    """answer(naive, pad_mean, n, length) -> the masked mean [B, H], recovered from the naive one; n [B]."""
    hidden, mask = random_batch(4, 8, 3)
    n, length = mask.sum(1), mask.shape[1]
    pad_mean = pooling.mean_pool(hidden, 1 - mask)
    cases = [(hidden.mean(1), pad_mean, n, length)]
    column = n.unsqueeze(1)
    judge(
        answer,
        cases,
        lambda *_: pooling.mean_pool(hidden, mask),
        [
            ("You scaled, but the padding is still in: subtract (L − n)/L · pad_mean first.",
             like(lambda naive, *_: naive * length / column, cases)),
            ("You subtracted the padding's part, but did not undo the factor n/L: multiply by L/n.",
             like(lambda naive, pad, *_: naive - (length - column) / length * pad, cases)),
            ("The weight of pad_mean is (L − n)/L, not 1: padding counts as often as it occurs.",
             like(lambda naive, pad, *_: (naive - pad) * length / column, cases)),
            ("You mixed up n and L − n.",
             like(lambda naive, pad, *_: (naive - column / length * pad) * length / (length - column), cases)),
        ],
        "So the naive mean loses nothing that could not be computed back, if someone had kept pad_mean. Nobody does.",
    )  # fmt: skip


def mean_pool_gradient(answer: Answer) -> None:
    """answer(grad_output, attention_mask) -> gradient [B, L, H] on token_embeddings, grad_output [B, H]."""
    _, mask = random_batch(3, 6, 4)
    cases = [(torch.randn(3, 4), mask)]
    n, length = mask.sum(1).view(-1, 1, 1), mask.shape[1]
    real = mask.unsqueeze(-1)
    judge(
        answer,
        cases,
        lambda grad, _: grad.unsqueeze(1) * real / n,
        [
            ("That is the naive mean's gradient: 1/L for every position, padding included.",
             like(lambda grad, _: (grad.unsqueeze(1) / length).expand(-1, length, -1), cases)),
            ("Padding gets a gradient. It had no influence on the result, so its gradient is 0.",
             like(lambda grad, _: (grad.unsqueeze(1) / n).expand(-1, length, -1), cases)),
            ("Divide by nᵢ: each real token is one nᵢ-th of the mean.", like(lambda grad, _: grad.unsqueeze(1) * real, cases)),
            ("You divided by L. The forward pass divided by nᵢ.",
             like(lambda grad, _: grad.unsqueeze(1) * real / length, cases)),
        ],
        "A token of a short sentence gets a larger share of the gradient than one of a long sentence.",
    )  # fmt: skip


def nan_safe_mean_pool(answer: Answer) -> None:
    """answer(token_embeddings, attention_mask) -> [B, H]; NaN or inf in padding must not leak, in real tokens it must."""
    poisoned, mask = random_batch()
    poisoned[mask == 0] = random.choice([float("nan"), float("inf"), float("-inf")])
    broken, other_mask = random_batch()
    broken[0, 0] = torch.tensor([float("nan"), float("inf"), float("-inf"), 1])  # position 0 is real in every row
    cases = [random_batch(), (poisoned, mask), (broken, other_mask)]

    def product(hidden: Tensor, mask: Tensor) -> Tensor:
        return (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)

    judge(
        answer,
        cases,
        pooling.mean_pool,
        [
            ("0 · NaN is NaN, and 0 · inf too: a product cannot remove padding. Replace it with masked_fill or where.",
             like(product, cases)),
            ("You hide NaN or infinity in real tokens, too (nan_to_num does). There it has to show: somebody must find it.",
             lambda answer: not same(answer(broken, other_mask), pooling.mean_pool(broken, other_mask))
             and same(answer(*cases[0]), pooling.mean_pool(*cases[0]))),
            ("Your result is wrong even without NaN: start from the masked mean.",
             lambda answer: not same(answer(*cases[0]), pooling.mean_pool(*cases[0]))),
        ],
        "Padding may hold anything now. What is wrong in a real token still comes out wrong, as it should.",
    )  # fmt: skip
