"""Checks of lesson 03: the masked mean, its inverse and gradient, NaN, spans."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers import pooling
from helpers.checks.compare import same
from helpers.checks.inputs import decimals, token_batch
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge

LEFT = (
    "It is right with padding on the right, and wrong with padding on the left. Ask "
    "the mask which tokens are real; the first nᵢ columns need not be."
)
NAN, INFINITY = float("nan"), float("inf")


def product(hidden: Tensor, mask: Tensor) -> Tensor:
    """Sum of the real tokens, as long as padding holds numbers."""
    return (hidden * mask.unsqueeze(-1)).sum(1)


def count(mask: Tensor) -> Tensor:
    return mask.sum(1, keepdim=True)


def first_columns(hidden: Tensor, mask: Tensor) -> Tensor:
    """The masked mean, if padding is on the right."""
    rows = zip(hidden, mask.sum(1).tolist(), strict=True)
    return torch.stack([row[:n].mean(0) for row, n in rows])


MEAN_POOL_MISTAKES = [
    (
        "You averaged the padding in: that is torch.mean(token_embeddings, 1), the bug "
        "itself.",
        lambda hidden, mask: hidden.mean(1),
    ),
    (
        "You divided by L. Padding was removed from the sum, now remove it from the "
        "count: divide by nᵢ.",
        lambda hidden, mask: product(hidden, mask).div(hidden.shape[1]),
    ),
    (
        "You divided by nᵢ, but the sum still holds the padding: multiply by the mask "
        "before you sum.",
        lambda hidden, mask: hidden.sum(1) / count(mask),
    ),
    (
        "The mask is on the wrong axis: unsqueeze(-1) makes it [B, L, 1], one number a "
        "token.",
        lambda hidden, mask: (hidden * mask.unsqueeze(1)).sum(1) / count(mask),
    ),
    (
        "The mask needs a third axis: unsqueeze(-1) makes it [B, L, 1], one number a "
        "token.",
        lambda hidden, mask: (hidden * mask).sum(1) / count(mask),
    ),
    (
        "The count needs a second axis, [B, 1]: sum(1, keepdim=True). As [B] it is "
        "stretched along the wrong axis, or does not fit.",
        lambda hidden, mask: product(hidden, mask) / mask.sum(1),
    ),
    (
        "That is the sum of the real tokens: divide by how many there are.",
        product,
    ),
    (
        "You divided by the real tokens of the whole batch. Each row has its own nᵢ.",
        lambda hidden, mask: product(hidden, mask) / mask.sum(),
    ),
    (
        "That is the mean of the padding: your mask is the wrong way round.",
        lambda hidden, mask: product(hidden, 1 - mask) / count(1 - mask),
    ),
    (
        "You divided by √nᵢ: that is the mode mean_sqrt_len_tokens. Divide by nᵢ.",
        lambda hidden, mask: product(hidden, mask) / count(mask).sqrt(),
    ),
    (
        "You scaled the mean to length 1. Return the mean itself.",
        lambda hidden, mask: torch.nn.functional.normalize(
            product(hidden, mask) / count(mask), dim=1
        ),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda hidden, mask: product(hidden, mask) // count(mask),
    ),
    (
        "That is the largest value of each dimension. Take the mean.",
        pooling.max_pool,
    ),
    (
        "You left out the first and the last real token. [CLS] and [SEP] count, too.",
        lambda hidden, mask: torch.stack(
            [
                row[real == 1][1:-1].mean(0)
                for row, real in zip(hidden, mask, strict=True)
            ]
        ),
    ),
    (
        "You cut all rows at the longest, and averaged what padding was left.",
        lambda hidden, mask: hidden[:, : mask.sum(1).max()].mean(1),
    ),
    (
        "That is the first token, [CLS]. Take the mean.",
        lambda hidden, mask: hidden[:, 0],
    ),
    ("That is the last token. Take the mean.", lambda hidden, mask: hidden[:, -1]),
    ("That is the last token. Take the mean.", pooling.last_token_pool),
    (LEFT, first_columns),
]
MEAN_POOL_SIGNS = [
    (
        "You summed over H, the numbers of one vector. Sum over L, the tokens: axis 1.",
        lambda mean, wanted, hidden, mask: mean.shape == hidden.shape[:2],
    ),
    (
        "You averaged over the batch, axis 0. Each row has its own mean: axis 1.",
        lambda mean, wanted, hidden, mask: mean.shape == hidden.shape[1:],
    ),
    (
        "An axis is left: keepdim=True made it [B, 1, H], expected is [B, H].",
        lambda mean, wanted, hidden, mask: (
            mean.ndim == 3 and mean.squeeze(1).shape == wanted.shape
        ),
    ),
    (
        "That is one vector for the whole batch, and each row has its own mean. A "
        "mask as an index forgets which row a token is from.",
        lambda mean, wanted, hidden, mask: mean.ndim < 2,
    ),
    (
        "Each row is a sentence vector, and all must come: expected is [B, H].",
        lambda mean, wanted, hidden, mask: len(mean) != len(hidden),
    ),
]


def mean_pool_cases() -> list[Case]:
    """Ordinary ones first, half precision last."""
    hidden, mask = token_batch([3, 2], 4, 3, seed=5)
    empty = hidden, mask * torch.tensor([[1], [0]])
    half = torch.ones(2, 3, 2, dtype=torch.float16), torch.tensor([[1, 1, 0], [0] * 3])
    many = torch.ones(1, 257, 2, dtype=torch.bfloat16)
    many[0, 0] = 0  # the sum, 256, has a bfloat16; the count, 257, has none
    large = torch.full((1, 2, 3), 60000, dtype=torch.float16)
    return [
        Case(token_batch([2, 5, 4], 6, 4)),
        Case(token_batch([3, 7], 9, 5, seed=1)),
        # B = L = H: a mask or a count on the wrong axis does not even raise.
        Case(token_batch([4, 2, 3, 1], 4, 4, seed=2)),
        Case(token_batch([5, 2, 3], 5, 4, side="left", seed=3), LEFT),
        Case(
            empty,
            "A row without real tokens must give zeros, not 0/0: clamp the count, so "
            "that it is at least 1.",
        ),
        Case(
            half,
            "In half precision an empty row gives nan: 1e-9 rounds to 0 there, so the "
            "clamp is lost. Count in float32.",
        ),
        Case(
            (many, torch.ones(1, 257, dtype=torch.long)),
            "In bfloat16 a count of 257 rounds to 256. Sum and count in float32, "
            "convert at the end.",
        ),
        Case(
            (large, torch.ones(1, 2, dtype=torch.long)),
            "The sum is too large for float16, which ends at 65504. Sum in float32, "
            "convert at the end.",
        ),
    ]


@exercise("3.1")
def mean_pool(answer: Answer) -> Verdict:
    """answer(token_embeddings, attention_mask) -> the mean of each row's real tokens.

    token_embeddings [B, L, H] of decimals, attention_mask [B, L] of 0 and 1 -> [B, H]
    in the type of token_embeddings. Padding may be on the right or on the left; a row
    without real tokens gives zeros; half precision must not lose the count.

    Example: answer(torch.tensor([[[1., 2.], [3., 4.], [9., 9.]]]),
    torch.tensor([[1, 1, 0]])) -> tensor([[2., 3.]])
    """
    return judge(
        answer,
        reference=pooling.mean_pool,
        cases=mean_pool_cases(),
        mistakes=MEAN_POOL_MISTAKES,
        signs=MEAN_POOL_SIGNS,
        praise="It holds for any padding, for an empty row and for half precision: "
        "more than most code in use can say.",
    )


def naive_parts(lengths: list[int], padded_length: int, hidden_size: int) -> tuple:
    """Arguments of exercise 3.2: naive, pad_mean, n, length."""
    hidden, mask = token_batch(lengths, padded_length, hidden_size, seed=padded_length)
    pad_mean = pooling.mean_pool(hidden, 1 - mask)
    return hidden.mean(1), pad_mean, mask.sum(1), padded_length


def unmix(naive, pad_mean, n, length):
    """The masked mean, from naive = n/L · mean + (L − n)/L · pad_mean."""
    n = n.unsqueeze(1)
    return (length * naive - (length - n) * pad_mean) / n


TRUE_MEAN_MISTAKES = [
    (
        "You scaled, but the padding is still in: subtract (L − n)/L · pad_mean first.",
        lambda naive, pad_mean, n, length: naive * length / n[:, None],
    ),
    (
        "You subtracted the padding's part, but did not undo the factor n/L: multiply "
        "by L/n.",
        lambda naive, pad_mean, n, length: naive - (1 - n / length)[:, None] * pad_mean,
    ),
    (
        "The weight of pad_mean is (L − n)/L, not 1: padding counts as often as it "
        "occurs.",
        lambda naive, pad_mean, n, length: (naive - pad_mean) * length / n[:, None],
    ),
    (
        "You subtracted pad_mean whole. Its weight is (L − n)/L, and the factor n/L is "
        "still to undo.",
        lambda naive, pad_mean, n, length: naive - pad_mean,
    ),
    (
        "You undid the factor n/L for the naive mean alone. Subtract the padding's part "
        "first, then multiply all that is left by L/n.",
        lambda naive, pad_mean, n, length: (
            naive * (length / n)[:, None] - (1 - n / length)[:, None] * pad_mean
        ),
    ),
    (
        "You mixed up n and L − n.",
        lambda naive, pad_mean, n, length: unmix(naive, pad_mean, length - n, length),
    ),
    (
        "You added the padding's part once more: subtract it.",
        lambda naive, pad_mean, n, length: unmix(naive, -pad_mean, n, length),
    ),
    (
        "You multiplied by n/L once more. The naive mean is too short by that factor: "
        "multiply by L/n.",
        lambda naive, pad_mean, n, length: (
            (naive - (1 - n / length)[:, None] * pad_mean) * n[:, None] / length
        ),
    ),
    (
        "In length · naive − (length − n) · pad_mean stands the sum of the real "
        "tokens: divide by n.",
        lambda naive, pad_mean, n, length: (
            unmix(naive, pad_mean, n, length) * n[:, None]
        ),
    ),
    (
        "naive stands for a sum over L tokens: multiply it by length before you "
        "subtract (L − n) · pad_mean.",
        lambda naive, pad_mean, n, length: (
            (naive - (length - n)[:, None] * pad_mean) / n[:, None]
        ),
    ),
    (
        "You divided by L − n, the padding. Divide by n, the real tokens.",
        lambda naive, pad_mean, n, length: (
            unmix(naive, pad_mean, n, length) * (n / (length - n))[:, None]
        ),
    ),
    (
        "That is the naive mean as it came: the padding is still in.",
        lambda naive, pad_mean, n, length: naive,
    ),
    (
        "n is [B], one number a row, and the vectors are [B, H]: unsqueeze(1) makes it "
        "[B, 1].",
        lambda naive, pad_mean, n, length: (
            (length * naive - (length - n) * pad_mean) / n
        ),
    ),
    (
        "You took the longest row for L. The padded length is `length`.",
        lambda naive, pad_mean, n, length: unmix(naive, pad_mean, n, int(n.max())),
    ),
    (
        "That is the mean of the padding. Subtract its part from the naive mean.",
        lambda naive, pad_mean, n, length: pad_mean,
    ),
    (
        "You took one n for all rows. Each row has its own.",
        lambda naive, pad_mean, n, length: (
            (length * naive - (length - n[0]) * pad_mean) / n[0]
        ),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda naive, pad_mean, n, length: unmix(naive, pad_mean, n, length).floor(),
    ),
]


@exercise("3.2")
def true_mean(answer: Answer) -> Verdict:
    """answer(naive, pad_mean, n, length) -> the masked means, recovered from the naive.

    naive [B, H], means over all positions; pad_mean [B, H], means of the padding; n
    [B], real tokens of each row; length L, a number -> [B, H].

    Example: answer(torch.tensor([[3.]]), torch.tensor([[5.]]), torch.tensor([2]), 4)
    -> tensor([[1.]]), since 3 = 2/4 · 1 + 2/4 · 5
    """
    cases = [
        Case(naive_parts([2, 5, 7, 3], 8, 3)),
        Case(naive_parts([4, 1], 5, 6)),
        # B = H: an n without its second axis does not even raise.
        Case(naive_parts([2, 4, 3], 6, 3)),
        Case(
            naive_parts([7, 3], 7, 2),
            "A row without padding comes out wrong: its naive mean is right already.",
        ),
    ]
    return judge(
        answer,
        reference=unmix,
        cases=cases,
        mistakes=TRUE_MEAN_MISTAKES,
        praise="So the naive mean loses nothing that could not be computed back, if "
        "someone had kept pad_mean. Nobody does.",
    )


def mean_gradient(grad_output: Tensor, attention_mask: Tensor) -> Tensor:
    """The gradient on every token: 1/nᵢ of its row's for a real one, 0 for padding."""
    share = attention_mask / count(attention_mask)  # [B, L]
    return grad_output.unsqueeze(1) * share.unsqueeze(2)


