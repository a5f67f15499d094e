"""Charts of numbers: axes with units, and alt text that is read off the data."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager

from helpers.plots.figure import (
    BLUE,
    COLORS,
    GREY,
    HATCHES,
    LINES,
    MARKERS,
    MID_BLUE,
    PALE_BLUE,
    PALE_GREY,
    RED,
    number,
    panels,
    show,
)

Points = Mapping[str, Sequence[float]]
SPOKEN_CELLS = 40  # a larger matrix is summed up in its alt text


def _axes_named(kind: str, x: str, y: str) -> str:
    return f"{kind}. x: {x}; y: {y}" if x else f"{kind}. y: {y}"


def _drawable(token: str) -> str:
    """The token with U+ and a number for each character that matplotlib cannot draw."""
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans Mono"))
    return "".join(
        character if font.get_char_index(ord(character)) else f"U+{ord(character):04X} "
        for character in token
    ).strip()


def token_rows(
    rows: Sequence[Sequence[str]], colors: Mapping[str, str] | None = None
) -> None:
    """Each row of tokens as a line of boxes, as wide as their text.

    `colors` sets the color of some tokens; others that continue a word are darker. A
    character that the font lacks is written as its code point, such as U+5982.
    """
    figure, (ax,) = panels(0.42 * len(rows) + 0.1)
    widest = 36.0
    for y, row in enumerate(rows):
        x = 0.0
        for token in row:
            text = _drawable(token)
            width = 0.6 + 0.42 * len(text)
            plain = MID_BLUE if token.startswith("##") else PALE_BLUE
            color = (colors or {}).get(token, plain)
            ax.barh(y, width, left=x, height=0.72, color=color, edgecolor="white")
            place = {"ha": "center", "va": "center", "family": "DejaVu Sans Mono"}
            ax.text(x + width / 2, y, text, fontsize=8, **place)
            x += width + 0.12
        widest = max(widest, x)
    ax.set(xlim=(0, widest), ylim=(len(rows) - 0.5, -0.5))
    ax.axis("off")
    spoken = [f"row {i}: {' | '.join(row)}" for i, row in enumerate(rows, start=1)]
    show(figure, "Rows of tokens", *spoken)


def _spoken_matrix(title: str, array: np.ndarray, yticks: Sequence[str] | None) -> str:
    start = f"{title}: " if title else ""
    if array.size > SPOKEN_CELLS:
        row, column = np.unravel_index(np.nanargmax(array), array.shape)
        return (
            f"{start}{array.shape[0]} rows, {array.shape[1]} columns, from "
            f"{number(np.nanmin(array))} to {number(np.nanmax(array))}, "
            f"mean {number(np.nanmean(array))}, "
            f"largest in row {row + 1}, column {column + 1}"
        )
    names = yticks or [f"row {i + 1}" for i in range(len(array))]
    rows = [
        f"{name} {', '.join(map(number, row))}"
        for name, row in zip(names, array, strict=True)
    ]
    return start + "; ".join(rows)


def _write_values(
    ax: plt.Axes, array: np.ndarray, values: str, low: float, high: float
) -> None:
    for row, column in np.ndindex(array.shape):
        dark = (array[row, column] - low) / (high - low or 1) > 0.55
        style = {"ha": "center", "va": "center", "color": "w" if dark else "k"}
        text = format(array[row, column], values)
        ax.text(column, row, text, fontsize=7, **style)


def _slant(names: Sequence[str]) -> dict:
    """How to write names under columns: slanted, so that long ones find room."""
    slanted = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    return slanted if max(map(len, names)) > 2 else {}


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
    """Matrices side by side as colored cells on one scale.

    x and y name the axes, label the color scale; `values` is a format that writes each
    number in, such as ".2f".
    """
    arrays = [np.asarray(matrix, dtype=float) for matrix in matrices.values()]
    low = min(np.nanmin(array) for array in arrays) if limits is None else limits[0]
    high = max(np.nanmax(array) for array in arrays) if limits is None else limits[1]
    rows, columns = arrays[0].shape
    cells = 7 / len(arrays) * rows / columns * 0.85
    figure, axes = panels(min(6.0, 0.9 + max(1.2, cells)), len(arrays))
    for i, (ax, title, array) in enumerate(zip(axes, matrices, arrays, strict=True)):
        image = ax.imshow(array, cmap="Blues", vmin=low, vmax=high, aspect="auto")
        ax.set(title=title, xlabel=x, ylabel=y if i == 0 else "")
        if xticks is not None:
            ax.set_xticks(range(columns), xticks, fontsize=7, **_slant(xticks))
        if yticks is not None:
            ax.set_yticks(range(rows), yticks if i == 0 else [], fontsize=7)
        if values:
            _write_values(ax, array, values, low, high)
    if label:
        figure.colorbar(image, ax=axes, label=label, shrink=0.9)
    spoken = [
        _spoken_matrix(title, array, yticks)
        for title, array in zip(matrices, arrays, strict=True)
    ]
    show(figure, _axes_named("Heat map", x, y), *([label] if label else []), *spoken)


def histograms(
    series: Mapping[str, Sequence[float]],
    *,
    x: str,
    y: str,
    bins: int | Sequence[float] = 40,
    marks: Mapping[str, float] | None = None,
) -> None:
    """Distributions on one axis as filled outlines, with named lines at `marks`."""
    figure, (ax,) = panels(2.8)
    arrays = [np.asarray(values, dtype=float) for values in series.values()]
    edges = np.histogram_bin_edges(np.concatenate(arrays), bins)
    spoken = []
    for i, (name, array) in enumerate(zip(series, arrays, strict=True)):
        style = {"color": COLORS[i], "linestyle": LINES[i], "linewidth": 1.4}
        ax.hist(array, edges, histtype="stepfilled", alpha=0.25, color=COLORS[i])
        ax.hist(array, edges, histtype="step", label=name, **style)
        low, middle, high = map(number, np.percentile(array, [0, 50, 100]))
        spoken.append(f"{name}: {len(array)} values, {low} to {high}, median {middle}")
    for i, (name, place) in enumerate((marks or {}).items()):
        ax.axvline(place, color="k", linewidth=1.2, linestyle=LINES[i], label=name)
        spoken.append(f"line {name} at {number(place)}")
    ax.set(xlabel=x, ylabel=y)
    if len(series) + len(marks or {}) > 1:
        ax.legend(frameon=False)
    show(figure, _axes_named("Histogram", x, y), *spoken)


def _spoken_curve(name: str, xs: Sequence[float], ys: Sequence[float]) -> str:
    xs, ys = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    ends = f"{number(ys[0])} at {number(xs[0])} to {number(ys[-1])} at {number(xs[-1])}"
    extremes = ""
    for word, at in (("lowest", np.nanargmin(ys)), ("highest", np.nanargmax(ys))):
        if number(ys[at]) not in (number(ys[0]), number(ys[-1])):
            extremes += f", {word} {number(ys[at])} at {number(xs[at])}"
    return f"{name}: {ends}{extremes}"


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x: str,
    y: str,
) -> None:
    """Named curves, each of x values and y values."""
    figure, (ax,) = panels(3.0)
    for i, (name, (xs, ys)) in enumerate(series.items()):
        style = {"color": COLORS[i], "linestyle": LINES[i], "marker": MARKERS[i]}
        ax.plot(xs, ys, label=name, markersize=4, **style)
    # lengths, steps and epochs have no halves; cosines and shares have
    places = np.concatenate([np.asarray(xs, dtype=float) for xs, _ in series.values()])
    integer = np.allclose(places, places.round())
    ax.xaxis.get_major_locator().set_params(integer=integer)
    ax.set(xlabel=x, ylabel=y)
    ax.grid(alpha=0.3)
    # many names would cover the curves
    beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    ax.legend(frameon=False, **(beside if len(series) > 4 else {}))
    spoken = [_spoken_curve(name, xs, ys) for name, (xs, ys) in series.items()]
    show(figure, _axes_named("Line chart", x, y), *spoken)


def _apart(places: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Middles of names [N, 2], in inches, moved down where two would overlap."""
    placed, height, letter = {}, 0.14, 0.075  # of the type that map_of_groups uses
    for i in np.argsort(-places[:, 1], kind="stable"):
        x, y = places[i]
        for other, (left, above) in sorted(placed.items(), key=lambda p: -p[1][1]):
            width = letter * (len(names[i]) + len(names[other])) / 2
            if abs(x - left) < width and abs(y - above) < height:
                y = above - height
        placed[i] = x, y
    return np.array([placed[i] for i in range(len(names))])


