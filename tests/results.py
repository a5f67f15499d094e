"""`make results`: what lesson 06 reports over several seeds, trained anew.

About two and a half hours on two cores:

    python -m tests.results [experiment ...]

Each run is added to the results file as it ends; a run that is in the file is not
repeated, so a broken session goes on where it stopped. Beside it stand two tables with
the cosine of each pair by the runs that the notebook compares, what a bootstrap needs:
one of test by loss, one of dev and test by pooling and of test by what news did. Move
all three files away to measure everything again.
"""

import dataclasses
import datetime
import functools
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")

import pandas as pd
import torch
from filelock import FileLock
from transformers import get_linear_schedule_with_warmup

from helpers.assets import MINILM, fetch
from helpers.datasets import load_stsb
from helpers.encoder import encode
from helpers.losses import cosent_loss, cosine_similarity_loss
from helpers.metrics import cosine, spearman, sts_score
from helpers.pooling import pool
from helpers.processor import bf16_helps
from helpers.results import BY_POOLING, COSINES, RUNS
from helpers.storage import fresh_encoder, load_encoder
from helpers.training import train

PACKAGES = ["torch", "transformers", "sentence-transformers", "accelerate"]
SPLITS = {split: load_stsb(split) for split in ("train", "dev", "test")}

# Seeds 100 and 101 serve to choose settings by dev alone, and for nothing else. For
# cosine regression dev cannot tell the learning rates apart, so the paper's settings
# stay (section 4.2); nor does it miss the word embeddings, half of all weights, if they
# stay as they are, which saves a fifth of the time. For CoSENT, larger batches hold more
# to compare, and of the rates dev takes 1e-4. (Its first three runs on test were made at
# 5e-5, before the grid reached further; they stay in the file.)
PAPER = {"epochs": 4, "batch_size": 16, "learning_rate": 2e-5, "freeze_words": True}
COSENT = {"epochs": 4, "batch_size": 32, "learning_rate": 1e-4, "freeze_words": True}
SEARCH = [
    *(PAPER | {"learning_rate": r, "evaluations": 4} for r in (2e-5, 3e-5, 5e-5, 1e-4)),
    PAPER | {"learning_rate": 5e-5, "freeze_words": False, "evaluations": 4},
]
COSENT_SEARCH = [
    COSENT | {"learning_rate": rate, "evaluations": 4}
    for rate in (3e-5, 5e-5, 1e-4, 2e-4)
]
# Beside the library's trainer, and in `make bench`.
SIMPLE = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-5}
RACE = [
    {"epochs": 4, "batch_size": 16, "learning_rate": rate, "evaluations": 4}
    for rate in (2e-4, 5e-5)
]
# From the trained encoder, with each pooling, and scored with each.
JUDGED = ("dev", "test")
POOLINGS = ["mean", "cls", "max"]
SWAP = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-5, "freeze_words": True}

# How large, how much, how long: a quarter and a sixteenth of the pairs with the paper's
# settings, and the sixteenth for ten epochs.
QUARTER = PAPER | {"pairs": 1437}
SIXTEENTH = PAPER | {"pairs": 359}
LONG = {"epochs": 10, "evaluations": 5, "learning_rate": 2e-5, "freeze_words": True}
HEAD = {"epochs": 4, "batch_size": 16, "pairs": 1437}
HEAD_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
LAYERS = {"epochs": 4, "batch_size": 16, "pairs": 1437, "layers": 2}

# New data of one genre, at a high rate; with a sample of the others, or at a lower one.
NEWS = {"epochs": 4, "batch_size": 16, "learning_rate": 1e-4, "freeze_words": True}
ALONE = NEWS | {"news": 600, "others": 0}


def cosines(encoder, split: str) -> torch.Tensor:
    """Of each pair of a split, [N]."""
    frame = SPLITS[split]
    return cosine(*encode(encoder, [*frame.sentence1, *frame.sentence2]).chunk(2))


def score(encoder, split: str) -> float:
    return spearman(cosines(encoder, split), SPLITS[split].score)


def cosines_by_pooling(encoder) -> dict[str, torch.Tensor]:
    """Of each pair of dev and test, [N], by split and pooling, from one pass."""
    found = {}
    for split in JUDGED:
        frame = SPLITS[split]
        sentences = [*frame.sentence1, *frame.sentence2]
        side_by_side = functools.partial(pool, pooling_modes=POOLINGS)
        together = encode(encoder, sentences, pool_with=side_by_side, normalize=False)
        for pooling, vectors in zip(POOLINGS, together.chunk(3, dim=1), strict=True):
            found[f"{split}, {pooling}"] = cosine(*vectors.chunk(2))
    return found


