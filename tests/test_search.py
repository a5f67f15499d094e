"""Search by vectors and words: beside sentence-transformers, and with bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.util import semantic_search

from helpers import search
from helpers.assets import MINILM, fetch
from helpers.datasets import faq_card, load_faq, load_networkx, load_rules
from helpers.search import (
    bm25_scores,
    mine_negatives,
    ranks,
    reciprocal_rank_fusion,
    top_k,
    weighted_sum,
)

NAN, INF = float("nan"), float("inf")


def random(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def sorted_all(queries, documents, k):
    """All cosines at once, sorted: of equal ones the lower index first."""
    unit = torch.nn.functional.normalize
    scores = unit(queries, dim=1) @ unit(documents, dim=1).T
    best = scores.sort(dim=1, descending=True, stable=True)
    return best.values[:, :k], best.indices[:, :k]


@pytest.fixture(params=[True, False], ids=["bfloat16", "float32"])
def proposed_in(request, monkeypatch):
    """Both ways to propose, whichever is the faster on this processor."""
    monkeypatch.setattr(search, "bf16_helps", lambda: request.param)


@pytest.mark.usefixtures("proposed_in")
@pytest.mark.parametrize("documents", [1, 9, 64, 100, 2048, 2049, 6000])
def test_equal_to_semantic_search(documents):
    queries, corpus = random(7, 16), random(documents, 16, seed=1)
    scores, places = top_k(queries, corpus, k=10)
    theirs = semantic_search(queries, corpus, top_k=10)
    assert places.tolist() == [[hit["corpus_id"] for hit in hits] for hits in theirs]
    expected = torch.tensor([[hit["score"] for hit in hits] for hits in theirs])
    assert torch.allclose(scores, expected, atol=1e-6)
    assert scores.shape == (7, min(10, documents))


@pytest.mark.usefixtures("proposed_in")
def test_a_proposal_allows_for_the_worst_rounding():
    """Nearly every component rounds down by 2**-8 of itself: 1 becomes 0.992."""
    query = torch.full((1, 256), (1 + 2**-8 - 1e-5) / 16)
    query[0, 254:] = 0
    query[0, 254:] = ((1 - query.square().sum()) / 2).sqrt()
    nearly = query + 5e-4 * random(1, 256)
    corpus = random(9000, 256, seed=1)
    corpus[7], corpus[8000] = nearly, query
    low = query.bfloat16()
    assert float(low @ low.T) < 0.993 and top_k(query, nearly)[0] > 0.9998
    assert top_k(query, corpus, k=1)[1].item() == 8000


@pytest.mark.usefixtures("proposed_in")
@pytest.mark.parametrize("spread", [1e-1, 1e-2, 1e-3])
def test_coarse_proposals_lose_nothing_in_a_crowd(spread):
    """Many cosines, or all, within the rounding of bfloat16."""
    corpus = 1 + spread * random(9000, 64, seed=1)
    queries = 1 + spread * random(5, 64)
    scores, places = top_k(queries, corpus, k=50)
    exact = sorted_all(queries.double(), corpus.double(), 50)[0]
    assert torch.allclose(scores.double(), exact, atol=3e-7, rtol=0)
    found = corpus.double()[places]  # [5, 50, 64]
    own = torch.cosine_similarity(found, queries.double()[:, None], dim=2)
    assert torch.allclose(own, exact, atol=3e-7, rtol=0)


@pytest.mark.usefixtures("proposed_in")
def test_autocast_changes_nothing():
    corpus, queries = 1 + random(3000, 64, seed=1) / 20, random(50, 64)
    plain = top_k(queries, corpus)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores, places = top_k(queries, corpus)
    assert torch.equal(scores, plain[0]) and torch.equal(places, plain[1])


@pytest.mark.fault("search", "right result")
def test_equal_documents_stay_equal_beside_others_of_any_length():
    """One block is all of length 1, but for rounding; the next one is not."""
    corpus = torch.nn.functional.normalize(random(2059, 384), dim=1)
    corpus[5:105] *= 1 + 9e-7 * torch.rand(100, 1)
    corpus[2055], corpus[2058] = corpus[5], 0
    for i in range(5, 55):
        corpus[2055] = corpus[i]
        scores, places = top_k(corpus[i : i + 1], corpus, 2)
        assert places.tolist() == [[i, 2055]] and scores[0, 0] == scores[0, 1]


@settings(deadline=None, max_examples=40)
@given(
    documents=st.integers(0, 300),
    k=st.integers(1, 40),
    block=st.integers(1, 130),
    seed=st.integers(0, 99),
)
def test_ties_go_to_the_lower_index_in_any_block(documents, k, block, seed):
    """Axis vectors have cosines 0, 1 and −1, without rounding: many ties."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.eye(3)[torch.randint(3, (documents,), generator=generator)]
    corpus = signs * torch.randint(-1, 2, (documents, 1), generator=generator)
    before = search.DOCUMENT_BLOCK, search.QUERY_BLOCK
    try:
        search.DOCUMENT_BLOCK, search.QUERY_BLOCK = block, 2
        scores, places = top_k(torch.eye(3), corpus, k)
    finally:
        search.DOCUMENT_BLOCK, search.QUERY_BLOCK = before
    expected = sorted_all(torch.eye(3), corpus, k)
    assert torch.equal(scores, expected[0])
    assert torch.equal(places, expected[1])


