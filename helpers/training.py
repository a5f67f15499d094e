"""Train an encoder on sentences with a loss, look at dev now and then, keep the best.

The loop of lesson 06 with what a real run needs: prepare, step, look. Batches of like
length, warm-up and decay, clipped gradients, and checkpoints from which a killed run
goes on, bit for bit. Does not train in several processes, or with a learning rate for
each layer.
"""

import inspect
import math
import numbers
import random
import reprlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, set_seed
from torch import Tensor, nn
from transformers import get_linear_schedule_with_warmup

from helpers import progress
from helpers.batching import Batch, fixed_batches, whole_number
from helpers.checkpoints import Run, Settings, claimed, resume, save_checkpoint
from helpers.encoder import Encoder, forward, pool_and_normalize, token_ids

# One [B, H] for each column, then labels [B] if there are any -> a single number
Loss = Callable[..., Tensor]


def train(
    encoder: Encoder,
    sentences: Sequence[Sequence[str]],
    labels: Tensor | None,
    loss: Loss,
    evaluate: Callable[[], float],
    *,
    folder: str | Path | None = None,
    **settings,
) -> list[dict]:
    """Train encoder.model in place; leave the best weights in it, return the history.

    sentences has a column for each vector that the loss takes: two for pairs, three for
    triplets; labels [N] go with them, or None. evaluate() scores the encoder; higher
    is better. settings, with their defaults: epochs=1, batch_size=16,
    learning_rate=3e-5, warmup=0.1 (share of the steps in which the rate climbs),
    evaluations=1 (looks at dev, evenly spread, the last at the end), patience=None
    (looks without a new best after which training ends), seed=0, bf16=False (multiply
    in bfloat16; helpers.processor.bf16_helps tells where that is faster). History: a
    dict for each look, with step, loss (mean since the one before) and score.

    With a folder, each look leaves checkpoint.safetensors there. A later call with the
    same arguments goes on from it, whatever weights encoder has by then, and on a CPU
    ends with the same weights, bit for bit.

    Raises ValueError or TypeError for arguments that do not fit, FloatingPointError for
    a loss that is not a number, CheckpointError for a checkpoint that is damaged or of
    another run, OSError if one can't be written.
    """
    for name, function in {"loss": loss, "evaluate": evaluate}.items():
        if not callable(function):
            raise TypeError(f"{name} must be a function, not {function!r}")
    if not isinstance(folder, (str, Path, type(None))) or folder == "":
        raise TypeError(f"folder must be the path of a folder, or None, not {folder!r}")
    path = None if folder is None else Path(folder) / "checkpoint.safetensors"
    with claimed(path.parent) if path else nullcontext():
        run = prepare(encoder, sentences, labels, loss, checked(**settings), path)
        go_on(run, evaluate)
    run.trained.load_state_dict(run.best)
    return run.history


def prepare(
    encoder: Encoder,
    sentences: Sequence[Sequence[str]],
    labels: Tensor | None,
    loss: Loss,
    settings: Settings,
    path: Path | None,
) -> Run:
    """A run at its first step, or where its checkpoint left it.

    Raises as train does; whatever could fail at the end is tried here.
    """
    columns, labels = check_data(encoder, sentences, labels)
    check_loss(loss, len(columns), labels)
    steps_per_epoch = math.ceil(len(columns[0]) / settings.batch_size)
    steps = steps_per_epoch * settings.epochs
    if settings.evaluations > steps:
        raise ValueError(
            f"evaluations must be at most {steps}, the number of steps, not "
            f"{settings.evaluations}"
        )
    set_seed(settings.seed)
    trained = nn.ModuleDict({"encoder": encoder.model})
    if isinstance(loss, nn.Module):
        trained["loss"] = loss.to(encoder.model.device)
    check_weights(trained)
    optimizer, schedule = optimizer_and_schedule(trained, settings, steps)
    accelerator = plain_accelerator()
    trained, optimizer = accelerator.prepare(trained, optimizer)
    # What was computed with this model before is not part of the run.
    trained.zero_grad()
    run = Run(
        encoder, columns, labels, loss, settings, path,
        accelerator, trained, optimizer, schedule, steps_per_epoch,
    )  # fmt: skip
    if path and path.exists():
        resume(run)
    elif path:
        save_checkpoint(run)
    return run


