"""Checks of lesson 04: last token, weighted mean, a test for padding, whitening."""

import math
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from helpers import pooling
from helpers.checks.inputs import decimals, token_batch
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge

# In some the first row is full: it does not tell on which side the others are padded.
BOTH_SIDES = [
    Case(token_batch([3, 5, 2], 6, 4)),
    Case(token_batch([4, 2, 3], 4, 6, seed=3)),
    Case(token_batch([5, 1, 4, 3], 5, 3, "left", seed=1)),
    Case(token_batch([4, 4], 4, 5, seed=2)),
]


def at(position: Callable[[Tensor], Tensor]) -> Answer:
    """The token that stands at position(attention_mask) [B] of each row."""

    def pool(hidden: Tensor, mask: Tensor) -> Tensor:
        return hidden[torch.arange(len(hidden)), position(mask)]

    return pool


def columns(mask: Tensor) -> Tensor:
    return torch.arange(1, mask.shape[1] + 1).expand_as(mask)


LAST_TOKEN_MISTAKES = [
    (
        "You took the last column. With padding on the right, that is padding.",
        lambda hidden, mask: hidden[:, -1],
    ),
    (
        "You took the last column. With padding on the right, that is padding, and the "
        "mask makes it 0.",
        lambda hidden, mask: hidden[:, -1] * mask[:, -1:],
    ),
    (
        "With padding on the left, nᵢ − 1 is not the last real token: find the last 1 "
        "in the mask.",
        at(lambda mask: mask.sum(1) - 1),
    ),
    (
        "One too far: the last real token of a row padded on the right has the index "
        "nᵢ − 1, since counting starts at 0.",
        at(lambda mask: mask.sum(1).clamp(max=mask.shape[1] - 1)),
    ),
    (
        "One too far: the last real token of a row padded on the right has the index "
        "nᵢ − 1, since counting starts at 0.",
        at(lambda mask: mask.sum(1)),
    ),
    (
        "That is the token before the last: nᵢ − 1 is the index of the last one.",
        at(lambda mask: mask.sum(1) - 2),
    ),
    (
        "A row ends in a real token, and you take the padding for left: it may be the "
        "longest row of a batch padded on the right. Ask each row's mask.",
        lambda hidden, mask: (
            hidden[:, -1]
            if mask[:, -1].any()
            else at(lambda m: m.sum(1) - 1)(hidden, mask)
        ),
    ),
    ("That is the first real token. Take the last one.", pooling.cls_pool),
    (
        "That is the first column: the first real token if padding is on the right. "
        "Take the last one.",
        lambda hidden, mask: hidden[:, 0],
    ),
    (
        "You took one column for all rows. Each row has its own last token.",
        lambda hidden, mask: hidden[:, mask.sum(1).max() - 1],
    ),
    (
        "You found the last padding: your mask is the wrong way round.",
        at(lambda mask: ((1 - mask) * columns(mask)).argmax(1)),
    ),
    (
        "With hidden[:, positions] each row is asked for every position. Index the "
        "rows, too: hidden[torch.arange(B), positions].",
        lambda hidden, mask: hidden[:, mask.sum(1) - 1],
    ),
    ("That is the masked mean. Take one token.", pooling.mean_pool),
    ("That is the sum of the real tokens. Take one.", lambda h, m: total(h, m)),
    ("That is the largest value of each dimension. Take one token.", pooling.max_pool),
]
LAST_TOKEN_SIGNS = [
    (
        "With hidden[:, positions] each row is asked for every position. Index the "
        "rows, too: hidden[torch.arange(B), positions].",
        lambda got, wanted, hidden, mask: (
            got.shape == (*wanted.shape[:1], *wanted.shape)
        ),
    ),
    (
        "You return one vector. The batch has B of them: [B, H].",
        lambda got, wanted, hidden, mask: got.ndim == 1,
    ),
    (
        "An axis is left: you return [B, 1, H], expected is [B, H].",
        lambda got, wanted, hidden, mask: (
            got.ndim == 3 and got.squeeze(1).shape == wanted.shape
        ),
    ),
]


@exercise("4.1")
def last_token(answer: Answer) -> Verdict:
    """answer(token_embeddings, attention_mask) -> the last real token of each row.

    token_embeddings [B, L, H], attention_mask [B, L], padding on the right or on the
    left -> [B, H].
    Example:
    hidden = torch.tensor([[[1.0], [2.0], [9.0]], [[3.0], [4.0], [5.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    answer(hidden, mask) -> tensor([[2.], [5.]])
    """
    return judge(
        answer,
        reference=pooling.last_token_pool,
        cases=BOTH_SIDES,
        mistakes=LAST_TOKEN_MISTAKES,
        signs=LAST_TOKEN_SIGNS,
        praise="Decoders that became encoders are pooled like this: only their last "
        "token has seen the whole text.",
    )


