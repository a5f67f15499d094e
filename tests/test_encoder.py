"""encode: in order, whatever the batch; the reference's vectors; clear errors."""

import dataclasses
import os
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn

from helpers import encoder as module
from helpers.batching import pad
from helpers.datasets import load_stsb
from helpers.encoder import TruncationWarning, encode, fresh_encoder, load_encoder, token_embeddings, token_ids
from helpers.metrics import cosine, spearman, sts_interval, sts_score
from helpers.pooling import mean_pool

SENTENCES = [
    "A man is playing a guitar.",
    "Cats.",
    "The committee postponed its decision on the new harbor until the end of the following month.",
    "",
    "Two children are running through a sunny park.",
]


def test_equal_to_sentence_transformers_on_all_of_sts_b_test(encoder, library):
    test = load_stsb("test")
    sentences = [*test.sentence1, *test.sentence2]
    ours = encode(encoder, sentences)
    theirs = library.encode(sentences, convert_to_tensor=True)
    assert (ours - theirs).abs().max() < 1e-6
    assert round(sts_score(ours, test.score), 2) == 82.03


@pytest.mark.parametrize("token_budget", [1, 13, 64, 10**6])
def test_any_batching_gives_the_same_vectors_in_the_order_given(encoder, token_budget):
    alone = torch.cat([encode(encoder, [sentence]) for sentence in SENTENCES])
    assert (encode(encoder, SENTENCES, token_budget=token_budget) - alone).abs().max() < 1e-6
    assert (encode(encoder, SENTENCES[::-1], token_budget=token_budget).flip(0) - alone).abs().max() < 1e-6


def test_more_padding_changes_nothing_and_left_padding_only_without_position_ids(encoder):
    rows = token_ids(encoder, SENTENCES)
    order = list(range(len(rows)))
    ((_, short, mask),) = token_embeddings(encoder, rows, [order])
    ((_, padded, wide),) = token_embeddings(encoder, rows, [order], padded_length=40)
    real = mask == 1
    assert torch.allclose(short[real], padded[:, : mask.shape[1]][real], atol=1e-5)
    ids, left = pad(rows, length=40, side="left")
    with torch.no_grad():
        wrong = encoder.model(input_ids=ids, attention_mask=left).last_hidden_state
        position_ids = (left.cumsum(1) - 1).clamp(min=0)
        right = encoder.model(input_ids=ids, attention_mask=left, position_ids=position_ids).last_hidden_state
    assert not torch.allclose(wrong[left == 1], padded[wide == 1], atol=1e-2)
    assert torch.allclose(right[left == 1], padded[wide == 1], atol=1e-5)


def test_without_the_mask_the_neighbor_matters(encoder):
    rows = token_ids(encoder, SENTENCES[1:3])
    ((_, hidden, mask),) = token_embeddings(encoder, rows, [[0, 1]], use_mask=False)
    alone = encode(encoder, SENTENCES[1:2], normalize=False)
    assert cosine(mean_pool(hidden, mask)[:1], alone) < 0.9


def test_empty_list_and_empty_sentence(encoder):
    assert encode(encoder, []).shape == (0, 384)
    assert encode(encoder, [""]).norm().item() == pytest.approx(1)


def test_vectors_have_length_one_unless_asked_otherwise(encoder):
    assert torch.allclose(encode(encoder, SENTENCES).norm(dim=1), torch.ones(5))
    raw = encode(encoder, SENTENCES, normalize=False)
    assert (raw.norm(dim=1) > 1.5).all()


def test_truncation_warns_with_a_count_and_cuts_where_the_library_does(encoder, library):
    long = "word " * 400
    with pytest.warns(TruncationWarning, match="2 of 3 sentences are longer than 256 tokens"):
        vectors = encode(encoder, [long, "short", long + "something else"])
    assert torch.allclose(vectors[0], vectors[2], atol=1e-6)
    for _ in range(2):  # the same call again is not silent
        with warnings.catch_warnings(record=True) as caught:
            encode(encoder, [long])
        assert len(caught) == 1
    assert (vectors - library.encode([long, "short", long], convert_to_tensor=True)).abs().max() < 1e-6


def test_exactly_max_length_is_not_cut(encoder):
    short = dataclasses.replace(encoder, max_length=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [len(row) for row in token_ids(short, ["a b c"])] == [5]
    with pytest.warns(TruncationWarning, match="1 of 1"):
        assert token_ids(short, ["a b c d"])[0] == token_ids(short, ["a b c"])[0]


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("one string", "sentences must be a list of strings, not one string"),
        (["fine", None], r"sentences\[1\] is None"),
        (["fine", 3.5], r"sentences\[1\] is 3.5"),
        ([b"bytes"], r"sentences\[0\] is b'bytes'"),
    ],
)
def test_anything_but_strings_is_named(encoder, sentences, message):
    with pytest.raises(TypeError, match=message):
        encode(encoder, sentences)


def save_small_model(encoder, folder):
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=30522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
    BertModel(config).save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)