def optimizer_and_schedule(trained: nn.Module, settings: Settings, steps: int):
    """AdamW with weight decay 0.01 on all weights; the rate climbs, then falls to 0."""
    rate = settings.learning_rate
    optimizer = torch.optim.AdamW(trained.parameters(), lr=rate, fused=True)
    warmup = round(settings.warmup * steps)
    return optimizer, get_linear_schedule_with_warmup(optimizer, warmup, steps)


def go_on(run: Run, evaluate: Callable[[], float]) -> None:
    """Take the steps that are left, and look at dev where it is due."""
    total = run.steps_per_epoch * run.settings.epochs
    looks = run.settings.evaluations
    due = {math.ceil(total * (i + 1) / looks) for i in range(looks)}
    bar = progress.bar(initial=run.steps_done, total=total, desc="train")
    try:
        for batch in batches_to_come(run):
            if out_of_patience(run):
                break
            step(run, batch)
            bar.update()
            if run.steps_done in due:
                look(run, evaluate)
                last = run.history[-1]
                bar.set_postfix(loss=f"{last['loss']:.4f}", dev=f"{last['score']:.2f}")
    finally:
        # Dropout off, however this ends: whoever interrupts a run may encode with what
        # it has learned so far.
        run.trained.eval()
        run.trained.zero_grad()
        bar.close()


def batches_to_come(run: Run) -> Iterator[Batch]:
    """The batches of all epochs, but for those that the run has seen."""
    lengths = [max(map(len, row)) for row in zip(*run.columns, strict=True)]
    first_epoch, seen = divmod(run.steps_done, run.steps_per_epoch)
    for epoch in range(first_epoch, run.settings.epochs):
        order = random.Random(f"{run.settings.seed}, epoch {epoch}")
        batches = length_grouped_batches(lengths, run.settings.batch_size, order)
        yield from batches[seen:]
        seen = 0


def step(run: Run, batch: Batch) -> None:
    """One step: embed a batch, go back from its loss, clip, move the weights."""
    run.trained.train()  # dropout on
    device = run.encoder.model.device.type
    with torch.autocast(device, torch.bfloat16, enabled=run.settings.bf16):
        embeddings = embed(run.encoder, run.columns, batch)
    labels = [] if run.labels is None else [run.labels[batch]]
    loss = run.loss(*embeddings, *labels)
    _check_number("loss", loss, run, batch)
    run.accelerator.backward(loss)
    length = run.accelerator.clip_grad_norm_(run.trained.parameters(), 1.0)
    _check_number("gradient", length, run, batch)
    run.optimizer.step()
    run.schedule.step()
    run.optimizer.zero_grad()
    run.losses.append(loss.item())
    run.steps_done += 1


def look(run: Run, evaluate: Callable[[], float]) -> None:
    """Score the encoder, keep its weights if they are the best, leave a checkpoint."""
    run.trained.eval()
    _check_finite(run.trained, f"after step {run.steps_done}")
    score = _score(evaluate(), run.steps_done)
    mean_loss = sum(run.losses) / len(run.losses)
    run.history.append({"step": run.steps_done, "loss": mean_loss, "score": score})
    run.losses.clear()
    if best_look(run.history) == len(run.history) - 1:
        run.best = {n: t.clone() for n, t in run.trained.state_dict().items()}
    if run.path:
        save_checkpoint(run)


def _score(score, step: int) -> float:
    """What evaluate() returned, once it is a finite number."""
    kept = f"The encoder has the weights of step {step}"
    try:
        number = math.nan if isinstance(score, str) else float(score)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            "evaluate() must return a finite number, higher for better, not "
            f"{reprlib.repr(score)} (nan: are all vectors equal?). {kept}"
        )
    return number


def best_look(history: list[dict]) -> int:
    """Index of the highest score; of equal ones the earliest."""
    return max(range(len(history)), key=lambda i: history[i]["score"])


def out_of_patience(run: Run) -> bool:
    """Whether the last `patience` looks brought no new best."""
    if not run.history or run.settings.patience is None:
        return False
    since_best = len(run.history) - 1 - best_look(run.history)
    return since_best >= run.settings.patience


