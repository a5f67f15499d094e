"""The course's figures: one palette, axes with units, readable at 700 pixels and in gray.

The colors are those of Okabe and Ito, which color-blind readers can tell apart; series differ in line style,
marker or hatching too.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

BLUE, RED, GREEN, ORANGE, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#999999"
COLORS = [BLUE, RED, GREEN, ORANGE, PURPLE, GREY]
LINES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "x"]
HATCHES = ["", "//", "..", "xx", "\\\\", "++"]
plt.rcParams.update(
    {"figure.dpi": 110, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
)


def token_rows(rows: Sequence[Sequence[str]], colors: Mapping[str, str] | None = None) -> None:
    """Each row of tokens as a line of boxes, as wide as their text; `colors` sets some tokens' color."""
    _, ax = plt.subplots(figsize=(7, 0.42 * len(rows) + 0.1))
    widest = 0.0
    for y, row in enumerate(rows):
        x = 0.0
        for token in row:
            width = 0.6 + 0.42 * len(token)
            color = (colors or {}).get(token, "#D9E8F2" if not token.startswith("##") else "#9CC6E0")
            ax.barh(y, width, left=x, height=0.72, color=color, edgecolor="white")
            ax.text(x + width / 2, y, token, ha="center", va="center", family="monospace", fontsize=8)
            x += width + 0.12
        widest = max(widest, x)
    ax.set(xlim=(0, max(widest, 36)), ylim=(len(rows) - 0.5, -0.5))
    ax.axis("off")
    plt.show()


