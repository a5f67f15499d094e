"""The course's pictures: one palette, alt text, readable at 700 pixels and in gray.

`charts` draws numbers, `drawings` how things connect, `listing` source code, `pushes`
where a loss pushes, `sliders` one chart for many values. Each function shows what it
draws and returns nothing.
"""

from helpers.plots.charts import (
    arrows,
    bars,
    grids,
    histograms,
    intervals,
    lines,
    map_of_groups,
    mixture,
    moves,
    ranks_against,
    token_rows,
)
from helpers.plots.drawings import (
    attention_layer,
    in_batch,
    mask_jobs,
    query_key_value,
    siamese,
    way,
)
from helpers.plots.listing import source
from helpers.plots.pushes import pushes, pushes_in_batch
from helpers.plots.sliders import slider

__all__ = [
    "arrows",
    "attention_layer",
    "bars",
    "grids",
    "histograms",
    "in_batch",
    "intervals",
    "lines",
    "map_of_groups",
    "mask_jobs",
    "mixture",
    "moves",
    "pushes",
    "pushes_in_batch",
    "query_key_value",
    "ranks_against",
    "siamese",
    "slider",
    "source",
    "token_rows",
    "way",
]
