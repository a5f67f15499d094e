"""Checks of lesson 06: optimizer, step and schedule of a training, and an average."""

import math
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from helpers import losses
from helpers.checks.inputs import decimals
from helpers.checks.judge import Answer, Case, Verdict, exercise, judge
from helpers.metrics import cosine

Modules = tuple[nn.Module, nn.Module, Tensor]  # encoder, loss, labels


class ScaledCosine(nn.Module):
    """A loss whose head is one learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        return (self.scale * cosine(u, v) - labels).square().mean()


def one_layer() -> Modules:
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    return nn.Linear(4, 4).double(), losses.SoftmaxLoss(4).double(), labels


def two_layers() -> Modules:
    encoder = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3)).double()
    return encoder, ScaledCosine().double(), torch.linspace(0, 1, 6)


def moved(build: Answer, modules: Callable[[], Modules]) -> object:
    """Which weights one step moves, of the encoder and of the loss, and if it trains.

    In float64, so that the smallest learning rate shows.
    """
    encoder, loss, labels = modules()
    parts = [list(part.parameters()) for part in (encoder, loss)]
    before = deepcopy(parts)
    optimizer = build(encoder, loss)
    if not isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    u, v = decimals(2, 6, 4, seed=1, dtype=torch.float64)

    def loss_and_gradients() -> Tensor:
        optimizer.zero_grad()
        value = loss(encoder(u), encoder(v), labels)
        value.backward()
        return value

    optimizer.step(loss_and_gradients)
    moves = [
        [not torch.equal(old, new) for old, new in zip(*part, strict=True)]
        for part in zip(before, parts, strict=True)
    ]
    return [*moves, not climbs(optimizer) and not odd_rate(optimizer)]


def climbs(optimizer: torch.optim.Optimizer) -> bool:
    groups = optimizer.param_groups
    return any(group.get("maximize") or group["lr"] < 0 for group in groups)


def odd_rate(optimizer: torch.optim.Optimizer) -> bool:
    """Is a learning rate no number, or far too large? nan is not between the two."""
    return not all(0 <= group["lr"] <= 10 for group in optimizer.param_groups)


def adam(*parameters: Tensor) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=1e-3)


OPTIMIZER_MISTAKES = [
    (
        "The head is not in the optimizer: it keeps its random weights, and the "
        "encoder is bent to fit them.",
        lambda encoder, loss: adam(*encoder.parameters()),
    ),
    (
        "The encoder is not in the optimizer: only the head learns.",
        lambda encoder, loss: adam(*loss.parameters()),
    ),
    (
        "Nothing moved: is the learning rate 0, or did you give the optimizer copies?",
        lambda encoder, loss: torch.optim.SGD(encoder.parameters(), lr=0.0),
    ),
    (
        "The biases are missing: take all of module.parameters().",
        lambda encoder, loss: adam(encoder.weight, loss.classifier.weight),
    ),
    (
        "The encoder's bias is missing: take all of module.parameters().",
        lambda encoder, loss: adam(encoder.weight, *loss.parameters()),
    ),
    (
        "Only the first weight of each module is in: take all of module.parameters().",
        lambda encoder, loss: adam(next(encoder.parameters()), next(loss.parameters())),
    ),
    (
        "Not every loss has a classifier: take loss.parameters().",
        lambda encoder, loss: adam(
            *encoder.parameters(), *loss.classifier.parameters()
        ),
    ),
    (
        "Not every encoder has its weight there: take encoder.parameters().",
        lambda encoder, loss: adam(encoder.weight, encoder.bias, *loss.parameters()),
    ),
    (
        "parameters() gives one tensor after the other, and two of these cannot be "
        "added. Put all into one list: [*encoder.parameters(), *loss.parameters()].",
        lambda encoder, loss: encoder.parameters() + loss.parameters(),
    ),
    (
        "That is a list of two: unpack both with a star, [*encoder.parameters(), "
        "*loss.parameters()].",
        lambda encoder, loss: torch.optim.AdamW(
            [encoder.parameters(), loss.parameters()]
        ),
    ),
    (
        "The second argument of an optimizer is the learning rate. Put all weights "
        "into the first: [*encoder.parameters(), *loss.parameters()].",
        lambda encoder, loss: torch.optim.AdamW(
            encoder.parameters(), loss.parameters()
        ),
    ),
    (
        "An optimizer takes weights, not modules: encoder.parameters().",
        lambda encoder, loss: torch.optim.AdamW([encoder, loss]),
    ),
]
OPTIMIZER_SIGNS = [
    (
        "Return one optimizer for the weights of both.",
        lambda got, *_: all(isinstance(x, torch.optim.Optimizer) for x in got),
    ),
    (
        "Return the optimizer itself, such as torch.optim.AdamW(…).",
        lambda got, *_: not isinstance(got, torch.optim.Optimizer),
    ),
    (
        "Your optimizer climbs: with maximize=True, or a learning rate below 0, the "
        "loss grows at each step. Training wants it to fall.",
        lambda got, *_: climbs(got),
    ),
    (
        "With that learning rate nothing is learned: it must be a finite number above "
        "0, and is mostly far below 1, such as 1e-3.",
        lambda got, *_: odd_rate(got),
    ),
    (
        "Some weights of a module are missing: take all of module.parameters().",
        lambda got, *_: True,
    ),
]


@exercise("6.1")
def optimizer(answer: Answer) -> Verdict:
    """answer(encoder, loss) -> an optimizer of all weights of both modules.

    encoder, and loss with a head of its own: modules -> torch.optim.Optimizer, which
    makes the loss smaller, with a learning rate of your choice.
    Example:
    encoder, loss = torch.nn.Linear(4, 4), helpers.losses.SoftmaxLoss(4)
    answer(encoder, loss) has encoder.weight, encoder.bias, loss.classifier.weight
    and loss.classifier.bias in its param_groups
    """
    return judge(
        answer,
        reference=lambda encoder, loss: adam(*encoder.parameters(), *loss.parameters()),
        cases=[Case((one_layer,)), Case((two_layers,))],
        mistakes=OPTIMIZER_MISTAKES,
        signs=OPTIMIZER_SIGNS,
        look=moved,
        praise="helpers.training does this for every loss that is a module.",
    )


# What the loss of each step is multiplied by, and what is added. The first gradient is
# long, the second shorter than 1, the third is long again where the loss is small.
FACTORS = ((50.0, 0.0), (0.02, 0.0), (50.0, -1000.0))


def three_steps(
    step: Answer, model: nn.Module, seed: int, rate: float, momentum: float
) -> object:
    """What three steps return, and the weights after each.

    In float64: an answer that adds up in another order must not differ.
    """
    model, steps = deepcopy(model), []
    before = deepcopy(list(model.parameters()))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    returned, weights = [], []
    for i, (times, plus) in enumerate(FACTORS):
        a, b = decimals(2, 5, 4, seed=seed + 2 * i, dtype=torch.float64)
        labels = decimals(5, seed=seed + 2 * i + 1, dtype=torch.float64)

        def loss(u, v, labels, times=times, plus=plus):  # minds which is u, which v
            return times * ((u - v / 2).sum(1) - labels).square().mean() + plus

        value = step(model, loss, optimizer, a, b, labels)
        has_graph = isinstance(value, Tensor) and value.requires_grad
        returned.append("a tensor with its graph" if has_graph else value)
        weights += [weight.detach().clone() for weight in model.parameters()]
    after = model.parameters()
    if not steps and not all(map(torch.equal, before, after)):
        return "moved by something else than the optimizer"
    return [returned, weights, model.training]


def small_model(*modules: nn.Module) -> nn.Module:
    """With fixed weights."""
    model = nn.Sequential(*modules).double()
    for i, weight in enumerate(model.parameters()):
        weight.data = 0.5 * decimals(*weight.shape, seed=i, dtype=torch.float64)
    return model


def value_and_gradients(model, loss, optimizer, a, b, labels) -> Tensor:
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.backward()
    return value


def clip(model: nn.Module, length: float = 1.0) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), length)


def right_step(model, loss, optimizer, *batch) -> float:
    value = value_and_gradients(model, loss, optimizer, *batch)
    clip(model)
    optimizer.step()
    return value.item()


def clipping(clip: Callable[[nn.Module], None]) -> Answer:
    """A step that clips as said."""

    def step(model, loss, optimizer, *batch):
        value = value_and_gradients(model, loss, optimizer, *batch)
        clip(model)
        optimizer.step()
        return value.item()

    return step


def with_loss(change: Callable[..., Tensor]) -> Answer:
    """A step whose loss is change(model, loss, a, b, labels)."""

    def step(model, loss, optimizer, a, b, labels):
        optimizer.zero_grad()
        value = change(model, loss, a, b, labels)
        value.backward()
        clip(model)
        optimizer.step()
        return value.item()

    return step


def to_length_1(model: nn.Module) -> None:
    gradients = [weight.grad for weight in model.parameters()]
    length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient /= length


def each_alone(model: nn.Module) -> None:
    for weight in model.parameters():
        nn.utils.clip_grad_norm_([weight], 1.0)


def keeps_old_gradients(model, loss, optimizer, a, b, labels):
    value = loss(model(a), model(b), labels)
    value.backward()
    clip(model)
    optimizer.step()
    return value.item()


def keeps_old_gradients_unclipped(model, loss, optimizer, a, b, labels):
    value = loss(model(a), model(b), labels)
    value.backward()
    optimizer.step()
    return value.item()


def clips_the_loss(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.clamp(max=1.0).backward()
    optimizer.step()
    return value.item()


def steps_before_backward(model, loss, optimizer, a, b, labels):
    value = loss(model(a), model(b), labels)
    optimizer.step()
    optimizer.zero_grad()
    value.backward()
    clip(model)
    return value.item()


def only_looks(model, loss, optimizer, *batch):
    return value_and_gradients(model, loss, optimizer, *batch).item()


def steps_twice(model, loss, optimizer, *batch):
    value = right_step(model, loss, optimizer, *batch)
    optimizer.step()
    return value


def two_rounds(model, loss, optimizer, *batch):
    right_step(model, loss, optimizer, *batch)
    return right_step(model, loss, optimizer, *batch)


def loss_after(model, loss, optimizer, a, b, labels):
    right_step(model, loss, optimizer, a, b, labels)
    return loss(model(a), model(b), labels).item()


def returns_tensor(model, loss, optimizer, *batch):
    value = value_and_gradients(model, loss, optimizer, *batch)
    clip(model)
    optimizer.step()
    return value


def returns_norm(model, loss, optimizer, *batch):
    value_and_gradients(model, loss, optimizer, *batch)
    length = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return length


def own_optimizer(model, loss, optimizer, *batch):
    return right_step(model, loss, torch.optim.AdamW(model.parameters()), *batch)


def in_eval_mode(model, loss, optimizer, *batch):
    model.eval()
    return right_step(model, loss, optimizer, *batch)


def without_graph(model, loss, optimizer, a, b, labels):
    with torch.no_grad():
        loss(model(a), model(b), labels).backward()


NO_GRAPH = (
    "The loss has no graph to go back through: backward() needs the tensor that loss "
    "returns, not detached, not made under no_grad."
)
TRAINING_STEP_MISTAKES = [
    (
        "The model has not moved. backward() computes the gradient, step() uses it: is "
        "one missing, or zero_grad() between them?",
        only_looks,
    ),
    (
        "From the second step on, the gradients of the steps before are still in: "
        "zero_grad() is missing.",
        keeps_old_gradients,
    ),
    (
        "zero_grad() and the clipping are missing: old gradients add up.",
        keeps_old_gradients_unclipped,
    ),
    (
        "The gradient is not clipped when step() uses it: shorten it to length 1 "
        "between backward() and step().",
        clipping(lambda model: None),
    ),
    (
        "You clip the loss. Clip the length of its gradient, between backward() and "
        "step().",
        clips_the_loss,
    ),
    (
        "You clip at another length than 1.",
        clipping(lambda model: clip(model, 5.0)),
    ),
    (
        "You clip at another length than 1.",
        clipping(lambda model: clip(model, 0.1)),
    ),
    (
        "You scale each gradient to length 1, short ones, too. Clipping must only "
        "shorten.",
        clipping(to_length_1),
    ),
    (
        "That clips each number of the gradient. Clip its length: clip_grad_norm_.",
        clipping(lambda m: nn.utils.clip_grad_value_(m.parameters(), 1.0)),
    ),
    (
        "You clip each weight's gradient alone. Clip the length of all together: one "
        "clip_grad_norm_ for model.parameters().",
        clipping(each_alone),
    ),
    (
        "You step before backward(), with the gradient of the step before.",
        steps_before_backward,
    ),
    (
        "step() runs twice. Once is enough.",
        steps_twice,
    ),
    (
        "You make two whole steps. One is asked for.",
        two_rounds,
    ),
    (
        "That is the loss after the step. Return the one that the gradient was "
        "computed from.",
        loss_after,
    ),
    (
        "Return value.item(): the tensor would keep the whole graph of the step in "
        "memory.",
        returns_tensor,
    ),
    (
        "That is the length of the gradient. Return the loss.",
        returns_norm,
    ),
    (
        "The weights move, but not by the optimizer that you get: call its step(). It "
        "has its learning rate, and some keep moments from step to step.",
        own_optimizer,
    ),
    (
        "You leave the model in evaluation mode. Training needs dropout.",
        in_eval_mode,
    ),
    (
        "Swapped: the loss is loss(model(a), model(b), labels).",
        with_loss(lambda model, loss, a, b, y: loss(model(b), model(a), y)),
    ),
    (
        "The second column goes through the model, too: loss(model(a), model(b), "
        "labels).",
        with_loss(lambda model, loss, a, b, y: loss(model(a), b, y)),
    ),
    (
        "The gradient goes through both columns: no detach, no no_grad for the second.",
        with_loss(lambda model, loss, a, b, y: loss(model(a), model(b).detach(), y)),
    ),
    (
        "You took the first column twice: loss(model(a), model(b), labels).",
        with_loss(lambda model, loss, a, b, y: loss(model(a), model(a), y)),
    ),
    (
        "You changed the loss: its value goes into backward() as it is.",
        with_loss(lambda model, loss, a, b, y: loss(model(a), model(b), y) / len(a)),
    ),
    (
        "The sign is wrong: step() already goes against the gradient.",
        with_loss(lambda model, loss, a, b, y: -loss(model(a), model(b), y)),
    ),
    (
        "loss() needs the labels as well: loss(model(a), model(b), labels).",
        with_loss(lambda model, loss, a, b, y: loss(model(a), model(b))),
    ),
    (
        "Only the tensor has backward(), a number has none: item() comes at the end.",
        with_loss(lambda model, loss, a, b, y: loss(model(a), model(b), y).item()),
    ),
    (NO_GRAPH, without_graph),
]


@exercise("6.2")
def training_step(answer: Answer) -> Verdict:
    """answer(model, loss, optimizer, a, b, labels) -> the loss, after one step.

    model [B, H] -> [B, K], loss(u, v, labels) -> a tensor without dimensions, a, b
    [B, H], labels [B] -> the loss as a number. Gradients longer than 1 are shortened to
    length 1. It is called three times in a row.
    Example:
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    a = torch.tensor([[3.0]])
    answer(model, lambda u, v, labels: (u * v).mean(), optimizer, a, a, None) -> 9.0
    model.weight.item() -> 0.9, since the gradient, 18, is shortened to 1
    """
    hint = (
        "Loss and weights are not right after three steps. Zero, forward, backward, "
        "clip, step: each once, and in this order."
    )
    linear = small_model(nn.Linear(4, 3))
    deeper = small_model(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2, bias=False))
    return judge(
        answer,
        reference=lambda model, loss, optimizer, a, b, labels: right_step(
            model, loss, optimizer, a, b, labels
        ),
        cases=[
            Case((linear, 10, 0.1, 0.0), hint),
            Case((deeper, 20, 0.03, 0.9), hint),
        ],
        mistakes=TRAINING_STEP_MISTAKES,
        look=three_steps,
        praise="Five lines, and their order is all that can go wrong.",
    )


def decayed(step: int, start: int, end: int) -> float:
    """On the line from 1 at `start` to 0 at `end`, and 0 after it."""
    return max(0.0, (end - step) / max(1, end - start))


def warmed_up(step: int, warmup_steps: int, after: float) -> float:
    return step / warmup_steps if step < warmup_steps else after


def factor(step: int, total_steps: int, warmup_steps: int) -> float:
    """As transformers.get_linear_schedule_with_warmup multiplies the learning rate."""
    return warmed_up(step, warmup_steps, decayed(step, warmup_steps, total_steps))


def on_schedule(step: int, total: int, warmup: int, hint: str = "") -> Case:
    value = factor(step, total, warmup)
    line = f"At step {step} of {total}, {warmup} of warm-up, the factor is {value:.4g}."
    return Case((step, total, warmup), f"{hint} {line}".strip())


NUMBERS = (
    "It is right for 100 steps with 10 of warm-up: do you use total_steps and "
    "warmup_steps, or numbers?"
)
NO_WARMUP = "Without warm-up it starts at 1, with nothing to divide by."
FACTOR_CASES = [
    *(on_schedule(step, 100, 10) for step in (5, 10, 55, 92, 100, 0)),
    *(on_schedule(step, 60, 20, NUMBERS) for step in (15, 30, 45, 60)),
    on_schedule(0, 40, 0, NO_WARMUP),
    on_schedule(10, 40, 0),
    on_schedule(130, 100, 10, "After total_steps it stays 0."),
]
FACTOR_MISTAKES = [
    (
        "It is 0 for the last warmup_steps steps: the whole training has total_steps, "
        "warm-up included.",
        lambda step, total, warmup: factor(step, total - warmup, warmup),
    ),
    (
        "It is 0 for the last warmup_steps steps: decay takes total − warmup steps, "
        "but begins at step = warmup.",
        lambda step, total, warmup: warmed_up(
            step, warmup, max(0.0, 1 - step / (total - warmup))
        ),
    ),
    (
        "The warm-up is missing: it starts at 0, and reaches 1 at step = warmup_steps.",
        lambda step, total, warmup: decayed(step, 0, total),
    ),
    (
        "The warm-up is missing: it starts at 0, and reaches 1 at step = warmup_steps.",
        lambda step, total, warmup: min(1.0, decayed(step, warmup, total)),
    ),
    (
        "The decay begins at step 0, so that it falls from 1 at once when warm-up "
        "ends. It is 1 at step = warmup_steps, and 0 at total_steps.",
        lambda step, total, warmup: warmed_up(step, warmup, decayed(step, 0, total)),
    ),
    (
        "The decay works during warm-up already. It is 1 at step = warmup_steps: only "
        "then does it fall.",
        lambda step, total, warmup: min(1.0, step / warmup) * decayed(step, 0, total),
    ),
    (
        "After warm-up it stays at 1. It falls from there to 0 at total_steps.",
        lambda step, total, warmup: warmed_up(step, warmup, 1.0),
    ),
    (
        "The decay takes total_steps, so that it ends above 0. It has total − warmup "
        "steps.",
        lambda step, total, warmup: warmed_up(
            step, warmup, max(0.0, 1 - (step - warmup) / total)
        ),
    ),
    (
        "One too many in the warm-up: at step 0 the factor is 0.",
        lambda step, total, warmup: min(
            (step + 1) / max(1, warmup), decayed(step, warmup, total), 1.0
        ),
    ),
    (
        "One too many in the warm-up: divide by warmup_steps, so that it reaches 1 at "
        "step = warmup_steps.",
        lambda step, total, warmup: (
            step / (warmup + 1) if step <= warmup else decayed(step, warmup, total)
        ),
    ),
    (
        "One too many in the warm-up: at step 0 the factor is 0, and at step = "
        "warmup_steps it is 1.",
        lambda step, total, warmup: (
            (step + 1) / (warmup + 1) if step < warmup else decayed(step, warmup, total)
        ),
    ),
    (
        "It reaches 0 one step too early: at total_steps, not at total_steps − 1.",
        lambda step, total, warmup: factor(step, total - 1, warmup),
    ),
    (
        "It reaches 0 one step too late: at total_steps, not at total_steps + 1.",
        lambda step, total, warmup: factor(step, total + 1, warmup),
    ),
    (
        "Each step is one too far: step counts from 0, as it is given.",
        lambda step, total, warmup: factor(step + 1, total, warmup),
    ),
    (
        "Each step is one behind: step counts from 0, as it is given.",
        lambda step, total, warmup: factor(step - 1, total, warmup),
    ),
    (
        "After total_steps it becomes negative, and training would undo itself: cut it "
        "off at 0.",
        lambda step, total, warmup: warmed_up(
            step, warmup, (total - step) / (total - warmup)
        ),
    ),
    (
        "Your decay follows a cosine. Linear is asked for.",
        lambda step, total, warmup: warmed_up(
            step,
            warmup,
            (1 + math.cos(math.pi * (1 - decayed(step, warmup, total)))) / 2,
        ),
    ),
    (
        "Your decay is exponential. Linear is asked for.",
        lambda step, total, warmup: warmed_up(
            step, warmup, math.exp(-(step - warmup) / (total - warmup))
        ),
    ),
    (
        "The wrong way round: after warm-up the factor falls, from 1 to 0.",
        lambda step, total, warmup: warmed_up(
            step, warmup, (step - warmup) / (total - warmup)
        ),
    ),
    (
        "The wrong way round: in warm-up the factor rises, from 0 to 1.",
        lambda step, total, warmup: (
            warmed_up(step, warmup, decayed(step, warmup, total))
            if step >= warmup
            else 1 - step / warmup
        ),
    ),
    (
        "That rises until the end. Warm-up is over at step = warmup_steps.",
        lambda step, total, warmup: step / total,
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda step, total, warmup: (
            step // warmup if step < warmup else (total - step) // (total - warmup)
        ),
    ),
    (
        "That is a percentage: the factor lies between 0 and 1.",
        lambda step, total, warmup: 100 * factor(step, total, warmup),
    ),
    (
        "Multiplied by a learning rate already: return the factor alone, 0 to 1.",
        lambda step, total, warmup: 2e-5 * factor(step, total, warmup),
    ),
    (
        "Without warm-up, warmup_steps is 0 and cannot be divided by: it starts at 1.",
        lambda step, total, warmup: min(
            step / warmup, max(0.0, (total - step) / (total - warmup))
        ),
    ),
    (
        "Without warm-up it starts at 1: step 0 belongs to the warm-up only if there "
        "is one.",
        lambda step, total, warmup: (
            step / max(1, warmup) if step <= warmup else decayed(step, warmup, total)
        ),
    ),
]


@exercise("6.3")
def learning_rate_factor(answer: Answer) -> Verdict:
    """answer(step, total_steps, warmup_steps) -> what to multiply the learning rate by.

    Three whole numbers, 0 <= warmup_steps < total_steps -> from 0 to 1: on a straight
    line from 0 at step 0 to 1 at warmup_steps, on another from there to 0 at
    total_steps, 0 after it. Without warm-up it is 1 at step 0. As
    transformers.get_linear_schedule_with_warmup does it.
    Example:
    [answer(step, 100, 10) for step in (0, 5, 10, 55, 100)]
    -> [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return judge(
        answer,
        reference=lambda step, total_steps, warmup_steps: factor(
            step, total_steps, warmup_steps
        ),
        cases=FACTOR_CASES,
        mistakes=FACTOR_MISTAKES,
        praise="The first steps are short because AdamW's moments know nothing yet, "
        "the last ones so that the weights come to rest.",
    )


def weights(*shapes: tuple[int, ...], seed: int) -> list[Tensor]:
    return [decimals(*shape, seed=seed + i) for i, shape in enumerate(shapes)]


def combining(combine: Callable[[Tensor, Tensor, float], Tensor]) -> Answer:
    """An answer that does the same with each weight."""

    def answer(old, new, share):
        return [combine(a, b, share) for a, b in zip(old, new, strict=True)]

    return answer


AVERAGE_MISTAKES = [
    (
        "The other way round: share is that of the new weights, so 0 gives the old "
        "ones.",
        combining(lambda old, new, share: share * old + (1 - share) * new),
    ),
    (
        "You always meet halfway. `share` says how far to go.",
        combining(lambda old, new, share: (old + new) / 2),
    ),
    (
        "That is the sum. Both are weighted, and the two shares add up to 1.",
        combining(lambda old, new, share: old + new),
    ),
    (
        "The old weights need their share, too: 1 − share.",
        combining(lambda old, new, share: old + share * new),
    ),
    (
        "Half of the way that you should go: shares of 1 − share and share need no "
        "division by 2.",
        combining(lambda old, new, share: ((1 - share) * old + share * new) / 2),
    ),
    (
        "You walk away from the new weights: the step is new − old.",
        combining(lambda old, new, share: old + share * (old - new)),
    ),
    (
        "That is the way from old to new. Add it to the old weights.",
        combining(lambda old, new, share: share * (new - old)),
    ),
    ("Those are the new weights.", lambda old, new, share: list(new)),
    ("Those are the old weights.", lambda old, new, share: list(old)),
    (
        "That is one weight. Return one for each pair, in a list.",
        lambda old, new, share: combining(torch.lerp)(old[:1], new[:1], share)[0],
    ),
    (
        "Only the first weight of each is in. Return one for each pair.",
        lambda old, new, share: combining(torch.lerp)(old[:1], new[:1], share),
    ),
    (
        "Those are the two lists joined. Take the weights in pairs: zip(old, new).",
        lambda old, new, share: [*old, *new],
    ),
    (
        "Lists have no product with a number, and `+` joins them. Take the weights in "
        "pairs: zip(old, new).",
        lambda old, new, share: old * (1 - share) + new * share,
    ),
    (
        "Weights differ in shape, so they do not stack. Take them in pairs: "
        "zip(old, new).",
        lambda old, new, share: torch.stack(old) + torch.stack(new),
    ),
]
AVERAGE_SIGNS = [
    (
        "Return a list with a tensor for each pair of weights.",
        lambda got, wanted, *_: (
            not isinstance(got, list | tuple) or len(got) != len(wanted)
        ),
    ),
    (
        "Each weight keeps its shape.",
        lambda got, wanted, *_: (
            [getattr(tensor, "shape", None) for tensor in got]
            != [tensor.shape for tensor in wanted]
        ),
    ),
]


@exercise("6.4")
def average_weights(answer: Answer) -> Verdict:
    """answer(old, new, share) -> the weights at `share` of the way from old to new.

    old and new are lists of tensors of equal shapes, share a number: 0 gives the old
    weights, 1 the new ones -> a list of tensors.
    Example: answer([tensor([0., 4.])], [tensor([8., 4.])], 0.25) -> [tensor([2., 4.])]
    """
    shapes = ((3, 4), (4,), (2, 3, 1))
    one, other = weights(*shapes, seed=1), weights(*shapes, seed=7)
    alone = (weights((5,), seed=3), weights((5,), seed=4), 0.75)
    return judge(
        answer,
        reference=combining(torch.lerp),
        cases=[
            Case((one, other, 0.25)),
            Case(alone),
            Case((one, other, 0.0), "Share 0 is the old encoder as it was."),
            Case((one, other, 1.0), "Share 1 is the new encoder."),
        ],
        mistakes=AVERAGE_MISTAKES,
        signs=AVERAGE_SIGNS,
        praise="Each share is one more encoder, and none of them costs any training.",
    )
