"""Checks of lesson 05: four losses, or what a loss can reach."""

import math
import numbers

import torch
from torch import Tensor, nn

from helpers import losses
from helpers.checks import compare
from helpers.checks.inputs import decimals
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge
from helpers.metrics import cosine


def with_gradients(loss: Answer, u: Tensor, v: Tensor, *rest: Tensor) -> object:
    """The loss and its gradients by u and v; zeros where there is none."""
    u.requires_grad_()
    v.requires_grad_()
    value = loss(u, v, *rest)
    if not isinstance(value, Tensor) or value.ndim:
        return value
    if value.requires_grad:
        value.backward()
    gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in (u, v)]
    return [value.detach(), *gradients]


LOSS_SIGNS = [
    (
        "Return a tensor, not a number: item() and float() cut the gradient.",
        lambda got, *_: isinstance(got, numbers.Number),
    ),
    (
        "The loss is one number for the whole batch: a tensor without dimensions.",
        lambda got, *_: got.ndim > 0,
    ),
    (
        "The value is right, but it has no gradient: somewhere you detach, or leave "
        "PyTorch.",
        lambda got, wanted, *_: compare.same(got, wanted) and not got.requires_grad,
    ),
    (
        "The loss is right, its gradient is not: look for a detach, an item() or a "
        "no_grad.",
        lambda got, wanted, *_: compare.same(got, wanted),
    ),
]


def distance(u: Tensor, v: Tensor, scores: Tensor) -> Tensor:
    return cosine(u, v) - scores / 5


