"""`make results`: what notebook 05 reports over several seeds, trained anew. About an hour and a half on two cores.

    python -m tests.results [experiment ...]

Each run is added to the results file as it ends; a run that is in the file is not repeated, so a broken session goes
on where it stopped. Beside it stands a table with the cosine of each pair of test by the runs that the notebook
compares: what a bootstrap needs. Delete both files to measure everything again.
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
from helpers.encoder import encode, fresh_encoder, load_encoder
from helpers.losses import cosent_loss, cosine_similarity_loss
from helpers.metrics import cosine, spearman, sts_score
from helpers.training import bf16_helps, train

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "05_siamese_finetuning.json"
COSINES = RESULTS.with_name("05_test_cosines.csv")
PACKAGES = ["torch", "transformers", "sentence-transformers", "accelerate"]
SPLITS = {split: load_stsb(split) for split in ("train", "dev", "test")}

# Seeds 100 and 101 serve to choose settings by dev alone, and for nothing else. For cosine regression dev cannot tell the
# learning rates apart, so the paper's settings stay (section 4.2); nor does it miss the word embeddings, half of all
# weights, if they stay as they are, which saves a fifth of the time. For CoSENT, larger batches hold more to compare.
PAPER = {"epochs": 4, "batch_size": 16, "learning_rate": 2e-5, "freeze_words": True}
COSENT = {"epochs": 4, "batch_size": 32, "learning_rate": 5e-5, "freeze_words": True}
SEARCH = [
    *(PAPER | {"learning_rate": rate, "evaluations": 4} for rate in (2e-5, 3e-5, 5e-5, 1e-4)),
    PAPER | {"learning_rate": 5e-5, "freeze_words": False, "evaluations": 4},
]
COSENT_SEARCH = [COSENT | {"learning_rate": rate, "evaluations": 4} for rate in (3e-5, 5e-5)]
SIMPLE = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-5}  # beside the library's trainer, and in `make bench`
RACE = [{"epochs": 4, "batch_size": 16, "learning_rate": rate, "evaluations": 4} for rate in (2e-4, 5e-5)]


def cosines(encoder, split: str) -> torch.Tensor:
    return cosine(*encode(encoder, [*SPLITS[split].sentence1, *SPLITS[split].sentence2]).chunk(2))


def score(encoder, split: str) -> float:
    return spearman(cosines(encoder, split), SPLITS[split].score)


def ours(encoder, loss, seed: int, freeze_words: bool = False, **settings) -> list[dict]:
    """Fine-tune on STS-B train, score dev; returns the history."""
    frame = SPLITS["train"]
    labels = torch.tensor(frame.score.values / 5, dtype=torch.float32)
    encoder.model.embeddings.word_embeddings.requires_grad_(not freeze_words)
    return train(encoder, [frame.sentence1.tolist(), frame.sentence2.tolist()], labels, loss,
                 lambda: score(encoder, "dev"), seed=seed, bf16=bf16_helps(), **settings)  # fmt: skip


def library(seed: int, *, epochs: int, batch_size: int, learning_rate: float):
    """The same data, loss and settings in sentence-transformers' own trainer, in float32 as is its default.

    Returns the SentenceTransformer and the seconds of its training, loading left out, as in `finetuned`.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    frame = SPLITS["train"]
    columns = {"sentence1": frame.sentence1.tolist(), "sentence2": frame.sentence2.tolist()}
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
        trainer = SentenceTransformerTrainer(model, arguments, train_dataset=data, loss=CosineSimilarityLoss(model))
        begin = time.perf_counter()
        trainer.train()
    return model, time.perf_counter() - begin


def library_score(model, split: str) -> float:
    frame = SPLITS[split]
    return sts_score(model.encode([*frame.sentence1, *frame.sentence2], convert_to_tensor=True), frame.score)


def finetuned(loss, seed, settings, start=load_encoder, test=True) -> dict:
    encoder = start()
    begin = time.perf_counter()
    history = ours(encoder, loss, seed, **settings)
    seconds = time.perf_counter() - begin
    run = {"seconds": seconds, "history": history, "dev": max(point["score"] for point in history)}
    if test:
        run["cosines"] = cosines(encoder, "test")
        run["test"] = spearman(run["cosines"], SPLITS["test"].score)
    return run