def spread(grad_output: Tensor, share: Tensor) -> Tensor:
    """Each position's share [B, L] of its row's gradient -> [B, L, H]."""
    return grad_output.unsqueeze(1) * share.unsqueeze(2)


GRADIENT_MISTAKES = [
    (
        "That is the naive mean's gradient: 1/L for every position, padding included.",
        lambda grad, mask: spread(grad, torch.ones_like(mask) / mask.shape[1]),
    ),
    (
        "Padding gets a gradient. It had no influence on the result, so its gradient "
        "is 0.",
        lambda grad, mask: spread(grad, torch.ones_like(mask) / count(mask)),
    ),
    (
        "Divide by nᵢ: each real token is one nᵢ-th of the mean.",
        lambda grad, mask: spread(grad, mask),
    ),
    (
        "Every position gets the whole gradient. Each real token is one nᵢ-th of the "
        "mean, and padding none of it.",
        lambda grad, mask: spread(grad, torch.ones_like(mask)),
    ),
    (
        "You divided by L. The forward pass divided by nᵢ.",
        lambda grad, mask: spread(grad, mask / mask.shape[1]),
    ),
    (
        "You multiplied by nᵢ. The mean divides by nᵢ, and so does its gradient.",
        lambda grad, mask: spread(grad, mask * count(mask)),
    ),
    (
        "You divided by nᵢ twice.",
        lambda grad, mask: spread(grad, mask / count(mask) ** 2),
    ),
    (
        "You divided by the real tokens of the whole batch. Each row has its own nᵢ.",
        lambda grad, mask: spread(grad, mask / mask.sum()),
    ),
    (
        "The gradient stands at the padding, and the real tokens get none: your mask "
        "is the wrong way round.",
        lambda grad, mask: spread(grad, (1 - mask) / count(mask)),
    ),
    (
        "The gradient stands at the padding, and the real tokens get none: your mask "
        "is the wrong way round.",
        lambda grad, mask: spread(grad, (1 - mask) / count(1 - mask).clamp(min=1)),
    ),
    (
        "grad_output is left out: multiply each weight by its row's gradient.",
        lambda grad, mask: spread(torch.ones_like(grad), mask / count(mask)),
    ),
    (
        "One token of each row gets it all. Every real token took part in the mean, "
        "and gets one nᵢ-th.",
        lambda grad, mask: spread(grad, ((mask.cumsum(1) == 1) & (mask == 1)).long()),
    ),
    (
        "The count is summed over the wrong axis: nᵢ is mask.sum(1, keepdim=True).",
        lambda grad, mask: spread(grad, mask / mask.sum(0, keepdim=True)),
    ),
    (
        "The count needs a second axis, [B, 1]: sum(1, keepdim=True).",
        lambda grad, mask: spread(grad, mask / mask.sum(1)),
    ),
    (
        "The new axes are on the wrong places: grad_output becomes [B, 1, H], the "
        "weights [B, L, 1].",
        lambda grad, mask: grad.unsqueeze(2) * (mask / count(mask)).unsqueeze(1),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda grad, mask: spread(grad, mask) // count(mask).unsqueeze(2),
    ),
    (
        LEFT,
        lambda grad, mask: mean_gradient(grad, mask.sort(1, descending=True).values),
    ),
]
GRADIENT_SIGNS = [
    (
        "One gradient for each row is not enough: each token has its own, [B, L, H].",
        lambda gradient, wanted, grad, mask: gradient.ndim == 2,
    ),
    (
        "The axes are in the wrong order: expected is [B, L, H], tokens before H.",
        lambda gradient, wanted, grad, mask: (
            gradient.shape == wanted.transpose(1, 2).shape != wanted.shape
        ),
    ),
    (
        "The rows of the batch have run together: expected is [B, L, H].",
        lambda gradient, wanted, grad, mask: (
            gradient.ndim == 3 and len(gradient) != len(wanted)
        ),
    ),
]


