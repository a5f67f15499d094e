"""Checks of the clinic: find the fault in an encoder that you are handed."""

import math
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from helpers.checks.inputs import decimals
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge

Encode = Callable[[list[str]], Tensor]

# Encoders that a check hands over: a table of word vectors, and a fault on the way.


def _tokens(texts: list[str], size: int = 8) -> tuple[Tensor, Tensor]:
    """token_embeddings [B, L, H] of the words, padding not near 0, and the mask."""
    rows = [text.split() or [""] for text in texts]
    width = max(map(len, rows))
    hidden = decimals(size, seed=99).expand(len(rows), width, size).clone() + 2
    mask = torch.zeros(len(rows), width)
    for i, row in enumerate(rows):
        for j, word in enumerate(row):
            number = sum(ord(c) * 31**k for k, c in enumerate(word)) % 100_003
            hidden[i, j] = decimals(size, seed=number)
            mask[i, j] = 1
    return hidden, mask[:, :, None]


def right(texts: list[str]) -> Tensor:
    hidden, mask = _tokens(texts)
    return (hidden * mask).sum(1) / mask.sum(1)


def rounded(texts: list[str]) -> Tensor:
    return right(texts) * (1 + 1e-7 * len(texts))


def padded(texts: list[str]) -> Tensor:
    return _tokens(texts)[0].mean(1)


def largest_padded(texts: list[str]) -> Tensor:
    return _tokens(texts)[0].amax(1)


def columns_scaled(texts: list[str]) -> Tensor:
    return torch.nn.functional.normalize(right(texts), dim=0)


def batch_scaled(texts: list[str]) -> Tensor:
    vectors = right(texts)
    return vectors / vectors.norm()


def by_length(texts: list[str]) -> Tensor:
    return right(sorted(texts, key=lambda text: len(text.split())))


def turned_round(texts: list[str]) -> Tensor:
    return right(texts[::-1])


def together(encode: Encode, texts: list[str]) -> tuple[Tensor, Tensor]:
    return encode(texts), torch.cat([encode([text]) for text in texts])


def share(encode: Encode, texts: list[str]) -> Tensor:
    beside, alone = together(encode, texts)
    return (beside - alone).norm(dim=1) / alone.norm(dim=1)


LARGEST_CHANGE_MISTAKES = [
    (
        "That is the mean of the changes. One text out of a hundred may be spoiled: "
        "take the largest.",
        lambda encode, texts: float(share(encode, texts).mean()),
    ),
    (
        "That is the smallest change. Take the largest.",
        lambda encode, texts: float(share(encode, texts).min()),
    ),
    (
        "That is the length of the difference. Divide it by the length of the vector "
        "alone: encoders differ in their lengths.",
        lambda encode, texts: float(
            torch.sub(*together(encode, texts)).norm(dim=1).max()
        ),
    ),
    (
        "You divided by the length beside the others. Divide by the length alone: that "
        "is the one to compare with.",
        lambda encode, texts: float(
            (
                torch.sub(*together(encode, texts)).norm(dim=1)
                / encode(texts).norm(dim=1)
            ).max()
        ),
    ),
    (
        "That is the largest difference of one number. Take the length of each row's "
        "difference: norm(dim=1).",
        lambda encode, texts: float(torch.sub(*together(encode, texts)).abs().max()),
    ),
    (
        "You took the norm of the whole matrix. Each text has its own: norm(dim=1).",
        lambda encode, texts: float(
            torch.sub(*together(encode, texts)).norm()
            / together(encode, texts)[1].norm()
        ),
    ),
    (
        "That is the wrong axis: norm(dim=1) goes over the numbers of one vector.",
        lambda encode, texts: float(
            (
                torch.sub(*together(encode, texts)).norm(dim=0)
                / together(encode, texts)[1].norm(dim=0)
            ).max()
        ),
    ),
    (
        "You encoded the same batch twice. Encode each text alone to compare with.",
        lambda encode, texts: 0.0,
    ),
    (
        "That is the change of the first text only. Take the largest of all.",
        lambda encode, texts: float(share(encode, texts)[0]),
    ),
    (
        "That is 1 − cosine, which misses a change of length.",
        lambda encode, texts: float(
            (1 - torch.cosine_similarity(*together(encode, texts))).max()
        ),
    ),
    (
        "In percent? The share itself is asked for.",
        lambda encode, texts: 100 * float(share(encode, texts).max()),
    ),
    (
        "You return all shares. Return the largest one.",
        lambda encode, texts: share(encode, texts),
    ),
    (
        "You compared neighbors: the whole batch with a batch of two. Encode each text "
        "alone.",
        lambda encode, texts: float(
            ((encode(texts)[:1] - encode(texts[:2])[:1]).norm(dim=1)).max()
        ),
    ),
]


