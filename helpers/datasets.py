"""The data of the lessons, each with its source.

Pairs that people scored, news reports that they compared, messages with their intents,
questions with their answers. Texts are as in the original: accents that were decoded
wrongly and invisible characters stay. Does not split anything into train and test, but
for the STS benchmark, which comes so.
"""

import ast
import csv
import json
import random
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.assets import INTENTS, LEE, NETWORKX, RULES, STSB, fetch
from helpers.templates import say

OURS = Path(__file__).parent.parent / "notebooks" / "data"  # written for this course
FAQ = OURS / "library_faq.json"

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


def load_lee() -> tuple[list[str], np.ndarray]:
    """50 news reports of 2002, and how alike people found them, [50, 50] from 0.2 to 1.

    Each pair was judged by about ten students on a scale of 1 to 5; the matrix holds
    the mean divided by 5, is symmetric, and has 1 on its diagonal. Raises what fetch
    raises. Source: Lee, Pincombe and Welsh (2005), An Empirical Evaluation of Models of
    Text Document Similarity.
    """
    folder = fetch(LEE)
    reports = (folder / "lee.cor").read_text(encoding="cp1252").splitlines()
    upper = np.loadtxt(folder / "similarities0-1.txt")  # 0 below the diagonal
    return reports, np.maximum(upper, upper.T)


LANGUAGES = ("en", "zh-CN")


def load_intents(language: str, messages: int = 40) -> pd.DataFrame:
    """Messages to a smart home, one row each: intent, template, text.

    language is "en" or "zh-CN". Each intent has at most `messages` texts, spread evenly
    over its templates and drawn at random, always the same ones. No text occurs twice.
    A template gives several texts: to split by message puts one of them into train and
    its twin into test, so split by `template`. Names of rooms and devices are from
    notebooks/data/slots.json. Raises ValueError for another language or a number of
    messages that is no positive integer. Source: home-assistant-intents (Apache 2.0).
    Example: load_intents("en").intent.nunique() -> 42.
    """
    if not isinstance(language, str) or language not in LANGUAGES:
        raise ValueError(f"language must be 'en' or 'zh-CN', not {language!r}")
    if isinstance(messages, bool) or not isinstance(messages, int) or messages < 1:
        raise ValueError(f"messages must be an integer of at least 1, not {messages!r}")
    path = fetch(INTENTS) / f"{language}.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    slots = json.loads((OURS / "slots.json").read_text(encoding="utf-8"))[language]
    lists = {name: _values(entry) for name, entry in stored["lists"].items()} | slots
    rules, seen, rows = stored["expansion_rules"], set(), []
    for intent, entry in stored["intents"].items():
        generator = random.Random(f"{language}, {intent}")
        templates = _templates(entry["data"], lists)
        for template, text in _draw(templates, rules, messages, generator, seen):
            rows.append((intent.removeprefix("Hass"), template, text))
    return pd.DataFrame(rows, columns=["intent", "template", "text"])


def load_minimal_pairs() -> pd.DataFrame:
    """60 sentences, each with a paraphrase and with one detail changed.

    Columns: kind (of the change: negation, number, roles or name; 15 of each),
    sentence, paraphrase (other words, same meaning), changed (nearly the same words,
    another meaning). Written by the authors of this course, who knew what they wanted
    to show: they say what can fail, not how often it does. License: CC BY 4.0.
    """
    return pd.read_csv(OURS / "minimal_pairs.csv")


def _templates(blocks: list[dict], lists: dict) -> list[tuple[str, dict]]:
    """Each template once, with the lists that hold where it stands."""
    found = {}
    for block in blocks:
        domains = block.get("requires_context", {}).get("domain", [])
        kinds = [f"name of {domain}" for domain in domains[:1]]
        names = lists.get(*kinds, lists["name"]) if kinds else lists["name"]
        for template in block["sentences"]:
            found.setdefault(template, lists | {"name": names})
    return list(found.items())


def _draw(
    templates: list[tuple[str, dict]],
    rules: dict[str, str],
    messages: int,
    generator: random.Random,
    seen: set[str],
) -> list[tuple[str, str]]:
    """At most `messages` pairs (template, text), one round of the templates after
    another; what was said already does not count, and a template that says nothing new
    in ten tries is left out."""
    rows, left = [], generator.sample(templates, len(templates))
    while left and len(rows) < messages:
        still = []
        for template, lists in left[: messages - len(rows)]:
            tries = (say(template, rules, lists, generator) for _ in range(10))
            text = next((text for text in tries if text not in seen), None)
            if text is not None:
                seen.add(text)
                rows.append((template, text))
                still.append((template, lists))
        left = still
    return rows


