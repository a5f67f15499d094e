"""What changes my vectors? Checks for any encoder: each is sound, or names the stage.

`check` takes any function from a list of strings to vectors [N, H]. It calls it with
texts of its own and compares what comes back; if a PyTorch transformer runs inside, it
also watches what that is given and what it returns, and so can tell the stages apart.
`check_model` takes a folder, a name on the hub, an Encoder or a SentenceTransformer,
and looks at what the model says of itself as well: in a shell,
`python -m helpers.diagnose MODEL_OR_FOLDER [--json]`. Fetches nothing but the model,
and never runs code that comes with one. Does not judge how good the vectors are.
"""

import argparse
import functools
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    PreTrainedModel,
)
from transformers.utils.logging import disable_progress_bar

from helpers.encoder import Encoder, position_limit
from helpers.encoder import encode as encode_with
from helpers.pooling import POOLING_MODES
from helpers.storage import T5_FAMILY

Encode = Callable[[list[str]], Tensor | np.ndarray | Sequence]

# Words that any English vocabulary holds. LONG is padded into every batch beside it.
SHORT = "two dogs run"
TURNED = "run dogs two"  # as many tokens, in another order
MIDDLE = "a man plays the old house"
LONG = "the wet grass a man two dogs run plays the old house a word " * 3
CAPITALS = ("The Old House", "Two Dogs Run")
ODD = {"the empty text": "", "a space": " ", "a line break": "\n", "an emoji": "🙂"}
LANGUAGES = {
    "Arabic": ("كيف أعيد تعيين كلمة المرور", "أين محطة القطار"),
    "Chinese": ("如何重置密码", "怎么申请退款"),
    "Greek": ("πού είναι ο σταθμός", "θέλω ένα ποτήρι νερό"),
    "Hindi": ("मेरा नाम राम है", "स्टेशन कहाँ है"),
    "Japanese": ("駅はどこですか", "水をください"),
    "Korean": ("역이 어디에 있나요", "물 좀 주세요"),
    "Russian": ("как сбросить пароль", "где находится вокзал"),
    "Thai": ("สถานีอยู่ที่ไหน", "ขอน้ำหน่อย"),
}
PARAPHRASES = (
    ("A man is playing a guitar.", "Someone plays the guitar."),
    ("The cat sleeps on the sofa.", "A cat is asleep on the couch."),
    ("How do I reset my password?", "I forgot my password, what can I do?"),
    ("The train leaves at eight.", "The departure of the train is at 8 o'clock."),
    ("Shares fell sharply on Monday.", "The stock market dropped on Monday."),
    ("She bought a new car.", "She has purchased another automobile."),
    ("It will rain tomorrow.", "Rain is expected for tomorrow."),
    ("The restaurant was far too expensive.", "Eating there cost too much money."),
    ("Children play football in the park.", "Kids are playing soccer in a park."),
    ("The doctor told him to rest.", "His physician said that he should rest."),
    ("The museum is closed on Mondays.", "You cannot visit the museum on Monday."),
    ("My parcel has not arrived.", "The package that I ordered is still missing."),
)
# Largest change of a vector, as a share of its length, that rounding explains: float32
# gives 1e-7 to 1e-6, half precision up to a hundredth.
FLOAT32, HALF = 1e-5, 3e-2
PADDED = {
    "the mean of all positions, padding included": lambda h, real: h.mean(1),
    "the largest of all positions, padding included": lambda h, real: h.amax(1),
    "the first position of the row": lambda h, real: h[:, 0],
    "the last position of the row": lambda h, real: h[:, -1],
}


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis, and a second one for the cure of a fault.

    verdict is "sound", "note" (true, and no fault) or "FAULT"; stage is the guilty one.
    """

    check: str
    verdict: str
    evidence: str
    stage: str = ""
    cure: str = ""

    def __str__(self) -> str:
        guilty = f"{self.stage}: " if self.stage else ""
        cure = f"\n      Cure: {self.cure}." if self.cure else ""
        return f"{self.verdict:5} {self.check:10} {guilty}{self.evidence}.{cure}"


def check(encode: Encode) -> list[Finding]:
    """Every check that needs nothing but the function: texts -> vectors [N, H].

    Raises TypeError or ValueError for a function that returns no such vectors.
    """
    findings = [check_repeat(encode), check_order(encode)]
    if any(f.verdict == "FAULT" for f in findings):
        return findings  # nothing else can be compared
    checks = (
        *(check_batch, check_padding, check_stages, check_lengths, check_cut),
        *(check_odd_input, check_tokenizer, check_languages),
    )
    return [*findings, *(look(encode) for look in checks)]


def vectors(encode: Encode, texts: Sequence[str]) -> Tensor:
    """What encode makes of the texts, [N, H] in float32; an error if it is not that."""
    texts = list(texts)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # to be cut is part of the check
        made = encode(texts)
    if isinstance(made, list | tuple):
        made = torch.stack([torch.as_tensor(np.asarray(row)) for row in made])
    if not isinstance(made, Tensor | np.ndarray):
        raise TypeError(f"encode must return vectors [N, H], not {type(made).__name__}")
    made = torch.as_tensor(made).detach().float().cpu()
    if made.ndim != 2 or len(made) != len(texts):
        raise ValueError(
            f"encode must return one vector for each text, [{len(texts)}, H], not "
            f"{list(made.shape)}"
        )
    return made


def change(a: Tensor, b: Tensor) -> float:
    """Length of a − b as a share of a's: the largest of all rows; NaN is infinite."""
    share = (a - b).norm(dim=-1) / a.norm(dim=-1).clamp(min=1e-12)
    return float(share.nan_to_num(nan=float("inf")).max())


