"""Each check tells the right answer, no answer and typical wrong answers apart, every time it is asked."""

import pytest
import torch
from torch import nn

from helpers import checks


def verdict(capsys, check, answer, encoder):
    arguments = [encoder.tokenizer] if check is checks.truncated else []
    check(answer, *arguments)
    return capsys.readouterr().out.strip()


def cut(rows, size):
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def wordpiece(word, vocab, ends=lambda n: range(n, 0, -1), mark="##", fail=lambda pieces: ["[UNK]"]):
    pieces = []
    while word:
        for end in ends(len(word)):
            if ("##" if pieces else "") + word[:end] in vocab:
                pieces.append((mark if pieces else "") + word[:end])
                word = word[end:]
                break
        else:
            return fail(pieces)
    return pieces


def padded(rows, pad_id, mask=lambda row, n: [1] * len(row) + [0] * n, left=False):
    length = max(map(len, rows))
    fill = [length - len(row) for row in rows]
    ids = [([pad_id] * n + row) if left else (row + [pad_id] * n) for row, n in zip(rows, fill, strict=True)]
    masks = [mask(row, n) for row, n in zip(rows, fill, strict=True)]
    return ids, masks


def attention(q, k, v, mask, bias=None, scale=None, axis=-1, after=None):
    scores = torch.einsum("bqd,bkd->bqk", q, k) / (q.shape[-1] ** 0.5 if scale is None else scale)
    bias = torch.log(mask.float())[:, None, :] if bias is None else bias(mask)
    weights = torch.softmax(scores + bias, axis)
    return torch.einsum("bqk,bkd->bqd", weights if after is None else weights * after(mask), v)


def share(lengths, size):
    batches = cut(sorted(lengths), size)
    return sum(max(b) - n for b in batches for n in b) / sum(max(b) * len(b) for b in batches)


def mean(h, m, axis=-1, dtype=torch.float32, low=1.0):
    m = m.unsqueeze(axis).to(dtype)
    return ((h.to(dtype) * m).sum(1) / m.sum(1).clamp(min=low)).to(h.dtype)


def cosines(x):
    x = nn.functional.normalize(x, dim=1)
    return x @ x.T


def ranked(anchor, positive, same, fill=float("-inf"), scale=20.0, unit=True, diagonal=False):
    if unit:
        anchor, positive = (x / x.norm(dim=1, keepdim=True) for x in (anchor, positive))
    out = same if diagonal else same & ~torch.eye(len(same)).bool()
    scores = torch.where(out, torch.tensor(fill), scale * anchor @ positive.T)
    return (scores.logsumexp(1) - scores.diagonal()).mean()


def stepped(model, loss, optimizer, a, b, labels, lines="zero forward backward clip step", result=torch.Tensor.item):
    """A training step whose lines are run in the order given."""
    value = None
    for line in lines.split():
        if line == "zero":
            model.zero_grad()
        elif line == "forward":
            value = loss(*model(torch.cat([a, b])).chunk(2), labels)
        elif line == "backward":
            value.backward()
        elif line == "clip":
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        elif line == "numbers":
            nn.utils.clip_grad_value_(model.parameters(), 1.0)
        else:
            optimizer.step()
    return result(value)


def step_of(lines, **changes):
    return lambda *arguments: stepped(*arguments, lines=lines, **changes)


def lost_clamp(h, m):
    m = m.unsqueeze(-1).expand_as(h).to(h.dtype)
    return (h * m).sum(1) / m.sum(1).clamp(min=1e-9)


def text(tokens):
    return [t for t in tokens if t not in ("[CLS]", "[SEP]", "[PAD]")]


def batch_with(pad_value, before, length=5):
    hidden, mask = torch.randn(2, 4, 3), torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])
    more, none = torch.full((2, length, 3), pad_value), torch.zeros(2, length, dtype=torch.long)
    order = slice(None, None, -1 if before else 1)
    return (hidden, mask), (torch.cat([hidden, more][order], 1), torch.cat([mask, none][order], 1))


def detector(pad_value=99.0, sides=(False, True), equal=lambda a, b: torch.allclose(a, b, atol=1e-5)):
    def detect(pool):
        pairs = [batch_with(pad_value, before) for before in sides]
        return any(not equal(pool(*few), pool(*more)) for few, more in pairs)

    return detect


def svd_whiten(fit_on, vectors, center=True, power=1.0):
    mean = fit_on.mean(0)
    _, s, v = torch.linalg.svd(fit_on - mean, full_matrices=False)
    return (vectors - (mean if center else 0)) @ v.T / (s / (len(fit_on) - 1) ** 0.5) ** power


