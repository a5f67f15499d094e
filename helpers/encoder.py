"""From sentences to vectors with a transformer: load it, encode with it.

But: on the device that the model is on, in the precision that it has.
"""

import copy
import os
import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from helpers.assets import MINILM, fetch
from helpers.batching import Batch, pad, token_budget_batches
from helpers.layout import read_layout
from helpers.pooling import POOLING_MODES

Pooling = Callable[[Tensor, Tensor], Tensor]  # token_embeddings [B, L, H], attention_mask [B, L] -> [B, H]


class TruncationWarning(UserWarning):
    """Some sentences are longer than the encoder reads; what was cut has no influence on their vectors."""


warnings.simplefilter("always", TruncationWarning)  # at every call: by default the second one would be silent


@dataclass
class Encoder:
    """A transformer, its tokenizer, and how its vectors are made.

    max_length: tokens, special ones included, at which a text is cut. pooling: a name in POOLING_MODES. normalize:
    whether vectors are scaled to length 1.
    """

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    max_length: int
    pooling: str = "mean"
    normalize: bool = True


def load_encoder(name_or_path: str | Path = MINILM.name) -> Encoder:
    """Load the course's encoder, or one from a folder, or any of the model hub by its name.

    Code that a hub repository may carry is never run. Pooling, normalization and max_length are those that the model
    was saved with, as in sentence-transformers; a model that needs more than that raises ValueError.
    """
    source = fetch(MINILM) if name_or_path == MINILM.name else name_or_path
    disable_progress_bar()  # loading takes a second, and the bar would stay behind in the notebook
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model = AutoModel.from_pretrained(source, trust_remote_code=False).eval()
    except OSError as error:
        raise OSError(f"No encoder in the folder, or under the hub name, {str(source)!r}: {error}") from error
    pooling, normalize, max_length = read_layout(source)
    limits = [tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512), max_length]
    _use_onednn(model)
    return Encoder(tokenizer, model, min(limit for limit in limits if limit), pooling, normalize)


def fresh_encoder(layers: int, pooling: str = "mean", seed: int = 0) -> Encoder:
    """An encoder of the course's size with fewer layers and new weights, on the pretrained word embeddings.

    The words mean something at the start, everything above them is random: one start for every pooling.
    """
    pretrained = load_encoder()
    config = copy.deepcopy(pretrained.model.config)
    config.num_hidden_layers = layers
    torch.manual_seed(seed)
    model = type(pretrained.model)(config).eval()
    model.embeddings.word_embeddings = pretrained.model.embeddings.word_embeddings
    _use_onednn(model)
    return Encoder(pretrained.tokenizer, model, pretrained.max_length, pooling)


def token_ids(encoder: Encoder, sentences: Sequence[str]) -> list[list[int]]:
    """Token ids of each sentence, special tokens included; cut at max_length, with one TruncationWarning."""
    if isinstance(sentences, str):
        raise TypeError(f"sentences must be a list of strings, not one string: write [{sentences[:20]!r}]")
    for i, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise TypeError(f"sentences must hold strings only, but sentences[{i}] is {sentence!r}")
    if len(sentences) == 0:
        return []
    # truncation=False is said aloud: tokenizer.json may carry a limit of its own, and cut in silence.
    rows = encoder.tokenizer(list(sentences), truncation=False, padding=False, verbose=False)["input_ids"]
    cut = sum(len(row) > encoder.max_length for row in rows)
    if cut:
        warnings.warn(
            f"{cut} of {len(rows)} sentences are longer than {encoder.max_length} tokens and were cut there",
            TruncationWarning,
            stacklevel=3,
        )
        rows = encoder.tokenizer(list(sentences), truncation=True, max_length=encoder.max_length)["input_ids"]
    return rows


def token_embeddings(
    encoder: Encoder,
    rows: Sequence[Sequence[int]],
    batches: Sequence[Batch],
    *,
    padded_length: int | None = None,
    use_mask: bool = True,
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """Run the encoder batch by batch: yields the batch, token_embeddings [B, L, H], attention_mask [B, L].

    rows are token ids; L is the batch's longest row, or padded_length. use_mask=False reproduces a bug: the
    encoder does not get the mask, and attends to padding.
    """
    if encoder.model.training:
        raise ValueError("encoder.model is in training mode, its vectors would be noisy: call encoder.model.eval()")
    device = encoder.model.device
    # Not left to tqdm, whose notebook bar overlooks the variable: stored outputs must hold no bars.
    silent = "TQDM_DISABLE" in os.environ
    for batch in tqdm(batches, desc="encode", unit="batch", delay=2, leave=False, disable=silent):
        input_ids, attention_mask = pad([rows[i] for i in batch], encoder.tokenizer.pad_token_id, padded_length)
        input_ids, attention_mask = input_ids.to(device), attention_mask.to(device)
        with torch.no_grad():
            output = encoder.model(input_ids=input_ids, attention_mask=attention_mask if use_mask else None)
        yield batch, output.last_hidden_state, attention_mask


def encode(
    encoder: Encoder,
    sentences: Sequence[str],
    *,
    pooling: Pooling | None = None,
    normalize: bool | None = None,
    token_budget: int = 1024,
) -> Tensor:
    """One vector a sentence, in the order given: [N, H] in the model's dtype, [0, H] for an empty list.

    Rows are encoded in token-sorted batches of about token_budget tokens; batching changes no vector by more
    than rounding (1e-6). pooling and normalize are the encoder's own unless given. A text over encoder.max_length is
    cut, with a TruncationWarning; anything but strings raises TypeError.
    """
    pooling = pooling or POOLING_MODES[encoder.pooling]
    normalize = encoder.normalize if normalize is None else normalize
    rows = token_ids(encoder, sentences)
    pooled: list[Tensor] = []
    order: list[int] = []
    batches = token_budget_batches(list(map(len, rows)), token_budget)
    for batch, hidden, attention_mask in token_embeddings(encoder, rows, batches):
        pooled.append(pooling(hidden, attention_mask))
        order += batch
    if not pooled:
        return torch.empty(0, encoder.model.config.hidden_size, dtype=encoder.model.dtype)
    sentence_embeddings = torch.cat(pooled)
    if normalize:
        sentence_embeddings = nn.functional.normalize(sentence_embeddings, dim=1)
    return sentence_embeddings[torch.tensor(order).argsort()]


class _OneDnnLinear(nn.Linear):
    """nn.Linear computed as the 1×1 convolution that it is: same weights, same float32, another library.

    PyTorch sends float32 matrix products on x86 to MKL, which leaves AVX-512 unused on AMD processors, and
    convolutions to oneDNN, which uses it: about twice as fast there, and not slower elsewhere.
    """

    def forward(self, x: Tensor) -> Tensor:  # pragma: no cover - which processor runs the notebooks must not matter
        if x.device.type != "cpu" or x.dtype != torch.float32:
            return super().forward(x)
        image = x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)  # [..., in] -> [1, in, N, 1], not moved
        image = nn.functional.conv2d(image, self.weight[:, :, None, None], self.bias)
        return image.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


def _use_onednn(model: nn.Module) -> None:
    if torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64"):
        for module in model.modules():
            if type(module) is nn.Linear:  # pragma: no cover - likewise
                module.__class__ = _OneDnnLinear  # the parameters stay where they are, and keep their names