def check_repeat(encode: Encode) -> Finding:
    """The same call twice: dropout makes noise."""
    moved = change(vectors(encode, [SHORT]), vectors(encode, [SHORT]))
    if moved <= FLOAT32:
        return Finding("repeat", "sound", f"twice the same call, change {moved:.6f}")
    return Finding(
        "repeat",
        "FAULT",
        f"the same call twice changes a vector by {moved:.1%}",
        "dropout",
        "call model.eval() before you encode",
    )


def check_order(encode: Encode) -> Finding:
    """Are vectors returned in the order of the texts? And does a long one go through?"""
    texts = [MIDDLE, SHORT, LONG, TURNED]
    try:
        together = vectors(encode, texts)
        alone = torch.cat([vectors(encode, [text]) for text in texts])
    except (IndexError, RuntimeError) as error:
        return _too_long(f"{len(LONG.split())} words", error, "order")
    for i, vector in enumerate(together):
        moved = [change(alone[j], vector) for j in range(len(texts))]
        nearest = min(range(len(texts)), key=moved.__getitem__)
        if moved[nearest] < HALF < moved[i]:
            return Finding(
                "order",
                "FAULT",
                f"of four texts, row {i} holds the vector of text {nearest}",
                "order",
                "texts were sorted: undo it with vectors[torch.tensor(order).argsort()]",
            )
    return Finding("order", "sound", "vectors come in the order of the texts")


def _too_long(what: str, error: Exception, check: str) -> Finding:
    evidence = f"{what} raise {type(error).__name__}: {str(error)[:60]}"
    cure = "cut at the positions that the model has (max_seq_length, truncation)"
    return Finding(check, "FAULT", evidence, "limit", cure)


def check_batch(encode: Encode) -> Finding:
    """Companions of the same length: no padding, so nothing may change."""
    together = vectors(encode, [SHORT, TURNED, SHORT])
    moved = change(vectors(encode, [SHORT])[0], together[0])
    if moved <= FLOAT32 or (moved <= HALF and _is_half(encode)):
        return Finding("batch", "sound", f"beside its equals, change {moved:.6f}")
    if torch.allclose(together.norm(dim=0), torch.ones(together.shape[1]), atol=1e-3):
        why, cure = "each column of the batch has length 1", "normalize(…, dim=1)"
    elif torch.allclose(together.mean(0), torch.zeros(together.shape[1]), atol=1e-5):
        why, cure = "each column of the batch has mean 0", "subtract one fixed mean"
    else:
        why, cure = "a row depends on the others", "let no step mix the rows"
    return Finding(
        "batch",
        "FAULT",
        f"without any padding, a vector changes by {moved:.1%}, and {why}",
        "normalization",
        cure,
    )


def check_padding(encode: Encode) -> Finding:
    """A long companion: padding joins the batch, and nothing may change."""
    moved = change(vectors(encode, [SHORT])[0], vectors(encode, [SHORT, LONG])[0])
    # Whether half precision shows depends on the processor: on some, vectors stay equal.
    half = _half_inside(encode) or (moved > FLOAT32 and _is_half(encode))
    if moved <= FLOAT32 and not half:
        return Finding("padding", "sound", f"beside a long text, change {moved:.6f}")
    if moved <= HALF and half:
        return Finding(
            "padding",
            "FAULT",
            f"half precision: beside a long text {moved:.1%} off, from float32 about 1%",
            "rounding",
            "model.float(), or compare such vectors with a tolerance of a hundredth",
        )
    stage, evidence, cure = guilty_stage(encode)
    evidence = f"beside a long text {moved:.1%} off; {evidence}"
    return Finding("padding", "FAULT", evidence, stage, cure)