@exercise("3.3")
def mean_pool_gradient(answer: Answer) -> Verdict:
    """answer(grad_output, attention_mask) -> the gradient on token_embeddings.

    grad_output [B, H], the gradient on the masked means; attention_mask [B, L] of 0 and
    1, padding on either side, with a real token in each row -> [B, L, H], without
    autograd.

    Example: answer(torch.tensor([[6., 2.]]), torch.tensor([[1, 1, 0]]))
    -> tensor([[[3., 1.], [3., 1.], [0., 0.]]])
    """
    shapes = [([2, 5, 4], 6, 4, "right"), ([3, 7], 9, 5, "right")]
    shapes += [([4, 2, 3, 1], 4, 4, "right"), ([5, 2, 3], 5, 2, "left")]
    cases = []
    for seed, (lengths, length, size, side) in enumerate(shapes):
        _, mask = token_batch(lengths, length, size, side)
        hint = LEFT if side == "left" else ""
        cases.append(Case((decimals(len(lengths), size, seed=seed), mask), hint))
    return judge(
        answer,
        reference=mean_gradient,
        cases=cases,
        mistakes=GRADIENT_MISTAKES,
        signs=GRADIENT_SIGNS,
        praise="A token of a short sentence gets a larger share of the gradient than "
        "one of a long sentence.",
    )


