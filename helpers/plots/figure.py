"""What all figures share: the palette, and how a figure is shown with its alt text.

The colors are those of Okabe and Ito, which color-blind readers can tell apart; series
differ in line style, marker or hatching too. The background is white and opaque, so
that a figure reads the same on JupyterLab's dark theme.
"""

import base64
import html
import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

BLUE, RED, GREEN, ORANGE, PURPLE, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#999999",
)
PALE_BLUE, MID_BLUE, PALE_ORANGE, PALE_GREY = "#D9E8F2", "#9CC6E0", "#FBE3B0", "#EDEDED"
COLORS = [BLUE, RED, GREEN, ORANGE, PURPLE, GREY]
LINES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "x"]
HATCHES = ["", "//", "..", "xx", "\\\\", "++"]
PIXELS_PER_INCH = 110  # on the page: 7 inches are 770 pixels
SHARPNESS = 2  # pixels stored for each one on the page, for dense screens and zoom
plt.rcParams.update(
    {
        "figure.dpi": PIXELS_PER_INCH,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "figure.constrained_layout.h_pad": 0.08,
        "figure.constrained_layout.w_pad": 0.08,
    }
)

_captured: list[list[tuple[str, int, str]]] = []


@contextmanager
def captured() -> Iterator[list[tuple[str, int, str]]]:
    """Collect what is shown inside as (PNG in base64, pixels wide, alt text)."""
    _captured.append([])
    try:
        yield _captured[-1]
    finally:
        _captured.pop()


def panels(height: float, columns: int = 1, **options) -> tuple[Figure, list[plt.Axes]]:
    """A figure as wide as the page, `height` inches high, its axes side by side."""
    figure, axes = plt.subplots(
        1,
        columns,
        figsize=(7, height),
        squeeze=False,
        layout="constrained",
        **options,
    )
    return figure, list(axes[0])


def number(value: float) -> str:
    """Four significant digits, as alt text says them: 82.03, 0.4844, 128."""
    return f"{float(value):.4g}"


def png(figure: Figure) -> tuple[str, int]:
    """The figure as PNG in base64, and its width on the page in pixels; closes it."""
    drawn, stored = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=SHARPNESS * PIXELS_PER_INCH, facecolor="white")
    plt.close(figure)
    # 256 colors: a third of the bytes of true color, and nothing that the eye could see
    image = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(stored, format="png", optimize=True)
    return base64.b64encode(stored.getvalue()).decode(), image.width // SHARPNESS


def image_tag(picture: str, width: int, alt: str) -> str:
    """The picture as HTML that needs no other file."""
    source = f"data:image/png;base64,{picture}"
    return f'<img alt="{html.escape(alt)}" width="{width}" src="{source}">'


def show(figure: Figure, kind: str, *details: str) -> None:
    """Show the figure with the alt text `kind. detail. detail.`, and close it.

    JupyterLab gives the image of an image/png output no alt attribute, so the figure is
    HTML there; the PNG beside it is for GitHub and whatever shows no HTML, with the alt
    text in its metadata, where nbconvert looks. `kind` is the text fallback too, and
    must be the same on each machine: the strict re-execution compares it.
    """
    alt = ". ".join(part.rstrip(".") for part in (kind, *details)) + "."
    picture, width = png(figure)
    if _captured:
        _captured[-1].append((picture, width, alt))
    else:
        show_picture(image_tag(picture, width, alt), kind, picture, width, alt)


def show_picture(markup: str, kind: str, picture: str, width: int, alt: str) -> None:
    """Show `markup`, and the picture alone where no HTML is shown."""
    display(
        {
            "text/html": markup,
            "image/png": picture,
            "text/plain": f"<Figure: {kind}>",
        },
        metadata={"image/png": {"alt": alt, "width": width}},
        raw=True,
    )
