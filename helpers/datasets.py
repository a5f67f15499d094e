"""The STS benchmark: pairs of English sentences that people scored.

From 0, nothing in common, to 5, the same meaning. Does not clean anything: accents that
were decoded wrongly and invisible characters are as in the original.
"""

import csv

import pandas as pd

from helpers.assets import STSB, fetch

SPLITS = ("train", "dev", "test")
COLUMNS = ["genre", "file", "year", "id", "score", "sentence1", "sentence2"]


def load_stsb(split: str) -> pd.DataFrame:
    """One row per pair: genre, file, year, id, score (0 to 5), sentence1, sentence2.

    split is "train" (5749 pairs), "dev" (1500) or "test" (1379). Raises ValueError for
    any other, and what fetch raises if the data cannot be had.
    Source: Cer et al. (2017), SemEval-2017 Task 1, arXiv 1708.00055.
    Example: load_stsb("test").score[0] -> 2.5.
    """
    if not isinstance(split, str) or split not in SPLITS:
        raise ValueError(f"split must be 'train', 'dev' or 'test', not {split!r}")
    path = fetch(STSB) / f"sts-{split}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        # QUOTE_NONE: a lone quotation mark is part of a sentence.
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        # Some rows carry a licence in further columns.
        rows = [line[: len(COLUMNS)] for line in lines]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"score": float})
