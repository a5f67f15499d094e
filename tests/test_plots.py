"""Pictures: each is drawn without a warning and says its own numbers in its alt text."""

import base64
import html
import re
import warnings

import numpy as np
import pytest
import torch

from helpers import plots, pooling
from helpers.plots.figure import captured
from tests.nbval_plugin import PICTURE

GRID = np.array([[0.5, 0.5], [1.0, 0.0], [-1.0, 0.0]])
LONG = np.arange(400.0).reshape(20, 20)
# The call, and what its alt text must say
CHARTS = {
    "token_rows": (
        lambda: plots.token_rows([["the", "uk", "##ule"], ["如", "[UNK]"]]),
        ["row 1: the | uk | ##ule", "row 2: 如 | [UNK]"],
    ),
    "grids": (
        lambda: plots.grids(
            {"masked": [[0.5, 0.0], [0.25, 0.25]]},
            x="token",
            y="sentence",
            yticks=["the cat", "a dog"],
            values=".2f",
            label="gradient",
        ),
        ["Heat map. x: token; y: sentence. gradient.", "masked: the cat 0.5, 0"],
    ),
    "large grids": (
        lambda: plots.grids({"": LONG}, x="key", y="query", xticks=["k"] * 20),
        [
            "20 rows, 20 columns, from 0 to 399, mean 199.5, largest in row 20, column 20"
        ],
    ),
    "map_of_groups": (
        lambda: plots.map_of_groups([[0, 0], [1, 1], [2, 0]], ["b", "a", "b"]),
        ["Map of 3 points in 2 groups, each named at its middle: a, b."],
    ),
    "marked histograms": (
        lambda: plots.histograms({"a": [0, 1]}, x="c", y="n", marks={"best": 0.5}),
        ["line best at 0.5"],
    ),
    "ranks_against": (
        lambda: plots.ranks_against([1, 2, 30, 40], [1, 99, 3, 50], x="BM25", y="v"),
        [
            "Ranks of the same answers in two searches. x: BM25; y: v.",
            "4 queries: both in the top ten 1, only the first 1, only the second 1, "
            "neither 1.",
        ],
    ),
    "histograms": (
        lambda: plots.histograms({"a": [1.0, 2.0, 9.0], "b": [4.0]}, x="cosine", y="n"),
        ["Histogram. x: cosine; y: n.", "a: 3 values, 1 to 9, median 2", "b: 1 values"],
    ),
    "lines": (
        lambda: plots.lines(
            {
                "masked mean": ([32, 128], [82.03, 82.03]),
                "naive mean": ([1, 32, 128], [82.03, 78.2, 73.64]),
                "loss": ([0, 1, 2], [1.0, 3.0, 2.0]),
            },
            x="padded length, tokens",
            y="Spearman × 100",
        ),
        [
            "Line chart. x: padded length, tokens; y: Spearman × 100.",
            "masked mean: 82.03 at 32 to 82.03 at 128.",
            "naive mean: 82.03 at 1 to 73.64 at 128.",
            "loss: 1 at 0 to 2 at 2, highest 3 at 1.",
        ],
    ),
    "bars": (
        lambda: plots.bars({"time": {"bmm": 4.25, "where": 31.0}}, x="milliseconds"),
        ["Bar chart. x: milliseconds.", "time: bmm 4.25, where 31"],
    ),
    "intervals": (
        lambda: plots.intervals(
            {"cls": (-9.8, -8.5, -7.25), "max": (-0.5, 0.25, 1.0)}, x="gain", mark=0.0
        ),
        [
            "Intervals. x: gain. Dotted line at 0.",
            "cls: -8.5, from -9.8 to -7.25.",
            "max: 0.25, from -0.5 to 1 (hollow)",
        ],
    ),
    "arrows": (
        lambda: plots.arrows({"y = 1": (GRID, -GRID * [[1], [1], [0]], {"u": [1, 0]})}),
        ["y = 1: u at (1, 0); 2 arrows, the longest at (1, 0), 1 dots without a push"],
    ),
    "moves": (
        lambda: plots.moves([1.0, 5.0], [0.5, 0.5], [0.1, 0.6]),
        ["2 pairs: 1 rise, 1 fall", "mean cosine 0.5 before, 0.35 after"],
    ),
    "mixture": (
        lambda: plots.mixture([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], 0.5),
        ["50% of the positions are real tokens", "naive and masked mean 0.71"],
    ),
    "pushes": (
        lambda: plots.pushes(
            {"pull": lambda v: (v - 1).square().sum()}, {"u": torch.ones(1, 2)}
        ),
        ["pull: u at (1, 1); 121 arrows, the longest at (-1.5, -1.5), 0 dots"],
    ),
    "pushes_in_batch": (
        lambda: plots.pushes_in_batch(
            {"pull": lambda a, p: (a - p).square().sum()},
            torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
            torch.tensor([[1.0, 0.0], [0.0, -1.0]]),
        ),
        ["a1 at (1, 0), a2 at (0, 1), p1 at (1, 0), p2 at (0, -1); 2 arrows"],
    ),
    "way": (lambda: plots.way("mask"), ["[B, L, H]", "You are here: padding and mask"]),
    "siamese": (plots.siamese, ["one batch of 2B rows", "u [B, H] and v [B, H]"]),
    "mask_jobs": (plots.mask_jobs, ["weight 0", "divided by 4"]),
    "in_batch": (plots.in_batch, ["B × B cosines", "4 cells on the diagonal"]),
    "attention_layer": (plots.attention_layer, ["plus residual, LayerNorm"]),
    "query_key_value": (plots.query_key_value, ["cat 0.7", "cut in parts, here 4"]),
}


