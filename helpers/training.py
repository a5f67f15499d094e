"""Train an encoder on sentences with a loss, look at dev now and then, keep the best weights.

The loop of notebook 05 with what a real run needs: batches of like length, warm-up and decay, clipped gradients, and
checkpoints from which a killed run goes on, bit for bit. But: a single process, one learning rate for all weights.
"""

import math
import os
import random
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import get_linear_schedule_with_warmup

from helpers.batching import Batch, fixed_batches, pad
from helpers.checkpoints import resume, save_checkpoint
from helpers.encoder import Encoder, token_ids
from helpers.pooling import POOLING_MODES

Loss = Callable[..., Tensor]  # one [B, H] a column, then labels [B] if there are any -> scalar


def length_grouped_batches(lengths: Sequence[int], batch_size: int, generator: random.Random) -> list[Batch]:
    """Random batches of rows of like length, in random order. lengths in tokens.

    Rows are shuffled, sorted by length within stretches of 50 batches, cut into batches, and these are shuffled:
    little padding, and yet each row meets other rows in each epoch.
    """
    order = generator.sample(range(len(lengths)), len(lengths))
    stretches = (sorted(rows, key=lengths.__getitem__) for rows in fixed_batches(order, 50 * batch_size))
    batches = [batch for rows in stretches for batch in fixed_batches(rows, batch_size)]
    return generator.sample(batches, len(batches))


def embed(encoder: Encoder, columns: Sequence[Sequence[list[int]]], batch: Batch) -> tuple[Tensor, ...]:
    """One [B, H] for each column of token ids, from a single pass over the rows of all columns.

    As helpers.encoder.encode makes them, pooled and normalized as the encoder says, but with gradients.
    """
    device = encoder.model.device
    input_ids, attention_mask = pad([column[i] for column in columns for i in batch], encoder.tokenizer.pad_token_id)
    input_ids, attention_mask = input_ids.to(device), attention_mask.to(device)
    hidden = encoder.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    sentence_embeddings = POOLING_MODES[encoder.pooling](hidden.float(), attention_mask)
    if encoder.normalize:
        sentence_embeddings = nn.functional.normalize(sentence_embeddings, dim=1)
    return sentence_embeddings.chunk(len(columns))


