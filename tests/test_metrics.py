"""Scores, intervals and the shape of a cloud of vectors."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, spearmanr
from sklearn.metrics import ndcg_score

from helpers.metrics import (
    cosine,
    ndcg_at_k,
    pairwise_cosines,
    query_interval,
    recall_at_k,
    reciprocal_ranks,
    spearman,
    sts_interval,
    sts_score,
    whiten,
)

NAN, INF = float("nan"), float("inf")
SIX = [0.1, 0.3, 0.2, 0.8, 0.5, 0.9]
GOLD = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def no_warnings():
    """Whatever is refused is refused by us: no library warns of something else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_only_the_order_counts():
    assert spearman([0.1, 0.2, 0.9], [0, 3, 5]) == pytest.approx(100)
    assert spearman([0.9, 0.2, 0.1], [0, 3, 5]) == pytest.approx(-100)
    assert spearman(SIX, GOLD) == pytest.approx(spearman(np.exp(SIX), GOLD))
    expected = 100 * spearmanr(SIX, GOLD).statistic
    assert spearman(torch.tensor(SIX), GOLD) == pytest.approx(expected)


def test_the_score_of_vectors_is_that_of_their_cosines():
    vectors = random(12, 4)
    by_hand = [float(cosine(vectors[i], vectors[i + 6])) for i in range(6)]
    assert sts_score(vectors, GOLD) == pytest.approx(spearman(by_hand, GOLD))


@settings(deadline=None, max_examples=30)
@given(
    pairs=st.lists(
        st.tuples(st.integers(-9, 9), st.integers(0, 5)), min_size=3, max_size=30
    ),
    seed=st.integers(0, 100),
)
def test_the_order_of_the_pairs_does_not_matter(pairs, seed):
    similarities, scores = np.array(pairs).T
    if len(set(similarities)) > 1 and len(set(scores)) > 1:
        order = np.random.default_rng(seed).permutation(len(pairs))
        score = spearman(similarities, scores)
        assert spearman(similarities[order], scores[order]) == pytest.approx(score)
        assert -100.001 < score < 100.001


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize(
    "gold",
    [
        torch.tensor(GOLD),
        torch.tensor(GOLD, dtype=torch.bfloat16),
        torch.tensor(GOLD, requires_grad=True),
        torch.tensor(GOLD).byte(),
        np.array(GOLD, dtype=np.float16),
        np.array(GOLD, dtype=np.uint8),
        tuple(GOLD),
        range(6),
        [torch.tensor(score) for score in GOLD],
        pd.Series(GOLD, index=[5, 3, 1, 0, 2, 4]),
        pd.Series(GOLD, index=list("aabbcc")),
        pd.Series(GOLD, dtype="Float64"),
        pd.Series(range(6), dtype="category").cat.codes,
    ],
)
def test_numbers_of_any_kind_are_read_by_position(gold):
    expected = 100 * spearmanr(SIX, GOLD).statistic
    assert spearman(SIX, gold) == pytest.approx(expected)
    assert spearman(gold, SIX) == pytest.approx(expected)
    many = [gold, gold]
    if isinstance(gold, pd.Series):
        many = pd.concat(many)
        low, high = sts_interval(SIX * 2, many)
        assert (low, high) == sts_interval(SIX * 2, GOLD * 2)


@pytest.mark.fault("metrics", "right result")
def test_scores_that_are_true_or_false():
    """A perfect separator does not reach 100: √(3p(1 − p)) with a share p of True."""
    assert spearman(range(6), [False] * 3 + [True] * 3) == pytest.approx(
        100 * 3**0.5 / 2, abs=2
    )


