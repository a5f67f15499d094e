"""Folders of sentence-transformers: the same vectors both ways, or refused by name."""

import copy
import dataclasses
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Transformer,
)
from transformers import AutoTokenizer, BartConfig, BartModel, CLIPConfig, CLIPModel

from helpers import storage
from helpers.assets import MARKER, MINILM
from helpers.encoder import Encoder, TruncationWarning, encode
from helpers.pooling import POOLING_MODES
from helpers.storage import load_encoder, save_encoder
from tests import families

SENTENCES = [
    "A man plays.",
    "",
    "Two dogs run the old wet grass.",
    "word " * 60,
    "é 猫 zebra [SEP] </s>",
]


@pytest.fixture
def small():
    """A BERT that knows a dozen words and reads 9 of its 16 positions."""
    return Encoder(*families.bert(), max_length=9)


@pytest.fixture
def folder(small, tmp_path):
    """The folder that save_encoder makes of small."""
    return save_encoder(small, tmp_path / "model")


def vectors(encoder, sentences=SENTENCES):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)  # one is cut, by purpose
        return encode(encoder, sentences)


def library(folder):
    return SentenceTransformer(str(folder), device="cpu")


def same(encoder, reference, sentences=SENTENCES):
    """Whether the reference gives the encoder's vectors."""
    theirs = reference.encode(sentences, convert_to_tensor=True)
    return torch.allclose(theirs, vectors(encoder, sentences), atol=1e-5)


def change(path, **settings):
    """Write some settings into a JSON file, beside those that it has."""
    before = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(before | settings))


# Saved by us, opened by the library, and the other way round.


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", storage.FLAGS.values())
def test_what_we_save_opens_in_the_library_and_here(
    small, tmp_path, pooling, normalize
):
    saved = dataclasses.replace(small, pooling=pooling, normalize=normalize)
    target = tmp_path / "deep" / "model"
    assert save_encoder(saved, target) == target
    opened = library(target)
    assert opened.max_seq_length == 9
    assert same(saved, opened)
    again = load_encoder(target)
    ours = (again.pooling, again.normalize, again.max_length)
    assert ours == (pooling, normalize, 9)
    assert torch.allclose(vectors(again), vectors(saved), atol=1e-6)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_what_the_library_saves_opens_here(folder, tmp_path, pooling, normalize):
    modules = [
        Transformer(str(folder), max_seq_length=9),
        Pooling(16, pooling_mode=pooling),
        *([Normalize()] if normalize else []),
    ]
    made = SentenceTransformer(modules=modules, device="cpu")
    made.save(str(tmp_path / "theirs"), create_model_card=False)
    assert same(load_encoder(tmp_path / "theirs"), made)


def test_the_real_model_says_how_it_is_pooled(encoder):
    ours = (encoder.pooling, encoder.normalize, encoder.max_length)
    assert ours == ("mean", True, 256)


# Other families, as they come and as we save them.


@pytest.mark.parametrize("limit", [None, 9])
@pytest.mark.parametrize("family", families.FAMILIES)
@pytest.mark.fault("storage", "right result")
def test_a_plain_model_of_any_family_gives_the_librarys_vectors(
    tmp_path, family, limit
):
    families.save(families.FAMILIES[family], tmp_path / "plain", limit=limit)
    ours, reference = load_encoder(tmp_path / "plain"), library(tmp_path / "plain")
    if ours.max_length < reference.max_seq_length:
        # The library counts positions that RoBERTa and MPNet cannot use, and fails.
        assert (ours.max_length, reference.max_seq_length) == (14, 16)
        reference.max_seq_length = 14
    assert (ours.pooling, ours.normalize) == ("mean", False)
    sentences = [s for s in SENTENCES if s or family != "gpt2"]  # "" is no token there
    assert same(ours, reference, sentences)
    saved = save_encoder(ours, tmp_path / "saved")
    assert same(load_encoder(saved), reference, sentences)
    assert same(ours, library(saved), sentences)


