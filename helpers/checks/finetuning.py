"""Checks of notebook 05."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers import losses
from helpers.checks.judge import Answer, judge, like, same
from helpers.metrics import cosine


def with_gradients(loss: Answer) -> Answer:
    """The loss's value and its gradients by the first two arguments, zero where there are none."""

    def graded(a: Tensor, b: Tensor, *rest):
        a, b = a.clone().requires_grad_(), b.clone().requires_grad_()
        value = loss(a, b, *rest)
        if not isinstance(value, Tensor):
            return value  # None if the exercise is not attempted
        if value.requires_grad:
            value.sum().backward()
        return [value.detach(), *(torch.zeros_like(x) if x.grad is None else x.grad for x in (a, b))]

    return graded


def seeded(run: Callable[[], object]) -> Callable[[int], object]:
    """run as a function of a seed; the random numbers of the notebook around it go on undisturbed."""

    def with_seed(seed: int):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return run()

    return with_seed


def random_seeds() -> list[tuple[int]]:
    return [(random.getrandbits(31),) for _ in range(2)]


def judge_loss(answer: Answer, cases: list[tuple], reference: Answer, mistakes: list, notice: str) -> None:
    """As judge, for functions whose gradients must be right as well; a mistake is a message and a wrong loss."""
    expected = with_gradients(reference)(*cases[0])
    recognizers = [(message, like(with_gradients(wrong), cases)) for message, wrong in mistakes]
    recognizers += [
        ("Return a tensor, not a number: item() and float() cut the gradient.",
         lambda run: isinstance(run(*cases[0]), int | float)),
        ("The loss must be one number, a tensor without dimensions.", lambda run: run(*cases[0])[0].ndim != 0),
        ("The loss is not the one asked for: try it on two rows that you can do by hand.",
         lambda run: not same(run(*cases[0])[0], expected[0])),
        ("The loss is right, its gradient is not: look for a detach, an item() or a no_grad.",
         lambda run: isinstance(run(*cases[0]), list) and not same(run(*cases[0]), expected)),
    ]  # fmt: skip
    judge(with_gradients(answer), cases, with_gradients(reference), recognizers, notice)


def cosine_regression(answer: Answer) -> None:
    """answer(u, v, scores) -> scalar: mean squared distance of the cosines from people's scores of 0 to 5."""
    cases = [(torch.randn(6, 8), torch.randn(6, 8), torch.tensor([0.0, 5.0, 2.5, 4.0, 1.0, 3.2])) for _ in range(2)]

    def squares(u, v, scores):
        return (cosine(u, v) - scores / 5).square()

    judge_loss(
        answer,
        cases,
        lambda u, v, scores: losses.cosine_similarity_loss(u, v, scores / 5),
        [
            ("No cosine is 5. Scale the scores to 0 to 1 first, or every pair is pulled together.",
             lambda u, v, scores: (cosine(u, v) - scores).square().mean()),
            ("That is the dot product. Divide by the lengths of u and v.",
             lambda u, v, scores: ((u * v).sum(1) - scores / 5).square().mean()),
            ("Take the mean over the pairs, not the sum: else the step grows with the batch.",
             lambda *arguments: squares(*arguments).sum()),
            ("One number for the whole batch: take the mean over the pairs.", squares),
            ("That is the mean distance. Square it: far-off pairs should count more.",
             lambda *arguments: squares(*arguments).sqrt().mean()),
            ("The scores run from 0 to 5: they become 0 to 1, not −1 to 1. Unrelated is not opposite.",
             lambda u, v, scores: (cosine(u, v) - (scores / 2.5 - 1)).square().mean()),
            ("The value is right, but it has no gradient: somewhere you detach, or leave PyTorch.",
             lambda *arguments: squares(*arguments).mean().detach()),
        ],
        "Exactly this trained the row 'cosine' of the results table.",
    )  # fmt: skip


def triplet_floor(answer: Answer) -> None:
    """answer(margin) -> the smallest value that the triplet loss can take for vectors of length 1."""
    cases = [(margin,) for margin in (5.0, 0.5, 2.0, 3.5, 1.0)]
    judge(
        answer,
        cases,
        lambda margin: max(0.0, margin - 2.0),
        [
            ("With margin 5 it cannot: two vectors of length 1 are at most 2 apart, 5 is out of reach.",
             like(lambda margin: 0.0, cases)),
            ("The triplet loss is cut off at 0: a margin that is reached costs nothing.",
             like(lambda margin: margin - 2.0, cases)),
            ("You took 1 for the largest distance. Opposite unit vectors are 2 apart.",
             like(lambda margin: max(0.0, margin - 1.0), cases)),
            ("That is the loss where positive and negative are equally far. It can be smaller.",
             like(lambda margin: margin, cases)),
        ],
        "A loss that cannot reach 0 is no error message, only a curve that flattens too high.",
    )  # fmt: skip


