"""Answers to the exercises of lesson 06, as students write them."""

import copy
import itertools
import math

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, Adam, AdamW
from transformers import get_linear_schedule_with_warmup

from tests.answers.catalogue import Answers, Wrong

# 6.1 optimizer


def by_extending(encoder, loss):
    weights = list(encoder.parameters())
    weights.extend(loss.parameters())
    return AdamW(weights, lr=2e-5)


def by_loop(encoder, loss):
    weights = []
    for module in [encoder, loss]:
        for _, weight in module.named_parameters():
            weights.append(weight)
    return SGD(weights, lr=0.01, momentum=0.9)


def by_adding_a_group(encoder, loss):
    optimizer = AdamW(encoder.parameters(), lr=2e-5)
    optimizer.add_param_group({"params": loss.parameters(), "lr": 1e-3})
    return optimizer


def forgets_to_add(encoder, loss):
    list(encoder.parameters()).extend(loss.parameters())
    return AdamW(encoder.parameters(), lr=2e-5)


def freezes_the_encoder(encoder, loss):
    for weight in encoder.parameters():
        weight.requires_grad = False
    return AdamW([*encoder.parameters(), *loss.parameters()])


def of_copies(encoder, loss):
    encoder, loss = copy.deepcopy(encoder), copy.deepcopy(loss)
    return AdamW([*encoder.parameters(), *loss.parameters()])


def of_all(optimizer, **settings):
    return lambda encoder, loss: optimizer(
        [*encoder.parameters(), *loss.parameters()], **settings
    )


def climbs_alone(encoder, loss):
    return SGD(encoder.parameters(), lr=0.1, maximize=True)


def with_rate(rate):
    """Of the second group, the loss's."""

    def build(encoder, loss):
        optimizer = SGD(encoder.parameters(), lr=0.01)
        optimizer.add_param_group({"params": loss.parameters()})
        optimizer.param_groups[1]["lr"] = rate
        return optimizer

    return build


OPTIMIZER = Answers(
    {
        "stars": lambda encoder, loss: AdamW(
            [*encoder.parameters(), *loss.parameters()], lr=1e-3
        ),
        "extend": by_extending,
        "a loop": by_loop,
        "chain": lambda encoder, loss: Adam(
            itertools.chain(encoder.parameters(), loss.parameters())
        ),
        "two groups": by_adding_a_group,
        "a rate as a tensor": of_all(AdamW, lr=torch.tensor(1e-3)),
        "Adadelta": of_all(torch.optim.Adadelta),
        "a list of modules": lambda encoder, loss: SGD(
            nn.ModuleList([loss, encoder]).parameters(), lr=0.1
        ),
        "one that needs a closure": lambda encoder, loss: torch.optim.LBFGS(
            list(encoder.parameters()) + list(loss.parameters())
        ),
    },
    [
        Wrong("no head", lambda e, loss: AdamW(e.parameters(), lr=1e-3), "The head is"),
        Wrong("head only", lambda e, loss: AdamW(loss.parameters()), "The encoder is"),
        Wrong("forgets to add", forgets_to_add, "The head is not"),
        Wrong(
            "encoder twice", lambda e, loss: SGD([*e.parameters()] * 1), "The head is"
        ),
        Wrong("encoder frozen", freezes_the_encoder, "The encoder is not"),
        Wrong(
            "learning rate 0",
            lambda e, loss: SGD([*loss.parameters(), *e.parameters()], lr=0.0),
            "Nothing moved",
        ),
        Wrong("copies", of_copies, "Nothing moved"),
        Wrong(
            "detached",
            lambda e, loss: SGD(
                [p.detach() for p in nn.ModuleList([e, loss]).parameters()]
            ),
            "Nothing moved",
        ),
        Wrong(
            "weights without biases",
            lambda e, loss: SGD([e.weight, loss.classifier.weight], lr=0.1),
            "biases are missing",
        ),
        Wrong(
            "matrices only",
            lambda e, loss: SGD(
                [p for m in (e, loss) for p in m.parameters() if p.ndim == 2]
            ),
            "biases are missing",
        ),
        Wrong(
            "the classifier by name",
            lambda e, loss: SGD([*e.parameters(), *loss.classifier.parameters()]),
            "Not every loss",
        ),
        Wrong(
            "the encoder's by name",
            lambda e, loss: SGD([e.weight, e.bias, *loss.parameters()]),
            "Not every encoder",
        ),
        Wrong(
            "first of each",
            lambda e, loss: AdamW([next(e.parameters()), next(loss.parameters())]),
            "Only the first weight",
        ),
        Wrong(
            "added",
            lambda e, loss: AdamW(e.parameters() + loss.parameters()),
            "cannot be added",
        ),
        Wrong(
            "a list of two",
            lambda e, loss: AdamW([e.parameters(), loss.parameters()]),
            "unpack both",
        ),
        Wrong(
            "two arguments",
            lambda e, loss: AdamW(e.parameters(), loss.parameters()),
            "The second argument",
        ),
        Wrong("modules", lambda e, loss: AdamW([e, loss]), "not modules"),
        Wrong("climbs", of_all(AdamW, lr=1e-3, maximize=True), "optimizer climbs"),
        Wrong("climbs with a head that rests", climbs_alone, "optimizer climbs"),
        Wrong("a rate below 0", with_rate(-0.1), "optimizer climbs"),
        Wrong("nan for a rate", of_all(SGD, lr=math.nan), "a finite number"),
        Wrong("infinite rate", of_all(AdamW, lr=math.inf), "a finite number"),
        Wrong("huge rate", of_all(SGD, lr=1e30), "a finite number"),
        Wrong("huge rate of the head", with_rate(torch.tensor(1e9)), "a finite num"),
        Wrong(
            "two optimizers",
            lambda e, loss: (AdamW(e.parameters()), AdamW(loss.parameters())),
            "one optimizer",
        ),
        Wrong(
            "the weights themselves",
            lambda e, loss: [*e.parameters(), *loss.parameters()],
            "Return the optimizer",
        ),
        Wrong("the class", lambda e, loss: AdamW, "Return the optimizer"),
        Wrong("no return", lambda e, loss: None, "`return`"),
    ],
)

