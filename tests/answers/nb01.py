"""Answers to the exercises of lesson 01, as students write them."""

from collections import Counter

import numpy as np
import torch

from tests.answers.catalogue import Answers, Wrong

SPECIAL = {"[CLS]", "[SEP]", "[PAD]"}


# 1.1
def loop(tokens):
    unknown = text = 0
    for token in tokens:
        if token in SPECIAL:
            continue
        text += 1
        if token == "[UNK]":
            unknown += 1
    return unknown / text


def counter(tokens):
    counts = Counter(tokens)
    return counts["[UNK]"] / (len(tokens) - sum(counts[token] for token in SPECIAL))


def mean_of_flags(tokens):
    return np.mean([token == "[UNK]" for token in tokens if token not in SPECIAL])


def tensor_of_flags(tokens):
    kept = [token for token in tokens if token not in SPECIAL]
    return torch.tensor([float(token == "[UNK]") for token in kept]).mean()


def removes(tokens):
    for token in list(tokens):
        if token in SPECIAL:
            tokens.remove(token)
    return tokens.count("[UNK]") / len(tokens)


def skips_while_removing(tokens):
    tokens = list(tokens)
    for token in tokens:
        if token in SPECIAL:
            tokens.remove(token)
    return tokens.count("[UNK]") / len(tokens)


def without_brackets(tokens):
    text = [token for token in tokens if not token.startswith("[")]
    return text.count("[UNK]") / len(text)


def returns_in_the_loop(tokens):
    unknown = text = 0
    for token in tokens:
        if token not in SPECIAL:
            text += 1
            unknown += token == "[UNK]"
            return unknown / text


def forgets_return(tokens):
    text = [token for token in tokens if token not in SPECIAL]
    text.count("[UNK]") / len(text)


UNKNOWN_SHARE = Answers(
    right={
        "a loop": loop,
        "a Counter": counter,
        "NumPy": mean_of_flags,
        "a tensor without dimensions": tensor_of_flags,
    },
    wrong=[
        Wrong(
            "special tokens below the fraction",
            lambda tokens: tokens.count("[UNK]") / len(tokens),
            "leave them out of the denominator",
        ),
        Wrong(
            "padding below the fraction",
            lambda t: t.count("[UNK]") / (len(t) - t.count("[CLS]") - t.count("[SEP]")),
            "[PAD] stands for no text either",
        ),
        Wrong(
            "only padding left out",
            lambda t: t.count("[UNK]") / (len(t) - t.count("[PAD]")),
            "[CLS] and [SEP] stand for no text either",
        ),
        Wrong(
            "two special tokens taken off",
            lambda tokens: tokens.count("[UNK]") / len(tokens[1:-1]),
            "You took 2 off",
        ),
        Wrong("a count", lambda tokens: tokens.count("[UNK]"), "That is a count"),
        Wrong("percent", lambda tokens: 100 * loop(tokens), "percentage"),
        Wrong("the known ones", lambda tokens: 1 - loop(tokens), "you want the others"),
        Wrong(
            "unknown over known",
            lambda t: (
                t.count("[UNK]")
                / len([x for x in t if x not in SPECIAL and x != "[UNK]"])
            ),
            "divided by the known tokens",
        ),
        Wrong("a set", lambda tokens: loop(set(tokens)), "different tokens"),
        Wrong(
            "all that begin with a bracket",
            without_brackets,
            "You found no [UNK]",
        ),
        Wrong("removes from its input", removes, "changes its input tokens"),
        Wrong(
            "skips tokens while it removes", skips_while_removing, "Build a new list"
        ),
        Wrong("floor division", lambda tokens: int(loop(tokens)), "// rounds down"),
        Wrong("rounded", lambda tokens: round(loop(tokens), 2), "rounded"),
        Wrong("return inside the loop", returns_in_the_loop, "return inside the loop"),
        Wrong("no return", forgets_return, "is `return` missing"),
        Wrong("a string", lambda tokens: f"{loop(tokens):.0%}", "returned a string"),
        Wrong(
            "a list of flags",
            lambda tokens: [t == "[UNK]" for t in tokens],
            "One number is wanted",
        ),
        Wrong(
            "words",
            lambda tokens: loop([t for t in tokens if not t.startswith("##")]),
            "You counted words",
        ),
        Wrong(
            "lower case",
            lambda tokens: tokens.count("[unk]") / len(tokens),
            "You found no [UNK]",
        ),
    ],
)


