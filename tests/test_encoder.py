"""encode: in order, whatever the batch; the reference's vectors; clear errors."""

import copy
import dataclasses
import pickle
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.batching import pad
from helpers.datasets import load_stsb
from helpers.encoder import (
    Encoder,
    TruncationWarning,
    encode,
    encode_tokens,
    forward,
    position_limit,
    token_ids,
)
from helpers.metrics import cosine, sts_score
from helpers.pooling import mean_pool
from helpers.processor import bf16_helps, use_fast_linear
from helpers.storage import fresh_encoder
from tests import families

SENTENCES = [
    "A man is playing a guitar.",
    "Cats.",
    "The committee postponed its decision on the new harbor until the following month.",
    "",
    "Two children are running through a sunny park.",
]


@pytest.fixture(scope="module")
def tiny():
    """A BERT that knows a dozen words and reads 12 tokens."""
    return Encoder(*families.bert(), max_length=12)


def far(a, b):
    """The largest difference of two tensors of vectors."""
    return float((a - b).abs().max())


def test_equal_to_sentence_transformers_on_all_of_sts_b_test(encoder, library):
    test = load_stsb("test")
    sentences = [*test.sentence1, *test.sentence2]
    ours = encode(encoder, sentences)
    assert far(ours, library.encode(sentences, convert_to_tensor=True)) < 1e-6
    assert round(sts_score(ours, test.score), 2) == 82.03


# Everything that can stand in a string but lone surrogates, which no file can hold.
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4)


@settings(deadline=None, max_examples=12)
@given(TEXTS)
def test_equal_to_sentence_transformers_on_any_text(encoder, library, texts):
    ours = encode(encoder, texts)
    assert ours.shape == (len(texts), 384)
    if texts:
        assert far(ours, library.encode(texts, convert_to_tensor=True)) < 2e-6


@pytest.mark.parametrize("token_budget", [1, 13, 64, 10**6])
def test_any_batching_gives_the_same_vectors_in_the_order_given(encoder, token_budget):
    alone = torch.cat([encode(encoder, [sentence]) for sentence in SENTENCES])
    together = encode(encoder, SENTENCES, token_budget=token_budget)
    backwards = encode(encoder, SENTENCES[::-1], token_budget=token_budget)
    assert far(together, alone) < 1e-6
    assert far(backwards.flip(0), alone) < 1e-6


WORDS = st.lists(st.sampled_from(families.VOCABULARY.split()), max_size=9)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(WORDS.map(" ".join), min_size=1, max_size=6),
    st.integers(1, 60),
    st.integers(0, 4),
    st.randoms(use_true_random=False),
)
def test_neither_batch_nor_order_nor_padding_matters(tiny, texts, budget, more, random):
    alone = torch.cat([encode(tiny, [text]) for text in texts])
    order = random.sample(range(len(texts)), len(texts))
    shuffled = encode(tiny, [texts[i] for i in order], token_budget=budget)
    assert far(shuffled, alone[order]) < 1e-6
    rows = token_ids(tiny, texts)
    length = max(map(len, rows)) + more
    ((_, hidden, mask),) = encode_tokens(tiny, rows, [order], padded_length=length)
    padded = nn.functional.normalize(mean_pool(hidden, mask), dim=1)
    assert far(padded, alone[order]) < 1e-6