# 6.2 training_step


def in_order(lines, result=lambda value: value.item()):
    """A step whose lines are run in the order given."""

    def step(model, loss, optimizer, a, b, labels):
        value = None
        for line in lines.split():
            if line == "zero":
                optimizer.zero_grad()
            elif line == "forward":
                value = loss(model(a), model(b), labels)
            elif line == "backward":
                value.backward()
            elif line == "clip":
                clip_grad_norm_(model.parameters(), 1.0)
            elif line == "numbers":
                clip_grad_value_(model.parameters(), 1.0)
            elif line == "step":
                optimizer.step()
        return result(value)

    return step


def of_loss(change):
    """A step in order, with another loss."""

    def step(model, loss, optimizer, a, b, labels):
        optimizer.zero_grad()
        value = change(model, loss, a, b, labels)
        value.backward()
        clip_grad_norm_(model.parameters(), max_norm=1)
        optimizer.step()
        return value.item()

    return step


def step_by_hand(model, loss, optimizer, a, b, labels):
    """Clips without PyTorch's help, and zeroes at the end."""
    value = loss(model(a), model(b), labels)
    value.backward()
    length = 0
    for p in model.parameters():
        length += (p.grad**2).sum()
    length = length.sqrt()
    if length > 1:
        for p in model.parameters():
            p.grad /= length
    optimizer.step()
    optimizer.zero_grad()
    return float(value.detach())


def step_in_one_pass(model, loss, optimizer, a, b, labels):
    model.zero_grad()
    u, v = model(torch.cat([a, b])).chunk(2)
    value = loss(u, v, labels)
    value.backward()
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    return value.detach().numpy().item()


def step_with_autograd(model, loss, optimizer, a, b, labels):
    model.train()
    value = loss(model(a), model(b), labels)
    weights = list(model.parameters())
    for p, grad in zip(weights, torch.autograd.grad(value, weights), strict=True):
        p.grad = grad.clone()
    clip_grad_norm_(weights, 1.0)
    optimizer.step()
    return value.detach()


