"""`make results`: what lesson 06 reports over several seeds, trained anew.

About an hour and a half on two cores:

    python -m tests.results [experiment ...]

Each run is added to the results file as it ends; a run that is in the file is not
repeated, so a broken session goes on where it stopped. Beside it stands a table with
the cosine of each pair of test by the runs that the notebook compares: what a bootstrap
needs. Move both files away to measure everything again.
"""

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

from helpers.assets import MINILM, fetch
from helpers.datasets import load_stsb
from helpers.encoder import encode
from helpers.losses import cosent_loss, cosine_similarity_loss
from helpers.metrics import cosine, spearman, sts_score
from helpers.results import COSINES, RUNS
from helpers.storage import fresh_encoder, load_encoder
from helpers.training import bf16_helps, train

PACKAGES = ["torch", "transformers", "sentence-transformers", "accelerate"]
SPLITS = {split: load_stsb(split) for split in ("train", "dev", "test")}

# Seeds 100 and 101 serve to choose settings by dev alone, and for nothing else. For
# cosine regression dev cannot tell the learning rates apart, so the paper's settings
# stay (section 4.2); nor does it miss the word embeddings, half of all weights, if they
# stay as they are, which saves a fifth of the time. For CoSENT, larger batches hold more
# to compare.
PAPER = {"epochs": 4, "batch_size": 16, "learning_rate": 2e-5, "freeze_words": True}
COSENT = {"epochs": 4, "batch_size": 32, "learning_rate": 5e-5, "freeze_words": True}
SEARCH = [
    *(PAPER | {"learning_rate": r, "evaluations": 4} for r in (2e-5, 3e-5, 5e-5, 1e-4)),
    PAPER | {"learning_rate": 5e-5, "freeze_words": False, "evaluations": 4},
]
COSENT_SEARCH = [
    COSENT | {"learning_rate": rate, "evaluations": 4} for rate in (3e-5, 5e-5)
]
# Beside the library's trainer, and in `make bench`.
SIMPLE = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-5}
RACE = [
    {"epochs": 4, "batch_size": 16, "learning_rate": rate, "evaluations": 4}
    for rate in (2e-4, 5e-5)
]


def cosines(encoder, split: str) -> torch.Tensor:
    """Of each pair of a split, [N]."""
    frame = SPLITS[split]
    return cosine(*encode(encoder, [*frame.sentence1, *frame.sentence2]).chunk(2))


def score(encoder, split: str) -> float:
    return spearman(cosines(encoder, split), SPLITS[split].score)


def ours(
    encoder, loss, seed: int, freeze_words: bool = False, **settings
) -> list[dict]:
    """Fine-tune on STS-B train, score dev; returns the history."""
    frame = SPLITS["train"]
    labels = torch.tensor(frame.score.values / 5, dtype=torch.float32)
    columns = [frame.sentence1.tolist(), frame.sentence2.tolist()]
    encoder.model.embeddings.word_embeddings.requires_grad_(not freeze_words)
    how = {"seed": seed, "bf16": bf16_helps(), **settings}
    return train(encoder, columns, labels, loss, lambda: score(encoder, "dev"), **how)


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
        if run["experiment"] in ("cosine", "CoSENT"):
            # Before the run itself: with that in the file, the work counts as done.
            table = pd.read_csv(COSINES) if COSINES.exists() else pd.DataFrame()
            table[f"{run['experiment']}, seed {run['seed']}"] = by_pair
            how = {"index": False, "float_format": "%.5f", "lineterminator": "\n"}
            replace(COSINES, table.to_csv(**how))
        results = stored()
        others = [old for old in results["runs"] if key(old) != key(run)]
        results["runs"] = [*others, run]
        replace(RUNS, json.dumps(results, indent=1, sort_keys=True) + "\n")


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
            f"{RUNS} comes from another machine or other versions. Move it and "
            f"{COSINES.name} away to measure everything here."
        )
    measure(sys.argv[1:])
    summarize()
