"""Where a loss pushes a vector: minus the gradient, in the plane."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from helpers.plots.charts import arrows


def pushes(
    losses: Mapping[str, Callable[[Tensor], Tensor]],
    fixed: Mapping[str, Tensor],
    *,
    circles: bool = False,
) -> None:
    """A panel for each loss: where it pushes one vector, tried at many places.

    losses: by title, functions of that vector [1, 2] -> scalar; fixed: the vectors
    [1, 2] that they hold, by name. The places are a grid, or, with circles, three rings
    around the origin. An arrow is minus the gradient, a dot says that it is zero.
    """
    places = _rings() if circles else _grid()
    points = {name: vector[0].tolist() for name, vector in fixed.items()}
    panels = {}
    for title, loss in losses.items():
        tried = places.clone().requires_grad_()
        total = sum(loss(place[None]) for place in tried)  # each place by itself
        (gradient,) = torch.autograd.grad(total, tried)
        panels[title] = (places.numpy(), -gradient.numpy(), points)
    arrows(panels)


def pushes_in_batch(
    losses: Mapping[str, Callable[[Tensor, Tensor], Tensor]],
    anchors: Tensor,
    positives: Tensor,
) -> None:
    """A panel for each loss: where it pushes every vector of a batch.

    losses: by title, functions of anchors and positives [B, 2] -> scalar. The points
    are called a1, p1, a2, ...
    """
    vectors = torch.cat([anchors, positives])
    names = [f"{side}{i + 1}" for side in "ap" for i in range(len(anchors))]
    points = dict(zip(names, vectors.tolist(), strict=True))
    panels = {}
    for title, loss in losses.items():
        moved = vectors.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(*moved.chunk(2)), moved)
        panels[title] = (vectors.numpy(), -gradient.numpy(), points)
    arrows(panels)


def _grid() -> Tensor:
    """121 places, [121, 2]."""
    ticks = torch.linspace(-1.5, 1.5, 11)
    return torch.cartesian_prod(ticks, ticks)


def _rings() -> Tensor:
    """Each 15 degrees at the distances 0.7, 1 and 1.4, [72, 2]."""
    angle = torch.arange(24) * (2 * math.pi / 24)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    return torch.cat([radius * circle for radius in (0.7, 1.0, 1.4)])