def bf16_helps() -> bool:
    """Whether this processor multiplies bfloat16 in hardware (AVX-512 BF16 or AMX); on others it is slower."""
    # Private names, which come and go between versions: without them the answer is no.
    found = [getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile")]
    return any(found) and torch.backends.cpu.get_cpu_capability().startswith("AVX512")  # or told not to use it


def train(
    encoder: Encoder,
    sentences: Sequence[Sequence[str]],
    labels: Tensor | None,
    loss: Loss,
    evaluate: Callable[[], float],
    *,
    epochs: int = 1,
    batch_size: int = 16,
    learning_rate: float = 3e-5,
    warmup: float = 0.1,
    evaluations: int = 1,
    patience: int | None = None,
    seed: int = 0,
    bf16: bool = False,
    folder: str | Path | None = None,
) -> list[dict]:
    """Train encoder.model in place, leave the weights of the best evaluation in it, return the history.

    sentences has a column for each vector that the loss takes: two for pairs, three for triplets; labels [N] go with
    them, if it takes any. A loss that is a module gets its weights trained along. evaluate() runs `evaluations` times,
    evenly spread, the last time at the end; higher is better. After `patience` of them without a new best, training
    ends. The learning rate climbs over the first `warmup`, a share of all steps, and falls to 0 after the last. AdamW
    with weight decay 0.01 on all weights; gradients are clipped at length 1; weights that do not require gradients stay
    as they are. History: a dict an evaluation, with step, loss (mean since the one before) and score.

    With a folder, every evaluation leaves checkpoint.safetensors there, and a later call with the same arguments goes
    on from it and ends with the same weights, bit for bit, as if nothing had happened (on a CPU, with the same number
    of threads, if loss and evaluate draw random numbers from torch alone). A checkpoint knows the loss by its name only,
    and the model by the names and shapes of its weights.

    Raises ValueError for arguments that do not fit, FloatingPointError for a loss that is not a number,
    CheckpointError for a checkpoint that is damaged or another run's, OSError if one cannot be written: then the one
    before is still there.
    """
    _check(encoder, sentences, labels, warmup, epochs=epochs, batch_size=batch_size, evaluations=evaluations,
           patience=1 if patience is None else patience)  # fmt: skip
    path = Path(folder) / "checkpoint.safetensors" if folder else None
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)  # before the work, if it cannot be done
    columns = [token_ids(encoder, column) for column in sentences]
    lengths = [max(map(len, row)) for row in zip(*columns, strict=True)]  # a pair is as long as its longer sentence
    steps = math.ceil(len(lengths) / batch_size)  # in an epoch
    last = steps * epochs
    if evaluations > last:
        raise ValueError(f"evaluations must be at most {last}, the number of steps, not {evaluations}")
    looks = {math.ceil(last * (i + 1) / evaluations) for i in range(evaluations)}  # after how many steps to evaluate

    set_seed(seed)
    accelerator = Accelerator(device_placement=False)  # the model stays where it is, also where there is a GPU
    device = encoder.model.device
    trained = nn.ModuleDict({"encoder": encoder.model})
    if isinstance(loss, nn.Module):
        trained["loss"] = loss.to(device)
    optimizer = torch.optim.AdamW(trained.parameters(), lr=learning_rate, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, round(warmup * last), last)
    trained, optimizer = accelerator.prepare(trained, optimizer)
    if labels is not None:  # float64 would do nothing but make every step slower, and some devices have none
        labels = labels.to(device, torch.float32 if labels.is_floating_point() else None)

    data = zlib.crc32(repr((columns, None if labels is None else labels.tolist())).encode())
    frozen = [name for name, weight in trained.named_parameters() if not weight.requires_grad]
    name = getattr(loss, "__name__", type(loss).__name__)
    arguments = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, "warmup": warmup,
                 "evaluations": evaluations, "patience": patience, "seed": seed, "bf16": bf16, "loss": name,
                 "pooling": encoder.pooling, "normalize": encoder.normalize, "frozen": frozen, "data": data}  # fmt: skip
    history: list[dict] = []
    best: dict[str, Tensor] = {}
    if path and path.exists():
        history, best = resume(path, arguments, trained, optimizer, schedule)
    start = history[-1]["step"] if history else 0

    losses: list[float] = []  # since the last evaluation
    # Not left to tqdm, whose notebook bar overlooks the variable: stored outputs must hold no bars.
    bar = tqdm(initial=start, total=last, desc="train", unit="step", disable="TQDM_DISABLE" in os.environ)
    trained.zero_grad()  # whatever was computed with this model before is not part of the run
    try:
        for step in range(start, last):
            if _stale(history, patience):
                break
            epoch, position = divmod(step, steps)
            if position == 0 or step == start:  # a resumed run skips those batches of the epoch that it has seen
                batches = length_grouped_batches(lengths, batch_size, random.Random(f"{seed}, epoch {epoch}"))
            trained.train()
            batch = batches[position]
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                embeddings = embed(encoder, columns, batch)
            value = loss(*embeddings) if labels is None else loss(*embeddings, labels[batch])
            if value.ndim:
                raise ValueError(f"loss must return one number, a tensor without dimensions, not {list(value.shape)}")
            _finite(value, "The loss", step, batch)
            accelerator.backward(value)
            _finite(accelerator.clip_grad_norm_(trained.parameters(), 1.0), "The gradient", step, batch)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(value.item())
            bar.update()
            if step + 1 in looks:
                trained.eval()
                score = float(evaluate())
                if math.isnan(score):
                    raise ValueError("evaluate() returned nan: are all vectors equal, or all people's scores?")
                history.append({"step": step + 1, "loss": sum(losses) / len(losses), "score": score})
                bar.set_postfix(loss=f"{history[-1]['loss']:.4f}", dev=f"{score:.2f}")
                losses.clear()
                if _best(history) == len(history) - 1:
                    best = trained.state_dict()
                    if step + 1 < last or path:  # without need for a copy, the last step's are spared one
                        best = {name: tensor.clone() for name, tensor in best.items()}
                if path:
                    save_checkpoint(path, arguments, trained, optimizer, schedule, history, best)
    finally:  # dropout off, however this ends: whoever interrupts a run may encode with what it has learned so far
        trained.eval()
        trained.zero_grad()
        bar.close()
    trained.load_state_dict(best)
    return history


def _check(encoder: Encoder, sentences: Sequence[Sequence[str]], labels: Tensor | None, warmup: float, **counts: int):
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, not {count}")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup must be a share of all steps, from 0 to below 1, not {warmup}")
    if encoder.pooling not in POOLING_MODES:
        raise ValueError(f"encoder.pooling must be one of {list(POOLING_MODES)}, not {encoder.pooling!r}")
    for name, weight in encoder.model.named_parameters():
        if weight.requires_grad and weight.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"encoder.model must have float32 weights, but {name} is {weight.dtype}, in which small steps round to "
                "nothing: call encoder.model.float(), and pass bf16=True to multiply in bfloat16"
            )
    if labels is not None and not isinstance(labels, Tensor):
        raise TypeError(f"labels must be a tensor [N], not a {type(labels).__name__}: write torch.tensor(labels)")
    sizes = [len(column) for column in sentences] + ([] if labels is None else [len(labels)])
    if not sizes or len(set(sizes)) > 1 or sizes[0] == 0:
        raise ValueError(f"sentences and labels must be columns of one length, at least 1, not of the lengths {sizes}")
    if labels is not None and not labels.isfinite().all():
        raise ValueError(f"labels must be finite, but {int((~labels.isfinite()).sum())} of {len(labels)} are not")


def _finite(value: Tensor, what: str, step: int, batch: Batch) -> None:
    if not torch.isfinite(value):
        raise FloatingPointError(
            f"{what} is {value.item()} at step {step + 1}, for the rows {batch} of the data. The weights of the step "
            "before are still in the encoder; look at these rows, and at what the loss divides by"
        )


def _best(history: list[dict]) -> int:
    """Index of the highest score; of equal ones the earliest."""
    return max(range(len(history)), key=lambda i: history[i]["score"])


def _stale(history: list[dict], patience: int | None) -> bool:
    return bool(history) and patience is not None and len(history) - 1 - _best(history) >= patience
