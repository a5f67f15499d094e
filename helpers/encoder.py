"""From sentences to vectors: an encoder, one forward pass, one pooling step.

Both the lessons on encoding and helpers.training go through the same two functions,
forward and pool_and_normalize. Works on the device that the model is on, in the
precision that it has. Does not load or save anything: that is helpers.storage.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from helpers.batching import (
    Batch,
    as_list,
    check_batches,
    pad,
    token_budget_batches,
    whole_number,
)
from helpers.pooling import POOLING_MODES
from helpers.progress import bar

# token_embeddings [B, L, H], attention_mask [B, L] -> [B, H]
Pooling = Callable[[Tensor, Tensor], Tensor]


class TruncationWarning(UserWarning):
    """Some sentences are longer than the encoder reads: the rest is not encoded."""


# At every call: by default Python would show it once, and the second time be silent.
warnings.simplefilter("always", TruncationWarning)


@dataclass(frozen=True)
class Encoder:
    """A transformer, its tokenizer, and how its vectors are made.

    max_length: tokens, special ones included, at which a text is cut. pooling: a name
    in POOLING_MODES. normalize: whether vectors are scaled to length 1. Raises
    ValueError for a pooling that is unknown, a max_length that leaves no room for a
    word or that the model has no positions for, and a tokenizer that cannot pad or that
    gives token types. Does not look whether model and tokenizer belong together.
    """

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    max_length: int
    pooling: str = "mean"
    normalize: bool = True

    def __post_init__(self):
        modes = list(POOLING_MODES)
        if self.pooling not in modes:
            raise ValueError(f"pooling must be one of {modes}, not {self.pooling!r}")
        if not isinstance(self.normalize, bool):
            raise TypeError(f"normalize must be True or False, not {self.normalize!r}")
        _check_parts(self.tokenizer, self.model)
        _check_tokenizer(self.tokenizer, vocabulary_size(self.model))
        special = self.tokenizer.num_special_tokens_to_add()
        max_length = whole_number("max_length", self.max_length, at_least=special + 1)
        # A plain int, whatever came: NumPy's small ones overflow when we subtract.
        object.__setattr__(self, "max_length", max_length)
        positions = position_limit(self.model)
        if positions is not None and max_length > positions:
            raise ValueError(
                f"max_length must be at most {positions}, the positions that the model "
                f"has, not {max_length}"
            )


def _check_parts(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise TypeError(
            "tokenizer must be one of transformers, as AutoTokenizer loads it, not "
            f"{type(tokenizer).__name__}"
        )
    # Not isinstance: torch.compile wraps a model, and passes on what is asked of it.
    if not hasattr(model, "config") or not hasattr(model, "get_input_embeddings"):
        raise TypeError(
            "model must be a transformer, as AutoModel loads it, not "
            f"{type(model).__name__}"
        )


def _check_tokenizer(tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> None:
    pad_id = tokenizer.pad_token_id
    if pad_id is None:
        raise ValueError(
            "tokenizer has no pad token, so no two rows can share a batch: set one, as "
            "in tokenizer.pad_token = tokenizer.eos_token, and save it with the model"
        )
    if pad_id >= vocabulary:
        raise ValueError(
            f"tokenizer pads with id {pad_id}, but the model has embeddings for "
            f"{vocabulary} ids only: choose a pad token that it has, or call "
            "model.resize_token_embeddings(len(tokenizer))"
        )
    if any(_tokenize(tokenizer, ["a"]).get("token_type_ids", [[]])[0]):
        raise ValueError(
            "tokenizer gives token types other than 0, as XLNet's does, and forward "
            "does not pass them on: the vectors would be wrong"
        )


def vocabulary_size(model: PreTrainedModel) -> int:
    """How many token ids the model has an embedding for."""
    return model.get_input_embeddings().weight.shape[0]


def position_limit(model: PreTrainedModel) -> int | None:
    """Tokens in a row that the model has positions for; None if it sets no limit.

    RoBERTa and MPNet count positions from padding_idx + 1: of 514, 512 can be used.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    # T5 has no such entry and XLNet says -1: they know distances, and no positions.
    if positions is None or positions < 0:
        return None
    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, nn.Embedding) and table.padding_idx is not None:
            return positions - table.padding_idx - 1
    return positions


def check_encoder(encoder: Encoder) -> None:
    """Raise TypeError for a model, or another library's encoder, in place of ours."""
    if not isinstance(encoder, Encoder):
        raise TypeError(
            "encoder must be an Encoder, as load_encoder returns it, not "
            f"{type(encoder).__name__}"
        )


