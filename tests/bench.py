"""`make bench`: pooling, encoding, search and training beside other libraries.

In one run, in turn, as medians: single times mean little on a busy machine, the ratios
are of runs that stood side by side.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.util import semantic_search

from helpers.assets import MINILM, fetch
from helpers.datasets import load_stsb
from helpers.encoder import encode, token_ids
from helpers.losses import cosine_similarity_loss
from helpers.pooling import mean_pool, naive_mean
from helpers.processor import bf16_helps
from helpers.search import top_k
from helpers.storage import load_encoder
from helpers.training import train
from tests import results


def alternate(
    contestants: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after one round that does not count."""
    seconds = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: runs[1:] for name, runs in seconds.items()}


def median_ratio(runs: list[float], others: list[float]) -> float:
    """Median, over the rounds, of how many times as long the others took."""
    return statistics.median(b / a for a, b in zip(runs, others, strict=True))


def report(
    title: str, seconds: Mapping[str, list[float]], reference: str, milli: bool = False
) -> None:
    """Print a line for each contestant; the last column compares it with one of them."""
    unit, name_of_unit = (1000, "ms") if milli else (1, "s")
    print(f"\n{title}")
    print(f"{'':34}{'median ' + name_of_unit:>12}{'min':>9}{'max':>9}   times as fast")
    for name, runs in seconds.items():
        middle, least, most = statistics.median(runs), min(runs), max(runs)
        values = [f"{value * unit:9.2f}" for value in (middle, least, most)]
        ratio = median_ratio(runs, seconds[reference])
        print(f"{name:34}   {''.join(values)}   {ratio:6.2f}")
    print(f"(as {reference}, median of pairs)")


