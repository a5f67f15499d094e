"""Exercises that check themselves: one function an exercise, `checks.mean_pool(my_mean_pool)`.

A check never reads source code. It calls the answer on fresh random input, compares it with a reference,
and tries to name the mistake from how the answer behaves. It prints a verdict and never raises.
"""

from helpers.checks.finetuning import (
    cosine_regression,
    distillation_loss,
    optimizer,
    ranking_loss,
    training_step,
    triplet_floor,
)
from helpers.checks.masks import masked_attention, pad_batch, padding_share, position_ids
from helpers.checks.means import mean_pool, mean_pool_gradient, nan_safe_mean_pool, true_mean
from helpers.checks.strategies import last_token, padding_detector, weighted_mean, whiten
from helpers.checks.tokens import pair_inputs, truncated, unknown_share, wordpiece

__all__ = [
    "cosine_regression",
    "distillation_loss",
    "last_token",
    "masked_attention",
    "mean_pool",
    "mean_pool_gradient",
    "nan_safe_mean_pool",
    "optimizer",
    "pad_batch",
    "padding_detector",
    "padding_share",
    "pair_inputs",
    "position_ids",
    "ranking_loss",
    "training_step",
    "triplet_floor",
    "true_mean",
    "truncated",
    "unknown_share",
    "weighted_mean",
    "whiten",
    "wordpiece",
]