NOT_NUMBERS = [
    ["0.0", "1.0", "2.0", "3.0", "4.0", "10.0"],
    np.array(["0", "1", "2", "3", "4", "10"]),
    pd.Series(["0", "1", "2", "3", "4", "10"]),
    [0, 1, 2, 3, 4, None],
    [0, 1, 2, 3, 4, 5j],
    torch.zeros(6, dtype=torch.complex64),
    pd.to_datetime(["2020-01-01"] * 6),
    [[score] for score in GOLD],
    torch.zeros(6, 1),
    torch.tensor(1.0),
    pd.DataFrame({"score": GOLD}),
    dict(enumerate(GOLD)),
    set(GOLD),
    iter(GOLD),
    "012345",
    5,
    None,
]


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("values", NOT_NUMBERS)
def test_what_is_no_list_of_numbers_is_refused(values):
    with pytest.raises(ValueError, match=r"^scores must be numbers \[N\], not "):
        spearman(SIX, values)
    with pytest.raises(ValueError, match=r"^scores must be numbers \[N\], not "):
        sts_score(random(12, 4), values)
    with pytest.raises(ValueError, match=r"^similarities must be numbers \[N\], not "):
        spearman(values, GOLD)
    # [6, 1] would be six runs over one pair.
    message = r"(must be numbers \[N\], not |has 1 values, scores has 6)"
    with pytest.raises(ValueError, match=f"^similarities {message}"):
        sts_interval(values, GOLD)
    if values is not None:
        with pytest.raises(ValueError, match=f"^baseline {message}"):
            sts_interval(SIX, GOLD, baseline=values)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_numbers_that_are_not_finite_are_counted(bad):
    spoilt = [*GOLD[:4], bad, bad]
    with pytest.raises(ValueError, match="scores must be finite, but 2 of 6 are not"):
        spearman(SIX, spoilt)
    with pytest.raises(ValueError, match="similarities must be finite, but 2 of 6"):
        spearman(torch.tensor(spoilt), GOLD)
    with pytest.raises(ValueError, match="baseline must be finite, but 2 of 6 are not"):
        sts_interval(SIX, GOLD, baseline=spoilt)


@pytest.mark.fault("metrics", "clear error")
def test_a_gap_in_a_column_of_pandas_is_refused():
    """As object or as NaN, whatever the version of pandas makes of it."""
    gap = pd.Series([0, 1, 2, 3, 4, None], dtype="Float64")
    with pytest.raises(ValueError, match="scores must be "):
        spearman(SIX, gap)


@pytest.mark.fault("metrics", "clear error")
def test_a_vector_of_nan_is_no_score():
    vectors = random(12, 4)
    vectors[3] = NAN
    with pytest.raises(ValueError, match="similarities must be finite, but 1 of 6"):
        sts_score(vectors, GOLD)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("equal", [[0.5] * 6, torch.zeros(6), [True] * 6])
def test_equal_numbers_cannot_be_ranked(equal):
    message = "must hold at least two different values.*all 6 are equal"
    with pytest.raises(ValueError, match=f"scores {message}"):
        spearman(SIX, equal)
    with pytest.raises(ValueError, match=f"similarities {message}"):
        spearman(equal, GOLD)
    with pytest.raises(ValueError, match=f"baseline {message}"):
        sts_interval(SIX, GOLD, baseline=equal)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("count", [0, 1])
