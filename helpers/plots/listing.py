"""Source code of a helper, shown as code and not as a result."""

import inspect
from collections.abc import Callable

from IPython.display import display


def source(*functions: Callable) -> None:
    """Show the functions' source as Markdown, which JupyterLab colors in both themes.

    Each has its file above it. The text fallback is the source itself. Raises TypeError
    for what is not written in Python.
    Example: `plots.source(pooling.mean_pool)` in place of
    `print(inspect.getsource(pooling.mean_pool))`.
    """
    for function in functions:
        code = inspect.getsource(function).rstrip()
        place = f"{inspect.getmodule(function).__name__.replace('.', '/')}.py"
        display(
            {
                "text/markdown": f"From `{place}`:\n\n```python\n{code}\n```",
                "text/plain": code,
            },
            raw=True,
        )
