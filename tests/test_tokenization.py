"""Ours against BERT's tokenizer: on STS-B, on each character, on random text."""

import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.datasets import load_stsb
from helpers.tokenization import split_words, tokenize, wordpiece

SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
# BERT's tokenizer has the tables of Unicode 8. These have changed their category since.
CHANGED = set("\u166d\u1734\u1885\u1886\ua9bd\U000111c9")


@pytest.fixture(scope="session")
def vocab(encoder):
    return encoder.tokenizer.get_vocab()


@pytest.fixture(scope="session")
def bert(encoder):
    """The words of a text, by BERT's tokenizer."""
    backend = encoder.tokenizer.backend_tokenizer

    def words(text):
        normal = backend.normalizer.normalize_str(text)
        return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal)]

    return words


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_equal_to_the_real_tokenizer(encoder, vocab, split):
    frame = load_stsb(split)
    for text in {*frame.sentence1, *frame.sentence2}:
        assert tokenize(text, vocab) == encoder.tokenizer.tokenize(text)


@pytest.mark.fault("tokenization", "right result")
@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n",
        "Ünïcödé naïve",
        "a_b-c^d~e",
        "£5 + €6 = $11",
        "我爱北京",
        "tab\tnew\nline\rend",
        "x\x00\u200by",
        "日本語カナ",
        "ΑΣ ΟΔΟΣ",
        "a" * 100,
        "a" * 101,
        "é" * 101,
        "x\ufffdy",
        "page\x0cbreak",
        "a\x0bb\x1cc\x1dd\x1ee\x1ff\x85g",
        "a\u2028b\u2029c\u00a0d\u3000e",
        "\u3400\u4db5\U00020000\U0002a6d6\U0002a700\U0002b740\U0002b820\U0002b920",
        "\uf900\ufa0e\U0002f800",
        "≠ ; ` Å İ ẞ ǅ ﬁ",
        "\U0001f600 \U0001f1e9\U0001f1ea e\u0301\u0323",
        "\u302e\x00\U0001d165",
        "##ing [unused1] [SEP",
    ],
)
def test_equal_on_odd_text(encoder, vocab, bert, text):
    assert split_words(text) == bert(text)
    assert tokenize(text, vocab) == encoder.tokenizer.tokenize(text)


def characters():
    """All that Python knows, and the private ones; a surrogate alone is no text."""
    for code in range(0x110000):
        if unicodedata.category(chr(code)) not in ("Cn", "Cs"):
            yield chr(code)


def newer_than_bert(char, theirs):
    """Whether BERT's tokenizer takes it for a letter, because its tables are older."""
    added = unicodedata.ucd_3_2_0.category(char) == "Cn"
    special = unicodedata.category(char) in ("Mn", "Mc", "Cf", "Lu")
    special = special or unicodedata.category(char).startswith("P")
    return added and special and theirs == [f"a{char}b"]


def test_equal_on_every_character_that_both_know(bert):
    """Between letters, so that it shows what is dropped, and what stands alone."""
    every, different = list(characters()), []
    assert len(every) > 280_000
    for start in range(0, len(every), 1000):
        some = every[start : start + 1000]
        text = " ".join(f"a{char}b" for char in some)
        if split_words(text) != bert(text):
            different += [c for c in some if split_words(f"a{c}b") != bert(f"a{c}b")]
    unexplained = [
        hex(ord(char))
        for char in set(different) - CHANGED
        if not newer_than_bert(char, bert(f"a{char}b"))
    ]
    assert unexplained == []


def test_characters_that_nobody_knows_are_kept(bert):
    """Or the words would depend on Python: unassigned in one, a letter in the next."""
    for text in ("a\u0378b", "a\U000e0080b", "a\uffffb"):
        assert split_words(text) == bert(text) == [text]


@pytest.mark.parametrize("first", range(0, 0x30000, 0x4000))
def test_pieces_of_every_character_are_equal(encoder, vocab, first):
    some = [chr(code) for code in range(first, first + 0x4000)]
    known = unicodedata.ucd_3_2_0
    some = [c for c in some if known.category(c) not in ("Cn", "Cs", "Co")]
    text = " ".join(f"{char} {char}a" for char in some if char not in CHANGED)
    assert tokenize(text, vocab) == encoder.tokenizer.tokenize(text)


