"""Rows of different lengths, made into rectangles: which rows share a batch, and what the padding costs."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

Batch = list[int]  # indexes of the rows that are encoded together


def pad(
    rows: Sequence[Sequence[int]], pad_id: int = 0, length: int | None = None, side: str = "right"
) -> tuple[Tensor, Tensor]:
    """Ragged token ids -> input_ids [B, L] and attention_mask [B, L], both int64.

    L is the longest row, or `length` if that is given. Raises ValueError if a row does not fit, if there are
    no rows, or if side is neither "right" nor "left".
    """
    if not rows:
        raise ValueError("rows is empty: a batch needs at least one row of token ids")
    if side not in ("right", "left"):
        raise ValueError(f"side must be 'right' or 'left', not {side!r}")
    longest = max(map(len, rows))
    length = longest if length is None else length
    if longest > length:
        raise ValueError(f"length is {length}, but the longest row has {longest} tokens: padding never cuts")
    input_ids = torch.full((len(rows), length), pad_id, dtype=torch.long)
    attention_mask = torch.zeros_like(input_ids)
    for i, row in enumerate(rows):
        real = slice(0, len(row)) if side == "right" else slice(length - len(row), length)
        input_ids[i, real] = torch.as_tensor(row, dtype=torch.long)
        attention_mask[i, real] = 1
    return input_ids, attention_mask


def fixed_batches(order: Sequence[int], batch_size: int) -> list[Batch]:
    """Cut an order of rows into batches of batch_size rows; the last may be smaller."""
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    return [list(order[start : start + batch_size]) for start in range(0, len(order), batch_size)]


def sorted_by_length(lengths: Sequence[int]) -> list[int]:
    """Indexes of the rows, shortest first; equal lengths keep their order."""
    return sorted(range(len(lengths)), key=lengths.__getitem__)


def token_budget_batches(lengths: Sequence[int], token_budget: int) -> list[Batch]:
    """Token-sorted batches whose rectangles (rows × longest row) hold at most token_budget tokens.

    Many short rows or few long ones: every batch costs about the same. A single row above the budget still
    gets a batch of its own. lengths in tokens.
    """
    if token_budget < 1:
        raise ValueError(f"token_budget must be at least 1, not {token_budget}")

    def grow() -> Iterator[Batch]:
        batch: Batch = []
        for row in sorted_by_length(lengths):  # ascending, so the newest row is the longest of its batch
            if batch and (len(batch) + 1) * lengths[row] > token_budget:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    return list(grow())


def padding_share(lengths: Sequence[int], batches: Sequence[Batch], padded_length: int | None = None) -> float:
    """Share of all tokens, 0 to 1, that is padding when each batch is padded to its longest row.

    With padded_length every batch is padded to that many tokens instead. lengths in tokens.
    """
    real = sum(lengths[row] for batch in batches for row in batch)
    total = sum(len(batch) * (padded_length or max(lengths[row] for row in batch)) for batch in batches)
    return 1 - real / total
