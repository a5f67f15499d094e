"""Drawings of how things connect: the way to a vector, the mask, attention, training.

Shapes are written as in the lessons: B rows, L padded length, H hidden size.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from helpers.plots.figure import (
    BLUE,
    GREY,
    MID_BLUE,
    ORANGE,
    PALE_BLUE,
    PALE_GREY,
    PALE_ORANGE,
    RED,
    show,
)

Point = tuple[float, float]


def _sheet(width: float, height: float) -> tuple[Figure, plt.Axes]:
    """An empty sheet whose coordinates are inches, from the lower left corner."""
    figure = plt.figure(figsize=(width, height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return figure, ax


def _box(
    ax: plt.Axes,
    middle: Point,
    size: Point,
    text: str = "",
    color: str = PALE_BLUE,
    **style,
) -> None:
    """A box with rounded corners; style: edgecolor, linewidth, hatch, fontsize, ..."""
    (x, y), (width, height) = middle, size
    words = {
        key: style.pop(key) for key in ("fontsize", "weight", "family") if key in style
    }
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=color,
            **{"edgecolor": "#555555", "linewidth": 0.8, "zorder": 2, **style},
        )
    )
    _note(ax, middle, text, **{"color": "black", **words})


def _note(ax: plt.Axes, place: Point, text: str, **style) -> None:
    """Text around a point."""
    centered = {"ha": "center", "va": "center", "fontsize": 8, "zorder": 4}
    ax.text(*place, text, **{**centered, **style})


def _arrow(ax: plt.Axes, start: Point, end: Point, **style) -> None:
    """An arrow; style: color, linestyle, connectionstyle such as "arc3,rad=0.3"."""
    straight = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops={**straight, "lw": 1.1, **style}, zorder=3)


# The stops of the way: middle of the box, size, and what is written in it
_STOPS = {
    "tokens": ((1.17, 1.0), (0.78, 0.56), "tokenizer"),
    "mask": ((2.47, 1.0), (0.78, 0.56), "padding\nand mask"),
    "encoder": ((3.77, 1.0), (0.78, 0.56), "encoder"),
    "pooling": ((5.07, 1.0), (0.78, 0.56), "pooling"),
    "loss": ((6.55, 1.44), (0.8, 0.36), "loss"),
    "match": ((6.55, 1.03), (0.8, 0.36), "match"),
    "search": ((6.55, 0.62), (0.8, 0.36), "search"),
}
# What goes from one stop to the next, under the arrow
_DATA = {
    1.82: "ids,\n$n_i$ in row $i$",
    3.12: "input_ids,\nattention_mask\n[B, L]",
    4.42: "token_embeddings\n[B, L, H]",
    5.54: "sentence_embeddings\n[B, H]",
}
# Where each lesson is: the stop, and how the alt text says it
_HERE = {
    "tokens": ("tokens", "the tokenizer"),
    "mask": ("mask", "padding and mask"),
    "pooling": ("pooling", "pooling"),
    "strategies": ("pooling", "pooling, and which one to choose"),
    "loss": ("loss", "the loss"),
    "training": ("training", "the gradient's way from the loss to the encoder"),
    "match": ("match", "match"),
    "search": ("search", "search"),
}
_GRADIENT = {"color": RED, "linestyle": "--", "linewidth": 1.2}
_MARKED = {"color": ORANGE, "linewidth": 2, "edgecolor": "black"}


def _way_forward(ax: plt.Axes) -> None:
    _note(ax, (0.36, 1.0), "sentence", style="italic")
    for start in (0.68, 1.56, 2.86, 4.16):
        _arrow(ax, (start, 1.0), (start + (0.1 if start < 1 else 0.52), 1.0))
    for _, y in (_STOPS[stop][0] for stop in ("loss", "match", "search")):
        _arrow(ax, (5.46, 1.0), (6.15, y))
    for x, text in _DATA.items():
        _note(ax, (x, 0.6), text, va="top", fontsize=7, linespacing=1.3)


def _way_back(ax: plt.Axes, marked: bool) -> None:
    ax.plot([6.55, 6.55, 3.77], [1.63, 1.71, 1.71], **_GRADIENT)
    _arrow(ax, (3.77, 1.71), (3.77, 1.29), **_GRADIENT)
    text = "gradient · you are here" if marked else "gradient"
    if marked:
        _box(
            ax, (5.07, 1.65), (1.7, 0.24), text, fontsize=7.5, weight="bold", **_MARKED
        )
    else:
        _note(ax, (5.07, 1.6), text, color=RED, fontsize=7)


def way(here: str) -> None:
    """The way from a sentence to its vector, and on to loss, match and search.

    `here` marks a stop as "you are here": one of "tokens", "mask", "pooling",
    "strategies", "loss", "training", "match", "search". Raises ValueError for others.
    """
    if here not in _HERE:
        raise ValueError(f"here must be one of {', '.join(_HERE)}, not {here!r}")
    marked, spoken = _HERE[here]
    figure, ax = _sheet(7, 1.8)
    _way_forward(ax)
    _way_back(ax, marked == "training")
    for stop, (middle, size, text) in _STOPS.items():
        if stop == marked:
            x, y = middle
            up = 0.12 if "\n" in text else 0.08
            _box(ax, middle, size, **_MARKED)
            _note(ax, (x, y + up), text, weight="bold")
            _note(ax, (x, y - size[1] / 2 + 0.1), "you are here", fontsize=6.5)
        else:
            _box(ax, middle, size, text)
    show(
        figure,
        "The way from a sentence to its vector",
        "sentence → tokenizer → ids, n_i in row i → padding and mask → input_ids and "
        "attention_mask [B, L] → encoder → token_embeddings [B, L, H] → pooling → "
        "sentence_embeddings [B, H] → loss, match or search",
        "From the loss the gradient goes back to the encoder",
        f"You are here: {spoken}",
    )


def _two_columns(ax: plt.Axes, x: float, upper: str, lower: str) -> None:
    """Two blocks of rows: the first column of the pairs, and under it the second."""
    _box(ax, (x, 2.05), (1.2, 0.78), upper)
    _box(ax, (x, 0.95), (1.2, 0.78), lower, PALE_ORANGE)


def siamese() -> None:
    """The Siamese pair: one encoder for both sentences, u and v, and the loss."""
    figure, ax = _sheet(7, 2.8)
    sentences = ["“A man plays.”", "“Music is made.”"]
    columns = [f"sentence{i}\nB rows\n{text}" for i, text in enumerate(sentences, 1)]
    _two_columns(ax, 0.7, *columns)
    _note(ax, (0.7, 0.36), "one batch of 2B rows", weight="bold")
    encoder = "one encoder,\nthe same\nweights\nfor both"
    _box(ax, (2.3, 1.5), (0.95, 1.9), encoder, MID_BLUE)
    _box(ax, (3.65, 1.5), (0.95, 1.9), "pooling", MID_BLUE)
    _two_columns(ax, 5.0, "u\n[B, H]", "v\n[B, H]")
    _note(ax, (5.0, 0.36), "[2B, H], cut in two")
    _box(ax, (6.5, 1.5), (0.75, 0.9), "loss", PALE_GREY)
    _note(ax, (6.5, 0.72), "labels y [B]", fontsize=7)
    _arrow(ax, (6.5, 0.82), (6.5, 1.05))
    for y in (2.05, 0.95):
        for start, end in ((1.3, 1.82), (2.78, 3.17), (4.13, 4.4)):
            _arrow(ax, (start, y), (end, y))
        _arrow(ax, (5.6, y), (6.12, 1.5 + 0.25 * (y - 1.5)))
    ax.plot([6.5, 6.5, 2.3], [1.95, 2.62, 2.62], **_GRADIENT)
    _arrow(ax, (2.3, 2.62), (2.3, 2.46), **_GRADIENT)
    along = {"color": RED, "fontsize": 7, "backgroundcolor": "white"}
    _note(ax, (4.3, 2.62), "the gradients through u and through v add up", **along)
    show(
        figure,
        "A Siamese pair",
        "sentence1 and sentence2, B rows each, go as one batch of 2B rows through one "
        "encoder with the same weights for both, then through pooling",
        "The result [2B, H] is cut into u [B, H] and v [B, H]; the loss takes u, v and "
        "the labels y [B]",
        "The gradients through u and through v go back to the one encoder and add up",
    )


_TOKENS = ["[CLS]", "the", "cat", "[SEP]", "[PAD]", "[PAD]"]
_CELL = {"edgecolor": GREY, "linewidth": 0.6}
_REAL = {"color": MID_BLUE, **_CELL}
_PADDING = {"color": "white", "hatch": "////", **_CELL}
_REAL_OR_NOT = [_PADDING if token == "[PAD]" else _REAL for token in _TOKENS]


def _attention_job(ax: plt.Axes) -> None:
    """6 × 6 attention weights, where the columns of padding are 0."""
    side, left, top = 0.27, 0.75, 2.3
    for row, query in enumerate(_TOKENS):
        y = top - side * row
        _note(ax, (left - 0.2, y), query, fontsize=7, ha="right")
        for column, style in enumerate(_REAL_OR_NOT):
            place = (left + side * column, y)
            _box(ax, place, (side, side), **style)
            if "hatch" in style:
                white = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
                _note(ax, place, "0", fontsize=7, bbox=white)
    for column, key in enumerate(_TOKENS):
        place = (left + side * column - 0.08, top + 0.17)
        _note(ax, place, key, fontsize=7, rotation=50, ha="left", va="bottom")
    sides = "row: who looks\ncolumn: looked at"
    _note(ax, (2.42, 1.63), sides, fontsize=7, ha="left")


def _pooling_job(ax: plt.Axes) -> None:
    """Six token vectors, of which the mean takes four."""
    for row, (token, style) in enumerate(zip(_TOKENS, _REAL_OR_NOT, strict=True)):
        y = 2.3 - 0.27 * row
        _note(ax, (4.35, y), token, fontsize=7, ha="right")
        _box(ax, (4.95, y), (1.0, 0.2), **style)
        if "hatch" in style:
            _note(ax, (5.55, y), "left out", fontsize=7, ha="left")
        else:
            _arrow(ax, (5.5, y), (5.97, 1.9), lw=0.8)
    _box(ax, (6.4, 1.9), (0.8, 0.34), "sum / 4", PALE_ORANGE)


def mask_jobs() -> None:
    """The mask's two jobs, in attention and in pooling, and what each prevents."""
    figure, ax = _sheet(7, 3.1)
    for x, title in (
        (1.75, "1  In attention: padding gets weight 0"),
        (5.35, "2  In pooling: padding is left out"),
    ):
        _note(ax, (x, 2.98), title, weight="bold")
    _attention_job(ax)
    _pooling_job(ax)
    for x, consequence in (
        (1.75, "Forgotten: real tokens mix padding in,\nand no pooling can undo it."),
        (
            5.35,
            "Forgotten: sum / 6, with padding in it.\nThe batch changes the vector.",
        ),
    ):
        _note(ax, (x, 0.4), consequence, linespacing=1.4)
    ax.plot([3.6, 3.6], [0.15, 2.95], color=GREY, linewidth=0.8)
    show(
        figure,
        "The mask's two jobs",
        "Tokens: [CLS], the, cat, [SEP], [PAD], [PAD]",
        "1, in attention: the two columns of padding have weight 0. Forgotten, real "
        "tokens mix padding in, and no pooling can undo it",
        "2, in pooling: the sum takes the four real tokens and is divided by 4. "
        "Forgotten, padding is in the sum, it is divided by 6, and the batch changes "
        "the vector",
    )