@pytest.mark.fault("storage", "clear error")
def test_xlnet_and_a_decoder_without_padding_are_refused(tmp_path):
    families.save(families.xlnet, tmp_path / "xlnet")
    with pytest.raises(ValueError, match="token types other than 0, as XLNet's"):
        load_encoder(tmp_path / "xlnet")
    families.save(families.gpt2, tmp_path / "gpt2", pad_token=None)
    with pytest.raises(ValueError, match="tokenizer has no pad token"):
        load_encoder(tmp_path / "gpt2")


def bart():
    heads = {"encoder_attention_heads": 1, "decoder_attention_heads": 1}
    layers = {"encoder_layers": 1, "decoder_layers": 1}
    return BartModel(BartConfig(vocab_size=40, d_model=8, **layers, **heads))


def clip():
    text = {"num_hidden_layers": 1, "vocab_size": 40}
    return CLIPModel(
        CLIPConfig(text_config=text, vision_config={"num_hidden_layers": 1})
    )


@pytest.mark.parametrize("model", [bart, clip])
@pytest.mark.fault("storage", "clear error")
def test_a_model_of_several_parts_is_refused(tmp_path, model):
    model().save_pretrained(tmp_path)
    families.bert()[0].save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"is a {model.__name__}, more than one text"):
        load_encoder(tmp_path)


def test_a_plain_decoder_is_pooled_as_the_library_does(tmp_path):
    families.save(families.qwen2, tmp_path)
    for extra, pooling in (({}, "lasttoken"), ({"is_causal": False}, "mean")):
        change(tmp_path / "config.json", architectures=["Qwen2ForCausalLM"], **extra)
        reference = library(tmp_path)
        ours = load_encoder(tmp_path)
        assert ours.pooling == reference[1].pooling_mode == pooling
        assert same(ours, reference)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.fault("storage", "right result")
def test_the_precision_that_was_saved_is_used(small, tmp_path, dtype):
    small.model.to(dtype)
    save_encoder(small, tmp_path / "model")
    reference, ours = library(tmp_path / "model"), load_encoder(tmp_path / "model")
    assert vectors(ours).dtype == reference.dtype == dtype
    theirs = reference.encode(SENTENCES, convert_to_tensor=True)
    assert torch.allclose(theirs, vectors(ours), atol=1e-2)


# What the files say is applied, or refused by name.


@pytest.mark.parametrize(
    ("tokenizer", "saved", "limit"),
    [(5, 9, 9), (9, 5, 5), (9, None, 9), (None, 9, 9), (None, None, 16)],
)
@pytest.mark.fault("storage", "right result")
def test_the_saved_limit_goes_before_the_tokenizers(folder, tokenizer, saved, limit):
    change(folder / "sentence_bert_config.json", max_seq_length=saved)
    change(folder / "tokenizer_config.json", model_max_length=tokenizer or 10**30)
    ours = load_encoder(folder)
    assert ours.max_length == limit == library(folder).max_seq_length
    assert same(ours, library(folder))


@pytest.mark.fault("storage", "right result")
def test_a_limit_under_an_old_name_is_read(folder):
    change(folder / "sentence_roberta_config.json", max_seq_length=5)
    assert load_encoder(folder).max_length == library(folder).max_seq_length == 9
    (folder / "sentence_bert_config.json").write_text("{}")  # as good as none
    assert load_encoder(folder).max_length == library(folder).max_seq_length == 5


@pytest.mark.fault("storage", "right result")
def test_without_modules_the_other_files_are_not_read(folder):
    """So does the library: a plain transformer, and a default in place of each."""
    (folder / "modules.json").unlink()
    change(folder / "1_Pooling" / "config.json", pooling_mode="cls")
    ours, reference = load_encoder(folder), library(folder)
    assert (ours.pooling, ours.max_length) == ("mean", 12)
    assert same(ours, reference)


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"embedding_dimension": 16, "pooling_mode": "lasttoken"}, "lasttoken"),
        ({"embedding_dimension": 16, "pooling_mode": ["cls"]}, "cls"),
        ({"word_embedding_dimension": 16, "pooling_mode_max_tokens": True}, "max"),
        ({"word_embedding_dimension": 16, "pooling_mode_max_tokens": False}, "mean"),
        ({"word_embedding_dimension": 16, "include_prompt": False}, "mean"),
        (
            {"word_embedding_dimension": 16, "pooling_mode_cls_token": True}
            | {"pooling_mode": "max"},
            "max",
        ),
    ],
)
@pytest.mark.fault("storage", "right result")
def test_pooling_of_the_old_and_of_the_new_format(folder, settings, pooling):
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    ours = load_encoder(folder)
    assert ours.pooling == library(folder)[1].pooling_mode == pooling
    assert same(ours, library(folder))