def check_stages(encode: Encode) -> Finding:
    """Faults that no change shows: a wrong mask, or padding pooled in every batch."""
    stage, evidence, cure = guilty_stage(encode)
    if stage == "unknown":
        return Finding("stages", "note", "no PyTorch transformer was seen inside")
    return Finding("stages", "FAULT" if stage else "sound", evidence, stage, cure)


def check_lengths(encode: Encode) -> Finding:
    """Whether vectors have length 1: if not, a dot product is no cosine."""
    lengths = vectors(encode, [SHORT, MIDDLE, LONG]).norm(dim=1)
    if (lengths - 1).abs().max() < 1e-2:
        return Finding("length", "sound", "vectors have length 1")
    low, high = float(lengths.min()), float(lengths.max())
    evidence = f"lengths {low:.2f} to {high:.2f}: compare by cosine, not by dot product"
    return Finding("length", "note", evidence)


def check_cut(encode: Encode) -> Finding:
    """Up to how many words does the end of a text still change its vector?"""
    words = 0
    for words in (8, 16, 32, 64, 128, 256, 512):
        text = " ".join((LONG * 12).split()[:words])
        try:
            plain, longer = (vectors(encode, [t]) for t in (text, f"{text} {SHORT}"))
        except (IndexError, RuntimeError) as error:
            return _too_long(f"{words} words", error, "cut")
        if change(plain, longer) < 1e-6:
            return Finding("cut", "note", f"what follows {words} words is not read")
    return Finding("cut", "sound", f"the end of {words} words still counts")


def check_odd_input(encode: Encode) -> Finding:
    """Empty and odd texts: each needs a vector of numbers."""
    bad = []
    for name, text in ODD.items():
        try:
            row = vectors(encode, [text, SHORT])[0]
        except Exception as error:
            bad.append(f"{name} raises {type(error).__name__}")
            continue
        if not row.isfinite().all():
            bad.append(f"{name} gives nan or infinity")
    if not bad:
        return Finding("odd input", "sound", f"numbers for {', '.join(ODD)}")
    cure = "divide by count.clamp(min=1), in float32; drop empty texts before"
    return Finding("odd input", "FAULT", "; ".join(bad), "empty rows", cure)


def check_tokenizer(encode: Encode) -> Finding:
    """Plain English, small and capital letters: different texts, different vectors."""
    for name, texts in {"small": (SHORT, "the old house"), "capital": CAPITALS}.items():
        if change(*vectors(encode, texts)) < FLOAT32:
            return Finding(
                "tokenizer",
                "FAULT",
                f"two English texts in {name} letters have the same vector",
                "tokenizer",
                "use the model's own tokenizer and settings (do_lower_case, vocab.txt)",
            )
    return Finding("tokenizer", "sound", "different English texts differ")


def check_languages(encode: Encode) -> Finding:
    """In which languages do two different texts have the same vector?"""
    unknown = [
        name
        for name, texts in LANGUAGES.items()
        if change(*vectors(encode, texts)) < FLOAT32
    ]
    if not unknown:
        return Finding("languages", "sound", "no two texts of a language fall together")
    return Finding(
        "languages",
        "note",
        f"different texts have the same vector in {', '.join(unknown)}: all [UNK]",
    )


class Row(NamedTuple):
    """One text as a transformer saw it, and the vectors that came out."""

    model: PreTrainedModel
    given: dict  # the arguments of the whole call, by name
    index: int  # the row in the call
    real: Tensor  # [L], which positions hold tokens and not padding
    hidden: Tensor  # [L, H]

    def ids(self) -> list[int]:
        return self.given["input_ids"][self.index][self.real].tolist()

    def mask(self) -> Tensor | None:
        mask = self.given.get("attention_mask")
        return None if mask is None or mask.ndim != 2 else mask[self.index].bool()


