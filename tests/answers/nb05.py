"""Answers to the exercises of lesson 05, as students write them."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from helpers import losses
from tests.answers.catalogue import Answers, Wrong

INF = float("inf")

# 5.1 cosine_regression


def regression(target=lambda s: s / 5, reduce=torch.mean, power=2):
    """With a mistake in the target or in how the distances become one number."""

    def loss(u, v, scores):
        return reduce((F.cosine_similarity(u, v) - target(scores)) ** power)

    return loss


def by_dot_products(u, v, scores):
    u = u / u.norm(dim=1, keepdim=True)
    v = v / v.norm(dim=1, keepdim=True)
    return ((u * v).sum(1) - scores / 5).pow(2).mean()


def regression_by_loop(u, v, scores):
    total = 0
    for a, b, score in zip(u, v, scores, strict=True):
        cos = torch.dot(a, b) / (torch.norm(a) * torch.norm(b))
        total = total + (cos - score / 5) ** 2
    return total / len(u)


def regression_on_a_copy(u, v, scores):
    labels = scores.clone()
    labels /= 5
    return F.mse_loss(torch.cosine_similarity(u, v, dim=-1), labels)


def scores_in_place(u, v, scores):
    scores /= 5
    return F.mse_loss(F.cosine_similarity(u, v), scores)


def u_in_place(u, v, scores):
    u /= u.norm(dim=1, keepdim=True)
    v /= v.norm(dim=1, keepdim=True)
    return F.mse_loss((u * v).sum(1), scores / 5)


def with_numpy(u, v, scores):
    a, b = u.detach().numpy(), v.detach().numpy()
    cos = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return np.mean((cos - scores.numpy() / 5) ** 2)


def without_grad(u, v, scores):
    with torch.no_grad():
        return regression()(u, v, scores)


COSINE_REGRESSION = Answers(
    {
        "one line": regression(),
        "dot products": by_dot_products,
        "a loop": regression_by_loop,
        "in place on a copy": regression_on_a_copy,
        "the helper": lambda u, v, s: losses.cosine_similarity_loss(u, v, s / 5),
        "the library's module": lambda u, v, s: torch.nn.MSELoss()(
            torch.nn.CosineSimilarity(dim=1)(u, v), s.div(5.0)
        ),
    },
    [
        Wrong("scores as they are", regression(lambda s: s), "No cosine is 5"),
        Wrong("largest score", regression(lambda s: s / s.max()), "largest score"),
        Wrong(
            "min and max",
            regression(lambda s: (s - s.min()) / (s.max() - s.min())),
            "stretched the batch",
        ),
        Wrong("-1 to 1", regression(lambda s: 2 * s / 5 - 1), "not opposite"),
        Wrong("by 4", regression(lambda s: s / 4), "divided by 4"),
        Wrong("by 10", regression(lambda s: s / 10), ""),
        Wrong(
            "z-score",
            regression(lambda s: (s - s.mean()) / s.std()),
            "standardized",
        ),
        Wrong("softmax", regression(lambda s: torch.softmax(s, 0)), "softmax"),
        Wrong("whole numbers", regression(lambda s: s // 5), "rounds down"),
        Wrong(
            "clamped", regression(lambda s: torch.clamp(s, 0, 1)), "cut the scores off"
        ),
        Wrong(
            "five times the cosine",
            lambda u, v, s: ((5 * F.cosine_similarity(u, v) - s) ** 2).mean(),
            "25 times",
        ),
        Wrong(
            "cosine squeezed",
            lambda u, v, s: ((F.cosine_similarity(u, v) / 2 + 0.5 - s / 5) ** 2).mean(),
            "squeezed",
        ),
        Wrong(
            "cosine cut off",
            lambda u, v, s: F.mse_loss(F.cosine_similarity(u, v).clamp(min=0), s / 5),
            "cut the cosine off",
        ),
        Wrong(
            "distance",
            lambda u, v, s: F.mse_loss(1 - F.cosine_similarity(u, v), s / 5),
            "not the distance",
        ),
        Wrong(
            "dot product",
            lambda u, v, s: F.mse_loss((u * v).sum(-1), s / 5),
            "dot product",
        ),
        Wrong(
            "Euclidean",
            lambda u, v, s: F.mse_loss(F.pairwise_distance(u, v, eps=0), s / 5),
            "Euclidean",
        ),
        Wrong(
            "wrong axis",
            lambda u, v, s: (F.cosine_similarity(u, v, dim=0) - s / 5).pow(2).mean(),
            "wrong axis",
        ),
        Wrong(
            "all pairs",
            lambda u, v, s: (
                (F.normalize(u, dim=1) @ F.normalize(v, dim=1).T - s / 5) ** 2
            ).mean(),
            "every u with every v",
        ),
        Wrong("sum", regression(reduce=torch.sum), "not the sum"),
        Wrong("no mean", regression(reduce=lambda x: x), "One number for the whole"),
        Wrong(
            "absolute",
            regression(reduce=lambda x: x.abs().mean(), power=1),
            "Square it",
        ),
        Wrong("not squared", regression(power=1), "cancel out"),
        Wrong("root", regression(reduce=lambda x: x.mean().sqrt()), "square root"),
        Wrong("half", regression(reduce=lambda x: 0.5 * x.mean()), "halved"),
        Wrong("minus", regression(reduce=lambda x: -x.mean()), "sign is wrong"),
        Wrong("item", regression(reduce=lambda x: x.mean().item()), "Return a tensor"),
        Wrong(
            "detached", regression(reduce=lambda x: x.mean().detach()), "no gradient"
        ),
        Wrong("no_grad", without_grad, "no gradient"),
        Wrong(
            "new tensor",
            lambda u, v, s: torch.tensor(regression()(u, v, s).item()),
            "no gradient",
        ),
        Wrong(
            "v detached",
            lambda u, v, s: regression()(u, v.detach(), s),
            "its gradient is not",
        ),
        Wrong("NumPy", with_numpy, "Return a tensor"),
        Wrong("scores in place", scores_in_place, "changes its input scores"),
        Wrong("u in place", u_in_place, "in place"),
        Wrong("half a number", lambda u, v, s: 0.5, "Return a tensor"),
        Wrong("one axis left", regression(reduce=lambda x: x.mean()[None]), "without"),
        Wrong(
            "four rows",
            lambda u, v, s: regression()(u, v, s) * len(u) / 4,
            "a size or a number of the first",
        ),
        Wrong("no return", lambda u, v, s: None, "`return`"),
    ],
)

# 5.2 triplet_floor


def floor_by_search(margin):
    """Turn the negative away from the anchor, and keep the smallest loss."""
    smallest = INF
    for degrees in range(181):
        distance = 2 * math.sin(math.radians(degrees) / 2)
        smallest = min(smallest, max(0.0, 0.0 - distance + margin))
    return smallest


def floor_with_vectors(margin):
    anchor = torch.tensor([[1.0, 0.0]])
    return losses.triplet_loss(anchor, anchor, -anchor, margin=margin).item()


TRIPLET_FLOOR = Answers(
    {
        "max": lambda margin: max(0, margin - 2),
        "if": lambda margin: margin - 2 if margin > 2 else 0.0,
        "a loop": floor_by_search,
        "with vectors": floor_with_vectors,
        "relu": lambda margin: torch.relu(torch.tensor(margin - 2.0)),
        "NumPy": lambda margin: np.maximum(margin - 2.0, 0.0),
    },
    [
        Wrong("0", lambda margin: 0.0, "5 is out of reach"),
        Wrong("the example's", lambda margin: 3.0, "whatever it gets"),
        Wrong("margin - 2", lambda margin: margin - 2, "cut off at 0"),
        Wrong("1 apart", lambda margin: max(0, margin - 1), "Opposite unit vectors"),
        Wrong(
            "1 apart, not cut", lambda margin: margin - 1, "for the largest distance"
        ),
        Wrong("√2 apart", lambda margin: max(0, margin - 2**0.5), "right angle"),
        Wrong("4 apart", lambda margin: max(0, margin - 4), "its square"),
        Wrong("margin", lambda margin: margin, "equally far"),
        Wrong("margin + 2", lambda margin: margin + 2, "largest value"),
        Wrong("2 - margin", lambda margin: max(0, 2 - margin), "wrong way round"),
        Wrong("folded", lambda margin: abs(margin - 2), "not folded"),
        Wrong("min", lambda margin: min(0, margin - 2), "max, not min"),
        Wrong("squared", lambda margin: max(0, margin - 2) ** 2, "no square"),
        Wrong("rounded", lambda margin: max(0, int(margin) - 2), "no rounding"),
        Wrong(
            "rounded up", lambda margin: max(0, math.ceil(margin) - 2), "no rounding"
        ),
        Wrong("string", lambda margin: f"{max(0, margin - 2)}", "expected a number"),
        Wrong("bool", lambda margin: margin > 2, ""),
        Wrong("list", lambda margin: [max(0, margin - 2)], "expected a number"),
        Wrong(
            "vector",
            lambda margin: torch.relu(torch.tensor([margin - 2.0])),
            "expected a number",
        ),
        Wrong("relative", lambda margin: max(0, 1 - 2 / margin), "share"),
        Wrong("no return", lambda margin: None, "`return`"),
    ],
)

# 5.3 ranking_loss


def cosine_matrix(a, b):
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def others(same):
    return same & ~torch.eye(len(same)).bool()


def ce(scores):
    return F.cross_entropy(scores, torch.arange(len(scores)))


def ranked(fill=-INF, scale=20.0, out=others, before=False, loss=ce):
    """As asked, or with a mistake; `before`: filled before the scale."""

    def answer(anchor, positive, same):
        scores = cosine_matrix(anchor, positive)
        if before:
            return loss(scale * scores.masked_fill(out(same), fill))
        return loss((scale * scores).masked_fill(out(same), fill))

    return answer


def ranked_by_loop(anchor, positive, same):
    total = 0.0
    for i in range(len(anchor)):
        numbers = []
        for j in range(len(positive)):
            if i == j or not same[i][j]:
                cos = F.cosine_similarity(anchor[i], positive[j], dim=0)
                numbers.append(20 * cos)
            if i == j:
                own = 20 * cos
        total = total + torch.logsumexp(torch.stack(numbers), 0) - own
    return total / len(anchor)


def ranked_by_softmax(anchor, positive, same):
    scores = 20 * cosine_matrix(anchor, positive)
    weights = torch.exp(scores) * (~same | torch.eye(len(same), dtype=torch.bool))
    return -torch.log(weights.diagonal() / weights.sum(1)).mean()


def ranked_in_place(anchor, positive, same):
    out = same.clone()
    out.fill_diagonal_(False)
    scores = 20 * torch.einsum(
        "ih,jh->ij", F.normalize(anchor, dim=-1), F.normalize(positive, dim=-1)
    )
    scores = scores.clone()
    scores[out] = -1e9
    return F.nll_loss(scores.log_softmax(1), torch.arange(scores.shape[0]))


def same_in_place(anchor, positive, same):
    same.fill_diagonal_(False)
    return ce((20 * cosine_matrix(anchor, positive)).masked_fill(same, -INF))


def anchor_in_place(anchor, positive, same):
    anchor /= anchor.norm(dim=1, keepdim=True)
    return ce((20 * anchor @ positive.T).masked_fill(others(same), -INF))


def ranked_dots(anchor, positive, same):
    return ce((20 * anchor @ positive.T).masked_fill(others(same), -INF))


def ranked_in_both_directions(anchor, positive, same):
    scores = 20 * cosine_matrix(anchor, positive)
    scores = scores.masked_fill(others(same), -INF)
    return (ce(scores) + ce(scores.T)) / 2


def ranked_off_diagonal(anchor, positive, same):
    """Minus the logarithm of each off-diagonal entry's counterpart."""
    scores = (20 * cosine_matrix(anchor, positive)).masked_fill(others(same), -INF)
    off = ~torch.eye(len(same), dtype=torch.bool)
    rest = scores.masked_fill(~off, -INF)
    return (rest.logsumexp(1) - scores.diagonal()).mean()