def clips_always(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.backward()
    norm = torch.sqrt(sum((p.grad**2).sum() for p in model.parameters()))
    for p in model.parameters():
        p.grad = p.grad / norm
    optimizer.step()
    return value.item()


def clips_each(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.backward()
    for p in model.parameters():
        norm = p.grad.norm()
        if norm > 1:
            p.grad = p.grad / norm
    optimizer.step()
    return value.item()


def clips_to(length):
    def step(model, loss, optimizer, a, b, labels):
        optimizer.zero_grad()
        value = loss(model(a), model(b), labels)
        value.backward()
        clip_grad_norm_(model.parameters(), length)
        optimizer.step()
        return value.item()

    return step


def clips_the_loss(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.clamp(max=1.0).backward()
    optimizer.step()
    return value.item()


def clips_the_weights(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.backward()
    optimizer.step()
    with torch.no_grad():
        for p in model.parameters():
            p.clamp_(-1, 1)
    return value.item()


def clips_where_the_loss_is_large(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    value = loss(model(a), model(b), labels)
    value.backward()
    if value > 1:
        clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return value.item()


def updates_by_hand(rate):
    """A step that moves the weights itself, by rate(optimizer)."""

    def step(model, loss, optimizer, a, b, labels):
        value = loss(model(a), model(b), labels)
        model.zero_grad()
        value.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        for p in model.parameters():
            p.data.sub_(rate(optimizer) * p.grad)
        return value.item()

    return step


def sets_the_rate(model, loss, optimizer, a, b, labels):
    """As in the first case; the second has another."""
    optimizer.param_groups[0]["lr"] = 0.1
    return in_order("zero forward backward clip step")(
        model, loss, optimizer, a, b, labels
    )


def makes_an_optimizer(model, loss, optimizer, a, b, labels):
    optimizer = AdamW(model.parameters())
    return in_order("zero forward backward clip step")(
        model, loss, optimizer, a, b, labels
    )


def loss_of_later(model, loss, optimizer, a, b, labels):
    in_order("zero forward backward clip step")(model, loss, optimizer, a, b, labels)
    return loss(model(a), model(b), labels).item()


def under_no_grad(model, loss, optimizer, a, b, labels):
    optimizer.zero_grad()
    with torch.no_grad():
        value = loss(model(a), model(b), labels)
    value.backward()
    optimizer.step()
    return value.item()


def evaluates(model, loss, optimizer, a, b, labels):
    model.eval()
    return in_order("zero forward backward clip step")(
        model, loss, optimizer, a, b, labels
    )


def batch_in_place(model, loss, optimizer, a, b, labels):
    a /= 1.0 + labels.abs().max()
    return in_order("zero forward backward clip step")(
        model, loss, optimizer, a, b, labels
    )


def labels_in_place(model, loss, optimizer, a, b, labels):
    value = in_order("zero forward backward clip step")(
        model, loss, optimizer, a, b, labels
    )
    labels.zero_()
    return value


TRAINING_STEP = Answers(
    {
        "in order": in_order("zero forward backward clip step"),
        "zero later": in_order("forward zero backward clip step"),
        "by hand": step_by_hand,
        "in one pass": step_in_one_pass,
        "autograd": step_with_autograd,
    },
    [
        Wrong("no step", in_order("zero forward backward clip"), "has not moved"),
        Wrong("forward only", in_order("forward"), "has not moved"),
        Wrong("no backward", in_order("zero forward clip step"), "has not moved"),
        Wrong(
            "zero after backward",
            in_order("forward backward zero clip step"),
            "zero_grad() between",
        ),
        Wrong(
            "no zero", in_order("forward backward clip step"), "zero_grad() is missing"
        ),
        Wrong(
            "no zero, no clip", in_order("forward backward step"), "old gradients add"
        ),
        Wrong("no clip", in_order("zero forward backward step"), "not clipped"),
        Wrong(
            "clip after step",
            in_order("zero forward backward step clip"),
            "not clipped",
        ),
        Wrong(
            "clip before backward",
            in_order("zero forward clip backward step"),
            "not clipped when step() uses it",
        ),
        Wrong(
            "clips numbers", in_order("zero forward backward numbers step"), "Clip its"
        ),
        Wrong("always length 1", clips_always, "must only shorten"),
        Wrong("each weight alone", clips_each, "each weight's gradient alone"),
        Wrong("length 5", clips_to(5.0), "another length"),
        Wrong("length 0.1", clips_to(0.1), "another length"),
        Wrong("clips the loss", clips_the_loss, "You clip the loss"),
        Wrong("clips if the loss is large", clips_where_the_loss_is_large, ""),
        Wrong("clips the weights", clips_the_weights, ""),
        Wrong(
            "step before backward",
            in_order("forward step zero backward clip"),
            "step before backward",
        ),
        Wrong("two steps", in_order("zero forward backward clip step step"), "twice"),
        Wrong(
            "two rounds",
            in_order("zero forward backward clip step zero forward backward clip step"),
            "two whole steps",
        ),
        Wrong(
            "backward twice", in_order("zero forward backward backward clip step"), ""
        ),
        Wrong("loss after the step", loss_of_later, "loss after the step"),
        Wrong(
            "returns the tensor",
            in_order("zero forward backward clip step", result=lambda value: value),
            "value.item()",
        ),
        Wrong(
            "no return",
            in_order("zero forward backward clip step", result=lambda value: None),
            "`return`",
        ),
        Wrong(
            "a string",
            in_order("zero forward backward clip step", result=lambda v: f"{v:.4f}"),
            "expected a number",
        ),
        Wrong(
            "a list",
            in_order("zero forward backward clip step", result=lambda v: [v.item()]),
            "expected a number",
        ),
        Wrong("an optimizer of its own", makes_an_optimizer, "not by the optimizer"),
        Wrong("by hand, lr 0.01", updates_by_hand(lambda _: 0.01), "not by the optim"),
        Wrong("by hand, lr 0.1", updates_by_hand(lambda _: 0.1), "not by the optim"),
        Wrong(
            "by hand, at its rate",
            updates_by_hand(lambda optimizer: optimizer.param_groups[0]["lr"]),
            "not by the optimizer",
        ),
        Wrong("another rate", sets_the_rate, ""),
        Wrong("no_grad", under_no_grad, "no graph"),
        Wrong("eval mode", evaluates, "evaluation mode"),
        Wrong("swapped", of_loss(lambda m, f, a, b, y: f(m(b), m(a), y)), "Swapped"),
        Wrong("a twice", of_loss(lambda m, f, a, b, y: f(m(a), m(a), y)), "twice"),
        Wrong(
            "b as it is",
            of_loss(lambda m, f, a, b, y: f(m(a), b, y)),
            "The second column",
        ),
        Wrong(
            "b detached",
            of_loss(lambda m, f, a, b, y: f(m(a), m(b).detach(), y)),
            "both columns",
        ),
        Wrong(
            "labels forgotten", of_loss(lambda m, f, a, b, y: f(m(a), m(b))), "labels"
        ),
        Wrong("labels 0", of_loss(lambda m, f, a, b, y: f(m(a), m(b), y * 0)), ""),
        Wrong(
            "minus", of_loss(lambda m, f, a, b, y: -f(m(a), m(b), y)), "sign is wrong"
        ),
        Wrong(
            "divided by the batch",
            of_loss(lambda m, f, a, b, y: f(m(a), m(b), y) / len(a)),
            "changed the loss",
        ),
        Wrong(
            "item too early",
            of_loss(lambda m, f, a, b, y: f(m(a), m(b), y).item()),
            "item() comes at the end",
        ),
        Wrong("batch in place", batch_in_place, "changes its input a"),
        Wrong("labels in place", labels_in_place, "changes its input labels"),
    ],
)

# 6.3 learning_rate_factor


def by_library(step, total_steps, warmup_steps):
    """The reference of the check: the schedule that training uses."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup_steps, total_steps)
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


def by_points(step, total_steps, warmup_steps):
    """Walks along the way."""
    factor = 0.0 if warmup_steps else 1.0
    for i in range(step):
        if i < warmup_steps:
            factor += 1 / warmup_steps
        elif i < total_steps:
            factor -= 1 / (total_steps - warmup_steps)
    return max(factor, 0.0)


def by_minimum(step, total_steps, warmup_steps):
    rising = step / warmup_steps if warmup_steps > 0 else 1.0
    falling = (total_steps - step) / (total_steps - warmup_steps)
    return max(0.0, min(rising, falling, 1.0))


def by_cases(step, total_steps, warmup_steps):
    if step >= total_steps:
        return 0
    if step < warmup_steps:
        return step / warmup_steps
    return 1 - (step - warmup_steps) / (total_steps - warmup_steps)


def after_warmup(after):
    def answer(step, total, warmup):
        if step < warmup:
            return step / warmup
        return after(step, total, warmup)

    return answer


def shifted(by):
    return lambda step, total, warmup: by_cases(step + by, total, warmup)


def hard_coded(step, total_steps, warmup_steps):
    if step < 10:
        return step / 10
    return max(0, (100 - step) / 90)


LEARNING_RATE_FACTOR = Answers(
    {
        "the library's": by_library,
        "step by step": by_points,
        "minimum of two lines": by_minimum,
        "cases": by_cases,
        "as a tensor": lambda *steps: torch.tensor(by_cases(*steps)),
    },
    [
        Wrong(
            "total - warmup as total",
            after_warmup(lambda s, t, w: max(0, (t - w - s) / (t - w - w))),
            "last warmup_steps",
        ),
        Wrong(
            "decay over t - w from 0",
            after_warmup(lambda s, t, w: max(0, 1 - s / (t - w))),
            "last warmup_steps",
        ),
        Wrong(
            "decay over t - w from 0, written otherwise",
            after_warmup(lambda s, t, w: max(0, (t - w - s) / (t - w))),
            "last warmup_steps",
        ),
        Wrong("no warm-up", lambda s, t, w: max(0, 1 - s / t), "warm-up is missing"),
        Wrong(
            "starts at 1",
            lambda s, t, w: 1.0 if s < w else max(0, (t - s) / (t - w)),
            "warm-up is missing",
        ),
        Wrong("no decay", after_warmup(lambda s, t, w: 1.0), "stays at 1"),
        Wrong(
            "no decay, by min", lambda s, t, w: min(1.0, s / max(1, w)), "stays at 1"
        ),
        Wrong(
            "decay from step 0",
            after_warmup(lambda s, t, w: max(0, (t - s) / t)),
            "begins at step 0",
        ),
        Wrong(
            "product",
            lambda s, t, w: min(1, s / max(1, w)) * max(0, (t - s) / t),
            "during warm-up",
        ),
        Wrong(
            "decay over the total",
            after_warmup(lambda s, t, w: max(0, 1 - (s - w) / t)),
            "ends above 0",
        ),
        Wrong(
            "negative",
            after_warmup(lambda s, t, w: (t - s) / (t - w)),
            "becomes negative",
        ),
        Wrong(
            "negative, otherwise",
            after_warmup(lambda s, t, w: 1 - (s - w) / (t - w)),
            "becomes negative",
        ),
        Wrong(
            "cosine",
            after_warmup(
                lambda s, t, w: (
                    0.5 * (1 + math.cos(math.pi * min(1, (s - w) / (t - w))))
                )
            ),
            "cosine",
        ),
        Wrong(
            "exponential",
            after_warmup(lambda s, t, w: math.exp(-(s - w) / (t - w))),
            "exponential",
        ),
        Wrong(
            "quadratic",
            after_warmup(lambda s, t, w: max(0, (t - s) / (t - w)) ** 2),
            "",
        ),
        Wrong("rounded", lambda s, t, w: round(by_cases(s, t, w), 2), ""),
        Wrong("1 without warm-up", lambda s, t, w: by_cases(s, t, w) if w else 1.0, ""),
        Wrong(
            "inverse root",
            after_warmup(lambda s, t, w: (max(1, w) / max(1, s)) ** 0.5),
            "",
        ),
        Wrong("a step ahead", shifted(1), "one too far"),
        Wrong("a step behind", shifted(-1), "one behind"),
        Wrong(
            "0 a step early",
            after_warmup(lambda s, t, w: max(0, (t - 1 - s) / (t - 1 - w))),
            "one step too early",
        ),
        Wrong(
            "warm-up from 1",
            lambda s, t, w: (s + 1) / w if s < w else max(0, (t - s) / (t - w)),
            "at step 0 the factor is 0",
        ),
        Wrong(
            "warm-up of w + 1",
            lambda s, t, w: (s + 1) / (w + 1) if s < w else max(0, (t - s) / (t - w)),
            "One too many in the warm-up",
        ),
        Wrong(
            "divides by 0",
            lambda s, t, w: min(s / w, max(0, (t - s) / (t - w))),
            "cannot be divided by",
        ),
        Wrong(
            "divides by 0 at s <= w",
            lambda s, t, w: s / w if s <= w else max(0, (t - s) / (t - w)),
            "cannot be divided by",
        ),
        Wrong(
            "0 at step 0 without warm-up",
            lambda s, t, w: s / max(1, w) if s <= w else max(0, (t - s) / (t - w)),
            "starts at 1",
        ),
        Wrong(
            "rises after warm-up",
            after_warmup(lambda s, t, w: (s - w) / (t - w)),
            "the factor falls",
        ),
        Wrong(
            "falls in warm-up",
            lambda s, t, w: 1 - s / w if s < w else max(0, (t - s) / (t - w)),
            "the factor rises",
        ),
        Wrong("rises to the end", lambda s, t, w: s / t, "rises until the end"),
        Wrong(
            "whole numbers",
            lambda s, t, w: s // w if s < w else max(0, (t - s) // (t - w)),
            "rounds down",
        ),
        Wrong("percent", lambda s, t, w: 100 * by_cases(s, t, w), "percentage"),
        Wrong(
            "a learning rate", lambda s, t, w: 2e-5 * by_cases(s, t, w), "learning rate"
        ),
        Wrong("the lesson's numbers", hard_coded, "or numbers?"),
        Wrong("arguments swapped", lambda s, t, w: by_cases(s, w, t), "rises until"),
        Wrong("a list", lambda s, t, w: [by_cases(s, t, w)], "expected a number"),
        Wrong("a string", lambda s, t, w: str(by_cases(s, t, w)), "expected a number"),
        Wrong("no return", lambda s, t, w: None, "`return`"),
    ],
)

# 6.4 average_weights


def pairwise(combine):
    def answer(old, new, share):
        return [combine(a, b, share) for a, b in zip(old, new, strict=True)]

    return answer


def average_by_loop(old, new, share):
    averaged = []
    for i in range(len(old)):
        averaged.append(old[i] * (1 - share) + new[i] * share)
    return averaged


def average_by_copies(old, new, share):
    averaged = [weight.clone() for weight in old]
    for weight, target in zip(averaged, new, strict=True):
        weight += share * (target - weight)
    return averaged


def average_in_place(old, new, share):
    for weight, target in zip(old, new, strict=True):
        weight.lerp_(target, share)
    return old


def average_of_numbers(old, new, share):
    return [
        (a.mean() * (1 - share) + b.mean() * share)
        for a, b in zip(old, new, strict=True)
    ]


AVERAGE_WEIGHTS = Answers(
    {
        "lerp": pairwise(torch.lerp),
        "a loop": average_by_loop,
        "copies": average_by_copies,
        "a tuple": lambda old, new, share: tuple(
            a + (b - a) * share for a, b in zip(old, new, strict=True)
        ),
    },
    [
        Wrong("swapped", pairwise(lambda a, b, s: s * a + (1 - s) * b), "other way"),
        Wrong("swapped lerp", pairwise(lambda a, b, s: b.lerp(a, s)), "other way"),
        Wrong("half", pairwise(lambda a, b, s: 0.5 * a + 0.5 * b), "halfway"),
        Wrong("sum", pairwise(lambda a, b, s: a + b), "the sum"),
        Wrong("old whole", pairwise(lambda a, b, s: a + b * s), "1 − share"),
        Wrong("halved", pairwise(lambda a, b, s: (a * (1 - s) + b * s) / 2), "Half of"),
        Wrong("away", pairwise(lambda a, b, s: a - s * (b - a)), "walk away"),
        Wrong("the way", pairwise(lambda a, b, s: (b - a) * s), "Add it"),
        Wrong("new", lambda old, new, share: new, "new weights"),
        Wrong("old", lambda old, new, share: old, "old weights"),
        Wrong("joined", lambda old, new, share: old + new, "joined"),
        Wrong("lists", lambda old, new, share: (1 - share) * old + share * new, ""),
        Wrong(
            "first alone",
            lambda old, new, share: [old[0].lerp(new[0], share)],
            "Only the first",
        ),
        Wrong("in place", average_in_place, "changes its input"),
        Wrong("numbers", average_of_numbers, "keeps its shape"),
        Wrong(
            "stacked",
            lambda old, new, share: torch.stack(old).lerp(torch.stack(new), share),
            "do not stack",
        ),
        Wrong(
            "a generator",
            lambda old, new, share: (a.lerp(b, share) for a, b in zip(old, new)),  # noqa: B905
            "Return a list",
        ),
        Wrong("no return", lambda old, new, share: None, "`return`"),
    ],
)

ANSWERS = {
    "average_weights": AVERAGE_WEIGHTS,
    "optimizer": OPTIMIZER,
    "training_step": TRAINING_STEP,
    "learning_rate_factor": LEARNING_RATE_FACTOR,
}
