"""The STS benchmark as it was fetched, and splits that it does not have."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.datasets import COLUMNS, load_stsb


@pytest.mark.parametrize(
    ("split", "size"), [("train", 5749), ("dev", 1500), ("test", 1379)]
)
def test_each_split_is_whole(split, size):
    frame = load_stsb(split)
    assert list(frame.columns) == COLUMNS
    assert len(frame) == size
    assert frame.score.dtype == float
    assert frame.score.between(0, 5).all()
    for column in ("sentence1", "sentence2"):
        assert (
            frame[column].map(lambda text: isinstance(text, str) and text != "").all()
        )
    # As in the original, train has a genre "main-forum" beside "main-forums".
    genres = set(frame.genre.str.removesuffix("s"))
    assert genres == {"main-caption", "main-forum", "main-new"}


def test_quotation_marks_are_part_of_the_sentence():
    """Read as quoting, a lone one would swallow the lines up to the next."""
    text = pd.concat([load_stsb(split) for split in ("train", "dev", "test")]).sentence1
    assert (text.str.count('"') % 2 == 1).any()
    assert not text.str.contains("\n|\t").any()


def test_what_one_reader_changes_the_next_does_not_see():
    frame = load_stsb("test")
    frame.loc[0, "score"] = -1
    assert load_stsb("test").score[0] == 2.5


@pytest.mark.fault("datasets", "clear error")
@pytest.mark.parametrize(
    "split",
    [
        "valid",
        "validation",
        "Dev",
        "test ",
        "",
        "../train",
        "sts-test.csv",
        None,
        0,
        True,
        b"dev",
        ["dev"],
        ("train", "dev"),
        {"split": "dev"},
        np.array(["dev", "test"]),
        torch.ones(2),
        pd.Series(["dev"]),
        slice(10),
    ],
)
def test_what_is_no_split_is_refused(split):
    with pytest.raises(ValueError, match="split must be 'train', 'dev' or 'test', not"):
        load_stsb(split)


@pytest.mark.fault("datasets", "right result")
def test_a_string_of_numpy_is_a_string():
    assert len(load_stsb(np.array(["dev"])[0])) == 1500
