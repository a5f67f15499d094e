"""WordPiece in the open: what BERT's tokenizer does to an English sentence.

But: no special tokens, no truncation, no training of a vocabulary.
"""

import unicodedata
from collections.abc import Container

UNKNOWN = "[UNK]"


def split_words(text: str) -> list[str]:
    """Lower-cased words without accents; each punctuation mark and each Chinese character stands alone.

    Source: BasicTokenizer of Devlin et al. (2019), arXiv 1810.04805, reference implementation.
    """
    spaced = []
    for char in unicodedata.normalize("NFD", "".join(map(str.lower, text))):  # letter by letter, as BERT does
        category = unicodedata.category(char)
        if category == "Mn":  # an accent, split from its letter by NFD
            continue
        if char == "\ufffd" or (category.startswith("C") and not char.isspace()):  # invisible, or not decoded
            continue
        # Every ASCII symbol counts as punctuation, $ and + and ~ included; beyond ASCII, only what Unicode calls P.
        mark = category.startswith("P") or (char.isascii() and category.startswith("S"))
        spaced.append(f" {char} " if mark or "\u4e00" <= char <= "\u9fff" else char)
    return "".join(spaced).split()


def wordpiece(word: str, vocab: Container[str]) -> list[str]:
    """Pieces of one word, each the longest that the vocabulary holds; ["[UNK]"] if any part is left over.

    A piece that continues a word is written with ## in front. Source: Wu et al. (2016), arXiv 1609.08144.
    """
    if len(word) > 100:  # a limit of BERT's: nobody writes such words, but data has them
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


def tokenize(text: str, vocab: Container[str]) -> list[str]:
    """Pieces of a text, without special tokens."""
    return [piece for word in split_words(text) for piece in wordpiece(word, vocab)]
