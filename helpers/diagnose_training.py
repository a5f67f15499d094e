"""Why is my score low, or my loss stuck? Checks of a training run, in the order to try.

Each looks at one thing that raises no error (labels, pairing, metric, optimizer,
schedule, what is frozen, the loss itself) and returns a Finding. Pooling and mask are
helpers.diagnose's. Does not train, and does not say how good a score could become.
"""

import math
from collections.abc import Callable, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from helpers.diagnose import FLOAT32, Finding
from helpers.metrics import cosine, pairwise_cosines, spearman, sts_score


def check_baseline(frozen: float, trained: float) -> Finding:
    """Scores × 100 of the encoder as it came and after training, by one evaluation."""
    evidence = f"{frozen:.1f} before training, {trained:.1f} after"
    if trained >= frozen:
        return Finding("baseline", "sound", evidence)
    cure = "look at the checks below; then a smaller learning rate"
    return Finding("baseline", "FAULT", evidence, "training made it worse", cure)


def check_labels(labels: Tensor) -> Finding:
    """Labels [N] that a cosine is compared with: can a cosine reach them?"""
    low, high = float(labels.min()), float(labels.max())
    evidence = f"labels from {low:.1f} to {high:.1f}"
    if low >= -1 and high <= 1 and low < high:
        return Finding("labels", "sound", evidence)
    if low == high:
        cure = "give it pairs that belong together and pairs that do not"
        return Finding("labels", "FAULT", evidence, "all labels are equal", cure)
    cure = f"divide them by {high:.0f}: no cosine is above 1"
    return Finding("labels", "FAULT", evidence, "range of the labels", cure)


def check_pairing(sentence_embeddings: Tensor, labels: ArrayLike) -> Finding:
    """Do row i of one column, row i of the other and label i belong together?

    sentence_embeddings of an untrained encoder, first column, then second: [2N, H]. If
    rows fit, they fit better than when one column is moved by a row or two.
    """
    first, second = sentence_embeddings.chunk(2)
    here = sts_score(sentence_embeddings, labels)
    if here > 20:
        return Finding("pairing", "sound", f"an untrained encoder scores {here:.0f}")
    for by in (-2, -1, 1, 2):
        moved = spearman(cosine(first, second.roll(by, 0)), labels)
        if moved > 20:
            evidence = f"score {here:.0f}, and {moved:.0f} if the column moves by {by}"
            cure = "a header or a dropped row: join columns by an id"
            return Finding("pairing", "FAULT", evidence, "pairing of rows", cure)
    evidence = f"an untrained encoder scores {here:.0f}: no better than chance"
    cure = "was one column sorted, shuffled or filtered alone? And the labels?"
    return Finding("pairing", "FAULT", evidence, "pairing of rows", cure)


def check_metric(similarities: Tensor, labels: ArrayLike) -> Finding:
    """Is larger closer, and can Spearman reach 100 with such labels?"""
    score = spearman(similarities, labels)
    if score < -20:
        cure = "that is a distance: take 1 − distance, or the cosine"
        return Finding("metric", "FAULT", f"score {score:.0f}", "sign of metric", cure)
    values = torch.as_tensor(labels, dtype=torch.float64)
    if len(values.unique()) == 2:
        share = float((values == values.max()).double().mean())
        ceiling = 100 * math.sqrt(3 * share * (1 - share))
        evidence = f"labels have two values: {score:.0f} of at most {ceiling:.0f}"
        cure = "report the area under the ROC curve, or average precision"
        return Finding("metric", "FAULT", evidence, "ceiling of Spearman", cure)
    return Finding("metric", "sound", f"score {score:.0f}, larger is closer")


def check_optimizer(optimizer: torch.optim.Optimizer, *modules: nn.Module) -> Finding:
    """Does the optimizer hold every weight of the modules (encoder and loss)?"""
    held = {id(w) for group in optimizer.param_groups for w in group["params"]}
    for module in modules:
        named = [(n, w) for n, w in module.named_parameters() if w.requires_grad]
        left_out = [name for name, weight in named if id(weight) not in held]
        if left_out:
            where = type(module).__name__
            evidence = f"{len(left_out)} weights of {where}, such as {left_out[0]}"
            cure = "AdamW([*model.parameters(), *loss.parameters()])"
            return Finding("optimizer", "FAULT", evidence, "not in optimizer", cure)
    return Finding("optimizer", "sound", f"it holds all {len(held)} weights")