HIDES = (
    "You hide NaN or infinity in real tokens, too (nan_to_num does). There it has to "
    "show: somebody must find it."
)


def filled(hidden: Tensor, mask: Tensor, bad: Tensor) -> Tensor:
    """The masked mean by a product, after the numbers that are `bad` became 0."""
    return product(hidden.masked_fill(bad, 0), mask) / count(mask).clamp(min=1)


NAN_SAFE_MISTAKES = [
    (
        "0 · NaN is NaN, and 0 · inf too: a product cannot remove padding. Replace it "
        "with masked_fill or where.",
        lambda hidden, mask: product(hidden, mask) / count(mask).clamp(min=1),
    ),
    (HIDES, lambda hidden, mask: filled(hidden, mask, ~hidden.isfinite())),
    (HIDES, lambda hidden, mask: pooling.mean_pool(hidden.nan_to_num(), mask)),
    (
        "You repaired the result. It is too late there: NaN in padding has swallowed "
        "the real tokens. Replace padding before you sum.",
        lambda hidden, mask: (product(hidden, mask) / count(mask)).nan_to_num(0, 0, 0),
    ),
    (
        "NaN is gone, infinity is not: 0 · inf is NaN. Replace all padding, whatever "
        "it holds.",
        lambda hidden, mask: filled(hidden, mask, hidden.isnan()),
    ),
    (
        "Infinity is gone, NaN is not: 0 · NaN is NaN. Replace all padding, whatever "
        "it holds.",
        lambda hidden, mask: filled(hidden, mask, hidden.isinf()),
    ),
    (
        "NaN in a real token must show, and nanmean hides it. Replace padding alone.",
        lambda hidden, mask: hidden.masked_fill(mask.unsqueeze(-1) == 0, NAN).nanmean(
            1
        ),
    ),
    (
        "You replaced padding with 0, and then divided by L: divide by nᵢ.",
        lambda hidden, mask: hidden.masked_fill(mask.unsqueeze(-1) == 0, 0).mean(1),
    ),
    (
        "You replaced padding with 0, but did not divide: that is the sum.",
        lambda hidden, mask: hidden.masked_fill(mask.unsqueeze(-1) == 0, 0).sum(1),
    ),
    (
        "You replaced the real tokens: masked_fill fills where its mask is True, so it "
        "takes attention_mask == 0.",
        lambda hidden, mask: (
            hidden.masked_fill(mask.unsqueeze(-1) == 1, 0).sum(1) / count(mask)
        ),
    ),
    (
        "The mask needs a third axis: unsqueeze(-1) makes it [B, L, 1], one number a "
        "token.",
        lambda hidden, mask: hidden.masked_fill(mask == 0, 0).sum(1) / count(mask),
    ),
    (
        "That is the plain mean over all L positions: padding is in.",
        lambda hidden, mask: hidden.mean(1),
    ),
    (LEFT, first_columns),
]