def _cosine_grid(ax: plt.Axes, side: Point, corner: Point, count: int = 4) -> None:
    """A grid with the positives on the diagonal; corner: the middle of the first."""
    for row in range(count):
        y = corner[1] - side[1] * row
        _note(ax, (corner[0] - 0.55, y), f"a{row + 1}", weight="bold")
        for column in range(count):
            x = corner[0] + side[0] * column
            color = BLUE if row == column else PALE_GREY
            _box(ax, (x, y), side, color=color, edgecolor="white")
            if row == column:
                _note(ax, (x, y), "positive", color="white", weight="bold")
            else:
                _note(ax, (x, y), "negative")
    for column in range(count):
        place = (corner[0] + side[0] * column, corner[1] + 0.36)
        _note(ax, place, f"p{column + 1}", weight="bold")


def in_batch() -> None:
    """In-batch negatives: B × B cosines, positives on the diagonal, a softmax a row."""
    figure, ax = _sheet(7, 2.8)
    _cosine_grid(ax, (0.82, 0.42), (1.2, 1.95))
    for row in range(4):
        y = 1.95 - 0.42 * row
        _arrow(ax, (4.11, y), (4.44, y))
        _note(ax, (4.52, y), f"softmax: −log of p{row + 1}’s share", ha="left")
    for x, y, text in (
        (2.43, 2.62, "cosine of each anchor with each positive, [B, B]"),
        (2.43, 0.25, "here B = 4: one positive and B − 1 negatives a row"),
        (5.35, 2.62, "each row a choice among B"),
    ):
        _note(ax, (x, y), text)
    _note(ax, (5.35, 0.25), "loss: the mean of the rows", weight="bold")
    show(
        figure,
        "In-batch negatives, a grid of B × B cosines, here B = 4",
        "Rows: anchors a1 to a4; columns: positives p1 to p4",
        "The 4 cells on the diagonal are positive, the 12 others negative",
        "Each row is a softmax, whose loss is −log of the share of its positive; the "
        "loss is the mean of the rows",
    )


