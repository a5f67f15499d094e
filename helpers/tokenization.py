"""WordPiece in the open: what BERT's tokenizer does to an English sentence.

Does not know special tokens: "[SEP]" in a text falls into pieces like anything else.
Does not cut long texts, and does not learn a vocabulary.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

Vocab = Mapping[str, int] | AbstractSet[str] | Sequence[str]

UNKNOWN = "[UNK]"
# CJK ideographs as BERT's tokenizer lists them. In Unicode the last block but one
# begins at U+2B820: the list has a slip there, and we follow the list.
IDEOGRAPHS = (
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0002a6df"),
    ("\U0002a700", "\U0002b73f"),
    ("\U0002b740", "\U0002b81f"),
    ("\U0002b920", "\U0002ceaf"),
    ("\U0002f800", "\U0002fa1f"),
)


def split_words(text: str) -> list[str]:
    """Lower-cased words without accents; each mark and each CJK ideograph stands alone.

    Equal to BERT's tokenizer on every character that both know. Its tables are those of
    Unicode 8, older than Python's: it takes marks and accents added since for letters.
    Raises TypeError for anything but a string. Source: BasicTokenizer of Devlin et al.
    (2019), arXiv 1810.04805, and its port, BertNormalizer of the library tokenizers.
    Example: "Don't stop, café!" -> ["don", "'", "t", "stop", ",", "cafe", "!"].
    """
    _check_string("text", text)
    spaced = ""
    # NFD writes é as e and an accent, a character of its own.
    for char in unicodedata.normalize("NFD", "".join(filter(_is_visible, text))):
        if unicodedata.category(char) == "Mn":  # the accent
            continue
        # Lower case letter by letter, as BERT does: "ΑΣ" as a whole would end in ς.
        spaced += f" {char} " if _stands_alone(char) else char.lower()
    return spaced.split()


def wordpiece(word: str, vocab: Vocab) -> list[str]:
    """Pieces of one word, each the longest that the vocabulary holds.

    A piece that continues a word has ## in front. If any part is left over, the word is
    ["[UNK]"]; an empty word has no pieces. The search is MaxMatch (Song et al. 2021,
    arXiv 2012.15524), the list WordPiece (Schuster and Nakajima 2012), ## is BERT's.
    Raises TypeError for a word or a vocabulary of another kind.
    """
    _check_wordpiece_input(word, vocab)
    # A limit of BERT's: nobody writes such words, but data has them.
    if len(word) > 100:
        return [UNKNOWN]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):  # longest first
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                pieces.append(piece)
                start = end
                break
        else:  # no piece fits here: the whole word is lost
            return [UNKNOWN]
    return pieces


def tokenize(text: str, vocab: Vocab) -> list[str]:
    """Pieces of a text, without special tokens. Raises what the two above raise."""
    return [piece for word in split_words(text) for piece in wordpiece(word, vocab)]


@lru_cache(10_000)  # a text has few different characters
def _is_visible(char: str) -> bool:
    """Whether BERT keeps a character: no control, format or private one.

    Of the controls only tab, line feed and return are spaces: a form feed, common in
    text from PDF, joins the words around it. U+FFFD is what could not be decoded.
    """
    invisible = unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs")
    return char in "\t\n\r" or not (invisible or char == "\ufffd")


@lru_cache(10_000)
def _stands_alone(char: str) -> bool:
    category = unicodedata.category(char)
    # Every ASCII symbol counts as punctuation, $ and + and ~ included; beyond ASCII
    # only what Unicode calls P does.
    if category.startswith("P") or (char.isascii() and category.startswith("S")):
        return True
    return any(first <= char <= last for first, last in IDEOGRAPHS)


def _check_string(name: str, value: str) -> None:
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be a string, not {type(value).__name__} {value!r}"
        )


def _check_wordpiece_input(word: str, vocab: Vocab) -> None:
    _check_string("word", word)
    # In a string each part of it would count as a piece, in a pandas Series each label.
    if isinstance(vocab, str | bytes) or not isinstance(
        vocab, Mapping | AbstractSet | Sequence
    ):
        raise TypeError(
            "vocab must be a dict, a set or a list of pieces, such as "
            f"tokenizer.get_vocab(), not {type(vocab).__name__}"
        )
    first = next(iter(vocab), "")
    if not isinstance(first, str):
        raise TypeError(
            f"vocab must hold pieces, strings, but begins with {first!r}: a dict leads "
            "from pieces to ids, not from ids to pieces"
        )