# Letters with accents, marks, spaces and controls, ideographs, and pieces of English.
PARTS = st.one_of(
    st.sampled_from(["ing", "un", "able", "Token", "the", "##", "'s", " "]),
    st.text("aeiouæœßéñçøåÀÉÎΣσςИйİıſﬁ\u0301\u0308\u0323\u0338", max_size=6),
    st.text(
        " \t\n\r\x00\x0b\x0c\x1c\x7f\x85\u00a0\u00ad\u200b\u200d\ufeff", max_size=4
    ),
    st.text("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~¡¿«»…—№€", max_size=4),
    st.text("一丁龥㐀豈﨎𠀀𪜀가각ก้あガ゙", max_size=4),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(PARTS, max_size=12).map("".join))
def test_equal_on_random_text(encoder, vocab, bert, text):
    assert split_words(text) == bert(text)
    if not any(mark in text for mark in SPECIAL):
        assert tokenize(text, vocab) == encoder.tokenizer.tokenize(text)


@settings(deadline=None, max_examples=100)
@given(st.text("abc", max_size=12), st.sets(st.text("#abc", min_size=1, max_size=4)))
def test_pieces_spell_the_word_and_each_is_the_longest(word, vocab):
    pieces = wordpiece(word, vocab)
    if pieces == ["[UNK]"]:
        return
    done = ""
    for piece in pieces:
        part = piece.removeprefix("##") if done else piece
        assert piece == ("##" if done else "") + part
        longer = [word[len(done) : end] for end in range(len(done + part) + 1, 13)]
        assert not {("##" if done else "") + x for x in longer if x != part} & vocab
        done += part
    assert done == word


def test_longest_match_first_and_unknown_as_a_whole():
    vocab = {"un", "una", "##aff", "##able", "##ffable"}
    assert wordpiece("unaffable", vocab) == ["una", "##ffable"]
    assert wordpiece("unx", vocab) == ["[UNK]"]


def test_split_words():
    words = ["don", "'", "t", "stop", ",", "cafe", "!"]
    assert split_words("Don't stop, café!") == words


@pytest.mark.fault("tokenization", "right result")
@pytest.mark.parametrize(
    ("word", "vocab", "pieces"),
    [
        ("", {"a"}, []),
        ("a", set(), ["[UNK]"]),
        ("ab", ["a", "##b"], ["a", "##b"]),
        ("ab", ("a", "##b"), ["a", "##b"]),
        ("ab", frozenset(["a", "##b"]), ["a", "##b"]),
        ("ab", {"a": 0, "##b": 1}.keys(), ["a", "##b"]),
        ("a b", {"a", "##b"}, ["[UNK]"]),
    ],
)
def test_words_and_vocabularies_at_the_edge(word, vocab, pieces):
    assert wordpiece(word, vocab) == pieces


@pytest.mark.fault("tokenization", "right result")
def test_half_of_a_character_is_dropped():
    """A lone surrogate, which the real tokenizer does not take at all."""
    assert split_words("a\ud800b") == ["ab"]


@pytest.mark.fault("tokenization", "clear error")
@pytest.mark.parametrize(
    "text",
    [None, 3, 1.5, b"a cat", ["A cat", "sleeps"], pd.Series(["a"]), float("nan")],
)
def test_what_is_no_text_is_refused(text):
    with pytest.raises(
        TypeError, match=f"text must be a string, not {type(text).__name__}"
    ):
        split_words(text)
    with pytest.raises(TypeError, match="text must be a string"):
        tokenize(text, {"a"})
    with pytest.raises(TypeError, match="word must be a string"):
        wordpiece(text, {"a"})


@pytest.mark.fault("tokenization", "clear error")
@pytest.mark.parametrize(
    "vocab",
    [None, 3, "a cat", b"a", iter(["a"]), pd.Series(["a"]), pd.DataFrame({"a": [1]})],
)
def test_what_is_no_vocabulary_is_refused(vocab):
    with pytest.raises(TypeError, match=r"vocab must be a dict, a set or a list"):
        wordpiece("a", vocab)


@pytest.mark.fault("tokenization", "clear error")
@pytest.mark.parametrize("vocab", [{0: "a"}, [101, 102], {7}])
def test_ids_in_place_of_pieces_are_refused(vocab):
    with pytest.raises(TypeError, match="vocab must hold pieces, strings, but begins"):
        wordpiece("a", vocab)
