"""What `make results` measured, read for lesson 06: runs, their tables and curves.

The file is written by tests/results.py and is found from anywhere, whatever the working
directory is.
"""

import json
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

FOLDER = Path(__file__).parent.parent / "notebooks" / "results"
RUNS = FOLDER / "06_siamese_finetuning.json"
COSINES = FOLDER / "06_test_cosines.csv"
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
    if unknown:
        raise ValueError(f"experiments must be among {sorted(known)}, not {unknown}")
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


def by_epoch(runs: pd.DataFrame, by: str) -> pd.DataFrame:
    """Dev after each epoch, mean over the seeds: a row for each value of column `by`.

    For runs that looked at dev once an epoch.
    """
    scores = pd.DataFrame(
        [[look["score"] for look in history] for history in runs.history]
    )
    scores.columns += 1
    return scores.groupby(runs[by].to_numpy(), sort=False).mean()


def test_cosines() -> dict[str, Tensor]:
    """The cosine of each pair of STS-B test, [1379], by run, such as "cosine, seed 0"."""
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
    }
