import dataclasses
import json
import warnings

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel

from helpers import layout
from helpers.encoder import Encoder, encode, load_encoder
from helpers.layout import save_encoder
from helpers.pooling import POOLING_MODES

SENTENCES = ["A man plays.", "", "Two dogs run through the wet grass behind the old house.", "word " * 60]


@pytest.fixture
def small(encoder):
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    return Encoder(encoder.tokenizer, BertModel(config).eval(), 24)


def vectors(encoder):
    with warnings.catch_warnings(record=True):  # one sentence is cut, by purpose
        return encode(encoder, SENTENCES)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", POOLING_MODES)
def test_what_we_save_opens_in_the_library_and_here(small, tmp_path, pooling, normalize):
    saved = dataclasses.replace(small, pooling=pooling, normalize=normalize)
    assert save_encoder(saved, tmp_path / "deep" / "model") == tmp_path / "deep" / "model"
    library = SentenceTransformer(str(tmp_path / "deep" / "model"), device="cpu")
    assert library.max_seq_length == 24
    assert torch.allclose(library.encode(SENTENCES, convert_to_tensor=True), vectors(saved), atol=1e-6)
    again = load_encoder(tmp_path / "deep" / "model")
    assert (again.pooling, again.normalize, again.max_length) == (pooling, normalize, 24)
    assert torch.allclose(vectors(again), vectors(saved), atol=1e-6)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_what_the_library_saves_opens_here(small, tmp_path, pooling, normalize):
    save_encoder(small, tmp_path / "ours")
    modules = [Transformer(str(tmp_path / "ours"), max_seq_length=24), Pooling(16, pooling_mode=pooling)]
    library = SentenceTransformer(modules=[*modules, *([Normalize()] if normalize else [])], device="cpu")
    library.save(str(tmp_path / "theirs"), create_model_card=False)
    ours = load_encoder(tmp_path / "theirs")
    assert torch.allclose(library.encode(SENTENCES, convert_to_tensor=True), vectors(ours), atol=1e-6)


def test_the_real_model_says_how_it_is_pooled(encoder):
    assert (encoder.pooling, encoder.normalize, encoder.max_length) == ("mean", True, 256)


def test_a_plain_transformer_gets_the_librarys_defaults(small, tmp_path):
    small.model.save_pretrained(tmp_path)
    small.tokenizer.save_pretrained(tmp_path)
    ours = load_encoder(tmp_path)
    assert (ours.pooling, ours.normalize) == ("mean", False)
    library = SentenceTransformer(str(tmp_path), device="cpu")
    assert torch.allclose(library.encode(SENTENCES, convert_to_tensor=True), encode(ours, SENTENCES), atol=1e-6)


def test_a_plain_decoder_is_pooled_as_the_library_does(small, tmp_path):
    small.model.save_pretrained(tmp_path)
    small.tokenizer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for extra, pooling in (({}, "lasttoken"), ({"is_causal": False}, "mean")):
        (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["XForCausalLM"]} | extra))
        library = SentenceTransformer(str(tmp_path), device="cpu")
        assert layout.read_layout(tmp_path)[0] == library[1].pooling_mode == pooling


def test_a_limit_under_an_old_name_is_read(small, tmp_path):
    save_encoder(small, tmp_path / "model")
    (tmp_path / "model" / "sentence_bert_config.json").rename(tmp_path / "model" / "sentence_roberta_config.json")
    assert load_encoder(tmp_path / "model").max_length == 24
    assert SentenceTransformer(str(tmp_path / "model"), device="cpu").max_seq_length == 24


def test_a_transformer_alone_is_refused(small, tmp_path):
    """modules.json without pooling: what comes out is not ours to guess."""
    save_encoder(small, tmp_path / "model")
    file = tmp_path / "model" / "modules.json"
    file.write_text(json.dumps(json.loads(file.read_text())[:1]))
    with pytest.raises(ValueError, match="we run only Transformer, Pooling, Normalize"):
        load_encoder(tmp_path / "model")


def test_a_model_with_more_to_it_is_refused(small, tmp_path):
    save_encoder(small, tmp_path / "ours")
    transformer = Transformer(str(tmp_path / "ours"))
    dense = SentenceTransformer(modules=[transformer, Pooling(16), Dense(16, 4)], device="cpu")
    dense.save(str(tmp_path / "dense"), create_model_card=False)
    with pytest.raises(ValueError, match=r"\.Dense'"):
        load_encoder(tmp_path / "dense")
    both = SentenceTransformer(modules=[transformer, Pooling(16, pooling_mode=("mean", "cls"))], device="cpu")
    both.save(str(tmp_path / "both"), create_model_card=False)
    with pytest.raises(ValueError, match=r"pooled by \['mean', 'cls'\]"):
        load_encoder(tmp_path / "both")


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("sentence_bert_config.json", "do_lower_case", True),
        ("config_sentence_transformers.json", "default_prompt_name", "q"),
        ("config_sentence_transformers.json", "truncate_dim", 8),
    ],
)
def test_settings_that_we_do_not_apply_are_refused(small, tmp_path, name, key, value):
    save_encoder(small, tmp_path / "model")
    (tmp_path / "model" / name).write_text(json.dumps({key: value}))
    with pytest.raises(ValueError, match=f"saved with {key} = {value!r}"):
        load_encoder(tmp_path / "model")


def test_foreign_modules_are_refused(small, tmp_path):
    save_encoder(small, tmp_path / "model")
    file = tmp_path / "model" / "modules.json"
    file.write_text(file.read_text().replace("sentence_transformers.models.Transformer", "custom_st.Transformer"))
    with pytest.raises(ValueError, match=r"custom_st\.Transformer"):
        load_encoder(tmp_path / "model")


def test_an_unknown_pooling_is_not_saved(small, tmp_path):
    with pytest.raises(ValueError, match=r"encoder.pooling must be one of .*, not 'avg'"):
        save_encoder(dataclasses.replace(small, pooling="avg"), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_old_and_of_new_format_reads_alike(small, tmp_path):
    save_encoder(dataclasses.replace(small, pooling="lasttoken"), tmp_path / "model")
    file = tmp_path / "model" / "1_Pooling" / "config.json"
    assert layout.read_layout(tmp_path / "model")[0] == "lasttoken"
    file.write_text(json.dumps({"embedding_dimension": 16, "pooling_mode": "lasttoken"}))
    assert layout.read_layout(tmp_path / "model")[0] == "lasttoken"


def test_nothing_is_overwritten(small, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("three years")
    with pytest.raises(FileExistsError, match="choose a new folder"):
        save_encoder(small, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "three years"


def test_a_save_that_fails_leaves_nothing(small, tmp_path, monkeypatch):
    def full(folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(small.model, "save_pretrained", full)
    with pytest.raises(OSError, match="No space left"):
        save_encoder(small, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
