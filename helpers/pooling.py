"""From one vector a token to one vector a sentence.

The modes have the names that sentence-transformers gives them. But: no attention pooling, nothing with weights to train.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def naive_mean(token_embeddings: Tensor) -> Tensor:
    """The bug of this course: average all L positions, padding included. [B, L, H] -> [B, H]."""
    return torch.mean(token_embeddings, 1)


def mean_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Average each row's real tokens; padding has no influence, whatever it holds.

    token_embeddings [B, L, H] float, attention_mask [B, L] of 0 and 1 -> [B, H] in the same dtype. Half
    precision is accumulated in float32. A row without real tokens gives zeros. Raises ValueError for
    arguments that do not fit. Source: Reimers and Gurevych (2019), arXiv 1908.10084, section 3.
    """
    total, count = _masked_sum(token_embeddings, attention_mask)
    return (total / count).to(token_embeddings.dtype)


def mean_sqrt_len_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Sum of each row's real tokens over √nᵢ: the direction of the mean, another length. Shapes as in mean_pool."""
    total, count = _masked_sum(token_embeddings, attention_mask)
    return (total / count.sqrt()).to(token_embeddings.dtype)


def weighted_mean_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean with weights 1, 2, … nᵢ from the first real token to the last. Shapes and empty rows as in mean_pool.

    For models whose tokens see only what stands before them, so that late ones know more. Source: Muennighoff
    (2022), SGPT, arXiv 2202.08904.
    """
    total, weight = _masked_sum(token_embeddings, attention_mask, attention_mask.long().cumsum(1))
    return (total / weight).to(token_embeddings.dtype)


def max_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Largest value of each dimension over each row's real tokens. Shapes and empty rows as in mean_pool."""
    check_pooling_input(token_embeddings, attention_mask)
    # -inf exists in every float dtype; -1e9 does not fit into half precision.
    largest = token_embeddings.masked_fill(attention_mask.unsqueeze(-1) == 0, float("-inf")).amax(1)
    return largest.masked_fill(attention_mask.sum(1, keepdim=True) == 0, 0)


def cls_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Vector of each row's first real token, [CLS] in BERT. Shapes and empty rows as in mean_pool."""
    check_pooling_input(token_embeddings, attention_mask)
    first = attention_mask.int().argmax(1)  # not always 0: with left padding, padding comes first
    vectors = token_embeddings[torch.arange(len(first), device=first.device), first]
    return vectors.masked_fill(attention_mask.sum(1, keepdim=True) == 0, 0)


def last_token_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Vector of each row's last real token, [SEP] in BERT. Shapes and empty rows as in mean_pool."""
    return cls_pool(token_embeddings.flip(1), attention_mask.flip(1))


POOLING_MODES = {
    "cls": cls_pool,
    "max": max_pool,
    "mean": mean_pool,
    "mean_sqrt_len_tokens": mean_sqrt_len_pool,
    "weightedmean": weighted_mean_pool,
    "lasttoken": last_token_pool,
}


def pool(token_embeddings: Tensor, attention_mask: Tensor, pooling_modes: Sequence[str]) -> Tensor:
    """The blog's function: the vectors of all the modes asked for, side by side, [B, H × number of modes]."""
    unknown = set(pooling_modes) - set(POOLING_MODES)
    if unknown or not pooling_modes or isinstance(pooling_modes, str):
        raise ValueError(f"pooling_modes must be a list of {list(POOLING_MODES)}, not {pooling_modes!r}")
    output_vectors = [POOLING_MODES[mode](token_embeddings, attention_mask) for mode in pooling_modes]
    return torch.cat(output_vectors, 1)


def check_pooling_input(token_embeddings: Tensor, attention_mask: Tensor) -> None:
    """Raise a clear error unless token_embeddings is float [B, L, H] and attention_mask [B, L] of 0 and 1."""
    if token_embeddings.ndim != 3 or not token_embeddings.is_floating_point():
        raise ValueError(
            "token_embeddings must be a float tensor [B, L, H], "
            f"not {token_embeddings.dtype} {list(token_embeddings.shape)}"
        )
    if attention_mask.shape != token_embeddings.shape[:2]:
        raise ValueError(
            f"attention_mask must be [B, L] = {list(token_embeddings.shape[:2])} to fit token_embeddings "
            f"{list(token_embeddings.shape)}, not {list(attention_mask.shape)}"
        )
    if not ((attention_mask == 0) | (attention_mask == 1)).all():
        raise ValueError(
            f"attention_mask must hold only 0 (padding) and 1 (real token), not {attention_mask.unique().tolist()[:5]}"
        )


def _masked_sum(
    token_embeddings: Tensor, attention_mask: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of the real tokens [B, H] and of their weights [B, 1], at least 1, both in float32 or better.

    Without weights [B, L] each real token weighs 1, so that the second sum is their count.
    """
    check_pooling_input(token_embeddings, attention_mask)
    # Half precision cannot count past 256 (bfloat16) and overflows at 65504 (float16).
    hidden = token_embeddings if token_embeddings.dtype == torch.float64 else token_embeddings.float()
    real = attention_mask.bool()
    count = real.sum(1)
    # A sentence is a bag of its real tokens. Padding is not multiplied by 0 (0 · NaN is NaN), it is never read.
    total = torch.nn.functional.embedding_bag(
        real.flatten().nonzero().squeeze(1),  # which of the B · L positions hold real tokens
        hidden.flatten(0, 1),  # [B, L, H] -> [B · L, H]
        count.cumsum(0) - count,  # where each row begins in that list
        mode="sum",
        per_sample_weights=None if weights is None else weights[real].to(hidden.dtype),
    )
    weight = count if weights is None else (weights * real).sum(1)
    return total, weight.clamp(min=1).to(hidden.dtype).unsqueeze(1)