@pytest.mark.fault("storage", "right result")
def test_a_transformer_in_a_folder_of_its_own(folder):
    """As versions before 2 wrote it."""
    inner = folder / "0_Transformer"
    inner.mkdir()
    for path in [p for p in folder.iterdir() if p.is_file()]:
        if path.name != "modules.json":
            path.rename(inner / path.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    assert load_encoder(folder).max_length == 9
    assert same(load_encoder(folder), library(folder))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sentence_bert_config.json", {"unpad_inputs": False}),
        ("sentence_bert_config.json", {"do_lower_case": None, "model_args": {}}),
        (
            "sentence_bert_config.json",
            {"modality_config": storage.TEXT, "module_output_name": "token_embeddings"},
        ),
        ("config_sentence_transformers.json", {"prompts": {"query": "man "}}),
        ("config_sentence_transformers.json", {"similarity_fn_name": "dot"}),
        ("config_sentence_transformers.json", {"model_type": "SentenceTransformer"}),
        ("2_Normalize/config.json", {"module_input_name": "sentence_embedding"}),
    ],
)
@pytest.mark.fault("storage", "right result")
def test_settings_that_change_no_vector_are_accepted(folder, name, settings):
    change(folder / name, **settings)
    assert same(load_encoder(folder), library(folder))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("sentence_bert_config.json", "do_lower_case", True),
        ("sentence_bert_config.json", "transformer_task", "fill-mask"),
        ("sentence_bert_config.json", "modality_config", {"message": {}}),
        ("sentence_bert_config.json", "module_output_name", "sentence_embedding"),
        ("sentence_bert_config.json", "processing_kwargs", {"text": {"a": 1}}),
        ("sentence_bert_config.json", "processor_kwargs", {"do_lower_case": True}),
        ("sentence_bert_config.json", "tokenizer_args", {"model_max_length": 5}),
        ("sentence_bert_config.json", "model_args", {"dtype": "float16"}),
        ("sentence_bert_config.json", "model_kwargs", {"torch_dtype": "float16"}),
        ("sentence_bert_config.json", "config_args", {"num_hidden_layers": 1}),
        ("sentence_bert_config.json", "config_kwargs", {"num_hidden_layers": 1}),
        ("sentence_bert_config.json", "query_length", 5),
        ("sentence_bert_config.json", "query_expansion", {"strategy": "fixed"}),
        ("sentence_bert_config.json", "tokenizer_name_or_path", "elsewhere"),
        ("sentence_bert_config.json", "something_new", 1),
        ("config_sentence_transformers.json", "default_prompt_name", "q"),
        ("config_sentence_transformers.json", "truncate_dim", 8),
        ("config_sentence_transformers.json", "model_type", "SparseEncoder"),
        ("config_sentence_transformers.json", "requirements", {"torch": ">=99"}),
        ("config_sentence_transformers.json", "something_new", 1),
        ("1_Pooling/config.json", "something_new", 1),
        ("2_Normalize/config.json", "module_input_name", "token_embeddings"),
        ("2_Normalize/config.json", "module_output_name", "elsewhere"),
        ("2_Normalize/config.json", "p", 1),
    ],
)
@pytest.mark.fault("storage", "clear error")
def test_settings_that_we_do_not_apply_are_refused(folder, name, key, value):
    change(folder / name, **{key: value})
    with pytest.raises(ValueError, match=rf"saved with {key} = .* \(in {name}\)"):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("error", "limit"), [(TypeError, "9"), (TypeError, 9.5), (ValueError, 0)]
)
@pytest.mark.fault("storage", "clear error")
def test_a_saved_limit_that_is_none_is_refused(folder, error, limit):
    change(folder / "sentence_bert_config.json", max_seq_length=limit)
    with pytest.raises(error, match="max_seq_length must be"):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("message", "edit"),
    [
        ("we run only Transformer, Pooling, Normalize", lambda m: m[:1]),
        ("we run only Transformer, Pooling, Normalize", lambda m: m[::-1]),
        ("we run only Transformer, Pooling, Normalize", lambda m: []),
        ("we run only Transformer, Pooling, Normalize", lambda m: [*m, m[2]]),
        (
            r"custom_st\.Transformer",
            lambda m: [m[0] | {"type": "custom_st.Transformer"}, *m[1:]],
        ),
        ("type = 7|has the modules", lambda m: [m[0] | {"type": 7}, *m[1:]]),
        ("two modules one name", lambda m: [m[0], m[1] | {"name": "0"}]),
        ("saved with kwargs = ", lambda m: [m[0], m[1] | {"kwargs": ["task"]}]),
        ("saved with new = 1", lambda m: [m[0] | {"new": 1}, *m[1:]]),
        (r"path = '\.\./other'", lambda m: [m[0] | {"path": "../other"}, *m[1:]]),
        (r"path = '1/\.\./\.\.'", lambda m: [m[0], m[1] | {"path": "1/../.."}]),
        ("path = '/etc'", lambda m: [m[0], m[1] | {"path": "/etc"}]),
        (r"path = 'C:", lambda m: [m[0], m[1] | {"path": "C:\\x"}]),
        ("path = None", lambda m: [m[0], m[1] | {"path": None}]),
        ("has no 3_Pooling", lambda m: [m[0], m[1] | {"path": "3_Pooling"}]),
        ("saved with .* config.json", lambda m: [m[0], m[1] | {"path": ""}]),
        ("holds no settings: 'Transformer'", lambda m: ["Transformer"]),
        ("holds no list of modules", lambda m: {"0": "Transformer"}),
    ],
)
@pytest.mark.fault("storage", "clear error")
def test_modules_that_we_do_not_run_are_refused(folder, message, edit):
    file = folder / "modules.json"
    file.write_text(json.dumps(edit(json.loads(file.read_text()))))
    with pytest.raises(ValueError, match=message):
        load_encoder(folder)