def poisoned(poison: float, side: str, at_padding: bool = True) -> tuple:
    """A batch whose padding holds `poison`, or one number of a real token does."""
    hidden, mask = token_batch([6, 2, 3], 6, 4, side, seed=7)
    if at_padding:
        hidden[mask == 0] = poison
    else:
        column = 0 if side == "right" else -1  # real in every row
        hidden[0, column, 1] = poison
    return hidden, mask


@exercise("3.4")
def nan_safe_mean_pool(answer: Answer) -> Verdict:
    """answer(token_embeddings, attention_mask) -> masked means, whatever padding holds.

    Shapes as in 3.1. NaN or infinity in padding has no effect; in a real token it must
    still show in that row, since there somebody has to find it.

    Example: answer(torch.tensor([[[1.], [3.], [float("nan")]]]),
    torch.tensor([[1, 1, 0]])) -> tensor([[2.]])
    """
    empty, none = poisoned(NAN, "right")
    none[1] = 0
    cases = [
        Case(token_batch([2, 5, 4], 6, 4)),
        Case(token_batch([3, 7], 9, 5, seed=1)),
        Case(poisoned(NAN, "right")),
        Case(poisoned(INFINITY, "right")),
        Case(poisoned(-INFINITY, "right")),
        *(Case(poisoned(bad, "right", False), HIDES) for bad in (NAN, INFINITY)),
        Case(poisoned(-INFINITY, "left", False), HIDES),
        Case(poisoned(NAN, "left"), LEFT),
        Case(
            (empty, none),
            "A row without real tokens must give zeros, whatever its padding holds: "
            "clamp the count, so that it is at least 1.",
        ),
    ]
    return judge(
        answer,
        reference=pooling.mean_pool,
        cases=cases,
        mistakes=NAN_SAFE_MISTAKES,
        signs=MEAN_POOL_SIGNS,
        praise="Padding may hold anything now. What is wrong in a real token still "
        "comes out wrong, as it should.",
    )