def test_another_model_loads_from_its_folder(encoder, tmp_path):
    save_small_model(encoder, tmp_path)
    other = load_encoder(tmp_path)
    assert other.max_length == 512
    assert encode(other, SENTENCES).shape == (5, 32)


def test_another_model_loads_by_its_name_on_the_hub(encoder, tmp_path):
    """From the hub's own cache, laid out by hand as a download leaves it; its length limit is found there too."""
    repository = tmp_path / "hub" / "models--somebody--small"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    save_small_model(encoder, snapshot)
    (snapshot / "sentence_bert_config.json").write_text('{"max_seq_length": 77}')
    absent = repository / ".no_exist" / ("0" * 40)  # where the hub's library notes what it asked for in vain
    absent.mkdir(parents=True)
    for name in ("modules.json", "config_sentence_transformers.json"):
        (absent / name).touch()
    program = "from helpers.encoder import encode, load_encoder; e = load_encoder('somebody/small');"
    program += "print(e.max_length, list(encode(e, ['by name']).shape))"
    environment = dict(os.environ, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "77 [1, 32]", run.stderr


def test_a_model_whose_pooling_is_not_in_the_cache_is_not_guessed(encoder, tmp_path):
    """AutoModel alone leaves such a cache: weights, and nothing about pooling. Offline, nobody can tell."""
    repository = tmp_path / "hub" / "models--somebody--small"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    save_small_model(encoder, snapshot)
    program = "from helpers.encoder import load_encoder; load_encoder('somebody/small')"
    environment = dict(os.environ, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert "Whether 'somebody/small' has the file modules.json is not known" in run.stderr


def test_training_mode_is_an_error_not_noise(encoder):
    encoder.model.train()
    try:
        with pytest.raises(ValueError, match=r"call encoder.model.eval\(\)"):
            encode(encoder, SENTENCES)
    finally:
        encoder.model.eval()


def test_an_unknown_model_is_an_error_that_names_it():
    with pytest.raises(OSError, match="under the hub name, 'nobody/nothing'"):
        load_encoder("nobody/nothing")


def test_a_fresh_encoder_has_one_start_for_every_pooling(encoder):
    first, second, other = fresh_encoder(2), fresh_encoder(2, "cls"), fresh_encoder(2, seed=1)
    a, b, c = (fresh.model.state_dict() for fresh in (first, second, other))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["encoder.layer.1.output.dense.weight"], c["encoder.layer.1.output.dense.weight"])
    words = "embeddings.word_embeddings.weight"
    assert torch.equal(a[words], encoder.model.state_dict()[words])
    assert len(first.model.encoder.layer) == 2
    assert (first.pooling, second.pooling) == ("mean", "cls")
    assert not torch.allclose(encode(first, SENTENCES), encode(second, SENTENCES), atol=0.1)


def test_the_fast_linear_is_linear():
    torch.manual_seed(0)
    slow, fast = nn.Linear(48, 96), nn.Linear(48, 96)
    fast.load_state_dict(slow.state_dict())
    fast.__class__ = module._OneDnnLinear
    for shape in [(48,), (7, 48), (2, 5, 48), (300, 48)]:
        x = torch.randn(shape, requires_grad=True)
        a, b = slow(x), fast(x)
        assert a.shape == b.shape
        assert torch.allclose(a, b, atol=1e-5)
        (grad_a,), (grad_b,) = (torch.autograd.grad(y.square().sum(), x) for y in (a, b))
        assert torch.allclose(grad_a, grad_b, atol=1e-3)
    assert torch.equal(fast.double()(x.double()), slow.double()(x.double()))


def test_stsb_has_the_published_sizes_and_scores_in_range():
    for split, size in {"train": 5749, "dev": 1500, "test": 1379}.items():
        frame = load_stsb(split)
        assert len(frame) == size
        assert frame.score.between(0, 5).all()
        assert frame[["sentence1", "sentence2"]].map(lambda text: isinstance(text, str) and text != "").all(axis=None)


def test_bad_arguments_of_datasets_and_metrics():
    with pytest.raises(ValueError, match="split must be 'train', 'dev' or 'test', not 'valid'"):
        load_stsb("valid")
    with pytest.raises(ValueError, match="similarities has 3 values, scores has 2"):
        spearman(torch.zeros(3), [1.0, 2.0])


def test_intervals_hold_the_score_and_tell_a_real_difference_from_chance():
    generator = torch.Generator().manual_seed(0)
    gold = torch.rand(400, generator=generator)
    good, same, bad = (gold + noise * torch.randn(400, generator=generator) for noise in (0.2, 0.2, 1.0))
    low, high = sts_interval(good, gold.numpy())
    assert low < spearman(good, gold.numpy()) < high
    assert high - low < 15
    low, high = sts_interval(same, gold.numpy(), baseline=good)
    assert low < 0 < high
    low, high = sts_interval(bad, gold.numpy(), baseline=good)
    assert high < 0
    assert sts_interval(2 * good + 1, gold.numpy(), baseline=good) == (0, 0)  # only the order counts
