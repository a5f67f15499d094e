"""diagnose: a sound encoder passes, and each planted fault is named by its stage."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import BertModel, FNetConfig, FNetModel

from helpers import diagnose
from helpers.assets import MINILM, fetch
from helpers.batching import pad
from helpers.encoder import Encoder, encode, forward, token_ids
from helpers.pooling import mean_pool, naive_mean
from helpers.storage import save_encoder
from tests import families

TINY = {
    name: families.FAMILIES[name] for name in ("bert", "distilbert", "roberta", "mpnet")
}


def named(findings):
    """{check: stage} of the faults."""
    return {f.check: f.stage for f in findings if f.verdict == "FAULT"}


def tiny(name):
    return Encoder(*TINY[name](), max_length=12)


@pytest.fixture(scope="module", params=["MiniLM", *TINY])
def any_encoder(request, encoder):
    return encoder if request.param == "MiniLM" else tiny(request.param)


def by(encoder, pool_with=mean_pool, side="right", mask=lambda m: m, after=None):
    """An encode function with a fault somewhere on the way, one batch a call."""

    def encode_all(texts):
        rows = token_ids(encoder, texts)
        ids, real = pad(rows, encoder.tokenizer.pad_token_id, side=side)
        with torch.no_grad():
            output = encoder.model(input_ids=ids, attention_mask=mask(real))
        pooled = pool_with(output.last_hidden_state.float(), real)
        return (after or nn.functional.normalize)(pooled)

    return encode_all


FAULTS = {
    "mask forgotten": (dict(mask=lambda m: None), "mask in the encoder"),
    "mask of zeros": (dict(mask=torch.zeros_like), "mask in the encoder"),
    "mask of ones": (dict(mask=torch.ones_like), "mask in the encoder"),
    "mask turned over": (dict(mask=lambda m: 1 - m), "mask in the encoder"),
    "naive mean": (dict(pool_with=lambda h, m: naive_mean(h)), "pooling"),
    "largest of all": (dict(pool_with=lambda h, m: h.amax(1)), "pooling"),
    "last column": (dict(pool_with=lambda h, m: h[:, -1]), "pooling"),
    "columns normalized": (
        dict(after=lambda v: nn.functional.normalize(v, dim=0)),
        "normalization",
    ),
    "batch centered": (dict(after=lambda v: v - v.mean(0)), "normalization"),
    "batch scaled": (dict(after=lambda v: v / v.norm()), "normalization"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_names_the_stage_of_a_planted_fault(any_encoder, fault):
    options, stage = FAULTS[fault]
    encode_all = by(any_encoder, **options)
    looks = (diagnose.check_batch, diagnose.check_padding, diagnose.check_stages)
    found = named(look(encode_all) for look in looks)
    assert set(found.values()) == {stage}, found


def test_a_sound_encoder_passes(any_encoder):
    assert named(diagnose.check(by(any_encoder))) == {}
    assert named(diagnose.check_model(any_encoder)) == {}


# DistilBERT has 512 positions; of RoBERTa's and MPNet's 16, 14 can be used.
LIMITS = {"distilbert": 200, "roberta": 14, "mpnet": 14}


@pytest.mark.parametrize("name", [f for f in families.FAMILIES if f != "qwen2"])
def test_a_sound_folder_of_each_family_passes(name, tmp_path):
    limit = LIMITS.get(name, 12)
    folder = families.save(families.FAMILIES[name], tmp_path / name, limit=limit)
    found = diagnose.check_model(folder)
    assert named(found) == {}, "\n".join(map(str, found))


def test_a_folder_whose_tokenizer_is_read_by_other_rules(tmp_path):
    """transformers opens it as Qwen2's own, and every word becomes unknown."""
    folder = families.save(families.qwen2, tmp_path / "qwen2")
    assert named(diagnose.check_model(folder)) == {"tokenizer": "tokenizer"}


def test_a_folder_without_a_limit_whose_positions_run_out(tmp_path):
    folder = families.save(families.roberta, tmp_path / "roberta")
    assert named(diagnose.check_model(folder))["order"] == "limit"


def test_a_sound_sentence_transformer_passes(library):
    assert named(diagnose.check_model(library)) == {}


@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_left_padding_where_columns_are_positions(name):
    found = named(diagnose.check(by(tiny(name), side="left")))
    assert set(found.values()) == {"positions"}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounding(encoder, dtype):
    half = Encoder(encoder.tokenizer, copy.deepcopy(encoder.model).to(dtype), 256)
    assert named(diagnose.check(by(half))) == {"padding": "rounding"}


def test_dropout(encoder):
    noisy = Encoder(encoder.tokenizer, copy.deepcopy(encoder.model).train(), 256)
    assert named(diagnose.check(by(noisy))) == {"repeat": "dropout"}


def test_order(encoder):
    def as_sorted(texts):
        return encode(encoder, sorted(texts, key=len))

    assert named(diagnose.check(as_sorted)) == {"order": "order"}


class Deaf(BertModel):
    """A model with code of its own that forgets what mask it got."""

    def forward(self, input_ids, attention_mask=None, return_dict=True):
        return super().forward(input_ids)


def test_a_model_that_ignores_the_mask():
    tokenizer, model = families.bert()
    torch.manual_seed(0)
    deaf = Deaf(model.config).eval()
    found = diagnose.check(by(Encoder(tokenizer, deaf, 12)))
    assert set(named(found).values()) == {"model ignores the mask"}
    fnet = FNetModel(
        FNetConfig(
            vocab_size=40, hidden_size=16, num_hidden_layers=2, intermediate_size=32,
            max_position_embeddings=16, pad_token_id=0,
        )
    ).eval()  # fmt: skip

    def encode_all(texts):
        rows = token_ids(Encoder(tokenizer, model, 12), texts)
        ids, real = pad(rows)
        with torch.no_grad():
            return mean_pool(fnet(ids).last_hidden_state, real)

    assert set(named(diagnose.check(encode_all)).values()) == {"model ignores the mask"}