def ranked_manual_axis_0(anchor, positive, same):
    scores = (20 * cosine_matrix(anchor, positive)).masked_fill(others(same), -INF)
    return -scores.log_softmax(0).diagonal().mean()


def ranked_supervised(anchor, positive, same):
    logs = (20 * cosine_matrix(anchor, positive)).log_softmax(1)
    return -((logs * same).sum(1) / same.sum(1)).mean()


def ranked_all_targets(anchor, positive, same):
    return F.cross_entropy(20 * cosine_matrix(anchor, positive), same.float())


def ranked_of_singles(anchor, positive, same):
    keep = same.sum(1) == 1
    return ce(20 * cosine_matrix(anchor[keep], positive[keep]))


def ranked_of_four(anchor, positive, same):
    scores = (20 * cosine_matrix(anchor, positive)).masked_fill(others(same), -INF)
    return F.cross_entropy(scores, torch.tensor([0, 1, 2, 3]))


def ranked_by_pairs(anchor, positive, same):
    """Leaves out only the pair of the example."""
    scores = 20 * cosine_matrix(anchor, positive)
    scores[0, 2] = scores[2, 0] = -INF
    return ce(scores)


RANKING_LOSS = Answers(
    {
        "masked_fill": ranked(),
        "a loop": ranked_by_loop,
        "exp and log": ranked_by_softmax,
        "in place on a copy": ranked_in_place,
        "-inf before the scale": ranked(before=True),
        "-1e9": ranked(fill=-1e9),
        "added bias": lambda a, p, s: ce(
            cosine_matrix(a, p) / 0.05 + torch.where(others(s), -INF, 0.0)
        ),
    },
    [
        Wrong(
            "nothing left out", ranked(out=lambda s: s & False), "among your negative"
        ),
        Wrong("0", ranked(fill=0.0), "exp(0) is 1"),
        Wrong(
            "times the mask",
            lambda a, p, s: ce(20 * cosine_matrix(a, p) * (~others(s))),
            "exp(0) is 1",
        ),
        Wrong("-1", ranked(fill=-1.0), "exp(−1)"),
        Wrong("-1 before the scale", ranked(fill=-1.0, before=True), "cosine of −1"),
        Wrong("1e-9", ranked(fill=1e-9), "exp(0) is 1"),
        Wrong(
            "1 subtracted",
            lambda a, p, s: ce(20 * (cosine_matrix(a, p) - others(s).float())),
            "still counts",
        ),
        Wrong("diagonal, too", ranked(out=lambda s: s), "left out the diagonal"),
        Wrong("diagonal to 0, too", ranked(fill=0.0, out=lambda s: s), "diagonal to 0"),
        Wrong(
            "diagonal only",
            ranked(out=lambda s: torch.eye(len(s)).bool()),
            "nothing else",
        ),
        Wrong("off-diagonal only", ranked_off_diagonal, "missing from the denominator"),
        Wrong("scale 1", ranked(scale=1.0), "multiply by the scale"),
        Wrong("divided by 20", ranked(scale=1 / 20), "divided by 20"),
        Wrong("scale 10", ranked(scale=10.0), ""),
        Wrong("dot products", ranked_dots, "scale anchor and positive to length 1"),
        Wrong(
            "anchors normalized",
            lambda a, p, s: ranked_dots(F.normalize(a, dim=1), p, s),
            "positive to length 1, too",
        ),
        Wrong(
            "columns normalized",
            lambda a, p, s: ranked_dots(
                F.normalize(a, dim=0), F.normalize(p, dim=0), s
            ),
            "normalized the columns",
        ),
        Wrong("inverted", ranked(out=lambda s: ~s), "wrong way round"),
        Wrong(
            "inverted without i", ranked(out=lambda s: ~others(s)), "wrong way round"
        ),
        Wrong("axis 0", ranked_manual_axis_0, "Transposed"),
        Wrong("transposed", lambda a, p, s: ranked()(p, a, s), "Transposed"),
        Wrong("symmetric", ranked_in_both_directions, "Symmetric"),
        Wrong(
            "symmetric, summed",
            lambda a, p, s: ranked()(a, p, s) + ranked()(p, a, s),
            "Symmetric, and summed",
        ),
        Wrong(
            "sum",
            ranked(
                loss=lambda x: F.cross_entropy(x, torch.arange(len(x)), reduction="sum")
            ),
            "not the sum",
        ),
        Wrong(
            "no mean",
            ranked(
                loss=lambda x: F.cross_entropy(
                    x, torch.arange(len(x)), reduction="none"
                )
            ),
            "One number for the whole",
        ),
        Wrong(
            "over B²",
            lambda a, p, s: ranked()(a, p, s) / len(a),
            "all B² entries",
        ),
        Wrong("shares of targets", ranked_supervised, "targets"),
        Wrong("all are targets", ranked_all_targets, "targets"),
        Wrong(
            "targets 0",
            ranked(loss=lambda x: F.cross_entropy(x, torch.zeros(len(x)).long())),
            "not 0",
        ),
        Wrong(
            "softmax twice", ranked(loss=lambda x: ce(x.softmax(1))), "softmax itself"
        ),
        Wrong("pairs dropped", ranked_of_singles, "whole pairs"),
        Wrong("upper half", ranked(out=lambda s: s.triu(1)), "above the diagonal"),
        Wrong("minus", lambda a, p, s: -ranked()(a, p, s), "sign is wrong"),
        Wrong(
            "probability",
            ranked(loss=lambda x: x.softmax(1).diagonal().mean()),
            "probability of the positive",
        ),
        Wrong("anchors twice", lambda a, p, s: ranked()(a, a, s), "anchors with anch"),
        Wrong("item", lambda a, p, s: ranked()(a, p, s).item(), "Return a tensor"),
        Wrong("detached", lambda a, p, s: ranked()(a, p, s).detach(), "no gradient"),
        Wrong(
            "positive detached",
            lambda a, p, s: ranked()(a, p.detach(), s),
            "its gradient is not",
        ),
        Wrong("size of the batch", ranked_of_four, "a size or a number of the first"),
        Wrong("only these pairs", ranked_by_pairs, "a size or a number of the first"),
        Wrong("same in place", same_in_place, "changes its input same"),
        Wrong("anchor in place", anchor_in_place, "in place"),
        Wrong("no return", lambda a, p, s: None, "`return`"),
    ],
)

