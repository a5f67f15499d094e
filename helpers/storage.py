"""Load an encoder, make a fresh one, save one: the folder of sentence-transformers.

Reads and writes what SentenceTransformer(folder) does, version 6.2. Does not do more
than a text transformer, one pooling mode and normalization, and never runs code that
comes with a model. A folder that asks for more is refused by name, not misread.
"""

import contextlib
import copy
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import torch
from filelock import FileLock, Timeout
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import cached_file
from transformers.utils.logging import disable_progress_bar

from helpers.assets import MARKER, MINILM, fetch
from helpers.batching import whole_number
from helpers.encoder import Encoder, check_encoder, position_limit
from helpers.processor import use_fast_linear

# The booleans that versions before 6 wrote, and every version reads.
FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

# The first of the files sentence_…_config.json that says something holds the length
# limit; old models name their family.
FAMILIES = [
    *("bert", "roberta", "distilbert", "camembert"),
    *("albert", "xlm-roberta", "xlnet"),
]

# Encoder and decoder in one: of these, the encoder alone makes the vectors.
T5_FAMILY = ("t5", "mt5", "umt5")

# What the files may say. ANY: it does not change the vectors, or is read below. Else
# only these values: with any other the vectors would be others than ours.
ANY = None
NOTHING = (None, {}, [])
TEXT = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
KNOWN_MODULE = {"idx": ANY, "name": ANY, "path": ANY, "type": ANY, "kwargs": NOTHING}
KNOWN_MODEL = {
    "__version__": ANY,
    "prompts": ANY,  # used only if somebody asks for one by its name
    "similarity_fn_name": ANY,
    "model_type": ("SentenceTransformer",),
    "default_prompt_name": (None,),
    "truncate_dim": (None,),
    "requirements": NOTHING,
}
KNOWN_TRANSFORMER = {
    "max_seq_length": ANY,
    "unpad_inputs": ANY,  # another layout in memory, the same vectors
    "do_lower_case": (False, None),
    "transformer_task": ("feature-extraction",),
    "modality_config": (TEXT,),
    "module_output_name": ("token_embeddings",),
    **dict.fromkeys(("query_length", "document_length", "query_expansion"), (None,)),
    **dict.fromkeys(("processing_kwargs", "processor_kwargs"), NOTHING),
    **dict.fromkeys(("tokenizer_args", "model_args", "model_kwargs"), NOTHING),
    **dict.fromkeys(("config_args", "config_kwargs"), NOTHING),
}
KNOWN_POOLING = {
    "pooling_mode": ANY,
    "embedding_dimension": ANY,
    "word_embedding_dimension": ANY,
    "include_prompt": ANY,  # there is no prompt
    **dict.fromkeys(FLAGS, ANY),
}
KNOWN_NORMALIZE = {
    "module_input_name": ("sentence_embedding",),
    "module_output_name": ("sentence_embedding", None),
}


class Layout(NamedTuple):
    """What a model folder says about its vectors.

    max_length is None if it says nothing; folder is where the transformer lies in it.
    """

    pooling: str
    normalize: bool
    max_length: int | None
    folder: str = ""


def load_encoder(name_or_path: str | Path | None = None) -> Encoder:
    """Load the course's encoder, or one from a folder, or any of the hub by its name.

    Without an argument, the course's. A name that is also a folder in the working
    directory means that folder, "all-MiniLM-L6-v2" too. Pooling, normalization and
    max_length are those that the model was saved with, as in sentence-transformers; a
    model that needs more than that, and one that lacks its tokenizer or some weights,
    raises ValueError; what is not there, or not known without the hub, OSError.
    """
    source = _find(name_or_path)
    disable_progress_bar()  # loading takes a second, and the bar would stay in the page
    try:
        layout = read_layout(source)
        tokenizer = _load_tokenizer(source, layout.folder)
        model = _load_model(source, layout.folder)
    except OSError as error:
        raise OSError(
            f"No encoder in the folder, or under the hub name, {str(source)!r}: {error}"
        ) from error
    limits = [layout.max_length or tokenizer.model_max_length, position_limit(model)]
    max_length = min(limit for limit in limits if limit is not None)
    # For speed alone: on x86 the linear layers compute by convolution, about twice as
    # fast on AMD processors. They stay nn.Linear; the vectors differ by rounding only.
    use_fast_linear(model)
    _refuse_left_padding(source, tokenizer, model)
    return Encoder(tokenizer, model, max_length, layout.pooling, layout.normalize)