def test_no_pair_and_one_pair_have_no_correlation(count):
    with pytest.raises(ValueError, match=f"different values.*all {count} are equal"):
        spearman(SIX[:count], GOLD[:count])


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("count", [0, 1, 5, 7, 12])
def test_scores_of_other_pairs_are_refused(count):
    message = f"similarities has 6 values, scores has {count}: one of each per pair"
    gold = list(range(count))
    with pytest.raises(ValueError, match=message):
        spearman(SIX, gold)
    with pytest.raises(ValueError, match=message):
        sts_score(random(12, 4), gold)
    with pytest.raises(ValueError, match=message):
        sts_interval(SIX, gold)
    message = f"baseline has {count} values, scores has 6: one of each per pair"
    with pytest.raises(ValueError, match=message):
        sts_interval(SIX, GOLD, baseline=gold)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("vectors", "scores"),
    [(random(3, 4), [1.0, 2.0]), (random(11, 4), GOLD), (random(1, 4), GOLD)],
)
def test_an_odd_number_of_vectors_is_refused(vectors, scores):
    """The last one would be compared with several."""
    message = r"sentence_embeddings must be \[2N, H\].*not \[\d+, 4\]"
    with pytest.raises(ValueError, match=message):
        sts_score(vectors, scores)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("vectors", "error"),
    [
        (random(12), ValueError),
        (random(2, 6, 4), ValueError),
        (random(12, 4).long(), ValueError),
        (random(12, 4).to(torch.complex64), ValueError),
        (random(12, 4).numpy(), TypeError),
        (random(12, 4).tolist(), TypeError),
        (None, TypeError),
    ],
)
@pytest.mark.parametrize("function", ["sts_score", "pairwise_cosines", "whiten"])
def test_what_is_no_list_of_vectors_is_refused(function, vectors, error):
    call = {
        "sts_score": lambda: sts_score(vectors, GOLD),
        "pairwise_cosines": lambda: pairwise_cosines(vectors),
        "whiten": lambda: whiten(random(12, 4), vectors),
    }[function]
    with pytest.raises(error, match=r"must be a( float)? tensor \[N, H\], not "):
        call()
    if function == "whiten":
        with pytest.raises(error, match="fit_on must be"):
            whiten(vectors, random(12, 4))


def noisy(count, noise=1.0, seed=0):
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=count)
    return scores, scores + noise * generator.normal(size=count)


def test_a_higher_level_gives_a_wider_interval_around_the_same_score():
    scores, similarities = noisy(60)
    low, high = sts_interval(similarities, scores)
    lower, higher = sts_interval(similarities, scores, level=0.99)
    assert lower < low < spearman(similarities, scores) < high < higher


def test_an_interval_tells_a_real_difference_from_chance():
    scores, good = noisy(400, 0.2)
    same = scores + 0.2 * np.random.default_rng(1).normal(size=400)
    bad = scores + np.random.default_rng(2).normal(size=400)
    low, high = sts_interval(same, scores, baseline=good)
    assert low < 0 < high
    assert sts_interval(bad, scores, baseline=good)[1] < 0
    # Only the order counts, so stretched similarities are no other method.
    assert sts_interval(2 * good + 1, scores, baseline=good) == (0, 0)


@pytest.mark.parametrize("baseline", [False, True])
def test_the_interval_is_that_of_scipy(baseline):
    scores, similarities = (values.round(1) for values in noisy(40))  # with ties
    columns = [similarities, noisy(40, seed=3)[1], scores]

    def statistic(ours, other, gold):
        difference = spearmanr(other, gold).statistic if baseline else 0
        return 100 * (spearmanr(ours, gold).statistic - difference)

    how = {"n_resamples": 200, "paired": True, "vectorized": False}
    how |= {"method": "percentile", "rng": 0, "batch": 100}
    theirs = bootstrap(columns, statistic, **how).confidence_interval
    other = columns[1] if baseline else None
    ours = sts_interval(similarities, scores, baseline=other, resamples=200)
    assert ours == pytest.approx((theirs.low, theirs.high))


def several(count, runs, noise, seed):
    """Scores of `count` pairs, and similarities [runs, count] that follow them."""
    generator = np.random.default_rng(seed)
    scores = np.random.default_rng(0).normal(size=count)
    return scores, scores + noise * generator.normal(size=(runs, count))


def test_the_interval_of_several_runs_is_that_of_their_mean_score():
    """As scipy has it, on the same resampled pairs."""
    scores, ours = several(40, 3, 1.0, seed=1)
    _, other = several(40, 2, 1.0, seed=2)

    def mean(runs, pairs):
        return np.mean([spearmanr(run[pairs], scores[pairs]).statistic for run in runs])

    def statistic(pairs):
        return 100 * (mean(ours, pairs) - mean(other, pairs))

    how = {"n_resamples": 200, "vectorized": False, "method": "percentile"}
    theirs = bootstrap([np.arange(40)], statistic, rng=0, batch=100, **how)
    interval = sts_interval(ours, scores, baseline=other, resamples=200)
    assert interval == pytest.approx(tuple(theirs.confidence_interval))
    # One run as [1, N] is that run, and so are equal runs.
    single = sts_interval(ours[0], scores)
    assert sts_interval(torch.tensor(ours[:1]), scores) == single
    assert sts_interval(ours[[0, 0, 0]], scores) == pytest.approx(single)


