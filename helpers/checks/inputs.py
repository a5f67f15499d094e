"""Input for the checks: fixed numbers, so that a verdict never depends on luck."""

import torch
from torch import Tensor


def decimals(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normally distributed numbers from a generator of their own."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def mask(lengths: list[int], padded_length: int, side: str = "right") -> Tensor:
    """attention_mask [B, L] of rows with so many real tokens, padding on `side`."""
    real = torch.tensor(lengths).unsqueeze(1)
    columns = torch.arange(padded_length)
    columns = columns if side == "right" else columns.flip(0)
    return (columns < real).long()


def token_batch(
    lengths: list[int],
    padded_length: int,
    hidden_size: int,
    side: str = "right",
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """token_embeddings [B, L, H] and attention_mask [B, L]; padding is not near 0."""
    hidden = decimals(len(lengths), padded_length, hidden_size, seed=seed) + 1
    attention_mask = mask(lengths, padded_length, side)
    hidden[attention_mask == 0] += 2
    return hidden, attention_mask