def test_more_padding_changes_nothing_and_left_padding_only_without_position_ids(
    encoder,
):
    rows = token_ids(encoder, SENTENCES)
    order = list(range(len(rows)))
    ((_, short, mask),) = encode_tokens(encoder, rows, [order])
    ((_, padded, wide),) = encode_tokens(encoder, rows, [order], padded_length=40)
    real = mask == 1
    assert torch.allclose(short[real], padded[:, : mask.shape[1]][real], atol=1e-5)
    ids, left = pad(rows, length=40, side="left")
    given = {"input_ids": ids, "attention_mask": left}
    position_ids = (left.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        wrong = encoder.model(**given).last_hidden_state
        right = encoder.model(**given, position_ids=position_ids).last_hidden_state
    assert not torch.allclose(wrong[left == 1], padded[wide == 1], atol=1e-2)
    assert torch.allclose(right[left == 1], padded[wide == 1], atol=1e-5)


def test_without_the_mask_the_neighbor_matters(encoder):
    rows = token_ids(encoder, SENTENCES[1:3])
    ((_, hidden, mask),) = encode_tokens(encoder, rows, [[0, 1]], use_mask=False)
    alone = encode(encoder, SENTENCES[1:2], normalize=False)
    assert cosine(mean_pool(hidden, mask)[:1], alone) < 0.9


def test_empty_list_and_empty_sentence(encoder):
    assert encode(encoder, []).shape == (0, 384)
    assert encode(encoder, [""]).norm().item() == pytest.approx(1)


@pytest.mark.fault("encoder", "right result")
@pytest.mark.parametrize("texts", [[""], ["", ""], ["", "two dogs", " "]])
def test_a_sentence_without_any_token_gives_zeros(texts):
    """A decoder that adds no special token makes nothing of an empty sentence."""
    decoder = Encoder(*families.gpt2(), max_length=12, pooling="lasttoken")
    vectors = encode(decoder, texts)
    for text, vector in zip(texts, vectors, strict=True):
        assert vector.norm().item() == pytest.approx(1 if text.strip() else 0)


def test_vectors_have_length_one_unless_asked_otherwise(encoder):
    assert torch.allclose(encode(encoder, SENTENCES).norm(dim=1), torch.ones(5))
    raw = encode(encoder, SENTENCES, normalize=False)
    assert (raw.norm(dim=1) > 1.5).all()


def test_truncation_warns_with_a_count_and_cuts_where_the_library_does(
    encoder, library
):
    long = "word " * 400
    with pytest.warns(TruncationWarning, match="2 of 3 sentences are longer than 256"):
        vectors = encode(encoder, [long, "short", long + "something else"])
    assert torch.allclose(vectors[0], vectors[2], atol=1e-6)
    for _ in range(2):  # the same call again is not silent
        with warnings.catch_warnings(record=True) as caught:
            encode(encoder, [long])
        assert len(caught) == 1
    theirs = library.encode([long, "short", long], convert_to_tensor=True)
    assert far(vectors, theirs) < 1e-6


def test_exactly_max_length_is_not_cut(encoder):
    short = dataclasses.replace(encoder, max_length=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [len(row) for row in token_ids(short, ["a b c"])] == [5]
    with pytest.warns(TruncationWarning, match="1 of 1"):
        assert token_ids(short, ["a b c d"])[0] == token_ids(short, ["a b c"])[0]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_text_is_cut_as_the_tokenizer_itself_would(family, side):
    tokenizer, model = families.FAMILIES[family]()
    tokenizer.truncation_side = side
    theirs = copy.deepcopy(tokenizer)  # it keeps the limit that it is called with
    # Special tokens that somebody wrote into the text are words like others.
    words = [*families.VOCABULARY.split(), *theirs.all_special_tokens]

    @settings(deadline=None, max_examples=15)
    @given(st.lists(st.lists(st.sampled_from(words)), max_size=4), st.integers(0, 7))
    def same(texts, more):
        limit = theirs.num_special_tokens_to_add() + 1 + more
        encoder = Encoder(tokenizer, model, limit)
        texts = [" ".join(text) for text in texts]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncationWarning)
            ours = token_ids(encoder, texts)
        expected = texts and theirs(texts, truncation=True, max_length=limit)
        assert ours == (expected and expected["input_ids"])

    same()


@pytest.mark.fault("encoder", "right result")
def test_threads_that_encode_at_once_do_not_share_their_limits():
    """The tokenizer keeps the limit of the last call in itself."""
    tokenizer, model = families.bert()
    text = " ".join(families.VOCABULARY.split())
    found = {6: set(), 9: set(), 12: set()}

    def work(limit):
        encoder = Encoder(tokenizer, model, limit)
        for _ in range(150):
            found[limit].update(map(len, token_ids(encoder, [text] * 4)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        threads = [threading.Thread(target=work, args=(limit,)) for limit in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {6: {6}, 9: {9}, 12: {12}}


FRAME = pd.DataFrame({"text": ["the cat", "a dog"]})


@pytest.mark.parametrize(
    ("error", "sentences", "message"),
    [
        (TypeError, "one string", r"not one string: write \['one string'\]"),
        (TypeError, ["fine", None], r"sentences\[1\] is None"),
        (TypeError, ["fine", 3.5], r"sentences\[1\] is 3.5"),
        (TypeError, [b"bytes"], r"sentences\[0\] is b'bytes'"),
        (TypeError, [["a", "b"]], r"sentences\[0\] is \['a', 'b'\]"),
        (TypeError, pd.Series(["a", None]), r"sentences\[1\] is (None|nan)"),
        (TypeError, np.array([["a", "b"]]), r"sentences\[0\] is \['a', 'b'\]"),
        (TypeError, np.array([b"a"]), r"sentences\[0\] is b'a'"),
        (TypeError, torch.ones(2), r"sentences\[0\] is 1.0"),
        (TypeError, range(2), r"sentences\[0\] is 0"),
        (TypeError, FRAME, r"not DataFrame: choose .* such as sentences\['text'\]"),
        (TypeError, dict(a="b"), r"not dict: write list\(sentences.values\(\)\)"),
        (TypeError, dict(a="b").values(), "sentences must be a list, not dict_values"),
        (TypeError, {"a", "b"}, r"not set: .* write sorted\(sentences\)"),
        (TypeError, (t for t in "ab"), r"not generator: write list\(sentences\)"),
        (TypeError, iter(["a"]), "sentences must be a list, not list_iterator"),
        (TypeError, b"bytes", "sentences must be a list, not bytes"),
        (TypeError, None, "sentences must be a list, not NoneType"),
        (TypeError, 3, "sentences must be a list, not int"),
        (TypeError, np.array("a"), "sentences must be a list, not ndarray"),
        (ValueError, ["a", "b\ud83d"], r"sentences\[1\] holds '\\ud83d' at position 1"),
    ],
)
@pytest.mark.fault("encoder", "clear error")
def test_anything_but_a_list_of_strings_is_named(tiny, error, sentences, message):
    with pytest.raises(error, match=message):
        encode(tiny, sentences)


@pytest.mark.parametrize(
    "sentences",
    [
        ("a man", "two dogs"),
        np.array(["a man", "two dogs"]),
        np.array(["a man", "two dogs"], dtype=object),
        pd.Series(["a man", "two dogs"], index=[1, 0]),
        pd.Index(["a man", "two dogs"]),
        pd.Series(["a man", "two dogs"], dtype="category"),
    ],
)
@pytest.mark.fault("encoder", "right result")
def test_columns_and_arrays_are_read_by_position(tiny, sentences):
    expected = encode(tiny, ["a man", "two dogs"])
    assert torch.equal(encode(tiny, sentences), expected)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize(
    ("error", "field", "value", "message"),
    [
        (
            ValueError,
            "pooling",
            "avg",
            r"pooling must be one of \['cls', .*, not 'avg'",
        ),
        (ValueError, "pooling", ["mean"], r"pooling must be one of .* not \['mean'\]"),
        (ValueError, "pooling", None, "pooling must be one of .* not None"),
        (TypeError, "normalize", "no", "normalize must be True or False, not 'no'"),
        (ValueError, "max_length", 0, "max_length must be at least 3, not 0"),
        (ValueError, "max_length", 1, "max_length must be at least 3, not 1"),
        (ValueError, "max_length", 2, "max_length must be at least 3, not 2"),
        (ValueError, "max_length", -5, "max_length must be at least 3, not -5"),
        (TypeError, "max_length", True, "max_length must be .* not True"),
        (TypeError, "max_length", 3.5, "max_length must be .* not 3.5"),
        (TypeError, "max_length", "128", "max_length must be .* not '128'"),
        (TypeError, "max_length", None, "max_length must be .* not None"),
        (ValueError, "max_length", 513, "max_length must be at most 512, .* not 513"),
    ],
)
def test_an_encoder_is_checked_when_it_is_made(encoder, error, field, value, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(encoder, **{field: value})


@pytest.mark.fault("encoder", "right result")
@pytest.mark.parametrize("limit", [np.int64(5), np.uint8(5), torch.tensor(5)])
def test_a_limit_may_be_a_number_of_numpy(tiny, limit):
    short = dataclasses.replace(tiny, max_length=limit)
    with pytest.warns(TruncationWarning, match="longer than 5 tokens"):
        assert [len(row) for row in token_ids(short, ["a man plays the house"])] == [5]


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("family", [families.roberta, families.mpnet])
def test_positions_that_begin_at_two_are_not_counted(family):
    tokenizer, model = family()
    assert model.config.max_position_embeddings == 16
    encode(Encoder(tokenizer, model, 14), ["a man " * 6])
    with pytest.raises(ValueError, match=r"max_length must be at most 14, .* not 15"):
        Encoder(tokenizer, model, 15)


@pytest.mark.parametrize("family", [families.t5, families.xlnet])
def test_a_model_that_knows_distances_only_has_no_limit(family):
    assert position_limit(family()[1]) is None


@pytest.mark.fault("encoder", "clear error")
def test_a_tokenizer_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="tokenizer has no pad token"):
        Encoder(*families.gpt2(pad_token=None), max_length=9)
    tokenizer, model = families.bert()
    tokenizer.add_tokens([f"new{i}" for i in range(30)])
    tokenizer.pad_token = "new29"
    with pytest.raises(ValueError, match=r"pads with id \d+, but .* 40 ids only"):
        Encoder(tokenizer, model, 9)
    with pytest.raises(ValueError, match="tokenizer gives token types other than 0"):
        Encoder(*families.xlnet(), max_length=9)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize(
    ("error", "rows", "options", "message"),
    [
        (ValueError, [[1, 40]], {}, "token ids from 0 to 39, .* not 40: does"),
        (ValueError, [[1, -1]], {}, "ids of at least 0, not -1"),
        (TypeError, [[1, 2.0]], {}, r"rows\[0\] is \[1, 2.0\]"),
        (TypeError, [1, 2], {}, r"rows\[0\] is 1"),
        (ValueError, [], {}, "rows is empty"),
        (ValueError, [[1] * 17], {}, "at most 16 tokens long, .* not 17"),
        (ValueError, [[1]], {"padded_length": 20}, "at most 16 tokens long, .* not 20"),
        (ValueError, [[1] * 5], {"padded_length": 4}, "padding never cuts"),
        (ValueError, [[1]], {"padded_length": 0}, "padded_length must be at least 1"),
        (TypeError, [[1]], {"padded_length": 4.0}, "padded_length must be .* not 4.0"),
        (TypeError, [[1]], {"padded_length": True}, "padded_length must be .* True"),
        (TypeError, [[1]], {"padded_length": "4"}, "padded_length must be .* '4'"),
    ],
)
def test_rows_that_the_model_cannot_read_are_named(tiny, error, rows, options, message):
    with pytest.raises(error, match=message):
        forward(tiny, rows, **options)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize(
    ("error", "batches", "message"),
    [
        (IndexError, [[0], [0, 2]], "indexes from 0 to 1, one of 2 rows each, not 2"),
        (ValueError, [[0, -1]], "an index in batches must be at least 0, not -1"),
        (TypeError, [[0.0]], "an index in batches must be a whole number, not 0.0"),
        (TypeError, [0, 1], "a batch must be a list, not int"),
        (TypeError, ([i] for i in range(2)), r"write list\(batches\)"),
        (ValueError, [[]], "rows is empty"),
    ],
)
def test_batches_of_rows_that_are_not_there_are_named(tiny, error, batches, message):
    with pytest.raises(error, match=message):
        list(encode_tokens(tiny, [[1, 2], [3]], batches))


@pytest.mark.fault("encoder", "right result")
def test_rows_of_a_column_are_taken_by_position(tiny):
    column = pd.Series([[1, 4, 2], [1, 5, 6, 2]], index=[1, 0])
    ((batch, hidden, _),) = encode_tokens(tiny, column, [np.array([0])])
    assert batch == [0]
    assert torch.equal(hidden, forward(tiny, [[1, 4, 2]])[0])


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("budget", [0, -1, 64.0, True, "64", None])
def test_a_token_budget_that_is_none_is_named(tiny, budget):
    with pytest.raises((TypeError, ValueError), match="token_budget must be"):
        encode(tiny, ["two dogs"], token_budget=budget)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("part", ["", "encoder.layer.1.attention", "pooler"])
def test_training_mode_is_an_error_not_noise(part):
    encoder = Encoder(*families.bert(), max_length=12)
    encoder.model.get_submodule(part).train()
    with pytest.raises(ValueError, match=rf"{part} is in .* encoder.model.eval\(\)"):
        encode(encoder, ["two dogs"])


def test_a_fresh_encoder_has_one_start_for_every_pooling(encoder):
    first, second = fresh_encoder(2), fresh_encoder(2, "cls")
    other = fresh_encoder(2, seed=1)
    a, b, c = (fresh.model.state_dict() for fresh in (first, second, other))
    dense = "encoder.layer.1.output.dense.weight"
    words = "embeddings.word_embeddings.weight"
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a[dense], c[dense])
    assert torch.equal(a[words], encoder.model.state_dict()[words])
    assert len(first.model.encoder.layer) == 2
    assert (first.pooling, second.pooling) == ("mean", "cls")
    ours, theirs = encode(first, SENTENCES), encode(second, SENTENCES)
    assert not torch.allclose(ours, theirs, atol=0.1)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("layers", [0, -1, 1.5, "2", True])
def test_a_fresh_encoder_has_a_whole_number_of_layers(layers):
    with pytest.raises((TypeError, ValueError), match="layers must be"):
        fresh_encoder(layers)


def test_the_fast_linear_is_linear():
    torch.manual_seed(0)
    slow, fast = nn.Linear(48, 96), nn.Linear(48, 96)
    fast.load_state_dict(slow.state_dict())
    use_fast_linear(fast)
    for shape in [(48,), (7, 48), (2, 5, 48), (300, 48)]:
        x = torch.randn(shape, requires_grad=True)
        a, b = slow(x), fast(x)
        assert a.shape == b.shape
        assert torch.allclose(a, b, atol=1e-5)
        (grad_a,), (grad_b,) = (
            torch.autograd.grad(y.square().sum(), x) for y in (a, b)
        )
        assert torch.allclose(grad_a, grad_b, atol=1e-3)
    assert torch.equal(fast.double()(x.double()), slow.double()(x.double()))


@pytest.mark.parametrize("found", [True, False, None])
def test_bfloat16_helps_where_the_processor_says_so(found, monkeypatch):
    """And not where PyTorch does not tell, or is told to leave AVX-512 alone."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
        if found is not None:
            monkeypatch.setattr(torch.cpu, name, lambda: found, raising=False)
    for capability, used in {"AVX512": True, "AVX2": False, "DEFAULT": False}.items():
        monkeypatch.setattr(
            torch.backends.cpu, "get_cpu_capability", lambda c=capability: c
        )
        assert bf16_helps() == (used and found is True)


TWO = ["two dogs", "a man plays the old house"]


def fast_copy(copied):
    """A tiny encoder with fast linear layers, and the same one copied."""
    tokenizer, model = families.bert()
    use_fast_linear(model)
    encoder = Encoder(tokenizer, model, 12)
    return encoder, dataclasses.replace(encoder, model=copied(model))


@pytest.mark.fault("encoder", "right result")
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_a_copy_computes_with_its_own_weights(copied):
    first, second = fast_copy(copied)
    before = encode(first, TWO)
    assert torch.equal(encode(second, TWO), before)
    with torch.no_grad():
        for parameter in second.model.encoder.parameters():
            parameter.zero_()
    assert torch.equal(encode(first, TWO), before)
    assert far(encode(second, TWO), before) > 0.1


@pytest.mark.filterwarnings("ignore")  # torch is about to move it
@pytest.mark.fault("encoder", "right result")
def test_quantizing_finds_the_linear_layers():
    quantize = torch.ao.quantization.quantize_dynamic
    fast, quantized = fast_copy(lambda model: quantize(model).eval())
    kinds = [type(module).__name__ for module in quantized.model.modules()]
    assert sum(type(m) is nn.Linear for m in fast.model.modules()) == 13
    assert kinds.count("LinearPackedParams") == 13
    # The same as without the trick, and not what it was before.
    plain = quantize(families.bert()[1]).eval()
    theirs = encode(dataclasses.replace(quantized, model=plain), TWO)
    assert far(encode(quantized, TWO), theirs) < 1e-6
    assert far(encode(quantized, TWO), encode(fast, TWO)) > 1e-5


@pytest.mark.fault("encoder", "right result")
def test_a_compiled_model_gives_the_same_vectors():
    """Traced, but not made faster: that takes minutes and a C++ compiler."""
    first, second = fast_copy(lambda model: torch.compile(model, backend="eager"))
    assert far(encode(first, TWO), encode(second, TWO)) < 1e-6


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize(
    ("pool_with", "error"),
    [
        (lambda hidden, mask: hidden, ValueError),
        (lambda hidden, mask: hidden.mean((1, 2)), ValueError),
        (lambda hidden, mask: hidden[:1].mean(1), ValueError),
        (lambda hidden, mask: mask, ValueError),
        (lambda hidden, mask: None, TypeError),
        (lambda hidden, mask: hidden.mean(1).numpy(), TypeError),
    ],
)
def test_what_pool_with_returns_in_place_of_vectors_is_named(encoder, pool_with, error):
    with pytest.raises(error, match="pool_with must return"):
        encode(encoder, ["one", "two of them"], pool_with=pool_with)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("normalize", ["no", 2, 0, "False"])
def test_a_word_is_no_yes_or_no(encoder, normalize):
    with pytest.raises(TypeError, match="normalize must be True, False or None"):
        encode(encoder, ["one"], normalize=normalize)


@pytest.mark.fault("encoder", "clear error")
def test_parts_of_the_wrong_kind_are_named(encoder):
    tokenizer, model = encoder.tokenizer, encoder.model
    for wrong in (None, torch.nn.Linear(2, 2), tokenizer, "bert"):
        with pytest.raises(TypeError, match="model must be a transformer"):
            Encoder(tokenizer, wrong, 64)
    for wrong in (None, model, "bert"):
        with pytest.raises(TypeError, match="tokenizer must be one of transformers"):
            Encoder(wrong, model, 64)


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("value", ["no", 0, None])
def test_whether_the_mask_is_used_is_true_or_false(tiny, value):
    with pytest.raises(TypeError, match="use_mask must be True or False"):
        forward(tiny, [[1, 2]], use_mask=value)


@pytest.mark.fault("encoder", "clear error")
def test_the_name_of_a_mode_is_no_function_to_pool_with(tiny):
    with pytest.raises(TypeError, match=r"pool_with must be a function .* not 'max'"):
        encode(tiny, ["a man"], pool_with="max")


@pytest.mark.fault("encoder", "clear error")
@pytest.mark.parametrize("what", ["model", "tokenizer"])
def test_a_model_is_no_encoder(tiny, what):
    """Nor is the library's: both have a method of the name, and not our fields."""
    other = getattr(tiny, what)
    message = f"encoder must be an Encoder, .* not {type(other).__name__}"
    with pytest.raises(TypeError, match=message):
        encode(other, ["a man"])
    with pytest.raises(TypeError, match=message):
        forward(other, [[1, 2]])


@pytest.mark.fault("encoder", "clear error")
def test_a_seed_that_pytorch_does_not_take_is_named():
    with pytest.raises(ValueError, match=r"seed must be below 2\*\*32, not"):
        fresh_encoder(1, seed=2**70)


@pytest.mark.fault("encoder", "right result")
def test_no_limit_is_left_in_the_tokenizer(tiny):
    """What threads that share it would meet, whoever is faster."""
    short = dataclasses.replace(tiny, max_length=5)
    with pytest.warns(TruncationWarning, match="longer than 5 tokens"):
        token_ids(short, ["a man plays the house"])
    assert tiny.tokenizer.backend_tokenizer.truncation is None