def _refuse_left_padding(
    source: str | Path, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """Where positions are columns of the batch, the library's vectors depend on it."""
    tables = []
    for module in model.modules():
        tables += [
            getattr(module, name, None) for name in ("position_embeddings", "wpe")
        ]
    numbered = any(
        # RoBERTa and MPNet, whose table has a padding_idx, count real tokens.
        isinstance(table, torch.nn.Embedding) and table.padding_idx is None
        for table in tables
    )
    if numbered and tokenizer.padding_side == "left":
        raise ValueError(
            f"{str(source)!r} was saved with padding_side = 'left', and its model "
            "numbers the columns of a batch: sentence-transformers' vectors of it "
            "change with the batch. Set tokenizer.padding_side = 'right', and save it"
        )


def fresh_encoder(layers: int, pooling: str = "mean", seed: int = 0) -> Encoder:
    """An encoder of the course's size with fewer layers, all of them random.

    Only the word embeddings are the pretrained ones: the words mean something at the
    start, everything above them is noise. One seed gives one start, for every pooling.
    """
    pretrained = load_encoder()
    config = copy.deepcopy(pretrained.model.config)
    config.num_hidden_layers = whole_number("layers", layers)
    if whole_number("seed", seed, at_least=0) >= 2**32:
        raise ValueError(f"seed must be below 2**32, not {seed}")
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay
        torch.manual_seed(int(seed))
        model = type(pretrained.model)(config).eval()
    model.embeddings.word_embeddings = pretrained.model.embeddings.word_embeddings
    use_fast_linear(model)  # for speed alone, as in load_encoder
    return Encoder(pretrained.tokenizer, model, pretrained.max_length, pooling)


def save_encoder(encoder: Encoder, folder: str | Path) -> Path:
    """Write the encoder so that it can be opened again, with the vectors it has now.

    By load_encoder(folder) and by SentenceTransformer(folder). Written beside, as a
    whole, and renamed; what a killed process left of that is removed by the next call.
    Does not overwrite: FileExistsError if there is anything at folder. OSError if it
    cannot be written, ValueError for a pooling that sentence-transformers cannot read.
    """
    _check_savable(encoder)
    if not isinstance(folder, (str, Path)) or folder == "":
        raise TypeError(f"folder must be the path of a new folder, not {folder!r}")
    folder = Path(folder)
    if os.path.lexists(folder):
        raise FileExistsError(
            f"{folder} exists already: choose a new folder, or move the old one away"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _work_folder(folder) as work:
            _write(encoder, work / "model")
            os.rename(work / "model", folder)
    except (OSError, SafetensorError) as error:
        if os.path.lexists(folder):  # another process was faster
            raise FileExistsError(
                f"{folder} exists by now: another process has written it"
            ) from error
        raise OSError(
            f"The encoder could not be saved, and nothing was left at {folder}: {error}"
        ) from error
    return folder


def _check_savable(encoder: Encoder) -> None:
    check_encoder(encoder)
    if encoder.pooling not in FLAGS.values():
        raise ValueError(
            f"pooling {encoder.pooling!r} cannot be saved: sentence-transformers reads "
            f"one of {list(FLAGS.values())}"
        )
    if not all(
        isinstance(x, torch.Tensor) for x in encoder.model.state_dict().values()
    ):
        raise ValueError(
            "encoder.model has parts that are no tensors, as a quantized model has, "
            "and cannot be saved: save it before it is quantized"
        )


def _write(encoder: Encoder, folder: Path) -> None:
    names = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    size = encoder.model.config.hidden_size
    files = {
        "modules.json": [
            {
                "idx": i,
                "name": str(i),
                "path": paths[i],
                "type": f"sentence_transformers.models.{names[i]}",
            }
            for i in range(3 if encoder.normalize else 2)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": encoder.max_length,
            "do_lower_case": False,
        },
        "1_Pooling/config.json": {"word_embedding_dimension": size}
        | {flag: mode == encoder.pooling for flag, mode in FLAGS.items()},
    }
    encoder.model.save_pretrained(folder)
    tokenizer = copy.deepcopy(encoder.tokenizer)
    # As helpers.encoder.forward pads. On the left, the numbers of positions depend on
    # the batch, and with them the vectors of SentenceTransformer(folder).
    tokenizer.padding_side = "right"
    tokenizer.save_pretrained(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")


@contextlib.contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` to work in, removed afterwards.

    Whoever works in one holds a lock on the marker in it. One whose marker nobody holds
    was left by a killed process and goes, too; one without a marker is not ours.
    """
    prefix = f".{folder.name}.sentence-to-vector."
    for marker in folder.parent.glob(f"{glob.escape(prefix)}*/{MARKER}"):
        with contextlib.suppress(Timeout), FileLock(marker, timeout=0):
            shutil.rmtree(marker.parent, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        with FileLock(work / MARKER):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def read_layout(source: str | Path) -> Layout:
    """How the vectors of a folder, or of a model on the hub, are made.

    A plain transformer without modules.json gets mean, a decoder lasttoken, and no
    normalization, as in sentence-transformers. Raises ValueError for a model that does
    more than we can, and names what: its vectors would be wrong.
    """
    modules = _json(source, "modules.json")
    if modules is None:
        _refuse_adapter(source, "")
        return Layout(_default_pooling(source), False, None)
    paths = _read_modules(source, modules)
    _refuse_adapter(source, paths[0])
    _check(source, "config_sentence_transformers.json", KNOWN_MODEL)
    if len(paths) == 3:
        _check(source, _join(paths[2], "config.json"), KNOWN_NORMALIZE)
    pooling = _read_pooling(source, _join(paths[1], "config.json"))
    return Layout(pooling, len(paths) == 3, _read_limit(source, paths[0]), paths[0])


def _default_pooling(source: str | Path) -> str:
    config = _json(source, "config.json")
    if config is None:
        raise OSError("it has no config.json")
    architectures = config.get("architectures") or [""]
    decoder = architectures[0].endswith("ForCausalLM")
    return "lasttoken" if decoder and config.get("is_causal", True) else "mean"


def _read_modules(source: str | Path, modules: list) -> list[str]:
    """The path of each module in modules.json, once they are what we can run."""
    if not isinstance(modules, list):
        raise ValueError(f"modules.json of {str(source)!r} holds no list of modules")
    for module in modules:
        _check_known(source, "modules.json", module, KNOWN_MODULE)
    types = [str(module.get("type")) for module in modules]
    kinds = [
        type_.rsplit(".", 1)[-1]
        for type_ in types
        if type_.startswith("sentence_transformers.")
    ]
    ours = ["Transformer", "Pooling", "Normalize"]
    if kinds not in (ours[:2], ours) or len(kinds) < len(types):
        raise ValueError(
            f"{str(source)!r} has the modules {types}; we run only {', '.join(ours)}"
        )
    if len({module.get("name") for module in modules}) < len(modules):
        raise ValueError(f"modules.json of {str(source)!r} gives two modules one name")
    return [_inside(source, module.get("path")) for module in modules]


def _inside(source: str | Path, path: str) -> str:
    """path, once it is sure that it does not leave the model's folder."""
    parts = PureWindowsPath(path) if isinstance(path, str) else None
    if parts is None or parts.anchor or ".." in parts.parts or "\0" in path:
        raise ValueError(
            f"modules.json of {str(source)!r} says path = {path!r}, which must be a "
            "folder in the model's own"
        )
    return path


def _read_pooling(source: str | Path, name: str) -> str:
    config = _check(source, name, KNOWN_POOLING)
    if not config:
        raise ValueError(f"{str(source)!r} has no {name}, so its pooling is not known")
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in FLAGS.items() if config.get(flag)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    ours = list(FLAGS.values())
    if not isinstance(modes, list) or len(modes) != 1 or modes[0] not in ours:
        raise ValueError(f"{str(source)!r} is pooled by {modes}; we use one of {ours}")
    return modes[0]


def _read_limit(source: str | Path, folder: str) -> int | None:
    for family in FAMILIES:
        name = _join(folder, f"sentence_{family}_config.json")
        settings = _check(source, name, KNOWN_TRANSFORMER)
        if settings:
            limit = settings.get("max_seq_length")
            return None if limit is None else whole_number("max_seq_length", limit)
    return None


def _check(source: str | Path, name: str, known: Mapping) -> dict:
    """What a JSON file says; {} if there is none, ValueError if we do not apply it."""
    settings = _json(source, name)
    if settings is None:
        return {}
    return _check_known(source, name, settings, known)


def _check_known(source: str | Path, name: str, settings: dict, known: Mapping) -> dict:
    if not isinstance(settings, dict):
        raise ValueError(f"{name} of {str(source)!r} holds no settings: {settings!r}")
    for key, value in settings.items():
        if key not in known or not (known[key] is ANY or value in known[key]):
            raise ValueError(
                f"{str(source)!r} was saved with {key} = {value!r}, which we do not "
                f"apply (in {name})"
            )
    return settings


def _refuse_adapter(source: str | Path, folder: str) -> None:
    if _json(source, _join(folder, "adapter_config.json")) is not None:
        raise ValueError(
            f"{str(source)!r} has an adapter (adapter_config.json), which we do not "
            "apply: merge it into the model (PEFT's merge_and_unload) and save that"
        )


def _find(name_or_path: str | Path | None) -> str | Path:
    """The folder or hub name that is meant."""
    if name_or_path is None:
        return fetch(MINILM)
    if not isinstance(name_or_path, (str, Path)) or not str(name_or_path):
        raise TypeError(
            f"name_or_path must be a folder or a name on the hub, not {name_or_path!r}"
        )
    if name_or_path == MINILM.name and not Path(name_or_path).is_dir():
        return fetch(MINILM)
    return name_or_path


def _load_tokenizer(source: str | Path, folder: str) -> PreTrainedTokenizerBase:
    with _names_what_is_damaged(source, folder):
        tokenizer = AutoTokenizer.from_pretrained(
            source, subfolder=folder, trust_remote_code=False
        )
    names = dict(tokenizer.vocab_files_names)
    whole = names.pop("tokenizer_file", "tokenizer.json")
    found = [_path(source, _join(folder, name)) for name in names.values()]
    # Without them transformers makes up a vocabulary of the special tokens alone.
    if _path(source, _join(folder, whole)) is None and (None in found or not found):
        raise ValueError(
            f"{str(source)!r} has no tokenizer: {whole} is not there, nor "
            f"{list(names.values())}. Save the model's own beside it, with "
            "tokenizer.save_pretrained"
        )
    if tokenizer.chat_template and _json(source, "modules.json") is None:
        raise ValueError(
            f"{str(source)!r} has a chat_template and no modules.json, and we do not "
            "make messages of sentences, as sentence-transformers would"
        )
    return tokenizer


def _load_model(source: str | Path, folder: str) -> PreTrainedModel:
    options = {"subfolder": folder, "trust_remote_code": False}
    with _names_what_is_damaged(source, folder):
        config = AutoConfig.from_pretrained(source, **options)
        is_t5 = config.model_type in T5_FAMILY
        if config.sub_configs or (config.is_encoder_decoder and not is_t5):
            raise ValueError(
                f"{str(source)!r} is a {config.model_type}, more than one text "
                "transformer, and we do not know which part makes its vectors"
            )
        auto = AutoModelForTextEncoding if is_t5 else AutoModel
        model, found = auto.from_pretrained(
            source, config=config, output_loading_info=True, **options
        )
    # transformers fills them with noise. The pooler is above what we pool.
    missing = sorted(n for n in found["missing_keys"] if not n.startswith("pooler."))
    if missing:
        raise ValueError(
            f"{str(source)!r} lacks {len(missing)} of the model's weights, such as "
            f"{missing[0]}: its vectors would be noise"
        )
    return model.eval()


@contextlib.contextmanager
def _names_what_is_damaged(source: str | Path, folder: str) -> Iterator[None]:
    try:
        yield
    except OSError:  # it names the file
        raise
    except Exception as error:  # a dozen kinds, and few say which file it was
        file = _damaged(source, folder)
        if file is None and isinstance(error, ValueError):
            raise
        raise ValueError(
            f"{file or source} cannot be read; it may be cut off or damaged: {error}"
        ) from error


def _damaged(source: str | Path, folder: str) -> Path | None:
    """The first file of a model that is not what its name says."""
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        try:
            _json(source, _join(folder, name))
        except ValueError:
            return _path(source, _join(folder, name))
    weights = _path(source, _join(folder, "model.safetensors"))
    try:
        if weights is not None:
            with safe_open(weights, "pt"):
                return None
    except SafetensorError:
        return weights
    return None


def _json(source: str | Path, name: str):
    """What a JSON file of a folder or hub name says; None if it has no such file."""
    path = _path(source, name)
    if path is None:
        is_known = Path(source).is_dir() or try_to_load_from_cache(str(source), name)
        if is_known:
            return None
        # "Has no such file" and "could not ask": the cache remembers only the first.
        raise OSError(
            f"Whether {str(source)!r} has the file {name} is not known without the "
            "hub; connect once"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read as JSON; it may be cut off or damaged: {error}"
        ) from error
    if content is None:
        raise ValueError(f"{path} says null, where there should be settings")
    return content


def _path(source: str | Path, name: str) -> Path | None:
    path = cached_file(str(source), name, _raise_exceptions_for_missing_entries=False)
    return None if path is None else Path(path)


def _join(folder: str, name: str) -> str:
    return str(PurePosixPath(folder, name))