# check: the right answer, and wrong ones with a phrase of what they should be told
ANSWERS = {
    checks.unknown_share: (
        lambda tokens: sum(t == "[UNK]" for t in text(tokens)) / len(text(tokens)),
        [
            (lambda tokens: sum(t == "[UNK]" for t in tokens) / len(tokens), "out of the denominator"),
            (lambda tokens: sum(t == "[UNK]" for t in tokens), "That is a count"),
            (lambda tokens: 100 * text(tokens).count("[UNK]") / len(text(tokens)), "a percentage"),
            (lambda tokens: sum(t != "[UNK]" for t in text(tokens)) / len(text(tokens)), "share of known tokens"),
        ],
    ),
    checks.wordpiece: (
        wordpiece,
        [
            (lambda w, v: wordpiece(w, v, ends=lambda n: range(1, n + 1)), "shortest piece"),
            (lambda w, v: wordpiece(w, v, mark=""), "needs ## in front"),
            (lambda w, v: wordpiece(w, v, fail=lambda pieces: pieces), "not the pieces found so far"),
            (lambda w, v: wordpiece(w, v, fail=lambda pieces: [*pieces, "[UNK]"]), "found before are dropped"),
            (lambda w, v: [], "returns []"),
        ],
    ),
    checks.truncated: (
        lambda tok, texts, n: [i for i, t in enumerate(texts) if len(tok.encode(t, truncation=False)) > n],
        [
            (lambda tok, texts, n: [i for i, t in enumerate(texts) if len(tok.tokenize(t)) > n], "[CLS] and [SEP]"),
            (lambda tok, texts, n: [i for i, t in enumerate(texts) if len(t.split()) > n], "You count words"),
            (lambda tok, texts, n: [i for i, t in enumerate(texts) if len(tok(t)["input_ids"]) >= n], "still fits"),
            (
                lambda tok, texts, n: [
                    i for i, t in enumerate(texts) if len(tok(t, truncation=True, max_length=n)["input_ids"]) > n
                ],
                "ask it not to truncate",
            ),
        ],
    ),
    checks.pair_inputs: (
        lambda a, b, c, s: ([c, *a, s, *b, s], [0] * (len(a) + 2) + [1] * (len(b) + 1)),
        [
            (lambda a, b, c, s: ([c, *a, s, *b, s], [0] * (len(a) + 1) + [1] * (len(b) + 2)), "its type is 0"),
            (lambda a, b, c, s: ([c, *a, *b, s], [0] * (len(a) + 1) + [1] * (len(b) + 1)), "one after each sentence"),
            (lambda a, b, c, s: ([c, *a, s, c, *b, s], [0] * (len(a) + 2) + [1] * (len(b) + 2)), "a single [CLS]"),
            (lambda a, b, c, s: ([c, *a, s, *b, s], [0] * (len(a) + len(b) + 3)), "tell the two sentences apart"),
        ],
    ),
    checks.pad_batch: (
        padded,  # lists are as good as tensors
        [
            (lambda r, p: padded(r, p, mask=lambda row, n: [int(i != p) for i in row] + [0] * n), "use the lengths"),
            (lambda r, p: padded(r, p, mask=lambda row, n: [1] * (len(row) + n)), "1 everywhere"),
            (lambda r, p: padded(r, p, mask=lambda row, n: [0] * len(row) + [1] * n), "wrong way round"),
            (lambda r, p: padded(r, p, mask=lambda row, n: [0] * n + [1] * len(row), left=True), "padded on the left"),
        ],
    ),
    checks.padding_share: (
        share,
        [
            (
                lambda ls, s: 1 - sum(ls) / sum(max(b) * len(b) for b in cut(ls, s)),
                "did not sort",
            ),
            (
                lambda ls, s: sum(1 - sum(b) / max(b) / len(b) for b in cut(sorted(ls), s)) / len(cut(sorted(ls), s)),
                "averaged the shares",
            ),
            (lambda ls, s: 1 - share(ls, s), "share of real tokens"),
            (lambda ls, s: share(ls, s) / (1 - share(ls, s)), "divided by the real tokens"),
        ],
    ),
    checks.masked_attention: (
        attention,
        [
            (lambda *qkvm: attention(*qkvm, bias=lambda m: 0), "Padding still takes part"),
            (
                lambda *qkvm: attention(*qkvm, bias=lambda m: 0, after=lambda m: m[:, None, :]),
                "after the softmax",
            ),
            (lambda *qkvm: attention(*qkvm, bias=lambda m: (m[:, :, None] - 1) * 1e9), "on the queries"),
            (lambda *qkvm: attention(*qkvm, scale=1), "square root"),
            (lambda *qkvm: attention(*qkvm, bias=lambda m: (m[:, None, :] - 1) * 1e9, axis=1), "softmax runs over"),
        ],
    ),
    checks.position_ids: (
        lambda m: torch.where(m == 1, m.cumsum(1) - 1, 0),
        [
            (lambda m: torch.arange(m.shape[1]).repeat(len(m), 1), "counts columns"),
            (lambda m: m.cumsum(1) * m, "start at 1"),
            (lambda m: m.cumsum(1) - 1, "clamp at 0"),
            (lambda m: (m.flip(1).cumsum(1).flip(1) - 1).clamp(min=0), "distance from the end"),
        ],
    ),
    checks.mean_pool: (
        mean,
        [
            (lambda h, m: torch.mean(h, 1), "averaged the padding"),
            (lambda h, m: (h * m[:, :, None]).sum(1) / h.shape[1], "divided by L"),
            (lambda h, m: (h * m[:, None, :]).sum(1) / m.sum(1)[:, None], "wrong axis"),
            (lost_clamp, "clamp is lost"),
            (lambda h, m: mean(h, m, dtype=h.dtype), "257 rounds to 256"),
            (lambda h, m: (h * m[:, :, None]).sum(2) / m.sum(1)[:, None], "summed over H"),
            (lambda h, m: (h * m[:, :, None]).sum(1), "how many there are"),
            (lambda h, m: h.sum(1) / m.sum(1)[:, None], "changes when padding is added"),
        ],
    ),
    checks.true_mean: (
        lambda naive, pad, n, length: (naive * length - pad * (length - n)[:, None]) / n[:, None],
        [
            (lambda naive, pad, n, length: naive * length / n[:, None], "padding is still in"),
            (lambda naive, pad, n, length: naive - (1 - n / length)[:, None] * pad, "did not undo"),
            (lambda naive, pad, n, length: (naive - pad) * (length / n)[:, None], "not 1"),
            (lambda naive, pad, n, length: naive, "values are not"),
        ],
    ),
    checks.mean_pool_gradient: (
        lambda g, m: torch.einsum("bh,bl->blh", g, m / m.sum(1, keepdim=True)),
        [
            (lambda g, m: torch.einsum("bh,bl->blh", g, torch.ones_like(m) / m.shape[1]), "naive mean's gradient"),
            (lambda g, m: torch.einsum("bh,bl->blh", g, (m * 0 + 1) / m.sum(1, keepdim=True)), "Padding gets a"),
            (lambda g, m: torch.einsum("bh,bl->blh", g, m.float()), "Divide by nᵢ"),
            (lambda g, m: torch.einsum("bh,bl->blh", g, m / m.shape[1]), "You divided by L"),
        ],
    ),
    checks.nan_safe_mean_pool: (
        lambda h, m: mean(h.masked_fill(m[:, :, None] == 0, 0), m),
        [
            (mean, "0 · NaN is NaN"),
            (lambda h, m: mean(torch.nan_to_num(h, 0, 0, 0), m), "has to show"),
            (lambda h, m: h.masked_fill(m[:, :, None] == 0, 0).mean(1), "even without NaN"),
        ],
    ),
    checks.last_token: (
        lambda h, m: h[torch.arange(len(h)), (m * torch.arange(m.shape[1])).argmax(1)],
        [
            (lambda h, m: h[:, -1], "last column"),
            (lambda h, m: h[torch.arange(len(h)), m.sum(1) - 1], "find the last 1"),
            (lambda h, m: h[torch.arange(len(h)), m.argmax(1)], "first real token"),
            (
                lambda h, m: h[torch.arange(len(h)), torch.minimum(m.sum(1), torch.tensor(h.shape[1] - 1))],
                "One too far",
            ),
        ],
    ),
    checks.weighted_mean: (
        lambda h, m: torch.einsum("blh,bl->bh", h, m.cumsum(1) * m / (m.cumsum(1) * m).sum(1, keepdim=True)),
        [
            (
                lambda h, m: (
                    torch.einsum("blh,bl->bh", h, m * torch.arange(1.0, 1 + m.shape[1]))
                    / (m * torch.arange(1, 1 + m.shape[1])).sum(1, keepdim=True)
                ),
                "count columns",
            ),
            (
                lambda h, m: torch.einsum("blh,bl->bh", h, (m.cumsum(1) * m).float()) / m.sum(1, keepdim=True),
                "sum of the weights",
            ),
            (mean, "plain mean"),
            (
                lambda h, m: torch.einsum("blh,bl->bh", h, m.cumsum(1).float()) / m.cumsum(1).sum(1, keepdim=True),
                "Padding has weight",
            ),
        ],
    ),
    checks.padding_detector: (
        detector(),
        [
            (detector(equal=torch.equal), "with a tolerance"),
            (detector(pad_value=-99.0), "large ones"),
            (detector(equal=lambda a, b: torch.cosine_similarity(a, b).min() > 0.9999), "their cosine does not change"),
            (detector(sides=[False]), "The first column gets past you"),
            (detector(sides=[True]), "The last column gets past you"),
            (lambda pool: False, "None of the wrong ones"),
        ],
    ),
    checks.whiten: (
        svd_whiten,
        [
            (lambda f, v: svd_whiten(v, v), "from fit_on alone"),
            (lambda f, v: svd_whiten(f, v, center=False), "did not subtract"),
            (lambda f, v: svd_whiten(f, v, power=2), "square roots"),
            (lambda f, v: svd_whiten(f, v, power=0), "not scaled"),
            (lambda f, v: svd_whiten(f, v, power=-1), "stretches"),
            (lambda f, v: svd_whiten(f, v) * (len(f) / (len(f) - 1)) ** 0.5, "M − 1"),
        ],
    ),
    checks.cosine_regression: (
        lambda u, v, s: ((nn.functional.cosine_similarity(u, v) - s / 5) ** 2).mean(),
        [
            (lambda u, v, s: ((nn.functional.cosine_similarity(u, v) - s) ** 2).mean(), "No cosine is 5"),
            (lambda u, v, s: (((u * v).sum(-1) - s / 5) ** 2).mean(), "dot product"),
            (lambda u, v, s: ((nn.functional.cosine_similarity(u, v) - s / 5) ** 2).sum(), "not the sum"),
            (lambda u, v, s: (nn.functional.cosine_similarity(u, v) - s / 5) ** 2, "One number for the whole batch"),
            (lambda u, v, s: (nn.functional.cosine_similarity(u, v) - s / 5).abs().mean(), "Square it"),
            (lambda u, v, s: ((nn.functional.cosine_similarity(u, v) - (2 * s / 5 - 1)) ** 2).mean(), "not opposite"),
            (
                lambda u, v, s: ((nn.functional.cosine_similarity(u, v) - s / 5) ** 2).mean().detach(),
                "has no gradient",
            ),
            (
                lambda u, v, s: ((nn.functional.cosine_similarity(u, v.detach()) - s / 5) ** 2).mean(),
                "its gradient is not",
            ),
            (lambda u, v, s: (u - v).square().sum(), "not the one asked for"),
            (lambda u, v, s: 0.5, "Return a tensor"),
        ],
    ),
    checks.triplet_floor: (
        lambda margin: margin - 2 if margin > 2 else 0.0,
        [
            (lambda margin: 0.0, "5 is out of reach"),
            (lambda margin: margin - 2, "cut off at 0"),
            (lambda margin: max(0.0, margin - 1), "Opposite unit vectors are 2 apart"),
            (lambda margin: margin, "equally far"),
            (lambda margin: "5", "returns a str"),
        ],
    ),
    checks.optimizer: (
        lambda encoder, loss: torch.optim.SGD([*loss.parameters(), *encoder.parameters()], lr=0.1),
        [
            (lambda encoder, loss: torch.optim.AdamW(encoder.parameters(), lr=1e-3), "The head is not in"),
            (lambda encoder, loss: torch.optim.AdamW(loss.parameters(), lr=1e-3), "The encoder is not in"),
            (
                lambda encoder, loss: torch.optim.SGD([*loss.parameters(), *encoder.parameters()], lr=0.0),
                "Nothing moved",
            ),
            (lambda encoder, loss: torch.optim.SGD([encoder.weight, loss.classifier.weight], lr=0.1), "Some weights"),
            (lambda encoder, loss: [*loss.parameters()], "expected"),
        ],
    ),
    checks.ranking_loss: (
        lambda a, p, same: ranked(a, p, same),
        [
            (lambda a, p, same: ranked(a, p, torch.eye(5).bool()), "positives among your negatives"),
            (lambda a, p, same: ranked(a, p, same, fill=0.0), "exp(0) is 1"),
            (lambda a, p, same: ranked(a, p, same, diagonal=True), "left out the diagonal"),
            (lambda a, p, same: ranked(a, p, same, scale=1.0), "multiply by the scale"),
            (lambda a, p, same: ranked(a * a.norm(dim=1, keepdim=True), p, same, unit=False), "not the one asked for"),
            (lambda a, p, same: ranked(a, p, same, unit=False), "scale anchor and positive to length 1"),
            (lambda a, p, same: ranked(a, p, ~same, diagonal=True), "wrong way round"),
        ],
    ),
    checks.training_step: (
        stepped,
        [
            (step_of("zero forward backward clip"), "Nothing moved"),
            (step_of("forward backward clip step"), "zero_grad() is missing"),
            (step_of("zero forward backward step"), "not clipped"),
            (step_of("zero forward backward numbers step"), "Clip its length"),
            (step_of("zero forward backward clip step", result=lambda value: value), "Return value.item()"),
            (step_of("zero forward backward clip step", result=lambda value: None), "returns nothing"),
            (step_of("zero forward backward clip step step"), "each once"),
            (lambda m, f, o, a, b, y: stepped(m, f, o, b + 1, a, y), "not loss(model(a), model(b), labels)"),
        ],
    ),
    checks.distillation_loss: (
        lambda s, t: (cosines(s) - cosines(t.detach())).pow(2).mean(),
        [
            (lambda s, t: (cosines(s) - cosines(t)).pow(2).mean(), "the teacher learns, too"),
            (lambda s, t: (cosines(s) - cosines(t)).pow(2).mean().detach(), "one detach too many"),
            (lambda s, t: (cosines(s.detach()) - cosines(t)).pow(2).mean(), "You detached the student"),
            (lambda s, t: (cosines(s) - cosines(t.detach())).pow(2).sum(), "not the sum"),
            (lambda s, t: (s @ s.T - (t @ t.T).detach()).pow(2).mean(), "not dot products"),
        ],
    ),
}