def check_schedule(rates: Sequence[float]) -> Finding:
    """The learning rate of each step, first to last: which steps stand still?"""
    idle = sum(rate == 0 for rate in rates[1:])  # the first may stand at the foot
    highest = max(rates)
    if idle:
        evidence = f"{idle} of {len(rates)} steps have learning rate 0"
        cure = "num_training_steps counts all steps, warm-up too, in every epoch"
        return Finding("schedule", "FAULT", evidence, "schedule", cure)
    if rates[-1] == highest and rates[0] < highest:
        evidence = "the rate still climbs at the last step"
        cure = "num_warmup_steps is a count of steps, a tenth of all"
        return Finding("schedule", "FAULT", evidence, "schedule", cure)
    return Finding("schedule", "sound", f"rates up to {highest:.0e}, none is 0")


def check_frozen(model: nn.Module, before: dict[str, Tensor]) -> Finding:
    """Which weights moved since `before`, a copy of model.state_dict()?"""
    moved = still = 0
    for name, weight in model.named_parameters():
        if torch.equal(weight.detach(), before[name]):
            still += weight.numel()
        else:
            moved += weight.numel()
    share = moved / (moved + still)
    evidence = f"{share:.0%} of the weights have moved"
    if share > 0.01:
        return Finding("frozen", "sound", evidence)
    cure = "requires_grad_(True); no torch.no_grad() or detach on the way to the loss"
    return Finding("frozen", "FAULT", evidence, "frozen", cure)


def check_loss(loss: Callable[..., Tensor], *embeddings: Tensor) -> Finding:
    """A loss over two or three [B, H], without labels: why does it not fall?

    Two: anchors and their positives, negatives from the batch. Three: triplets.
    """
    for name, vectors in zip(("first", "second", "third"), embeddings, strict=False):
        bad = (~vectors.isfinite().all(1)).nonzero().flatten().tolist()
        if bad:
            evidence = f"row {bad[0]} of the {name} column is not finite"
            cure = "an empty text pooled by 0/0, or half precision: sum in float32"
            return Finding("loss", "FAULT", evidence, "nan in a vector", cure)
    with torch.enable_grad():
        leaves = [x.detach().clone().requires_grad_() for x in embeddings]
        value = loss(*leaves)
        if not value.isfinite():
            cure = "float32 for the loss; clamp what it divides by"
            return Finding("loss", "FAULT", f"loss {value}", "nan in the loss", cure)
        gradients = torch.autograd.grad(value, leaves, allow_unused=True)
    push = max(0.0 if g is None else float(g.norm()) for g in gradients)
    return _named_loss(loss, embeddings, float(value.detach()), push)


def _named_loss(
    loss: Callable[..., Tensor], embeddings: Sequence[Tensor], value: float, push: float
) -> Finding:
    size = len(embeddings[0])
    evidence = f"loss {value:.3f}"
    if len(embeddings) == 3:
        anchor = nn.functional.normalize(embeddings[0], dim=1)
        floor = float(loss(anchor, anchor, -anchor).detach())
        if floor > FLOAT32 and (embeddings[0].norm(dim=1) - 1).abs().max() < 1e-2:
            evidence += f"; perfect vectors of length 1 still cost {floor:.2f}"
            cure = "a margin below 2: no two vectors of length 1 are farther apart"
            return Finding("loss", "FAULT", evidence, "margin out of reach", cure)
    alike = float(pairwise_cosines(embeddings[1]).mean()) if size > 1 else 0.0
    if alike > 0.99:
        evidence += f", ln B = {math.log(size):.3f}; strangers have cosine {alike:.3f}"
        cure = "vectors are all alike: a loss that pushes, a smaller learning rate"
        return Finding("loss", "FAULT", evidence, "collapse", cure)
    twins = _duplicates(embeddings) if len(embeddings) == 2 else 0.0
    if twins:
        evidence += f"; some positives are there twice: floor {twins:.3f}"
        cure = "batch_sampler=BatchSamplers.NO_DUPLICATES"
        return Finding("loss", "FAULT", evidence, "duplicates in the batch", cure)
    if push < FLOAT32:
        evidence += ", and no gradient: every row is satisfied"
        cure = "harder negatives, or a larger margin"
        return Finding("loss", "FAULT", evidence, "margin reached by all", cure)
    return Finding("loss", "sound", f"{evidence}, with a gradient, and no duplicates")


def _duplicates(embeddings: Sequence[Tensor]) -> float:
    """The least in-batch loss where equal positives are each other's negatives."""
    unit = nn.functional.normalize(embeddings[1], dim=1)
    copies = (unit @ unit.T > 1 - FLOAT32).sum(1)  # of each row, itself included
    return float(copies.double().log().mean())
