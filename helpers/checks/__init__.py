"""Exercises that check themselves: `checks.mean_pool(answer)`, `checks.summary(3)`.

A check is written in the module of its lesson, under the number of its exercise. Its
docstring says what the answer takes and gives. What all have in common is in `judge`.
"""

# Each module registers its exercises.
from helpers.checks import clinic, nb01, nb02, nb03, nb04, nb05, nb06  # noqa: F401
from helpers.checks.judge import EXERCISES, summary  # noqa: F401

globals().update({check.__name__: check for check in EXERCISES.values()})
