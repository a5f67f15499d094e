"""Checks of notebook 02."""

import random

import torch

from helpers import batching
from helpers.checks.judge import Answer, judge, like


def pad_batch(answer: Answer) -> None:
    """answer(rows, pad_id) -> (input_ids, attention_mask), right-padded to the longest row."""
    lengths = random.sample(range(2, 9), 4)
    # The padding id turns up as a real token too, as it does where a model pads with its end-of-text token.
    rows = [[7, *random.choices(range(5, 50), k=n), 7] for n in lengths]
    cases = [(rows, 7), ([[1, 2, 3], [4]], 0)]

    def wrong(mask):
        def pad(rows, pad_id):
            ids, real = batching.pad(rows, pad_id)
            return ids, mask(ids, real, pad_id)

        return like(pad, cases)

    judge(
        answer,
        cases,
        batching.pad,
        [
            ("Your mask is 0 wherever the padding id stands. A real token may have that id too: use the lengths.",
             wrong(lambda ids, real, pad_id: (ids != pad_id).long())),
            ("Your mask is 1 everywhere: padding has to be 0.", wrong(lambda ids, real, pad_id: torch.ones_like(ids))),
            ("Your mask is the wrong way round: 1 is for real tokens, 0 for padding.",
             wrong(lambda ids, real, pad_id: 1 - real)),
            ("You padded on the left. Fill up on the right.",
             like(lambda rows, pad_id: batching.pad(rows, pad_id, side="left"), cases)),
        ],
        "The mask comes from the lengths, never from the ids: that holds for every model, whatever it pads with.",
    )  # fmt: skip


def padding_share(answer: Answer) -> None:
    """answer(lengths, batch_size) -> share of padding, 0 to 1, in batches of rows sorted by length."""
    cases = [([random.randint(3, 40) for _ in range(30)], 8), ([5, 40, 6, 38, 4, 41, 9], 3)]

    def share(lengths, size, order=sorted, reduce=None):
        batches = [order(lengths)[i : i + size] for i in range(0, len(lengths), size)]
        padding = [max(batch) * len(batch) - sum(batch) for batch in batches]
        total = [max(batch) * len(batch) for batch in batches]
        return reduce(padding, total) if reduce else sum(padding) / sum(total)

    judge(
        answer,
        cases,
        share,
        [
            ("You did not sort by length first: neighbors of the same length are the whole point.",
             like(lambda lengths, size: share(lengths, size, order=list), cases)),
            ("You averaged the shares of the batches. Long batches hold more tokens: add up tokens, divide once.",
             like(lambda lengths, size: share(
                 lengths, size, reduce=lambda p, t: sum(a / b for a, b in zip(p, t, strict=True)) / len(t)), cases)),
            ("That is the share of real tokens: you want the others.",
             like(lambda lengths, size: 1 - share(lengths, size), cases)),
            ("You divided by the real tokens. A share divides by all tokens, padding included.",
             like(lambda lengths, size: share(lengths, size, reduce=lambda p, t: sum(p) / (sum(t) - sum(p))), cases)),
        ],
        "Every token of the rectangle costs the same time, real or not: this share is work thrown away.",
    )  # fmt: skip


def masked_attention(answer: Answer) -> None:
    """answer(query, key, value, attention_mask) -> context [B, L, D]; mask [B, L] of 0 and 1."""
    generator = torch.Generator().manual_seed(random.getrandbits(31))
    cases = []
    for batch, length, size in [(2, 5, 4), (3, 7, 8)]:
        mask = (torch.arange(length) < torch.randint(2, length, (batch, 1), generator=generator)).long()
        cases.append((*torch.randn(3, batch, length, size, generator=generator), mask))

    def attention(q, k, v, mask, scale=True, hide=True, axis=-1, after=False, keys=True):
        scores = q @ k.transpose(1, 2) / (q.shape[-1] ** 0.5 if scale else 1)
        padding = (mask[:, None, :] if keys else mask[:, :, None]) == 0
        if hide and not after:
            scores = scores.masked_fill(padding, -1e9)
        weights = scores.softmax(axis)
        return (weights.masked_fill(padding, 0) if after else weights) @ v

    def wrong(**how):
        return like(lambda *case: attention(*case, **how), cases)

    judge(
        answer,
        cases,
        attention,
        [
            ("Padding still takes part: set its scores to -inf before the softmax.", wrong(hide=False)),
            ("You zeroed weights after the softmax: the rest no longer sums to 1. Mask the scores, before.",
             wrong(after=True)),
            ("The mask is on the queries. It belongs on the keys, the last axis: nobody may look at padding.",
             wrong(keys=False)),
            ("Divide the scores by the square root of the vector size.", wrong(scale=False)),
            ("The softmax runs over the queries: each query's weights over the keys, the last axis, sum to 1.",
             wrong(axis=1)),
        ],
        "Nothing masks the queries: padding looks at the real tokens, and gets a vector that is not zero.",
    )  # fmt: skip


def position_ids(answer: Answer) -> None:
    """answer(attention_mask) -> position of each real token in its row, from 0, wherever the padding stands."""
    length = 9
    real = torch.tensor(random.sample(range(2, length), 3)).unsqueeze(1)
    left = (torch.arange(length) >= length - real).long()
    right = (torch.arange(length) < real).long()
    cases = [(left,), (right,)]

    def at_real_tokens(function):  # padding may have any position: nobody looks at it
        def masked(mask):
            positions = function(mask)
            if not isinstance(positions, torch.Tensor):
                return positions
            # An embedding has no row -1, nor one past its end: such an index is an error even in padding.
            return positions.masked_fill((mask == 0) & (positions >= 0) & (positions < length), 0)

        return masked

    def wrong(function):
        return like(at_real_tokens(function), cases)

    judge(
        at_real_tokens(answer),
        cases,
        at_real_tokens(lambda mask: (mask.cumsum(1) - 1).clamp(min=0)),
        [
            ("That counts columns. With left padding the first real token is not in column 0.",
             wrong(lambda mask: torch.arange(mask.shape[1]).expand_as(mask))),
            ("You start at 1: the first real token has position 0.", wrong(lambda mask: mask.cumsum(1))),
            ("Padding on the left gets position -1, which no embedding table has: clamp at 0.",
             wrong(lambda mask: mask.cumsum(1) - 1)),
            ("That is the token's distance from the end: count from the first real token.",
             wrong(lambda mask: (mask.flip(1).cumsum(1).flip(1) - 1).clamp(min=0))),
        ],
        "Right padding needs no position_ids, which is why this bug sleeps until someone pads on the left.",
    )  # fmt: skip
