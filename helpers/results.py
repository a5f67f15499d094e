"""What `make results` measured, read for lesson 06: runs, their tables and curves.

The files are written by tests/results.py and are found from anywhere, whatever the
working directory is.
"""

import json
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

FOLDER = Path(__file__).parent.parent / "notebooks" / "results"
RUNS = FOLDER / "06_siamese_finetuning.json"
COSINES = FOLDER / "06_test_cosines.csv"
BY_POOLING = FOLDER / "06_cosines_by_pooling.csv"
VECTORS = FOLDER / "clinic_vectors.json"


def machine() -> str:
    """Where all runs were made, in three lines: processor, versions and dates."""
    stored = _stored()
    where, dates = stored["machine"], [run["date"] for run in stored["runs"]]
    packages = [f"{name} {number}" for name, number in where["packages"].items()]
    return (
        f"{len(dates)} runs on {where['processor']} with {where['cores']} cores, "
        f"bfloat16: {where['bf16']}\n"
        f"{', '.join(packages)}\n"
        f"from {min(dates)} to {max(dates)}"
    )


def runs(*experiments: str) -> pd.DataFrame:
    """A row for each run of the experiments named, by seed within each experiment.

    Columns: experiment, seed, each setting, history (one dict for each look at dev),
    dev (the best look), dev_at_end, test, loss_first and loss_last (training loss up to
    the first look and before the last one), minutes. Raises ValueError for an unknown
    name.
    """
    rows = [_row(run) for run in _stored()["runs"]]
    known = {row["experiment"] for row in rows}
    unknown = [name for name in experiments if name not in known]
    if unknown or not experiments:
        wrong = unknown or "none of them"
        raise ValueError(f"experiments must be among {sorted(known)}, not {wrong}")
    order = {name: place for place, name in enumerate(experiments)}
    rows = [row for row in rows if row["experiment"] in order]
    rows.sort(key=lambda row: (order[row["experiment"]], row["seed"]))
    return pd.DataFrame(rows)


def table(runs: pd.DataFrame, by: str = "experiment") -> pd.DataFrame:
    """A row for each value of the column `by`: how many seeds, means and spreads.

    spread is the standard deviation over the seeds, NaN for a single one; minutes are
    the median.
    """
    return runs.groupby(by, sort=False).agg(
        seeds=("seed", "count"),
        dev=("dev", "mean"),
        dev_spread=("dev", "std"),
        dev_at_end=("dev_at_end", "mean"),
        test=("test", "mean"),
        test_spread=("test", "std"),
        loss_first=("loss_first", "mean"),
        loss_last=("loss_last", "mean"),
        minutes=("minutes", "median"),
    )


def by_epoch(runs: pd.DataFrame, by: str, what: str = "score") -> pd.DataFrame:
    """Dev at each look, mean over the seeds: a row for each value of column `by`.

    Columns are the epochs done by then. what="loss" gives the training loss in its
    place, each a mean since the look before. For runs of as many epochs and looks.
    """
    looks = pd.DataFrame([[look[what] for look in history] for history in runs.history])
    looks.columns = (looks.columns + 1) * int(runs.epochs.iloc[0]) // looks.shape[1]
    return looks.groupby(runs[by].to_numpy(), sort=False).mean()


def by_genre(*experiments: str, split: str = "test") -> pd.DataFrame:
    """Score of each genre and of all pairs, mean over the seeds: a row an experiment."""
    rows = runs(*experiments)
    genres = pd.DataFrame(rows.by_genre.tolist()).filter(like=f"{split}, ")
    scores = genres.rename(columns=lambda name: name.removeprefix(f"{split}, "))
    scores["all"] = rows[split]
    return scores.groupby(rows.experiment.to_numpy(), sort=False).mean()


def by_pooling(split: str) -> pd.DataFrame:
    """What each encoder of the swap scores with each pooling, mean over the seeds.

    A row for the pooling that it was trained with (none: as it came), a column for the
    one that it is scored with.
    """
    rows = runs(*(f"swap {name}" for name in ("none", "mean", "cls", "max")))
    scores = pd.DataFrame(rows.by_pooling.tolist()).filter(like=f"{split}, ")
    scores = scores.rename(columns=lambda name: name.removeprefix(f"{split}, "))
    trained_with = rows.experiment.str.removeprefix("swap ").to_numpy()
    return scores.groupby(trained_with, sort=False).mean()


def cosines_by_pooling(trained_with: str, pooled_by: str, split: str) -> Tensor:
    """Cosines of each pair of dev or test [N], for each of S seeds: [S, N].

    Raises ValueError for a combination that was not run.
    """
    return _columns(f"swap {trained_with}, seed ", f", {split}, {pooled_by}")


def cosines_on_test(experiment: str) -> Tensor:
    """Of a run on news: the cosine of each pair of test, for each seed: [S, 1379]."""
    return _columns(f"{experiment}, seed ", ", test")


def _columns(begin: str, end: str) -> Tensor:
    table = pd.read_csv(BY_POOLING)
    known = [name for name in table if name.startswith(begin) and name.endswith(end)]
    if not known:
        raise ValueError(f"no column of {BY_POOLING.name} reads {begin!r} … {end!r}")
    return torch.tensor(table[sorted(known)].dropna().to_numpy().T)


def test_cosines() -> dict[str, Tensor]:
    """The cosine of each pair of STS-B test, [1379], by run: "cosine, seed 0"."""
    columns = pd.read_csv(COSINES)
    return {name: torch.tensor(columns[name].to_numpy()) for name in columns}


def pooling_cases() -> list[dict]:
    """What another implementation of pooling must give, written by tests/vectors.py.

    Each case: its name, token_embeddings [B, L, H] (None for NaN), attention_mask
    [B, L], and expected, by mode [B, H]. All are lists.
    """
    return json.loads(VECTORS.read_text(encoding="utf-8"))


def _stored() -> dict:
    return json.loads(RUNS.read_text(encoding="utf-8"))


def _row(run: dict) -> dict:
    history = run.get("history") or [{}]  # a frozen encoder has none
    return {
        "experiment": run["experiment"],
        "seed": run["seed"],
        **run["settings"],
        "history": history,
        "dev": run["dev"],
        "dev_at_end": history[-1].get("score", run["dev"]),
        "test": run.get("test", float("nan")),  # a search looks at dev alone
        "loss_first": history[0].get("loss", float("nan")),
        "loss_last": history[-1].get("loss", float("nan")),
        "minutes": run["seconds"] / 60,
        "by_genre": run.get("by_genre", {}),
        "by_pooling": run.get("by_pooling", {}),
    }