@pytest.mark.fault("storage", "clear error")
def test_a_model_with_more_to_it_is_refused(folder, tmp_path):
    transformer = Transformer(str(folder))
    modules = [transformer, Pooling(16), Dense(16, 4)]
    dense = SentenceTransformer(modules=modules, device="cpu")
    dense.save(str(tmp_path / "dense"), create_model_card=False)
    with pytest.raises(ValueError, match=r"\.Dense'"):
        load_encoder(tmp_path / "dense")
    modules = [transformer, Pooling(16, pooling_mode=("mean", "cls"))]
    both = SentenceTransformer(modules=modules, device="cpu")
    both.save(str(tmp_path / "both"), create_model_card=False)
    with pytest.raises(ValueError, match=r"pooled by \['mean', 'cls'\]"):
        load_encoder(tmp_path / "both")


@pytest.mark.parametrize("mode", [[], ["median"], "median", 3, [["mean"]], {"mean": 1}])
@pytest.mark.fault("storage", "clear error")
def test_a_pooling_that_we_do_not_know_is_refused(folder, mode):
    change(folder / "1_Pooling" / "config.json", pooling_mode=mode)
    with pytest.raises(ValueError, match="is pooled by"):
        load_encoder(folder)


@pytest.mark.fault("storage", "clear error")
def test_an_adapter_is_refused(folder):
    change(folder / "adapter_config.json", peft_type="LORA")
    with pytest.raises(ValueError, match=r"has an adapter \(adapter_config.json\)"):
        load_encoder(folder)
    (folder / "modules.json").unlink()
    with pytest.raises(ValueError, match=r"has an adapter \(adapter_config.json\)"):
        load_encoder(folder)


@pytest.mark.fault("storage", "clear error")
def test_a_plain_model_that_chats_is_refused(tmp_path):
    """The library would write each sentence into the template."""
    tokenizer, model = families.qwen2()
    tokenizer.chat_template = "{% for m in messages %}man {{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has a chat_template"):
        load_encoder(tmp_path)


