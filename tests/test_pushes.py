"""What plots.pushes hands to plots.arrows, for losses whose gradient is known."""

from importlib import import_module

import numpy as np
import pytest
import torch

# The package has a function of the same name.
module = import_module("helpers.plots.pushes")


@pytest.fixture
def drawn(monkeypatch):
    panels = {}
    monkeypatch.setattr(module, "arrows", panels.update)
    return panels


@pytest.mark.parametrize(("circles", "places"), [(False, 121), (True, 72)])
def test_each_place_is_pushed_by_itself(drawn, circles, places):
    """The loss ½‖v − t‖² pushes v to t, with the whole distance."""
    target = torch.tensor([[0.3, -0.4]])

    def loss(v):
        assert v.shape == (1, 2)
        return 0.5 * (v - target).square().sum()

    module.pushes({"to t": loss}, {"t": target}, circles=circles)
    positions, vectors, points = drawn["to t"]
    assert positions.shape == vectors.shape == (places, 2)
    np.testing.assert_allclose(positions + vectors, target.expand(places, 2), atol=1e-6)
    assert points["t"] == pytest.approx([0.3, -0.4])


def test_a_batch_is_pushed_as_a_whole(drawn):
    """The loss ½ Σ ‖a − p‖² pulls each point to its partner."""
    anchors = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    positives = torch.tensor([[0.0, 0.5], [-1.0, 0.0]])
    partners = {"partners": lambda a, p: 0.5 * (a - p).square().sum()}
    module.pushes_in_batch(partners, anchors, positives)
    positions, vectors, points = drawn["partners"]
    np.testing.assert_allclose(positions + vectors, torch.cat([positives, anchors]))
    assert list(points) == ["a1", "a2", "p1", "p2"]
    assert points["p2"] == [-1.0, 0.0]
