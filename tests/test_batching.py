"""Rectangles and batches: every row once, nothing cut, and bad input named."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import batching

IDS = st.lists(st.integers(0, 2**31), max_size=9)
LENGTHS = st.lists(st.integers(0, 60), max_size=40)
quickly = settings(deadline=None, max_examples=60)


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


@quickly
@given(
    st.lists(IDS, min_size=1, max_size=6),
    st.integers(0, 99),
    st.integers(0, 4),
    st.sampled_from(["right", "left"]),
)
def test_the_mask_finds_the_rows_again(rows, pad_id, more, side):
    length = max(1, *map(len, rows)) + more
    ids, mask = batching.pad(rows, pad_id, length, side)
    assert ids.shape == mask.shape == (len(rows), length)
    assert ids.dtype == mask.dtype == torch.int64
    for row, row_ids, row_mask in zip(rows, ids, mask, strict=True):
        assert row_ids[row_mask == 1].tolist() == row
        assert (row_ids[row_mask == 0] == pad_id).all()
        # Padding stands on one side only.
        assert (row_mask.diff() <= 0).all() if side == "right" else True
        assert (row_mask.diff() >= 0).all() if side == "left" else True


@pytest.mark.fault("batching", "right result")
def test_a_batch_of_empty_rows_is_one_column_of_padding():
    ids, mask = batching.pad([[], []], pad_id=7)
    assert (ids.tolist(), mask.tolist()) == ([[7], [7]], [[0], [0]])


@pytest.mark.parametrize(
    "rows",
    [
        [torch.tensor([5, 6]), torch.tensor([8, 1])],
        torch.tensor([[5, 6], [8, 1]], dtype=torch.int32),
        np.array([[5, 6], [8, 1]], dtype=np.uint8),
        [np.array([5, 6]), (8, 1)],
        [[np.int64(5), np.int32(6)], [8, 1]],
        pd.Series([[5, 6], [8, 1]], index=[1, 0]),
        [pd.Series([5, 6], index=[1, 0]), range(8, 0, -7)],
    ],
)
@pytest.mark.fault("batching", "right result")
def test_rows_may_be_arrays_and_columns(rows):
    assert batching.pad(rows)[0].tolist() == [[5, 6], [8, 1]]


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (ValueError, {"rows": []}, "rows is empty"),
        (ValueError, {"rows": [[1, 2, 3]], "length": 2}, "length is 2, but the .* 3"),
        (ValueError, {"rows": [[1]], "side": "both"}, "side must be .* not 'both'"),
        (ValueError, {"rows": [[1]], "length": 0}, "length must be at least 1, not 0"),
        (TypeError, {"rows": [[1]], "length": 3.0}, "length must be .* not 3.0"),
        (TypeError, {"rows": [[1]], "length": True}, "length must be .* not True"),
        (TypeError, {"rows": [[1]], "length": "3"}, "length must be .* not '3'"),
        (TypeError, {"rows": [[1]], "pad_id": None}, "pad_id must be .* not None"),
        (TypeError, {"rows": [[1]], "pad_id": 0.0}, "pad_id must be .* not 0.0"),
        (ValueError, {"rows": [[1]], "pad_id": -1}, "pad_id must be at least 0"),
        (TypeError, {"rows": [[1], [2.0, 3.7]]}, r"rows\[1\] is \[2.0, 3.7\]"),
        (TypeError, {"rows": [np.array([1.5])]}, r"rows\[0\] is array\(\[1.5\]\)"),
        (TypeError, {"rows": torch.rand(2, 3)}, r"rows\[0\] is \["),
        (TypeError, {"rows": [[True, False]]}, r"rows\[0\] is \[True, False\]"),
        (TypeError, {"rows": [["1"]]}, r"rows\[0\] is \['1'\]"),
        (TypeError, {"rows": ["12"]}, r"rows\[0\] is '12'"),
        (TypeError, {"rows": [[[1], [2]]]}, r"rows\[0\] is \[\[1\], \[2\]\]"),
        (TypeError, {"rows": [[1, None]]}, r"rows\[0\] is \[1, None\]"),
        (TypeError, {"rows": [[2**70]]}, r"rows\[0\] is \[1180"),
        (TypeError, {"rows": [1, 2]}, r"rows\[0\] is 1"),
        (TypeError, {"rows": torch.tensor([1, 2])}, r"rows\[0\] is 1"),
        (TypeError, {"rows": [{1: 2}]}, r"rows\[0\] is {1: 2}"),
        (TypeError, {"rows": {0: [1]}}, r"write list\(rows.values\(\)\)"),
        (TypeError, {"rows": ([i] for i in (1, 2))}, r"write list\(rows\)"),
    ],
)
@pytest.mark.fault("batching", "clear error")
def test_pad_names_the_argument(error, arguments, message):
    with pytest.raises(error, match=message):
        batching.pad(**arguments)


@quickly
@given(LENGTHS, st.integers(1, 200))
def test_batches_hold_every_row_once_and_keep_the_budget(lengths, budget):
    batches = batching.token_budget_batches(lengths, budget)
    order = [row for batch in batches for row in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert order == batching.sorted_by_length(lengths)
    for batch in batches:
        tokens = len(batch) * max(lengths[row] for row in batch)
        assert tokens <= budget or len(batch) == 1


def test_the_examples_of_the_docstrings():
    assert batching.token_budget_batches([2, 9, 3], 6) == [[0, 2], [1]]
    assert batching.token_budget_batches([], 10) == []
    assert batching.sorted_by_length([2, 9, 3]) == [0, 2, 1]
    assert batching.fixed_batches([4, 0, 3, 1, 2], 2) == [[4, 0], [3, 1], [2]]
    assert batching.fixed_batches(range(5), 2) == [[0, 1], [2, 3], [4]]
    share = batching.padding_share([2, 9, 3], [[0, 2], [1]])
    assert share == pytest.approx(1 - 14 / 15)


@pytest.mark.parametrize(
    "lengths",
    [
        pd.Series([2, 9, 3], index=[2, 0, 1]),
        np.array([2, 9, 3], dtype=np.int16),
        torch.tensor([2, 9, 3]),
        (2, np.int64(9), 3),
    ],
)
@pytest.mark.fault("batching", "right result")
def test_lengths_are_taken_by_position(lengths):
    assert batching.sorted_by_length(lengths) == [0, 2, 1]
    assert batching.token_budget_batches(lengths, np.int64(6)) == [[0, 2], [1]]
    assert batching.padding_share(lengths, [[0, 2], np.array([1])]) < 0.07
    assert batching.fixed_batches(lengths, 2) == [[2, 9], [3]]


@pytest.mark.parametrize(
    ("error", "size", "message"),
    [
        (ValueError, 0, "must be at least 1, not 0"),
        (ValueError, -3, "must be at least 1, not -3"),
        (TypeError, 2.0, "must be a whole number, not 2.0"),
        (TypeError, float("inf"), "must be a whole number, not inf"),
        (TypeError, True, "must be a whole number, not True"),
        (TypeError, "2", "must be a whole number, not '2'"),
        (TypeError, None, "must be a whole number, not None"),
        (TypeError, np.float32(2), r"must be a whole number, not np.float32\(2.0\)"),
    ],
)
@pytest.mark.parametrize("name", ["token_budget", "batch_size"])
@pytest.mark.fault("batching", "clear error")
def test_sizes_that_are_no_whole_number_are_refused(name, error, size, message):
    function = {
        "token_budget": batching.token_budget_batches,
        "batch_size": batching.fixed_batches,
    }[name]
    with pytest.raises(error, match=f"{name} {message}"):
        function([3, 4], size)


@pytest.mark.parametrize(
    ("error", "lengths", "message"),
    [
        (TypeError, [3, 2.5], r"lengths\[1\] must be a whole number, not 2.5"),
        (TypeError, [3, "4"], r"lengths\[1\] must be a whole number, not '4'"),
        (ValueError, [3, -4], r"lengths\[1\] must be at least 0, not -4"),
        (TypeError, {0: 3, 1: 4}, r"write list\(lengths.values\(\)\)"),
        (TypeError, {3, 4}, r"write sorted\(lengths\)"),
        (TypeError, pd.DataFrame({"n": [3, 4]}), "choose a column of it"),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        batching.sorted_by_length,
        lambda lengths: batching.token_budget_batches(lengths, 9),
        lambda lengths: batching.padding_share(lengths, [[0, 1]]),
    ],
)
@pytest.mark.fault("batching", "clear error")
def test_lengths_that_are_none_are_refused(function, error, lengths, message):
    with pytest.raises(error, match=message):
        function(lengths)


def test_padding_share_counts_what_pad_fills_in():
    lengths, batches = [3, 9, 4, 1], [[0, 1], [2, 3]]
    rows = [[[1] * lengths[row] for row in batch] for batch in batches]
    masks = [batching.pad(batch)[1] for batch in rows]
    zeros = sum(int((mask == 0).sum()) for mask in masks)
    positions = sum(mask.numel() for mask in masks)
    share = batching.padding_share(lengths, batches)
    assert share == pytest.approx(zeros / positions)
    wide = batching.padding_share(lengths, batches, padded_length=10)
    assert wide == pytest.approx(1 - 17 / 40)


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (ValueError, {"padded_length": 5}, "length is 5, but the longest row has 9"),
        (ValueError, {"padded_length": 0}, "padded_length must be at least 1, not 0"),
        (TypeError, {"padded_length": 9.5}, "padded_length must be a whole number"),
        (TypeError, {"padded_length": True}, "padded_length must be a whole number"),
        (IndexError, {"batches": [[0, 3]]}, "indexes from 0 to 2, .* not 3"),
        (ValueError, {"batches": [[0, -1]]}, "batches must be at least 0, not -1"),
        (TypeError, {"batches": [[0, 1.0]]}, "batches must be a whole number, not 1.0"),
        (TypeError, {"batches": [0, 1]}, "a batch must be a list, not int: got 0"),
        (TypeError, {"batches": {0: [1]}}, r"write list\(batches.values\(\)\)"),
        (ValueError, {"batches": []}, "batches hold no tokens"),
        (ValueError, {"batches": [[]]}, "batches hold no tokens"),
    ],
)
@pytest.mark.fault("batching", "clear error")
def test_a_share_that_is_none_is_refused(error, arguments, message):
    arguments = {"lengths": [3, 9, 4], "batches": [[0, 1], [2]]} | arguments
    with pytest.raises(error, match=message):
        batching.padding_share(**arguments)


@pytest.mark.fault("batching", "clear error")
@pytest.mark.parametrize("order", [[1.5], ["a"], [[0, 1]], [-1], [True]])
def test_an_order_of_other_things_than_rows_is_refused(order):
    with pytest.raises((TypeError, ValueError), match=r"order\[i\] must be"):
        batching.fixed_batches(order, 2)


@pytest.mark.fault("batching", "clear error")
def test_ids_below_zero_are_no_ids():
    with pytest.raises(ValueError, match="rows must hold ids of at least 0, not -100"):
        batching.pad([[5, -100], [7]])