def untrained(encoder) -> dict:
    return {"seconds": 0.0, "dev": score(encoder, "dev"), "test": score(encoder, "test")}


def by_library(seed: int, settings: dict) -> dict:
    model, seconds = library(seed, **settings)
    return {"seconds": seconds, "dev": library_score(model, "dev"), "test": library_score(model, "test")}


def experiments():
    """Name, seed, settings, and the function of seed and settings that trains and scores."""
    yield "frozen", 0, {}, lambda seed, s: untrained(load_encoder())
    for seed in (100, 101):
        for settings in SEARCH:
            yield "search", seed, settings, lambda seed, s: finetuned(cosine_similarity_loss, seed, s, test=False)
        for settings in COSENT_SEARCH:
            yield "search, CoSENT", seed, settings, lambda seed, s: finetuned(cosent_loss, seed, s, test=False)
    for seed in range(3):
        yield "cosine", seed, PAPER, lambda seed, s: finetuned(cosine_similarity_loss, seed, s)
        yield "CoSENT", seed, COSENT, lambda seed, s: finetuned(cosent_loss, seed, s)
        yield "cosine, one epoch", seed, SIMPLE, lambda seed, s: finetuned(cosine_similarity_loss, seed, s)
        yield "cosine, one epoch, library", seed, SIMPLE, by_library
        for pooling in ("cls", "mean", "max"):
            fresh = functools.partial(fresh_encoder, 2, pooling, seed)
            yield f"race {pooling}, untrained", seed, {}, lambda seed, s, fresh=fresh: untrained(fresh())
            for settings in RACE:
                yield f"race {pooling}", seed, settings, lambda seed, s, fresh=fresh: finetuned(
                    cosine_similarity_loss, seed, s, start=fresh
                )  # fmt: skip


def machine() -> dict:
    info = Path("/proc/cpuinfo")  # where there is none, platform knows less
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    return {
        "processor": names[0].split(":")[1].strip() if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "bf16": bf16_helps(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def key(run: dict) -> tuple:
    return run["experiment"], run["seed"], run["settings"]


def stored() -> dict:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {"machine": machine(), "runs": []}


def add(run: dict) -> None:
    run = dict(run)
    by_pair = run.pop("cosines", None)
    with FileLock(f"{RESULTS}.lock"):  # two processes may share the work
        if run["experiment"] in ("cosine", "CoSENT"):  # before the run itself: with it, the work counts as done
            table = pd.read_csv(COSINES) if COSINES.exists() else pd.DataFrame()
            table[f"{run['experiment']}, seed {run['seed']}"] = by_pair
            replace(COSINES, table.to_csv(index=False, float_format="%.5f", lineterminator="\n"))
        results = stored()
        results["runs"] = [old for old in results["runs"] if key(old) != key(run)] + [run]
        replace(RESULTS, json.dumps(results, indent=1, sort_keys=True) + "\n")


def replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    RESULTS.parent.mkdir(exist_ok=True)
    if stored()["machine"] != machine():
        sys.exit(
            f"{RESULTS} comes from another machine or other versions. Move it and {COSINES.name} away to measure "
            "everything here."
        )
    for name, seed, settings, work in experiments():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        run = {"experiment": name, "seed": seed, "settings": settings, "threads": torch.get_num_threads()}
        if key(run) in map(key, stored()["runs"]):
            continue
        run |= work(seed, settings) | {"date": datetime.date.today().isoformat()}
        add(run)
        print(f"{name:28} seed {seed:3}  dev {run['dev']:.2f}  {run['seconds']:.0f} s  {settings}", flush=True)
    tests = {}
    for run in stored()["runs"]:
        if "test" in run:
            tests.setdefault((run["experiment"], str(run["settings"])), []).append(run["test"])
    for (name, settings), scores in tests.items():
        if len(scores) > 1:
            print(f"{name:28} test {statistics.mean(scores):.2f} ± {statistics.stdev(scores):.2f}  {settings}")
