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
    curve = results.by_epoch(results.runs("a").assign(epochs=2), "experiment")
    assert curve.columns.tolist() == [1, 2]
    assert curve.loc["a"].tolist() == [65.0, 65.0]


def test_by_epoch_knows_the_epochs_between_the_looks(stored):
    curve = results.by_epoch(results.runs("a").assign(epochs=8), "experiment", "loss")
    assert curve.columns.tolist() == [4, 8]
    assert curve.loc["a"].tolist() == pytest.approx([0.5, 0.4])


def judged(experiment, seed, **scores):
    return {
        "experiment": experiment,
        "seed": seed,
        "settings": {},
        "dev": 1.0,
        "test": 3.0 + seed,
        "seconds": 0.0,
        "date": "2026-01-01",
        **scores,
    }


@pytest.fixture
def judged_runs(monkeypatch, tmp_path):
    runs = []
    for place, name in enumerate(("none", "mean", "cls", "max")):
        for seed in (0, 1):
            scores = {"dev, mean": 9.0, "test, mean": place + seed, "test, cls": 5.0}
            runs.append(judged(f"swap {name}", seed, by_pooling=scores))
    for seed in (0, 1):
        scores = {"dev, news": 9.0, "test, news": 50.0 + seed}
        runs.append(judged("news alone", seed, by_genre=scores))
    (tmp_path / "runs.json").write_text(json.dumps({"machine": {}, "runs": runs}))
    monkeypatch.setattr(results, "RUNS", tmp_path / "runs.json")
    cosines = (
        "swap mean, seed 1, test, cls;swap mean, seed 0, test, cls;news alone, seed 0, "
        "test;swap mean, seed 0, dev, cls\n0.1;0.2;0.3;0.4\n0.5;0.6;0.7;0.8\n;;;0.9\n"
    )
    header, *rows = cosines.splitlines()
    header = ",".join(f'"{name}"' for name in header.split(";"))
    lines = [header, *(row.replace(";", ",") for row in rows)]
    (tmp_path / "cosines.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(results, "BY_POOLING", tmp_path / "cosines.csv")


def test_by_pooling_is_the_mean_of_the_seeds(judged_runs):
    table = results.by_pooling("test")
    assert table.index.tolist() == ["none", "mean", "cls", "max"]
    assert table["mean"].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert table["cls"].tolist() == [5.0] * 4


def test_by_genre_has_all_pairs_beside_the_genres(judged_runs):
    table = results.by_genre("news alone")
    assert table.loc["news alone"].to_dict() == {"news": 50.5, "all": 3.5}
    assert results.by_genre("news alone", split="dev").loc["news alone", "all"] == 1.0


def test_cosines_come_by_seed_without_the_empty_cells(judged_runs):
    found = results.cosines_by_pooling("mean", "cls", "test")
    assert found.tolist() == [[0.2, 0.6], [0.1, 0.5]]
    assert results.cosines_by_pooling("mean", "cls", "dev").shape == (1, 3)
    assert results.cosines_on_test("news alone").tolist() == [[0.3, 0.7]]


def test_cosines_of_a_run_that_was_not_made_are_an_error(judged_runs):
    with pytest.raises(ValueError, match=r"swap cls, seed .*, test, max"):
        results.cosines_by_pooling("cls", "max", "test")


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


def test_no_experiment_is_no_choice():
    with pytest.raises(ValueError, match=r"experiments must be among .* not none"):
        results.runs()


def test_pooling_cases_are_what_pooling_gives_today():
    assert results.pooling_cases() == vectors.content()
    modes = [list(case["expected"]) for case in results.pooling_cases()]
    assert all(mode == list(POOLING_MODES) for mode in modes)