@contextmanager
def watch() -> Iterator[list[Row]]:
    """A row for each text that a transformer of PyTorch reads in the block.

    While it lasts, the forward of every class of transformers is one that takes notes:
    sentence-transformers calls forward itself, so a hook would see nothing. Does not
    see what runs elsewhere (ONNX, a server, a compiled model), or other threads apart.
    """
    rows: list[Row] = []
    depth = [0]
    with ExitStack() as stack:
        for kind in _subclasses(PreTrainedModel):
            if "forward" in vars(kind):
                stack.callback(setattr, kind, "forward", kind.forward)
                kind.forward = _noted(kind.forward, rows, depth)
        yield rows


def _subclasses(kind: type) -> set[type]:
    below = set(kind.__subclasses__())
    return below.union(*map(_subclasses, below))


def _noted(forward: Callable, rows: list[Row], depth: list[int]) -> Callable:
    """forward, which leaves a Row in rows for each text of an outermost call."""

    @functools.wraps(forward)
    def noted(model, *arguments, **named):
        depth[0] += 1
        try:
            output = forward(model, *arguments, **named)
        finally:
            depth[0] -= 1
        found = inspect.signature(forward).bind_partial(model, *arguments, **named)
        given = dict(found.arguments)
        given.update(given.pop("kwargs", {}))
        given.pop("self")
        hidden = output[0]  # of a tuple, or of what has last_hidden_state first
        # An inner call is a part of another model, or a class that calls its parent.
        if depth[0] == 0 and given.get("input_ids") is not None and hidden.ndim == 3:
            real = real_tokens(model, given)
            for i in range(len(hidden)):
                rows.append(Row(model, given, i, real[i], hidden[i].detach()))
        return output

    return noted


def real_tokens(model: PreTrainedModel, given: dict) -> Tensor:
    """Which positions hold tokens, [B, L], judged by the ids and not by the mask."""
    ids, mask = given["input_ids"], given.get("attention_mask")
    pad = getattr(model.config, "pad_token_id", None)
    if pad is None and mask is not None and mask.ndim == 2 and (mask == 0).any():
        pad = ids[mask == 0].mode().values  # the id that the mask hides most often
    if pad is None:
        return torch.ones_like(ids, dtype=torch.bool)
    padding = (ids == pad).long()  # at the ends of a row: within, it is a token
    left, right = padding.cumprod(1), padding.flip(1).cumprod(1).flip(1)
    return (left + right) == 0


def guilty_stage(encode: Encode) -> tuple[str, str, str]:
    """(stage, evidence, cure): the first stage that is wrong; stage "" if none is."""
    with watch() as rows:
        vector_alone = vectors(encode, [SHORT])[0]
    alone = rows[-1] if rows else None
    with watch() as rows:
        vector = vectors(encode, [SHORT, LONG])[0]
    beside = [row for row in rows if alone and row.ids() == alone.ids()]
    if not beside:
        cure = "compare step by step: clinic, 'another language or runtime'"
        return "unknown", "the encoder or the pooling reads padding", cure
    row = beside[0]
    fault = encoder_fault(alone, row)
    if fault:
        return fault
    by = pooled_by(row, vector)
    if by and all(name in PADDED for name in by):
        return "pooling", f"it is {by[0]}", "pool with the attention_mask"
    if change(vector_alone, vector) > HALF:
        evidence = "token vectors and pooling are right, and what follows is not"
        return "normalization", evidence, "normalize each row by itself: dim=1"
    how = f"the pooling is {by[0]}" if by else "a step of its own follows"
    return "", f"the mask is right, and {how}", ""


def encoder_fault(alone: Row, row: Row) -> tuple[str, str, str] | None:
    """What is wrong before pooling, for one text alone and beside a longer one."""
    padding = int((~row.real).sum())
    before, after = alone.hidden[alone.real].float(), row.hidden[row.real].float()
    moved = change(before.flatten(), after.flatten())
    limit = HALF if row.hidden.dtype in (torch.float16, torch.bfloat16) else FLOAT32
    for seen in (alone, row):
        mask = seen.mask()
        if mask is not None and not torch.equal(mask, seen.real):
            evidence = (
                f"attention_mask marks {int(mask.sum())} of {len(mask)} positions, and "
                f"{int(seen.real.sum())} hold tokens"
            )
            cure = "pass the tokenizer's mask, by name: attention_mask=…"
            return "mask in the encoder", evidence, cure
    if moved <= limit:
        return None
    if "attention_mask" not in inspect.signature(row.model.forward).parameters:
        return _ignores(row, "takes no attention_mask")
    if row.mask() is None:
        evidence = f"the transformer got no attention_mask beside {padding} of padding"
        return "mask in the encoder", evidence, "pass attention_mask=… to the model"
    if _ignores_mask(row):
        return _ignores(row, "gives the same with a mask of ones")
    if not row.real[0]:
        evidence = "padding stands on the left, and columns are counted as positions"
        return "positions", evidence, "padding_side = 'right', or pass position_ids"
    return "encoder", "token vectors change, though the mask is right", "look inside it"