def test_drawing_runs_anew_adds_the_chance_of_the_runs():
    scores, alike = several(300, 3, 0.2, seed=1)
    apart = np.stack([scores + noise * (alike[0] - scores) for noise in (1, 5, 9)])
    low, high = sts_interval(apart, scores)
    lower, higher = sts_interval(apart, scores, resample_runs=True)
    assert lower < low < high < higher
    # One resample in 27 draws the worst run three times: more than the lowest 2.5 %.
    assert lower == pytest.approx(spearman(apart[2], scores), abs=10)
    one = {"baseline": alike[0], "resample_runs": True}
    assert sts_interval(alike[1], scores, **one) == sts_interval(
        alike[1], scores, baseline=alike[0]
    )


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("shape", [(0, 6), (3, 0), (3, 5), (6, 3), (2, 3, 6)])
def test_runs_over_other_pairs_are_refused(shape):
    message = r"(must be numbers \[N\], not|has [035] values, scores has 6)"
    with pytest.raises(ValueError, match=f"similarities {message}"):
        sts_interval(random(*shape), GOLD)
    with pytest.raises(ValueError, match=f"baseline {message}"):
        sts_interval(SIX, GOLD, baseline=random(*shape).numpy())


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("similarities", "scores"),
    [
        (SIX[:5], GOLD[:5]),
        (SIX[:2], GOLD[:2]),
        (SIX * 2, [0.0] * 11 + [1.0]),
        ([0.5] * 11 + [0.6], GOLD * 2),
    ],
)
def test_pairs_too_few_or_too_alike_have_no_interval(similarities, scores):
    count = len(scores)
    message = f"the {count} pairs are too few, or too alike: .* of 100 resamples"
    with pytest.raises(ValueError, match=message):
        sts_interval(similarities, scores)
    with pytest.raises(ValueError, match=message):
        sts_interval(scores[::-1], scores, baseline=similarities)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("level", [0, 1, -0.5, 1.5, 95, NAN, INF, "0.95", None, True])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        sts_interval(SIX * 4, GOLD * 4, level=level)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("resamples", "level", "least"),
    [
        (0, 0.95, 40),
        (-1, 0.95, 40),
        (1, 0.95, 40),
        (39, 0.95, 40),
        (199, 0.99, 200),
        (1000, 0.9999, 20_000),
        (100.0, 0.95, 40),
        ("100", 0.95, 40),
        (None, 0.95, 40),
        (NAN, 0.95, 40),
    ],
)
def test_too_few_resamples_for_the_level_are_refused(resamples, level, least):
    message = (
        f"resamples must be an integer of at least {least} for level {level}, not "
    )
    with pytest.raises(ValueError, match=message):
        sts_interval(SIX * 4, GOLD * 4, resamples=resamples, level=level)


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize("resamples", [40, 150, np.int64(200)])
def test_as_many_resamples_as_the_level_needs(resamples):
    scores, similarities = noisy(30)
    low, high = sts_interval(similarities, scores, resamples=resamples)
    assert low < spearman(similarities, scores) < high


def test_pairwise_cosines_are_those_of_every_two_rows():
    vectors = random(5, 3)
    rows = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    expected = [float(cosine(vectors[i], vectors[j])) for i, j in rows]
    assert pairwise_cosines(vectors).tolist() == pytest.approx(expected)


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize("count", [0, 1])
def test_one_vector_makes_no_pair(count):
    assert pairwise_cosines(random(count, 3)).shape == (0,)