@exercise("0.1")
def largest_change(answer: Answer) -> Verdict:
    """answer(encode, texts) -> largest change of a vector, as a share of its length.

    encode gives [N, H] for a list of strings. In one call against each alone.
    Example:
    answer(lambda texts: torch.ones(len(texts), 2) * len(texts), ["a", "b"]) -> 1.0
    """
    texts = ["the cat", "a dog barks loudly in the night", "rain", "old house"]
    cases = [
        Case((padded, texts)),
        Case((batch_scaled, texts[:3])),
        Case((largest_padded, texts[::-1])),
        Case((right, texts)),
    ]
    return judge(
        answer,
        reference=lambda encode, texts: float(share(encode, texts).max()),
        cases=cases,
        mistakes=LARGEST_CHANGE_MISTAKES,
        praise="Anything above rounding, 0.00001 in float32, has a cause.",
    )


def stage(
    encode: Encode,
    order: tuple[str, ...] | None = ("tree grows", "cat", "a dog barks"),
    batch: bool = True,
    padding: bool = True,
    limit: float = 1e-5,
    first_padding: bool = False,
) -> str:
    """The right way to tell, and with other options the wrong ones."""
    if first_padding and float(share(encode, ["cat", "a dog barks"])[0]) > limit:
        return "padding"
    if order:
        beside, alone = together(encode, list(order))
        apart = torch.cdist(beside, alone)
        if bool((apart.min(1).values < 1e-4).all()) and bool(
            (apart.argmin(1) != torch.arange(len(order))).any()
        ):
            return "order"
    if batch and float(share(encode, ["cat", "cat"]).max()) > limit:
        return "batch"
    if padding and float(share(encode, ["cat", "a dog barks"])[0]) > limit:
        return "padding"
    return "sound"


GUILTY_STAGE_MISTAKES = [
    (
        "You never look at the order: compare each row with every text's vector alone.",
        lambda encode: stage(encode, order=None),
    ),
    (
        "Your texts are sorted by length already, so sorting them shows nothing. Mix "
        "them.",
        lambda encode: stage(encode, order=("cat", "tree grows", "a dog barks")),
    ),
    (
        "You never try a companion of the same length: encode([a, a]).",
        lambda encode: stage(encode, batch=False),
    ),
    (
        "You never try a longer companion, so you never see padding.",
        lambda encode: stage(encode, padding=False),
    ),
    (
        "You ask for padding first. A fault that mixes the rows shows there as well: "
        "try texts of one length before.",
        lambda encode: stage(encode, first_padding=True),
    ),
    (
        "A change of 0.0000001 is rounding: allow for 0.00001.",
        lambda encode: stage(encode, limit=1e-9),
    ),
    (
        "Your limit is too high: a change of a few percent is a fault, too.",
        lambda encode: stage(encode, limit=0.5),
    ),
    ("You always say that it is sound.", lambda encode: "sound"),
    ("You always say that it is the padding.", lambda encode: "padding"),
    ("You always say that it is the order.", lambda encode: "order"),
    ("You always say that it is the batch.", lambda encode: "batch"),
    (
        "Return one of the four words: 'order', 'batch', 'padding', 'sound'.",
        lambda encode: stage(encode) == "sound",
    ),
    (
        "Return the word in small letters, as it stands in the exercise.",
        lambda encode: stage(encode).capitalize(),
    ),
]