def token_ids(encoder: Encoder, sentences: Sequence[str]) -> list[list[int]]:
    """Token ids of each sentence, special tokens included.

    Cut at encoder.max_length as the tokenizer itself would, with one TruncationWarning
    that says how many. Any number of threads may call it at once. Raises TypeError for
    anything but a list of strings (or an array, or a column of a table, by position),
    and ValueError for a string that is no valid text.
    """
    check_encoder(encoder)
    texts = _texts(sentences)
    if not texts:
        return []
    rows = _tokenize(encoder.tokenizer, texts)["input_ids"]
    too_long = [i for i, row in enumerate(rows) if len(row) > encoder.max_length]
    if too_long:
        cut = _cut(encoder, [texts[i] for i in too_long])
        for i, row in zip(too_long, cut, strict=True):
            rows[i] = row
        warnings.warn(
            f"{len(too_long)} of {len(rows)} sentences are longer than "
            f"{encoder.max_length} tokens and were cut there",
            TruncationWarning,
            stacklevel=3,
        )
    return rows


def _texts(sentences: Sequence[str]) -> list[str]:
    """sentences as a list of strings that a tokenizer can read."""
    if isinstance(sentences, str):
        raise TypeError(
            "sentences must be a list of strings, not one string: "
            f"write [{sentences[:20]!r}]"
        )
    texts = as_list("sentences", sentences)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"sentences must hold strings only, but sentences[{i}] is {text!r}"
            )
        try:
            text.isascii() or text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"sentences[{i}] holds {text[error.start]!r} at position {error.start},"
                " half a character (a lone surrogate): read the file with its right "
                "encoding, or drop it with text.encode(errors='ignore').decode()"
            ) from error
    return texts


def _tokenize(tokenizer: PreTrainedTokenizerBase, texts: list[str], **options) -> dict:
    # Said aloud: tokenizer.json may carry a limit and a padding of its own, and apply
    # them in silence. Never truncation=True: the tokenizer would keep the limit, and
    # apply it to what another thread asks at the same time.
    return tokenizer(texts, truncation=False, padding=False, verbose=False, **options)


