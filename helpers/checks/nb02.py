"""Checks of lesson 02: padding, what it costs, the mask in attention, positions."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from helpers import batching
from helpers.checks.inputs import decimals, mask
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge


def pad(rows: list[list[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    return batching.pad(rows, pad_id)


INFINITY = float("inf")


def padded(change: Callable[[Tensor, Tensor, int], tuple]) -> Answer:
    """The wrong answer that makes change(input_ids, attention_mask, pad_id) of it."""
    return lambda rows, pad_id: change(*batching.pad(rows, pad_id), pad_id)


PAD_BATCH_MISTAKES = [
    (
        "Your mask is 0 wherever the padding id stands. A real token may have that id "
        "too: use the lengths.",
        padded(lambda ids, real, pad_id: (ids, (ids != pad_id).long())),
    ),
    (
        "Your mask is 0 wherever an id is 0. A real token may have that id too, and "
        "padding another: use the lengths.",
        padded(lambda ids, real, pad_id: (ids, (ids != 0).long())),
    ),
    (
        "Your mask is 1 everywhere: padding has to be 0.",
        padded(lambda ids, real, pad_id: (ids, torch.ones_like(ids))),
    ),
    (
        "Your mask is 0 everywhere: real tokens have to be 1.",
        padded(lambda ids, real, pad_id: (ids, torch.zeros_like(ids))),
    ),
    (
        "Your mask is the wrong way round: 1 is for real tokens, 0 for padding.",
        padded(lambda ids, real, pad_id: (ids, 1 - real)),
    ),
    (
        "Your mask holds pad_id at the padding. It holds 0 there, whatever the id is.",
        padded(lambda ids, real, pad_id: (ids, real.masked_fill(real == 0, pad_id))),
    ),
    (
        "You padded on the left. Fill up on the right.",
        lambda rows, pad_id: batching.pad(rows, pad_id, side="left"),
    ),
    (
        "The ids are padded on the right, the mask on the left.",
        padded(lambda ids, real, pad_id: (ids, real.flip(1))),
    ),
    (
        "You padded with 0. Models have different padding ids: use pad_id.",
        lambda rows, pad_id: batching.pad(rows, 0),
    ),
    (
        "The two results are in the wrong order: first input_ids, then attention_mask.",
        padded(lambda ids, real, pad_id: (real, ids)),
    ),
    (
        "Two results are wanted: input_ids and attention_mask.",
        padded(lambda ids, real, pad_id: ids),
    ),
    (
        "The rows have changed their order. Row i of the result is row i of the input.",
        lambda rows, pad_id: batching.pad(sorted(rows, key=len), pad_id),
    ),
    (
        "The rows have changed their order. Row i of the result is row i of the input.",
        lambda rows, pad_id: batching.pad(sorted(rows, key=len)[::-1], pad_id),
    ),
]


def first(result: object) -> Tensor:
    """The tensor of ids, if there is one."""
    ids = result[0]
    if not isinstance(ids, Tensor) or ids.ndim != 2:
        raise TypeError
    return ids


PAD_BATCH_SIGNS = [
    (
        "You cut the rows to the shortest. Fill them up to the longest: no token may "
        "be lost.",
        lambda got, wanted, rows, pad_id: first(got).shape[1] == min(map(len, rows)),
    ),
    (
        "You padded to more than the longest row: that costs time, and brings nothing.",
        lambda got, wanted, rows, pad_id: first(got).shape[1] > wanted[0].shape[1],
    ),
    (
        "Your rectangle is narrower than the longest row: no token may be lost.",
        lambda got, wanted, rows, pad_id: first(got).shape[1] < wanted[0].shape[1],
    ),
]


@exercise("2.1")
def pad_batch(answer: Answer) -> Verdict:
    """answer(rows, pad_id) -> (input_ids, attention_mask), padded on the right.

    rows, a list of lists of ids; pad_id, the id to fill up with, which may occur as a
    real token, too -> two tensors of whole numbers (int64), [B, L], L the length of the
    longest row; the mask is 1 for real tokens, 0 for padding.

    Example: answer([[5, 6, 7], [8]], 0)
    -> tensor([[5, 6, 7], [8, 0, 0]]), tensor([[1, 1, 1], [1, 0, 0]])
    """
    return judge(
        answer,
        reference=pad,
        cases=[
            Case(([[11, 12, 13, 14], [15, 16], [17, 18, 19]], 0)),
            Case(([[21], [22, 23, 24, 25, 26]], 9)),
            # The padding id turns up as a real token too, as it does where a model pads
            # with its end-of-text token.
            Case(([[7, 30, 31, 7], [7, 32, 7, 33, 34, 7], [7, 7]], 7)),
            Case(([[0, 41, 0], [42, 0, 0, 43]], 5)),
            Case(([[51, 52, 53]], 1)),
        ],
        mistakes=PAD_BATCH_MISTAKES,
        signs=PAD_BATCH_SIGNS,
        praise="The mask comes from the lengths, never from the ids: that holds for "
        "every model, whatever it pads with.",
    )


def batches_of(lengths: Sequence[int], size: int) -> list[list[int]]:
    return [list(lengths[i : i + size]) for i in range(0, len(lengths), size)]


def wasted(
    lengths: Sequence[int], batch_size: int, total: Callable | None = None
) -> float:
    """Share of padding in batches of `lengths` as they come.

    total(batch) is how many tokens its rectangle holds; rows × longest row if not
    given.
    """
    batches = batches_of(lengths, batch_size)
    whole = sum(map(total or (lambda batch: max(batch) * len(batch)), batches))
    return 1 - sum(lengths) / whole


def sorted_waste(lengths: Sequence[int], batch_size: int) -> float:
    return wasted(sorted(lengths), batch_size)


def shares(lengths: Sequence[int], batch_size: int) -> list[float]:
    """Each batch's own share."""
    return [wasted(b, batch_size) for b in batches_of(sorted(lengths), batch_size)]