# 5.4 distillation_loss


def cosines(x):
    x = F.normalize(x, dim=1)
    return x @ x.T


def distilled(reduce=lambda x: x.pow(2).mean(), matrix=cosines):
    def answer(student, teacher):
        return reduce(matrix(student) - matrix(teacher.detach()))

    return answer


def distilled_by_loop(student, teacher):
    total, n = 0, student.shape[0]
    for i in range(n):
        for j in range(n):
            ours = torch.cosine_similarity(student[i], student[j], dim=0)
            with torch.no_grad():
                theirs = torch.cosine_similarity(teacher[i], teacher[j], dim=0)
            total = total + (ours - theirs) ** 2
    return total / n**2


def distilled_by_mse(student, teacher):
    s = F.cosine_similarity(student.unsqueeze(1), student.unsqueeze(0), dim=2)
    with torch.no_grad():
        t = F.cosine_similarity(teacher.unsqueeze(1), teacher.unsqueeze(0), dim=2)
    return F.mse_loss(s, t)


def distilled_in_place(student, teacher):
    target = teacher.detach().clone()
    target /= target.norm(dim=1, keepdim=True)
    unit = student / student.norm(dim=1, keepdim=True)
    difference = torch.mm(unit, unit.t()) - torch.mm(target, target.t())
    return (difference * difference).sum() / difference.numel()