Spans = list[tuple[int, int]]  # start and end of each, in tokens, end exclusive


def span_masks(hidden: Tensor, spans: Spans) -> Tensor:
    """One mask for each span: [S, L] of 0 and 1."""
    positions = torch.arange(len(hidden))
    return torch.stack([(s <= positions) & (positions < e) for s, e in spans]).long()


def span_mean_pool(token_embeddings: Tensor, spans: Spans) -> Tensor:
    """The text as many times as there are spans, each time with another mask."""
    masks = span_masks(token_embeddings, spans)
    return pooling.mean_pool(token_embeddings.expand(len(spans), -1, -1), masks)


def each(vector: Callable[[Tensor, int, int], Tensor]) -> Answer:
    """An answer that takes vector(token_embeddings, start, end) of each span."""
    return lambda hidden, spans: torch.stack([vector(hidden, s, e) for s, e in spans])


def span_sums(hidden: Tensor, spans: Spans) -> Tensor:
    return span_masks(hidden, spans).to(hidden.dtype) @ hidden


def one_span_a_token(hidden: Tensor, spans: Spans) -> Tensor:
    """Means by a list that says for each token which span it is in: the last one."""
    owner = torch.full((len(hidden),), -1)
    for i, (start, end) in enumerate(spans):
        owner[start:end] = i
    return torch.stack([hidden[owner == i].mean(0) for i in range(len(spans))])


def outside(hidden: Tensor, spans: Spans) -> Tensor:
    """The mean of what is not in the span."""
    masks = 1 - span_masks(hidden, spans)
    return pooling.mean_pool(hidden.expand(len(spans), -1, -1), masks)


