"""Checks of notebook 01."""

import random

from helpers import tokenization
from helpers.checks.judge import Answer, judge, like

SPECIAL = ("[CLS]", "[SEP]", "[PAD]")


def wordpiece(answer: Answer) -> None:
    """answer(word, vocab) -> pieces of the word, longest match first, ["[UNK]"] if a part is left over."""
    stems, endings = ["play", "token", "pad", "mask"], ["##ing", "##iz", "##er", "##s", "##ed"]
    vocab = {*stems, *endings, "p", "pl", "##a", "##y", "##in", "##g", "##e", "##d", "t", "to"}
    words = [
        random.choice(stems) + "".join(e.removeprefix("##") for e in random.sample(endings, k)) for k in (0, 1, 2, 3)
    ]
    cases = [(word, vocab) for word in ["playing", "tokenizer", "paddingxyz", *words]]

    def greedy(word, vocab, first, lost, mark="##"):
        pieces, start = [], 0
        while start < len(word):
            for end in first(range(start + 1, len(word) + 1)):
                piece = ("##" if start else "") + word[start:end]
                if piece in vocab:
                    pieces.append((mark if start else "") + word[start:end])
                    start = end
                    break
            else:
                return lost(pieces)
        return pieces

    longest, shortest = (lambda ends: reversed(ends)), (lambda ends: ends)
    judge(
        answer,
        cases,
        tokenization.wordpiece,
        [
            ("You take the shortest piece that fits. Try the longest end of the word first.",
             like(lambda w, v: greedy(w, v, shortest, lambda pieces: ["[UNK]"]), cases)),
            ("A piece inside a word needs ## in front: 'ing' at the end of 'playing' is '##ing' in the vocabulary.",
             like(lambda w, v: greedy(w, v, longest, lambda pieces: ["[UNK]"], mark=""), cases)),
            ("When no piece fits, the whole word becomes one [UNK]: the pieces found before are dropped.",
             like(lambda w, v: greedy(w, v, longest, lambda pieces: [*pieces, "[UNK]"]), cases)),
            ("When no piece fits, return ['[UNK]'], not the pieces found so far.",
             like(lambda w, v: greedy(w, v, longest, lambda pieces: pieces), cases)),
        ],
        "Greedy is not optimal: it never goes back, so a word can end in [UNK] although another split exists.",
    )  # fmt: skip


def unknown_share(answer: Answer) -> None:
    """answer(tokens) -> share of [UNK], 0 to 1, among the tokens that stand for text."""
    body = random.choices(["the", "cat", "##s", "[UNK]"], k=12)
    cases = [
        (["[CLS]", "[UNK]", "cat", "[UNK]", "sat", "[SEP]", "[PAD]", "[PAD]"],),
        (["[CLS]", "[UNK]", *body, "[SEP]"],),
    ]

    def text(tokens):
        return [token for token in tokens if token not in SPECIAL]

    judge(
        answer,
        cases,
        lambda tokens: text(tokens).count("[UNK]") / len(text(tokens)),
        [
            ("[CLS], [SEP] and [PAD] stand for no text: leave them out of the denominator.",
             like(lambda tokens: tokens.count("[UNK]") / len(tokens), cases)),
            ("That is a count. Divide by the number of tokens that stand for text.",
             like(lambda tokens: tokens.count("[UNK]"), cases)),
            ("That is a percentage: return a share from 0 to 1.",
             like(lambda tokens: 100 * text(tokens).count("[UNK]") / len(text(tokens)), cases)),
            ("That is the share of known tokens: you want the others.",
             like(lambda tokens: 1 - text(tokens).count("[UNK]") / len(text(tokens)), cases)),
        ],
        "One number like this, logged before you trust an encoder with a new language, would have saved many a project.",
    )  # fmt: skip


def truncated(answer: Answer, tokenizer) -> None:
    """answer(tokenizer, sentences, max_length) -> indexes of the sentences that would lose tokens."""
    # Every length from `shortest` on occurs, so each way of counting gives another answer.
    shortest = random.randint(3, 8)
    sentences = ["tokenization" + " cat" * n for n in random.sample(range(shortest, shortest + 9), 9)]
    lengths = [len(tokenizer(s, truncation=False)["input_ids"]) for s in sentences]
    cases = [(sentences, limit) for limit in sorted(lengths)[2:5]]  # without the tokenizer: too large to copy each time

    def over(count):
        return lambda texts, limit: [i for i, text in enumerate(texts) if count(text) > limit]

    full = dict(zip(sentences, lengths, strict=True))
    judge(
        lambda texts, limit: answer(tokenizer, texts, limit),
        cases,
        over(full.get),
        [
            ("Every sentence gets [CLS] and [SEP] as well: they count towards max_length.",
             like(over(lambda text: full[text] - 2), cases)),
            ("You count words. The limit is in tokens: one word can become several.",
             like(over(lambda text: len(text.split())), cases)),
            ("A sentence of exactly max_length tokens still fits.",
             like(over(lambda text: full[text] + 1), cases)),
            ("No sentence is ever longer than the limit once the tokenizer has cut it: ask it not to truncate.",
             like(lambda *_: [], cases)),
        ],
        "A tokenizer that cuts says nothing. Counting before cutting is the only way to know.",
    )  # fmt: skip


def pair_inputs(answer: Answer) -> None:
    """answer(ids_a, ids_b, cls_id, sep_id) -> (input_ids, token_type_ids) of one pair, both lists."""
    cases = [
        (random.sample(range(1000, 2000), random.randint(2, 6)), random.sample(range(2000, 3000), 3), 101, 102)
        for _ in range(4)
    ]

    def pair(a, b, cls, sep, middle=(), kinds=lambda n, m: [0] * (n + 2) + [1] * (m + 1)):
        middle = [sep] if middle == () else middle
        return [cls, *a, *middle, *b, sep], kinds(len(a), len(b))

    judge(
        answer,
        cases,
        pair,
        [
            ("The [SEP] between the two still belongs to the first sentence: its type is 0.",
             like(lambda *c: pair(*c, kinds=lambda n, m: [0] * (n + 1) + [1] * (m + 2)), cases)),
            ("Two [SEP]: one after each sentence.",
             like(lambda *c: pair(*c, middle=[], kinds=lambda n, m: [0] * (n + 1) + [1] * (m + 1)), cases)),
            ("A pair is one sequence: a single [CLS], at the front.",
             like(lambda a, b, cls, sep: ([cls, *a, sep, cls, *b, sep], [0] * (len(a) + 2) + [1] * (len(b) + 2)), cases)),
            ("The ids are right, but with every type 0 the encoder cannot tell the two sentences apart.",
             like(lambda *c: pair(*c, kinds=lambda n, m: [0] * (n + m + 3)), cases)),
        ],
        "Two sentences as one pair, or as two singles: a cross-encoder needs the first, a sentence vector the second.",
    )  # fmt: skip