@pytest.mark.fault("search", "right result")
@pytest.mark.usefixtures("proposed_in")
@pytest.mark.parametrize("copies", [2, 7, 40])
def test_equal_documents_come_in_their_order(copies):
    """Wherever in a block they stand, and also where k cuts between them."""
    corpus = random(101, 384).repeat(copies, 1)
    scores, places = top_k(random(9, 384, seed=1), corpus, k=copies + 1)
    assert (scores[:, :copies] == scores[:, :1]).all()
    assert (places[:, 1:copies] - places[:, : copies - 1] == 101).all()
    assert (places[:, 0] < 101).all() and (places[:, -1] < 101).all()


@pytest.mark.fault("search", "right result")
def test_vectors_need_not_be_normalized():
    queries, corpus = random(3, 8), random(50, 8, seed=1)
    lengths = torch.linspace(1e-3, 1e3, 50)[:, None]
    assert torch.equal(
        top_k(5 * queries, corpus * lengths)[1], top_k(queries, corpus)[1]
    )


@pytest.mark.fault("search", "right result")
def test_few_documents_and_none():
    queries = random(2, 4)
    assert top_k(queries, random(3, 4), k=99)[0].shape == (2, 3)
    for found in top_k(queries, torch.empty(0, 4)):
        assert found.shape == (2, 0)
    assert top_k(torch.empty(0, 4), random(3, 4))[0].shape[0] == 0


@pytest.mark.fault("search", "right result")
def test_a_vector_of_zeros_is_as_near_to_all():
    scores, places = top_k(torch.zeros(1, 4), random(5, 4), k=3)
    assert scores.tolist() == [[0, 0, 0]] and places.tolist() == [[0, 1, 2]]


@pytest.mark.fault("search", "right result")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision(dtype):
    queries, corpus = random(3, 8).to(dtype), random(90, 8, seed=1).to(dtype)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    scores, places = top_k(queries, corpus)
    expected = sorted_all(queries.to(wide), corpus.to(wide), 10)
    assert scores.dtype == wide
    assert torch.equal(places, expected[1])
    assert torch.equal(top_k(queries, corpus.double())[1], expected[1])


@pytest.mark.fault("search", "right result")
def test_sorted_and_equal_documents():
    """Each block brings better ones; and all are equal."""
    angles = torch.linspace(3, 0, 5000, dtype=torch.float64)
    corpus = torch.stack([angles.cos(), angles.sin()], 1)
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert top_k(query, corpus, 3)[1].tolist() == [[4999, 4998, 4997]]
    assert top_k(query, corpus.flip(0), 3)[1].tolist() == [[0, 1, 2]]
    assert top_k(query, torch.ones(5000, 2).double(), 3)[1].tolist() == [[0, 1, 2]]


