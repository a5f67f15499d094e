"""A training run in one file that is whole or not there: safetensors, never pickles.

A pickle runs whatever code is in it when it is opened; a safetensors file can only hold numbers.
"""

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message says which one, why, and what to do."""


def save_checkpoint(path: Path, arguments: Mapping, trained, optimizer, schedule, history: list, best: Mapping) -> None:
    """Write all that a run needs to go on: weights, the optimizer's moments, the best weights, torch's random state.

    About four times the size of the weights. Raises OSError if that fails, for instance on a full disk; the
    checkpoint that was at path before is still there.
    """
    moments = optimizer.state_dict()
    tensors = {
        **{f"weights/{name}": tensor for name, tensor in trained.state_dict().items()},
        **{f"best/{name}": tensor for name, tensor in best.items()},
        **{f"optimizer/{i}/{name}": value for i, state in moments["state"].items() for name, value in state.items()},
        "random": torch.get_rng_state(),  # which numbers dropout draws next
    }
    state = {"arguments": arguments, "groups": moments["param_groups"], "schedule": schedule.state_dict(),
             "history": history}  # fmt: skip
    _write(path, {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, json.dumps(state))


def resume(path: Path, arguments: Mapping, trained, optimizer, schedule) -> tuple[list[dict], dict[str, Tensor]]:
    """Put a run back to where save_checkpoint left it; returns its history and its best weights.

    Raises CheckpointError, and changes nothing, if the file is damaged or of a run with other arguments or weights.
    """
    tensors, state = _read(path)
    before = state["arguments"]
    changed = [
        "the sentences or labels differ" if name == "data" else f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in arguments.items()
        if before.get(name) != value
    ]
    weights = _part(tensors, "weights")
    if _shapes(weights) != _shapes(trained.state_dict()):
        changed.append("it holds another model, with other names or shapes of its weights")
    if changed:
        raise CheckpointError(
            f"The checkpoint {path} is of another run: {'; '.join(changed)}. Use the arguments that it was written "
            "with, or another folder"
        )
    moments = {i: _part(tensors, f"optimizer/{i}") for i in range(len(weights))}
    trained.load_state_dict(weights)
    optimizer.load_state_dict(
        {"state": {i: state for i, state in moments.items() if state}, "param_groups": state["groups"]}
    )
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(tensors["random"])
    return state["history"], _part(tensors, "best")


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + "/")}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in tensors.items()}


def _write(path: Path, tensors: Mapping[str, Tensor], state: str) -> None:
    partial = path.with_name(f"{path.name}.partial")  # beside, then renamed: path is never half a file
    try:
        save_file(dict(tensors), partial, {"state": state, "checksum": _checksum(tensors, state)})
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # a rename must not reach the disk before the content
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        before = "the one before it is intact" if path.exists() else "there was none before it"
        raise OSError(f"The checkpoint {path} could not be written, {before}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, Tensor], dict]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Copied: what safe_open gives is the file itself, mapped, which the next checkpoint has to replace.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error}. Delete it to start anew") from error
    if metadata.get("checksum") != _checksum(tensors, metadata.get("state", "")):
        raise CheckpointError(f"The checkpoint {path} is damaged: its checksum is wrong. Delete it to start anew")
    return tensors, json.loads(metadata["state"])


def _checksum(tensors: Mapping[str, Tensor], state: str) -> str:
    value = zlib.crc32(state.encode())
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].flatten().view(torch.uint8).numpy(), zlib.crc32(name.encode(), value))
    return f"{value:08x}"