def student_in_place(student, teacher):
    student /= student.norm(dim=1, keepdim=True)
    return F.mse_loss(student @ student.T, cosines(teacher.detach()))


def teacher_in_place(student, teacher):
    t = teacher.detach()
    t /= t.norm(dim=1, keepdim=True)
    return F.mse_loss(cosines(student), t @ t.T)


def without_gradients(student, teacher):
    with torch.no_grad():
        return F.mse_loss(cosines(student), cosines(teacher))


def numpy_teacher(student, teacher):
    t = teacher.detach().numpy()
    t = t / np.linalg.norm(t, axis=1, keepdims=True)
    return F.mse_loss(cosines(student), torch.from_numpy(t @ t.T))


def upper(x):
    return x[torch.triu(torch.ones_like(x), diagonal=1).bool()].pow(2).mean()


DISTILLATION_LOSS = Answers(
    {
        "unit vectors": distilled(),
        "a loop": distilled_by_loop,
        "mse_loss": distilled_by_mse,
        "in place on a copy": distilled_in_place,
        "NumPy teacher": numpy_teacher,
    },
    [
        Wrong(
            "teacher learns",
            lambda s, t: F.mse_loss(cosines(s), cosines(t)),
            "the teacher learns, too",
        ),
        Wrong("all detached", lambda s, t: distilled()(s, t).detach(), "one detach"),
        Wrong("no_grad", without_gradients, "one detach too many"),
        Wrong(
            "student detached",
            lambda s, t: F.mse_loss(cosines(s.detach()), cosines(t)),
            "You detached the student",
        ),
        Wrong("item", lambda s, t: distilled()(s, t).item(), "Return a tensor"),
        Wrong("sum", distilled(lambda x: x.pow(2).sum()), "not the sum"),
        Wrong("sum of rows", distilled(lambda x: x.pow(2).sum(1).mean()), "each row"),
        Wrong("no mean", distilled(lambda x: x.pow(2)), "One number"),
        Wrong(
            "off-diagonal only",
            distilled(lambda x: x[~torch.eye(len(x)).bool()].pow(2).mean()),
            "diagonal too",
        ),
        Wrong("upper half", distilled(upper), "diagonal too"),
        Wrong("absolute", distilled(lambda x: x.abs().mean()), "not squared"),
        Wrong("not squared", distilled(torch.mean), "cancel out"),
        Wrong("mean squared", distilled(lambda x: x.mean() ** 2), "Square first"),
        Wrong("root", distilled(lambda x: x.pow(2).mean().sqrt()), "square root"),
        Wrong("norm", distilled(torch.norm), "length of the difference"),
        Wrong("half", distilled(lambda x: x.pow(2).mean() / 2), "halved"),
        Wrong("dot products", distilled(matrix=lambda x: x @ x.T), "not dot products"),
        Wrong(
            "teacher's dot products",
            lambda s, t: F.mse_loss(cosines(s), t.detach() @ t.detach().T),
            "the teacher's are dot products",
        ),
        Wrong(
            "columns normalized",
            distilled(matrix=lambda x: F.normalize(x, dim=0) @ F.normalize(x, dim=0).T),
            "normalized the columns",
        ),
        Wrong(
            "not normalized by rows",
            distilled(matrix=lambda x: (x / x.norm()) @ (x / x.norm()).T),
            "",
        ),
        Wrong("distances", distilled(matrix=lambda x: torch.cdist(x, x)), "distances"),
        Wrong("softmax", distilled(matrix=lambda x: cosines(x).softmax(1)), "softmax"),
        Wrong(
            "KL divergence",
            lambda s, t: F.kl_div(
                cosines(s).log_softmax(1),
                cosines(t.detach()).softmax(1),
                reduction="sum",
            ),
            "",
        ),
        Wrong("vectors subtracted", lambda s, t: ((s - t) ** 2).mean(), "sizes"),
        Wrong("student by teacher", lambda s, t: (s @ t.T).mean(), "different sizes"),
        Wrong(
            "cosine with the teacher",
            lambda s, t: 1 - F.cosine_similarity(s, t).mean(),
            "different sizes",
        ),
        Wrong(
            "dimensions compared",
            lambda s, t: (s.T @ s - t.T @ t).pow(2).mean(),
            "different sizes",
        ),
        Wrong("first dimensions", lambda s, t: F.mse_loss(s[:, :2], t[:, :2]), ""),
        Wrong("student in place", student_in_place, "in place"),
        Wrong("teacher in place", teacher_in_place, "changes its input teacher"),
        Wrong("no return", lambda s, t: None, "`return`"),
    ],
)

ANSWERS = {
    "cosine_regression": COSINE_REGRESSION,
    "triplet_floor": TRIPLET_FLOOR,
    "ranking_loss": RANKING_LOSS,
    "distillation_loss": DISTILLATION_LOSS,
}