def attention_layer() -> None:
    """One transformer layer: attention, projection, feed-forward, two residuals."""
    figure, ax = _sheet(7, 2.7)
    y = 1.25
    _note(ax, (0.48, y), "token_\nembeddings\n[B, L, H]", fontsize=7)
    for height, name in ((0.55, "Q"), (0, "K"), (-0.55, "V")):
        _box(ax, (1.45, y + height), (0.36, 0.36), name, weight="bold")
        _arrow(ax, (0.95, y), (1.27, y + height), lw=0.8)
        _arrow(ax, (1.63, y + height), (1.98, y + 0.5 * height), lw=0.8)
    boxes = [  # in the middle of the sheet, from left to right
        (2.4, "attention", MID_BLUE),
        (3.3, "projec-\ntion", PALE_BLUE),
        (4.2, "add,\nLayer-\nNorm", PALE_GREY),
        (5.1, "feed-\nforward", MID_BLUE),
        (6.0, "add,\nLayer-\nNorm", PALE_GREY),
    ]
    for x, text, color in boxes:
        _box(ax, (x, y), (0.7, 1.0 if text == "attention" else 0.7), text, color)
        _arrow(ax, (x + 0.36, y), (x + 0.54, y))
    _note(ax, (6.55, y), "[B, L, H]", fontsize=7, ha="left", rotation=90)
    for start, end, text in ((0.48, 4.2, "residual"), (4.65, 6.0, "residual")):
        foot = y + (0.3 if start < 1 else 0)
        ax.plot([start, start, end], [foot, 2.3, 2.3], color=RED, linewidth=1.2)
        _arrow(ax, (end, 2.3), (end, y + 0.36), color=RED)
        _note(ax, ((start + end) / 2, 2.42), text, color=RED, fontsize=7)
    _box(ax, (2.4, 0.3), (1.1, 0.3), "attention_mask", ORANGE, fontsize=7)
    _arrow(ax, (2.4, 0.45), (2.4, 0.75))
    _note(ax, (5.1, 0.6), "H → 4H → H,\neach token alone", fontsize=7)
    _note(ax, (2.4, 2.02), "the only place\nwhere tokens meet", fontsize=7)
    show(
        figure,
        "One transformer layer",
        "token_embeddings [B, L, H] → Q, K and V → attention, where the "
        "attention_mask goes in and the only place where tokens meet → projection → "
        "plus residual, LayerNorm → feed-forward, H to 4H to H, each token alone → "
        "plus residual, LayerNorm → [B, L, H]",
    )