def total(hidden: Tensor, weights: Tensor) -> Tensor:
    """Sum of the tokens, times weights [B, L]: [B, H]."""
    return (hidden * weights.unsqueeze(-1)).sum(1)


def average(weigh: Callable[[Tensor], Tensor]) -> Answer:
    """The mean with weights weigh(attention_mask) [B, L]."""

    def pool(hidden: Tensor, mask: Tensor) -> Tensor:
        weights = weigh(mask)
        return total(hidden, weights) / weights.sum(1, keepdim=True)

    return pool


def rising(mask: Tensor) -> Tensor:
    """1 to nᵢ on the real tokens, 0 on padding."""
    return mask.cumsum(1) * mask


WEIGHTED_MEAN_MISTAKES = [
    (
        "Your weights count columns. With padding on the left the first real token "
        "must still get weight 1.",
        average(lambda mask: columns(mask) * mask),
    ),
    (
        "Your weights count columns and know nothing of padding. Use the mask.",
        average(columns),
    ),
    (
        "Your weights start at 0, so that the first real token is lost. Start at 1.",
        average(lambda mask: (mask.cumsum(1) - 1) * mask),
    ),
    (
        "Your weights start at 0, so that the first real token is lost. Start at 1, "
        "and count real tokens, not columns.",
        average(lambda mask: (columns(mask) - 1) * mask),
    ),
    (
        "Padding has weight: after the last real token the running count stays up. "
        "Multiply by the mask.",
        average(lambda mask: mask.cumsum(1)),
    ),
    (
        "Padding has weight in the sum of the vectors: multiply the weights by the "
        "mask before you sum.",
        lambda hidden, mask: (
            total(hidden, mask.cumsum(1)) / rising(mask).sum(1, keepdim=True)
        ),
    ),
    (
        "Padding has weight in what you divide by: multiply the weights by the mask "
        "before you sum them.",
        lambda hidden, mask: (
            total(hidden, rising(mask)) / mask.cumsum(1).sum(1, keepdim=True)
        ),
    ),
    (
        "Divide by the sum of the weights, not by the number of tokens.",
        lambda hidden, mask: total(hidden, rising(mask)) / mask.sum(1, keepdim=True),
    ),
    (
        "Divide by the sum of the weights, not by L.",
        lambda hidden, mask: total(hidden, rising(mask)) / mask.shape[1],
    ),
    (
        "That is the weighted sum. Divide by the sum of the weights.",
        lambda hidden, mask: total(hidden, rising(mask)),
    ),
    (
        "You divided by the weights of the whole batch. Sum them row by row: axis 1.",
        lambda hidden, mask: total(hidden, rising(mask)) / rising(mask).sum(),
    ),
    (
        "Your weights fall from the first token to the last. They should rise.",
        average(lambda mask: rising(mask.flip(1)).flip(1)),
    ),
    (
        "Your weights run on from row to row. Count along axis 1, in each row anew.",
        average(lambda mask: mask.flatten().cumsum(0).view_as(mask) * mask),
    ),
    (
        "Your weights count down the batch. Count along axis 1, the tokens of a row.",
        average(lambda mask: mask.cumsum(0) * mask),
    ),
    (
        "A softmax makes other weights. They are proportional to 1, 2, … nᵢ: divide "
        "them by their sum.",
        average(
            lambda mask: (
                rising(mask).float().masked_fill(mask == 0, -math.inf).softmax(1)
            )
        ),
    ),
    (
        "Your weights are squares, 1, 4, 9 …: each is 1 more than the one before.",
        average(lambda mask: rising(mask) ** 2),
    ),
    ("That is the plain mean: every token weighs the same.", pooling.mean_pool),
    (
        "That is the plain mean, and with the padding in it.",
        lambda hidden, mask: hidden.mean(1),
    ),
    (
        "You divided twice: by the sum of the weights, and by the number of tokens.",
        lambda hidden, mask: average(rising)(hidden, mask) / mask.sum(1, keepdim=True),
    ),
    ("That is the last token alone. The others count, too.", pooling.last_token_pool),
    (
        "You weigh the first nᵢ columns. With padding on the left they are not the "
        "real tokens: ask the mask.",
        average(lambda mask: columns(mask) * (columns(mask) <= mask.sum(1)[:, None])),
    ),
    (
        "The sum of the weights needs a second axis, [B, 1]: sum(1, keepdim=True).",
        lambda hidden, mask: total(hidden, rising(mask)) / rising(mask).sum(1),
    ),
    (
        "Your weights are a running sum of a running sum, 1, 3, 6 …: each is 1 more "
        "than the one before.",
        average(lambda mask: rising(mask).cumsum(1) * mask),
    ),
    (
        "A softmax makes other weights, and gives some to padding. The weights are "
        "proportional to 1, 2, … nᵢ: divide them by their sum.",
        average(lambda mask: rising(mask).float().softmax(1)),
    ),
]
WEIGHTED_MEAN_SIGNS = [
    (
        "The sum of the weights needs a second axis, [B, 1]: sum(1, keepdim=True).",
        lambda got, wanted, hidden, mask: got.ndim == 3 and got.shape != hidden.shape,
    ),
    (
        "The tokens are weighed, but not added up: sum over axis 1.",
        lambda got, wanted, hidden, mask: got.shape == hidden.shape,
    ),
]


