"""One figure for many values, moved by hand; a plain figure where nothing can move."""

import html
import json
from collections.abc import Callable, Sequence

from helpers.plots.figure import captured, image_tag, show_picture

# Frames are drawn beforehand and kept in an attribute of the slider, so it needs no
# kernel. A notebook that JupyterLab does not trust drops what could run, with all its
# frames, and keeps the image, which is the figure for the first value.
_MOVE = """
const [value, data, alt] = JSON.parse(this.dataset.frames)[this.value];
const box = this.parentElement, image = box.querySelector('img');
image.src = 'data:image/png;base64,' + data;
image.alt = alt;
box.querySelector('output').textContent = value;
this.setAttribute('aria-valuetext', value);
"""


def slider(
    draw: Callable[[float], None], values: Sequence[float], *, label: str
) -> None:
    """`draw(value)` for each value, as the slider is moved; starts at the first.

    `draw` calls one function of `plots`; label names what is moved. Where no JavaScript
    runs, on GitHub or before the cell was run, the first figure stands alone.
    Example: `slider(lambda margin: plots.arrows(…), [0.5, 1, 2], label="margin m")`.
    """
    frames = []
    for value in values:
        with captured() as shown:
            draw(value)
        if len(shown) != 1:
            raise ValueError(f"draw must show one figure, not {len(shown)} ({value=})")
        picture, width, alt = shown[0]
        frames.append((f"{value:g}", picture, f"{label}: {value:g}. {alt}"))
    first, picture, alt = frames[0]
    moving = (
        f'<input type="range" min="0" max="{len(frames) - 1}" value="0" '
        f'aria-label="{html.escape(label)}" aria-valuetext="{first}" '
        f'style="width:300px;vertical-align:middle" oninput="{html.escape(_MOVE)}" '
        f'data-frames="{html.escape(json.dumps(frames))}">'
    )
    text = f"{html.escape(label)}: {moving} <output>{first}</output>"
    markup = f"<div>{text}<br>{image_tag(picture, width, alt)}</div>"
    show_picture(markup, f"slider, {label}", picture, width, alt)