def _one_query(ax: plt.Axes, tokens: list[tuple[str, float]]) -> None:
    """Query meets keys, weights mix values: the left half of the picture."""
    _note(ax, (2.2, 2.85), "“sat” looks at all tokens", weight="bold")
    _box(ax, (0.62, 1.72), (0.9, 0.42), "query\nof “sat”", PALE_ORANGE)
    _arrow(ax, (1.07, 1.72), (1.42, 1.72))
    _note(ax, (0.62, 1.3), "softmax: weights", fontsize=7)
    for x, (token, weight) in zip((1.75, 2.6, 3.45), tokens, strict=True):
        _note(ax, (x, 2.55), token, style="italic")
        _box(ax, (x, 2.25), (0.62, 0.3), "key")
        _arrow(ax, (x, 2.1), (x, 1.82), lw=0.8)
        _note(ax, (x, 1.72), "query · key", fontsize=7)
        _note(ax, (x, 1.3), f"{weight:.1f}", weight="bold")
        _box(ax, (x, 0.95), (0.62, 0.3), "value", MID_BLUE)
        _arrow(ax, (x, 0.8), (2.6 + 0.3 * (x - 2.6), 0.5), lw=0.6 + 3 * weight)
    _box(ax, (2.6, 0.32), (2.4, 0.34), "new “sat” = Σ weight · value", PALE_ORANGE)


