"""Find the documents for a query: by vectors, by words, by both; and mine negatives.

Scores are [Q, N], a row for each query and a column for each document, higher for
better. `top_k` alone never holds them all. Does not build an index: every query is
compared with every document.
"""

import math
from collections.abc import Sequence
from numbers import Real

import bm25s
import torch
from torch import Tensor

from helpers.batching import as_list, whole_number
from helpers.metrics import check_vectors
from helpers.processor import bf16_helps

# 1024 queries by 2048 documents are 8 MB of scores, which stay near the processor.
QUERY_BLOCK, DOCUMENT_BLOCK = 1024, 2048
GROUP = 64  # scores whose largest decides whether any of them is looked at
# A matrix product rounds by where in a block a document stands: equal documents would
# differ in their last digit. So it only proposes, with this slack, and a sum of its own
# for each pair that is left decides.
SLACK = 2e-6
# Proposals may be coarse: bfloat16 rounds each factor, and the sum, by 2**-8 of itself
# at most, so a score of unit vectors, by Cauchy and Schwarz, by less than this.
BF16_SLACK = 3.1 * 2**-8
CROWD = 8  # times as many proposals as chance lets in: from there on float32 is faster
PAIRS = 512  # summed at once, 0.8 MB of vectors on each side


def top_k(queries: Tensor, documents: Tensor, k: int = 10) -> tuple[Tensor, Tensor]:
    """The k documents of highest cosine for each query: scores and indexes, [Q, k].

    queries [Q, H] and documents [N, H] need not be normalized; a row of zeros has
    cosine 0 with everything. Best first, of equal scores the lower index first; with
    fewer than k documents, all of them. Needs memory for a block of scores, however
    many documents there are. Half precision is computed in float32. Raises TypeError
    for what is no tensor, ValueError for vectors that are not finite or of two widths.
    Equal to semantic_search of sentence-transformers, which leaves ties as they come.
    Example: top_k([[1, 0]], [[0, 1], [2, 2], [3, 0]], k=2) -> [[1, 0.7071]], [[2, 1]].
    """
    k = min(whole_number("k", k), _check_vectors(queries, documents))
    dtype = torch.promote_types(queries.dtype, documents.dtype)
    dtype = torch.promote_types(dtype, torch.float32)
    scores, indexes = [], []
    # Under autocast the products would round by more than their slack.
    with torch.autocast(queries.device.type, enabled=False):
        for block in queries.split(QUERY_BLOCK):
            best = _best_of_all(_unit("queries", block.to(dtype)), documents, k)
            scores.append(best[0])
            indexes.append(best[1])
    return torch.cat(scores), torch.cat(indexes)


