"""Answers to the exercises of lesson 02, as students write them."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from tests.answers.catalogue import Answers, Wrong, told_by_first_row


# 2.1
def lists(rows, pad_id, left=False, length=None):
    length = length or max(len(row) for row in rows)
    ids, masks = [], []
    for row in rows:
        fill = length - len(row)
        ids.append([pad_id] * fill + row if left else row + [pad_id] * fill)
        masks.append(
            [0] * fill + [1] * len(row) if left else [1] * len(row) + [0] * fill
        )
    return torch.tensor(ids), torch.tensor(masks)


def sequences(rows, pad_id):
    tensors = [torch.tensor(row) for row in rows]
    ids = pad_sequence(tensors, batch_first=True, padding_value=pad_id)
    ones = [torch.ones(len(row), dtype=torch.long) for row in rows]
    return ids, pad_sequence(ones, batch_first=True)


def by_columns(rows, pad_id):
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.full(mask.shape, pad_id)
    ids[mask] = torch.tensor([i for row in rows for i in row])
    return ids, mask.int()


def written_in(rows, pad_id):
    ids = torch.full((len(rows), max(map(len, rows))), pad_id)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask


def from_numpy(rows, pad_id):
    ids = np.full((len(rows), max(map(len, rows))), pad_id)
    for row, values in zip(ids, rows, strict=True):
        row[: len(values)] = values
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(ids.shape[1]) < lengths[:, None]
    return torch.from_numpy(ids), torch.from_numpy(mask.astype(int))


def extends(rows, pad_id):
    lengths = [len(row) for row in rows]
    for row in rows:
        row.extend([pad_id] * (max(lengths) - len(row)))
    ids = torch.tensor(rows)
    return ids, (torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]).long()


def shortest(rows, pad_id):
    length = min(map(len, rows))
    ids = torch.tensor([row[:length] for row in rows])
    return ids, torch.ones_like(ids)


def zeros_of_decimals(rows, pad_id):
    ids = torch.zeros(len(rows), max(map(len, rows))) + pad_id
    mask = torch.zeros(len(rows), max(map(len, rows)))
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask


PAD_BATCH = Answers(
    right={
        "lists": lists,
        "pad_sequence": sequences,
        "columns": by_columns,
        "written into a rectangle": written_in,
        "NumPy": from_numpy,
    },
    wrong=[
        Wrong(
            "mask from the ids",
            lambda r, p: (lists(r, p)[0], (lists(r, p)[0] != p).long()),
            "use the lengths",
        ),
        Wrong(
            "mask where not 0",
            lambda r, p: (lists(r, p)[0], lists(r, p)[0].bool().long()),
            "wherever an id is 0",
        ),
        Wrong(
            "mask of ones",
            lambda r, p: (lists(r, p)[0], lists(r, p)[0] * 0 + 1),
            "1 everywhere",
        ),
        Wrong(
            "mask inverted",
            lambda r, p: (lists(r, p)[0], 1 - lists(r, p)[1]),
            "wrong way round",
        ),
        Wrong("left", lambda r, p: lists(r, p, left=True), "padded on the left"),
        Wrong("always with 0", lambda r, p: lists(r, 0), "use pad_id"),
        Wrong("mask first", lambda r, p: lists(r, p)[::-1], "in the wrong order"),
        Wrong("ids alone", lambda r, p: lists(r, p)[0], "Two results"),
        Wrong("to 512", lambda r, p: lists(r, p, length=512), "more than the longest"),
        Wrong(
            "one too many",
            lambda r, p: lists(r, p, length=max(map(len, r)) + 1),
            "more than the longest",
        ),
        Wrong("to the shortest", shortest, "cut the rows to the shortest"),
        Wrong("extends its input", extends, "changes its input rows"),
        Wrong("decimals", zeros_of_decimals, "their type is float32"),
        Wrong(
            "a mask of decimals",
            lambda r, p: (lists(r, p)[0], lists(r, p)[1].float()),
            "their type is float32",
        ),
        Wrong(
            "a mask of True and False",
            lambda r, p: (lists(r, p)[0], lists(r, p)[1].bool()),
            "their type is bool",
        ),
        Wrong(
            "lists",
            lambda r, p: tuple(x.tolist() for x in lists(r, p)),
            "returned a list, expected a tensor",
        ),
        Wrong(
            "arrays",
            lambda r, p: tuple(x.numpy() for x in lists(r, p)),
            "returned a NumPy array",
        ),
        Wrong(
            "a dictionary",
            lambda r, p: {"input_ids": lists(r, p)[0]},
            "returned a dictionary",
        ),
        Wrong(
            "sorted", lambda r, p: lists(sorted(r, key=len), p), "changed their order"
        ),
        Wrong("a ragged tensor", lambda r, p: torch.tensor(r), ""),
        Wrong(
            "mask holds pad_id",
            lambda r, p: (
                lists(r, p)[0],
                lists([[1] * len(row) for row in r], p)[0],
            ),
            "holds pad_id at the padding",
        ),
        Wrong(
            "one tensor of both",
            lambda r, p: torch.stack(lists(r, p)),
            "returned a tensor, expected 2 results",
        ),
    ],
)


# 2.2
def cut(lengths, size):
    return [lengths[i : i + size] for i in range(0, len(lengths), size)]


def last_is_longest(lengths, batch_size):
    padding = total = 0
    for batch in cut(sorted(lengths), batch_size):
        for length in batch:
            padding += batch[-1] - length
            total += batch[-1]
    return padding / total


def whole_minus_real(lengths, batch_size):
    total = sum(max(b) * len(b) for b in cut(sorted(lengths), batch_size))
    return (total - sum(lengths)) / total


def with_torch(lengths, batch_size):
    batches = torch.tensor(lengths).sort().values.split(batch_size)
    total = sum(batch.max() * len(batch) for batch in batches)
    return 1 - sum(lengths) / total


def with_numpy(lengths, batch_size):
    ordered = np.sort(lengths)
    longest = np.concatenate([np.full(len(b), b[-1]) for b in cut(ordered, batch_size)])
    return (longest - ordered).sum() / longest.sum()


def sorts_in_place(lengths, batch_size):
    lengths.sort()
    return last_is_longest(lengths, batch_size)


def unsorted(lengths, batch_size):
    total = sum(max(b) * len(b) for b in cut(lengths, batch_size))
    return 1 - sum(lengths) / total


def descending(lengths, batch_size):
    return unsorted(sorted(lengths, reverse=True), batch_size)


def mean_of_shares(lengths, batch_size):
    return np.mean(
        [1 - sum(b) / (max(b) * len(b)) for b in cut(sorted(lengths), batch_size)]
    )


def full_last_batch(lengths, batch_size):
    batches = cut(sorted(lengths), batch_size)
    total = sum(max(batch) * batch_size for batch in batches)
    return (total - sum(lengths)) / total


def full_last_batch_below_only(lengths, batch_size):
    batches = cut(sorted(lengths), batch_size)
    padding = sum(max(b) * len(b) - sum(b) for b in batches)
    return padding / sum(max(batch) * batch_size for batch in batches)


def last_batch_lost(lengths, batch_size):
    lengths = sorted(lengths)
    padding = total = 0
    for i in range(len(lengths) // batch_size):
        batch = lengths[i * batch_size : (i + 1) * batch_size]
        total += max(batch) * batch_size
        padding += max(batch) * batch_size - sum(batch)
    return padding / total if total else 0.0


def one_rectangle(lengths, batch_size):
    return 1 - sum(lengths) / (max(lengths) * len(lengths))


def overwritten(lengths, batch_size):
    for batch in cut(sorted(lengths), batch_size):
        total = max(batch) * len(batch)
        padding = total - sum(batch)
    return padding / total


def returned_early(lengths, batch_size):
    for batch in cut(sorted(lengths), batch_size):
        total = max(batch) * len(batch)
        return (total - sum(batch)) / total


def first_is_longest(lengths, batch_size):
    total = sum(b[0] * len(b) for b in cut(sorted(lengths), batch_size))
    return 1 - sum(lengths) / total


PADDING_SHARE = Answers(
    right={
        "loops": last_is_longest,
        "whole minus real": whole_minus_real,
        "PyTorch": with_torch,
        "NumPy": with_numpy,
    },
    wrong=[
        Wrong("not sorted", unsorted, "did not sort"),
        Wrong("longest first", descending, "Sort ascending"),
        Wrong("mean of shares", mean_of_shares, "averaged the shares"),
        Wrong(
            "real tokens", lambda *a: 1 - last_is_longest(*a), "share of real tokens"
        ),
        Wrong(
            "padding over real",
            lambda *a: last_is_longest(*a) / (1 - last_is_longest(*a)),
            "divided by the real tokens",
        ),
        Wrong("percent", lambda *a: 100 * last_is_longest(*a), "percentage"),
        Wrong(
            "a count",
            lambda *a: sum(max(b) * len(b) - sum(b) for b in cut(sorted(a[0]), a[1])),
            "number of tokens",
        ),
        Wrong("last batch full", full_last_batch, "last batch as full"),
        Wrong(
            "last batch full below only",
            full_last_batch_below_only,
            "last batch as full",
        ),
        Wrong("last batch lost", last_batch_lost, "left out the last batch"),
        Wrong("one rectangle", one_rectangle, "longest of all"),
        Wrong("overwritten in the loop", overwritten, "share of the last batch"),
        Wrong("return in the loop", returned_early, "share of the first batch"),
        Wrong("first for longest", first_is_longest, "first row for its longest"),
        Wrong("sorts its input", sorts_in_place, "changes its input lengths"),
        Wrong("rounded", lambda *a: round(last_is_longest(*a), 3), "rounded"),
        Wrong(
            "sum of shares",
            lambda ls, s: sum(
                1 - sum(b) / (max(b) * len(b)) for b in cut(sorted(ls), s)
            ),
            "added the shares",
        ),
        Wrong(
            "a list",
            lambda ls, s: [1 - sum(b) / (max(b) * len(b)) for b in cut(sorted(ls), s)],
            "not a list",
        ),
        Wrong(
            "a string",
            lambda *a: f"{last_is_longest(*a):.0%}",
            "returned a string",
        ),
        Wrong("negative", lambda *a: -last_is_longest(*a), "but for its sign"),
        Wrong("whole over real", lambda *a: 1 / (1 - last_is_longest(*a)), "how often"),
        Wrong(
            "batch_size ignored",
            lambda ls, s: last_is_longest(ls, 3),
            "written into",
        ),
    ],
)


# 2.3
def filled(query, key, value, attention_mask):
    scores = query @ key.transpose(-2, -1) / query.size(-1) ** 0.5
    scores = scores.masked_fill(attention_mask.unsqueeze(1) == 0, float("-inf"))
    return scores.softmax(dim=-1) @ value


def biased(query, key, value, attention_mask):
    bias = (1.0 - attention_mask[:, None, :]) * torch.finfo(query.dtype).min
    scores = torch.bmm(query, key.mT) / np.sqrt(query.shape[2])
    return torch.bmm(nn.functional.softmax(scores + bias, -1), value)


def row_by_row(query, key, value, attention_mask):
    context = torch.empty_like(query)
    for i in range(len(query)):
        real = attention_mask[i] == 1
        scores = query[i] @ key[i, real].T / query.shape[-1] ** 0.5
        context[i] = scores.softmax(1) @ value[i, real]
    return context


def library(query, key, value, attention_mask):
    return nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask[:, None, :].bool()
    )


def normalized_again(query, key, value, attention_mask):
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    weights = weights * attention_mask[:, None]
    return weights / weights.sum(-1, keepdim=True) @ value


def with_array(query, key, value, attention_mask):
    q, k, v = (x.numpy() for x in (query, key, value))
    scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
    scores = np.where(attention_mask.numpy()[:, None] == 0, -np.inf, scores)
    weights = np.exp(scores)
    weights /= weights.sum(-1, keepdims=True)
    return torch.from_numpy(weights @ v).float()


def with_array_of_doubles(*arguments):
    return torch.from_numpy(with_array(*arguments).numpy() * np.float64(1))


def einsum(query, key, value, mask, scale=None, hide=None, axis=-1, weights_to=None):
    scores = torch.einsum("bqd,bkd->bqk", query, key)
    scores = scores / (query.shape[-1] ** 0.5 if scale is None else scale(query))
    keys = mask[:, None, :]
    if hide is None:
        scores = torch.where(keys == 1, scores, -1e4)
    else:
        scores = hide(scores, keys)
    weights = scores.softmax(axis)
    if weights_to is not None:
        weights = weights_to(weights, keys)
    return torch.einsum("bqk,bkd->bqd", weights, value)


def but(**ways):
    return lambda *arguments: einsum(*arguments, **ways)


def scales_its_input(query, key, value, attention_mask):
    query /= query.shape[-1] ** 0.5
    scores = query @ key.mT + (attention_mask[:, None] - 1) * 1e9
    return scores.softmax(-1) @ value


def by_length(query, key, value, attention_mask):
    context = torch.empty_like(query)
    for i, n in enumerate(attention_mask.sum(1).tolist()):
        scores = query[i] @ key[i, :n].T / query.shape[-1] ** 0.5
        context[i] = scores.softmax(1) @ value[i, :n]
    return context


def only_real_queries(query, key, value, attention_mask):
    context = torch.zeros_like(query)
    for i in range(len(query)):
        real = attention_mask[i].bool()
        scores = query[i, real] @ key[i, real].T / query.shape[-1] ** 0.5
        context[i, real] = scores.softmax(1) @ value[i, real]
    return context


def mask_on_the_last_axis(query, key, value, attention_mask):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    scores = scores.masked_fill(attention_mask == 0, -1e9)
    return scores.softmax(-1) @ value


def transpose_of_all(query, key, value, attention_mask):
    scores = query @ key.permute(2, 1, 0) / query.shape[-1] ** 0.5
    scores = scores.masked_fill(attention_mask[:, None] == 0, -1e9)
    return scores.softmax(-1) @ value


MASKED_ATTENTION = Answers(
    right={
        "masked_fill": filled,
        "a bias": biased,
        "row by row": row_by_row,
        "the library's function": library,
        "weights scaled to sum 1 again": normalized_again,
        "NumPy": with_array,
        "doubles of NumPy": with_array_of_doubles,
    },
    wrong=[
        Wrong("no mask", but(hide=lambda s, m: s), "Padding still takes part"),
        Wrong(
            "neither mask nor √D",
            but(hide=lambda s, m: s, scale=lambda q: 1),
            "set the scores of padding to -inf, and divide",
        ),
        Wrong(
            "mask after the softmax",
            but(hide=lambda s, m: s, weights_to=lambda w, m: w * m),
            "zeroed weights after the softmax",
        ),
        Wrong(
            "mask times scores", but(hide=lambda s, m: s * m), "multiplied the scores"
        ),
        Wrong(
            "filled with 0",
            but(hide=lambda s, m: s.masked_fill(m == 0, 0)),
            "multiplied the scores",
        ),
        Wrong(
            "filled with 1e-9",
            but(hide=lambda s, m: s.masked_fill(m == 0, 1e-9)),
            "multiplied the scores",
        ),
        Wrong(
            "filled with -10",
            but(hide=lambda s, m: s.masked_fill(m == 0, -10)),
            "not low enough",
        ),
        Wrong("mask added", but(hide=lambda s, m: s + m), "added the mask"),
        Wrong(
            "mask inverted",
            but(hide=lambda s, m: s.masked_fill(m == 1, float("-inf"))),
            "wrong way round",
        ),
        Wrong(
            "plus infinity",
            but(hide=lambda s, m: s.masked_fill(m == 0, 1e9)),
            "It needs -inf",
        ),
        Wrong(
            "infinity",
            but(hide=lambda s, m: s.masked_fill(m == 0, float("inf"))),
            "Some numbers are nan",
        ),
        Wrong(
            "mask times minus infinity",
            but(hide=lambda s, m: s + (1 - m) * float("-inf")),
            "Some numbers are nan",
        ),
        Wrong(
            "on the queries",
            but(hide=lambda s, m: s.masked_fill(m.mT == 0, -1e9)),
            "The mask is on the queries",
        ),
        Wrong(
            "queries zeroed, too",
            lambda q, k, v, m: einsum(q, k, v, m) * m[..., None],
            "masked the queries, too",
        ),
        Wrong("real queries only", only_real_queries, "masked the queries, too"),
        Wrong(
            "queries masked, too",
            but(hide=lambda s, m: s.masked_fill((m * m.mT) == 0, -1e9)),
            "masked the queries, too",
        ),
        Wrong(
            "queries masked, too, with -inf",
            but(hide=lambda s, m: s.masked_fill((m * m.mT) == 0, float("-inf"))),
            "masked the queries, too",
        ),
        Wrong("no √D", but(scale=lambda q: 1), "Divide the scores by √D"),
        Wrong("D", but(scale=lambda q: q.shape[-1]), "You divided by D"),
        Wrong("√L", but(scale=lambda q: q.shape[1] ** 0.5), "You divided by √L"),
        Wrong("√B", but(scale=lambda q: len(q) ** 0.5), "You divided by √B"),
        Wrong("times √D", but(scale=lambda q: q.shape[-1] ** -0.5), "You multiplied"),
        Wrong("softmax over queries", but(axis=1), "softmax runs over the queries"),
        Wrong("softmax over the batch", but(axis=0), "over the batch"),
        Wrong(
            "no softmax",
            lambda q, k, v, m: (
                (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(m[:, None] == 0, 0) @ v
            ),
            "softmax is missing",
        ),
        Wrong(
            "the weights",
            lambda q, k, v, m: einsum(
                q, k, torch.eye(q.shape[1]).expand(len(q), -1, -1), m
            ),
            "Those are the weights",
        ),
        Wrong(
            "values are keys", lambda q, k, v, m: einsum(q, k, k, m), "weigh the keys"
        ),
        Wrong("scales its input", scales_its_input, "changes its input query"),
        Wrong("first n", by_length, "wrong with padding on the left"),
        Wrong("mask without a new axis", mask_on_the_last_axis, "needs an axis"),
        Wrong("all axes transposed", transpose_of_all, "key.T"),
        Wrong("an array", lambda *a: filled(*a).numpy(), "returned a NumPy array"),
        Wrong(
            "side told by the first row",
            lambda q, k, v, m: filled(q, k, v, told_by_first_row(m)),
            "",
        ),
        Wrong("pooled", lambda *a: filled(*a).mean(1), "One vector for each row"),
        Wrong(
            "query and key swapped",
            lambda q, k, v, m: einsum(k, q, v, m),
            "changed places",
        ),
        Wrong("value alone", lambda q, k, v, m: v * m[..., None], ""),
    ],
)


# 2.4
def clamped(attention_mask):
    return (attention_mask.cumsum(1) - 1).clamp(min=0)


def ones_for_padding(attention_mask):
    positions = attention_mask.long().cumsum(-1) - 1
    return positions.masked_fill(attention_mask == 0, 1)


def loops(attention_mask):
    positions = torch.zeros_like(attention_mask)
    for i in range(attention_mask.shape[0]):
        position = 0
        for j in range(attention_mask.shape[1]):
            if attention_mask[i, j]:
                positions[i, j] = position
                position += 1
    return positions


def from_the_first(attention_mask):
    columns = torch.arange(attention_mask.shape[1])
    first = attention_mask.argmax(1, keepdim=True)
    return (columns - first).clamp(min=0)


def chosen(attention_mask):
    positions = torch.zeros(attention_mask.shape, dtype=torch.int32)
    for row, real in zip(positions, attention_mask.bool(), strict=True):
        row[real] = torch.arange(int(real.sum()), dtype=torch.int32)
    return positions


def in_place(attention_mask):
    return attention_mask.cumsum_(1).sub_(1).clamp_(min=0)


def at_the_beginning(attention_mask):
    positions = torch.zeros_like(attention_mask)
    for i, n in enumerate(attention_mask.sum(1).tolist()):
        positions[i, :n] = torch.arange(n)
    return positions


def at_the_end(attention_mask):
    length = attention_mask.shape[1]
    positions = torch.zeros_like(attention_mask)
    for i, n in enumerate(attention_mask.sum(1).tolist()):
        positions[i, length - n :] = torch.arange(n)
    return positions


POSITION_IDS = Answers(
    right={
        "cumsum": clamped,
        "as in transformers": ones_for_padding,
        "loops": loops,
        "from the first real token": from_the_first,
        "a mask as index": chosen,
    },
    wrong=[
        Wrong(
            "columns",
            lambda m: torch.arange(m.shape[1]).repeat(len(m), 1),
            "counts columns",
        ),
        Wrong(
            "columns, padding 0",
            lambda m: torch.arange(m.shape[1])[None] * m,
            "counts columns",
        ),
        Wrong("from 1", lambda m: m.cumsum(1), "start at 1"),
        Wrong("from 1, padding 0", lambda m: m.cumsum(1) * m, "start at 1"),
        Wrong("from 2", lambda m: m.cumsum(1) * m + m, "start at 2"),
        Wrong("-1", lambda m: m.cumsum(1) - 1, "clamp at 0"),
        Wrong(
            "-1 for all padding",
            lambda m: m.cumsum(1) * m - 1,
            "give it 0",
        ),
        Wrong(
            "past the end",
            lambda m: torch.where(m == 1, m.cumsum(1) - 1, 9999),
            "do not exist",
        ),
        Wrong("decimals", lambda m: clamped(m).float(), "their type is float32"),
        Wrong(
            "decimals of a mask",
            lambda m: (m.float().cumsum(1) - 1).clamp(min=0),
            "their type is float32",
        ),
        Wrong(
            "from the end",
            lambda m: (m.flip(1).cumsum(1) - 1).clamp(min=0).flip(1),
            "distance from the end",
        ),
        Wrong("the mask", lambda m: m, "That is the mask"),
        Wrong(
            "down the batch", lambda m: (m.cumsum(0) - 1).clamp(min=0), "down the batch"
        ),
        Wrong("one row", lambda m: torch.arange(m.shape[1]), "One row of positions"),
        Wrong("in place", in_place, "changes its input attention_mask"),
        Wrong(
            "right padding supposed", at_the_beginning, "at the beginning of the row"
        ),
        Wrong("left padding supposed", at_the_end, "wrong with padding on the right"),
        Wrong("a list", lambda m: clamped(m).tolist(), "expected a tensor"),
        Wrong("an array", lambda m: clamped(m).numpy(), "expected a tensor"),
        Wrong(
            "real tokens only",
            lambda m: clamped(m)[m == 1],
            "have run together",
        ),
        Wrong(
            "a list of rows",
            lambda m: [torch.arange(int(n)) for n in m.sum(1)],
            "expected a tensor",
        ),
        Wrong(
            "columns minus n",
            lambda m: (torch.arange(m.shape[1]) - m.sum(1, keepdim=True)).clamp(min=0),
            "the number of real tokens",
        ),
        Wrong(
            "mask minus 1", lambda m: (m - 1).clamp(min=0), "subtracts 1 from the mask"
        ),
        Wrong("cumsum of no axis", lambda m: m.cumsum() - 1, ""),
    ],
)

ANSWERS = {
    "pad_batch": PAD_BATCH,
    "padding_share": PADDING_SHARE,
    "masked_attention": MASKED_ATTENTION,
    "position_ids": POSITION_IDS,
}
