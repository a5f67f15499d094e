"""From one vector per token to one vector per sentence.

The modes have the names that sentence-transformers gives them. Does not pool by
attention, and has no weights to train.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def naive_mean(token_embeddings: Tensor) -> Tensor:
    """The bug of this course: average all L positions, padding included.

    token_embeddings [B, L, H] -> [B, H]. Does not look at the mask.
    """
    return torch.mean(token_embeddings, 1)


def check_pooling_input(token_embeddings: Tensor, attention_mask: Tensor) -> None:
    """Refuse what does not fit, since PyTorch would stretch it into a wrong vector.

    Raises ValueError unless token_embeddings is float [B, L, H], L and H at least 1,
    and attention_mask [B, L] holds 0 and 1, in any dtype. B may be 0: no vectors then.
    Raises TypeError for what is no tensor, or a sparse one.
    """
    given = {"token_embeddings": token_embeddings, "attention_mask": attention_mask}
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name} must be a tensor, not {type(value).__name__}: "
                f"write torch.tensor({name})"
            )
        if value.layout != torch.strided:
            raise TypeError(
                f"{name} must be a dense tensor, not {value.layout}: write "
                f"{name}.to_dense()"
            )
    shape = list(token_embeddings.shape)
    if len(shape) != 3 or 0 in shape[1:] or token_embeddings.dtype not in FLOATS:
        raise ValueError(
            "token_embeddings must be a float tensor [B, L, H], L and H at least 1, "
            f"not {token_embeddings.dtype} {shape}"
        )
    if list(attention_mask.shape) != shape[:2]:
        raise ValueError(
            f"attention_mask must be [B, L] = {shape[:2]} to fit token_embeddings "
            f"{shape}, not {list(attention_mask.shape)}"
        )
    if attention_mask.device != token_embeddings.device:
        raise ValueError(
            f"attention_mask must be on {token_embeddings.device}, as token_embeddings "
            f"is, not on {attention_mask.device}"
        )
    if not ((attention_mask == 0) | (attention_mask == 1)).all():
        raise ValueError(
            "attention_mask must hold only 0 (padding) and 1 (real token), "
            f"not {attention_mask.unique().tolist()[:5]}"
        )


def _masked_sum(
    token_embeddings: Tensor, attention_mask: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of each row's real tokens [B, H], and of their weights [B, 1], at least 1.

    Without weights [B, L] each token weighs 1, and the second sum is their count. Both
    are in float32, or in float64 if that came in.
    """
    check_pooling_input(token_embeddings, attention_mask)
    # Half precision cannot count past 256 (bfloat16) and overflows at 65504 (float16).
    is_double = token_embeddings.dtype == torch.float64
    hidden = token_embeddings if is_double else token_embeddings.float()
    real = attention_mask.bool()
    count = real.sum(1)
    # A sentence is a bag of its real tokens. Padding is not multiplied by 0 (0 · NaN is
    # NaN), it is never read.
    total = torch.nn.functional.embedding_bag(
        real.flatten().nonzero().squeeze(1),  # which of the B · L positions are real
        hidden.flatten(0, 1),  # [B, L, H] -> [B · L, H]
        count.cumsum(0) - count,  # where each row begins in that list
        mode="sum",
        per_sample_weights=None if weights is None else weights[real].to(hidden.dtype),
    )
    weight = count if weights is None else (weights * real).sum(1)
    return total, weight.clamp(min=1).to(hidden.dtype).unsqueeze(1)


def mean_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Average each row's real tokens; padding has no influence, whatever it holds.

    token_embeddings [B, L, H] float, attention_mask [B, L] of 0 and 1 -> [B, H] in the
    same dtype. A row without real tokens gives zeros. Half precision is summed in
    float32. Raises what check_pooling_input raises.
    Source: Reimers and Gurevych (2019), arXiv 1908.10084, section 3.
    Example: [[[2.0], [4.0], [9.0]]], [[1, 1, 0]] -> [[3.0]].
    """
    total, count = _masked_sum(token_embeddings, attention_mask)
    return (total / count).to(token_embeddings.dtype)


def mean_sqrt_len_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Sum of each row's real tokens over √nᵢ: the mean's direction, another length.

    Shapes, empty rows and errors as in mean_pool.
    Example: [[[2.0], [4.0], [9.0]]], [[1, 1, 0]] -> [[4.2426]].
    """
    total, count = _masked_sum(token_embeddings, attention_mask)
    return (total / count.sqrt()).to(token_embeddings.dtype)


def weighted_mean_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean with weights 1, 2, … nᵢ from the first real token to the last.

    For models whose tokens see only what stands before them: late ones know more.
    Shapes, empty rows and errors as in mean_pool.
    Source: Muennighoff (2022), SGPT, arXiv 2202.08904.
    Example: [[[2.0], [5.0], [9.0]]], [[1, 1, 0]] -> [[4.0]].
    """
    check_pooling_input(token_embeddings, attention_mask)
    position = attention_mask.long().cumsum(1)  # 1 at the first real token
    total, weight = _masked_sum(token_embeddings, attention_mask, position)
    return (total / weight).to(token_embeddings.dtype)


def max_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Largest value of each dimension over each row's real tokens.

    Shapes, empty rows and errors as in mean_pool.
    """
    check_pooling_input(token_embeddings, attention_mask)
    is_padding = attention_mask.unsqueeze(-1) == 0  # [B, L] -> [B, L, 1]
    # -inf exists in every float dtype; -1e9 does not fit into half precision.
    largest = token_embeddings.masked_fill(is_padding, float("-inf")).amax(1)
    return largest.masked_fill(is_padding.all(1), 0)


def cls_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Vector of each row's first real token, [CLS] in BERT.

    Shapes, empty rows and errors as in mean_pool.
    """
    check_pooling_input(token_embeddings, attention_mask)
    real = attention_mask.bool()
    # Not always position 0: with left padding, padding comes first.
    first = real.int().argmax(1)
    vectors = token_embeddings[torch.arange(len(first), device=first.device), first]
    return vectors.masked_fill(~real.any(1, keepdim=True), 0)


def last_token_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Vector of each row's last real token, [SEP] in BERT.

    Shapes, empty rows and errors as in mean_pool.
    """
    check_pooling_input(token_embeddings, attention_mask)
    return cls_pool(token_embeddings.flip(1), attention_mask.bool().flip(1))


POOLING_MODES = {
    "cls": cls_pool,
    "max": max_pool,
    "mean": mean_pool,
    "mean_sqrt_len_tokens": mean_sqrt_len_pool,
    "weightedmean": weighted_mean_pool,
    "lasttoken": last_token_pool,
}


def pool(
    token_embeddings: Tensor, attention_mask: Tensor, pooling_modes: Sequence[str]
) -> Tensor:
    """The blog's function: the vectors of all the modes asked for, side by side.

    pooling_modes is a list of names in POOLING_MODES -> [B, H · number of modes].
    Raises ValueError for any other, and what check_pooling_input raises.
    """
    is_list = isinstance(pooling_modes, list | tuple) and len(pooling_modes) > 0
    if not is_list or any(mode not in list(POOLING_MODES) for mode in pooling_modes):
        raise ValueError(
            f"pooling_modes must be a list of {list(POOLING_MODES)}, "
            f"not {pooling_modes!r}"
        )
    output_vectors = []
    for mode in pooling_modes:
        output_vectors.append(POOLING_MODES[mode](token_embeddings, attention_mask))
    return torch.cat(output_vectors, 1)