# 1.2
def slices(word, vocab):
    pieces, rest, mark = [], word, ""
    while rest:
        end = len(rest)
        while end > 0 and mark + rest[:end] not in vocab:
            end -= 1
        if end == 0:
            return ["[UNK]"]
        pieces.append(mark + rest[:end])
        rest, mark = rest[end:], "##"
    return pieces


def recursive(word, vocab, mark=""):
    for end in range(len(word), 0, -1):
        if mark + word[:end] in vocab:
            if end == len(word):
                return [mark + word]
            rest = recursive(word[end:], vocab, "##")
            return rest if rest == ["[UNK]"] else [mark + word[:end], *rest]
    return ["[UNK]"]


def by_max(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        beginnings = {p.removeprefix("##") for p in vocab if p[:2] == "##"}
        if start == 0:
            beginnings = {p for p in vocab if p[:2] != "##"}
        fits = [p for p in beginnings if word.startswith(p, start)]
        if not fits:
            return ["[UNK]"]
        best = max(fits, key=len)
        pieces.append("##" * (start > 0) + best)
        start += len(best)
    return tuple(pieces)


def shortest(word, vocab):
    pieces, start = [], 0
    for end in range(1, len(word) + 1):
        piece = ("##" if start else "") + word[start:end]
        if piece in vocab:
            pieces.append(piece)
            start = end
    return pieces if start == len(word) else ["[UNK]"]


def shortest_by_itself(word, vocab, mark=""):
    if not word:
        return []
    for end in range(1, len(word) + 1):
        if mark + word[:end] in vocab:
            rest = shortest_by_itself(word[end:], vocab, "##")
            return [mark + word[:end], *rest]
    return ["[UNK]"]


def on_failure(failed, keep=True):
    def cut(word, vocab):
        pieces, rest = [], word
        while rest:
            mark = "##" if len(rest) < len(word) else ""
            end = len(rest)
            while end and mark + rest[:end] not in vocab:
                end -= 1
            if not end:
                return [*pieces * keep, *failed]
            pieces.append(mark + rest[:end])
            rest = rest[end:]
        return pieces

    return cut


def unmarked(word, vocab):
    return [piece.replace("##", "") for piece in slices(word, vocab)]


def looks_up_without_marks(word, vocab):
    pieces, rest = [], word
    while rest:
        end = len(rest)
        while end and rest[:end] not in vocab:
            end -= 1
        if not end:
            return ["[UNK]"]
        pieces.append(rest[:end])
        rest = rest[end:]
    return pieces


def marks_afterwards(word, vocab):
    first, *others = looks_up_without_marks(word, vocab)
    return [first, *("##" + piece for piece in others)]


def backtracks(word, vocab):
    def split(rest, mark):
        if not rest:
            return []
        for end in range(len(rest), 0, -1):
            if mark + rest[:end] in vocab:
                tail = split(rest[end:], "##")
                if tail is not None:
                    return [mark + rest[:end], *tail]

    return split(word, "") or ["[UNK]"]


def fewest_pieces(word, vocab):
    best = {0: []}
    for end in range(1, len(word) + 1):
        for start in range(end):
            piece = ("##" if start else "") + word[start:end]
            if start in best and piece in vocab:
                new = [*best[start], piece]
                if end not in best or len(new) < len(best[end]):
                    best[end] = new
    return best.get(len(word), ["[UNK]"])


def forever(word, vocab):
    pieces, rest = [], word
    while rest:
        for end in range(len(rest), 0, -1):
            if rest[:end] in vocab:
                pieces.append(rest[:end])
                rest = rest[end:]
                break
    return pieces


def one_letter_lost(word, vocab):
    pieces, rest = [], word
    while rest:
        mark = "##" if len(rest) < len(word) else ""
        end = len(rest)
        while end and mark + rest[:end] not in vocab:
            end -= 1
        pieces.append(mark + rest[:end] if end else "[UNK]")
        rest = rest[max(end, 1) :]
    return pieces


def stops_early(word, vocab):
    for end in range(len(word), 0, -1):
        if word[:end] in vocab:
            return [word[:end], "##" + word[end:]]
    return ["[UNK]"]


def misses_the_end(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word) - 1, start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                pieces.append(piece)
                start = end
                break
        else:
            return ["[UNK]"]
    return pieces


def from_the_end(word, vocab):
    pieces, rest = [], word
    while rest:
        for start in range(len(rest)):
            piece = ("##" if start else "") + rest[start:]
            if piece in vocab:
                pieces = [piece, *pieces]
                rest = rest[:start]
                break
        else:
            return ["[UNK]"]
    return pieces


def out_of_range(word, vocab):
    pieces = [word]
    while pieces[-1] not in vocab:
        pieces[-1] = pieces[-1][:-1]
        if not pieces[-1]:
            return pieces[len(word)]
    return pieces


WORDPIECE = Answers(
    right={"slices": slices, "recursive": recursive, "startswith": by_max},
    wrong=[
        Wrong("shortest first", shortest, "shortest piece that fits"),
        Wrong("shortest, then [UNK]", shortest_by_itself, "you keep the pieces found"),
        Wrong("## removed", unmarked, "needs ## in front"),
        Wrong("looks up without ##", looks_up_without_marks, "look for the piece with"),
        Wrong("## put on later", marks_afterwards, "look for the piece with"),
        Wrong("pieces so far", on_failure([]), "not the pieces found so far"),
        Wrong("pieces and [UNK]", on_failure(["[UNK]"]), "found before are dropped"),
        Wrong(
            "pieces and ##[UNK]", on_failure(["##[UNK]"]), "found before are dropped"
        ),
        Wrong("nothing if lost", on_failure([], keep=False), "not an empty list"),
        Wrong(
            "the word if lost",
            lambda w, v: [w] if slices(w, v) == ["[UNK]"] else slices(w, v),
            "not the word",
        ),
        Wrong("one letter lost", one_letter_lost, "costs the whole word"),
        Wrong(
            "letters left out",
            lambda w, v: [p for p in one_letter_lost(w, v) if p != "[UNK]"],
            "leave out the letters",
        ),
        Wrong("backtracking", backtracks, "never goes back"),
        Wrong("fewest pieces", fewest_pieces, "WordPiece cuts from the beginning"),
        Wrong("never ends", forever, "does its loop ever end"),
        Wrong("from the end", from_the_end, "WordPiece cuts from the beginning"),
        Wrong(
            "## before the first",
            lambda w, v: ["##" + p.removeprefix("##") for p in slices(w, v)],
            "the first begins the word",
        ),
        Wrong("two pieces at most", stops_early, "The rest of the word must be cut"),
        Wrong("the last letter is missed", misses_the_end, "Every word comes out as"),
        Wrong(
            "whole words only",
            lambda w, v: [w] if w in v else ["[UNK]"],
            "a word that is in the vocabulary whole",
        ),
        Wrong("letters", lambda w, v: list(w), "single letters"),
        Wrong("one string", lambda w, v: " ".join(slices(w, v)), "returned a string"),
        Wrong("always lost", lambda w, v: "[UNK]", "returned a string"),
        Wrong(
            "every piece in it",
            lambda w, v: [p for p in v if p in w],
            "are not the word",
        ),
        Wrong("the first piece", out_of_range, "stop after the first piece"),
        Wrong("only one argument", lambda word: [word], "must take 2 arguments"),
    ],
)


# 1.3
def list_comprehension(tokenizer, sentences, max_length):
    ids = tokenizer(sentences, truncation=False)["input_ids"]
    return [i for i, row in enumerate(ids) if len(row) > max_length]


def adds_two(tokenizer, sentences, max_length):
    found = []
    for i in range(len(sentences)):
        if len(tokenizer.tokenize(sentences[i])) + 2 > max_length:
            found.append(i)
    return found


def with_numpy(tokenizer, sentences, max_length):
    lengths = np.array([len(tokenizer.encode(s)) for s in sentences])
    return list(np.flatnonzero(lengths > max_length))


def with_torch(tokenizer, sentences, max_length):
    batch = tokenizer(sentences, padding=True, return_tensors="pt")
    lengths = batch["attention_mask"].sum(1)
    return (lengths > max_length).nonzero().flatten().tolist()


def compares_cut_and_whole(tokenizer, sentences, max_length):
    whole = tokenizer(sentences)["input_ids"]
    cut = tokenizer(sentences, truncation=True, max_length=max_length)["input_ids"]
    return [i for i, (a, b) in enumerate(zip(whole, cut, strict=True)) if a != b]


def each(count, more=lambda n, limit: n > limit):
    return lambda tokenizer, sentences, limit: [
        i for i, s in enumerate(sentences) if more(count(tokenizer, s), limit)
    ]


def already_cut(tokenizer, sentences, max_length):
    batch = tokenizer(sentences, truncation=True, max_length=max_length)
    return [i for i, row in enumerate(batch["input_ids"]) if len(row) > max_length]


def full_after_cut(tokenizer, sentences, max_length):
    batch = tokenizer(sentences, truncation=True, max_length=max_length)
    return [i for i, row in enumerate(batch["input_ids"]) if len(row) == max_length]


def padded_lengths(tokenizer, sentences, max_length):
    batch = tokenizer(sentences, padding=True)
    return [i for i, row in enumerate(batch["input_ids"]) if len(row) > max_length]


def changes_the_tokenizer(tokenizer, sentences, max_length):
    tokenizer.model_max_length = max_length
    return list_comprehension(tokenizer, sentences, max_length)


def after(change):
    """Right, but for what `change` does to the tokenizer."""

    def answer(tokenizer, sentences, max_length):
        change(tokenizer)
        return list_comprehension(tokenizer, sentences, max_length)

    return answer


def puts_back(tokenizer, sentences, max_length):
    limit, tokenizer.model_max_length = tokenizer.model_max_length, max_length
    lost = list_comprehension(tokenizer, sentences, max_length)
    tokenizer.model_max_length = limit
    return lost


TRUNCATED = Answers(
    right={
        "one call": list_comprehension,
        "tokens and two more": adds_two,
        "NumPy": with_numpy,
        "the mask": with_torch,
        "cut against whole": compares_cut_and_whole,
        "cut first, whole later": after(lambda tok: tok("a", truncation=True)),
        "puts it back": puts_back,
    },
    wrong=[
        Wrong(
            "without [CLS] and [SEP]",
            each(lambda tok, s: len(tok.tokenize(s))),
            "[CLS] and [SEP] as well",
        ),
        Wrong(
            "one special token",
            each(lambda tok, s: len(tok.tokenize(s)) + 1),
            "you counted one",
        ),
        Wrong(
            "special tokens twice",
            each(lambda tok, s: len(tok.encode(s)) + 2),
            "[CLS] and [SEP] twice",
        ),
        Wrong("words", each(lambda tok, s: len(s.split())), "You count words"),
        Wrong(
            "words and two more",
            each(lambda tok, s: len(s.split()) + 2),
            "You count words",
        ),
        Wrong("letters", each(lambda tok, s: len(s)), "You count letters"),
        Wrong(
            "at least",
            each(lambda tok, s: len(tok.encode(s)), lambda n, limit: n >= limit),
            "still fits",
        ),
        Wrong("cut first", already_cut, "ask it not to truncate"),
        Wrong("as long as the limit after the cut", full_after_cut, "still fits"),
        Wrong(
            "those that fit",
            each(lambda tok, s: len(tok.encode(s)), lambda n, limit: n <= limit),
            "You want the others",
        ),
        Wrong(
            "sentences",
            lambda tok, texts, n: [s for s in texts if len(tok.encode(s)) > n],
            "Return the indexes",
        ),
        Wrong(
            "flags",
            lambda tok, texts, n: [len(tok.encode(s)) > n for s in texts],
            "not True or False",
        ),
        Wrong(
            "how many",
            lambda tok, texts, n: sum(len(tok.encode(s)) > n for s in texts),
            "not how many",
        ),
        Wrong(
            "lengths",
            lambda tok, texts, n: [
                m for m in (len(tok.encode(s)) for s in texts) if m > n
            ],
            "not their lengths",
        ),
        Wrong(
            "all lengths",
            lambda tok, texts, n: [len(tok.encode(s)) for s in texts],
            "not all lengths",
        ),
        Wrong(
            "from 1",
            lambda *a: [i + 1 for i in list_comprehension(*a)],
            "Indexes start at 0",
        ),
        Wrong("padded", padded_lengths, "once they are padded"),
        Wrong("a set", lambda *a: set(list_comprehension(*a)), "returned a set"),
        Wrong(
            "a tensor",
            lambda *a: torch.tensor(list_comprehension(*a)),
            "returned a tensor",
        ),
        Wrong(
            "decimals",
            lambda *a: [float(i) for i in list_comprehension(*a)],
            "a decimal",
        ),
        Wrong(
            "keys of the batch",
            each(lambda tok, s: len(tok(s))),
            "You count the entries",
        ),
        Wrong(
            "index of the sentence",
            lambda tok, texts, n: [
                texts.index(s) for s in texts if len(tok.encode(s)) > n
            ],
            "enumerate",
        ),
        Wrong("spoils the tokenizer", changes_the_tokenizer, "model_max_length"),
        Wrong(
            "pads on the left from now on",
            after(lambda tok: setattr(tok, "padding_side", "left")),
            "change the tokenizer itself",
        ),
        Wrong(
            "cuts on the left from now on",
            after(lambda tok: setattr(tok, "truncation_side", "left")),
            "change the tokenizer itself",
        ),
        Wrong(
            "adds a token",
            after(lambda tok: tok.add_tokens(["zzzq"])),
            "change the tokenizer itself",
        ),
        Wrong(
            "another padding token",
            after(lambda tok: setattr(tok, "pad_token", "[SEP]")),
            "change the tokenizer itself",
        ),
        Wrong("a missing name", lambda tok, texts, n: missing, ""),  # noqa: F821
    ],
)


# 1.4
def concatenated(ids_a, ids_b, cls_id, sep_id):
    input_ids = [cls_id] + ids_a + [sep_id] + ids_b + [sep_id]  # noqa: RUF005
    types = [0] * (1 + len(ids_a) + 1) + [1] * (len(ids_b) + 1)
    return input_ids, types


def appended(ids_a, ids_b, cls_id, sep_id):
    ids, types = [cls_id], [0]
    for sentence, row in enumerate((ids_a, ids_b)):
        for i in row:
            ids.append(i)
            types.append(sentence)
        ids.append(sep_id)
        types.append(sentence)
    return [ids, types]


def with_arrays(ids_a, ids_b, cls_id, sep_id):
    ids = np.concatenate([[cls_id], ids_a, [sep_id], ids_b, [sep_id]])
    types = np.arange(len(ids)) > len(ids_a) + 1
    return tuple(ids), tuple(types.astype(int))


def inserts(ids_a, ids_b, cls_id, sep_id):
    ids_a.insert(0, cls_id)
    ids_a.append(sep_id)
    ids_b.append(sep_id)
    return ids_a + ids_b, [0] * len(ids_a) + [1] * len(ids_b)


def plus_equals(ids_a, ids_b, cls_id, sep_id):
    input_ids = ids_a
    input_ids += [sep_id]
    types = [0] * (len(input_ids) + 1) + [1] * (len(ids_b) + 1)
    return [cls_id, *input_ids, *ids_b, sep_id], types


PAIR_INPUTS = Answers(
    right={"concatenated": concatenated, "appended": appended, "arrays": with_arrays},
    wrong=[
        Wrong(
            "second sentence begins early",
            lambda a, b, c, s: (
                [c, *a, s, *b, s],
                [0] * (len(a) + 1) + [1] * (len(b) + 2),
            ),
            "its type is 0",
        ),
        Wrong(
            "one [SEP] at the end",
            lambda a, b, c, s: (
                [c, *a, *b, s],
                [0] * len([c, *a]) + [1] * len([*b, s]),
            ),
            "one after each sentence",
        ),
        Wrong(
            "one [SEP] between",
            lambda a, b, c, s: ([c, *a, s, *b], [0] * (len(a) + 2) + [1] * len(b)),
            "the second sentence ends with one",
        ),
        Wrong(
            "no [CLS]",
            lambda a, b, c, s: (
                [*a, s, *b, s],
                [0] * len([*a, s]) + [1] * len([*b, s]),
            ),
            "[CLS] is missing",
        ),
        Wrong(
            "no special tokens",
            lambda a, b, c, s: (a + b, [0] * len(a) + [1] * len(b)),
            "special tokens are missing",
        ),
        Wrong(
            "two [CLS]",
            lambda a, b, c, s: (
                [c, *a, s, c, *b, s],
                [0] * (len(a) + 2) + [1] * (len(b) + 2),
            ),
            "a single [CLS]",
        ),
        Wrong(
            "one type",
            lambda a, b, c, s: ([c, *a, s, *b, s], [0] * len([c, *a, s, *b, s])),
            "tell the two sentences apart",
        ),
        Wrong(
            "a mask",
            lambda a, b, c, s: ([c, *a, s, *b, s], [1] * len([c, *a, s, *b, s])),
            "that is an attention mask",
        ),
        Wrong(
            "types from 1",
            lambda a, b, c, s: (
                [c, *a, s, *b, s],
                [1] * (len(a) + 2) + [2] * (len(b) + 1),
            ),
            "Types start at 0",
        ),
        Wrong(
            "types inverted",
            lambda *x: (appended(*x)[0], [1 - i for i in appended(*x)[1]]),
            "the wrong way round",
        ),
        Wrong(
            "types of the ids alone",
            lambda a, b, c, s: ([c, *a, s, *b, s], [0] * len(a) + [1] * len(b)),
            "Special tokens have a type",
        ),
        Wrong(
            "order of the sentences",
            lambda a, b, c, s: appended(b, a, c, s),
            "second sentence stands first",
        ),
        Wrong(
            "order of the results", lambda *x: appended(*x)[::-1], "in the wrong order"
        ),
        Wrong(
            "order of the special tokens",
            lambda a, b, c, s: appended(a, b, s, c),
            "changed places",
        ),
        Wrong(
            "BERT's ids written in",
            lambda a, b, c, s: concatenated(a, b, 101, 102),
            "Other models have others",
        ),
        Wrong("ids alone", lambda *x: appended(*x)[0], "Two results are wanted"),
        Wrong("inserts into its input", inserts, "changes its input ids_a"),
        Wrong("+= on its input", plus_equals, "changes its input ids_a"),
        Wrong(
            "decimals",
            lambda *x: [[float(i) for i in row] for row in appended(*x)],
            "a decimal",
        ),
        Wrong(
            "tensors",
            lambda *x: tuple(torch.tensor(row) for row in appended(*x)),
            "returned a tensor",
        ),
        Wrong(
            "a dictionary",
            lambda *x: dict(zip(("ids", "types"), appended(*x), strict=True)),
            "returned a dictionary",
        ),
        Wrong(
            "nested",
            lambda a, b, c, s: ([c, a, s, b, s], [0, 0, 0, 1, 1]),
            "inside the list",
        ),
        Wrong(
            "the last [SEP] has type 0",
            lambda *x: (appended(*x)[0], [*appended(*x)[1][:-1], 0]),
            "belongs to the second sentence",
        ),
        Wrong("a list and a number", lambda a, b, c, s: a + c, ""),
    ],
)

ANSWERS = {
    "unknown_share": UNKNOWN_SHARE,
    "wordpiece": WORDPIECE,
    "truncated": TRUNCATED,
    "pair_inputs": PAIR_INPUTS,
}