COSINE_REGRESSION_MISTAKES = [
    (
        "No cosine is 5. Scale the scores to 0 to 1 first, or every pair is pulled "
        "together.",
        lambda u, v, scores: (cosine(u, v) - scores).square().mean(),
    ),
    (
        "You divided by the batch's largest score: the same pair would get another "
        "label in another batch. The scale ends at 5, divide by 5.",
        lambda u, v, scores: (cosine(u, v) - scores / scores.max()).square().mean(),
    ),
    (
        "You stretched the batch's own scores to 0 to 1: the same pair would get "
        "another label in another batch. The scale runs from 0 to 5, divide by 5.",
        lambda u, v, scores: (
            (cosine(u, v) - (scores - scores.min()) / (scores.max() - scores.min()))
            .square()
            .mean()
        ),
    ),
    (
        "You standardized the batch's scores. Divide by 5, the end of the scale.",
        lambda u, v, scores: (
            (cosine(u, v) - (scores - scores.mean()) / scores.std()).square().mean()
        ),
    ),
    (
        "The scores run from 0 to 5: they become 0 to 1, not −1 to 1. Unrelated is not "
        "opposite.",
        lambda u, v, scores: (cosine(u, v) - (scores / 2.5 - 1)).square().mean(),
    ),
    (
        "A softmax makes the batch's scores add up to 1. Divide each by 5.",
        lambda u, v, scores: (cosine(u, v) - scores.softmax(0)).square().mean(),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda u, v, scores: (cosine(u, v) - scores // 5).square().mean(),
    ),
    (
        "You cut the scores off at 1. Divide them by 5.",
        lambda u, v, scores: (cosine(u, v) - scores.clamp(0, 1)).square().mean(),
    ),
    (
        "You divided by 4. The scale ends at 5.",
        lambda u, v, scores: (cosine(u, v) - scores / 4).square().mean(),
    ),
    (
        "You brought the cosine to the scores' scale. Bring the scores to 0 to 1 "
        "instead: so the loss is 25 times as large, and so is each step.",
        lambda u, v, scores: (5 * cosine(u, v) - scores).square().mean(),
    ),
    (
        "You squeezed the cosine to 0 to 1. Leave it, and divide the scores by 5.",
        lambda u, v, scores: ((cosine(u, v) + 1) / 2 - scores / 5).square().mean(),
    ),
    (
        "You cut the cosine off at 0. A negative one is further from its label.",
        lambda u, v, scores: (cosine(u, v).relu() - scores / 5).square().mean(),
    ),
    (
        "You made the cosine positive. A negative one is further from its label.",
        lambda u, v, scores: (cosine(u, v).abs() - scores / 5).square().mean(),
    ),
    (
        "The cosine itself should meet the label, not the distance 1 − cos.",
        lambda u, v, scores: (1 - cosine(u, v) - scores / 5).square().mean(),
    ),
    (
        "That is the dot product. Divide by the lengths of u and v.",
        lambda u, v, scores: ((u * v).sum(1) - scores / 5).square().mean(),
    ),
    (
        "That is the Euclidean distance. Compare the cosine with the label.",
        lambda u, v, scores: ((u - v).norm(dim=1) - scores / 5).square().mean(),
    ),
    (
        "That is every u with every v. Pair i is u[i] with v[i].",
        lambda u, v, scores: (cosine(u[:, None], v[None]) - scores / 5).square().mean(),
    ),
    (
        "The cosine runs along the wrong axis: dim=1, the numbers of one vector.",
        lambda u, v, scores: (
            (torch.cosine_similarity(u, v, dim=0) - scores / 5).square().mean()
        ),
    ),
    (
        "Take the mean over the pairs, not the sum: else the step grows with the "
        "batch.",
        lambda *arguments: distance(*arguments).square().sum(),
    ),
    (
        "One number for the whole batch: take the mean over the pairs.",
        lambda *arguments: distance(*arguments).square(),
    ),
    (
        "That is the mean distance. Square it: far-off pairs should count more.",
        lambda *arguments: distance(*arguments).abs().mean(),
    ),
    (
        "Square, or distances of opposite sign cancel out.",
        lambda *arguments: distance(*arguments).mean(),
    ),
    (
        "You squared the mean: distances of opposite sign have cancelled out by then. "
        "Square first.",
        lambda *arguments: distance(*arguments).mean().square(),
    ),
    (
        "You took the square root of the mean. The mean squared distance has none.",
        lambda *arguments: distance(*arguments).square().mean().sqrt(),
    ),
    (
        "You halved it. The mean squared distance has no ½.",
        lambda *arguments: distance(*arguments).square().mean() / 2,
    ),
    (
        "The sign is wrong: training makes a loss small, and this one would grow.",
        lambda *arguments: -distance(*arguments).square().mean(),
    ),
    (
        "Do not change u in place, the caller still needs it: write u = u / …, not "
        "u /= ….",
        lambda u, v, scores: u.div_(u.norm(dim=1, keepdim=True)),
    ),
]


@exercise("5.1")
def cosine_regression(answer: Answer) -> Verdict:
    """answer(u, v, scores) -> mean squared distance of the cosines from the scores.

    u, v [B, H], scores [B] from 0 to 5, to be scaled to 0 to 1 -> a tensor without
    dimensions, with a gradient.
    Example:
    u = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    v = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    answer(u, v, torch.tensor([5.0, 1.0])) -> tensor(0.0200)
    """
    few, more = torch.tensor([4.0, 1.0, 2.6, 0.6]), torch.tensor([0, 5, 3.2, 2, 4.4])
    cases = [
        Case((decimals(4, 6, seed=1), decimals(4, 6, seed=2), few)),
        Case((decimals(5, 3, seed=3), decimals(5, 3, seed=4), more)),
    ]
    return judge(
        answer,
        reference=lambda u, v, scores: distance(u, v, scores).square().mean(),
        cases=cases,
        mistakes=COSINE_REGRESSION_MISTAKES,
        signs=LOSS_SIGNS,
        look=with_gradients,
        praise="Exactly this trained the row 'cosine' of the results table.",
    )


TRIPLET_FLOOR_MISTAKES = [
    (
        "With margin 5 it cannot be 0: two vectors of length 1 are at most 2 apart, 5 "
        "is out of reach.",
        lambda margin: 0.0,
    ),
    (
        "The triplet loss is cut off at 0: a margin that is reached costs nothing.",
        lambda margin: margin - 2.0,
    ),
    (
        "You took 1 for the largest distance. Opposite unit vectors are 2 apart.",
        lambda margin: max(0.0, margin - 1.0),
    ),
    (
        "You took 1 for the largest distance, and the loss is cut off at 0. Opposite "
        "unit vectors are 2 apart.",
        lambda margin: margin - 1.0,
    ),
    (
        "You took √2 for the largest distance: that is a right angle. Opposite unit "
        "vectors are 2 apart.",
        lambda margin: max(0.0, margin - math.sqrt(2)),
    ),
    (
        "You took 4 for the largest distance: that is its square. Opposite unit "
        "vectors are 2 apart.",
        lambda margin: max(0.0, margin - 4.0),
    ),
    (
        "That is the loss where positive and negative are equally far. It can be "
        "smaller.",
        lambda margin: margin,
    ),
    (
        "That is the largest value: positive opposite, negative on the anchor. The "
        "smallest has them the other way round.",
        lambda margin: margin + 2.0,
    ),
    (
        "The wrong way round: distance to the positive minus distance to the negative, "
        "plus margin.",
        lambda margin: max(0.0, 2.0 - margin),
    ),
    (
        "The triplet loss is cut off at 0, not folded: a margin that is reached costs "
        "nothing.",
        lambda margin: abs(margin - 2.0),
    ),
    (
        "The smallest value is cut off at 0 from below: max, not min.",
        lambda margin: min(0.0, margin - 2.0),
    ),
    (
        "The loss has no square: max(0, d⁺ − d⁻ + margin).",
        lambda margin: max(0.0, margin - 2.0) ** 2,
    ),
    (
        "That is the share of the margin. The loss is what is missing of it.",
        lambda margin: max(0.0, 1.0 - 2.0 / margin),
    ),
    (
        "Right for whole numbers. A margin may have decimals: no rounding.",
        lambda margin: max(0, int(margin) - 2),
    ),
    (
        "Right for whole numbers. A margin may have decimals: no rounding.",
        lambda margin: max(0, math.ceil(margin) - 2),
    ),
]


@exercise("5.2")
def triplet_floor(answer: Answer) -> Verdict:
    """answer(margin) -> the smallest triplet loss that vectors of length 1 can reach.

    margin, a number from 0 -> a number. The distance is Euclidean.
    Example:
    answer(5.0) -> 3.0
    """
    return judge(
        answer,
        reference=lambda margin: max(0.0, margin - 2.0),
        cases=[Case((margin,)) for margin in (5.0, 0.5, 2.0, 3.5, 1.0, 2.25)],
        mistakes=TRIPLET_FLOOR_MISTAKES,
        praise="A loss that cannot reach 0 is no error message, only a curve that "
        "flattens too high.",
    )


def alike(rows: int, *groups: list[int]) -> Tensor:
    """same [rows, rows]: each row with itself, and with the others of its group."""
    result = torch.eye(rows, dtype=torch.bool)
    for group in groups:
        for row in group:
            result[row, group] = True
    return result


def swapped(rows: int, size: int, a: int, b: int, seed: int) -> tuple[Tensor, Tensor]:
    """anchor, positive [rows, size], in which a and b each have the other's positive.

    Short vectors, so that a forgotten normalization shows.
    """
    anchor, positive = decimals(2, rows, size, seed=seed)
    positive[[a, b]] = anchor[[b, a]] + 0.3 * decimals(2, size, seed=seed + 1)
    return 0.3 * anchor, 0.5 * positive


def opposite(rows: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """anchor, positive [rows, size], all cosines about −0.9: even −1 is not far."""
    base, noise = decimals(size, seed=seed), decimals(2, rows, size, seed=seed + 1)
    return base + 0.3 * noise[0], -base + 0.3 * noise[1]


RANKING_CASES = [
    Case((*swapped(4, 6, 0, 2, seed=10), alike(4, [0, 2]))),
    Case((*swapped(6, 5, 1, 4, seed=12), alike(6, [1, 4, 5], [0, 3]))),
    Case((*opposite(3, 5, seed=14), alike(3, [0, 2]))),
    Case(
        (*decimals(2, 3, 4, seed=16), alike(3)),
        "It is right until no two pairs of a batch mean the same: then nothing is to "
        "be left out.",
    ),
]


def false_negatives(same: Tensor) -> Tensor:
    return same & ~torch.eye(len(same), dtype=torch.bool)


def logits(anchor: Tensor, positive: Tensor, scale: float = 20.0) -> Tensor:
    """Scaled cosines [B, B]."""
    return scale * cosine(anchor[:, None], positive[None])


def ranked(
    scores: Tensor, excluded: Tensor | bool = False, fill: float = -math.inf
) -> Tensor:
    """Cross entropy of each row with its diagonal: [B]."""
    scores = scores.masked_fill(torch.as_tensor(excluded), fill)
    targets = torch.arange(len(scores))
    return nn.functional.cross_entropy(scores, targets, reduction="none")


def ranking(anchor: Tensor, positive: Tensor, same: Tensor, **changes) -> Tensor:
    """The loss asked for, or with a changed scale or fill."""
    fill = changes.pop("fill", -math.inf)
    scores = logits(anchor, positive, **changes)
    return ranked(scores, false_negatives(same), fill).mean()


def transposed(anchor: Tensor, positive: Tensor, same: Tensor) -> Tensor:
    return ranking(positive, anchor, same)


def not_normalized(anchor: Tensor, positive: Tensor, same: Tensor) -> Tensor:
    return ranked(20 * anchor @ positive.T, false_negatives(same)).mean()


def several_targets(anchor: Tensor, positive: Tensor, same: Tensor) -> Tensor:
    """All that mean the same are targets, each with its share."""
    shares = same / same.sum(1, keepdim=True)
    return nn.functional.cross_entropy(logits(anchor, positive), shares)


def without_doubles(anchor: Tensor, positive: Tensor, same: Tensor) -> Tensor:
    """Drops whole pairs, those that have a double."""
    single = same.sum(1) == 1
    scores = logits(anchor, positive)[single][:, single]
    return ranked(scores).mean()


def without_positive(anchor: Tensor, positive: Tensor, same: Tensor) -> Tensor:
    """The positive is missing from the denominator."""
    scores = logits(anchor, positive)
    others = scores.masked_fill(same, -math.inf)
    return (others.logsumexp(1) - scores.diagonal()).mean()


RANKING_MISTAKES = [
    (
        "There are positives among your negatives: where same[i, j] is True and i is "
        "not j, j must not count.",
        lambda anchor, positive, same: losses.multiple_negatives_ranking_loss(
            anchor, positive
        ),
    ),
    (
        "A similarity of 0 still counts: exp(0) is 1. Set it to −∞.",
        lambda *arguments: ranking(*arguments, fill=0.0),
    ),
    (
        "A similarity of −1 still counts: exp(−1) is 0.37. Set it to −∞.",
        lambda *arguments: ranking(*arguments, fill=-1.0),
    ),
    (
        "A cosine of −1 still counts: after scaling it is −20, and other logits can be "
        "as low. Set it to −∞.",
        lambda *arguments: ranking(*arguments, fill=-20.0),
    ),
    (
        "You subtract a little where same is True, and it still counts. Set it to −∞.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive) - 20 * false_negatives(same)
        ).mean(),
    ),
    (
        "You subtract a little where same is True, and it still counts. Set it to −∞.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive) - 1.0 * false_negatives(same)
        ).mean(),
    ),
    (
        "You left out the diagonal as well: there stand the positives themselves, and "
        "the loss is infinite.",
        lambda anchor, positive, same: ranked(logits(anchor, positive), same).mean(),
    ),
    (
        "You set the diagonal to 0 as well: there stand the positives themselves. And "
        "exp(0) is 1: leave out by −∞.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive), same, 0.0
        ).mean(),
    ),
    (
        "You left out the positives themselves and nothing else: the loss is infinite.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive), alike(len(same))
        ).mean(),
    ),
    (
        "The positive is missing from the denominator: the softmax of row i runs over "
        "i itself and its negatives.",
        without_positive,
    ),
    (
        "Cosines lie in −1 to 1, too flat for a softmax: multiply by the scale, 20.",
        lambda *arguments: ranking(*arguments, scale=1.0),
    ),
    (
        "You divided by 20. The scale multiplies; a temperature of 1/20 would divide.",
        lambda *arguments: ranking(*arguments, scale=0.05),
    ),
    (
        "Use cosines: scale anchor and positive to length 1.",
        not_normalized,
    ),
    (
        "Use cosines: scale positive to length 1, too.",
        lambda anchor, positive, same: not_normalized(
            nn.functional.normalize(anchor, dim=1), positive, same
        ),
    ),
    (
        "Use cosines: scale anchor to length 1, too.",
        lambda anchor, positive, same: not_normalized(
            anchor, nn.functional.normalize(positive, dim=1), same
        ),
    ),
    (
        "You normalized the columns: dim=1 is the axis of one vector.",
        lambda anchor, positive, same: not_normalized(
            nn.functional.normalize(anchor, dim=0),
            nn.functional.normalize(positive, dim=0),
            same,
        ),
    ),
    (
        "The wrong way round: you kept only those that mean the same.",
        lambda anchor, positive, same: ranked(logits(anchor, positive), ~same).mean(),
    ),
    (
        "The wrong way round: you left out the true negatives, and the positives with "
        "them.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive), ~false_negatives(same)
        ).mean(),
    ),
    (
        "Transposed: you ask each positive for its anchor. Rows are anchors, and the "
        "softmax runs over the positives: anchor @ positive.T.",
        transposed,
    ),
    (
        "Symmetric: you added the other direction, each positive asked for its anchor. "
        "Only the anchors ask.",
        lambda *arguments: (ranking(*arguments) + transposed(*arguments)) / 2,
    ),
    (
        "Symmetric, and summed: you added the other direction, each positive asked for "
        "its anchor. Only the anchors ask.",
        lambda *arguments: ranking(*arguments) + transposed(*arguments),
    ),
    (
        "Take the mean over the anchors, not the sum.",
        lambda anchor, positive, same: ranking(anchor, positive, same) * len(anchor),
    ),
    (
        "You divided by all B² entries. The mean is over the B anchors.",
        lambda anchor, positive, same: ranking(anchor, positive, same) / len(anchor),
    ),
    (
        "One number for the whole batch: take the mean over the anchors.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive), false_negatives(same)
        ),
    ),
    (
        "You made all that mean the same targets. The target of row i is i; the others "
        "are left out.",
        several_targets,
    ),
    (
        "You made all that mean the same targets. The target of row i is i; the others "
        "are left out.",
        lambda anchor, positive, same: nn.functional.cross_entropy(
            logits(anchor, positive), same.float()
        ),
    ),
    (
        "The target is the column i of row i: torch.arange(B), not 0.",
        lambda anchor, positive, same: nn.functional.cross_entropy(
            logits(anchor, positive).masked_fill(false_negatives(same), -math.inf),
            torch.zeros(len(same), dtype=torch.long),
        ),
    ),
    (
        "cross_entropy does the softmax itself: give it the scaled cosines.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive)
            .masked_fill(false_negatives(same), -math.inf)
            .softmax(1),
        ).mean(),
    ),
    (
        "You left out whole pairs that have a double. Only the entry i, j goes.",
        without_doubles,
    ),
    (
        "You left out only the entries above the diagonal: j, i goes as well as i, j.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive), same.triu(1)
        ).mean(),
    ),
    (
        "You left out only the entries below the diagonal: i, j goes as well as j, i.",
        lambda anchor, positive, same: ranked(
            logits(anchor, positive), same.tril(-1)
        ).mean(),
    ),
    (
        "The sign is wrong: the loss is minus the logarithm of the probability.",
        lambda *arguments: -ranking(*arguments),
    ),
    (
        "That is the probability of the positive. The loss is −log of it.",
        lambda anchor, positive, same: (
            (-ranked(logits(anchor, positive), false_negatives(same))).exp().mean()
        ),
    ),
    (
        "Compare anchors with positives: you compared anchors with anchors.",
        lambda anchor, positive, same: ranking(anchor, anchor, same),
    ),
    (
        "Do not change anchor in place, the caller still needs it: write anchor = "
        "anchor / …, not anchor /= ….",
        lambda anchor, positive, same: anchor.div_(anchor.norm(dim=1, keepdim=True)),
    ),
]