@pytest.mark.fault("storage", "right result")
def test_a_model_that_chats_is_read_as_it_was_saved(tmp_path):
    tokenizer, model = families.qwen2()
    tokenizer.chat_template = "{% for m in messages %}man {{ m.content }}{% endfor %}"
    saved = save_encoder(Encoder(tokenizer, model, 9), tmp_path / "model")
    assert same(load_encoder(saved), library(saved))


# Files that are missing or damaged.


@pytest.mark.parametrize("keep", [[], ["tokenizer_config.json"]])
@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
@pytest.mark.fault("storage", "clear error")
def test_a_folder_without_a_tokenizer_is_refused(tmp_path, family, keep):
    """transformers would make up five tokens: every sentence has the same vector."""
    families.save(families.FAMILIES[family], tmp_path)
    change(tmp_path / "tokenizer_config.json", tokenizer_class=None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if name not in keep:
            (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer: tokenizer\.json is not"):
        load_encoder(tmp_path)


@pytest.mark.fault("storage", "right result")
def test_a_vocabulary_alone_is_a_tokenizer(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "two", "dogs"]
    families.bert()[1].save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    ours = load_encoder(tmp_path)
    assert same(ours, library(tmp_path))
    assert (vectors(ours, ["a man"]) - vectors(ours, ["two dogs"])).abs().max() > 0.01


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "modules.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    ],
)
@pytest.mark.parametrize("damage", ["cut off", "empty", "not text", "nothing"])
@pytest.mark.fault("storage", "clear error")
def test_a_damaged_file_is_named(folder, name, damage):
    content = (folder / name).read_bytes()
    half = content[: len(content) // 2]
    kept = {"cut off": half, "empty": b"", "not text": b"\xff", "nothing": b"null"}
    (folder / name).write_bytes(kept[damage])
    with pytest.raises((ValueError, OSError), match=name):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.fault("storage", "clear error")
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises((OSError, ValueError), match=name):
        load_encoder(folder)


@pytest.mark.fault("storage", "right result")
def test_a_model_that_answers_with_tuples(folder):
    change(folder / "config.json", return_dict=False)
    assert same(load_encoder(folder), library(folder))


@pytest.mark.fault("storage", "clear error")
def test_missing_weights_are_not_made_up(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights.pop("encoder.layer.1.output.dense.weight")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 .* encoder.layer.1.output.dense"):
        load_encoder(folder)


@pytest.mark.fault("storage", "right result")
def test_the_pooler_may_be_missing(folder):
    """Nothing that we do reads it, and many models are saved without."""
    file = folder / "model.safetensors"
    weights = {n: w for n, w in load_file(file).items() if not n.startswith("pooler.")}
    before = vectors(load_encoder(folder))
    save_file(weights, file, metadata={"format": "pt"})
    assert torch.equal(vectors(load_encoder(folder)), before)


# Which model is meant.


@pytest.mark.fault("storage", "right result")
def test_a_folder_with_the_courses_name_is_that_folder(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(load_encoder(MINILM.name).tokenizer) == 30522
    save_encoder(small, MINILM.name)
    assert torch.allclose(vectors(load_encoder(MINILM.name)), vectors(small))
    assert len(load_encoder().tokenizer) == 30522  # without a name: the course's


@pytest.mark.fault("storage", "clear error")
@pytest.mark.parametrize("name", ["", 3, b"model", ["model"]])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(TypeError, match="name_or_path must be a folder or a name"):
        load_encoder(name)


@pytest.mark.fault("storage", "clear error")
@pytest.mark.parametrize("name", ["nobody/nothing", "./nothing", Path("nothing"), "/"])
def test_an_unknown_model_is_an_error_that_names_it(name):
    with pytest.raises(OSError, match=f"under the hub name, '{name!s}'"):
        load_encoder(name)


def hub_cache(root, names_not_there=()):
    """A model in the hub's own cache, laid out by hand as a download leaves it."""
    repository, commit = root / "hub" / "models--somebody--small", "0" * 40
    snapshot = repository / "snapshots" / commit
    for path in (snapshot, repository / "refs", repository / ".no_exist" / commit):
        path.mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    for name in names_not_there:  # where the hub's library notes what it asked in vain
        (repository / ".no_exist" / commit / name).touch()
    return snapshot


def load_from_hub(root):
    program = (
        "from helpers.encoder import encode; from helpers.storage import load_encoder;"
        "e = load_encoder('somebody/small');"
        "print(e.max_length, list(encode(e, ['two dogs']).shape))"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"HF_HOME": str(root), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_another_model_loads_by_its_name_on_the_hub(folder, tmp_path):
    """Its length limit is found there too."""
    absent = ("adapter_config.json", "config_sentence_transformers.json")
    snapshot = hub_cache(tmp_path, absent)
    for path in folder.iterdir():
        path.rename(snapshot / path.name)
    (snapshot / "2_Normalize").mkdir()
    (snapshot / "2_Normalize" / "config.json").write_text("{}")
    run = load_from_hub(tmp_path)
    assert run.stdout.strip() == "9 [1, 16]", run.stderr


@pytest.mark.fault("storage", "clear error")
def test_a_model_whose_pooling_is_not_in_the_cache_is_not_guessed(tmp_path):
    """AutoModel alone leaves such a cache: weights, and nothing about pooling."""
    families.save(families.bert, hub_cache(tmp_path))
    run = load_from_hub(tmp_path)
    expected = "Whether 'somebody/small' has the file modules.json is not known"
    assert expected in run.stderr


# Saving: nothing overwritten, nothing half, nothing left.


def something(path):
    path.mkdir()
    (path / "chapter.txt").write_text("three years")


@pytest.mark.parametrize(
    "put",
    [
        something,
        Path.mkdir,
        Path.touch,
        lambda path: path.symlink_to("nowhere"),
    ],
)
@pytest.mark.fault("storage", "clear error")
def test_nothing_is_overwritten(small, tmp_path, put):
    target = tmp_path / "thesis"
    put(target)
    before = [(p, p.is_symlink() or p.stat().st_mtime_ns) for p in tmp_path.rglob("*")]
    with pytest.raises(FileExistsError, match="choose a new folder"):
        save_encoder(small, target)
    after = [(p, p.is_symlink() or p.stat().st_mtime_ns) for p in tmp_path.rglob("*")]
    assert before == after


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        PermissionError(13, "Permission denied"),
        SafetensorError("I/O error: No space left on device"),
    ],
)
@pytest.mark.parametrize("at", ["model", "tokenizer"])
@pytest.mark.fault("storage", "clear error")
def test_a_save_that_fails_leaves_nothing(small, tmp_path, monkeypatch, error, at):
    def full(folder):
        Path(folder).mkdir(exist_ok=True)
        (Path(folder) / "model.safetensors").write_bytes(b"half")
        raise error

    monkeypatch.setattr(getattr(small, at), "save_pretrained", full)
    with pytest.raises(OSError, match=r"could not be saved.*(No space|Permission)"):
        save_encoder(small, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits on Windows")
@pytest.mark.parametrize("size", [3000, 200])
@pytest.mark.fault("storage", "clear error")
def test_a_disk_that_is_really_full(small, tmp_path, size):
    """The system refuses files over a size: below the weights, or any file."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(OSError, match=r"could not be saved"):
            save_encoder(small, tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("storage", "clear error")
def test_a_parent_that_cannot_hold_a_folder(small, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="could not be saved"):
        save_encoder(small, tmp_path / "file" / "model")

    # Root may write anywhere, so the system's own refusal is imitated.
    def deny(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(storage.tempfile, "mkdtemp", deny)
    with pytest.raises(OSError, match=r"could not be saved.*Permission denied"):
        save_encoder(small, tmp_path / "model")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.fault("storage", "clear error")
def test_a_pooling_that_the_library_does_not_have_is_not_saved(
    small, tmp_path, monkeypatch
):
    monkeypatch.setitem(POOLING_MODES, "median", lambda hidden, mask: hidden[:, 0])
    odd = dataclasses.replace(small, pooling="median")
    with pytest.raises(ValueError, match="pooling 'median' cannot be saved"):
        save_encoder(odd, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("storage", "right result")
def test_a_limit_of_numpy_can_be_saved(small, tmp_path):
    numpy = dataclasses.replace(small, max_length=np.int32(7))
    assert load_encoder(save_encoder(numpy, tmp_path / "model")).max_length == 7


KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from tests import families
from helpers.encoder import Encoder
from helpers.storage import save_encoder
encoder = Encoder(*families.bert(), max_length=9)
encoder.tokenizer.save_pretrained = lambda folder: os._exit(9)
save_encoder(encoder, {target!r})
"""


@pytest.mark.fault("storage", "right result")
def test_what_a_killed_process_left_goes_with_the_next_save(small, tmp_path):
    root, target = str(Path(__file__).parent.parent), str(tmp_path / "model[1]")
    program = KILLED.format(root=root, target=target)
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".model[1].sentence-to-vector.")
    save_encoder(small, tmp_path / "another")
    assert left.exists()  # another name: its owner may come back for it
    save_encoder(small, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["another", "model[1]"]


@pytest.mark.parametrize(
    "name",
    [".model.sentence-to-vector.mine", ".model.backup", ".model.a1b2c3d4", "model.old"],
)
@pytest.mark.fault("storage", "right result")
def test_what_is_not_ours_stays(small, tmp_path, name):
    something(tmp_path / name)
    save_encoder(small, tmp_path / "model")
    assert (tmp_path / name / "chapter.txt").read_text() == "three years"


@pytest.mark.fault("storage", "right result")
def test_a_save_that_is_still_running_is_left_alone(small, tmp_path):
    running = tmp_path / ".model.sentence-to-vector.running"
    something(running)
    with FileLock(running / MARKER):
        save_encoder(small, tmp_path / "model")
        assert (running / "chapter.txt").exists()


def test_a_tokenizer_that_was_saved_is_the_same(small, folder):
    again = AutoTokenizer.from_pretrained(folder)
    assert again(SENTENCES)["input_ids"] == small.tokenizer(SENTENCES)["input_ids"]


@pytest.mark.fault("storage", "right result")
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_tokenizer_that_pads_on_the_left_is_saved_to_pad_on_the_right(
    small, tmp_path, pooling
):
    """Else the library's vectors would depend on the batch."""
    left = copy.deepcopy(small.tokenizer)
    left.padding_side = "left"
    saved = dataclasses.replace(small, tokenizer=left, pooling=pooling)
    save_encoder(saved, tmp_path / "model")
    assert same(saved, library(tmp_path / "model"))
    assert left.padding_side == "left"  # the caller's own stays as it was


@pytest.mark.fault("storage", "clear error")
def test_a_folder_that_pads_on_the_left_is_refused(folder):
    change(folder / "tokenizer_config.json", padding_side="left")
    with pytest.raises(ValueError, match="saved with padding_side = 'left'"):
        load_encoder(folder)


@pytest.mark.fault("storage", "clear error")
def test_a_quantized_model_cannot_be_saved(small, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces the successor of this
        model = torch.ao.quantization.quantize_dynamic(small.model.eval())
    quantized = dataclasses.replace(small, model=model)
    with pytest.raises(ValueError, match="parts that are no tensors"):
        save_encoder(quantized, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("storage", "clear error")
def test_a_folder_that_another_process_wrote_first_is_kept(
    small, tmp_path, monkeypatch
):
    target, write = tmp_path / "model", storage._write

    def overtaken(encoder, work):
        write(encoder, work)
        target.mkdir()
        (target / "theirs").write_text("first")

    monkeypatch.setattr(storage, "_write", overtaken)
    with pytest.raises(FileExistsError, match="another process has written it"):
        save_encoder(small, target)
    assert [path.name for path in target.iterdir()] == ["theirs"]


@pytest.mark.fault("storage", "right result")
def test_a_fresh_encoder_leaves_the_random_numbers_of_the_caller():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    storage.fresh_encoder(1)
    assert torch.equal(torch.rand(1), expected)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        storage.fresh_encoder(1, seed=-1)


@pytest.mark.fault("storage", "clear error")
@pytest.mark.parametrize("folder", ["", 3, None])
def test_a_folder_to_save_in_is_a_path(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match="folder must be the path of a new folder"):
        save_encoder(Encoder(*families.bert(), 12), folder)
    assert os.listdir(tmp_path) == []


@pytest.mark.fault("storage", "clear error")
def test_a_model_alone_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match=r"must be an Encoder, .* not BertModel"):
        save_encoder(families.bert()[1], tmp_path / "new")
    assert os.listdir(tmp_path) == []