@pytest.mark.fault("metrics", "right result")
def test_zeros_have_cosine_0_and_nan_shows():
    vectors = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert pairwise_cosines(vectors).tolist() == [0, 0, 0]
    assert cosine(vectors[0], vectors[1]) == 0
    vectors[0, 0] = NAN
    assert pairwise_cosines(vectors).isnan().tolist() == [True, True, False]
    assert cosine(vectors, vectors).isnan().tolist() == [True, False, False]


def test_a_whitened_cloud_is_round_in_every_axis_that_it_has():
    cloud = random(400, 3) @ random(3, 3, seed=1) + 7
    # A fourth number that never varies.
    flat = torch.cat([cloud, torch.ones(400, 1)], 1)
    whitened = whiten(flat, flat)
    assert torch.allclose(torch.cov(whitened.T), torch.eye(3).double(), atol=1e-6)
    assert torch.allclose(whitened.mean(0), torch.zeros(3).double(), atol=1e-6)


def test_whitening_is_fitted_on_one_cloud_and_applied_to_another():
    # A square with its middle at (1, 1); the variance is 4/3 in every direction.
    square = torch.tensor([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    moved = whiten(square, torch.tensor([[1.0, 1.0], [3.0, 1.0]]))
    assert moved.norm(dim=1).tolist() == pytest.approx([0, 2 / np.sqrt(4 / 3)])


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize("rows", [2, 3, 4])
def test_fewer_rows_than_numbers_have_fewer_axes(rows):
    cloud = random(rows, 8)
    whitened = whiten(cloud, cloud)
    assert whitened.shape == (rows, rows - 1)
    covariance = torch.cov(whitened.T).reshape(rows - 1, rows - 1)
    assert torch.allclose(covariance, torch.eye(rows - 1).double(), atol=1e-6)


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    "fit_on",
    [random(0, 3), random(1, 3), torch.ones(5, 3), random(1, 3).repeat(9, 1)],
)
def test_a_cloud_without_spread_is_refused(fit_on):
    with pytest.raises(
        ValueError, match="fit_on must hold at least two different rows"
    ):
        whiten(fit_on, random(4, 3))


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("width", [0, 1, 2, 4])
def test_vectors_of_another_width_are_refused(width):
    message = rf"vectors must be \[N, 3\], as wide as fit_on, not \[4, {width}\]"
    with pytest.raises(ValueError, match=message):
        whiten(random(9, 3), random(4, width))


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("bad", [NAN, INF])
def test_a_cloud_with_nan_is_refused(bad):
    cloud = random(9, 3)
    cloud[4, 1] = bad
    with pytest.raises(ValueError, match="fit_on must be finite"):
        whiten(cloud, random(4, 3))


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_nan_among_the_vectors_shows_in_its_row_only(rows):
    vectors = random(rows, 3)
    vectors[:1, 1] = NAN
    whitened = whiten(random(9, 3), vectors)
    assert whitened.isnan().any(1).tolist() == [True, False, False, False][:rows]


@pytest.mark.fault("metrics", "clear error")
def test_a_masked_value_is_not_read_past_its_mask():
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 1])
    with pytest.raises(ValueError, match="similarities must have no masked values"):
        spearman(masked, [1, 2, 3])


@pytest.mark.fault("metrics", "right result")
@pytest.mark.parametrize("length", [1e-30, 1e-20, 1e20, 1e30])
def test_a_cosine_does_not_depend_on_length_however_long(length):
    """Squares of such numbers are 0 or infinite in float32."""
    a, b = random(4, 8), random(4, 8, seed=1)
    right = cosine(a, b)
    assert torch.allclose(cosine(length * a, b), right, atol=1e-5)
    assert torch.allclose(cosine(a, length * b), right, atol=1e-5)
    assert cosine(torch.zeros(8), length * b[0]) == 0
    both = torch.cat([length * a, b])
    assert torch.allclose(pairwise_cosines(both)[3], right[0], atol=1e-5)


