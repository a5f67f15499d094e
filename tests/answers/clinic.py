"""Answers to the exercises of the clinic, as students write them."""

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers.catalogue import Answers, Wrong

# 0.1 largest_change


def change_by_loop(encode, texts):
    largest = 0.0
    for vector, text in zip(encode(texts), texts, strict=True):
        alone = encode([text])[0]
        largest = max(largest, ((vector - alone).norm() / alone.norm()).item())
    return largest


def change_of(measure):
    """measure(beside, alone) -> what is returned."""

    def answer(encode, texts):
        alone = torch.stack([encode([text])[0] for text in texts])
        return measure(encode(texts), alone)

    return answer


def shares(beside, alone):
    return torch.linalg.vector_norm(beside - alone, dim=1) / alone.norm(dim=1)


def twice_the_batch(encode, texts):
    return float((encode(texts) - encode(texts)).norm(dim=1).max())


LARGEST_CHANGE = Answers(
    {
        "loop": change_by_loop,
        "vectors": change_of(lambda b, a: shares(b, a).max().item()),
        "a tensor": change_of(lambda b, a: shares(b, a).max()),
        "NumPy": change_of(
            lambda b, a: np.max(
                np.linalg.norm(b.numpy() - a.numpy(), axis=1)
                / np.linalg.norm(a.numpy(), axis=1)
            )
        ),
    },
    [
        Wrong("mean", change_of(lambda b, a: shares(b, a).mean().item()), "the mean"),
        Wrong("min", change_of(lambda b, a: shares(b, a).min().item()), "smallest"),
        Wrong(
            "length of the difference",
            change_of(lambda b, a: (b - a).norm(dim=1).max().item()),
            "Divide it by the length",
        ),
        Wrong(
            "divided by the other",
            change_of(lambda b, a: shares(a, b).max().item()),
            "length beside the others",
        ),
        Wrong(
            "one number",
            change_of(lambda b, a: (b - a).abs().max().item()),
            "one number",
        ),
        Wrong(
            "whole matrix",
            change_of(lambda b, a: ((b - a).norm() / a.norm()).item()),
            "whole matrix",
        ),
        Wrong(
            "wrong axis",
            change_of(lambda b, a: ((b - a).norm(dim=0) / a.norm(dim=0)).max().item()),
            "wrong axis",
        ),
        Wrong("the batch twice", twice_the_batch, "same batch twice"),
        Wrong("first", change_of(lambda b, a: shares(b, a)[0].item()), "first text"),
        Wrong(
            "cosine",
            change_of(lambda b, a: (1 - F.cosine_similarity(b, a)).max().item()),
            "1 − cosine",
        ),
        Wrong(
            "percent",
            change_of(lambda b, a: 100 * shares(b, a).max().item()),
            "percent",
        ),
        Wrong("all", change_of(shares), "Return the largest"),
        Wrong("no return", lambda encode, texts: None, "`return`"),
    ],
)

# 0.2 guilty_stage


def tell(order=True, batch=True, padding=True, limit=1e-5):
    def answer(encode):
        texts = ["two words", "one", "three words here"]
        alone = torch.cat([encode([text]) for text in texts])
        for i, vector in enumerate(encode(texts)):
            j = int((alone - vector).norm(dim=1).argmin())
            if order and j != i and torch.allclose(alone[j], vector, atol=1e-4):
                return "order"
        one = encode(["one"])[0]
        if batch and (encode(["one", "one"])[0] - one).abs().max() > limit:
            return "batch"
        longer = encode(["one", "three words here"])[0]
        if padding and (longer - one).abs().max() > limit:
            return "padding"
        return "sound"

    return answer


def tell_by_rows(encode):
    a, b, c = "red", "blue sky", "the green grass"
    va, vb, vc = (encode([t])[0] for t in (a, b, c))
    moved = encode([b, c, a])
    wanted = torch.stack([vb, vc, va])
    if not torch.allclose(moved, wanted, atol=1e-5):
        mixed = encode([b, b])[1]
        if not torch.allclose(mixed, vb, atol=1e-5):
            return "batch"
        for vector in (va, vb, vc):
            if not ((moved - vector).norm(dim=1) < 1e-4).any():
                return "padding"
        return "order"
    return "sound"


def tell_by_sums(encode):
    texts = ["a b c", "d", "e f"]
    alone = torch.cat([encode([t]) for t in texts])
    beside = encode(texts)
    if torch.allclose(alone, beside, atol=1e-5):
        return "sound"
    if torch.allclose(alone.sort(0).values, beside.sort(0).values, atol=1e-4):
        return "order"
    same = encode(["d", "d", "d"])[0]
    return "padding" if torch.allclose(same, alone[1], atol=1e-5) else "batch"


def padding_first(encode):
    one = encode(["one"])[0]
    if (encode(["one", "three words here"])[0] - one).norm() > 1e-5 * one.norm():
        return "padding"
    return tell(padding=False)(encode)