def test_every_check_has_answers():
    assert {check.__name__ for check in ANSWERS} == set(checks.__all__)
    assert all(len(wrong) >= 3 for _, wrong in ANSWERS.values())


@pytest.mark.parametrize("check", ANSWERS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("round", range(10))
def test_answers_are_told_apart(capsys, encoder, check, round):
    right, wrong = ANSWERS[check]
    assert verdict(capsys, check, right, encoder).startswith("✓ Right.")
    said = [verdict(capsys, check, answer, encoder) for answer, _ in wrong]
    for line, (_, phrase) in zip(said, wrong, strict=True):
        assert line.startswith("✗ Not yet.")
        assert phrase in line
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("check", ANSWERS, ids=lambda check: check.__name__)
def test_no_answer_and_one_that_raises(capsys, encoder, check):
    def stub(*arguments):
        raise NotImplementedError

    for nothing in (stub, lambda *arguments: None, lambda *arguments: ...):
        assert verdict(capsys, check, nothing, encoder).startswith("○ Not attempted yet")
    assert "Your function raised KeyError: 'x'" in verdict(capsys, check, lambda *arguments: {}["x"], encoder)


def test_the_answer_cannot_change_the_question(capsys, encoder):
    def in_place(token_embeddings, attention_mask):
        token_embeddings *= attention_mask.unsqueeze(-1)
        return mean(token_embeddings, attention_mask)

    assert verdict(capsys, checks.mean_pool, in_place, encoder).startswith("✓")


@pytest.mark.parametrize(
    "answer",
    [
        lambda h, m: torch.bmm(m[:, None].float(), h)[:, 0] / m.sum(1, keepdim=True).clamp(min=1),
        lambda h, m: {}[0] if m.sum(1).min() == 0 else mean(h, m),
    ],
)
def test_an_answer_that_raises_on_odd_input_is_not_right(capsys, encoder, answer):
    assert "Your function raised" in verdict(capsys, checks.mean_pool, answer, encoder)


def test_arrays_are_as_good_as_tensors(capsys, encoder):
    assert verdict(capsys, checks.true_mean, lambda *a: ANSWERS[checks.true_mean][0](*a).numpy(), encoder)[0] == "✓"


def test_positions_must_exist_even_for_padding(capsys, encoder):
    def past_the_end(mask):
        return torch.where(mask == 1, mask.cumsum(1) - 1, 9999)

    assert verdict(capsys, checks.position_ids, past_the_end, encoder).startswith("✗")