def _heads(ax: plt.Axes, count: int = 4) -> None:
    """The parts of Q, K and V, a head for each: the right half of the picture."""
    _note(ax, (5.55, 2.85), "Heads: each does this in its part", weight="bold")
    _note(ax, (5.55, 2.55), "a token’s query, key and value: H numbers", fontsize=7)
    for i in range(count):
        x = 4.68 + 0.58 * i
        _box(ax, (x, 2.25), (0.56, 0.3), f"part {i + 1}", fontsize=7)
        _arrow(ax, (x, 2.1), (x, 1.72))
        _box(ax, (x, 1.54), (0.56, 0.36), f"head {i + 1}", MID_BLUE, fontsize=7)
        _arrow(ax, (x, 1.36), (x, 0.98))
    _box(ax, (5.55, 0.8), (2.3, 0.34), "side by side again: H numbers", PALE_ORANGE)
    _note(
        ax,
        (5.55, 0.38),
        f"here {count} heads, each with weights of its own",
        fontsize=7,
    )


def query_key_value() -> None:
    """What query, key, value and heads are: asked, offered, mixed, and split."""
    figure, ax = _sheet(7, 3.0)
    tokens = [("the", 0.2), ("cat", 0.7), ("sat", 0.1)]
    _one_query(ax, tokens)
    _heads(ax)
    ax.plot([4.1, 4.1], [0.15, 2.9], color=GREY, linewidth=0.8)
    show(
        figure,
        "Query, key, value and heads",
        "The token “sat” asks with its query; each token offers a key",
        "A softmax over query times key gives weights, "
        + ", ".join(f"{token} {weight}" for token, weight in tokens),
        "The new vector of “sat” is the sum of weight times value",
        "Heads: the H numbers of query, key and value are cut in parts, here 4; each "
        "head does this in its part, with weights of its own; then the parts stand "
        "side by side again",
    )