def padding_tokens(lengths: Sequence[int], batch_size: int) -> int:
    batches = batches_of(sorted(lengths), batch_size)
    return sum(max(batch) * len(batch) - sum(batch) for batch in batches)


def full_batches(lengths: Sequence[int], batch_size: int) -> list[int]:
    """The sorted lengths without a last batch that is not full."""
    return sorted(lengths)[: len(lengths) // batch_size * batch_size]


PADDING_SHARE_MISTAKES = [
    (
        "You did not sort by length first: neighbors of the same length are the whole "
        "point.",
        wasted,
    ),
    (
        "You sorted the longest first. Sort ascending: the batches, and the share, are "
        "others if the last batch is not full.",
        lambda lengths, size: wasted(sorted(lengths)[::-1], size),
    ),
    (
        "You averaged the shares of the batches. Long batches hold more tokens: add up "
        "tokens, divide once.",
        lambda lengths, size: sum(shares(lengths, size)) / len(shares(lengths, size)),
    ),
    (
        "You added the shares of the batches. Add up their tokens, and divide once.",
        lambda lengths, size: sum(shares(lengths, size)),
    ),
    (
        "That is the share of the last batch. Add up the tokens of all batches.",
        lambda lengths, size: shares(lengths, size)[-1],
    ),
    (
        "That is the share of the first batch. Add up the tokens of all batches.",
        lambda lengths, size: shares(lengths, size)[0],
    ),
    (
        "Return one share for all batches together, not a list.",
        shares,
    ),
    (
        "That is the share of real tokens: you want the others.",
        lambda lengths, size: 1 - sorted_waste(lengths, size),
    ),
    (
        "You divided by the real tokens. A share divides by all tokens, padding "
        "included.",
        lambda lengths, size: padding_tokens(lengths, size) / sum(lengths),
    ),
    (
        "That is how often all tokens hold the real ones. A share is 0 to 1.",
        lambda lengths, size: 1 / (1 - sorted_waste(lengths, size)),
    ),
    (
        "That is a percentage: return a share from 0 to 1.",
        lambda lengths, size: 100 * sorted_waste(lengths, size),
    ),
    (
        "That is a number of tokens. Divide by all tokens, padding included.",
        padding_tokens,
    ),
    (
        "You counted the last batch as full. It has only the rows that are left.",
        lambda lengths, size: wasted(
            sorted(lengths), size, lambda batch: max(batch) * size
        ),
    ),
    (
        "You counted the last batch as full. It has only the rows that are left.",
        lambda lengths, size: (
            padding_tokens(lengths, size)
            / sum(max(batch) * size for batch in batches_of(sorted(lengths), size))
        ),
    ),
    (
        "You left out the last batch. It is smaller than the others, but it counts.",
        lambda lengths, size: sorted_waste(full_batches(lengths, size), size),
    ),
    (
        "You padded all rows to the longest of all. Each batch is as long as its own "
        "longest row.",
        lambda lengths, size: wasted(lengths, len(lengths)),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda lengths, size: float(sorted_waste(lengths, size) // 1),
    ),
    (
        "You took a batch's first row for its longest. Sorted ascending, it is the "
        "last.",
        lambda lengths, size: wasted(
            sorted(lengths), size, lambda batch: min(batch) * len(batch)
        ),
    ),
]


@exercise("2.2")
def padding_share(answer: Answer) -> Verdict:
    """answer(lengths, batch_size) -> the share of padding, 0 to 1, in all batches.

    lengths, a list of row lengths in tokens. The rows are sorted ascending, shortest
    first, and cut into batches of batch_size rows, the last of which may be smaller;
    each batch is padded to its own longest row -> a number.

    Example: answer([4, 1, 2, 3, 4], 2) -> 0.125, from the batches [1, 2], [3, 4], [4]:
    2 of 16 tokens are padding
    """
    many = [(11 * i + 4) % 37 + 4 for i in range(21)]
    cases = [
        Case(([5, 40, 6, 38, 4, 41, 9, 23], 3)),
        Case((many, 8)),
        Case(([12, 3, 30, 7, 18, 25, 3, 12], 2)),
        Case(([6, 6, 6], 2), "Rows of one length need no padding: the share is 0."),
        Case(([9, 2, 5], 10), "All rows can fit into a single batch."),
    ]
    return judge(
        answer,
        reference=sorted_waste,
        cases=cases,
        mistakes=PADDING_SHARE_MISTAKES,
        praise="Every token of the rectangle costs the same time, real or not: this "
        "share is work thrown away.",
    )


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    root: Callable[[Tensor], float] = lambda query: query.shape[-1] ** 0.5,
    hide: Callable[[Tensor, Tensor], Tensor] | None = None,
    axis: int = -1,
    mend: Callable[[Tensor, Tensor], Tensor] = lambda weights, real: weights,
) -> Tensor:
    """One head, with ways to do it otherwise.

    hide(scores, real) comes before the softmax, mend(weights, real) after it; real
    [B, 1, L] is 1 at the keys that are tokens.
    """
    real = attention_mask[:, None, :]
    scores = query @ key.transpose(1, 2) / root(query)
    scores = (hide or fill)(scores, real)
    return mend(scores.softmax(axis), real) @ value


def fill(scores: Tensor, real: Tensor, number: float = -1e9) -> Tensor:
    return scores.masked_fill(real == 0, number)


def otherwise(**ways: object) -> Answer:
    return lambda *arguments: attention(*arguments, **ways)


def no_mask(scores: Tensor, real: Tensor) -> Tensor:
    return scores


def queries_too(query, key, value, attention_mask):
    context = attention(query, key, value, attention_mask)
    return context * attention_mask[:, :, None]


def first_columns(query, key, value, attention_mask):
    """Right, if padding is on the right."""
    by_length = attention_mask.sort(1, descending=True).values
    return attention(query, key, value, by_length)


def both_sides_of_padding(scores: Tensor, real: Tensor) -> Tensor:
    return scores.masked_fill(real * real.transpose(1, 2) == 0, -1e9)


LOW = (
    "The score that you give to padding is not low enough: real scores may be lower. "
    "Take -inf, or -1e9."
)
ATTENTION_MISTAKES = [
    (
        "Padding still takes part: set its scores to -inf before the softmax.",
        otherwise(hide=no_mask),
    ),
    (
        "Padding takes part, and the scores are not divided by √D: set the scores of "
        "padding to -inf, and divide.",
        otherwise(hide=no_mask, root=lambda query: 1),
    ),
    (
        "You zeroed weights after the softmax: the rest no longer sums to 1. Mask the "
        "scores, before.",
        otherwise(hide=no_mask, mend=lambda weights, real: weights * real),
    ),
    (
        "You multiplied the scores by the mask, or filled in 0 or 1e-9. That excludes "
        "nobody, since exp(0) is 1. Set the scores of padding to -inf.",
        otherwise(hide=lambda scores, real: scores * real),
    ),
    (LOW, otherwise(hide=lambda scores, real: fill(scores, real, -1))),
    (LOW, otherwise(hide=lambda scores, real: fill(scores, real, -10))),
    (
        "You added the mask to the scores, or subtracted 1 where it is 0: that "
        "excludes nobody. Set the scores of padding to -inf.",
        otherwise(hide=lambda scores, real: scores + real),
    ),
    (
        "Your mask is the wrong way round: the tokens are hidden, and padding is seen. "
        "Fill where attention_mask == 0.",
        otherwise(hide=lambda scores, real: fill(scores, 1 - real)),
    ),
    (
        "Your mask is the wrong way round: the tokens are hidden, and padding is seen. "
        "Fill where attention_mask == 0.",
        otherwise(hide=lambda scores, real: fill(scores, 1 - real, -INFINITY)),
    ),
    (
        "attention_mask is [B, L], the scores are [B, L, L]: the mask needs an axis in "
        "the middle, attention_mask[:, None, :].",
        otherwise(hide=lambda scores, real: fill(scores, real.squeeze(1))),
    ),
    (
        "key.T turns all three axes around. Swap the last two: key.transpose(1, 2).",
        lambda query, key, value, real: (
            fill(query @ key.permute(2, 1, 0), real[:, None, :])
            .div(query.shape[-1] ** 0.5)
            .softmax(-1)
            .matmul(value)
        ),
    ),
    (
        "Padding gets a score of +∞, or a very large one, and is all that anyone sees. "
        "It needs -inf.",
        otherwise(hide=lambda scores, real: fill(scores, real, 1e9)),
    ),
    (
        "The mask is on the queries. It belongs on the keys, the last axis: nobody may "
        "look at padding.",
        otherwise(hide=lambda scores, real: fill(scores, real.transpose(1, 2))),
    ),
    (
        "You masked the queries, too: padding gets zeros. Mask the keys alone; what "
        "the padding itself sees is nobody's concern.",
        queries_too,
    ),
    (
        "You masked the queries, too. Mask the keys alone; what the padding itself "
        "sees is nobody's concern.",
        otherwise(hide=both_sides_of_padding),
    ),
    (
        "You masked the queries, too: a row of scores that are all -inf gives nan. "
        "Mask the keys alone.",
        otherwise(
            hide=lambda scores, real: scores.masked_fill(
                real * real.transpose(1, 2) == 0, -INFINITY
            )
        ),
    ),
    (
        "Divide the scores by √D, the square root of the vector size.",
        otherwise(root=lambda query: 1),
    ),
    (
        "You divided by D. Divide the scores by its square root.",
        otherwise(root=lambda query: query.shape[-1]),
    ),
    (
        "You multiplied the scores by √D. Divide them by it.",
        otherwise(root=lambda query: query.shape[-1] ** -0.5),
    ),
    (
        "You divided by √L, the number of tokens. Divide by √D, the vector size: "
        "query.shape[-1].",
        otherwise(root=lambda query: query.shape[1] ** 0.5),
    ),
    (
        "You divided by √B, the number of rows. Divide by √D, the vector size: "
        "query.shape[-1].",
        otherwise(root=lambda query: len(query) ** 0.5),
    ),
    (
        "The softmax runs over the queries: each query's weights over the keys, the "
        "last axis, sum to 1.",
        otherwise(axis=1),
    ),
    (
        "The softmax runs over the batch: each query's weights over the keys, the last "
        "axis, sum to 1.",
        otherwise(axis=0),
    ),
    (
        "The softmax is missing: weights are positive, and sum to 1 over the keys.",
        lambda query, key, value, real: (
            (query @ key.mT / query.shape[-1] ** 0.5 * real[:, None, :]) @ value
        ),
    ),
    (
        "You weigh the keys. The weights are for the values: weights @ value.",
        lambda query, key, value, real: attention(query, key, key, real),
    ),
    (
        "You weigh the queries. The weights are for the values: weights @ value.",
        lambda query, key, value, real: attention(query, key, query, real),
    ),
    (
        "Query and key have changed places: scores are query @ key.transpose(1, 2).",
        lambda query, key, value, real: attention(key, query, value, real),
    ),
    (
        "key is missing: scores are query @ key.transpose(1, 2).",
        lambda query, key, value, real: attention(query, query, value, real),
    ),
    (
        "That is right with padding on the right, and wrong with padding on the left. "
        "Ask the mask which keys are real; the first nᵢ need not be.",
        first_columns,
    ),
    (
        "The weights are applied the wrong way round: weights @ value, not "
        "weights.transpose(1, 2) @ value.",
        otherwise(mend=lambda weights, real: weights.transpose(1, 2)),
    ),
]
ATTENTION_SIGNS = [
    (
        "Those are the weights, [B, L, L]. The context is weights @ value, [B, L, D].",
        lambda got, wanted, query, *_: got.shape == (*query.shape[:2], query.shape[1]),
    ),
    (
        "One vector for each row is not enough: each query has its own, [B, L, D].",
        lambda got, wanted, *_: got.ndim == 2,
    ),
    (
        "Some numbers are nan: a row of scores that are all -inf, or 0 · inf. Mask the "
        "keys alone, with masked_fill.",
        lambda got, wanted, *_: got.isnan().any(),
    ),
]


@exercise("2.3")
def masked_attention(answer: Answer) -> Verdict:
    """answer(query, key, value, attention_mask) -> the context of one attention head.

    query, key, value [B, L, D] of decimals; attention_mask [B, L] of 0 and 1, with
    padding on either side and a real token in each row -> [B, L, D]: each query's
    average of the values, weighted by the softmax of query · key / √D over the keys
    that are real. The queries are not masked: padding gets a context, too.

    Example: with zeros as query and key, the weights are equal, so value
    tensor([[[2.], [4.], [9.]]]) with mask tensor([[1, 1, 0]]) gives 3. for each query
    """
    shapes = [([3, 5], 5, 4, "right"), ([2, 7, 4], 7, 6, "right")]
    shapes += [([4, 2, 3, 1], 4, 4, "right"), ([6, 3], 6, 3, "left")]
    cases = []
    for seed, (lengths, length, size, side) in enumerate(shapes):
        vectors = 1.5 * decimals(3, len(lengths), length, size, seed=seed)
        cases.append(Case((*vectors, mask(lengths, length, side))))
    # All scores are about -30: padding must be lower than that.
    key, value = 1 + 0.1 * decimals(2, 2, 5, 4, seed=4)
    cases.append(Case((-15 * key, key, value, mask([2, 4], 5)), LOW))
    return judge(
        answer,
        reference=attention_reference,
        cases=cases,
        mistakes=ATTENTION_MISTAKES,
        signs=ATTENTION_SIGNS,
        praise="Nothing masks the queries: padding looks at the real tokens, and gets "
        "a vector that is not zero.",
    )


def attention_reference(query, key, value, attention_mask):
    return attention(query, key, value, attention_mask)


def positions(attention_mask: Tensor) -> Tensor:
    return (attention_mask.cumsum(1) - 1).clamp(min=0)


def columns(attention_mask: Tensor) -> Tensor:
    return torch.arange(attention_mask.shape[1]).expand_as(attention_mask)


def at_real_tokens(function: Answer, attention_mask: Tensor) -> object:
    """Padding may have any position that exists: an embedding has no row −1, nor L."""
    result = function(attention_mask)
    if result.shape != attention_mask.shape:
        return result
    exists = (result >= 0) & (result < attention_mask.shape[1])
    return result.masked_fill((attention_mask == 0) & exists, 0)


POSITION_MISTAKES = [
    (
        "That counts columns. With left padding the first real token is not in column "
        "0.",
        columns,
    ),
    (
        "That counts columns. With left padding the first real token is not in column "
        "0.",
        lambda real: columns(real) * real,
    ),
    (
        "You start at 1: the first real token has position 0.",
        lambda real: real.cumsum(1) * real,
    ),
    (
        "You start at 1: the first real token has position 0.",
        lambda real: real.cumsum(1),
    ),
    (
        "You start at 2, as RoBERTa does. Here the first real token has position 0.",
        lambda real: (real.cumsum(1) + 1) * real,
    ),
    (
        "Padding on the left gets position -1, which no embedding table has: clamp at "
        "0.",
        lambda real: real.cumsum(1) - 1,
    ),
    (
        "Padding gets position -1, which no embedding table has: give it 0.",
        lambda real: (real.cumsum(1) - 1).masked_fill(real == 0, -1),
    ),
    (
        "Padding gets a position past the end, which need not exist: give it 0.",
        lambda real: (real.cumsum(1) - 1).masked_fill(real == 0, real.shape[1]),
    ),
    (
        "That is the token's distance from the end: count from the first real token.",
        lambda real: (real.flip(1).cumsum(1).flip(1) - 1).clamp(min=0),
    ),
    (
        "That is the mask: 0 and 1. Count the real tokens before each one.",
        lambda real: real,
    ),
    (
        "That subtracts 1 from the mask. Count the real tokens before each one: "
        "cumsum.",
        lambda real: (real - 1).clamp(min=0),
    ),
    (
        "You counted down the batch. Count along the row, axis 1.",
        lambda real: (real.cumsum(0) - 1).clamp(min=0),
    ),
    (
        "The positions stand at the beginning of the row, as if padding were on the "
        "right. With left padding the real tokens come last.",
        lambda real: (
            positions(real.sort(1, descending=True).values)
            * real.sort(1, descending=True).values
        ),
    ),
    (
        "You subtracted the length of the row, not the number of its padding tokens.",
        lambda real: columns(real) - real.shape[1],
    ),
    (
        "You subtracted the number of real tokens. Subtract the padding before them.",
        lambda real: (columns(real) - real.sum(1, keepdim=True)).clamp(min=0),
    ),
    (
        "That is right with padding on the left, and wrong with padding on the right. "
        "Count along the mask, wherever its ones stand.",
        lambda real: (columns(real) - (1 - real).sum(1, keepdim=True)).clamp(min=0),
    ),
]
POSITION_SIGNS = [
    (
        "The positions of all rows have run together: keep the rectangle, [B, L].",
        lambda got, wanted, real: got.shape == (real.sum(),),
    ),
    (
        "One row of positions is not enough: rows are padded differently, so each has "
        "its own, [B, L].",
        lambda got, wanted, real: got.ndim == 1,
    ),
    (
        "Some positions do not exist: an embedding table has no row -1, and none past "
        "its end, not even for padding.",
        lambda got, wanted, real: ((got < 0) | (got >= real.shape[1])).any(),
    ),
]


@exercise("2.4")
def position_ids(answer: Answer) -> Verdict:
    """answer(attention_mask) -> the position of each real token in its row, from 0.

    attention_mask [B, L] of 0 and 1, with padding on either side -> whole numbers
    (int64), [B, L]. Padding may have any position that exists: 0 to L − 1.

    Example: answer(torch.tensor([[0, 0, 1, 1], [1, 1, 1, 0]]))
    -> tensor([[0, 0, 0, 1], [0, 1, 2, 0]]), the zeros of padding being free
    """
    left, right = mask([2, 5, 7], 8, "left"), mask([3, 6], 6)
    both = torch.tensor([[0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [1, 1, 0, 0, 0]])
    return judge(
        answer,
        reference=positions,
        cases=[
            Case((left,)),
            Case((right,)),
            Case((mask([1, 3, 4, 2], 4, "left"),)),
            Case(
                (both,),
                "It goes wrong in a row with padding on both sides: count the real "
                "tokens before each one, wherever they stand.",
            ),
        ],
        mistakes=POSITION_MISTAKES,
        signs=POSITION_SIGNS,
        look=at_real_tokens,
        praise="Right padding needs no position_ids, which is why this bug sleeps "
        "until someone pads on the left.",
    )