@pytest.mark.fault("search", "clear error")
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(("name", "rows"), [("queries", 3), ("documents", 2100)])
def test_what_is_not_finite_is_named(value, name, rows):
    vectors = {"queries": random(3, 4), "documents": random(2100, 4)}
    vectors[name][rows - 1, 2] = value
    with pytest.raises(ValueError, match=rf"{name}\[{rows - 1}\] holds NaN, infinity"):
        top_k(**vectors)


@pytest.mark.fault("search", "clear error")
@pytest.mark.parametrize(
    ("queries", "documents", "k", "error", "words"),
    [
        (random(2, 4), random(3, 5), 1, ValueError, "4 wide, documents 5"),
        (random(4), random(3, 4), 1, ValueError, "queries must be a float tensor"),
        (random(2, 4), random(3, 4).long(), 1, ValueError, "documents must be a float"),
        ([[1.0]], random(3, 1), 1, TypeError, r"torch.tensor\(queries\)"),
        (random(2, 4), np.ones((3, 4)), 1, TypeError, "documents must be a tensor"),
        (random(2, 4), random(3, 4), 0, ValueError, "k must be at least 1, not 0"),
        (random(2, 4), random(3, 4), -1, ValueError, "k must be at least 1"),
        (random(2, 4), random(3, 4), 2.0, TypeError, "k must be a whole number"),
        (random(2, 4), random(3, 4), True, TypeError, "k must be a whole number"),
    ],
)
def test_what_cannot_be_searched_is_refused(queries, documents, k, error, words):
    with pytest.raises(error, match=words):
        top_k(queries, documents, k)


DOCUMENTS = ["Renew a loan.", "Lost library card", "Opening hours on Sunday"]


def test_words_in_common():
    scores = bm25_scores(["my card is lost", "SUNDAY", "a loan"], DOCUMENTS)
    assert scores.shape == (3, 3)
    assert scores.argmax(1).tolist() == [1, 2, 0]


@pytest.mark.fault("search", "right result")
@pytest.mark.parametrize("query", ["", "  ", "the", "xylophone", "?!", "开放时间"])
def test_a_query_without_known_words_scores_nothing(query):
    assert bm25_scores([query], DOCUMENTS).tolist() == [[0, 0, 0]]


@pytest.mark.fault("search", "clear error")
@pytest.mark.parametrize("documents", [[], [""], ["the of"], ["", "?"]])
def test_documents_without_words_are_refused(documents):
    with pytest.raises(ValueError, match="documents must hold words"):
        bm25_scores(["card"], documents)


@pytest.mark.fault("search", "clear error")
@pytest.mark.parametrize(
    ("queries", "documents"),
    [("card", DOCUMENTS), (["card"], "Renew"), ([1], DOCUMENTS), (["a"], [None])],
)
def test_what_is_no_list_of_strings_is_refused(queries, documents):
    with pytest.raises(TypeError, match=r"queries must|documents must"):
        bm25_scores(queries, documents)


def test_ranks_and_fusion_by_hand():
    first = torch.tensor([[0.2, 0.9, 0.2]])
    second = torch.tensor([[30.0, 20.0, 10.0]])
    assert ranks(first).tolist() == [[2, 1, 3]]
    expected = [1 / 62 + 1 / 61, 1 / 61 + 1 / 62, 1 / 63 + 1 / 63]
    assert reciprocal_rank_fusion(first, second)[0].tolist() == pytest.approx(expected)
    mixed = weighted_sum(first, second, 0.25)
    assert mixed[0].tolist() == pytest.approx([0.75, 0.625, 0])
    flat = weighted_sum(torch.ones(1, 3), second, 0.5)
    assert flat[0].tolist() == pytest.approx([0.5, 0.25, 0])
    assert torch.equal(weighted_sum(first, second, 1).argmax(1), first.argmax(1))
    assert weighted_sum(torch.ones(0, 3), torch.ones(0, 3), 1).shape == (0, 3)


