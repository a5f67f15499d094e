"""Ours against the real tokenizer, on all of STS-B and on what STS-B does not have."""

import pytest

from helpers.datasets import load_stsb
from helpers.tokenization import split_words, tokenize, wordpiece


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_equal_to_the_real_tokenizer(encoder, split):
    vocab, frame = encoder.tokenizer.get_vocab(), load_stsb(split)
    for text in {*frame.sentence1, *frame.sentence2}:
        assert tokenize(text, vocab) == encoder.tokenizer.tokenize(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n",
        "Ünïcödé naïve",
        "a_b-c^d~e",
        "£5 + €6 = $11",
        "我爱北京",
        "tab\tnew\nline",
        "x\x00\u200by",
        "日本語カナ",
        "ΑΣ ΟΔΟΣ",
        "a" * 101,
        "x\ufffdy",
    ],
)
def test_equal_on_odd_text(encoder, text):
    assert tokenize(text, encoder.tokenizer.get_vocab()) == encoder.tokenizer.tokenize(text)


def test_longest_match_first_and_unknown_as_a_whole():
    vocab = {"un", "una", "##aff", "##able", "##ffable"}
    assert wordpiece("unaffable", vocab) == ["una", "##ffable"]
    assert wordpiece("unx", vocab) == ["[UNK]"]
    assert wordpiece("", vocab) == []


def test_split_words():
    assert split_words("Don't stop, café!") == ["don", "'", "t", "stop", ",", "cafe", "!"]