EXCLUSIVE = "`end` is exclusive: the span (1, 3) holds the tokens 1 and 2."
MASK_TYPE = (
    "A matrix product takes no mask of True and False or of whole numbers: give it the "
    "type of the vectors, .to(token_embeddings.dtype)."
)
OVERLAP = (
    "Spans may overlap, as a window that slides does, and then a token is in several: "
    "give each span a mask of its own."
)
SPAN_MISTAKES = [
    (
        f"{EXCLUSIVE} You took the token at `end` as well.",
        each(lambda hidden, s, e: hidden[s : e + 1].mean(0)),
    ),
    (
        f"{EXCLUSIVE} The token at `end` is in your sum.",
        each(lambda hidden, s, e: hidden[s : e + 1].sum(0) / (e - s)),
    ),
    (
        f"{EXCLUSIVE} So there are end − start tokens in it, and no + 1.",
        each(lambda hidden, s, e: hidden[s:e].sum(0) / (e - s + 1)),
    ),
    (
        f"{EXCLUSIVE} Python's slices end before `end` by themselves: without − 1.",
        each(lambda hidden, s, e: hidden[s : e - 1].mean(0)),
    ),
    (
        "The first token of each span is missing: `start` belongs to it.",
        each(lambda hidden, s, e: hidden[s + 1 : e].mean(0)),
    ),
    (
        "The first token of each span is missing from your sum. If you took the "
        "difference of cumulative sums: put a row of zeros in front of them.",
        each(lambda hidden, s, e: hidden[s + 1 : e].sum(0) / (e - s)),
    ),
    (
        "You are one token late. cumsum[k] holds token k already: put a row of zeros "
        "in front of the cumulative sums.",
        each(lambda hidden, s, e: hidden[s + 1 : e + 1].sum(0) / (e - s)),
    ),
    (
        "You are one token early: positions count from 0.",
        each(lambda hidden, s, e: hidden[s - 1 : e - 1].mean(0)),
    ),
    (
        "A span that starts at 0 goes wrong: cumsum[-1] is the sum of the whole text. "
        "Put a row of zeros in front of the cumulative sums.",
        each(
            lambda hidden, s, e: (
                (hidden.cumsum(0)[e - 1] - hidden.cumsum(0)[s - 1]) / (e - s)
            )
        ),
    ),
    (
        "You divided by L, the length of the whole text. Divide by the tokens of the "
        "span, end − start.",
        each(lambda hidden, s, e: hidden[s:e].sum(0) / len(hidden)),
    ),
    (
        "You divided by `end`. The span has end − start tokens.",
        each(lambda hidden, s, e: hidden[s:e].sum(0) / e),
    ),
    (
        "You divided by the number of spans. Each span has its own count, end − start.",
        lambda hidden, spans: span_sums(hidden, spans) / len(spans),
    ),
    ("That is the sum of each span: divide by its count, end − start.", span_sums),
    (
        "You ignored `start`: that is the mean of everything before `end`.",
        each(lambda hidden, s, e: hidden[:e].mean(0)),
    ),
    (
        "You summed from the beginning of the text: the sum starts at `start`.",
        each(lambda hidden, s, e: hidden[:e].sum(0) / (e - s)),
    ),
    (
        "You ignored `end`: that is the mean of everything from `start` on.",
        each(lambda hidden, s, e: hidden[s:].mean(0)),
    ),
    (
        "The second number says where a span ends, not how long it is.",
        each(lambda hidden, s, e: hidden[s : s + e].mean(0)),
    ),
    ("That is the mean of what is outside the span: turn your mask round.", outside),
    (
        "That is the mean of the whole text, each time.",
        each(lambda hidden, s, e: hidden.mean(0)),
    ),
    (
        "You divided by the tokens of all spans. Each span has its own count.",
        lambda hidden, spans: (
            span_sums(hidden, spans) / span_masks(hidden, spans).sum()
        ),
    ),
    (
        "The count needs a second axis, [number of spans, 1]: sum(1, keepdim=True). "
        "Without it, it is stretched along the wrong axis, or does not fit.",
        lambda hidden, spans: (
            span_sums(hidden, spans) / span_masks(hidden, spans).sum(1)
        ),
    ),
    (
        "The count is summed over the wrong axis. The masks are [number of spans, L]: "
        "count the tokens, with sum(1, keepdim=True).",
        lambda hidden, spans: (
            span_sums(hidden, spans) / span_masks(hidden, spans).sum(0)
        ),
    ),
    (
        "The masks are the wrong way round for the product: [number of spans, L] @ "
        "[L, H].",
        lambda hidden, spans: span_masks(hidden, spans).T.to(hidden.dtype) @ hidden,
    ),
    (
        "The masks need a third axis for this product: unsqueeze(-1) makes them "
        "[number of spans, L, 1].",
        lambda hidden, spans: hidden * span_masks(hidden, spans),
    ),
    (MASK_TYPE, lambda hidden, spans: span_masks(hidden, spans) @ hidden),
    (MASK_TYPE, lambda hidden, spans: span_masks(hidden, spans).bool() @ hidden),
    (
        "You averaged the numbers of each vector. Average the tokens: axis 0 of a "
        "slice.",
        each(lambda hidden, s, e: hidden[s:e].mean(-1)),
    ),
    (
        "You divided by the square root of the count. Divide by the count.",
        each(lambda hidden, s, e: hidden[s:e].sum(0) / (e - s) ** 0.5),
    ),
    (
        "You scaled the means to length 1. Return the means themselves.",
        each(lambda hidden, s, e: nn.functional.normalize(hidden[s:e].mean(0), dim=0)),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        each(lambda hidden, s, e: hidden[s:e].sum(0) // (e - s)),
    ),
    (
        "That is the largest value of each dimension. Take the mean.",
        each(lambda hidden, s, e: hidden[s:e].amax(0)),
    ),
    (
        "That is the first token of each span. Take the mean of all.",
        each(lambda hidden, s, e: hidden[s]),
    ),
    (
        "That is the last token of each span. Take the mean of all.",
        each(lambda hidden, s, e: hidden[e - 1]),
    ),
    (
        "That is the mean of two tokens, the first and the last. Take all between.",
        each(lambda hidden, s, e: (hidden[s] + hidden[e - 1]) / 2),
    ),
    (
        "The rows are in another order: row i is for spans[i].",
        lambda hidden, spans: span_mean_pool(hidden, sorted(spans)),
    ),
    (f"Later spans take tokens away from earlier ones. {OVERLAP}", one_span_a_token),
    (
        f"Earlier spans take tokens away from later ones. {OVERLAP}",
        lambda hidden, spans: one_span_a_token(hidden, spans[::-1]).flip(0),
    ),
]
SPAN_SIGNS = [
    (
        "That is the first span alone: does the loop end at once, with `return` in it?",
        lambda means, wanted, hidden, spans: (
            len(spans) > 1 and same(means.reshape(-1), wanted[0])
        ),
    ),
    (
        "That is the last span alone: collect the vectors of all, in a list, and stack "
        "them.",
        lambda means, wanted, hidden, spans: (
            len(spans) > 1 and same(means.reshape(-1), wanted[-1])
        ),
    ),
    (
        "torch.cat made one long row of the means: torch.stack puts each on its own.",
        lambda means, wanted, hidden, spans: (
            len(spans) > 1 and same(means, wanted.reshape(-1))
        ),
    ),
    (
        "That is one vector. Expected is one for each span, [number of spans, H].",
        lambda means, wanted, hidden, spans: means.shape == hidden.shape[1:],
    ),
    (
        "That is one number for each span. Average over the tokens alone: mean(0) of "
        "a slice.",
        lambda means, wanted, hidden, spans: means.shape == (len(spans),),
    ),
    (
        "The axes are swapped: expected is [number of spans, H].",
        lambda means, wanted, hidden, spans: (
            means.shape == wanted.T.shape != wanted.shape
        ),
    ),
    (
        "An axis is left: expected is [number of spans, H].",
        lambda means, wanted, hidden, spans: (
            means.ndim == 3 and means.squeeze().shape == wanted.squeeze().shape
        ),
    ),
    (
        "The tokens are still there: sum over L, so that [number of spans, H] remains.",
        lambda means, wanted, hidden, spans: (
            means.ndim == 3 and means.shape[1:] == hidden.shape
        ),
    ),
    (
        "A row is missing. A span without tokens has one, too, of zeros: row i is for "
        "spans[i].",
        lambda means, wanted, hidden, spans: (
            means.ndim == 2
            and len(means) < len(spans)
            and means.shape[1:] == hidden[0].shape
        ),
    ),
]


def span_cases() -> list[Case]:
    """Ordinary ones first: neighbors, then to both ends of the text; half last."""
    halves = torch.arange(14).remainder(5).view(7, 2).half()
    return [
        Case((decimals(9, 3) + 1, [(1, 3), (3, 7)])),
        Case((decimals(6, 5, seed=1) + 1, [(0, 2), (2, 3), (3, 6)])),
        # As many spans as H: a count without its second axis does not even raise.
        Case((decimals(8, 3, seed=2) + 1, [(0, 2), (2, 3), (3, 7)])),
        Case(
            (decimals(7, 4, seed=3) + 1, [(2, 5)]),
            "One span goes wrong: it gives one row, [1, H].",
        ),
        Case(
            (decimals(8, 8, seed=4) + 1, [(6, 8), (0, 2), (3, 6)]),
            "Spans may come in any order, and leave tokens out: row i is for spans[i].",
        ),
        Case((decimals(8, 4, seed=5) + 1, [(0, 5), (3, 7), (1, 2)]), OVERLAP),
        Case(
            (decimals(6, 4, seed=6) + 1, [(1, 3), (4, 4), (4, 6)]),
            "A span without tokens, such as (4, 4), must give zeros, not 0/0: clamp "
            "the count, so that it is at least 1.",
        ),
        Case(
            (halves, [(0, 2), (2, 6)]),
            "In half precision it goes wrong: sum and count in float32, and convert "
            "the result at the end.",
        ),
    ]


@exercise("3.5")
def span_means(answer: Answer) -> Verdict:
    """answer(token_embeddings, spans) -> the mean of each span's tokens.

    token_embeddings [L, H] of one text, decimals; spans, a list of pairs of positions
    (start, end), end exclusive -> [number of spans, H] in the type of token_embeddings.
    Spans may overlap, leave tokens out and come in any order; one without tokens gives
    zeros.

    Example: answer(torch.tensor([[9.], [2.], [4.], [6.]]), [(1, 3), (2, 4)])
    -> tensor([[3.], [5.]])
    """
    return judge(
        answer,
        reference=span_mean_pool,
        cases=span_cases(),
        mistakes=SPAN_MISTAKES,
        signs=SPAN_SIGNS,
        praise="One reading of the text, and as many vectors as you have spans: that "
        "is late chunking.",
    )
