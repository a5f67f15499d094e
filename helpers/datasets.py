"""The STS benchmark: pairs of English sentences that people scored from 0 (unrelated) to 5 (same meaning)."""

import csv

import pandas as pd

from helpers.assets import STSB, fetch

COLUMNS = ["genre", "file", "year", "id", "score", "sentence1", "sentence2"]


def load_stsb(split: str) -> pd.DataFrame:
    """One row a pair, columns genre, file, year, id, score (0 to 5), sentence1, sentence2.

    split is "train" (5749 pairs), "dev" (1500) or "test" (1379). Raises ValueError for any other.
    Source: Cer et al. (2017), SemEval-2017 Task 1, arXiv 1708.00055.
    """
    if split not in ("train", "dev", "test"):
        raise ValueError(f"split must be 'train', 'dev' or 'test', not {split!r}")
    with (fetch(STSB) / f"sts-{split}.csv").open(encoding="utf-8", newline="") as file:
        # QUOTE_NONE: a lone quotation mark is part of a sentence. Some rows carry extra licence columns.
        rows = [row[: len(COLUMNS)] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"score": float})
