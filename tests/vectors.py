"""Write the small file with which another implementation can be tested.

`python -m tests.vectors` writes notebooks/results/clinic_vectors.json: token vectors,
masks, and the sentence vectors that each pooling has to give, in numbers that any
language reads. JSON has no NaN: null stands for it.
"""

import json
import math

import torch

from helpers.pooling import POOLING_MODES
from helpers.results import VECTORS

NAN = math.nan
THE, CAT, SLEEPS, PAD = [1.0, 2.0, 0.0], [3.0, 0.0, -1.0], [-2.0, 4.0, 6.0], [9.0] * 3
CASES = {
    "right padding": ([[THE, CAT, PAD], [THE, CAT, SLEEPS]], [[1, 1, 0], [1, 1, 1]]),
    "left padding": ([[PAD, THE, CAT], [THE, CAT, SLEEPS]], [[0, 1, 1], [1, 1, 1]]),
    "one row": ([[THE, CAT, SLEEPS]], [[1, 1, 1]]),
    "an empty row": ([[PAD, PAD], [CAT, SLEEPS]], [[0, 0], [1, 1]]),
    "nan in the padding": ([[THE, CAT, [NAN] * 3]], [[1, 1, 0]]),
}


def content() -> list[dict]:
    """A dict for each case, with what every mode of helpers.pooling makes of it."""
    cases = []
    for name, (token_embeddings, attention_mask) in CASES.items():
        hidden, mask = torch.tensor(token_embeddings), torch.tensor(attention_mask)
        expected = {}
        for mode, pool_with in POOLING_MODES.items():
            vectors = pool_with(hidden, mask).tolist()
            expected[mode] = [[round(x, 6) for x in row] for row in vectors]
        without_nan = [
            [[None if math.isnan(x) else x for x in token] for token in row]
            for row in token_embeddings
        ]
        case = {"case": name, "token_embeddings": without_nan}
        cases.append(case | {"attention_mask": attention_mask, "expected": expected})
    return cases


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(content(), indent=1) + "\n", encoding="utf-8")
