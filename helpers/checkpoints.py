"""A training run, and the file from which it goes on: whole, or not there.

A pickle runs whatever code is in it when it is opened; a safetensors file can only hold
numbers. Does not train: that is helpers.training.
"""

import dis
import inspect
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from helpers.encoder import Encoder

PARTIAL = ".checkpoint.partial"  # a folder of ours, in which a checkpoint is written
PLAIN = (bool, int, float, str, type(None))  # equal if they print alike


class CheckpointError(Exception):
    """A checkpoint can't be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Settings:
    """How a run trains; helpers.training.train says what each means."""

    epochs: int = 1
    batch_size: int = 16
    learning_rate: float = 3e-5
    warmup: float = 0.1
    evaluations: int = 1
    patience: int | None = None
    seed: int = 0
    bf16: bool = False


@dataclass
class Run:
    """One training run: what it works on, and how far it is."""

    encoder: Encoder
    columns: list[list[list[int]]]  # token ids, by column and row
    labels: Tensor | None  # [N]
    loss: Callable[..., Tensor]
    settings: Settings
    path: Path | None  # of its checkpoint
    accelerator: Accelerator
    trained: nn.Module  # the encoder's model, and the loss if it is a module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    steps_per_epoch: int
    steps_done: int = 0
    losses: list[float] = field(default_factory=list)  # since the last look at dev
    history: list[dict] = field(default_factory=list)  # one dict for each look
    best: dict[str, Tensor] = field(default_factory=dict)  # weights of the best look


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep the folder for one run: a second one at the same time is refused.

    Makes the folder if needed, and removes what a killed run left half-written in it.
    Raises CheckpointError while another run has it. Leaves the empty file .lock there.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"folder must be a folder, and {folder} is a file")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CheckpointError(
            f"Another run is training in {folder} at this moment: wait until it has "
            "ended, or choose another folder"
        ) from None
    try:
        _remove_partial(folder)
        yield
    finally:
        lock.release()


def save_checkpoint(run: Run) -> None:
    """Write to run.path all that a run needs to go on.

    Weights, the optimizer's moments, the best weights, the schedule, the history and
    torch's random state on the CPU: about four times the size of the weights. Raises
    OSError if that fails, for instance on a full disk, and ValueError for a loss that a
    later call could not tell from another one; the checkpoint before is still there.
    """
    optimizer = run.optimizer.state_dict()
    tensors = {
        **_with_prefix("weights", run.trained.state_dict()),
        **_with_prefix("best", run.best),
        "random": torch.get_rng_state(),  # which numbers dropout draws next
    }
    for number, moments in optimizer["state"].items():
        tensors |= _with_prefix(f"optimizer/{number}", moments)
    state = {
        "identity": identity(run),
        "groups": optimizer["param_groups"],
        "schedule": run.schedule.state_dict(),
        "steps_done": run.steps_done,
        "history": run.history,
    }
    write(run.path, _each_in_its_memory(tensors), json.dumps(state))


def resume(run: Run) -> None:
    """Put a run back to where save_checkpoint left it.

    Raises CheckpointError, and changes nothing, if the file is damaged or of a run with
    other arguments or weights.
    """
    tensors, state = read(run.path)
    weights = _without_prefix("weights", tensors)
    changed = _differences(state["identity"], identity(run))
    if _shapes(weights) != _shapes(run.trained.state_dict()):
        changed.append("it holds another model, with other names or shapes of weights")
    if changed:
        raise CheckpointError(
            f"The checkpoint {run.path} is of another run: {'; '.join(changed)}. Use "
            "the arguments that it was written with, or another folder"
        )
    moments = {}
    for number in range(len(weights)):
        if found := _without_prefix(f"optimizer/{number}", tensors):
            moments[number] = found
    run.trained.load_state_dict(weights)
    run.optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})
    run.schedule.load_state_dict(state["schedule"])
    run.steps_done, run.history = state["steps_done"], state["history"]
    run.best = _without_prefix("best", tensors)
    torch.set_rng_state(tensors["random"])


def identity(run: Run) -> dict:
    """What tells one run from another, as JSON can hold it.

    Does not hold the weights that the encoder began with: they may have moved since.
    """
    frozen = [n for n, w in run.trained.named_parameters() if not w.requires_grad]
    labels = None if run.labels is None else run.labels.tolist()
    return {
        **asdict(run.settings),
        "loss": loss_name(run.loss),
        "code": loss_code(run.loss),
        "config": _config(run.encoder.model),
        "pooling": run.encoder.pooling,
        "normalize": run.encoder.normalize,
        "frozen": frozen,
        "data": zlib.crc32(repr((run.columns, labels)).encode()),
    }


def loss_name(loss: Callable) -> str:
    """Where a loss is defined, and its settings: what a checkpoint knows of it.

    Example: losses.cosent_loss -> "helpers.losses.cosent_loss(scale=20.0)". Raises
    ValueError for a loss that can't be told from another one by that: a lambda, a
    function inside another, settings that are more than numbers and words.
    """
    defined, settings = _definition(loss)
    name = f"{defined.__module__}.{defined.__qualname__}"
    unclear = [k for k, value in settings.items() if not isinstance(value, PLAIN)]
    # A bound method is "builtins.method", whatever it does.
    if "<" in name or defined.__module__ == "builtins" or unclear:
        what = f"with {', '.join(unclear)}" if unclear else "with variables of its own"
        raise ValueError(
            "loss must be one that a checkpoint can tell from another: a function or "
            "class at the top of a module or notebook, with numbers and words as "
            f"settings, not {name} {what}. Define it so, or train without a folder"
        )
    listed = ", ".join(f"{key}={settings[key]!r}" for key in sorted(settings))
    return f"{name}({listed})" if listed else name


def loss_code(loss: Callable) -> int:
    """Checksum of its source: two functions of one name need not be the same."""
    try:
        return zlib.crc32(inspect.getsource(_definition(loss)[0]).encode())
    except OSError:  # typed into a shell that keeps no source
        return 0


def _definition(loss: Callable) -> tuple[Callable, dict]:
    """The function or class behind a loss, and the settings that it is called with."""
    settings = {}
    while isinstance(loss, partial):
        for number, value in enumerate(loss.args, 1):
            settings[f"argument {number}"] = value
        settings = loss.keywords | settings
        loss = loss.func
    loss = inspect.unwrap(loss)
    if inspect.isfunction(loss):
        return loss, _constants(loss) | _defaults(loss) | settings
    public = {k: v for k, v in vars(loss).items() if k[0] != "_" and k != "training"}
    body = loss.forward if isinstance(loss, nn.Module) else type(loss).__call__
    return type(loss), _constants(inspect.unwrap(body)) | public | settings


def _constants(function: Callable) -> dict:
    """Numbers and words that a function reads from its module, such as a MARGIN."""
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return {}
    code, module = dis.get_instructions(function), function.__globals__
    names = {step.argval for step in code if step.opname == "LOAD_GLOBAL"}
    return {k: module[k] for k in names if k in module and isinstance(module[k], PLAIN)}


def write(path: Path, tensors: Mapping[str, Tensor], state: str) -> None:
    """Write beside, then rename: path is never half a file."""
    # A folder to write in: safetensors, too, leaves half a file behind if it is killed.
    folder = path.parent / PARTIAL
    partial_file = folder / path.name
    metadata = {"state": state, "checksum": _checksum(tensors, state)}
    try:
        if folder.is_symlink():
            raise OSError(f"{folder} is a link to somewhere else: remove it")
        folder.mkdir(exist_ok=True)
        save_file(dict(tensors), partial_file, metadata)
        with partial_file.open("rb+") as file:
            os.fsync(file.fileno())  # the content must reach the disk before the name
        os.replace(partial_file, path)
    except (OSError, SafetensorError) as error:
        kept = "the one before it is intact" if path.exists() else "there was none"
        raise OSError(
            f"The checkpoint {path} could not be written, {kept}: {error}"
        ) from error
    finally:
        _remove_partial(path.parent)


def read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and state of a checkpoint; CheckpointError if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Copied: what safe_open gives is the file itself, mapped, which the next
            # checkpoint has to replace.
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"The checkpoint {path} cannot be read: {error}. Move it away to start anew"
        ) from error
    if metadata.get("checksum") != _checksum(tensors, metadata.get("state", "")):
        raise CheckpointError(
            f"The checkpoint {path} is damaged: its checksum is wrong. Move it away to "
            "start anew"
        )
    return tensors, json.loads(metadata["state"])


def _differences(before: dict, now: dict) -> list[str]:
    changed = []
    for name, value in now.items():
        if before.get(name) == value:
            continue
        if name == "data":
            changed.append("the sentences or labels differ")
        elif name == "config":
            changed.append("the model's config differs")
        elif name == "code":
            if before.get("loss") == now["loss"]:  # else it says so itself
                changed.append("the code of the loss differs")
        else:
            changed.append(f"{name} was {before.get(name)!r} and is now {value!r}")
    return changed


def _config(model: nn.Module) -> int:
    """Checksum of the model's config, but for where and by what it was made."""
    config = model.config.to_dict()
    for name in ("_name_or_path", "transformers_version"):
        config.pop(name, None)
    return zlib.crc32(json.dumps(config, sort_keys=True, default=str).encode())