@exercise("0.2")
def guilty_stage(answer: Answer) -> Verdict:
    """answer(encode) -> "order", "batch", "padding" or "sound".

    encode gives [N, H] for a list of strings; each word is one token.
    Example:
    answer(lambda texts: torch.ones(len(texts), 2) * len(texts)) -> "batch"
    """
    encoders = (
        *(padded, right, columns_scaled, by_length, rounded),
        *(turned_round, batch_scaled, largest_padded),
    )
    return judge(
        answer,
        reference=lambda encode: stage(encode),
        cases=[Case((encode,)) for encode in encoders],
        mistakes=GUILTY_STAGE_MISTAKES,
        praise="helpers.diagnose does the same, and then looks inside.",
    )


def _unit(vectors: Tensor, dim: int = 1) -> Tensor:
    return vectors / vectors.norm(dim=dim, keepdim=True).clamp(min=1e-12)


CUT_VECTORS_MISTAKES = [
    (
        "The cut vectors are not normalized again: their lengths are below 1, each by "
        "its own amount.",
        lambda vectors, k: vectors[:, :k],
    ),
    (
        "You normalized before the cut. Cut first: what is left must have length 1.",
        lambda vectors, k: _unit(vectors)[:, :k],
    ),
    (
        "You kept the first k rows. Dimensions are the columns: vectors[:, :k].",
        lambda vectors, k: _unit(vectors[:k]),
    ),
    (
        "You kept the last k dimensions. The first ones are asked for.",
        lambda vectors, k: _unit(vectors[:, -k:]),
    ),
    (
        "You dropped the first k dimensions. Keep them: [:, :k].",
        lambda vectors, k: _unit(vectors[:, k:]),
    ),
    (
        "You normalized the columns. Each row gets length 1: dim=1.",
        lambda vectors, k: _unit(vectors[:, :k], dim=0),
    ),
    (
        "You divided by the length of the whole matrix. Each row has its own.",
        lambda vectors, k: vectors[:, :k] / vectors[:, :k].norm(),
    ),
    (
        "A row of zeros became nan. Clamp the length before you divide.",
        lambda vectors, k: vectors[:, :k] / vectors[:, :k].norm(dim=1, keepdim=True),
    ),
    (
        "You divided by the sum of the numbers. The length is the root of the sum of "
        "squares: norm(dim=1).",
        lambda vectors, k: (
            vectors[:, :k] / vectors[:, :k].abs().sum(1, keepdim=True).clamp(min=1e-12)
        ),
    ),
    (
        "You divided by the squared length. Take its root: norm(dim=1).",
        lambda vectors, k: (
            vectors[:, :k]
            / vectors[:, :k].square().sum(1, keepdim=True).clamp(min=1e-12)
        ),
    ),
    (
        "You kept k − 1 dimensions: the end of a slice is left out already.",
        lambda vectors, k: _unit(vectors[:, : k - 1]),
    ),
    (
        "You kept k + 1 dimensions: the end of a slice is left out already.",
        lambda vectors, k: _unit(vectors[:, : k + 1]),
    ),
    (
        "You set the rest to 0 and kept its columns: the result is [N, k].",
        lambda vectors, k: _unit(
            vectors * (torch.arange(vectors.shape[1]) < k).to(vectors.dtype)
        ),
    ),
]