def peak_memory() -> float:
    """The most memory that this process has held so far, in bytes.

    Linux has it in /proc: what getrusage says there begins at its parent's memory.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def bench_pooling() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(256, 128, 768)
    mask = (torch.arange(128) < torch.randint(5, 128, (256, 1))).long()
    poisoned = hidden.masked_fill(mask.unsqueeze(-1) == 0, float("nan"))
    library = Pooling(768, pooling_mode="mean")
    features = {"token_embeddings": hidden, "attention_mask": mask}
    theirs = library(dict(features))["sentence_embedding"]
    assert torch.allclose(mean_pool(hidden, mask), theirs, atol=1e-6)
    assert torch.allclose(mean_pool(poisoned, mask), theirs, atol=1e-6)
    contestants = {
        "naive mean": lambda: naive_mean(hidden),
        "helpers.pooling.mean_pool": lambda: mean_pool(hidden, mask),
        "the same, NaN in all the padding": lambda: mean_pool(poisoned, mask),
        "sentence-transformers": lambda: library(dict(features)),
    }
    seconds = alternate(contestants, rounds=15)
    title = "Masked mean, B=256 L=128 H=768, float32"
    report(title, seconds, "sentence-transformers", milli=True)
    ratio = median_ratio(seconds["naive mean"], seconds["helpers.pooling.mean_pool"])
    print(f"masked mean over naive mean, median of pairs: {ratio:.2f}")


def matrix_peak() -> float:
    """Best float32 rate of a large matrix product here, in operations per second.

    PyTorch has two ways on a CPU, matmul and the 1×1 convolution that
    helpers.processor uses: the faster counts.
    """
    rows, size = 2048, 1536
    a, b = torch.randn(rows, size), torch.randn(size, size)
    image = a.view(1, rows, 1, size).permute(0, 3, 1, 2)
    kernel = b[:, :, None, None].contiguous()
    contestants = {
        "matmul": lambda: a @ b,
        "convolution": lambda: torch.nn.functional.conv2d(image, kernel),
    }
    runs = alternate(contestants, rounds=30)
    fastest = min(statistics.median(seconds) for seconds in runs.values())
    return 2 * rows * size**2 / fastest


def bench_encode() -> None:
    sentences = []
    for frame in map(load_stsb, ("dev", "test")):
        sentences += [*frame.sentence1, *frame.sentence2]
    encoder = load_encoder()
    library = SentenceTransformer(str(fetch(MINILM)), device="cpu")
    contestants = {
        "helpers.encoder.encode": lambda: encode(encoder, sentences),
        "SentenceTransformer.encode": lambda: library.encode(
            sentences, convert_to_tensor=True
        ),
    }
    ours, theirs = (run() for run in contestants.values())
    difference = float((ours - theirs).abs().max())
    print(f"\n{len(sentences)} sentences, largest difference: {difference:.1e}")
    assert difference < 1e-6
    before = matrix_peak()
    seconds = alternate(contestants, rounds=5)
    peak = max(before, matrix_peak())
    title = "encode, all of STS-B dev and test"
    report(title, seconds, "SentenceTransformer.encode")
    # Products with weights only; attention comes on top.
    layers = encoder.model.encoder.modules()
    weights = sum(m.weight.numel() for m in layers if isinstance(m, torch.nn.Linear))
    useful = 2 * weights * sum(map(len, token_ids(encoder, sentences)))
    for name, runs in seconds.items():
        share = useful / statistics.median(runs) / peak
        print(f"{name:34} {share:4.0%} of this machine's {peak / 1e9:.0f} Gflop/s")


SEARCH = "helpers.search.top_k"  # the argument of the process that measures its peak


def search_data() -> tuple[torch.Tensor, torch.Tensor]:
    """1 000 queries and 100 000 documents of 384 numbers, each of length 1."""
    vectors = torch.randn(101_000, 384, generator=torch.Generator().manual_seed(0))
    vectors /= vectors.norm(dim=1, keepdim=True)  # in place: the peak is the data
    return vectors[:1_000], vectors[1_000:]


def search_peak() -> float:
    """Memory in MB that top_k needs above the data, in a process of its own."""
    queries, documents = search_data()
    top_k(queries[:1], documents[:64])  # what a first call loads is not its need
    before = peak_memory()
    top_k(queries, documents)
    return (peak_memory() - before) / 1e6


def bench_search() -> None:
    queries, documents = search_data()
    contestants = {
        SEARCH: lambda: top_k(queries, documents),
        "semantic_search": lambda: semantic_search(queries, documents, top_k=10),
    }
    try:
        import faiss
    except ImportError:
        print("\nFAISS is left out: .venv/bin/pip install faiss-cpu to have it beside")
    else:
        faiss.omp_set_num_threads(torch.get_num_threads())
        index = faiss.IndexFlatIP(384)
        index.add(documents.numpy())
        contestants["FAISS, IndexFlatIP"] = lambda: index.search(queries.numpy(), 10)
    scores, places = top_k(queries, documents)
    hits = semantic_search(queries, documents, top_k=10)
    assert places.tolist() == [[hit["corpus_id"] for hit in row] for row in hits]
    theirs = torch.tensor([[hit["score"] for hit in row] for row in hits])
    assert torch.allclose(scores, theirs, atol=1e-6)
    seconds = alternate(contestants, rounds=7)
    title = "top 10 of 1 000 queries in 100 000 vectors of 384"
    report(title, seconds, "semantic_search", milli=True)
    command = [sys.executable, "-m", "tests.bench", SEARCH]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    peak = json.loads(ended.stdout.splitlines()[-1])
    print(f"peak memory above the data {peak:.0f} MB; all scores would be 400 MB")


CONTESTANTS = {
    "helpers.training.train": False,
    "the same in bfloat16": True,
    "SentenceTransformerTrainer": None,
}


def train_once(contestant: str) -> dict:
    """One epoch of STS-B with cosine regression: seconds, dev, peak memory in GB.

    In a process of its own, so that the peak is that of this contestant.
    """
    if contestant == "SentenceTransformerTrainer":
        model, seconds = results.library(0, **results.SIMPLE)
        dev = results.library_score(model, "dev")
    else:
        encoder, frame = load_encoder(), load_stsb("train")
        labels = torch.tensor(frame.score.values / 5, dtype=torch.float32)
        columns = [frame.sentence1.tolist(), frame.sentence2.tolist()]
        how = {"bf16": CONTESTANTS[contestant], **results.SIMPLE}
        start = time.perf_counter()
        train(encoder, columns, labels, cosine_similarity_loss, lambda: 0.0, **how)
        seconds = time.perf_counter() - start
        dev = results.score(encoder, "dev")
    return {"seconds": seconds, "peak": peak_memory() / 1e9, "dev": dev}


def bench_training(rounds: int = 3) -> None:
    names = [name for name, bf16 in CONTESTANTS.items() if not bf16 or bf16_helps()]
    runs = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, "-m", "tests.bench", name]
            ended = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            # The last line: the library's trainer prints, too, before.
            runs[name].append(json.loads(ended.stdout.splitlines()[-1]))
    seconds = {name: [run["seconds"] for run in runs[name]] for name in names}
    title = f"one epoch of STS-B train, {results.SIMPLE}"
    report(title, seconds, "SentenceTransformerTrainer")
    for name in names:
        dev = statistics.median(run["dev"] for run in runs[name])
        peak = statistics.median(run["peak"] for run in runs[name])
        print(f"{name:34} dev {dev:.2f}, peak memory {peak:.2f} GB")


if __name__ == "__main__" and sys.argv[1:] == [SEARCH]:
    print(json.dumps(search_peak()))
elif __name__ == "__main__" and sys.argv[1:]:  # one contestant of bench_training
    print(json.dumps(train_once(sys.argv[1])))
elif __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # each result as it comes
    threads, version = torch.get_num_threads(), torch.__version__
    print(f"{platform.machine()}, {threads} threads, PyTorch {version}")
    bench_pooling()
    bench_encode()
    bench_search()
    bench_training()
