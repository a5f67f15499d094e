"""The folder in which sentence-transformers keeps a model: read what it says about pooling, write one.

But: text models of a transformer, one pooling mode and normalization; a folder with more is refused, not misread.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import try_to_load_from_cache
from transformers.utils import cached_file

from helpers.pooling import POOLING_MODES

if TYPE_CHECKING:
    from helpers.encoder import Encoder

# The booleans that versions before 6 wrote, and every version reads.
FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

# The first of the files sentence_…_config.json that exists holds the length limit; old models name their family.
FAMILIES = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]


def read_layout(source: str | Path) -> tuple[str, bool, int | None]:
    """Pooling mode, whether vectors are normalized, and the length limit if there is one, of a folder or hub name.

    A plain transformer without modules.json gets mean, a decoder lasttoken, and no normalization, as in
    sentence-transformers. Raises ValueError for a model that does more than we can: its vectors would be wrong.
    """
    modules = _json(source, "modules.json")
    if modules is None:
        kinds, config = [], _json(source, "config.json") or {}
        decoder = (config.get("architectures") or [""])[0].endswith("ForCausalLM") and config.get("is_causal", True)
        modes = ["lasttoken" if decoder else "mean"]
    else:
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        ours = kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        if not ours or not all(module["type"].startswith("sentence_transformers.") for module in modules):
            found = [module["type"] for module in modules]
            raise ValueError(f"{str(source)!r} has the modules {found}; we run only Transformer, Pooling, Normalize")
        config = _json(source, f"{modules[1]['path']}/config.json") or {}
        modes = config.get("pooling_mode") or [mode for flag, mode in FLAGS.items() if config.get(flag)]
        modes = [modes] if isinstance(modes, str) else modes
    if len(modes) != 1 or modes[0] not in POOLING_MODES:
        raise ValueError(f"{str(source)!r} is pooled by {modes}; we use one of {list(POOLING_MODES)}")
    found = (_json(source, f"sentence_{family}_config.json") for family in FAMILIES)
    settings = next((content for content in found if content is not None), {})
    more = _json(source, "config_sentence_transformers.json") or {}
    for name, values in (("do_lower_case", settings), ("default_prompt_name", more), ("truncate_dim", more)):
        if values.get(name):
            raise ValueError(f"{str(source)!r} was saved with {name} = {values[name]!r}, which we do not apply")
    return modes[0], "Normalize" in kinds, settings.get("max_seq_length")


def save_encoder(encoder: "Encoder", folder: str | Path) -> Path:
    """Write the encoder so that SentenceTransformer(folder) and load_encoder(folder) give its vectors again.

    Written beside and renamed. Raises FileExistsError if there is something at folder: nothing is overwritten, and
    ValueError for a pooling that is none of ours.
    """
    if encoder.pooling not in POOLING_MODES:
        raise ValueError(f"encoder.pooling must be one of {list(POOLING_MODES)}, not {encoder.pooling!r}")
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already: choose a new folder, or move the old one away")
    names = ["Transformer", "Pooling", "Normalize"][: 3 if encoder.normalize else 2]
    paths = ["", "1_Pooling", "2_Normalize"]
    files = {
        "modules.json": [
            {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{name}"}
            for i, name in enumerate(names)
        ],
        "sentence_bert_config.json": {"max_seq_length": encoder.max_length, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": encoder.model.config.hidden_size}
        | {flag: mode == encoder.pooling for flag, mode in FLAGS.items()},
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        encoder.model.save_pretrained(partial)
        encoder.tokenizer.save_pretrained(partial)
        for name, content in files.items():
            (partial / name).parent.mkdir(exist_ok=True)
            (partial / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
        partial.chmod(0o755)  # mkdtemp made it private
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _json(source: str | Path, name: str):
    path = cached_file(str(source), name, _raise_exceptions_for_missing_entries=False)
    if path is None and not Path(source).is_dir() and try_to_load_from_cache(str(source), name) is None:
        # None stands for "has no such file" and for "could not ask": the cache remembers only the first.
        raise OSError(f"Whether {str(source)!r} has the file {name} is not known without the hub; connect once")
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else None