def embed(
    encoder: Encoder, columns: Sequence[Sequence[list[int]]], batch: Batch
) -> tuple[Tensor, ...]:
    """One [B, H] per column of token ids, from one pass over the rows of all columns.

    As helpers.encoder.encode makes them, pooled and normalized as the encoder says, but
    with gradients.
    """
    rows = [column[i] for column in columns for i in batch]
    token_embeddings, attention_mask = forward(encoder, rows)
    # In float32, also where bf16 made bfloat16 of them: a loss needs the digits.
    sentence_embeddings = pool_and_normalize(
        encoder, token_embeddings.float(), attention_mask
    )
    return sentence_embeddings.chunk(len(columns))


def length_grouped_batches(
    lengths: Sequence[int], batch_size: int, generator: random.Random
) -> list[Batch]:
    """Random batches of rows of like length, in random order. lengths in tokens.

    Rows are shuffled, sorted by length within stretches of 50 batches, cut into
    batches, and these are shuffled: little padding, and yet each row meets other rows
    in each epoch.
    """
    order = generator.sample(range(len(lengths)), len(lengths))
    batches = []
    for stretch in fixed_batches(order, 50 * batch_size):
        stretch.sort(key=lengths.__getitem__)
        batches += fixed_batches(stretch, batch_size)
    return generator.sample(batches, len(batches))


def plain_accelerator() -> Accelerator:
    """accelerate as its defaults make it, whatever the environment says.

    Variables such as ACCELERATE_GRADIENT_ACCUMULATION_STEPS would change the training
    without a word: ValueError.
    """
    # device_placement=False: the model stays where it is, also where there is a GPU.
    accelerator = Accelerator(device_placement=False, mixed_precision="no")
    found = {
        "gradient accumulation steps": accelerator.gradient_accumulation_steps != 1,
        "several processes": accelerator.distributed_type != DistributedType.NO,
        "compilation": accelerator.state.dynamo_plugin.backend.value != "NO",
    }
    if any(found.values()):
        names = [name for name, changed in found.items() if changed]
        raise ValueError(
            f"accelerate is set to {names}, which train does not do: unset the "
            "environment variables that begin with ACCELERATE_"
        )
    return accelerator


def checked(**settings) -> Settings:
    """Settings as Python's own numbers; NumPy's will do, what does not fit is named."""
    known = list(Settings.__dataclass_fields__)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise TypeError(f"settings must be among {known}, not {unknown}")
    given = Settings(**settings)
    patience = given.patience
    seed = whole_number("seed", given.seed, at_least=0)
    if seed >= 2**32:
        raise ValueError(f"seed must be below 2**32, not {seed}")
    return Settings(
        epochs=whole_number("epochs", given.epochs),
        batch_size=whole_number("batch_size", given.batch_size),
        learning_rate=share("learning_rate", given.learning_rate),
        warmup=share("warmup", given.warmup, zero_allowed=True),
        evaluations=whole_number("evaluations", given.evaluations),
        patience=None if patience is None else whole_number("patience", patience),
        seed=seed,
        bf16=flag("bf16", given.bf16),
    )


def flag(name: str, value) -> bool:
    """The value as a bool, NumPy's too, or an error: "no" is true in Python."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def share(name: str, value, zero_allowed: bool = False) -> float:
    """The value as a float above 0 (or at least 0) and below 1, or an error.

    Rates of 1 and more throw the weights about, until they are no numbers any more.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not (0 < value < 1 or (zero_allowed and value == 0)):
        raise ValueError(
            f"{name} must be {'at least' if zero_allowed else 'above'} 0 and below 1, "
            f"not {value}; {Settings.__dataclass_fields__[name].default} is usual"
        )
    return float(value)