def optimizer(answer: Answer) -> None:
    """answer(encoder, loss) -> an optimizer of all weights, those of the encoder and those of the loss's head."""

    def moved(build: Answer) -> Callable[[int], object]:
        @seeded
        def run():
            encoder, loss = nn.Linear(4, 4), losses.SoftmaxLoss(4)
            before = [[p.clone() for p in part.parameters()] for part in (encoder, loss)]
            built = build(encoder, loss)
            if not isinstance(built, torch.optim.Optimizer):
                return built
            x = torch.randn(6, 4)
            loss(encoder(x), encoder(x.flip(0)), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
            built.step()
            return [
                [not torch.equal(p, q) for p, q in zip(part.parameters(), old, strict=True)]  # weight, bias
                for part, old in zip((encoder, loss), before, strict=True)
            ]

        return run

    cases = random_seeds()
    judge(
        moved(answer),
        cases,
        lambda seed: [[True, True], [True, True]],
        [
            ("The head is not in the optimizer: it keeps its random weights, and the encoder is bent to fit them.",
             lambda run: all(run(*case) == [[True, True], [False, False]] for case in cases)),
            ("The encoder is not in the optimizer: only the head learns.",
             lambda run: all(run(*case) == [[False, False], [True, True]] for case in cases)),
            ("Nothing moved: is the learning rate 0?",
             lambda run: all(run(*case) == [[False, False], [False, False]] for case in cases)),
            ("Some weights of a module are missing: take all of module.parameters().",
             lambda run: isinstance(run(*cases[0]), list) and isinstance(run(*cases[0])[0], list)
             and not all(map(all, run(*cases[0])))),
        ],
        "helpers.training does this for every loss that is a module.",
    )  # fmt: skip


def training_step(answer: Answer) -> None:
    """answer(model, loss, optimizer, a, b, labels) -> the loss as a number, after one step with clipped gradients."""

    def trained(step: Answer) -> Callable[[int], object]:
        """Three steps on a small model: what they return, and the weights that they leave."""

        @seeded
        def run():
            # In float64: an answer that adds up in another order must not differ by more than rounding.
            model, batches = nn.Linear(4, 4).double(), torch.randn(3, 2, 6, 4, dtype=torch.float64)
            before = [weight.detach().clone() for weight in model.parameters()]
            optimizer, labels = torch.optim.SGD(model.parameters(), lr=0.1), torch.rand(3, 6, dtype=torch.float64)
            values = [
                step(model, lambda *batch: 50 * losses.cosine_similarity_loss(*batch), optimizer, a, b, y)
                for (a, b), y in zip(batches, labels, strict=True)
            ]
            after = [weight.detach() for weight in model.parameters()]
            attempted = values[0] not in (None, ...) or not same(before, after)
            return [values, after] if attempted else None

        return run

    def right(model, loss, optimizer, a, b, labels, zero=True, clip=True, step=True):
        if zero:
            optimizer.zero_grad()
        value = loss(model(a), model(b), labels)
        value.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if step:
            optimizer.step()
        return value.item()

    def clips_values(model, loss, optimizer, *batch):
        value = right(model, loss, optimizer, *batch, clip=False, step=False)
        nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        return value

    cases = random_seeds()

    def but(**changes):
        return like(trained(lambda *arguments: right(*arguments, **changes)), cases)

    judge(
        trained(answer),
        cases,
        trained(right),
        [
            ("Nothing moved. backward() computes the gradient, step() uses it: is one missing, or zero_grad() between them?",
             lambda run: same(run(*cases[0])[1], trained(lambda *_: 0.0)(*cases[0])[1])),
            ("From the second step on, the gradients of the steps before are still in: zero_grad() is missing.",
             but(zero=False)),
            ("The gradient is not clipped when step() uses it: shorten it to length 1 between backward() and step().",
             but(clip=False)),
            ("That clips each number of the gradient. Clip its length: clip_grad_norm_.",
             like(trained(clips_values), cases)),
            ("Return value.item(): the tensor would keep the whole graph of the step in memory.",
             lambda run: any(isinstance(value, Tensor) and value.requires_grad for value in run(*cases[0])[0])),
            ("The step is made, but your function returns nothing: return value.item().",
             lambda run: run(*cases[0])[0][0] is None),
            ("The first loss is right, what follows is not: the order is forward, backward, clip, step, each once.",
             lambda run: same(run(*cases[0])[0][0], trained(right)(*cases[0])[0][0])
             and not same(run(*cases[0]), trained(right)(*cases[0]))),
            ("The loss is not loss(model(a), model(b), labels).",
             lambda run: not same(run(*cases[0])[0][0], trained(right)(*cases[0])[0][0])),
        ],
        "Five lines, and their order is all that can go wrong.",
    )  # fmt: skip


def ranking_loss(answer: Answer) -> None:
    """answer(anchor, positive, same) -> in-batch negatives loss, scale 20, that leaves out false negatives.

    same [B, B] is True where pairs i and j mean the same, on the diagonal too.
    """
    alike = torch.eye(5, dtype=torch.bool)
    alike[0, 3] = alike[3, 0] = True
    cases = []
    for _ in range(2):
        anchor, positive = torch.randn(2, 5, 32)
        positive[[0, 3]] = anchor[[3, 0]] + 0.3 * torch.randn(2, 32)  # near: whether they count must show
        # Short, so that a forgotten normalization gives other numbers, but not logits of hundreds, which only round.
        cases.append((0.3 * anchor, 0.3 * positive, alike))

    def ranking(anchor, positive, excluded, fill=float("-inf"), scale=20.0, unit=True):
        if unit:
            anchor, positive = nn.functional.normalize(anchor, dim=1), nn.functional.normalize(positive, dim=1)
        similarities = (scale * anchor @ positive.T).masked_fill(excluded, fill)
        return losses.cross_entropy(similarities, torch.arange(len(anchor)))

    def others(alike):
        return alike & ~torch.eye(len(alike), dtype=torch.bool)

    judge_loss(
        answer,
        cases,
        lambda anchor, positive, alike: ranking(anchor, positive, others(alike)),
        [
            ("There are positives among your negatives: where same[i, j] is True and i is not j, j must not count.",
             lambda anchor, positive, alike: losses.multiple_negatives_ranking_loss(anchor, positive)),
            ("A similarity of 0 still counts: exp(0) is 1. Set it to −∞.",
             lambda anchor, positive, alike: ranking(anchor, positive, others(alike), fill=0.0)),
            ("You left out the diagonal as well: there stand the positives themselves, and the loss is infinite.",
             lambda anchor, positive, alike: ranking(anchor, positive, alike)),
            ("Cosines lie in −1 to 1, too flat for a softmax: multiply by the scale, 20.",
             lambda anchor, positive, alike: ranking(anchor, positive, others(alike), scale=1.0)),
            ("Use cosines: scale anchor and positive to length 1.",
             lambda anchor, positive, alike: ranking(anchor, positive, others(alike), unit=False)),
            ("The wrong way round: you kept only those that mean the same.",
             lambda anchor, positive, alike: ranking(anchor, positive, ~alike)),
        ],
        "The other remedy is a sampler that never puts such pairs into one batch.",
    )  # fmt: skip


def distillation_loss(answer: Answer) -> None:
    """answer(student, teacher) -> mean squared difference of their cosine matrices [B, B]; the teacher stays."""
    cases = [(torch.randn(5, 8), torch.randn(5, 12)) for _ in range(2)]

    def cosines(x):
        return cosine(x[:, None], x[None])

    def difference(student, teacher):
        return (cosines(student) - cosines(teacher)).square().mean()

    judge_loss(
        answer,
        cases,
        lambda student, teacher: difference(student, teacher.detach()),
        [
            ("The value is right, but the teacher learns, too: it would move toward the student. Detach it.", difference),
            ("The value is right, but the student gets no gradient: one detach too many.",
             lambda student, teacher: difference(student.detach(), teacher.detach())),
            ("You detached the student: now the teacher learns from it.",
             lambda student, teacher: difference(student.detach(), teacher)),
            ("Take the mean over all pairs of sentences, not the sum.",
             lambda student, teacher: difference(student, teacher.detach()) * 25),
            ("Compare cosines, not dot products.",
             lambda student, teacher: (student @ student.T - teacher.detach() @ teacher.detach().T).square().mean()),
        ],
        "The two need not have the same number of dimensions: only their cosines are compared.",
    )  # fmt: skip