GUILTY_STAGE = Answers(
    {"in order": tell(), "by rows": tell_by_rows, "by sums": tell_by_sums},
    [
        Wrong("no order", tell(order=False), "order"),
        Wrong("no batch", tell(batch=False), "same length"),
        Wrong("no padding", tell(padding=False), "longer companion"),
        Wrong("to the last bit", tell(limit=0.0), "rounding"),
        Wrong("padding first", padding_first, "padding first"),
        Wrong("always sound", lambda encode: "sound", "always say that it is sound"),
        Wrong("always padding", lambda encode: "padding", ""),
        Wrong(
            "always order", lambda encode: "order", "always say that it is the order"
        ),
        Wrong(
            "always batch", lambda encode: "batch", "always say that it is the batch"
        ),
        Wrong("capital", lambda encode: tell()(encode).capitalize(), "small letters"),
        Wrong("a boolean", lambda encode: tell()(encode) == "sound", "four words"),
        Wrong("no return", lambda encode: None, "`return`"),
    ],
)

# 0.3 cut_vectors


def cut_by_loop(vectors, k):
    rows = []
    for row in vectors:
        kept = row[:k]
        length = kept.norm()
        rows.append(kept / length if length > 0 else kept)
    return torch.stack(rows)


CUT_VECTORS = Answers(
    {
        "normalize": lambda v, k: F.normalize(v[:, :k], dim=1),
        "clamp": lambda v, k: v[:, :k] / v[:, :k].norm(dim=1, keepdim=True).clamp(1e-9),
        "loop": cut_by_loop,
        "narrow": lambda v, k: F.normalize(v.narrow(1, 0, k), dim=-1),
    },
    [
        Wrong("cut only", lambda v, k: v[:, :k], "not normalized again"),
        Wrong("before", lambda v, k: F.normalize(v, dim=1)[:, :k], "before the cut"),
        Wrong("rows", lambda v, k: F.normalize(v[:k], dim=1), "first k rows"),
        Wrong("last", lambda v, k: F.normalize(v[:, -k:], dim=1), "last k"),
        Wrong("columns", lambda v, k: F.normalize(v[:, :k], dim=0), "columns"),
        Wrong("matrix", lambda v, k: v[:, :k] / v[:, :k].norm(), "whole matrix"),
        Wrong(
            "nan", lambda v, k: v[:, :k] / v[:, :k].norm(dim=1, keepdim=True), "zeros"
        ),
        Wrong("sum", lambda v, k: F.normalize(v[:, :k], p=1, dim=1), "root of the sum"),
        Wrong("one less", lambda v, k: F.normalize(v[:, : k - 1], dim=1), "k − 1"),
        Wrong("one more", lambda v, k: F.normalize(v[:, : k + 1], dim=1), "k + 1"),
        Wrong(
            "the rest zero",
            lambda v, k: F.normalize(
                torch.cat([v[:, :k], torch.zeros_like(v[:, k:])], 1), dim=1
            ),
            "[N, k]",
        ),
        Wrong("max", lambda v, k: F.normalize(v[:, :k], p=math.inf, dim=1), ""),
        Wrong("no return", lambda v, k: None, "`return`"),
    ],
)

# 0.4 duplicate_floor


def floor_by_cross_entropy(positives):
    equal = torch.tensor([[a == b for b in positives] for a in positives])
    logits = torch.zeros(equal.shape).masked_fill(~equal, -math.inf)
    return F.cross_entropy(logits, torch.arange(len(positives))).item()


def mean_over(cost):
    return lambda positives: (
        sum(cost(positives.count(t)) for t in positives) / len(positives)
    )


DUPLICATE_FLOOR = Answers(
    {
        "count": mean_over(math.log),
        "cross entropy": floor_by_cross_entropy,
        "by text": lambda p: sum(c * math.log(c) for c in Counter(p).values()) / len(p),
        "NumPy": lambda p: float(np.mean(np.log([p.count(t) for t in p]))),
    },
    [
        Wrong("zero", lambda p: 0.0, "It can't be 0"),
        Wrong("ln B", lambda p: math.log(len(p)), "That is ln B"),
        Wrong("sum", lambda p: sum(math.log(p.count(t)) for t in p), "not the sum"),
        Wrong(
            "each text once",
            lambda p: sum(math.log(c) for c in Counter(p).values()) / len(p),
            "counts once",
        ),
        Wrong(
            "mean over texts",
            lambda p: np.mean([math.log(c) for c in Counter(p).values()]),
            "number of different texts",
        ),
        Wrong("no logarithm", mean_over(float), "left out the logarithm"),
        Wrong("c - 1", mean_over(lambda c: c - 1), "c − 1"),
        Wrong("base 2", mean_over(math.log2), "base 2"),
        Wrong("base 10", mean_over(math.log10), "base 10"),
        Wrong("ln 2", mean_over(lambda c: math.log(2) * (c > 1)), "costs ln 2"),
        Wrong("share", mean_over(lambda c: float(c > 1)), "share of rows"),
        Wrong("minus", mean_over(lambda c: -math.log(c)), "sign"),
        Wrong(
            "largest", lambda p: max(math.log(p.count(t)) for t in p), "largest cost"
        ),
        Wrong("no return", lambda p: None, "`return`"),
    ],
)

ANSWERS = {
    "largest_change": LARGEST_CHANGE,
    "guilty_stage": GUILTY_STAGE,
    "cut_vectors": CUT_VECTORS,
    "duplicate_floor": DUPLICATE_FLOOR,
}
