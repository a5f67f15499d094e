"""Sentence templates into sentences, one random way through each at a time.

`(turn|switch) on [the] {area} <light>` says: one of the words in round brackets,
perhaps the one in square brackets, a value of the list `area`, and what the rule
`light` says. hassil reads this notation; its own sampler goes through all sentences of
a template, which can be millions. Does not weigh: each word of a choice is as likely.
"""

import random
from collections.abc import Mapping, Sequence

from hassil import expression as parts
from hassil.parse_expression import parse_sentence


def say(
    template: str,
    rules: Mapping[str, str],
    lists: Mapping[str, Sequence[str]],
    generator: random.Random,
) -> str:
    """One sentence of the template, drawn at random.

    rules and the values of lists are templates themselves. Raises ValueError for a rule
    or a list that the template names and that is not there.
    Example: say("[the] {area} light", {}, {"area": ["hall"]}, random.Random(1)).
    """

    def walk(part: parts.Expression) -> str:
        match part:
            case parts.TextChunk():
                return part.original_text
            case parts.Alternative():
                return walk(generator.choice(part.items))
            case parts.Permutation():
                return "".join(map(walk, generator.sample(part.items, len(part.items))))
            case parts.Group():
                return "".join(map(walk, part.items))
            case parts.RuleReference():
                return inner(_named("rule", part.rule_name, rules))
            case parts.ListReference():
                values = _named("list", part.list_name, lists)
                return inner(generator.choice(values))
        raise ValueError(f"template has a part that is unknown here: {part!r}")

    def inner(text: str) -> str:
        return walk(parse_sentence(text).expression)

    return " ".join(inner(template).split())


def _named(kind: str, name: str, known: Mapping):
    if name not in known:
        raise ValueError(
            f"template names the {kind} {name!r}, which is not among {sorted(known)}"
        )
    return known[name]