def check_data(
    encoder: Encoder, sentences: Sequence[Sequence[str]], labels: Tensor | None
) -> tuple[list[list[list[int]]], Tensor | None]:
    """Token ids by column and row, and labels [N] where the model is, or an error."""
    if not isinstance(sentences, list | tuple):
        raise TypeError(
            "sentences must be a list of columns, such as [frame.sentence1.tolist(), "
            f"frame.sentence2.tolist()], not a {type(sentences).__name__}"
        )
    if any(isinstance(column, str) for column in sentences):
        raise TypeError(
            "sentences must be a list of columns, each a list of strings, not a list "
            "of strings: write [first_sentences, second_sentences]"
        )
    columns = [token_ids(encoder, column) for column in sentences]
    sizes = [len(column) for column in columns]
    if labels is not None:
        if not isinstance(labels, Tensor):
            raise TypeError(
                f"labels must be a tensor [N], not a {type(labels).__name__}: write "
                "torch.tensor(labels)"
            )
        if labels.ndim != 1:
            raise ValueError(f"labels must be [N], not {list(labels.shape)}")
        sizes.append(len(labels))
    if not columns or len(set(sizes)) > 1 or sizes[0] == 0:
        raise ValueError(
            "sentences and labels must be columns of one length, at least 1, not of "
            f"the lengths {sizes}"
        )
    if labels is None:
        return columns, None
    if not labels.isfinite().all():
        bad = int((~labels.isfinite()).sum())
        raise ValueError(f"labels must be finite, but {bad} of {sizes[-1]} are not")
    # float64 would only make every step slower, and some devices have none.
    dtype = torch.float32 if labels.is_floating_point() else None
    return columns, labels.to(encoder.model.device, dtype)


def check_loss(loss: Loss, columns: int, labels: Tensor | None) -> None:
    """Raise TypeError unless the loss takes these columns, and labels or none.

    Labels must not become its margin or scale.
    """
    given = columns + (labels is not None)
    what = f"{columns} columns and {'no labels' if labels is None else 'labels'}"
    try:
        signature = inspect.signature(
            loss.forward if isinstance(loss, nn.Module) else loss
        )
    except ValueError:  # written in C: nobody knows what it takes
        return
    try:
        bound = signature.bind(*range(given))
    except TypeError:
        raise TypeError(f"loss takes {signature}, but is given {what}") from None
    for name in bound.arguments:
        default = signature.parameters[name].default
        if default is not inspect.Parameter.empty and default is not None:
            raise TypeError(
                f"loss takes {signature}; given {what}, the last of them would become "
                f"its {name}"
            )


def check_weights(trained: nn.Module) -> None:
    """Raise ValueError unless there are weights to train, finite and precise enough."""
    if not any(weight.requires_grad for weight in trained.parameters()):
        raise ValueError(
            "encoder.model has no weights to train: none of them requires gradients. "
            "Call encoder.model.requires_grad_(True)"
        )
    for name, weight in trained.named_parameters():
        if weight.requires_grad and weight.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"encoder.model must have float32 weights, but {name} is "
                f"{weight.dtype}, in which small steps round to nothing: call "
                "encoder.model.float(), and pass bf16=True to multiply in bfloat16"
            )
    _check_finite(trained, "before training")


def _check_finite(trained: nn.Module, when: str) -> None:
    spoiled = _first_spoiled(trained)
    if spoiled:
        raise FloatingPointError(
            f"The weights are not finite {when}: {spoiled}. Load the encoder anew, and "
            "look at what changes its weights"
        )


def _first_spoiled(trained: nn.Module) -> str | None:
    """Name of the first weight that holds NaN or infinity, if any."""
    for name, weight in trained.named_parameters():
        if not weight.isfinite().all():
            return name
    return None


def _check_number(what: str, value: Tensor, run: Run, batch: Batch) -> None:
    """Raise unless value is a single finite number; the message tells where to look."""
    if not isinstance(value, Tensor) or value.ndim:
        shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            f"loss must return one number, a tensor without dimensions, not {shape}"
        )
    if what == "loss" and not value.requires_grad:
        raise ValueError(
            "loss must have a gradient: what it returned does not depend on the "
            "vectors any more (detach, item, round, or torch.no_grad around it)"
        )
    if torch.isfinite(value):
        return
    spoiled = _first_spoiled(run.trained)
    weights = "The encoder has the weights of the step before, all of them finite"
    if spoiled:
        weights = f"The weights are not finite either, {spoiled} first"
    raise FloatingPointError(
        f"The {what} is {value.item()} at step {run.steps_done + 1}, for the rows "
        f"{batch} of the data. {weights}; look at these rows, and at what the loss "
        "divides by"
    )