def _defaults(function: Callable) -> dict:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    found = {name: t for name, t in tensors.items() if name.startswith(start)}
    return {name.removeprefix(start): tensor for name, tensor in found.items()}


def _each_in_its_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, none sharing memory with another: safetensors refuses shared weights.

    A loss may hold the encoder, as those of sentence-transformers do.
    """
    seen, result = set(), {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        place = tensor.untyped_storage().data_ptr()
        result[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return result


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in tensors.items()}


def _checksum(tensors: Mapping[str, Tensor], state: str) -> str:
    """Over the state and, for each tensor, its name, dtype, shape and content."""
    value = zlib.crc32(state.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        header = f"{name} {tensor.dtype} {list(tensor.shape)}"
        value = zlib.crc32(header.encode(), value)
        value = zlib.crc32(tensor.flatten().view(torch.uint8).numpy(), value)
    return f"{value:08x}"


def _remove_partial(folder: Path) -> None:
    """Remove the folder in which checkpoints are written, and our files in it."""
    partial_folder = folder / PARTIAL
    if not partial_folder.is_dir() or partial_folder.is_symlink():
        return
    for file in [*partial_folder.glob("*.safetensors"), *partial_folder.glob(".tmp*")]:
        file.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else's file is in it: both stay
        partial_folder.rmdir()