def ours(encoder, loss, seed: int, frame=None, look=None, **settings) -> list[dict]:
    """Fine-tune on STS-B train or a part of it, look at dev; returns the history.

    Beside the settings of train: pairs (how many, drawn by the seed), freeze_words,
    layers (how many of the last ones are trained, and nothing else).
    """
    frame = SPLITS["train"] if frame is None else frame
    if pairs := settings.pop("pairs", None):
        frame = frame.sample(pairs, random_state=seed)
    labels = torch.tensor(frame.score.values / 5, dtype=torch.float32)
    columns = [frame.sentence1.tolist(), frame.sentence2.tolist()]
    words = encoder.model.embeddings.word_embeddings
    words.requires_grad_(not settings.pop("freeze_words", False))
    if layers := settings.pop("layers", None):
        encoder.model.requires_grad_(False)
        encoder.model.encoder.layer[-layers:].requires_grad_(True)
    look = look or (lambda: score(encoder, "dev"))
    how = {"seed": seed, "bf16": bf16_helps(), **settings}
    return train(encoder, columns, labels, loss, look, **how)


def no_look() -> float:
    """In place of dev: the weights of the end stay, and no time goes into looking."""
    return 0.0


def library(seed: int, *, epochs: int, batch_size: int, learning_rate: float):
    """The same data, loss and settings in sentence-transformers' own trainer.

    In float32, as is its default. Returns the SentenceTransformer and the seconds of
    its training, loading left out, as in `finetuned`.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    frame = SPLITS["train"]
    columns = {name: frame[name].tolist() for name in ("sentence1", "sentence2")}
    data = Dataset.from_dict({**columns, "score": (frame.score / 5).tolist()})
    model = SentenceTransformer(str(fetch(MINILM)), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        arguments = Arguments(
            output_dir=folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=batch_size,
            learning_rate=learning_rate,
            warmup_steps=0.1,  # below 1: a share of all steps
            weight_decay=0.01,
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            seed=seed,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        loss = CosineSimilarityLoss(model)
        trainer = SentenceTransformerTrainer(
            model, arguments, train_dataset=data, loss=loss
        )
        begin = time.perf_counter()
        trainer.train()
    return model, time.perf_counter() - begin


def library_score(model, split: str) -> float:
    frame = SPLITS[split]
    sentences = [*frame.sentence1, *frame.sentence2]
    return sts_score(model.encode(sentences, convert_to_tensor=True), frame.score)


def finetuned(loss, seed, settings, start=load_encoder, test=True) -> dict:
    encoder = start()
    begin = time.perf_counter()
    history = ours(encoder, loss, seed, **settings)
    seconds = time.perf_counter() - begin
    best = max(look["score"] for look in history)
    run = {"seconds": seconds, "history": history, "dev": best}
    if test:
        run["cosines"] = cosines(encoder, "test")
        run["test"] = spearman(run["cosines"], SPLITS["test"].score)
    return run


def swapped(pooling: str | None, seed: int, settings: dict) -> dict:
    """Train with one pooling (with none: not at all), score with each."""
    encoder = dataclasses.replace(load_encoder(), pooling=pooling or "mean")
    begin = time.perf_counter()
    if pooling:
        ours(encoder, cosine_similarity_loss, seed, look=no_look, **settings)
    run = {"seconds": time.perf_counter() - begin}
    run["cosines"] = cosines_by_pooling(encoder)
    run["by_pooling"] = {
        name: spearman(values, SPLITS[name.split(",")[0]].score)
        for name, values in run["cosines"].items()
    }
    own = {split: run["by_pooling"][f"{split}, {encoder.pooling}"] for split in JUDGED}
    return run | own


def genre_of(split: str) -> pd.Series:
    """news, captions or forums for each pair of a split."""
    return SPLITS[split].genre.str.removeprefix("main-").replace("forum", "forums")


@functools.lru_cache(maxsize=1)  # the run after it averages the same weights
def tuned_on_news(seed: int, *, news: int, others: int, **settings):
    """An encoder fine-tuned on some pairs of news, and on some of the other genres."""
    genre = genre_of("train")
    new, old = (SPLITS["train"][rows] for rows in (genre == "news", genre != "news"))
    samples = new.sample(news, random_state=seed), old.sample(others, random_state=seed)
    encoder, frame = load_encoder(), pd.concat(samples)
    ours(encoder, cosine_similarity_loss, seed, frame, no_look, **settings)
    return encoder


def forgetting(seed: int, settings: dict, averaged: bool = False) -> dict:
    """Fine-tune on news, halfway back to the frozen weights if asked, score genres."""
    begin = time.perf_counter()
    encoder, frozen = tuned_on_news(seed, **settings), load_encoder()
    run = {"seconds": time.perf_counter() - begin, "by_genre": {}, "cosines": {}}
    if averaged:
        tuned = encoder.model.state_dict()
        for name, weight in frozen.model.state_dict().items():
            if weight.is_floating_point():  # the positions are counted, not learned
                weight.lerp_(tuned[name], 0.5)
        encoder = frozen
    for split in JUDGED:
        found, gold = cosines(encoder, split), SPLITS[split].score
        run[split] = spearman(found, gold)
        for genre in ("news", "captions", "forums"):
            rows = (genre_of(split) == genre).to_numpy()
            run["by_genre"][f"{split}, {genre}"] = spearman(found[rows], gold[rows])
    run["cosines"] = {"test": found}
    return run


def frozen_vectors(frame) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of both sentences of each pair, [N, H] each, and the labels [N]."""
    u, v = encode(load_encoder(), [*frame.sentence1, *frame.sentence2]).chunk(2)
    return u, v, torch.tensor(frame.score.values / 5, dtype=torch.float32)