def test_an_ordinary_cosine_is_pytorchs_own_to_the_last_bit():
    a, b = random(50, 384), random(50, 384, seed=1)
    assert torch.equal(cosine(a, b), torch.nn.functional.cosine_similarity(a, b))


@pytest.mark.fault("metrics", "clear error")
def test_vectors_of_two_widths_have_no_cosine():
    """A width of 1 would be stretched to fit, without a word."""
    with pytest.raises(ValueError, match=r"one width H, .* \[2, 3\] and \[2, 1\]"):
        cosine(random(2, 3), random(2, 1))


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize("value", ["no", 0, None])
def test_whether_runs_are_resampled_is_true_or_false(value):
    with pytest.raises(TypeError, match="resample_runs must be True or False"):
        sts_interval([SIX, SIX[::-1]], GOLD, resample_runs=value)


SCORES = torch.tensor([[0.9, 0.1, 0.5, 0.3], [0.2, 0.8, 0.7, 0.6]])
GAINS = torch.tensor([[0, 0, 3, 1], [2, 0, 0, 0]])


def test_search_by_hand():
    assert reciprocal_ranks(SCORES, GAINS).tolist() == pytest.approx([1 / 2, 1 / 4])
    assert recall_at_k(SCORES, GAINS, 2).tolist() == [0.5, 0]
    assert recall_at_k(SCORES, GAINS, 99).tolist() == [1, 1]
    log3 = np.log2(3)
    expected = [(3 / log3 + 1 / 2) / (3 + 1 / log3), 0]
    assert ndcg_at_k(SCORES, GAINS, 3).tolist() == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), documents=st.integers(2, 30), k=st.integers(1, 40))
def test_ndcg_is_scikit_learns(seed, documents, k):
    generator = np.random.default_rng(seed)
    scores = generator.permutation(documents)[None].astype(float)
    gains = generator.integers(0, 4, (1, documents))
    gains[0, 0] = 3
    ours = ndcg_at_k(torch.tensor(scores), torch.tensor(gains), k)
    assert float(ours[0]) == pytest.approx(ndcg_score(gains, scores, k=k))


@pytest.mark.fault("metrics", "right result")
def test_a_tie_is_no_luck():
    equal = torch.zeros(1, 4)
    gains = torch.tensor([[1, 0, 0, 0]])
    assert reciprocal_ranks(equal, gains).tolist() == [0.25]
    assert recall_at_k(equal, gains, 3).tolist() == [0]


def test_an_interval_over_queries():
    values = random(200, seed=1).double()
    low, high = query_interval(values)
    assert low < float(values.mean()) < high
    half = 1.96 * float(values.std()) / 200**0.5
    assert high - low == pytest.approx(2 * half, rel=0.2)
    assert query_interval(values, values - 1) == pytest.approx((1, 1))


@pytest.mark.fault("metrics", "clear error")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: recall_at_k(SCORES, GAINS[:1]), r"scores are \[2, 4\], gains"),
        (lambda: recall_at_k(SCORES, GAINS, 0), "k must be a whole number"),
        (lambda: recall_at_k(SCORES, GAINS, 2.5), "k must be a whole number"),
        (lambda: reciprocal_ranks(SCORES, 0 * GAINS), r"queries \[0, 1\] have none"),
        (lambda: reciprocal_ranks(SCORES, -GAINS), "at least 0"),
        (lambda: reciprocal_ranks(SCORES * NAN, GAINS), "scores must be finite"),
        (lambda: reciprocal_ranks(SCORES[0], GAINS[0]), r"scores must be a tensor"),
        (lambda: ndcg_at_k(SCORES.tolist(), GAINS), r"scores must be a tensor"),
        (lambda: query_interval([]), "at least two queries, not 0"),
        (lambda: query_interval([1.0, NAN]), "values must be finite"),
        (lambda: query_interval([1.0], [1.0, 2.0]), "baseline has 2 values"),
        (lambda: query_interval([1.0, 2.0], resamples=3), "resamples must be"),
    ],
)
def test_searches_that_cannot_be_scored_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
