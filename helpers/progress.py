"""Progress that is seen while it lasts and leaves nothing in the saved notebook.

tqdm's own notebook bar is a widget: reopened, it says "Error displaying widget".
"""

import html
import json
import os
from collections.abc import Iterable

from IPython import get_ipython
from IPython.display import HTML, display
from tqdm.std import tqdm

# "Run All" leaves the reader at the last cell, far from the one that runs. So the line
# stands in a corner of the window too. It goes when the work has ended, or after a
# minute without news, as when the kernel was killed.
_CORNER = """<script>(() => {
  const id = 'helpers-progress';
  const corner = document.getElementById(id) ?? document.createElement('div');
  corner.id = id;
  corner.textContent = %s;
  corner.style = 'position:fixed; right:24px; bottom:40px; z-index:1000; padding:8px;'
    + 'background:#D9E8F2; color:black; border:1px solid #0072B2; font-size:13px';
  document.body.append(corner);
  clearTimeout(corner.dataset.timer);
  corner.dataset.timer = setTimeout(() => corner.remove(), 60000);
})()</script>"""
_END = "<script>document.getElementById('helpers-progress')?.remove()</script>"
_NOTHING = {"text/plain": ""}


class _PageBar(tqdm):
    """tqdm's counting and timing, shown as a line of HTML."""

    page = None  # the line on the page, once there is one

    def display(self, *_, **__) -> None:
        line = str(self)
        content = HTML(html.escape(line) + _CORNER % json.dumps(line))
        if self.page is None:
            self.page = display(content, display_id=True)
        else:
            self.page.update(content)

    def close(self) -> None:
        super().close()
        if self.page is not None:
            self.page.update(HTML(_END))
            self.page.update(_NOTHING, raw=True)
            self.page = None


def bar(
    iterable: Iterable | None = None,
    *,
    total: float | None = None,
    desc: str,
    unit: str = "step",
    **options,
) -> tqdm:
    """Like `tqdm(iterable, …)`: to iterate over, or to update and close.

    Shows itself after a second, so that what is quick shows nothing, and disappears at
    the end. Silent if the environment has TQDM_DISABLE. In a terminal it is tqdm's own.
    Example: `for batch in bar(batches, desc="encode", unit="batch"): …`.
    """
    in_page = getattr(get_ipython(), "kernel", None) is not None
    page = {
        "gui": True,  # tells tqdm not to write to stderr
        "mininterval": 0.3,
        "bar_format": "{desc}: {n_fmt} of {total_fmt}, {remaining} left{postfix}",
    }
    return (_PageBar if in_page else tqdm)(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        delay=1,
        leave=False,
        disable="TQDM_DISABLE" in os.environ,
        **(page if in_page else {}),
        **options,
    )