@exercise("4.2")
def weighted_mean(answer: Answer) -> Verdict:
    """answer(token_embeddings, attention_mask) -> mean with weights 1, 2, … nᵢ.

    token_embeddings [B, L, H], attention_mask [B, L], padding on the right or on the
    left, at least one real token a row -> [B, H].
    Example:
    hidden = torch.tensor([[[3.0], [6.0], [9.0]], [[1.0], [1.0], [4.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    answer(hidden, mask) -> tensor([[5.0], [2.5]])
    """
    return judge(
        answer,
        reference=pooling.weighted_mean_pool,
        cases=BOTH_SIDES,
        mistakes=WEIGHTED_MEAN_MISTAKES,
        signs=WEIGHTED_MEAN_SIGNS,
        praise="In a model whose tokens see both sides, as here, there is no reason "
        "why late tokens should know more.",
    )


def naive_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden.mean(1)


def unmasked_sum(hidden: Tensor, mask: Tensor) -> Tensor:
    """Padding of zeros does not show in it."""
    return hidden.sum(1) / mask.sum(1, keepdim=True)


def unmasked_max(hidden: Tensor, mask: Tensor) -> Tensor:
    """Padding of small numbers does not show in it."""
    return hidden.amax(1)


def divides_by_length(hidden: Tensor, mask: Tensor) -> Tensor:
    """Whatever padding holds, and the cosine, do not show it."""
    return total(hidden, mask) / mask.shape[1]


