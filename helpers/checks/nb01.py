"""Checks of lesson 01: the share of [UNK], WordPiece, truncation, pairs."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from helpers import tokenization
from helpers.checks.compare import kind
from helpers.checks.judge import WRONG, Answer, Case, Verdict, exercise, judge

SPECIAL = ("[CLS]", "[SEP]", "[PAD]")
UNKNOWN = "[UNK]"


def text_of(tokens: list[str], special: tuple = SPECIAL) -> list[str]:
    return [token for token in tokens if token not in special]


def share(tokens: list[str]) -> float:
    return text_of(tokens).count(UNKNOWN) / len(text_of(tokens))


def words_of(tokens: list[str]) -> list[str]:
    return [token for token in text_of(tokens) if not token.startswith("##")]


def share_while_removing(tokens: list[str]) -> float:
    for token in tokens:
        if token in SPECIAL:
            tokens.remove(token)
    return tokens.count(UNKNOWN) / len(tokens)


UNKNOWN_SHARE_MISTAKES = [
    (
        "[CLS], [SEP] and [PAD] stand for no text: leave them out of the denominator.",
        lambda tokens: tokens.count(UNKNOWN) / len(tokens),
    ),
    (
        "[PAD] stands for no text either: leave it out of the denominator.",
        lambda tokens: tokens.count(UNKNOWN) / len(text_of(tokens, SPECIAL[:2])),
    ),
    (
        "[CLS] and [SEP] stand for no text either: leave them out of the denominator.",
        lambda tokens: tokens.count(UNKNOWN) / len(text_of(tokens, SPECIAL[2:])),
    ),
    (
        "You took 2 off for [CLS] and [SEP]. There may be [PAD] as well, or a second "
        "[SEP]: look at each token.",
        lambda tokens: tokens.count(UNKNOWN) / (len(tokens) - 2),
    ),
    (
        "You took 3 off, one for each kind of special token. There may be several "
        "[PAD]: look at each token.",
        lambda tokens: tokens.count(UNKNOWN) / (len(tokens) - 3),
    ),
    (
        "That is a count. Divide by the number of tokens that stand for text.",
        lambda tokens: tokens.count(UNKNOWN),
    ),
    (
        "That is a percentage: return a share from 0 to 1.",
        lambda tokens: 100 * share(tokens),
    ),
    (
        "That is the share of known tokens: you want the others.",
        lambda tokens: 1 - share(tokens),
    ),
    (
        "You divided by the known tokens. A share divides by all tokens that stand for "
        "text, [UNK] included.",
        lambda tokens: share(tokens) / (1 - share(tokens)),
    ),
    (
        "You counted different tokens. A token that occurs twice counts twice.",
        lambda tokens: float(UNKNOWN in tokens) / len(set(text_of(tokens))),
    ),
    (
        "You counted words. A piece that begins with ## is a token, too.",
        lambda tokens: tokens.count(UNKNOWN) / len(words_of(tokens)),
    ),
    (
        "You found no [UNK]. It stands for text that was lost, so it counts, above the "
        "fraction and below it. Did you leave it out with the special tokens?",
        lambda tokens: 0.0,
    ),
    (
        "You return inside the loop, after one token: move `return` to the left.",
        lambda tokens: float(text_of(tokens)[0] == UNKNOWN),
    ),
    (
        "You remove from a list while you loop over it, which skips the token after "
        "each removed one. Build a new list.",
        lambda tokens: share_while_removing(list(tokens)),
    ),
    (
        "// rounds down to whole numbers: divide with /.",
        lambda tokens: tokens.count(UNKNOWN) // len(text_of(tokens)),
    ),
]
UNKNOWN_SHARE_SIGNS = [
    (
        "One number is wanted for the whole sequence: how many are [UNK], divided by "
        "how many there are.",
        lambda got, wanted, tokens: len(got) > 1 and not isinstance(got, str),
    ),
]


@exercise("1.1")
def unknown_share(answer: Answer) -> Verdict:
    """answer(tokens) -> the share of [UNK], 0 to 1, in the tokens that stand for text.

    tokens, a list of strings: one sequence with its special tokens [CLS], [SEP] and
    [PAD], which stand for no text, and at least one token that does -> a number.

    Example: answer(["[CLS]", "a", "[UNK]", "cat", "##s", "[SEP]", "[PAD]"]) -> 0.25
    """
    cases = [
        [
            "[CLS]",
            "the",
            "[UNK]",
            "cat",
            "##s",
            "sat",
            "##s",
            "the",
            "[SEP]",
            "[PAD]",
            "[PAD]",
        ],
        ["[CLS]", "a", "[UNK]", "[UNK]", "##b", "[SEP]", "c", "c", "c", "[SEP]"],
        ["[CLS]", "[", "[UNK]", "]", "[SEP]", "[PAD]", "[PAD]", "[PAD]", "[PAD]"],
        ["[UNK]", "[UNK]", "cat"],
        ["[CLS]", "cat", "[SEP]"],
        ["[CLS]", "[UNK]", "[SEP]"],
    ]
    return judge(
        answer,
        reference=share,
        cases=[Case((tokens,)) for tokens in cases],
        mistakes=UNKNOWN_SHARE_MISTAKES,
        signs=UNKNOWN_SHARE_SIGNS,
        praise="One number like this, logged before you trust an encoder with a new "
        "language, would have saved many a project.",
    )


BEGINNINGS = [
    "play",
    "playi",
    "pla",
    "token",
    "pad",
    "mask",
    "un",
    "p",
    "pl",
    "t",
    "to",
    "in",
    "able",
]
ENDINGS = ["ing", "iz", "er", "s", "ys", "ed", "a", "y", "g", "e", "d", "able"]
VOCAB = {*BEGINNINGS, *("##" + ending for ending in ENDINGS)}


def longest(ends: range) -> range:
    return ends[::-1]


def pieces_of(
    word: str,
    vocab: set[str],
    order: Callable[[range], range] = longest,
    lost: Callable[[list[str]], list[str]] = lambda pieces: [UNKNOWN],
    look_for: str = "##",
) -> list[str]:
    """WordPiece, with ways to do it otherwise."""
    pieces, start = [], 0
    while start < len(word):
        for end in order(range(start + 1, len(word) + 1)):
            mark = look_for if start else ""
            if mark + word[start:end] in vocab:
                pieces.append(mark + word[start:end])
                start = end
                break
        else:
            return lost(pieces)
    return pieces


def backtracking(word: str, vocab: set[str], mark: str = "") -> list[str] | None:
    """The first split that covers the whole word, longest pieces first."""
    if not word:
        return []
    for end in range(len(word), 0, -1):
        if mark + word[:end] in vocab:
            rest = backtracking(word[end:], vocab, "##")
            if rest is not None:
                return [mark + word[:end], *rest]
    return None


def fewest_from_the_end(word: str, vocab: set[str]) -> list[str]:
    """Longest match first, but from the end of the word."""
    pieces, end = [], len(word)
    while end:
        for start in range(end):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                pieces.insert(0, piece)
                end = start
                break
        else:
            return [UNKNOWN]
    return pieces


def letter_by_letter(word: str, vocab: set[str]) -> list[str]:
    """Where no piece fits, one letter becomes [UNK], and the search goes on."""
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        fits = (e for e in range(len(word), start, -1) if mark + word[start:e] in vocab)
        end = next(fits, None)
        pieces.append(mark + word[start:end] if end else UNKNOWN)
        start = end or start + 1
    return pieces


def rest_of(word: str, vocab: set[str]) -> str:
    return word.removeprefix(pieces_of(word, vocab)[0])


WORDPIECE_MISTAKES = [
    (
        "You take the shortest piece that fits. Try the longest end of the word first.",
        lambda word, vocab: pieces_of(word, vocab, order=lambda ends: ends),
    ),
    (
        "You take the shortest piece that fits, and where none does, you keep the pieces "
        "found before. Try the longest end of the word first.",
        lambda word, vocab: pieces_of(
            word, vocab, order=lambda ends: ends, lost=lambda pieces: [*pieces, UNKNOWN]
        ),
    ),
    (
        "A piece inside a word needs ## in front: 'ing' at the end of 'playing' is "
        "'##ing' in the vocabulary, and in the result.",
        lambda word, vocab: [p.removeprefix("##") for p in pieces_of(word, vocab)],
    ),
    (
        "Inside a word, look for the piece with ## in front: 'ing' begins a word, "
        "'##ing' continues one.",
        lambda word, vocab: pieces_of(word, vocab, look_for=""),
    ),
    (
        "Inside a word, look for the piece with ## in front: 'in' may stand in the "
        "vocabulary where '##in' does not.",
        lambda word, vocab: [
            "##" * bool(i) + piece
            for i, piece in enumerate(pieces_of(word, vocab, look_for=""))
        ],
    ),
    (
        "When no piece fits, the whole word becomes one [UNK]: the pieces found before "
        "are dropped.",
        lambda word, vocab: pieces_of(word, vocab, lost=lambda p: [*p, UNKNOWN]),
    ),
    (
        "When no piece fits, the whole word becomes one [UNK]: the pieces found before "
        "are dropped.",
        lambda word, vocab: pieces_of(word, vocab, lost=lambda p: [*p, "##" + UNKNOWN]),
    ),
    (
        "When no piece fits, return ['[UNK]'], not the pieces found so far.",
        lambda word, vocab: pieces_of(word, vocab, lost=lambda pieces: pieces),
    ),
    (
        "When no piece fits, return ['[UNK]'], not the word.",
        lambda word, vocab: pieces_of(word, vocab, lost=lambda pieces: [word]),
    ),
    (
        "When no piece fits, return ['[UNK]'], not an empty list.",
        lambda word, vocab: pieces_of(word, vocab, lost=lambda pieces: []),
    ),
    (
        "A letter that no piece covers costs the whole word: return ['[UNK]'].",
        letter_by_letter,
    ),
    (
        "You leave out the letters that no piece covers. They cost the whole word: "
        "return ['[UNK]'].",
        lambda word, vocab: [p for p in letter_by_letter(word, vocab) if p != UNKNOWN],
    ),
    (
        "You try a shorter piece when the rest does not fit. WordPiece never goes "
        "back: a piece once taken stays, even if the word is lost by it.",
        lambda word, vocab: backtracking(word, vocab) or [UNKNOWN],
    ),
    (
        "There is another split of the word. WordPiece cuts from the beginning: first "
        "the longest piece that begins the word, then the longest that continues it.",
        fewest_from_the_end,
    ),
    (
        "Every piece but the first has ## in front: the first begins the word.",
        lambda word, vocab: [
            p if p.startswith(("##", "[")) else "##" + p for p in pieces_of(word, vocab)
        ],
    ),
    (
        "The rest of the word must be cut, too, until each piece is in the vocabulary.",
        lambda word, vocab: [pieces_of(word, vocab)[0], "##" + rest_of(word, vocab)],
    ),
    (
        "You stop after the first piece: go on with the rest of the word.",
        lambda word, vocab: pieces_of(word, vocab)[:1],
    ),
    (
        "Only a word that is in the vocabulary whole comes out right: try its "
        "beginnings, the longest first.",
        lambda word, vocab: [word] if word in vocab else [UNKNOWN],
    ),
    (
        "Every word comes out as [UNK]. Do you try the whole rest of the word first? "
        "word[start:end] stops before end, so end begins at len(word).",
        lambda word, vocab: [UNKNOWN],
    ),
    (
        "Those are single letters. Take the longest piece that the vocabulary holds.",
        lambda word, vocab: ["##" * bool(i) + letter for i, letter in enumerate(word)],
    ),
    (
        "Those are single letters. Take the longest piece that the vocabulary holds.",
        lambda word, vocab: list(word),
    ),
]
WORDPIECE_SIGNS = [
    (
        "Put together, your pieces are not the word: each must begin where the one "
        "before ended.",
        lambda got, wanted, word, vocab: (
            not isinstance(got, str)
            and all(piece in vocab for piece in got)
            and "".join(piece.removeprefix("##") for piece in got) != word
        ),
    ),
    (
        "A piece is not in the vocabulary. What begins the word is looked for as it "
        "is, what continues it with ## in front.",
        lambda got, wanted, word, vocab: (
            not isinstance(got, str)
            and not all(piece in vocab or piece == UNKNOWN for piece in got)
        ),
    ),
]


@exercise("1.2")
def wordpiece(answer: Answer) -> Verdict:
    """answer(word, vocab) -> the pieces of the word, longest match first.

    word, a string without spaces; vocab, a set of pieces, where ## stands before those
    that continue a word -> a list of strings; ["[UNK]"] if a part of the word is left
    over. A piece once taken stays: WordPiece never goes back to try a shorter one.

    Example: answer("tokens", {"to", "token", "##s"}) -> ["token", "##s"]
    """
    words = ["tokenizer", "masked", "plays", "padding", "unable", "mask", "maskxyz"]
    words += ["untokenable", "maskin", "xmask", "playing"]
    cases = [Case((word, VOCAB - {"playi"})) for word in words]
    cases.append(
        Case(
            ("playing", VOCAB),
            "With 'playi' in the vocabulary it is the first piece of 'playing'. Then "
            "no piece fits 'ng', and WordPiece never goes back: the word is lost.",
        )
    )
    return judge(
        answer,
        reference=tokenization.wordpiece,
        cases=cases,
        mistakes=WORDPIECE_MISTAKES,
        signs=WORDPIECE_SIGNS,
        praise="Greedy is not optimal: it never goes back, so a word can end in [UNK] "
        "although another split exists.",
    )


def longer(count: Callable) -> Answer:
    """The wrong answer that asks for count(tokenizer, sentence) > max_length."""

    def over(tokenizer, sentences, max_length):
        counts = [count(tokenizer, sentence) for sentence in sentences]
        return [i for i, n in enumerate(counts) if n > max_length]

    return over


def tokens_in(tokenizer, sentence: str) -> int:
    return len(tokenizer(sentence, truncation=False)["input_ids"])


over_long = longer(tokens_in)


def within(tokenizer, sentences, max_length):
    lost = over_long(tokenizer, sentences, max_length)
    return [i for i in range(len(sentences)) if i not in lost]


TRUNCATED_MISTAKES = [
    (
        "Every sentence gets [CLS] and [SEP] as well: they count towards max_length.",
        longer(lambda tokenizer, sentence: tokens_in(tokenizer, sentence) - 2),
    ),
    (
        "Every sentence gets two special tokens, [CLS] and [SEP]: you counted one.",
        longer(lambda tokenizer, sentence: tokens_in(tokenizer, sentence) - 1),
    ),
    (
        "You counted [CLS] and [SEP] twice: tokenizer(sentence) adds them already.",
        longer(lambda tokenizer, sentence: tokens_in(tokenizer, sentence) + 2),
    ),
    (
        "You count words. The limit is in tokens: one word can become several.",
        longer(lambda tokenizer, sentence: len(sentence.split())),
    ),
    (
        "You count words. The limit is in tokens: one word can become several.",
        longer(lambda tokenizer, sentence: len(sentence.split()) + 2),
    ),
    (
        "You count letters. The limit is in tokens.",
        longer(lambda tokenizer, sentence: len(sentence)),
    ),
    (
        "A sentence of exactly max_length tokens still fits.",
        longer(lambda tokenizer, sentence: tokens_in(tokenizer, sentence) + 1),
    ),
    (
        "No sentence is longer than the limit once the tokenizer has cut it: ask it "
        "not to truncate.",
        lambda tokenizer, sentences, max_length: [],
    ),
    (
        "Those are the sentences that fit. You want the others.",
        within,
    ),
    (
        "Return the indexes of the sentences, not the sentences.",
        lambda tokenizer, sentences, max_length: [
            sentences[i] for i in over_long(tokenizer, sentences, max_length)
        ],
    ),
    (
        "Return the indexes of the sentences, not True or False for each.",
        lambda tokenizer, sentences, max_length: [
            tokens_in(tokenizer, sentence) > max_length for sentence in sentences
        ],
    ),
    (
        "Return which sentences, not how many.",
        lambda tokenizer, sentences, max_length: len(
            over_long(tokenizer, sentences, max_length)
        ),
    ),
    (
        "Return the indexes of the sentences, not their lengths.",
        lambda tokenizer, sentences, max_length: [
            n
            for n in (tokens_in(tokenizer, sentence) for sentence in sentences)
            if n > max_length
        ],
    ),
    (
        "Indexes start at 0.",
        lambda tokenizer, sentences, max_length: [
            i + 1 for i in over_long(tokenizer, sentences, max_length)
        ],
    ),
    (
        "All sentences have the same length once they are padded: count without "
        "padding.",
        lambda tokenizer, sentences, max_length: list(range(len(sentences))),
    ),
    (
        "Return the indexes of the sentences that are too long, not all lengths.",
        lambda tokenizer, sentences, max_length: [
            tokens_in(tokenizer, sentence) for sentence in sentences
        ],
    ),
    (
        "You count the entries of what the tokenizer returns, a dictionary. The tokens "
        "are in its 'input_ids'.",
        longer(lambda tokenizer, sentence: len(tokenizer(sentence))),
    ),
    (
        "sentences.index finds the first of two equal sentences: take the indexes from "
        "enumerate.",
        lambda tokenizer, sentences, max_length: [
            sentences.index(sentences[i])
            for i in over_long(tokenizer, sentences, max_length)
        ],
    ),
    (
        "You change the tokenizer itself, such as its model_max_length, a side or its "
        "vocabulary, and whoever uses it after you gets other tokens. Leave it as it "
        "is, and compare with max_length yourself.",
        lambda tokenizer, sentences, max_length: [
            over_long(tokenizer, sentences, max_length),
            setattr(tokenizer, "model_max_length", max_length),
        ][0],
    ),
]


SIDES_AND_LIMIT = ("model_max_length", "padding_side", "truncation_side")


class Spare:
    """A copy of a tokenizer, so that no answer changes the one of the notebook."""

    def __init__(self, tokenizer: Callable) -> None:
        self.original, self.copy = tokenizer, deepcopy(tokenizer)

    def is_changed(self) -> bool:
        return settings(self.copy) != settings(self.original)

    def mend(self) -> None:
        """For the next answer. What a call with truncation=True leaves is forgotten."""
        for name in SIDES_AND_LIMIT:
            setattr(self.copy, name, getattr(self.original, name, None))
        if self.is_changed():  # a new token cannot be taken back
            self.copy = deepcopy(self.original)
        if backend := getattr(self.copy, "backend_tokenizer", None):
            backend.no_truncation()
            backend.no_padding()


def settings(tokenizer: Callable) -> list[Any]:
    """What others who use the tokenizer rely on."""
    names = (*SIDES_AND_LIMIT, "special_tokens_map", "model_input_names")
    return [len(tokenizer), *(getattr(tokenizer, name, None) for name in names)]


def no_tokenizer(given: Any) -> str:
    """Why the second argument of the check is no tokenizer, "" if it is one."""
    if hasattr(given, "tokenizer"):
        return f"it got {kind(given)}: pass its tokenizer, encoder.tokenizer."
    try:
        ids = deepcopy(given)("A cat.", truncation=False)["input_ids"]
        settings(given)
        right = isinstance(ids, list) and all(isinstance(i, int) for i in ids)
    except Exception:  # it is None, a string, ...
        right = False
    return "" if right else f"it got {kind(given)}."


def with_tokenizer(answer: Answer, spare: Spare, *arguments) -> list:
    """What the answer gives, and whether the tokenizer is still as it was."""
    try:
        return [answer(spare.copy, *arguments), not spare.is_changed()]
    finally:
        spare.mend()


@exercise("1.3")
def truncated(answer: Answer, tokenizer: Callable) -> Verdict:
    """answer(tokenizer, sentences, max_length) -> which sentences would lose tokens.

    sentences, a list of strings; max_length in tokens, special tokens included -> a
    list of indexes, from 0, in order: the sentences with more than max_length tokens.

    Example: answer(tokenizer, ["A cat.", "A cat sleeps."], 5) -> [1], since the first
    has the five tokens [CLS] a cat . [SEP], and the second has six
    """
    if fault := no_tokenizer(tokenizer):
        text = "The check needs a tokenizer as its second argument"
        return Verdict(WRONG, f"{text}, and {fault}")
    spare = Spare(tokenizer)
    # Every length occurs, so that each way of counting gives another answer.
    cats = [7, 3, 10, 5, 8, 4, 11, 6, 9]
    some = ["tokenization" + " cat" * n for n in cats]
    others = ["Antidisestablishmentarianism!", "Yes.", "It is a cat, is it not?"]
    return judge(
        answer,
        reference=over_long,
        cases=[
            Case((spare, some, 8)),
            Case((spare, [*others, *some], 9)),
            Case((spare, others, 4)),
            Case((spare, [some[0], others[1], some[0]], 9)),
            Case((spare, some[:3], 200)),
            Case((spare, others, 2)),
        ],
        mistakes=TRUNCATED_MISTAKES,
        look=with_tokenizer,
        praise="A tokenizer that cuts says nothing. Counting before cutting is the "
        "only way to know.",
    )


def pair(ids_a: list, ids_b: list, cls_id: int, sep_id: int) -> tuple[list, list]:
    first, second = [cls_id, *ids_a, sep_id], [*ids_b, sep_id]
    return first + second, [0] * len(first) + [1] * len(second)


def typed(kinds: Callable) -> Answer:
    """The right ids, with the types kinds(n, m); n and m ids have the sentences."""
    return lambda a, b, *special: (pair(a, b, *special)[0], kinds(len(a), len(b)))


def pair_without(*positions: int) -> Answer:
    """A pair without the special tokens at these places: 0 [CLS], 1 and 2 [SEP]."""

    def shorter(a, b, *special):
        ids, kinds = pair(a, b, *special)
        places = [0, len(a) + 1, len(ids) - 1]
        gone = [places[position] for position in positions]
        kept = [i for i in range(len(ids)) if i not in gone]
        return [ids[i] for i in kept], [kinds[i] for i in kept]

    return shorter


PAIR_MISTAKES = [
    (
        "The [SEP] between the two still belongs to the first sentence: its type is 0.",
        typed(lambda n, m: [0] * (n + 1) + [1] * (m + 2)),
    ),
    ("Two [SEP]: one after each sentence.", pair_without(1)),
    ("Two [SEP]: the second sentence ends with one, too.", pair_without(2)),
    ("[CLS] is missing: it stands at the front.", pair_without(0)),
    (
        "The special tokens are missing: [CLS] at the front, [SEP] after each "
        "sentence.",
        pair_without(0, 1, 2),
    ),
    (
        "A pair is one sequence: a single [CLS], at the front.",
        lambda a, b, cls, sep: (
            [cls, *a, sep, cls, *b, sep],
            [0] * (len(a) + 2) + [1] * (len(b) + 2),
        ),
    ),
    (
        "The ids are right, but with every type 0 the encoder cannot tell the two "
        "sentences apart.",
        typed(lambda n, m: [0] * (n + m + 3)),
    ),
    (
        "Every type is 1: that is an attention mask. Types are 0 for the first "
        "sentence, 1 for the second.",
        typed(lambda n, m: [1] * (n + m + 3)),
    ),
    (
        "The types are the wrong way round: 0 is the first sentence, 1 the second.",
        typed(lambda n, m: [1] * (n + 2) + [0] * (m + 1)),
    ),
    (
        "Types start at 0: 0 is the first sentence, 1 the second.",
        typed(lambda n, m: [1] * (n + 2) + [2] * (m + 1)),
    ),
    (
        "Special tokens have a type, too: token_type_ids must be as long as input_ids.",
        typed(lambda n, m: [0] * n + [1] * m),
    ),
    (
        "The last [SEP] belongs to the second sentence: its type is 1.",
        typed(lambda n, m: [0] * (n + 2) + [1] * m + [0]),
    ),
    (
        "Those are positions, one after the other. Types are 0 for the first sentence, "
        "1 for the second.",
        typed(lambda n, m: list(range(n + m + 3))),
    ),
    (
        "The second sentence stands first.",
        lambda a, b, *special: pair(b, a, *special),
    ),
    (
        "The two results are in the wrong order: first input_ids, then token_type_ids.",
        lambda *arguments: pair(*arguments)[::-1],
    ),
    (
        "[CLS] and [SEP] have changed places.",
        lambda a, b, cls, sep: pair(a, b, sep, cls),
    ),
    (
        "101 and 102 are BERT's special tokens. Other models have others: use cls_id "
        "and sep_id.",
        lambda a, b, cls, sep: pair(a, b, 101, 102),
    ),
    (
        "A list stands inside the list. Add lists with +, or unpack them: *ids_a.",
        lambda a, b, cls, sep: ([cls, a, sep, b, sep], [0, 0, 0, 1, 1]),
    ),
    (
        "Two results are wanted: input_ids and token_type_ids.",
        lambda *arguments: pair(*arguments)[0],
    ),
]


@exercise("1.4")
def pair_inputs(answer: Answer) -> Verdict:
    """answer(ids_a, ids_b, cls_id, sep_id) -> (input_ids, token_type_ids) of one pair.

    ids_a, ids_b, two lists of ids without special tokens, of any length; cls_id,
    sep_id, the model's own ids of [CLS] and [SEP] -> two lists of the same length.

    Example: answer([7, 8], [9], 101, 102)
    -> ([101, 7, 8, 102, 9, 102], [0, 0, 0, 0, 1, 1])
    """
    return judge(
        answer,
        reference=pair,
        cases=[
            Case(([1037, 4937, 25126], [2009, 6680], 101, 102)),
            Case(([1996], [2058, 2059, 2060, 2061], 101, 102)),
            Case(([15, 16, 17, 18, 19], [20, 21, 22], 2, 3)),
            Case(([5, 5], [5, 5], 0, 2)),
        ],
        mistakes=PAIR_MISTAKES,
        praise="Two sentences as one pair, or as two singles: a cross-encoder needs "
        "the first, a sentence vector the second.",
    )