def _cut(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    """Token ids of texts that are too long, cut as the tokenizer itself would.

    Special tokens stay. Of the others the last go, or the first ones if the tokenizer's
    truncation_side is "left".
    """
    found = _tokenize(encoder.tokenizer, texts, return_special_tokens_mask=True)
    rows = []
    for row, special in zip(
        found["input_ids"], found["special_tokens_mask"], strict=True
    ):
        words = [i for i, is_special in enumerate(special) if not is_special]
        surplus = len(row) - encoder.max_length
        left = encoder.tokenizer.truncation_side == "left"
        gone = set(words[:surplus] if left else words[-surplus:])
        rows.append([token for i, token in enumerate(row) if i not in gone])
    return rows


def forward(
    encoder: Encoder,
    rows: Sequence[Sequence[int]],
    *,
    padded_length: int | None = None,
    use_mask: bool = True,
) -> tuple[Tensor, Tensor]:
    """Run the model over one batch: token_embeddings [B, L, H], attention_mask [B, L].

    rows are token ids; L is the longest row, or padded_length. With gradients: wrap it
    in torch.no_grad() where you need none. use_mask=False reproduces a bug: the model
    does not get the mask, and attends to padding. Raises ValueError for ids that the
    model has no embedding for, and rows that it has no positions for.
    """
    check_encoder(encoder)
    if padded_length is not None:
        padded_length = whole_number("padded_length", padded_length)
    if not isinstance(use_mask, bool):  # "no" is true in Python
        raise TypeError(f"use_mask must be True or False, not {use_mask!r}")
    input_ids, attention_mask = pad(rows, encoder.tokenizer.pad_token_id, padded_length)
    _check_input(encoder, input_ids)
    device = encoder.model.device
    input_ids, attention_mask = input_ids.to(device), attention_mask.to(device)
    output = encoder.model(
        input_ids=input_ids,
        attention_mask=attention_mask if use_mask else None,
        return_dict=True,  # some config.json ask for a tuple
    )
    return output.last_hidden_state, attention_mask


def _check_input(encoder: Encoder, input_ids: Tensor) -> None:
    largest = int(input_ids.max())
    size = vocabulary_size(encoder.model)
    if largest >= size:
        raise ValueError(
            f"rows must hold token ids from 0 to {size - 1}, those that the model has "
            f"embeddings for, not {largest}: does the tokenizer belong to the model?"
        )
    length = input_ids.shape[1]
    if length > encoder.max_length:  # else it has been checked, when encoder was made
        positions = position_limit(encoder.model)
        if positions is not None and length > positions:
            raise ValueError(
                f"rows may be at most {positions} tokens long, padding included, the "
                f"positions that the model has, not {length}"
            )


def pool_and_normalize(
    encoder: Encoder,
    token_embeddings: Tensor,
    attention_mask: Tensor,
    *,
    pool_with: Pooling | None = None,
    normalize: bool | None = None,
) -> Tensor:
    """One vector per row, [B, L, H] and [B, L] -> [B, H], in the dtype that came in.

    Pooled by encoder.pooling unless pool_with gives another function, scaled to length
    1 if encoder.normalize says so, unless normalize is given.
    """
    pool_with = pool_with or POOLING_MODES[encoder.pooling]
    normalize = encoder.normalize if normalize is None else normalize
    if not isinstance(normalize, bool):
        raise TypeError(f"normalize must be True, False or None, not {normalize!r}")
    if not callable(pool_with):
        raise TypeError(
            "pool_with must be a function of token_embeddings and attention_mask, such "
            f"as pooling.max_pool, not {pool_with!r}"
        )
    sentence_embeddings = pool_with(token_embeddings, attention_mask)
    _check_pooled(sentence_embeddings, len(token_embeddings))
    if normalize:
        sentence_embeddings = nn.functional.normalize(sentence_embeddings, dim=1)
    return sentence_embeddings


def _check_pooled(sentence_embeddings: Tensor, rows: int) -> None:
    """Refuse what a function passed as pool_with may give in place of vectors."""
    if not isinstance(sentence_embeddings, Tensor):
        raise TypeError(
            "pool_with must return a tensor [B, H], not "
            f"{type(sentence_embeddings).__name__}"
        )
    shape, dtype = list(sentence_embeddings.shape), sentence_embeddings.dtype
    if len(shape) != 2 or shape[0] != rows or not dtype.is_floating_point:
        raise ValueError(
            f"pool_with must return a float tensor [B, H], here [{rows}, H], not "
            f"{dtype} {shape}"
        )


def encode_tokens(
    encoder: Encoder,
    rows: Sequence[Sequence[int]],
    batches: Sequence[Batch],
    *,
    padded_length: int | None = None,
    use_mask: bool = True,
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """Run the model batch by batch, without gradients.

    Yields each batch with its token_embeddings [B, L, H] and attention_mask [B, L];
    rows, padded_length and use_mask as in forward. Raises ValueError if the model, or a
    part of it, is in training mode, and IndexError for a batch with a row that is not
    there. Does nothing before the first batch is asked for.
    """
    for name, module in encoder.model.named_modules():
        if module.training:
            part = f"encoder.model.{name}" if name else "encoder.model"
            raise ValueError(
                f"{part} is in training mode, and the vectors would be noisy: call "
                "encoder.model.eval()"
            )
    rows = as_list("rows", rows)
    batches = check_batches(batches, len(rows))
    for batch in bar(batches, desc="encode", unit="batch"):
        with torch.no_grad():
            token_embeddings, attention_mask = forward(
                encoder,
                [rows[i] for i in batch],
                padded_length=padded_length,
                use_mask=use_mask,
            )
        yield batch, token_embeddings, attention_mask


def encode(
    encoder: Encoder,
    sentences: Sequence[str],
    *,
    pool_with: Pooling | None = None,
    normalize: bool | None = None,
    token_budget: int = 1024,
) -> Tensor:
    """One vector per sentence, in the order given: [N, H] in the model's dtype.

    An empty list gives [0, H]; a sentence of which the tokenizer makes no token at all,
    as some do of "", gives zeros. Rows are encoded in token-sorted batches of about
    token_budget tokens; batching changes no vector by more than rounding (1e-6).
    pool_with, a function of token_embeddings and attention_mask, and normalize replace
    what the encoder says. A text over encoder.max_length is cut, with a
    TruncationWarning; anything but a list of strings raises TypeError.
    """
    rows = token_ids(encoder, sentences)
    batches = token_budget_batches([len(row) for row in rows], token_budget)
    vectors: list[Tensor] = []
    order: list[int] = []
    for batch, token_embeddings, attention_mask in encode_tokens(
        encoder, rows, batches
    ):
        vectors.append(
            pool_and_normalize(
                encoder,
                token_embeddings,
                attention_mask,
                pool_with=pool_with,
                normalize=normalize,
            )
        )
        order += batch
    if not vectors:
        model = encoder.model
        size = model.config.hidden_size
        return torch.empty(0, size, dtype=model.dtype, device=model.device)
    return torch.cat(vectors)[torch.tensor(order).argsort()]