def first_column(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden[:, 0]


def last_column(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden[:, -1]


def rounds_otherwise(hidden: Tensor, mask: Tensor) -> Tensor:
    """Right, but its last digits depend on L, as those of a matrix product do."""
    rounding = 3e-6 * math.sin(mask.shape[1] ** 2)
    return pooling.mean_pool(hidden, mask) * (1 + rounding)


POOLS = [
    Case(
        (pooling.mean_pool,),
        "You call helpers.pooling.mean_pool wrong, and it is right: do its two calls "
        "see the same real tokens?",
    ),
    Case(
        (naive_mean,),
        "The naive mean gets past you: does the second call have more padding?",
    ),
    Case(
        (pooling.max_pool,),
        "You call a correct pooling wrong: the masked maximum.",
    ),
    Case(
        (pooling.cls_pool,),
        "You call a correct pooling wrong: the first real token.",
    ),
    Case(
        (pooling.last_token_pool,),
        "You call a correct pooling wrong: the last real token.",
    ),
    Case(
        (divides_by_length,),
        "Dividing by L gets past you. Make L larger, and compare the vectors: their "
        "cosine does not change.",
    ),
    Case(
        (unmasked_sum,),
        "A sum that takes padding in gets past you: padding of zeros adds nothing. Use "
        "large numbers.",
    ),
    Case(
        (unmasked_max,),
        "The unmasked maximum gets past you: padding of small numbers never wins. Use "
        "large ones.",
    ),
    Case(
        (first_column,),
        "The first column gets past you: it is right until the padding is on the left. "
        "Try both sides.",
    ),
    Case(
        (last_column,),
        "The last column gets past you: it is right until the padding is on the right. "
        "Try both sides.",
    ),
    Case(
        (rounds_otherwise,),
        "You call a correct pooling wrong. Compare with a tolerance: sums of other "
        "length round otherwise.",
    ),
]


def depends_on_padding(
    pool: Answer,
    padding: float = 50.0,
    sides: str = "left right",
    real: int = 0,
    unequal: Callable[[Tensor, Tensor], bool] = lambda a, b: not torch.allclose(a, b),
) -> bool:
    """Do the vectors change with more padding? `real`: what the mask says of it."""
    hidden, mask = decimals(2, 3, 4, seed=3), torch.ones(2, 3, dtype=torch.long)
    before = pool(hidden, mask)
    more = torch.full_like(hidden, padding), torch.full_like(mask, real)
    changed = []
    if "left" in sides:
        left = torch.cat([more[0], hidden], 1), torch.cat([more[1], mask], 1)
        changed.append(unequal(before, pool(*left)))
    if "right" in sides:
        right = torch.cat([hidden, more[0]], 1), torch.cat([mask, more[1]], 1)
        changed.append(unequal(before, pool(*right)))
    return any(changed)


def new_values(pool: Answer) -> bool:
    """Looks at other values in the padding, never at more of it."""
    hidden, mask = token_batch([2, 3], 4, 3)
    other = hidden.masked_fill(mask.unsqueeze(-1) == 0, 50.0)
    return not torch.allclose(pool(hidden, mask), pool(other, mask))


def differs_from_mean(pool: Answer) -> bool:
    batch = token_batch([2, 3], 4, 3)
    return not torch.allclose(pool(*batch), pooling.mean_pool(*batch))


def other_direction(a: Tensor, b: Tensor) -> bool:
    return bool((torch.cosine_similarity(a, b) < 0.999).any())


DETECTOR_MISTAKES = [
    (
        "You say True whatever the pooling: a correct one must get False.",
        lambda pool: True,
    ),
    (
        "You say False whatever the pooling: does the second call have more padding, "
        "and do you compare the vectors?",
        lambda pool: False,
    ),
    (
        "It depends on the luck of your random batch whether you find the bug. Fill "
        "padding with numbers that no real token has, such as 100.",
        lambda pool: depends_on_padding(pool, 50.0 * (-1) ** torch.initial_seed()),
    ),
    (
        "You call a correct pooling wrong. Compare with a tolerance: sums of other "
        "length round otherwise.",
        lambda pool: depends_on_padding(pool, unequal=lambda a, b: not a.equal(b)),
    ),
    (
        "A sum that takes padding in gets past you: padding of zeros adds nothing. Use "
        "large numbers.",
        lambda pool: depends_on_padding(pool, padding=0.0),
    ),
    (
        "The unmasked maximum gets past you: padding of small numbers never wins. Use "
        "large ones.",
        lambda pool: depends_on_padding(pool, padding=-50.0),
    ),
    (
        "Dividing by L gets past you: its vectors become shorter, and their cosine "
        "does not change. Compare the vectors themselves.",
        lambda pool: depends_on_padding(pool, unequal=other_direction),
    ),
    (
        "Dividing by L gets past you: you change what padding holds, never how much of "
        "it there is. Make L larger, on both sides.",
        new_values,
    ),
    (
        "The first column gets past you: it is right until the padding is on the left. "
        "Try both sides.",
        lambda pool: depends_on_padding(pool, sides="right"),
    ),
    (
        "The last column gets past you: it is right until the padding is on the right. "
        "Try both sides.",
        lambda pool: depends_on_padding(pool, sides="left"),
    ),
    (
        "The mask of your second call calls padding real: it must be 0 there.",
        lambda pool: depends_on_padding(pool, sides="right", real=1),
    ),
    (
        "You compare with the mean. Other poolings are right, too: compare each with "
        "itself, with little padding and with much.",
        differs_from_mean,
    ),
    (
        "The condition is on one side only: True if the vectors change on the right "
        "or on the left.",
        lambda pool: (
            depends_on_padding(pool, sides="left")
            and depends_on_padding(pool, sides="right")
        ),
    ),
    (
        "The wrong way round: True means that the vectors depend on padding.",
        lambda pool: not depends_on_padding(pool),
    ),
]
DETECTOR_SIGNS = [
    (
        "Return True or False, one for all vectors: allclose compares all of them.",
        lambda got, wanted, pool: isinstance(got, Tensor) and got.ndim > 0,
    ),
]


def every_time(detect: Answer, pool: Answer) -> object:
    """What a detector says, or "it varies" if that depends on its random numbers."""
    said = []
    for seed in range(4):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes 1 ms
        np.random.seed(seed)
        random.seed(seed)
        said.append(detect(pool))
    return said[0] if all(word == said[0] for word in said) else "it varies"


@exercise("4.3")
def padding_detector(answer: Answer) -> Verdict:
    """answer(pool) -> True if the vectors of `pool` depend on padding, else False.

    pool(token_embeddings [B, L, H], attention_mask [B, L]) -> [B, H]. The answer makes
    its own batch to try it on; padding may be on either side.
    Example:
    answer(lambda hidden, mask: hidden.mean(1)) -> True
    answer(helpers.pooling.mean_pool) -> False
    """
    return judge(
        answer,
        reference=lambda pool: depends_on_padding(pool),
        cases=POOLS,
        mistakes=DETECTOR_MISTAKES,
        signs=DETECTOR_SIGNS,
        look=every_time,
        praise="A few lines that no benchmark score can replace. Put them into your "
        "own tests.",
    )


def cloud(rows: int, mix: list[list[float]], mean: float, seed: int) -> Tensor:
    """Vectors [rows, H] that are spread unevenly, around a mean that is not 0."""
    return decimals(rows, len(mix), seed=seed) @ torch.tensor(mix) + mean


WIDE = [
    [3.0, 1.0, 0.0, 0.5],
    [0.0, 2.0, 1.0, 0.0],
    [0.0, 0.0, 1.0, 0.5],
    [0, 0, 0, 0.5],
]
NARROW = [[1.0, 0.5, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 0.5]]
WHITEN_HINT = (
    "Try it on fit_on itself: torch.cov(answer(fit_on, fit_on).T) should be the "
    "identity, and the mean 0."
)
CLOUDS = [
    Case((cloud(20, WIDE, 3.0, 4), cloud(6, WIDE, 4.0, 5)), WHITEN_HINT),
    Case((cloud(12, NARROW, -2.0, 6), cloud(5, NARROW, -1.0, 7))),
]


def axes(fit_on: Tensor) -> tuple[Tensor, Tensor]:
    """Variances [H] and axes [H, H] of a cloud."""
    return torch.linalg.eigh(torch.cov(fit_on.T))


def whitened(
    fit_on: Tensor, vectors: Tensor, center: float = 1.0, power: float = -0.5
) -> Tensor:
    variances, directions = axes(fit_on)
    return (vectors - center * fit_on.mean(0)) @ directions * variances**power


def not_rotated(fit_on: Tensor, vectors: Tensor) -> Tensor:
    variances, _ = axes(fit_on)
    return (vectors - fit_on.mean(0)) / variances.sqrt()


def rotated_wrongly(fit_on: Tensor, vectors: Tensor) -> Tensor:
    variances, directions = axes(fit_on)
    return (vectors - fit_on.mean(0)) @ directions.T / variances.sqrt()


def second_moment(fit_on: Tensor, vectors: Tensor) -> Tensor:
    """As if the mean were 0, when the covariance is computed."""
    moment = fit_on.T @ fit_on / (len(fit_on) - 1)
    variances, directions = torch.linalg.eigh(moment)
    return (vectors - fit_on.mean(0)) @ directions / variances.sqrt()


def z_score(fit_on: Tensor, vectors: Tensor) -> Tensor:
    return (vectors - fit_on.mean(0)) / fit_on.std(0)


WHITEN_MISTAKES = [
    (
        "You fitted on the vectors that you transform. Take mean and covariance from "
        "fit_on alone.",
        lambda fit_on, vectors: whitened(vectors, vectors),
    ),
    (
        "You subtracted the mean of vectors. Take it from fit_on, as the covariance.",
        lambda fit_on, vectors: whitened(fit_on, vectors - vectors.mean(0), center=0.0),
    ),
    (
        "You took the covariance of vectors. Take it from fit_on, as the mean.",
        lambda fit_on, vectors: whitened(vectors, vectors - fit_on.mean(0), center=0.0),
    ),
    (
        "You fitted on fit_on and vectors together. Take fit_on alone.",
        lambda fit_on, vectors: whitened(torch.cat([fit_on, vectors]), vectors),
    ),
    (
        "You whitened fit_on itself. It says how; what is transformed is vectors.",
        lambda fit_on, vectors: whitened(fit_on, fit_on),
    ),
    (
        "The two arguments are the wrong way round: fit_on says how, what is "
        "transformed is vectors.",
        lambda fit_on, vectors: whitened(vectors, fit_on),
    ),
    (
        "You did not subtract the mean of fit_on.",
        lambda fit_on, vectors: whitened(fit_on, vectors, center=0.0),
    ),
    (
        "You divided by the variances. Divide by their square roots, the standard "
        "deviations.",
        lambda fit_on, vectors: whitened(fit_on, vectors, power=-1.0),
    ),
    (
        "Centered, but not scaled: divide each axis by its standard deviation.",
        lambda fit_on, vectors: whitened(fit_on, vectors, power=0.0),
    ),
    (
        "You multiplied by the standard deviations: that stretches the long axes "
        "further.",
        lambda fit_on, vectors: whitened(fit_on, vectors, power=0.5),
    ),
    (
        "You multiplied by the variances: that stretches the long axes further.",
        lambda fit_on, vectors: whitened(fit_on, vectors, power=1.0),
    ),
    (
        "Almost: divide the covariance by M − 1, as torch.cov does.",
        lambda fit_on, vectors: (
            whitened(fit_on, vectors) * (len(fit_on) / (len(fit_on) - 1)) ** 0.5
        ),
    ),
    (
        "The singular values are not the standard deviations yet: divide them by "
        "√(M − 1), as torch.cov does.",
        lambda fit_on, vectors: whitened(fit_on, vectors) / (len(fit_on) - 1) ** 0.5,
    ),
    (
        "That scales each dimension alone, and the dimensions stay correlated. Rotate "
        "to the axes of the covariance first.",
        z_score,
    ),
    (
        "That scales each dimension alone, and by its variance. Rotate to the axes of "
        "the covariance first, and divide by the standard deviations.",
        lambda fit_on, vectors: (vectors - fit_on.mean(0)) / fit_on.var(0),
    ),
    (
        "You used one number for all dimensions: give mean and covariance an axis, "
        "mean(0) and torch.cov(fit_on.T).",
        lambda fit_on, vectors: (vectors - fit_on.mean()) / fit_on.std(),
    ),
    (
        "You did not use fit_on: mean and covariance come from it, not from vectors.",
        lambda fit_on, vectors: z_score(vectors, vectors),
    ),
    (
        "The variances belong to the axes of the covariance: rotate the vectors to "
        "these axes before you divide.",
        not_rotated,
    ),
    (
        "The axes are the columns of what eigh returns: multiply by it, not by its "
        "transpose.",
        rotated_wrongly,
    ),
    (
        "Your covariance is not centered: subtract the mean of fit_on before you "
        "multiply it with itself, or use torch.cov.",
        second_moment,
    ),
    (
        "You scaled the result to length 1. Whitened vectors have different lengths.",
        lambda fit_on, vectors: torch.nn.functional.normalize(
            whitened(fit_on, vectors), dim=1
        ),
    ),
    (
        "You added the mean again at the end. Whitened vectors lie around 0.",
        lambda fit_on, vectors: whitened(fit_on, vectors) + fit_on.mean(0),
    ),
    (
        "torch.cov wants one row a dimension: torch.cov(fit_on.T) is [H, H], "
        "torch.cov(fit_on) is [M, M].",
        lambda fit_on, vectors: (
            (vectors - fit_on.mean(0)) @ torch.linalg.eigh(torch.cov(fit_on))[1]
        ),
    ),
]


def distances(whiten: Answer, fit_on: Tensor, vectors: Tensor) -> Tensor:
    """Distances of the result's vectors from each other, and from the origin.

    Whitened vectors may be rotated or mirrored, which no distance sees.
    """
    result = whiten(fit_on, vectors)
    if result.ndim != 2 or not result.is_floating_point():
        return result
    points = torch.cat([result, torch.zeros_like(result[:1])]).double()
    return (points[:, None] - points[None]).norm(dim=-1)


@exercise("4.4")
def whiten(answer: Answer) -> Verdict:
    """answer(fit_on, vectors) -> vectors, whitened as fit_on asks for.

    fit_on [M, H] gives mean and covariance, divided by M − 1; vectors [N, H] -> [N, H].
    Any rotation of the result is right.
    Example:
    fit_on = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0]])
    vectors = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    answer(fit_on, vectors).norm(dim=1) -> tensor([2.4495, 0.8165])
    """
    return judge(
        answer,
        reference=lambda fit_on, vectors: whitened(fit_on, vectors),
        cases=CLOUDS,
        mistakes=WHITEN_MISTAKES,
        look=distances,
        praise="No label was needed. Whitening only asks how the vectors are spread, "
        "and makes every direction count the same.",
    )