@exercise("5.3")
def ranking_loss(answer: Answer) -> Verdict:
    """answer(anchor, positive, same) -> in-batch negatives without false ones.

    anchor, positive [B, H]; same [B, B] is True where pairs i and j mean the same, on
    the diagonal, too; scale 20 -> a tensor without dimensions, with a gradient.
    Example:
    anchor = positive = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]]).bool()
    answer(anchor, positive, same) -> tensor(0.), not 0.4621 as with all negatives
    """
    return judge(
        answer,
        reference=lambda anchor, positive, same: ranking(anchor, positive, same),
        cases=RANKING_CASES,
        mistakes=RANKING_MISTAKES,
        signs=LOSS_SIGNS,
        look=with_gradients,
        praise="The other remedy is a sampler that never puts such pairs into one "
        "batch.",
    )


def cosines(x: Tensor) -> Tensor:
    """Cosine of each row with each: [B, B]."""
    return cosine(x[:, None], x[None])


def gap(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of the cosine matrices [B, B]; the teacher stays."""
    return cosines(student) - cosines(teacher.detach())


def off_diagonal(matrix: Tensor) -> Tensor:
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def dots(x: Tensor) -> Tensor:
    return x @ x.T


def columns_normalized(x: Tensor) -> Tensor:
    return dots(nn.functional.normalize(x, dim=0))


def soft(x: Tensor) -> Tensor:
    return cosines(x).softmax(1)


DISTILLATION_MISTAKES = [
    (
        "The value is right, but the teacher learns, too: it would move toward the "
        "student. Detach it.",
        lambda student, teacher: (cosines(student) - cosines(teacher)).square().mean(),
    ),
    (
        "The value is right, but the student gets no gradient: one detach too many.",
        lambda student, teacher: gap(student.detach(), teacher).square().mean(),
    ),
    (
        "You detached the student: now the teacher learns from it.",
        lambda student, teacher: gap(teacher, student).square().mean(),
    ),
    (
        "Take the mean over all pairs of sentences, not the sum.",
        lambda student, teacher: gap(student, teacher).square().sum(),
    ),
    (
        "You summed each row before the mean. The mean is over all B² entries.",
        lambda student, teacher: gap(student, teacher).square().sum(1).mean(),
    ),
    (
        "One number for the whole batch: take the mean over all entries.",
        lambda student, teacher: gap(student, teacher).square(),
    ),
    (
        "All B² entries count, each pair twice, and the diagonal too, where both "
        "cosines are 1.",
        lambda student, teacher: off_diagonal(gap(student, teacher)).square().mean(),
    ),
    (
        "The difference is not squared.",
        lambda student, teacher: gap(student, teacher).abs().mean(),
    ),
    (
        "Square, or differences of opposite sign cancel out.",
        lambda student, teacher: gap(student, teacher).mean(),
    ),
    (
        "You squared the mean: differences of opposite sign have cancelled out by "
        "then. Square first.",
        lambda student, teacher: gap(student, teacher).mean().square(),
    ),
    (
        "You took the square root of the mean. The mean squared difference has none.",
        lambda student, teacher: gap(student, teacher).square().mean().sqrt(),
    ),
    (
        "That is the length of the difference: its square root of a sum. Take the mean "
        "of the squares.",
        lambda student, teacher: gap(student, teacher).norm(),
    ),
    (
        "You halved it. The mean squared difference has no ½.",
        lambda student, teacher: gap(student, teacher).square().mean() / 2,
    ),
    (
        "Compare cosines, not dot products.",
        lambda student, teacher: (
            (dots(student) - dots(teacher.detach())).square().mean()
        ),
    ),
    (
        "Compare cosines on both sides: the student's are dot products.",
        lambda student, teacher: (
            (dots(student) - cosines(teacher.detach())).square().mean()
        ),
    ),
    (
        "Compare cosines on both sides: the teacher's are dot products.",
        lambda student, teacher: (
            (cosines(student) - dots(teacher.detach())).square().mean()
        ),
    ),
    (
        "You normalized the columns: dim=1 is the axis of one vector.",
        lambda student, teacher: (
            (columns_normalized(student) - columns_normalized(teacher.detach()))
            .square()
            .mean()
        ),
    ),
    (
        "Compare cosines, not distances.",
        lambda student, teacher: (
            (torch.cdist(student, student) - torch.cdist(teacher, teacher).detach())
            .square()
            .mean()
        ),
    ),
    (
        "Compare the cosines themselves: no softmax.",
        lambda student, teacher: (
            (soft(student) - soft(teacher.detach())).square().mean()
        ),
    ),
    (
        "Student and teacher have different sizes: only the cosines of each with "
        "itself can be compared.",
        lambda student, teacher: (student - teacher).square().mean(),
    ),
    (
        "Student and teacher have different sizes: only the cosines of each with "
        "itself can be compared.",
        lambda student, teacher: student @ teacher.T,
    ),
    (
        "Student and teacher have different sizes: only the cosines of each with "
        "itself can be compared.",
        lambda student, teacher: cosine(student, teacher),
    ),
    (
        "Do not change student in place, the caller still needs it: write student = "
        "student / …, not student /= ….",
        lambda student, teacher: student.div_(student.norm(dim=1, keepdim=True)),
    ),
]


@exercise("5.4")
def distillation_loss(answer: Answer) -> Verdict:
    """answer(student, teacher) -> mean squared difference of their cosine matrices.

    student [B, H], teacher [B, K], matrices [B, B] -> a tensor without dimensions, with
    a gradient for the student and none for the teacher.
    Example:
    student = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    teacher = torch.tensor([[2.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    answer(student, teacher) -> tensor(0.5000)
    """
    cases = [
        Case((decimals(4, 6, seed=20), decimals(4, 9, seed=21))),
        Case((decimals(5, 3, seed=22), decimals(5, 2, seed=23))),
    ]
    return judge(
        answer,
        reference=lambda student, teacher: gap(student, teacher).square().mean(),
        cases=cases,
        mistakes=DISTILLATION_MISTAKES,
        signs=LOSS_SIGNS,
        look=with_gradients,
        praise="The two need not have the same number of dimensions: only their "
        "cosines are compared.",
    )