def pooled_by(row: Row, vector: Tensor) -> list[str]:
    """The poolings that give this direction [H]; right ones first, if any is right."""
    hidden, real = row.hidden.float()[None].cpu(), row.real.long()[None].cpu()
    found = []
    for name, pool_with in {**POOLING_MODES, **PADDED}.items():
        pooled = pool_with(hidden, real)[0]
        if len(pooled) >= len(vector):
            pooled = pooled[: len(vector)]  # truncate_dim cuts the end off
            unit = torch.nn.functional.normalize(torch.stack([pooled, vector]), dim=1)
            half = row.hidden.dtype != torch.float32
            if (unit[0] - unit[1]).norm() < (HALF if half else 1e-4):
                found.append(name)
    # The mean and the sum over √n have one direction.
    return sorted(found, key=lambda name: (name in PADDED, name != "mean"))


def _ignores(row: Row, evidence: str) -> tuple[str, str, str]:
    name = type(row.model).__name__
    cure = "encode one text at a time, or texts of one length"
    return "model ignores the mask", f"{name} {evidence}", cure


def _ignores_mask(row: Row) -> bool:
    """Whether the model gives the very same, whatever the mask says."""
    ones = {"attention_mask": torch.ones_like(row.given["attention_mask"])}
    with torch.no_grad():
        outputs = [row.model(**row.given), row.model(**(row.given | ones))]
    first, second = (output[0][row.index][row.real] for output in outputs)
    return torch.equal(first, second)


def _half_inside(encode: Encode) -> bool:
    """Whether a transformer inside works in float16 or bfloat16."""
    with watch() as rows:
        vectors(encode, [SHORT])
    return any(row.hidden.dtype in (torch.float16, torch.bfloat16) for row in rows)


def _is_half(encode: Encode) -> bool:
    """Whether float16 or bfloat16 took part: inside, or in the numbers returned."""
    made = vectors(encode, [SHORT])
    kinds = (torch.float16, torch.bfloat16)
    returned = any(torch.equal(made, made.to(kind).float()) for kind in kinds)
    return returned or _half_inside(encode)


def check_model(source: str | Path | Encoder | SentenceTransformer) -> list[Finding]:
    """All checks of a model: its vectors, and what it says against what it does.

    A folder or a hub name is opened by sentence-transformers, on the CPU, and raises
    what that raises: OSError, ValueError for code that comes with the model.
    """
    if isinstance(source, Encoder):
        return check(partial(encode_with, source))
    if isinstance(source, SentenceTransformer):
        return _check_opened(source)
    disable_progress_bar()
    model = SentenceTransformer(str(source), device="cpu", trust_remote_code=False)
    return [check_weights(source), *_check_opened(model)]


def _check_opened(model: SentenceTransformer) -> list[Finding]:
    encode = partial(model.encode, convert_to_tensor=True, show_progress_bar=False)
    found = [check_limit(model), *check(encode)]
    if any(f.check in ("repeat", "order") and f.verdict == "FAULT" for f in found):
        return found
    return [*found, check_pooling(model, encode), check_normalization(model, encode)]


def check_weights(source: str | Path) -> Finding:
    """Weights that the files lack are filled with noise, and only a log says so."""
    where = Path(source)
    options = {"trust_remote_code": False}
    if where.is_dir() and not (where / "config.json").exists():
        options["subfolder"] = "0_Transformer"  # where old versions saved it
    is_t5 = AutoConfig.from_pretrained(source, **options).model_type in T5_FAMILY
    auto = AutoModelForTextEncoding if is_t5 else AutoModel
    _, found = auto.from_pretrained(source, output_loading_info=True, **options)
    missing = sorted(n for n in found["missing_keys"] if not n.startswith("pooler."))
    if not missing:
        return Finding("weights", "sound", "every weight is in the files")
    evidence = f"{len(missing)} are not in the files, such as {missing[0]}: noise"
    cure = "save the model anew with save_pretrained, or fetch it again"
    return Finding("weights", "FAULT", evidence, "weights", cure)


