"""What lesson 06 reads, on a file that is small enough to check by hand."""

import json

import pytest

from helpers import results
from helpers.pooling import POOLING_MODES
from tests import vectors


def run(experiment, seed, scores, **more):
    history = [
        {"step": i + 1, "loss": 0.5 - 0.1 * i, "score": score}
        for i, score in enumerate(scores)
    ]
    return {
        "experiment": experiment,
        "seed": seed,
        "settings": {"learning_rate": 1e-5},
        "history": history,
        "dev": max(scores),
        "seconds": 120.0,
        "date": f"2026-01-0{seed + 1}",
        **more,
    }


@pytest.fixture
def stored(monkeypatch, tmp_path):
    frozen = {"experiment": "frozen", "seed": 0, "settings": {}, "dev": 50.0}
    content = {
        "machine": {
            "processor": "Abacus",
            "cores": 2,
            "bf16": False,
            "packages": {"torch": "2.0"},
        },
        "runs": [
            run("a", 1, [60.0, 64.0], test=42.0),
            run("search", 0, [1.0, 2.0]),
            run("a", 0, [70.0, 66.0], test=40.0),
            {**frozen, "test": 30.0, "seconds": 0.0, "date": "2026-01-04"},
        ],
    }
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(content))
    monkeypatch.setattr(results, "RUNS", path)


def test_runs_come_in_the_order_asked_for_and_by_seed(stored):
    runs = results.runs("frozen", "a")
    assert [*zip(runs.experiment, runs.seed, strict=True)] == [
        ("frozen", 0),
        ("a", 0),
        ("a", 1),
    ]
    assert runs.dev_at_end.tolist() == [50.0, 66.0, 64.0]
    assert runs.minutes.tolist() == [0.0, 2.0, 2.0]


def test_unknown_experiment_is_an_error_that_names_the_known_ones(stored):
    with pytest.raises(ValueError, match=r"'a', 'frozen', 'search'.*not \['b'\]"):
        results.runs("a", "b")


def test_table_has_mean_and_spread_of_the_seeds(stored):
    row = results.table(results.runs("a")).loc["a"]
    assert row.seeds == 2
    assert (row.dev, row.dev_at_end, row.test) == (67.0, 65.0, 41.0)
    assert row.test_spread == pytest.approx(2**0.5)
    assert (row.loss_first, row.loss_last) == pytest.approx((0.5, 0.4))


def test_table_leaves_out_what_a_run_has_not(stored):
    table = results.table(results.runs("frozen", "search"))
    assert table.test.isna().tolist() == [False, True]
    assert table.loss_first.isna().tolist() == [True, False]
    assert table.dev_spread.isna().all()


def test_by_epoch_is_the_mean_of_the_seeds(stored):
    curve = results.by_epoch(results.runs("a"), "experiment")
    assert curve.columns.tolist() == [1, 2]
    assert curve.loc["a"].tolist() == [65.0, 65.0]


def test_machine_says_where_and_when(stored):
    assert results.machine() == (
        "4 runs on Abacus with 2 cores, bfloat16: False\n"
        "torch 2.0\nfrom 2026-01-01 to 2026-01-04"
    )


def test_cosines_are_those_of_the_runs_reported():
    """The two files of the course belong together."""
    from helpers.datasets import load_stsb
    from helpers.metrics import spearman

    scores = load_stsb("test").score
    runs = results.runs("cosine", "CoSENT")
    for row in runs.itertuples():
        cosines = results.test_cosines()[f"{row.experiment}, seed {row.seed}"]
        assert spearman(cosines, scores) == pytest.approx(row.test, abs=0.01)


def test_pooling_cases_are_what_pooling_gives_today():
    assert results.pooling_cases() == vectors.content()
    modes = [list(case["expected"]) for case in results.pooling_cases()]
    assert all(mode == list(POOLING_MODES) for mode in modes)
