import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything reads it: no test may need a model hub

import pytest

from helpers.encoder import load_encoder


@pytest.fixture(scope="session")
def encoder():
    return load_encoder()


@pytest.fixture(scope="session")
def library():
    """The reference: sentence-transformers on the same files."""
    from sentence_transformers import SentenceTransformer

    from helpers.assets import MINILM, fetch

    return SentenceTransformer(str(fetch(MINILM)), device="cpu")