def test_empty_rows_that_become_nan(encoder):
    def without_special(texts):
        rows = [row[1:-1] for row in token_ids(encoder, texts)]
        with torch.no_grad():
            hidden, real = forward(encoder, rows)
        return (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)

    assert named(diagnose.check(without_special)) == {"odd input": "empty rows"}


def test_no_vector_of_numbers_for_an_empty_text(encoder):
    def refusing(texts):
        if not all(text.strip() for text in texts):
            raise ZeroDivisionError
        return encode(encoder, texts)

    [finding] = [f for f in diagnose.check(refusing) if f.verdict == "FAULT"]
    assert "the empty text raises ZeroDivisionError" in finding.evidence


def test_a_black_box_without_pytorch_inside(encoder):
    """The change is seen and the cause narrowed down, the stage cannot be named."""
    naive, calls = by(encoder, pool_with=lambda h, m: naive_mean(h)), {}

    def remembered(texts):
        key = tuple(texts)
        if key not in calls:
            calls[key] = naive(texts)
        return calls[key].numpy().tolist()

    found = named(diagnose.check(remembered))
    assert found["padding"] == "unknown"  # each call is watched once it is remembered
    found = diagnose.check(remembered)
    assert named(found) == {"padding": "unknown"}
    assert any(f.check == "stages" and f.verdict == "note" for f in found)


# Faults that are saved with the course's encoder: what was done to the folder.


def settings(path, **changes):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | changes))


def left_padding(folder):
    settings(folder / "tokenizer_config.json", padding_side="left")


def half_precision(folder):
    weights = load_file(folder / "model.safetensors")
    half = {name: tensor.bfloat16() for name, tensor in weights.items()}
    save_file(half, folder / "model.safetensors", {"format": "pt"})
    settings(folder / "config.json", dtype="bfloat16", torch_dtype="bfloat16")


def beyond_the_positions(folder):
    settings(folder / "sentence_bert_config.json", max_seq_length=1024)
    settings(folder / "tokenizer_config.json", model_max_length=1024)


def cut_after_eight(folder):
    settings(folder / "sentence_bert_config.json", max_seq_length=8)


def pooled_by_cls(folder):
    settings(
        folder / "1_Pooling/config.json",
        pooling_mode_cls_token=True,
        pooling_mode_mean_tokens=False,
    )


def dimensions_cut(folder):
    settings(folder / "config_sentence_transformers.json", truncate_dim=64)


def weights_lost(folder):
    weights = load_file(folder / "model.safetensors")
    kept = {n: t for n, t in weights.items() if "layer.3" not in n}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def no_capitals(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(content))
    settings(folder / "tokenizer_config.json", do_lower_case=False)


SAVED = {
    left_padding: "positions",
    half_precision: "rounding",
    beyond_the_positions: "limit",
    cut_after_eight: "limit",
    pooled_by_cls: "pooling",
    dimensions_cut: "normalization",
    weights_lost: "weights",
    no_capitals: "tokenizer",
}


@pytest.mark.parametrize("plant", SAVED, ids=lambda plant: plant.__name__)
def test_names_a_fault_that_was_saved_with_the_encoder(plant, tmp_path):
    folder = shutil.copytree(fetch(MINILM), tmp_path / "model")
    plant(folder)
    found = diagnose.check_model(folder)
    assert set(named(found).values()) == {SAVED[plant]}, "\n".join(map(str, found))


def test_a_pooling_module_that_was_replaced(library):
    changed = SentenceTransformer(modules=[*copy.deepcopy(library)], device="cpu")

    def naive(features, **_):
        hidden = features["token_embeddings"]
        return features | {"sentence_embedding": hidden.mean(1)}

    changed[1].forward = naive
    found = named(diagnose.check_model(changed))
    assert found == {"padding": "pooling", "stages": "pooling"}


def test_the_command_prints_lines_and_json_and_says_so_by_its_status(
    encoder, tmp_path, capsys
):
    folder = save_encoder(tiny("bert"), tmp_path / "sound")
    assert diagnose.main([str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("sound", "note ")) for line in lines)
    left_padding(folder)
    assert diagnose.main([str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {f["stage"] for f in found if f["verdict"] == "FAULT"} == {"positions"}
    assert diagnose.main([str(tmp_path / "nothing")]) == 2
    assert "cannot be opened" in capsys.readouterr().err


@pytest.mark.fault("diagnose", "clear error")
def test_code_that_comes_with_a_model_is_never_run(tmp_path, capsys):
    folder = save_encoder(tiny("bert"), tmp_path / "model")
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w')\nclass Mine: pass\n"
    (folder / "modeling_mine.py").write_text(code)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "modeling_mine.Mine"
    (folder / "modules.json").write_text(json.dumps(modules))
    assert diagnose.main([str(folder)]) == 2
    assert not ran.exists()
    assert "trust_remote_code" in capsys.readouterr().err


@pytest.mark.fault("diagnose", "clear error")
@pytest.mark.parametrize(
    ("encode_all", "words"),
    [
        (lambda texts: None, "not NoneType"),
        (lambda texts: "vectors", "not str"),
        (lambda texts: np.zeros(3), r"\[1, H\], not \[3\]"),
        (lambda texts: np.zeros((9, 3)), r"\[1, H\], not \[9, 3\]"),
    ],
)
def test_refuses_what_is_no_vectors(encode_all, words):
    with pytest.raises((TypeError, ValueError), match=words):
        diagnose.check(encode_all)