def check_limit(model: SentenceTransformer) -> Finding:
    """max_seq_length against the positions that the model has."""
    limit, positions = model.max_seq_length, position_limit(model[0].auto_model)
    if limit is None or positions is None:
        return Finding("limit", "sound", f"max_seq_length {limit}, no table to outrun")
    evidence = f"max_seq_length {limit}, and the model has {positions} positions"
    if positions / 4 <= limit <= positions:
        return Finding("limit", "sound", evidence)
    cure = f"model.max_seq_length = {positions}, or the length that it was trained at"
    return Finding("limit", "FAULT", evidence, "limit", cure)


def check_pooling(model: SentenceTransformer, encode: Encode) -> Finding:
    """The pooling that the model says, the one that its vectors show, the best one.

    "Best" is judged by twelve pairs of paraphrases, and is a hint: it takes a mode that
    sets them apart half as far again for a sign that the model was trained with it.
    """
    said = [m.pooling_mode for m in model if isinstance(m, Pooling)]
    said = said[0] if said and isinstance(said[0], str) else "+".join(*said) or None
    with watch() as rows:
        made = vectors(encode, [SHORT])
    shown = pooled_by(rows[-1], made[0]) if rows else []
    if said not in POOLING_MODES or (not shown and len(model) > 3):
        return Finding("pooling", "note", f"says {said}, and has {len(model)} modules")
    if said not in shown:
        evidence = f"says {said}, and its vectors show {shown[0] if shown else 'none'}"
        cure = "put the library's Pooling module back"
        return Finding("pooling", "FAULT", evidence, "pooling", cure)
    apart = separations(encode)
    best = max(apart, key=apart.get)
    evidence = f"says {said} and is; paraphrases stand out by {apart[said]:.1f}"
    if apart[best] < max(5, 1.5 * apart[said]):
        return Finding("pooling", "sound", evidence)
    evidence += f", and by {apart[best]:.1f} if pooled by {best}"
    cure = f"was it trained with {best}? Pooling(…, pooling_mode={best!r})"
    return Finding("pooling", "FAULT", evidence, "pooling", cure)


def separations(encode: Encode) -> dict[str, float]:
    """By pooling: how far cosines of paraphrases stand above those of strangers.

    In standard deviations of the latter, over twelve pairs.
    """
    texts = [text for pair in PARAPHRASES for text in pair]
    rows = []
    for text in texts:
        with watch() as seen:
            vectors(encode, [text])
        rows.append(seen[-1])
    apart = {}
    for name, pool_with in POOLING_MODES.items():
        pooled = []
        for row in rows:
            hidden, real = row.hidden.float().cpu()[None], row.real.cpu().long()[None]
            pooled.append(pool_with(hidden, real))
        unit = torch.nn.functional.normalize(torch.cat(pooled), dim=1)
        cosines = unit[::2] @ unit[1::2].T
        strangers = cosines[~torch.eye(len(cosines), dtype=torch.bool)]
        gap = cosines.diag().mean() - strangers.mean()
        apart[name] = float(gap / strangers.std())
    return apart


def check_normalization(model: SentenceTransformer, encode: Encode) -> Finding:
    """A Normalize module against the lengths of the vectors."""
    says = any(isinstance(module, Normalize) for module in model)
    lengths = vectors(encode, [SHORT, MIDDLE, LONG]).norm(dim=1)
    is_one = bool((lengths - 1).abs().max() < 1e-2)
    if says and not is_one:
        evidence = f"Normalize is in the model, and lengths are {lengths.min():.2f} to "
        evidence += f"{lengths.max():.2f} (truncate_dim {model.truncate_dim})"
        cure = "encode(…, normalize_embeddings=True), which comes after the cut"
        return Finding("normalize", "FAULT", evidence, "normalization", cure)
    does = "normalizes" if says else "does not normalize"
    return Finding("normalize", "sound", f"the model {does}, as it says")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status: 0 sound, 1 a fault, 2 not to be opened."""
    parser = argparse.ArgumentParser("python -m helpers.diagnose", description=__doc__)
    parser.add_argument("model", metavar="MODEL_OR_FOLDER")
    parser.add_argument("--json", action="store_true", help="for a program to read")
    options = parser.parse_args(arguments)
    try:
        findings = check_model(options.model)
    except (OSError, ValueError) as error:
        print(f"{options.model} cannot be opened: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print("\n".join(map(str, findings)))
    return int(any(finding.verdict == "FAULT" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