def head_alone(seed: int, settings: dict, splits=JUDGED) -> dict:
    """Train a square matrix on the frozen vectors, at first the identity."""
    frame = SPLITS["train"].sample(settings["pairs"], random_state=seed)
    u, v, labels = frozen_vectors(frame)
    torch.manual_seed(seed)
    head = torch.nn.Linear(u.shape[1], u.shape[1], bias=False)
    torch.nn.init.eye_(head.weight)
    steps = settings["epochs"] * -(-len(u) // settings["batch_size"])
    optimizer = torch.optim.AdamW(head.parameters(), lr=settings["learning_rate"])
    schedule = get_linear_schedule_with_warmup(optimizer, round(steps / 10), steps)
    begin = time.perf_counter()
    for _ in range(settings["epochs"]):
        for batch in torch.randperm(len(u)).split(settings["batch_size"]):
            loss = cosine_similarity_loss(head(u[batch]), head(v[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    run = {"seconds": time.perf_counter() - begin}
    for split in splits:
        a, b, gold = frozen_vectors(SPLITS[split])
        run[split] = spearman(cosine(head(a), head(b)).detach(), gold)
    return run


def untrained(encoder) -> dict:
    return {"seconds": 0.0} | {
        split: score(encoder, split) for split in ("dev", "test")
    }


def by_library(seed: int, settings: dict) -> dict:
    model, seconds = library(seed, **settings)
    scores = {split: library_score(model, split) for split in ("dev", "test")}
    return {"seconds": seconds} | scores


def experiments():
    """Name, seed, settings, and the function of both that trains and scores."""

    def training(loss, **more):
        return lambda seed, settings: finetuned(loss, seed, settings, **more)

    yield "frozen", 0, {}, lambda seed, settings: untrained(load_encoder())
    for seed in (100, 101):
        for settings in SEARCH:
            yield "search", seed, settings, training(cosine_similarity_loss, test=False)
        for settings in COSENT_SEARCH:
            yield "search, CoSENT", seed, settings, training(cosent_loss, test=False)
    for seed in range(3):
        yield "cosine", seed, PAPER, training(cosine_similarity_loss)
        yield "CoSENT", seed, COSENT, training(cosent_loss)
        first = COSENT | {"learning_rate": 5e-5}
        yield "CoSENT, 5e-5", seed, first, training(cosent_loss)
        yield "cosine, one epoch", seed, SIMPLE, training(cosine_similarity_loss)
        yield "cosine, one epoch, library", seed, SIMPLE, by_library
        for pooling in ("cls", "mean", "max"):
            fresh = functools.partial(fresh_encoder, 2, pooling, seed)
            name = f"race {pooling}"
            start = lambda seed, settings, fresh=fresh: untrained(fresh())  # noqa: E731
            yield f"{name}, untrained", seed, {}, start
            for settings in RACE:
                yield (
                    name,
                    seed,
                    settings,
                    training(cosine_similarity_loss, start=fresh),
                )
    yield "swap none", 0, {}, functools.partial(swapped, None)
    for seed in range(3):
        for pooling in POOLINGS:
            yield f"swap {pooling}", seed, SWAP, functools.partial(swapped, pooling)
    for seed in range(3):
        yield "news alone", seed, ALONE, forgetting
        half = functools.partial(forgetting, averaged=True)
        yield "news alone, averaged", seed, ALONE, half
        yield "news and others", seed, ALONE | {"others": 150}, forgetting
        yield "news, lower rate", seed, ALONE | {"learning_rate": 2e-5}, forgetting
    regression = training(cosine_similarity_loss)
    dev_only = training(cosine_similarity_loss, test=False)
    dev_alone = functools.partial(head_alone, splits=["dev"])
    for seed in (100, 101):
        for rate in HEAD_RATES:
            yield "search, head", seed, HEAD | {"learning_rate": rate}, dev_alone
    for seed in range(3):
        yield "head", seed, HEAD | {"learning_rate": 3e-4}, head_alone
        yield "a sixteenth", seed, SIXTEENTH, regression
        yield "a quarter", seed, QUARTER, regression
    for seed in (0, 1):
        for size in (8, 64):
            settings = LONG | {"batch_size": size, "pairs": 359}
            yield f"long, batches of {size}", seed, settings, dev_only
    for seed in range(3):
        yield "last layers", seed, LAYERS | {"learning_rate": 1e-4}, regression


def machine() -> dict:
    """Where this runs; two machines do not share a results file."""
    info = Path("/proc/cpuinfo")  # where there is none, platform knows less
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return {
        "processor": (names or [platform.processor() or platform.machine()])[0],
        "cores": os.cpu_count(),
        "bf16": bf16_helps(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def key(run: dict) -> tuple:
    return run["experiment"], run["seed"], run["settings"]


def stored() -> dict:
    if RUNS.exists():
        return json.loads(RUNS.read_text(encoding="utf-8"))
    return {"machine": machine(), "runs": []}


def add(run: dict) -> None:
    """Put a run into the results file, and its cosines into the table beside it."""
    run = dict(run)
    by_pair = run.pop("cosines", None)
    with FileLock(f"{RUNS}.lock"):  # two processes may share the work
        # Before the run itself: with that in the file, the work counts as done.
        if run["experiment"] in ("cosine", "CoSENT"):
            add_columns(COSINES, {name_of(run): by_pair}, "%.5f")
        elif isinstance(by_pair, dict):
            columns = {f"{name_of(run)}, {name}": c for name, c in by_pair.items()}
            add_columns(BY_POOLING, columns, "%.4f")
        results = stored()
        others = [old for old in results["runs"] if key(old) != key(run)]
        results["runs"] = [*others, run]
        replace(RUNS, json.dumps(results, indent=1, sort_keys=True) + "\n")


def name_of(run: dict) -> str:
    return f"{run['experiment']}, seed {run['seed']}"


def add_columns(path: Path, columns: dict[str, torch.Tensor], digits: str) -> None:
    """Put cosines into a table; shorter columns (test) end in empty cells."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    new = pd.DataFrame({name: pd.Series(v.numpy()) for name, v in columns.items()})
    table = pd.concat([table.drop(columns=new.columns, errors="ignore"), new], axis=1)
    how = {"index": False, "float_format": digits, "lineterminator": "\n"}
    replace(path, table.to_csv(**how))


def replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def measure(names: list[str]) -> None:
    """Make the runs that are not in the file yet, of these experiments or of all."""
    for name, seed, settings, work in experiments():
        run = {"experiment": name, "seed": seed, "settings": settings}
        if (names and name not in names) or key(run) in map(key, stored()["runs"]):
            continue
        run |= {"threads": torch.get_num_threads()} | work(seed, settings)
        add(run | {"date": datetime.date.today().isoformat()})
        told = f"{name:28} seed {seed:3}  dev {run['dev']:.2f}  {run['seconds']:.0f} s"
        print(f"{told}  {settings}", flush=True)


def summarize() -> None:
    """Print mean and spread of test for what was run with several seeds."""
    tests = {}
    for run in stored()["runs"]:
        if "test" in run:
            group = tests.setdefault((run["experiment"], str(run["settings"])), [])
            group.append(run["test"])
    for (name, settings), scores in tests.items():
        if len(scores) > 1:
            mean, spread = statistics.mean(scores), statistics.stdev(scores)
            print(f"{name:28} test {mean:.2f} ± {spread:.2f}  {settings}")


if __name__ == "__main__":
    RUNS.parent.mkdir(exist_ok=True)
    if stored()["machine"] != machine():
        sys.exit(
            f"{RUNS} comes from another machine or other versions. Move it, "
            f"{COSINES.name} and {BY_POOLING.name} away to measure everything here."
        )
    measure(sys.argv[1:])
    summarize()
