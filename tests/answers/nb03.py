"""Answers to the exercises of lesson 03, as students write them."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from tests.answers.catalogue import Answers, Wrong, told_by_first_row

NAN = float("nan")


# 3.1
def where(token_embeddings, attention_mask):
    real = attention_mask.bool()[..., None]
    total = torch.where(real, token_embeddings.float(), 0.0).sum(1)
    count = attention_mask.sum(1)[:, None].clamp(min=1)
    return (total / count).to(token_embeddings.dtype)


def row_by_row(token_embeddings, attention_mask):
    means = []
    for vectors, mask in zip(token_embeddings, attention_mask, strict=True):
        real = vectors[mask == 1].float()
        means.append(real.mean(0) if len(real) else torch.zeros(vectors.shape[-1]))
    return torch.stack(means).type_as(token_embeddings)


def all_loops(token_embeddings, attention_mask):
    batch, length, size = token_embeddings.shape
    result = torch.zeros(batch, size)
    for i in range(batch):
        count = 0
        for j in range(length):
            if attention_mask[i, j] == 1:
                result[i] += token_embeddings[i, j]
                count += 1
        if count:
            result[i] /= count
    return result.to(token_embeddings.dtype)


def matrix_product(token_embeddings, attention_mask):
    mask = attention_mask.to(torch.float32)
    weights = mask / mask.sum(1, keepdim=True).clamp(min=1e-9)
    means = torch.bmm(weights.unsqueeze(1), token_embeddings.to(torch.float32))
    return means.squeeze(1).to(token_embeddings.dtype)


def in_place_on_a_copy(token_embeddings, attention_mask):
    hidden = token_embeddings.clone().double()
    hidden[attention_mask == 0] = 0
    total = hidden.sum(1)
    total /= attention_mask.sum(1, keepdim=True).clamp_(min=1)
    return total.to(token_embeddings.dtype)


def with_array(token_embeddings, attention_mask):
    hidden = token_embeddings.double().numpy()
    mask = attention_mask.numpy()[:, :, np.newaxis]
    means = (hidden * mask).sum(1) / np.maximum(mask.sum(1), 1)
    return torch.from_numpy(means).to(token_embeddings.dtype)


def as_in_the_library(token_embeddings, attention_mask):
    mask = attention_mask.unsqueeze(-1).expand(token_embeddings.size()).float()
    total = torch.sum(token_embeddings * mask, 1)
    return total / torch.clamp(mask.sum(1), min=1e-9)


def product(h, m):
    return (h * m.unsqueeze(-1)).sum(1)


def n(m):
    return m.sum(1, keepdim=True)


def multiplies_in_place(token_embeddings, attention_mask):
    token_embeddings *= attention_mask.unsqueeze(-1)
    total = token_embeddings.float().sum(1)
    count = attention_mask.sum(1, keepdim=True).clamp(min=1)
    return (total / count).to(token_embeddings.dtype)


def fills_in_place(token_embeddings, attention_mask):
    token_embeddings[attention_mask == 0] = 0
    return where(token_embeddings, attention_mask)


def first_n(token_embeddings, attention_mask):
    rows = [
        vectors[: int(mask.sum())].float().mean(0)
        for vectors, mask in zip(token_embeddings, attention_mask, strict=True)
    ]
    return torch.stack(rows).nan_to_num(0).to(token_embeddings.dtype)


def up_to_the_longest(token_embeddings, attention_mask):
    return token_embeddings[:, : attention_mask.sum(1).max()].mean(1)


def half_clamp(token_embeddings, attention_mask):
    mask = attention_mask.unsqueeze(-1).expand_as(token_embeddings)
    mask = mask.to(token_embeddings.dtype)
    return (token_embeddings * mask).sum(1) / mask.sum(1).clamp(min=1e-9)


def half_count(token_embeddings, attention_mask):
    mask = attention_mask.unsqueeze(-1).to(token_embeddings.dtype)
    return (token_embeddings * mask).sum(1) / mask.sum(1).clamp(min=1)


def half_sum(token_embeddings, attention_mask):
    total = (token_embeddings * attention_mask.unsqueeze(-1)).sum(1)
    count = attention_mask.sum(1, keepdim=True).clamp(min=1).float()
    return (total / count).to(token_embeddings.dtype)


def fixed_shapes(token_embeddings, attention_mask):
    total = torch.zeros(3, 4)
    for i in range(3):
        for j in range(6):
            total[i] += token_embeddings[i, j] * attention_mask[i, j]
    return total / n(attention_mask)


MEAN_POOL = Answers(
    right={
        "where": where,
        "row by row": row_by_row,
        "loops": all_loops,
        "a matrix product": matrix_product,
        "in place on a copy": in_place_on_a_copy,
        "NumPy": with_array,
    },
    wrong=[
        Wrong("the bug", lambda h, m: torch.mean(h, 1), "averaged the padding in"),
        Wrong("over L", lambda h, m: product(h, m) / h.shape[1], "divided by L"),
        Wrong("mean of a product", lambda h, m: (h * m[..., None]).mean(1), "by L"),
        Wrong("padding in the sum", lambda h, m: h.sum(1) / n(m), "still holds"),
        Wrong("no division", product, "how many there are"),
        Wrong("over H", lambda h, m: (h * m[..., None]).sum(-1), "summed over H"),
        Wrong("mean over H", lambda h, m: h.mean(-1), "summed over H"),
        Wrong(
            "over B", lambda h, m: (h * m[..., None]).mean(0), "averaged over the batch"
        ),
        Wrong(
            "mask [B, 1, L]", lambda h, m: (h * m[:, None]).sum(1) / n(m), "wrong axis"
        ),
        Wrong("mask [B, L]", lambda h, m: (h * m).sum(1) / n(m), "a third axis"),
        Wrong("count [B]", lambda h, m: product(h, m) / m.sum(1), "a second axis"),
        Wrong("count of all", lambda h, m: product(h, m) / m.sum(), "whole batch"),
        Wrong("count of columns", lambda h, m: product(h, m) / m.sum(0)[:, None], ""),
        Wrong("inverted", lambda h, m: where(h, 1 - m), "wrong way round"),
        Wrong("√n", lambda h, m: product(h, m) / n(m) ** 0.5, "mean_sqrt_len_tokens"),
        Wrong(
            "scaled to length 1",
            lambda h, m: nn.functional.normalize(where(h, m)),
            "scaled the mean to length 1",
        ),
        Wrong("//", lambda h, m: product(h, m) // n(m), "// rounds down"),
        Wrong(
            "all in one",
            lambda h, m: h[m == 1].mean(0),
            "one vector for the whole batch",
        ),
        Wrong(
            "an axis left",
            lambda h, m: (
                (h * m[..., None]).sum(1, keepdim=True) / m.sum(1)[:, None, None]
            ),
            "An axis is left",
        ),
        Wrong("first n", first_n, "wrong with padding on the left"),
        Wrong("longest row", up_to_the_longest, "cut all rows at the longest"),
        Wrong(
            "multiplies in place", multiplies_in_place, "changes its input token_emb"
        ),
        Wrong("fills in place", fills_in_place, "changes its input token_embeddings"),
        Wrong("0/0", lambda h, m: product(h, m) / n(m), "must give zeros, not 0/0"),
        Wrong(
            "nanmean",
            lambda h, m: h.masked_fill(m[..., None] == 0, NAN).nanmean(1),
            "must give zeros, not 0/0",
        ),
        Wrong("clamp lost", half_clamp, "the clamp is lost"),
        Wrong("count lost", half_count, "257 rounds to 256"),
        Wrong("sum in half", half_sum, "too large for float16"),
        Wrong("all real tokens", lambda h, m: h[m == 1].mean(1), "whole batch"),
        Wrong("float32 of half", as_in_the_library, "expected float16, the type of"),
        Wrong("doubles", lambda h, m: where(h.double(), m), "expected float16"),
        Wrong("an array", lambda h, m: where(h, m).numpy(), "returned a NumPy array"),
        Wrong("a list", lambda h, m: list(where(h, m)), "returned a list"),
        Wrong(
            "largest",
            lambda h, m: h.masked_fill(m[..., None] == 0, -9).amax(1),
            "largest",
        ),
        Wrong("shapes written in", fixed_shapes, "written into your function"),
        Wrong(
            "without the ends",
            lambda h, m: torch.stack(
                [v[k == 1][1:-1].mean(0) for v, k in zip(h, m, strict=True)]
            ),
            "left out the first and the last",
        ),
        Wrong(
            "side told by the first row",
            lambda h, m: where(h, told_by_first_row(m)),
            "",
        ),
        Wrong("last vector", lambda h, m: h[:, -1], "last token"),
        Wrong("first vector", lambda h, m: h[:, 0], "first token"),
        Wrong("one row", lambda h, m: where(h, m)[0], "for the whole batch"),
        Wrong(
            "no return", lambda h, m: print(where(h, m).shape), "is `return` missing"
        ),
    ],
)


# 3.2
def solved(naive, pad_mean, n, length):
    n = n.unsqueeze(1)
    return (naive - (length - n) / length * pad_mean) * length / n


def sums(naive, pad_mean, n, length):
    total = naive * length
    padding = pad_mean * (length - n)[:, None]
    return (total - padding) / n[:, None]


def each_row(naive, pad_mean, n, length):
    rows = []
    for i in range(len(naive)):
        share = n[i] / length
        rows.append((naive[i] - (1 - share) * pad_mean[i]) / share)
    return torch.stack(rows)


def in_place_on_a_clone(naive, pad_mean, n, length):
    result = naive.clone()
    result -= (1 - n / length).view(-1, 1) * pad_mean
    return result.mul_(length).div_(n.view(-1, 1))


def arrays(naive, pad_mean, n, length):
    count = n.numpy()[:, None]
    total = length * naive.numpy() - (length - count) * pad_mean.numpy()
    return torch.tensor(total / count, dtype=torch.float32)


def subtracts_from_its_input(naive, pad_mean, n, length):
    naive -= (1 - n / length)[:, None] * pad_mean
    return naive * length / n[:, None]


def missing_name(naive, pad_mean, n, length):
    return solved(naive, pad_mean, n, L)  # noqa: F821


def reshapes_its_input(naive, pad_mean, n, length):
    n.unsqueeze_(1)
    return solved(naive, pad_mean, n.squeeze(1), length)


TRUE_MEAN = Answers(
    right={
        "solved": solved,
        "sums": sums,
        "each row": each_row,
        "in place on a clone": in_place_on_a_clone,
        "NumPy": arrays,
        "doubles": lambda naive, pad, n, L: solved(naive.double(), pad.double(), n, L),
    },
    wrong=[
        Wrong(
            "scaled only",
            lambda naive, pad, n, L: naive * (L / n)[:, None],
            "the padding is still in",
        ),
        Wrong(
            "subtracted only",
            lambda naive, pad, n, L: naive - (L - n)[:, None] / L * pad,
            "did not undo the factor n/L",
        ),
        Wrong(
            "scaled before the padding is subtracted",
            lambda naive, pad, n, L: (
                naive / (n / L)[:, None] - (1 - n / L)[:, None] * pad
            ),
            "for the naive mean alone",
        ),
        Wrong(
            "pad_mean whole, scaled",
            lambda naive, pad, n, L: (naive - pad) / (n / L)[:, None],
            "not 1",
        ),
        Wrong(
            "pad_mean whole",
            lambda naive, pad, n, L: naive - pad,
            "subtracted pad_mean",
        ),
        Wrong(
            "n and L − n swapped",
            lambda naive, pad, n, L: (naive * L - pad * n[:, None]) / (L - n)[:, None],
            "mixed up n and L − n",
        ),
        Wrong(
            "added",
            lambda naive, pad, n, L: (naive * L + pad * (L - n)[:, None]) / n[:, None],
            "subtract it",
        ),
        Wrong(
            "times n/L",
            lambda naive, pad, n, L: (
                (naive - (1 - n / L)[:, None] * pad) * (n / L)[:, None]
            ),
            "multiply by L/n",
        ),
        Wrong(
            "the sum",
            lambda naive, pad, n, L: naive * L - pad * (L - n)[:, None],
            "divide by n",
        ),
        Wrong(
            "no factor L",
            lambda naive, pad, n, L: (naive - (L - n)[:, None] * pad) / n[:, None],
            "multiply it by length",
        ),
        Wrong(
            "over L − n",
            lambda naive, pad, n, L: (
                (naive * L - pad * (L - n)[:, None]) / (L - n)[:, None]
            ),
            "divided by L − n",
        ),
        Wrong("as it came", lambda naive, pad, n, L: naive, "as it came"),
        Wrong(
            "n without an axis",
            lambda naive, pad, n, L: (naive - (L - n) / L * pad) * L / n,
            "n is [B]",
        ),
        Wrong(
            "n in a row",
            lambda naive, pad, n, L: (naive * L - pad * (L - n)[None]) / n[None],
            "n is [B]",
        ),
        Wrong(
            "one n",
            lambda naive, pad, n, L: (naive * L - pad * (L - n[0])) / n[0],
            "one n for all rows",
        ),
        Wrong(
            "//",
            lambda naive, pad, n, L: (naive * L - pad * (L - n)[:, None]) // n[:, None],
            "// rounds down",
        ),
        Wrong("changes naive", subtracts_from_its_input, "changes its input naive"),
        Wrong("changes n", reshapes_its_input, "changes its input n"),
        Wrong("an array", lambda *a: solved(*a).numpy(), "returned a NumPy array"),
        Wrong(
            "L written in",
            lambda naive, pad, n, L: solved(naive, pad, n, 8),
            "written into",
        ),
        Wrong(
            "longest row for L",
            lambda naive, pad, n, L: solved(naive, pad, n, int(n.max())),
            "longest row",
        ),
        Wrong("pad_mean", lambda naive, pad, n, L: pad, "mean of the padding"),
        Wrong("rows averaged", lambda *a: solved(*a).mean(0), ""),
        Wrong("a missing name", missing_name, ""),
        Wrong(
            "pad_mean ignored after all",
            lambda naive, pad, n, L: naive / (n / L)[:, None],
            "the padding is still in",
        ),
    ],
)


# 3.3
def outer(grad_output, attention_mask):
    weights = attention_mask / attention_mask.sum(1, keepdim=True)
    return torch.einsum("bl,bh->blh", weights, grad_output)


def expanded(grad_output, attention_mask):
    length = attention_mask.shape[1]
    grad = grad_output.unsqueeze(1).repeat(1, length, 1)
    grad = grad * attention_mask.unsqueeze(2)
    return grad / attention_mask.sum(1).view(-1, 1, 1)


def cell_by_cell(grad_output, attention_mask):
    batch, length = attention_mask.shape
    gradient = torch.zeros(batch, length, grad_output.shape[1])
    for i in range(batch):
        for j in range(length):
            if attention_mask[i, j]:
                gradient[i, j] = grad_output[i] / attention_mask[i].sum()
    return gradient


def zeroed_in_place(grad_output, attention_mask):
    gradient = (grad_output / attention_mask.sum(1, keepdim=True))[:, None, :]
    gradient = gradient.expand(-1, attention_mask.shape[1], -1).clone()
    gradient[attention_mask == 0] = 0
    return gradient


def to_the_first_n(grad_output, attention_mask):
    gradient = torch.zeros(*attention_mask.shape, grad_output.shape[1])
    for i, count in enumerate(attention_mask.sum(1).tolist()):
        gradient[i, :count] = grad_output[i] / count
    return gradient


def divides_its_input(grad_output, attention_mask):
    grad_output /= attention_mask.sum(1, keepdim=True)
    return grad_output.unsqueeze(1) * attention_mask.unsqueeze(2)


def with_fixed_shape(grad_output, attention_mask):
    weights = attention_mask / attention_mask.sum(1, keepdim=True)
    return weights.view(3, 6, 1) * grad_output.view(3, 1, 4)


def spread(g, weights):
    return torch.einsum("bh,bl->blh", g, weights)


MEAN_POOL_GRADIENT = Answers(
    right={
        "einsum": outer,
        "repeat": expanded,
        "loops": cell_by_cell,
        "in place on a clone": zeroed_in_place,
        "doubles": lambda g, m: outer(g.double(), m.double()),
    },
    wrong=[
        Wrong(
            "the naive mean's",
            lambda g, m: g[:, None].repeat(1, m.shape[1], 1) / m.shape[1],
            "naive mean's gradient",
        ),
        Wrong(
            "padding, too",
            lambda g, m: (g / m.sum(1, keepdim=True))[:, None].repeat(1, m.shape[1], 1),
            "Padding gets a gradient",
        ),
        Wrong("not divided", lambda g, m: g[:, None] * m[..., None], "Divide by nᵢ"),
        Wrong(
            "copied", lambda g, m: g[:, None].repeat(1, m.shape[1], 1), "whole gradient"
        ),
        Wrong("over L", lambda g, m: spread(g, m / m.shape[1]), "divided by L"),
        Wrong(
            "times n", lambda g, m: spread(g, m * 1.0 * m.sum(1)[:, None]), "multiplied"
        ),
        Wrong("over n²", lambda g, m: spread(g, m / m.sum(1)[:, None] ** 2), "twice"),
        Wrong("over all", lambda g, m: spread(g, m / m.sum()), "whole batch"),
        Wrong(
            "inverted",
            lambda g, m: spread(g, (1 - m) / m.sum(1)[:, None]),
            "wrong way round",
        ),
        Wrong(
            "inverted, divided by the padding",
            lambda g, m: spread(g, (1 - m) / (1 - m).sum(1)[:, None].clamp(min=1)),
            "wrong way round",
        ),
        Wrong(
            "grad_output left out",
            lambda g, m: spread(torch.ones_like(g), m / m.sum(1)[:, None]),
            "left out",
        ),
        Wrong("one gradient a row", lambda g, m: g / m.sum(1)[:, None], "One gradient"),
        Wrong("the weights", lambda g, m: m / m.sum(1)[:, None], "One gradient"),
        Wrong(
            "[B, H, L]", lambda g, m: outer(g, m).mT, "new axes are on the wrong places"
        ),
        Wrong("count [B]", lambda g, m: spread(g, m / m.sum(1)), "a second axis"),
        Wrong("count of columns", lambda g, m: spread(g, m / m.sum(0)), "wrong axis"),
        Wrong(
            "axes swapped",
            lambda g, m: g[:, :, None] * (m / m.sum(1)[:, None])[:, None],
            "new axes are on the wrong places",
        ),
        Wrong(
            "axes not there", lambda g, m: g * m / m.sum(1)[:, None], "needs a new axis"
        ),
        Wrong("to the first n", to_the_first_n, "wrong with padding on the left"),
        Wrong("divides its input", divides_its_input, "changes its input grad_output"),
        Wrong("shapes written in", with_fixed_shape, "written into your function"),
        Wrong(
            "first token",
            lambda g, m: spread(g, (m.cumsum(1) * m == 1).float()),
            "One token of each row",
        ),
        Wrong(
            "//",
            lambda g, m: spread(g, m.float()) // m.sum(1)[:, None, None],
            "// rounds",
        ),
        Wrong("rows run together", lambda g, m: outer(g, m)[m == 1], "One gradient"),
        Wrong("an array", lambda g, m: outer(g, m).numpy(), "returned a NumPy array"),
        Wrong("negative", lambda g, m: -outer(g, m), "but for its sign"),
        Wrong(
            "padding gets nan",
            lambda g, m: outer(g, m).masked_fill(m[..., None] == 0, NAN),
            "",
        ),
        Wrong(
            "side told by the first row",
            lambda g, m: outer(g, told_by_first_row(m)),
            "",
        ),
        Wrong(
            "the mask alone", lambda g, m: m[..., None].expand(-1, -1, g.shape[1]), ""
        ),
    ],
)


# 3.4
def filled(token_embeddings, attention_mask):
    kept = token_embeddings.masked_fill(attention_mask.unsqueeze(-1) == 0, 0)
    return kept.sum(1) / attention_mask.sum(1, keepdim=True).clamp(min=1)


def filled_copy(token_embeddings, attention_mask):
    hidden = token_embeddings.clone()
    hidden[attention_mask == 0] = 0.0
    return hidden.sum(1) / attention_mask.sum(1, keepdim=True).clamp(min=1)


def zeros_where_padding(token_embeddings, attention_mask):
    real = attention_mask[:, :, None] == 1
    kept = torch.where(real, token_embeddings, torch.zeros_like(token_embeddings))
    return kept.sum(1) / attention_mask.sum(1)[:, None].clamp(min=1)


def arrays_of_rows(token_embeddings, attention_mask):
    hidden, mask = token_embeddings.numpy(), attention_mask.numpy()
    means = np.zeros((len(hidden), hidden.shape[2]), dtype=np.float32)
    for i in range(len(hidden)):
        if mask[i].any():
            means[i] = hidden[i][mask[i] == 1].mean(0)
    return torch.from_numpy(means)


def fills_its_input(token_embeddings, attention_mask):
    token_embeddings.masked_fill_(attention_mask.unsqueeze(-1) == 0, 0)
    return filled(token_embeddings, attention_mask)


def safe_product(h, m):
    return product(h, m) / n(m).clamp(min=1)


def first_n_of_each(token_embeddings, attention_mask):
    counts = attention_mask.sum(1).tolist()
    pairs = zip(token_embeddings, counts, strict=True)
    return torch.stack([row[:count].mean(0) for row, count in pairs])


def only_nan(h, m):
    return safe_product(torch.where(h.isnan(), 0, h), m)


def columns_without_nan(token_embeddings, attention_mask):
    bad = ~token_embeddings.isfinite().all(-1)
    return filled(token_embeddings, attention_mask * ~bad)


def stays_nan_free(h, m):
    return torch.nan_to_num(safe_product(h, m))


NAN_SAFE_MEAN_POOL = Answers(
    right={
        "masked_fill": filled,
        "a filled copy": filled_copy,
        "where": zeros_where_padding,
        "row by row": row_by_row,
        "NumPy": arrays_of_rows,
    },
    wrong=[
        Wrong("a product", safe_product, "a product cannot remove padding"),
        Wrong(
            "as in the library", as_in_the_library, "a product cannot remove padding"
        ),
        Wrong("a matrix product", matrix_product, "a product cannot remove padding"),
        Wrong("nan_to_num", lambda h, m: filled(h.nan_to_num(), m), "You hide NaN"),
        Wrong(
            "nan_to_num to zeros",
            lambda h, m: safe_product(h.nan_to_num(0, 0, 0), m),
            "You hide NaN",
        ),
        Wrong("repaired at the end", stays_nan_free, "You repaired the result"),
        Wrong(
            "repaired to zeros",
            lambda h, m: safe_product(h, m).nan_to_num(0, 0, 0),
            "You repaired the result",
        ),
        Wrong("only nan", only_nan, "NaN is gone, infinity is not"),
        Wrong(
            "nan_to_num of nan alone",
            lambda h, m: safe_product(
                h.nan_to_num(nan=0, posinf=float("inf"), neginf=-float("inf")), m
            ),
            "NaN is gone, infinity is not",
        ),
        Wrong(
            "only infinity",
            lambda h, m: safe_product(h.masked_fill(h.isinf(), 0), m),
            "Infinity is gone, NaN is not",
        ),
        Wrong(
            "nanmean",
            lambda h, m: torch.nanmean(h.masked_fill(m[..., None] == 0, NAN), 1),
            "nanmean hides it",
        ),
        Wrong("nanmean alone", lambda h, m: h.nanmean(1), "padding is in"),
        Wrong(
            "nansum", lambda h, m: (h * m[..., None]).nansum(1) / n(m), "You hide NaN"
        ),
        Wrong("bad tokens left out", columns_without_nan, "You hide NaN"),
        Wrong(
            "divided by L",
            lambda h, m: torch.where(m[..., None] == 1, h, 0).mean(1),
            "and then divided by L",
        ),
        Wrong(
            "a sum", lambda h, m: torch.where(m[..., None] == 1, h, 0).sum(1), "the sum"
        ),
        Wrong(
            "inverted",
            lambda h, m: h.masked_fill(m[..., None].bool(), 0).sum(1) / n(m),
            "You replaced the real tokens",
        ),
        Wrong("the bug", lambda h, m: h.mean(1), "padding is in"),
        Wrong("first n", first_n_of_each, "wrong with padding on the left"),
        Wrong("fills its input", fills_its_input, "changes its input token_embeddings"),
        Wrong(
            "0/0",
            lambda h, m: h.masked_fill(m[..., None] == 0, 0).sum(1) / n(m),
            "must give zeros",
        ),
        Wrong(
            "mask without an axis",
            lambda h, m: h.masked_fill(m == 0, 0).sum(1) / n(m),
            "a third axis",
        ),
        Wrong(
            "masked_fill with an integer mask",
            lambda h, m: h.masked_fill(1 - m[..., None], 0).sum(1) / n(m),
            "",
        ),
        Wrong(
            "side told by the first row",
            lambda h, m: filled(h, told_by_first_row(m)),
            "",
        ),
        Wrong("all rows dropped", lambda h, m: filled(h, m)[:0], ""),
        Wrong(
            "compared with nan",
            lambda h, m: safe_product(torch.where(h == NAN, 0, h), m),
            "a product cannot remove padding",
        ),
        Wrong("an array", lambda h, m: filled(h, m).numpy(), "returned a NumPy array"),
    ],
)


# 3.5
def span_by_span(token_embeddings, spans):
    means = []
    for start, end in spans:
        if start == end:
            means.append(torch.zeros_like(token_embeddings[0]))
        else:
            means.append(token_embeddings[start:end].mean(0))
    return torch.stack(means)


def masks_times_vectors(token_embeddings, spans):
    masks = torch.zeros(len(spans), len(token_embeddings))
    for i, (start, end) in enumerate(spans):
        masks[i, start:end] = 1
    means = masks @ token_embeddings.float() / masks.sum(1, keepdim=True).clamp(min=1)
    return means.to(token_embeddings.dtype)


def masks_by_comparison(token_embeddings, spans):
    starts, ends = torch.tensor(spans).unsqueeze(-1).unbind(1)  # each [S, 1]
    positions = torch.arange(token_embeddings.shape[0])
    real = ((positions >= starts) & (positions < ends)).unsqueeze(-1)  # [S, L, 1]
    total = torch.where(real, token_embeddings, 0).sum(1)
    return total / real.sum(1).clamp(min=1)


def cumulative_sums(token_embeddings, spans):
    sums = nn.functional.pad(token_embeddings.double().cumsum(0), (0, 0, 1, 0))
    starts, ends = torch.tensor(spans).T
    means = (sums[ends] - sums[starts]) / (ends - starts).clamp(min=1).unsqueeze(1)
    return means.to(token_embeddings.dtype)


def filled_row_by_row(token_embeddings, spans):
    means = torch.zeros(len(spans), token_embeddings.size(1))
    for i, (start, end) in enumerate(spans):
        for position in range(start, end):
            means[i] += token_embeddings[position]
        means[i] /= max(end - start, 1)
    return means.type_as(token_embeddings)


def arrays_of_spans(token_embeddings, spans):
    hidden = token_embeddings.numpy()
    means = np.zeros((len(spans), hidden.shape[1]), dtype=hidden.dtype)
    for i, (start, end) in enumerate(spans):
        if end > start:
            means[i] = hidden[start:end].mean(axis=0)
    return torch.from_numpy(means)


def batch_of_one_text(token_embeddings, spans):
    masks = span_masks(token_embeddings, spans)
    return where(token_embeddings.repeat(len(spans), 1, 1), masks)


def span_masks(h, spans):
    masks = torch.zeros(len(spans), len(h), dtype=torch.long)
    for mask, (start, end) in zip(masks, spans, strict=True):
        mask[start:end] = 1
    return masks


def span_product(h, spans):
    return span_masks(h, spans).to(h.dtype) @ h


def from_each(vector):
    return lambda h, spans: torch.stack([vector(h, s, e) for s, e in spans])


def returns_in_the_loop(token_embeddings, spans):
    for start, end in spans:
        return token_embeddings[start:end].mean(0)


def keeps_the_last(token_embeddings, spans):
    for start, end in spans:
        mean = token_embeddings[start:end].mean(0)
    return mean


def one_mask_for_all(token_embeddings, spans):
    mask = torch.zeros(len(token_embeddings))
    for start, end in spans:
        mask[start:end] = 1
    return mask @ token_embeddings / mask.sum()


def numbers_the_tokens(token_embeddings, spans):
    chunk_of = torch.full([len(token_embeddings)], -1)
    for i, (start, end) in enumerate(spans):
        chunk_of[start:end] = i
    means = [token_embeddings[chunk_of == i].mean(0) for i in range(len(spans))]
    return torch.stack(means)


def takes_what_is_left(token_embeddings, spans):
    chunk_of = torch.full([len(token_embeddings)], -1)
    for i, (start, end) in enumerate(spans):
        free = chunk_of[start:end] == -1
        chunk_of[start:end][free] = i
    means = [token_embeddings[chunk_of == i].mean(0) for i in range(len(spans))]
    return torch.stack(means)


def leaves_out_empty(token_embeddings, spans):
    kept = [(start, end) for start, end in spans if end > start]
    return masks_times_vectors(token_embeddings, kept)


def sums_in_place(token_embeddings, spans):
    token_embeddings.cumsum_(0)
    sums = nn.functional.pad(token_embeddings, (0, 0, 1, 0))
    starts, ends = torch.tensor(spans).T
    return (sums[ends] - sums[starts]) / (ends - starts).clamp(min=1)[:, None]


def pops_its_spans(token_embeddings, spans):
    means = []
    while spans:
        start, end = spans.pop(0)
        means.append(token_embeddings[start:end].sum(0) / max(end - start, 1))
    return torch.stack(means)


def sorts_its_spans(token_embeddings, spans):
    spans.sort()
    return masks_times_vectors(token_embeddings, spans)


def two_spans(token_embeddings, spans):
    means = torch.zeros(2, 3)
    for i, (start, end) in enumerate(spans):
        means[i] = token_embeddings[start:end].mean(0)
    return means


def sums_without_zeros(token_embeddings, spans):
    sums = token_embeddings.cumsum(0)
    means = [(sums[end - 1] - sums[start - 1]) / (end - start) for start, end in spans]
    return torch.stack(means)


def sums_of_later_tokens(token_embeddings, spans):
    sums = token_embeddings.cumsum(0)
    return torch.stack([(sums[e] - sums[s]) / (e - s) for s, e in spans])


def sums_without_the_first(token_embeddings, spans):
    sums = token_embeddings.cumsum(0)
    return torch.stack([(sums[e - 1] - sums[s]) / (e - s) for s, e in spans])


def nan_for_nothing(token_embeddings, spans):
    masks = span_masks(token_embeddings, spans).to(token_embeddings.dtype)
    return masks @ token_embeddings / masks.sum(1, keepdim=True)


def float_masks(token_embeddings, spans):
    masks = span_masks(token_embeddings, spans).float()
    return masks @ token_embeddings / masks.sum(1, keepdim=True).clamp(min=1)


def between(token_embeddings, spans):
    """The usual cut of a text: from each start to the next."""
    starts = [start for start, _ in spans] + [spans[-1][1]]
    pairs = pairwise(starts)
    return torch.stack([token_embeddings[start:end].mean(0) for start, end in pairs])


SPAN_MEANS = Answers(
    right={
        "span by span": span_by_span,
        "masks in a product": masks_times_vectors,
        "masks by comparison": masks_by_comparison,
        "cumulative sums": cumulative_sums,
        "loops": filled_row_by_row,
        "NumPy": arrays_of_spans,
        "a batch of one text": batch_of_one_text,
    },
    wrong=[
        Wrong(
            "end inclusive",
            from_each(lambda h, s, e: h[s : e + 1].mean(0)),
            "`end` is exclusive: the span (1, 3) holds",
        ),
        Wrong(
            "end inclusive in the sum",
            from_each(lambda h, s, e: h[s : e + 1].sum(0) / (e - s)),
            "is in your sum",
        ),
        Wrong(
            "one too many in the count",
            from_each(lambda h, s, e: h[s:e].sum(0) / (e - s + 1)),
            "no + 1",
        ),
        Wrong(
            "end − 1", from_each(lambda h, s, e: h[s : e - 1].mean(0)), "without − 1"
        ),
        Wrong(
            "start exclusive",
            from_each(lambda h, s, e: h[s + 1 : e].mean(0)),
            "`start` belongs to it",
        ),
        Wrong(
            "counted from 1",
            from_each(lambda h, s, e: h[s - 1 : e - 1].mean(0)),
            "one token early",
        ),
        Wrong("cumsum, no zeros", sums_without_zeros, "starts at 0 goes wrong"),
        Wrong("cumsum, one late", sums_of_later_tokens, "one token late"),
        Wrong("cumsum, no first", sums_without_the_first, "missing from your sum"),
        Wrong(
            "cumsum, no difference",
            from_each(lambda h, s, e: h.cumsum(0)[e - 1] / (e - s)),
            "from the beginning of the text",
        ),
        Wrong("over L", lambda h, spans: span_product(h, spans) / len(h), "by L"),
        Wrong(
            "mean of a product",
            lambda h, spans: (h * span_masks(h, spans)[..., None]).mean(1),
            "by L",
        ),
        Wrong(
            "over end",
            from_each(lambda h, s, e: h[s:e].sum(0) / e),
            "divided by `end`",
        ),
        Wrong(
            "over the number of spans",
            lambda h, spans: span_product(h, spans) / len(spans),
            "by the number of spans",
        ),
        Wrong("a sum", span_product, "the sum of each span"),
        Wrong(
            "start ignored",
            from_each(lambda h, s, e: h[:e].mean(0)),
            "ignored `start`",
        ),
        Wrong("end ignored", from_each(lambda h, s, e: h[s:].mean(0)), "ignored `end`"),
        Wrong(
            "start and length",
            from_each(lambda h, s, e: h[s : s + e].mean(0)),
            "not how long it is",
        ),
        Wrong(
            "inverted",
            lambda h, spans: where(
                h.expand(len(spans), -1, -1), 1 - span_masks(h, spans)
            ),
            "outside the span",
        ),
        Wrong(
            "the whole text",
            lambda h, spans: h.mean(0).repeat(len(spans), 1),
            "the whole text, each time",
        ),
        Wrong("the whole text, once", lambda h, spans: h.mean(0), "That is one vector"),
        Wrong("one mask for all", one_mask_for_all, "That is one vector"),
        Wrong(
            "count of all spans",
            lambda h, spans: span_product(h, spans) / span_masks(h, spans).sum(),
            "tokens of all spans",
        ),
        Wrong(
            "count [S]",
            lambda h, spans: span_product(h, spans) / span_masks(h, spans).sum(1),
            "a second axis",
        ),
        Wrong(
            "count over the spans",
            lambda h, spans: (
                span_product(h, spans) / span_masks(h, spans).sum(0, keepdim=True)
            ),
            "summed over the wrong axis",
        ),
        Wrong(
            "masks [L, S]",
            lambda h, spans: span_masks(h, spans).T.float() @ h,
            "the wrong way round for the product",
        ),
        Wrong(
            "[H, S]",
            lambda h, spans: span_by_span(h, spans).T,
            "axes are swapped",
        ),
        Wrong(
            "masks without an axis",
            lambda h, spans: (h * span_masks(h, spans)).sum(1),
            "a third axis",
        ),
        Wrong(
            "masks of whole numbers",
            lambda h, spans: span_masks(h, spans) @ h,
            "of whole",
        ),
        Wrong(
            "masks of True and False",
            lambda h, spans: (span_masks(h, spans) == 1) @ h,
            "no mask of True",
        ),
        Wrong("first span", returns_in_the_loop, "first span alone"),
        Wrong("last span", keeps_the_last, "last span alone"),
        Wrong(
            "cat",
            lambda h, spans: torch.cat([h[s:e].mean(0) for s, e in spans]),
            "torch.stack puts",
        ),
        Wrong(
            "keepdim",
            from_each(lambda h, s, e: h[s:e].mean(0, keepdim=True)),
            "An axis is left",
        ),
        Wrong(
            "not summed",
            lambda h, spans: h * span_masks(h, spans).unsqueeze(-1),
            "The tokens are still there",
        ),
        Wrong("over H", from_each(lambda h, s, e: h[s:e].mean(-1)), "axis 0 of a"),
        Wrong("over all", from_each(lambda h, s, e: h[s:e].mean()), "one number for"),
        Wrong("later spans overwrite", numbers_the_tokens, "Later spans take"),
        Wrong("earlier spans keep", takes_what_is_left, "Earlier spans take"),
        Wrong(
            "sorted",
            lambda h, spans: span_by_span(h, sorted(spans)),
            "in another order",
        ),
        Wrong(
            "squeezed",
            lambda h, spans: span_by_span(h, spans).squeeze(),
            "That is one vector",
        ),
        Wrong("from start to start", between, "leave tokens out"),
        Wrong(
            "0/0", from_each(lambda h, s, e: h[s:e].mean(0)), "must give zeros, not 0/0"
        ),
        Wrong("0/0 by masks", nan_for_nothing, "must give zeros, not 0/0"),
        Wrong("empty left out", leaves_out_empty, "A row is missing"),
        Wrong("float masks", float_masks, "In half precision it goes wrong"),
        Wrong(
            "float32 of half",
            lambda h, spans: float_masks(h.float(), spans),
            "expected float16, the type of its input",
        ),
        Wrong("sums in place", sums_in_place, "changes its input token_embeddings"),
        Wrong("pops", pops_its_spans, "changes its input spans"),
        Wrong("sorts in place", sorts_its_spans, "in another order"),
        Wrong("shapes written in", two_spans, "written into your function"),
        Wrong(
            "a list", lambda h, spans: list(span_by_span(h, spans)), "returned a list"
        ),
        Wrong(
            "an array",
            lambda h, spans: span_by_span(h, spans).numpy(),
            "returned a NumPy array",
        ),
        Wrong("√n", from_each(lambda h, s, e: h[s:e].sum(0) / (e - s) ** 0.5), "root"),
        Wrong(
            "scaled to length 1",
            lambda h, spans: nn.functional.normalize(span_by_span(h, spans)),
            "length 1",
        ),
        Wrong(
            "//", from_each(lambda h, s, e: h[s:e].sum(0) // (e - s)), "// rounds down"
        ),
        Wrong("largest", from_each(lambda h, s, e: h[s:e].amax(0)), "largest"),
        Wrong("median", from_each(lambda h, s, e: h[s:e].median(0).values), ""),
        Wrong("first token", from_each(lambda h, s, e: h[s]), "first token of each"),
        Wrong("last token", from_each(lambda h, s, e: h[e - 1]), "last token of each"),
        Wrong(
            "both ends",
            from_each(lambda h, s, e: (h[s] + h[e - 1]) / 2),
            "mean of two tokens",
        ),
        Wrong("without spans", lambda h: h.mean(0), "must take 2 arguments"),
    ],
)

ANSWERS = {
    "mean_pool": MEAN_POOL,
    "true_mean": TRUE_MEAN,
    "mean_pool_gradient": MEAN_POOL_GRADIENT,
    "nan_safe_mean_pool": NAN_SAFE_MEAN_POOL,
    "span_means": SPAN_MEANS,
}