def grids(
    matrices: Mapping[str, np.ndarray],
    *,
    x: str,
    y: str,
    xticks: Sequence[str] | None = None,
    yticks: Sequence[str] | None = None,
    values: str | None = None,
    label: str | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Matrices side by side as colored cells on one scale; `values` is a format that writes each number in.

    x and y name the axes, label the color scale.
    """
    arrays = [np.asarray(matrix, dtype=float) for matrix in matrices.values()]
    low, high = limits or (min(np.nanmin(a) for a in arrays), max(np.nanmax(a) for a in arrays))
    rows, columns = arrays[0].shape
    height = min(6.0, 0.9 + max(1.2, 7 / len(arrays) * rows / columns * 0.85))
    figure, axes = plt.subplots(1, len(arrays), figsize=(7, height), squeeze=False, layout="constrained")
    for i, (ax, title, array) in enumerate(zip(axes[0], matrices, arrays, strict=True)):
        image = ax.imshow(array, cmap="Blues", vmin=low, vmax=high, aspect="auto")
        ax.set(title=title, xlabel=x, ylabel=y if i == 0 else "")
        if xticks is not None:
            ax.set_xticks(range(columns), xticks, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
        if yticks is not None:
            ax.set_yticks(range(rows), yticks if i == 0 else [], fontsize=7)
        if values:
            for r, c in np.ndindex(array.shape):
                dark = (array[r, c] - low) / (high - low or 1) > 0.55
                ax.text(
                    c, r, format(array[r, c], values), ha="center", va="center", fontsize=7, color="w" if dark else "k"
                )
    if label:
        figure.colorbar(image, ax=axes[0], label=label, shrink=0.9)
    plt.show()


def histograms(
    series: Mapping[str, Sequence[float]],
    *,
    x: str,
    y: str,
    bins: int | Sequence[float] = 40,
) -> None:
    """Distributions on one axis as filled outlines."""
    _, ax = plt.subplots(figsize=(7, 2.8))
    pooled = np.concatenate([np.asarray(values, dtype=float) for values in series.values()])
    edges = np.histogram_bin_edges(pooled, bins)
    for i, (name, values) in enumerate(series.items()):
        style = {"color": COLORS[i], "linestyle": LINES[i]}
        ax.hist(np.asarray(values), edges, histtype="stepfilled", alpha=0.25, color=COLORS[i])
        ax.hist(np.asarray(values), edges, histtype="step", label=name, linewidth=1.4, **style)
    ax.set(xlabel=x, ylabel=y)
    if len(series) > 1:
        ax.legend(frameon=False)
    plt.show()


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x: str,
    y: str,
) -> None:
    """Named curves, each of x values and y values."""
    _, ax = plt.subplots(figsize=(7, 3.0))
    for i, (name, (xs, ys)) in enumerate(series.items()):
        ax.plot(xs, ys, label=name, color=COLORS[i], linestyle=LINES[i], marker=MARKERS[i], markersize=4)
    ax.xaxis.get_major_locator().set_params(integer=True)  # lengths, steps and epochs have no halves
    ax.set(xlabel=x, ylabel=y)
    ax.grid(alpha=0.3)
    beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if len(series) > 4 else {}  # not over the curves
    ax.legend(frameon=False, **beside)
    plt.show()


def bars(groups: Mapping[str, Mapping[str, float]], *, x: str) -> None:
    """One panel of horizontal bars for each titled group, values written out; x is the axis label."""
    names = list(next(iter(groups.values())))
    figure, axes = plt.subplots(
        1, len(groups), figsize=(7, 0.34 * len(names) + 0.9), squeeze=False, sharey=True, layout="constrained"
    )
    for i, (ax, (title, group)) in enumerate(zip(axes[0], groups.items(), strict=True)):
        drawn = ax.barh(names, [group[name] for name in names], color=COLORS[i], hatch=HATCHES[i], edgecolor="white")
        ax.bar_label(drawn, fmt="{:.1f}", padding=3, fontsize=8)
        ax.set(title=title, xlabel=x)
        ax.margins(x=0.18)
    axes[0, 0].invert_yaxis()
    figure.align_xlabels()
    plt.show()


def intervals(points: Mapping[str, tuple[float, float, float]], *, x: str, mark: float) -> None:
    """One row each: a value between the ends of its interval, (low, value, high); `mark` is a line to compare with.

    Rows whose interval leaves the line out are filled, the others hollow.
    """
    _, ax = plt.subplots(figsize=(7, 0.26 * len(points) + 0.7))
    for y, (low, value, high) in enumerate(points.values()):
        apart = not low <= mark <= high
        ax.plot([low, high], [y, y], color=BLUE if apart else GREY, linewidth=2)
        ax.plot(value, y, "o", color=BLUE if apart else GREY, markerfacecolor=BLUE if apart else "white")
    ax.axvline(mark, color="k", linewidth=1, linestyle=":")
    ax.set_yticks(range(len(points)), list(points))
    ax.set(xlabel=x, ylim=(len(points) - 0.4, -0.6))
    ax.grid(alpha=0.3, axis="x")
    plt.show()


def arrows(panels: Mapping[str, tuple[np.ndarray, np.ndarray, Mapping[str, Sequence[float]]]]) -> None:
    """Planes side by side: positions [N, 2], an arrow [N, 2] at each, and named points; the unit circle for scale.

    Arrows are scaled panel by panel; where one has no length stands a dot.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(7, 7 / len(panels) + 0.5), squeeze=False, layout="constrained")
    for ax, (title, (positions, vectors, points)) in zip(axes[0], panels.items(), strict=True):
        positions, vectors = np.asarray(positions, dtype=float), np.asarray(vectors, dtype=float)
        lengths = np.linalg.norm(vectors, axis=1)
        moving = lengths > 1e-3 * max(lengths.max(), 1e-9)
        ax.add_patch(plt.Circle((0, 0), 1, fill=False, color=GREY, linewidth=0.8))
        ax.plot(*positions[~moving].T, ".", color=GREY, markersize=3)
        scale = 0.42 / max(lengths.max(), 1e-9)
        ax.quiver(*positions[moving].T, *(scale * vectors[moving]).T, angles="xy", scale_units="xy", scale=1,
                  color=BLUE, width=0.008, zorder=3)  # fmt: skip
        for name, point in points.items():
            ax.plot(*point, "o", color=RED, markersize=5, zorder=4)
            outward = 12 * np.asarray(point) / np.linalg.norm(point)
            ax.annotate(name, point, xytext=outward, textcoords="offset points", fontsize=9, color=RED, zorder=4,
                        ha="center", va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
        ax.set(title=title, xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    plt.show()


def moves(scores: Sequence[float], before: Sequence[float], after: Sequence[float]) -> None:
    """Pairs as vertical arrows from their cosine before (hollow) to after, over people's scores of 0 to 5."""
    _, ax = plt.subplots(figsize=(7, 3.8))
    ax.plot([0, 5], [0, 1], color="k", linewidth=1, linestyle=":")
    for score, start, end in zip(scores, before, after, strict=True):
        color = BLUE if end > start else RED
        ax.annotate("", (score, end), (score, start), arrowprops={"arrowstyle": "->", "color": color})
        ax.plot(score, start, "o", color=color, markerfacecolor="white", markersize=4)
    ax.set(xlabel="people's score", ylabel="cosine", xlim=(-0.15, 5.15), ylim=(-0.2, 1.05))
    ax.grid(alpha=0.3)
    plt.show()