def _best_of_all(queries: Tensor, documents: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Scores and indexes [B, k] of normalized queries [B, H]; all documents in turn."""
    best = queries.new_full((len(queries), k), -math.inf)
    places = torch.zeros_like(best, dtype=torch.long)
    coarse = queries.is_cpu and queries.dtype == torch.float32 and bf16_helps()
    for start in range(0, len(documents) if k else 0, DOCUMENT_BLOCK):
        block = documents[start : start + DOCUMENT_BLOCK].to(queries.dtype)
        block = _unit("documents", block, start)
        least = best[:, -1:]
        if coarse and start:
            scores = queries.bfloat16() @ block.bfloat16().T
            rows, columns = _at_least(scores, least - BF16_SLACK)
            chance = len(queries) * k * len(block) / (start + len(block))
            coarse = len(rows) <= CROWD * chance
        if not (coarse and start):
            scores = queries @ block.T
            if start == 0 and k < len(block):
                least = scores.topk(k, sorted=False).values.amin(1, keepdim=True)
            rows, columns = _at_least(scores, least - SLACK)
        if len(rows):
            found = _dot_products(queries, block, rows, columns)
            best, places = _merge(best, places, rows, columns + start, found)
    return best, places


def _at_least(scores: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of the scores [B, D] that reach the least [B, 1] of their row.

    Row by row, columns ascending. Nearly everything is below the k-th best so far: the
    largest of each group says so at a quarter of the time of a comparison with all.
    """
    surplus = -scores.shape[1] % GROUP
    if surplus:  # only in the last block
        scores = torch.nn.functional.pad(scores, (0, surplus), value=-math.inf)
    grouped = scores.view(len(scores), scores.shape[1] // GROUP, GROUP)
    rows, groups = (grouped.amax(2) >= least).nonzero(as_tuple=True)
    inside = grouped[rows, groups]
    reached = inside >= least[rows]
    if surplus:
        reached &= inside > -math.inf
    which, columns = reached.nonzero(as_tuple=True)
    return rows[which], groups[which] * GROUP + columns


def _dot_products(
    queries: Tensor, documents: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """Dot product of each pair, [B, H] and [D, H] -> [pairs], summed in one order."""
    found = queries.new_empty(len(rows))
    for start in range(0, len(rows), PAIRS):
        some = slice(start, start + PAIRS)
        products = queries[rows[some]].mul_(documents[columns[some]])
        found[some] = products.sum(1)
    return found


def _merge(
    best: Tensor, places: Tensor, rows: Tensor, columns: Tensor, found: Tensor
) -> tuple[Tensor, Tensor]:
    """The best k of the best so far [B, k] and of what a block has found.

    `found` scores stand in the order of rows and, within a row, of columns.
    """
    counts = rows.bincount(minlength=len(best))
    firsts = counts.cumsum(0) - counts
    slots = torch.arange(len(rows), device=rows.device) - firsts[rows]
    width, k = int(counts.max()), best.shape[1]
    scores = torch.cat([best, best.new_full((len(best), width), -math.inf)], 1)
    indexes = torch.cat([places, places.new_zeros(len(best), width)], 1)
    scores[rows, k + slots] = found
    indexes[rows, k + slots] = columns
    # Stable: what came first, the lower index, stays before its equals.
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    # A copy: a view would keep the whole alive.
    return scores[:, :k].clone(), indexes.gather(1, order[:, :k])


def bm25_scores(queries: Sequence[str], documents: Sequence[str]) -> Tensor:
    """BM25 of each query with each document, [Q, N]: words in common, rare ones more.

    With the library bm25s: lower case, English stop words left out. A query without any
    word that the documents have scores 0 everywhere. Raises TypeError for anything but
    lists of strings, ValueError if no document has a word. Source: Robertson and
    Zaragoza (2009); the variant is that of Lucene.
    """
    queries, documents = _texts("queries", queries), _texts("documents", documents)
    words = bm25s.tokenize(documents, stopwords="en", show_progress=False)
    if not words.vocab or not any(words.ids):
        raise ValueError(
            f"documents must hold words, but none of the {len(documents)} does"
        )
    index = bm25s.BM25()
    index.index(words, show_progress=False)
    scores = torch.zeros(len(queries), len(documents))
    asked = bm25s.tokenize(
        queries, stopwords="en", return_ids=False, show_progress=False
    )
    for row, tokens in zip(scores, asked, strict=True):
        known = [token for token in tokens if token in words.vocab]
        if known:
            row[:] = torch.as_tensor(index.get_scores(known))
    return scores


def ranks(scores: Tensor) -> Tensor:
    """Rank of each document for each query, [Q, N] -> [Q, N]: 1 is the best.

    Of equal scores the lower index comes first. Raises ValueError for scores that are
    no float tensor [Q, N], or not finite.
    Example: [[0.2, 0.9, 0.2]] -> [[2, 1, 3]].
    """
    _check_scores("scores", scores)
    order = scores.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device)
    return torch.empty_like(order).scatter_(1, order, places.expand_as(order))


def reciprocal_rank_fusion(first: Tensor, second: Tensor, c: float = 60) -> Tensor:
    """Join two searches by rank: 1 / (c + rank) of the one plus that of the other.

    Scores [Q, N] each -> [Q, N]. Asks for no common scale. c, at least 0: the larger,
    the less the first places stand out. Raises ValueError for scores that do not fit.
    Source: Cormack, Clarke and Buettcher (2009), who take 60.
    """
    _check_pair(first, second)
    if isinstance(c, bool) or not isinstance(c, Real) or not 0 <= c < math.inf:
        raise ValueError(f"c must be a finite number of at least 0, not {c!r}")
    return 1 / (c + ranks(first)) + 1 / (c + ranks(second))


def weighted_sum(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Join two searches by score: weight · first + (1 − weight) · second, scaled.

    Scores [Q, N] each -> [Q, N]. Each row is scaled to 0 to 1 before, since BM25 and
    cosine have no common scale; a row of equal scores becomes zeros. Raises ValueError
    for scores that do not fit, or a weight outside 0 to 1.
    """
    _check_pair(first, second)
    if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= weight <= 1:
        raise ValueError(f"weight must be a number from 0 to 1, not {weight!r}")
    return weight * _scaled(first) + (1 - weight) * _scaled(second)


def _scaled(scores: Tensor) -> Tensor:
    if not scores.numel():
        return scores
    low, high = scores.aminmax(dim=1, keepdim=True)
    return (scores - low) / torch.where(high > low, high - low, 1)


def mine_negatives(
    queries: Tensor,
    documents: Tensor,
    answers: Sequence[int],
    count: int = 1,
    margin: float = 0.05,
) -> list[list[int]]:
    """Hard negatives: for each query the nearest documents that are not its answer.

    queries [Q, H], documents [N, H], answers: for each query the index of its document.
    At most `count` for each query, nearest first. A document within `margin`, a share,
    of the answer's cosine, or above it, is left out: it may answer the query as well.
    margin=0 keeps all below the answer, -inf all. Raises what top_k raises, ValueError
    for answers that are no such indexes. Source: de Souza P. Moreira et al. (2024),
    arXiv 2407.15831; relative_margin of mine_hard_negatives in sentence-transformers.
    """
    answers = [whole_number("an answer", i, at_least=0) for i in answers]
    count = whole_number("count", count)
    if isinstance(margin, bool) or not isinstance(margin, Real) or not margin < 1:
        raise ValueError(f"margin must be a number below 1, not {margin!r}")
    _check_vectors(queries, documents)
    if len(answers) != len(queries) or max(answers, default=0) >= len(documents):
        raise ValueError(
            f"answers must be {len(queries)} indexes, one for each query, from 0 to "
            f"{len(documents) - 1}, not {len(answers)} up to {max(answers, default=0)}"
        )
    scores, indexes = top_k(queries, documents, len(documents))
    mined = []
    for row, places, answer in zip(scores, indexes, answers, strict=True):
        own = row[places == answer]
        # A share of its size, so that a cosine below 0 has a bound below it as well.
        bound = own - margin * own.abs() if margin > -math.inf else math.inf
        allowed = (row <= bound) & (places != answer)
        mined.append(places[allowed][:count].tolist())
    return mined


def _check_vectors(queries: Tensor, documents: Tensor) -> int:
    """Refuse what cannot be compared; returns the number of documents."""
    check_vectors("queries", queries)
    check_vectors("documents", documents)
    if queries.shape[1] != documents.shape[1]:
        raise ValueError(
            f"queries are {queries.shape[1]} wide, documents {documents.shape[1]}: do "
            "both come from one encoder?"
        )
    return len(documents)


def _unit(name: str, vectors: Tensor, start: int = 0) -> Tensor:
    """vectors [B, H] scaled to length 1; zeros stay."""
    vectors = vectors.detach()
    lengths = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    if not lengths.isfinite().all():  # NaN and infinity show in the length
        row = start + int((~lengths.isfinite()).flatten().int().argmax())
        raise ValueError(
            f"{name} must be finite numbers, but {name}[{row}] holds NaN, infinity or "
            "numbers whose squares are infinite"
        )
    # Row by row, so that equal vectors stay equal: what has length 1, but for rounding,
    # is left alone. Where all rows have, no copy is needed.
    lengths = torch.where((lengths - 1).abs() < 1e-6, 1, lengths)
    if (lengths == 1).all():
        return vectors
    return vectors / lengths.clamp(min=1e-12)


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    texts = as_list(name, texts)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name} must hold strings, but {name}[{i}] is {text!r}")
    return texts


def _check_scores(name: str, scores: Tensor) -> None:
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        kind = list(scores.shape) if isinstance(scores, Tensor) else type(scores)
        raise ValueError(f"{name} must be a tensor [Q, N] of scores, not {kind}")
    if not scores.isfinite().all():
        raise ValueError(f"{name} must be finite, but some are not")


def _check_pair(first: Tensor, second: Tensor) -> None:
    _check_scores("first", first)
    _check_scores("second", second)
    if first.shape != second.shape:
        raise ValueError(
            "first and second must have one shape [Q, N], not "
            f"{list(first.shape)} and {list(second.shape)}"
        )