def map_of_groups(points: np.ndarray, names: Sequence[str]) -> None:
    """Points [N, 2] of a plane without units; each group has its name at its middle.

    names [N] says which group a point is of. Groups share six colors, and differ in
    marker and name.
    """
    points, names = np.asarray(points, dtype=float), np.asarray(names)
    size = np.array([7, 5.6])
    figure, (ax,) = panels(size[1])
    points = (points - points.min(0)) / np.ptp(points, axis=0) * size  # in inches
    groups = sorted(set(names.tolist()))
    middles = np.array([np.median(points[names == name], axis=0) for name in groups])
    for i, (name, place) in enumerate(
        zip(groups, _apart(middles, groups), strict=True)
    ):
        style = {"color": COLORS[i % 6], "marker": MARKERS[(i + i // 6) % 6]}
        shape = {"s": 14, "alpha": 0.55, "linewidths": 0.6, **style}
        ax.scatter(*points[names == name].T, **shape)
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
        text = {"ha": "center", "va": "center", "fontsize": 7.5, "weight": "bold"}
        ax.text(*place, name, bbox=box, **text)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    known = f"{len(points)} points in {len(groups)} groups"
    show(figure, f"Map of {known}, each named at its middle: {', '.join(groups)}")


def bars(groups: Mapping[str, Mapping[str, float]], *, x: str) -> None:
    """One panel of horizontal bars for each titled group, values written out.

    x is the axis label.
    """
    names = list(next(iter(groups.values())))
    figure, axes = panels(0.34 * len(names) + 0.9, len(groups), sharey=True)
    spoken = []
    for i, (ax, (title, group)) in enumerate(zip(axes, groups.items(), strict=True)):
        values = [float(group[name]) for name in names]
        style = {"color": COLORS[i], "hatch": HATCHES[i], "edgecolor": "white"}
        ax.bar_label(ax.barh(names, values, **style), fmt="{:.1f}", padding=3)
        ax.set(title=title, xlabel=x)
        ax.margins(x=0.18)
        pairs = zip(names, values, strict=True)
        listed = ", ".join(f"{name} {number(value)}" for name, value in pairs)
        spoken.append(f"{title}: {listed}" if title else listed)
    axes[0].invert_yaxis()
    figure.align_xlabels()
    show(figure, f"Bar chart. x: {x}" if x else "Bar chart", *spoken)


def intervals(
    points: Mapping[str, tuple[float, float, float]], *, x: str, mark: float
) -> None:
    """One row each: a value between the ends of its interval, (low, value, high).

    `mark` is a line to compare with. Rows whose interval leaves the line out are
    filled, the others hollow.
    """
    figure, (ax,) = panels(0.26 * len(points) + 0.7)
    spoken = []
    for y, (name, (low, value, high)) in enumerate(points.items()):
        apart = not low <= mark <= high
        color = BLUE if apart else GREY
        ax.plot([low, high], [y, y], color=color, linewidth=2)
        filling = BLUE if apart else "white"
        ax.plot(value, y, "o", color=color, markerfacecolor=filling)
        ends = f"from {number(low)} to {number(high)}"
        spoken.append(f"{name}: {number(value)}, {ends}{'' if apart else ' (hollow)'}")
    ax.axvline(mark, color="k", linewidth=1, linestyle=":")
    ax.set_yticks(range(len(points)), list(points))
    ax.set(xlabel=x, ylim=(len(points) - 0.4, -0.6))
    ax.grid(alpha=0.3, axis="x")
    show(figure, f"Intervals. x: {x}", f"Dotted line at {number(mark)}", *spoken)


def _named_points(ax: plt.Axes, points: Points) -> None:
    for name, point in points.items():
        ax.plot(*point, "o", color=RED, markersize=5, zorder=4)
        outward = 12 * np.asarray(point) / np.linalg.norm(point)
        ax.annotate(
            name,
            point,
            xytext=outward,
            textcoords="offset points",
            fontsize=9,
            color=RED,
            zorder=4,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )


def _place(point: Sequence[float]) -> str:
    # + 0.0, since no one wants to hear of minus zero
    return f"({round(float(point[0]), 2) + 0.0:g}, {round(float(point[1]), 2) + 0.0:g})"


def _spoken_arrows(
    title: str, positions: np.ndarray, lengths: np.ndarray, points: Points
) -> str:
    moving = np.count_nonzero(lengths)
    named = ", ".join(f"{name} at {_place(point)}" for name, point in points.items())
    longest = f", the longest at {_place(positions[lengths.argmax()])}" * bool(moving)
    still = len(lengths) - moving
    return f"{title}: {named}; {moving} arrows{longest}, {still} dots without a push"


def arrows(
    panels_by_title: Mapping[str, tuple[np.ndarray, np.ndarray, Points]],
) -> None:
    """Planes side by side: positions [N, 2], an arrow [N, 2] at each, and named points.

    The gray circle has radius 1. Arrows are scaled panel by panel; where one has no
    length stands a dot.
    """
    count = len(panels_by_title)
    figure, axes = panels(min(4.2, 7 / count) + 0.25, count)
    spoken = []
    for ax, (title, field) in zip(axes, panels_by_title.items(), strict=True):
        positions, vectors = (np.asarray(part, dtype=float) for part in field[:2])
        lengths = np.linalg.norm(vectors, axis=1)
        lengths[lengths <= 1e-3 * max(lengths.max(), 1e-9)] = 0
        moving = lengths > 0
        ax.add_patch(plt.Circle((0, 0), 1, fill=False, color=GREY, linewidth=0.8))
        ax.plot(*positions[~moving].T, ".", color=GREY, markersize=3)
        pushes = 0.42 / max(lengths.max(), 1e-9) * vectors[moving]
        units = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.008}
        ax.quiver(*positions[moving].T, *pushes.T, color=BLUE, zorder=3, **units)
        _named_points(ax, field[2])
        ax.set(title=title, xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
        ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        spoken.append(_spoken_arrows(title, positions, lengths, field[2]))
    show(figure, "Arrows in the plane, where a loss pushes", *spoken)


def moves(
    scores: Sequence[float], before: Sequence[float], after: Sequence[float]
) -> None:
    """Pairs as vertical arrows from their cosine before (hollow) to after.

    They stand over people's scores of 0 to 5.
    """
    figure, (ax,) = panels(3.8)
    ax.plot([0, 5], [0, 1], color="k", linewidth=1, linestyle=":")
    for score, start, end in zip(scores, before, after, strict=True):
        style = {"color": BLUE if end > start else RED}
        ax.annotate(
            "", (score, end), (score, start), arrowprops={"arrowstyle": "->", **style}
        )
        ax.plot(score, start, "o", markerfacecolor="white", markersize=4, **style)
    ax.set(xlabel="people's score", ylabel="cosine")
    ax.set(xlim=(-0.15, 5.15), ylim=(-0.2, 1.05))
    ax.grid(alpha=0.3)
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    show(
        figure,
        "Pairs as arrows. x: people's score; y: cosine before and after",
        f"{len(before)} pairs: {(after > before).sum()} rise, "
        f"{(after < before).sum()} fall",
        f"mean cosine {number(before.mean())} before, {number(after.mean())} after",
    )


def mixture(mean: np.ndarray, pad_mean: np.ndarray, share: float) -> None:
    """The naive mean on its way from the mean to the padding, in the plane of both.

    mean and pad_mean [H]; share, from 0 to 1, of real tokens in the padded length, n/L:
    naive mean = share · mean + (1 − share) · pad_mean. The angles are the true ones.
    """
    mean, pad_mean = np.asarray(mean, dtype=float), np.asarray(pad_mean, dtype=float)
    naive = share * mean + (1 - share) * pad_mean
    cosine = float(naive @ mean / np.linalg.norm(naive) / np.linalg.norm(mean))
    east = mean / np.linalg.norm(mean)
    north = pad_mean - (pad_mean @ east) * east
    plane = np.stack([east, north / np.linalg.norm(north)])  # [2, H]
    figure, (ax,) = panels(2.8)
    for name, vector, color, linestyle, width in (
        ("masked mean", mean, BLUE, "-", 3.5),
        ("mean of the padding", pad_mean, GREY, "-", 2),
        ("naive mean", naive, RED, "--", 2),
    ):
        style = {"color": color, "linestyle": linestyle, "linewidth": width}
        shape = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **style}
        ax.annotate("", plane @ vector, (0, 0), arrowprops=shape)
        ax.plot([], [], label=name, **style)
    ends = np.stack([plane @ mean, plane @ pad_mean])
    ax.plot(*ends.T, ":", color=GREY)
    far = 1.1 * np.abs(ends).max()
    ax.set(xlim=(-0.1 * far, 1.3 * far), aspect="equal")
    ax.set(ylim=(-0.1 * far, max(0.6 * far, 1.15 * ends[1, 1])))
    ax.set(xlabel="along the masked mean", ylabel="across it")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    shares = f"{share:.0%} of the positions are real tokens"
    cosines = f"cosine of naive and masked mean {cosine:.2f}"
    ax.set_title(f"{shares}, {cosines}")
    kind = "Naive mean, masked mean and mean of the padding as arrows in their plane"
    show(figure, kind, shares, cosines)


def ranks_against(
    first: Sequence[int], second: Sequence[int], *, x: str, y: str
) -> None:
    """One dot per query: the rank of its answer in one search and in another.

    1 is the best; both axes are logarithmic. The gray corners are the top ten of one
    search only.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    largest = 1.3 * max(first.max(), second.max(), 10)
    figure, (ax,) = panels(4.2)
    ax.fill_between([0.7, 10.5], 10.5, largest, color=PALE_BLUE, zorder=0)
    ax.fill_between([10.5, largest], 0.7, 10.5, color=PALE_GREY, zorder=0)
    spread = np.random.default_rng(0).uniform(0.93, 1.07, (2, len(first)))
    style = {"color": BLUE, "alpha": 0.45, "markersize": 4}
    ax.plot(first * spread[0], second * spread[1], "o", **style)
    ax.plot([0.7, largest], [0.7, largest], color="k", linewidth=1, linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    ax.set(xlim=(0.7, largest), ylim=(0.7, largest), aspect="equal")
    in_first, in_second = first <= 10, second <= 10
    counts = {
        "both in the top ten": in_first & in_second,
        "only the first": in_first & ~in_second,
        "only the second": ~in_first & in_second,
        "neither": ~in_first & ~in_second,
    }
    counted = ", ".join(f"{name} {int(n.sum())}" for name, n in counts.items())
    kind = _axes_named("Ranks of the same answers in two searches", x, y)
    show(figure, kind, f"{len(first)} queries: {counted}")
