"""Rows of different lengths, made into rectangles: which share a batch, at what cost.

A row is a list of token ids, a batch a list of indexes of rows. Does not tokenize, and
does not run a model.
"""

import operator
import reprlib
from collections.abc import Sequence

import torch
from torch import Tensor

Batch = list[int]  # indexes of the rows that are encoded together


def pad(
    rows: Sequence[Sequence[int]],
    pad_id: int = 0,
    length: int | None = None,
    side: str = "right",
) -> tuple[Tensor, Tensor]:
    """Ragged token ids -> input_ids [B, L] and attention_mask [B, L], both int64.

    L is the longest row, at least 1, or `length` if that is given. Does not cut: raises
    ValueError if a row is longer, or an id below 0, and TypeError for ids that are not
    whole numbers.
    Example: rows [[5, 6], [8]] -> [[5, 6], [8, 0]] and [[1, 1], [1, 0]].
    """
    rows = [_ids(i, row) for i, row in enumerate(as_list("rows", rows))]
    if not rows:
        raise ValueError("rows is empty: a batch needs at least one row of token ids")
    if side not in ("right", "left"):
        raise ValueError(f"side must be 'right' or 'left', not {side!r}")
    longest = max(1, *map(len, rows))
    length = longest if length is None else whole_number("length", length)
    _check_fit(length, longest)
    fill = whole_number("pad_id", pad_id, at_least=0)
    input_ids = torch.full((len(rows), length), fill, dtype=torch.long)
    attention_mask = torch.zeros_like(input_ids)
    for i, row in enumerate(rows):
        start = 0 if side == "right" else length - len(row)
        input_ids[i, start : start + len(row)] = row
        attention_mask[i, start : start + len(row)] = 1
    if input_ids.min() < 0:  # -100 in labels of other libraries
        raise ValueError(
            f"rows must hold ids of at least 0, not {int(input_ids.min())}"
        )
    return input_ids, attention_mask


def fixed_batches(order: Sequence[int], batch_size: int) -> list[Batch]:
    """Cut an order of rows into batches of batch_size rows; the last may be smaller.

    Example: order [4, 0, 3, 1, 2], batch_size 2 -> [[4, 0], [3, 1], [2]].
    """
    order = [whole_number("order[i]", i, at_least=0) for i in as_list("order", order)]
    size = whole_number("batch_size", batch_size)
    return [order[start : start + size] for start in range(0, len(order), size)]


def sorted_by_length(lengths: Sequence[int]) -> list[int]:
    """Indexes of the rows, shortest first; equal lengths keep their order.

    Example: lengths [2, 9, 3] -> [0, 2, 1].
    """
    lengths = _lengths(lengths)
    return sorted(range(len(lengths)), key=lengths.__getitem__)


def token_budget_batches(lengths: Sequence[int], token_budget: int) -> list[Batch]:
    """Group rows of like length: each batch, padded, holds at most token_budget tokens.

    Many short rows or few long ones: every batch costs about the same. lengths in
    tokens. A single row above the budget gets a batch of its own.
    Example: lengths [2, 9, 3], budget 6 -> [[0, 2], [1]].
    """
    lengths = _lengths(lengths)
    token_budget = whole_number("token_budget", token_budget)
    batches: list[Batch] = []
    for row in sorted_by_length(lengths):
        # Shortest first: the newest row is the longest, and all are padded to it.
        if batches and (len(batches[-1]) + 1) * lengths[row] <= token_budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def padding_share(
    lengths: Sequence[int], batches: Sequence[Batch], padded_length: int | None = None
) -> float:
    """Share of all tokens, 0 to 1, that is padding if each batch has its longest width.

    With padded_length every batch is padded to that many tokens instead. lengths in
    tokens. Raises ValueError if a row is longer than that, or if there is no token at
    all, and IndexError for a batch with a row that lengths does not have.
    Example: lengths [2, 9, 3], batches [[0, 2], [1]] -> 1 - 14 / 15.
    """
    lengths = _lengths(lengths)
    if padded_length is not None:
        padded_length = whole_number("padded_length", padded_length)
    real = total = 0
    for batch in check_batches(batches, len(lengths)):
        widths = [lengths[row] for row in batch]
        longest = max(widths, default=0)
        _check_fit(longest if padded_length is None else padded_length, longest)
        real += sum(widths)
        total += len(widths) * (padded_length or longest)
    if total == 0:
        raise ValueError(
            "batches hold no tokens at all, so no share of them is padding"
        )
    return 1 - real / total


def as_list(name: str, values: Sequence) -> list:
    """values as a list, by position; arrays, tensors and pandas' columns too.

    Raises TypeError, with what to write, for what has no order of its own (a set), is
    used up by reading (a generator), or gives something else when it is read (a dict
    its keys, a table its column names, a string its letters).
    """
    if getattr(values, "ndim", 0) and hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes, bytearray)):
        return list(values)
    kind = type(values).__name__
    instead = {
        "DataFrame": f"choose a column of it, such as {name}['text']",
        "dict": f"write list({name}.values())",
        "set": f"a set has no order; write sorted({name})",
        "generator": f"write list({name})",
    }.get(kind, f"got {reprlib.repr(values)}")
    raise TypeError(f"{name} must be a list, not {kind}: {instead}")


def whole_number(name: str, value: int, at_least: int = 1) -> int:
    """value as an int; NumPy's whole numbers too.

    Raises TypeError for floats, booleans, strings and None, ValueError below at_least.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {reprlib.repr(value)}")
    if number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, not {number}")
    return number


def check_batches(batches: Sequence[Batch], rows: int) -> list[Batch]:
    """batches as lists of indexes; IndexError unless each is one of `rows` rows."""
    batches = [
        [
            whole_number("an index in batches", i, at_least=0)
            for i in as_list("a batch", b)
        ]
        for b in as_list("batches", batches)
    ]
    largest = max((i for batch in batches for i in batch), default=-1)
    if largest >= rows:
        raise IndexError(
            f"batches must hold indexes from 0 to {rows - 1}, one of {rows} rows each, "
            f"not {largest}"
        )
    return batches


def _ids(i: int, row: Sequence[int]) -> Tensor:
    """Row i as a tensor [n] of whole numbers; TypeError if it is anything else."""
    try:
        ids = torch.as_tensor(as_list(f"rows[{i}]", row) or torch.empty(0).long())
    except (TypeError, ValueError, RuntimeError, OverflowError):
        ids = None
    # torch would round floats to ids in silence.
    if ids is None or ids.ndim != 1 or ids.dtype != torch.long:
        raise TypeError(
            f"rows must hold lists of token ids, but rows[{i}] is {reprlib.repr(row)}"
        )
    return ids


def _lengths(lengths: Sequence[int]) -> list[int]:
    return [
        whole_number(f"lengths[{i}]", length, at_least=0)
        for i, length in enumerate(as_list("lengths", lengths))
    ]


def _check_fit(length: int, longest: int) -> None:
    if longest > length:
        raise ValueError(
            f"length is {length}, but the longest row has {longest} tokens: "
            "padding never cuts"
        )