def _values(entry: dict) -> Sequence[str]:
    """What a list of the package may say, as templates."""
    if "range" in entry:
        span = entry["range"]
        numbers = range(span["from"], span["to"] + 1, span.get("step", 1))
        return [str(number) for number in numbers]
    values = entry.get("values", [])
    return [value["in"] if isinstance(value, dict) else value for value in values]


def load_networkx() -> pd.DataFrame:
    """Documentation of the library networkx: name, summary and description of each.

    One row per function or class whose docstring has a summary (its first paragraph)
    and a description of at least 15 words (what follows, up to the first heading). A
    summary or description that came before is left out, so each has one partner.
    Marks of reStructuredText are dropped, formulas stay. Read with ast from the pinned
    wheel, never imported. Source: networkx 3.6.1, BSD license. Raises what fetch
    raises.
    """
    rows = []
    with zipfile.ZipFile(fetch(NETWORKX) / next(iter(NETWORKX.files))) as wheel:
        for path in sorted(wheel.namelist()):
            if path.endswith(".py") and "/tests/" not in path:
                rows += _docstrings(wheel.read(path).decode("utf-8"))
    rows = [(name, *_summary(text)) for name, text in rows]
    frame = pd.DataFrame(rows, columns=["name", "summary", "description"])
    frame = frame[frame.description.str.split().str.len() >= 15]
    return _one_partner_each(frame, "summary", "description")


def load_rules() -> pd.DataFrame:
    """Rules of a linter for Python: name, rule ("Forbid …"), reason and solution.

    248 rows; no two have the same rule or the same reason. Read with ast from the
    pinned wheel, never imported. Source: wemake-python-styleguide 1.8.1, MIT license.
    Raises what fetch raises.
    """
    rows = []
    for path in RULES.files:
        text = (fetch(RULES) / path).read_text(encoding="utf-8")
        for name, docstring in _docstrings(text):
            rule, _ = _summary(docstring)
            parts = [_section(docstring, title) for title in ("Reasoning", "Solution")]
            rows.append((name.removesuffix("Violation"), rule, *parts))
    frame = pd.DataFrame(rows, columns=["name", "rule", "reason", "solution"])
    frame = frame[(frame.reason != "") & (frame.solution != "")]
    frame = frame[~frame.reason.str.endswith(":")]  # a list follows
    return _one_partner_each(frame, "rule", "reason")


def load_faq() -> pd.DataFrame:
    """Questions that people ask a public library: answer, listed and three wordings.

    One row per answer: `listed` is the question as an FAQ prints it, wording1 to
    wording3 ask the same in everyday words. Written for this course; what it can't
    show stands in its data card, faq_card(). Example: load_faq().listed[0].
    """
    return pd.DataFrame(json.loads(FAQ.read_text(encoding="utf-8"))["rows"])


def faq_card() -> dict[str, str]:
    """The data card of load_faq: how it was made, what it can't show, its license."""
    return json.loads(FAQ.read_text(encoding="utf-8"))["card"]


def _docstrings(source: str) -> list[tuple[str, str]]:
    """Name and docstring of each function and class in a Python file that has one."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    documented = [(node.name, ast.get_docstring(node)) for node in found]
    return [(name, text) for name, text in documented if text]


def _summary(docstring: str) -> tuple[str, str]:
    """First paragraph, and the paragraphs after it up to the first heading."""
    body = re.split(r"\n(?=[^\n]+\n-{3,})", docstring)[0]
    first, _, rest = body.strip().partition("\n\n")
    return _plain(first), _plain(rest)


def _section(docstring: str, title: str) -> str:
    """The paragraph that is indented under `title:`, "" if there is none."""
    found = re.search(rf"^{title}:\n((?:[ \t]+\S.*\n?)+)", docstring, re.M)
    return _plain(found[1]) if found else ""


def _plain(text: str) -> str:
    """Without the marks of reStructuredText, on one line."""
    text = re.sub(r":[a-z]+:`~?([^`<]*)[^`]*`", r"\1", text)  # :func:`name`
    return " ".join(text.replace("`", "").split())


def _one_partner_each(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    for column in columns:
        frame = frame.drop_duplicates(column)
    return frame.reset_index(drop=True)