@pytest.fixture
def shown(monkeypatch):
    """What is displayed: bundles of MIME types, and their metadata."""
    bundles = []

    def display(data, metadata=None, raw=False):
        assert raw
        bundles.append((data, metadata))

    monkeypatch.setattr("helpers.plots.figure.display", display)
    monkeypatch.setattr("helpers.plots.listing.display", display)
    return bundles


@pytest.mark.parametrize("name", CHARTS)
def test_figure_says_its_own_data(name, shown):
    draw, expected = CHARTS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw()
    ((data, metadata),) = shown
    alt = metadata["image/png"]["alt"]
    for words in expected:
        assert words in alt
    assert f'alt="{html.escape(alt)}"' in data["text/html"]
    assert data["image/png"] in data["text/html"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["width"] == 770
    # Another machine draws other bytes, and a time of today is another one tomorrow:
    # the strict re-execution sees no pixels and no measured numbers.
    assert PICTURE.sub("", data["text/html"]) == ""
    assert data["text/plain"].startswith("<Figure: ")
    assert not re.search(r"\d\.\d", data["text/plain"])


def test_every_public_function_is_tried():
    tried = {name.split()[-1] for name in CHARTS}
    assert tried | {"slider", "source"} == set(plots.__all__)


HERE = [
    "tokens",
    "mask",
    "pooling",
    "strategies",
    "loss",
    "training",
    "match",
    "search",
]


def test_each_place_on_the_way_is_a_picture_of_its_own():
    with captured() as pictures:
        for here in HERE:
            plots.way(here)
    assert len({alt for _, _, alt in pictures}) == len(HERE)


@pytest.mark.parametrize("here", ["Pooling", "", "here"])
def test_unknown_place_is_refused_with_the_known_ones(here):
    with pytest.raises(ValueError, match="here must be one of") as error:
        plots.way(here)
    assert all(name in str(error.value) for name in [*HERE, repr(here)])


def test_source_is_shown_as_code_and_falls_back_to_itself(shown):
    plots.source(pooling.mean_pool, plots.way)
    (first, _), (second, _) = shown
    assert first["text/markdown"].startswith("From `helpers/pooling.py`:\n\n```python")
    assert first["text/plain"] in first["text/markdown"]
    assert first["text/plain"].startswith("def mean_pool(")
    assert second["text/plain"].startswith("def way(here: str) -> None:")


def test_slider_holds_a_frame_for_each_value_and_shows_the_first(shown):
    plots.slider(
        lambda share: plots.mixture([1.0, 0.0], [0.0, 1.0], share),
        [1, 0.5, 0.25],
        label="share <n/L>",
    )
    ((data, metadata),) = shown
    assert metadata["image/png"]["alt"].startswith("share <n/L>: 1. Naive mean")
    slider, image = PICTURE.findall(data["text/html"])
    frames = html.unescape(re.search('data-frames="([^"]*)"', slider)[1])
    for alt in ("share <n/L>: 0.5. Naive", "share <n/L>: 0.25. Naive"):
        assert alt in frames
    assert data["image/png"] in image
    assert data["image/png"] in frames


@pytest.mark.parametrize("figures", [0, 2])
def test_slider_refuses_what_does_not_draw_one_figure(figures):
    def draw(value):
        for _ in range(figures):
            plots.mixture([1.0, 0.0], [0.0, 1.0], value)

    with pytest.raises(ValueError, match=f"one figure, not {figures}"):
        plots.slider(draw, [0.5], label="share")