@exercise("0.3")
def cut_vectors(answer: Answer) -> Verdict:
    """answer(vectors, k) -> the first k dimensions, each row of length 1, [N, k].

    A row that is zero after the cut stays zero.
    Example:
    answer(torch.tensor([[3.0, 4.0, 12.0]]), 2) -> tensor([[0.6000, 0.8000]])
    """
    with_zeros = decimals(4, 6, seed=3)
    with_zeros[2, :3] = 0
    cases = [
        Case((decimals(3, 8, seed=1), 4)),
        Case((decimals(5, 6, seed=2), 2)),
        Case((with_zeros, 3)),
    ]
    return judge(
        answer,
        reference=lambda vectors, k: _unit(vectors[:, :k]),
        cases=cases,
        mistakes=CUT_VECTORS_MISTAKES,
        praise="Now a dot product is a cosine again.",
    )


def _floor(positives: list[str]) -> float:
    counts = Counter(positives)
    return sum(math.log(counts[text]) for text in positives) / len(positives)


DUPLICATE_FLOOR_MISTAKES = [
    (
        "It can't be 0: equal texts have equal vectors, and share the probability.",
        lambda positives: 0.0,
    ),
    (
        "That is ln B, where nothing is told apart. Only equal texts can't be.",
        lambda positives: math.log(len(positives)),
    ),
    (
        "Take the mean over the batch, not the sum.",
        lambda positives: _floor(positives) * len(positives),
    ),
    (
        "Each text counts once in your mean. It is a mean over the rows: a text that "
        "is there twice pays twice.",
        lambda positives: (
            sum(math.log(c) for c in Counter(positives).values()) / len(positives)
        ),
    ),
    (
        "You divide by the number of different texts. The mean is over the rows.",
        lambda positives: (
            sum(math.log(c) for c in Counter(positives).values())
            / len(Counter(positives))
        ),
    ),
    (
        "You left out the logarithm: c equal columns cost ln c.",
        lambda positives: (
            sum(Counter(positives)[text] for text in positives) / len(positives)
        ),
    ),
    (
        "You took c − 1 for the cost. c equal columns share the probability, 1/c each: "
        "ln c.",
        lambda positives: (
            sum(Counter(positives)[text] - 1 for text in positives) / len(positives)
        ),
    ),
    (
        "That is the logarithm to base 2. Cross entropy takes the natural one.",
        lambda positives: _floor(positives) / math.log(2),
    ),
    (
        "That is the logarithm to base 10. Cross entropy takes the natural one.",
        lambda positives: _floor(positives) / math.log(10),
    ),
    (
        "Every text that is there more than once costs ln 2 in yours. It is ln c.",
        lambda positives: (
            sum(math.log(2) for t in positives if positives.count(t) > 1)
            / len(positives)
        ),
    ),
    (
        "That is the share of rows with a twin. Each pays ln c.",
        lambda positives: (
            sum(positives.count(t) > 1 for t in positives) / len(positives)
        ),
    ),
    (
        "The sign is wrong: a loss is −ln of a probability.",
        lambda positives: -_floor(positives),
    ),
    (
        "You took the largest cost. The loss is the mean over the rows.",
        lambda positives: max(math.log(positives.count(t)) for t in positives),
    ),
    (
        "Only neighbors count as equal in yours. Copies may stand anywhere.",
        lambda positives: (
            sum(
                math.log(2)
                for i, t in enumerate(positives)
                if t in positives[max(0, i - 1) : i] + positives[i + 1 : i + 2]
            )
            / len(positives)
        ),
    ),
]


@exercise("0.4")
def duplicate_floor(answer: Answer) -> Verdict:
    """answer(positives) -> the least in-batch loss, a number.

    positives, the positives' texts of one batch.
    Example:
    answer(["a", "b", "c", "a"]) -> 0.34657359027997264
    """
    batches = (
        ["a", "b", "c", "a"],
        ["a", "b", "c", "d", "a", "c", "a"],
        ["x", "x", "x"],
        ["a", "b", "c"],
    )
    return judge(
        answer,
        reference=_floor,
        cases=[Case((batch,)) for batch in batches],
        mistakes=DUPLICATE_FLOOR_MISTAKES,
        praise="A curve that flattens there has learned all it can from such batches.",
    )