@pytest.mark.fault("search", "clear error")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ranks([[1.0]]), "scores must be a tensor"),
        (lambda: ranks(torch.tensor([[1.0, NAN]])), "scores must be finite"),
        (lambda: ranks(torch.ones(3)), "scores must be a tensor"),
        (
            lambda: reciprocal_rank_fusion(torch.ones(1, 2), torch.ones(2, 2)),
            "first and second must have one shape",
        ),
        (
            lambda: reciprocal_rank_fusion(torch.ones(1, 2), torch.ones(1, 2), -1),
            "c must be a finite number",
        ),
        (
            lambda: weighted_sum(torch.ones(1, 2), torch.ones(1, 2), 1.5),
            "weight must be a number from 0 to 1",
        ),
        (
            lambda: weighted_sum(torch.ones(1, 2), torch.tensor([[INF, 0]]), 0.5),
            "second must be finite",
        ),
    ],
)
def test_scores_that_do_not_fit_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


CORPUS = torch.tensor([[1.0, 0.0], [0.995, 0.1], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])


def test_negatives_below_the_margin_and_never_the_answer():
    query = CORPUS[:1]
    assert mine_negatives(query, CORPUS, [0], 9) == [[2, 3, 4]]
    assert mine_negatives(query, CORPUS, [0], 2, margin=0.0) == [[1, 2]]
    assert mine_negatives(query, CORPUS, [2], 9, margin=0.05) == [[3, 4]]
    assert mine_negatives(query, CORPUS, [2], 2, margin=-INF) == [[0, 1]]
    assert mine_negatives(query, CORPUS, [4], 2) == [[]]  # a cosine below 0
    assert mine_negatives(torch.empty(0, 2), CORPUS, []) == []


@pytest.mark.fault("search", "clear error")
@pytest.mark.parametrize(
    ("answers", "options", "error"),
    [
        ([5], {}, ValueError),
        ([-1], {}, ValueError),
        ([0, 1], {}, ValueError),
        ([0.5], {}, TypeError),
        ([0], {"count": 0}, ValueError),
        ([0], {"margin": 1.0}, ValueError),
        ([0], {"margin": NAN}, ValueError),
    ],
)
def test_what_cannot_be_mined_is_refused(answers, options, error):
    with pytest.raises(error, match=r"answer|count|margin"):
        mine_negatives(CORPUS[:1], CORPUS, answers, **options)


@pytest.mark.parametrize("margin", [0, 0.05, 0.3])
def test_the_library_mines_the_same_negatives(margin):
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import mine_hard_negatives

    rules = load_rules().head(60)
    rows = Dataset.from_dict({"rule": [*rules.rule], "reason": [*rules.reason]})
    model = SentenceTransformer(str(fetch(MINILM)), device="cpu")
    how = {"num_negatives": 1, "range_max": 60, "relative_margin": margin}
    theirs = mine_hard_negatives(rows, model, use_faiss=False, verbose=False, **how)
    encoded = (
        model.encode(column, convert_to_tensor=True)
        for column in ([*rules.rule], [*rules.reason])
    )
    mined = mine_negatives(*encoded, range(60), margin=margin)
    ours = {r: rules.reason[i[0]] for r, i in zip(rules.rule, mined, strict=True) if i}
    assert ours == dict(zip(theirs["rule"], theirs["negative"], strict=True))


def test_the_collections_are_whole():
    functions, rules, faq = load_networkx(), load_rules(), load_faq()
    assert len(rules) == 248 and len(faq) == 36
    assert functions.summary.is_unique and functions.description.is_unique
    assert (functions.description.str.split().str.len() >= 15).all()
    assert rules.rule.is_unique and rules.reason.is_unique
    for frame in (functions, rules, faq):
        for column in frame:
            assert frame[column].map(lambda t: isinstance(t, str) and t != "").all()
    wordings = faq[["listed", "wording1", "wording2", "wording3"]].stack()
    assert wordings.is_unique and faq.answer.is_unique
    assert {"made", "can't show", "license"} <= set(faq_card())
