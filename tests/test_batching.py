import random

import pytest
import torch

from helpers import batching


def test_pad_right_left_and_to_length():
    rows = [[5, 6, 7], [8]]
    ids, mask = batching.pad(rows)
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    ids, mask = batching.pad(rows, pad_id=9, length=4, side="left")
    assert ids.tolist() == [[9, 5, 6, 7], [9, 9, 9, 8]]
    assert mask.tolist() == [[0, 1, 1, 1], [0, 0, 0, 1]]


def test_pad_takes_rows_without_tokens():
    assert batching.pad([[], [3]])[1].tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": []}, "rows is empty"),
        ({"rows": [[1, 2, 3]], "length": 2}, "length is 2, but the longest row has 3"),
        ({"rows": [[1]], "side": "both"}, "side must be 'right' or 'left', not 'both'"),
    ],
)
def test_pad_names_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        batching.pad(**arguments)


def test_batches_hold_every_row_once_and_keep_the_budget():
    lengths = random.Random(0).choices(range(1, 70), k=500)
    for budget in (1, 50, 300, 10**6):
        batches = batching.token_budget_batches(lengths, budget)
        assert sorted(row for batch in batches for row in batch) == list(range(500))
        for batch in batches:
            assert len(batch) * max(lengths[row] for row in batch) <= budget or len(batch) == 1
    assert batching.token_budget_batches([], 10) == []
    assert batching.fixed_batches(range(5), 2) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("function", [batching.token_budget_batches, batching.fixed_batches])
def test_sizes_below_one_are_refused(function):
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        function([3, 4], 0)


def test_padding_share_counts_what_pad_fills_in():
    lengths = [3, 9, 4, 1]
    batches = [[0, 1], [2, 3]]
    masks = [batching.pad([[1] * lengths[row] for row in batch])[1] for batch in batches]
    zeros = sum(int((mask == 0).sum()) for mask in masks)
    assert batching.padding_share(lengths, batches) == pytest.approx(zeros / sum(mask.numel() for mask in masks))
    assert batching.padding_share(lengths, batches, padded_length=10) == pytest.approx(1 - 17 / 40)
    assert torch.equal(masks[0], torch.tensor([[1] * 3 + [0] * 6, [1] * 9]))
