"""`make bench`: pooling, encoding and training beside sentence-transformers, in one run, in turn, as medians.

Single times mean little on a busy machine; the ratios are of runs that stood side by side.
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

os.environ["TQDM_DISABLE"] = "1"

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling

from helpers.assets import MINILM, fetch
from helpers.datasets import load_stsb
from helpers.encoder import encode, load_encoder, token_ids
from helpers.losses import cosine_similarity_loss
from helpers.pooling import mean_pool, naive_mean
from helpers.training import bf16_helps, train
from tests import results


def alternate(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after one round that does not count."""
    seconds = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: runs[1:] for name, runs in seconds.items()}


def report(title: str, seconds: Mapping[str, list[float]], reference: str, unit: float, unit_name: str) -> None:
    print(
        f"\n{title}\n{'':34}{'median ' + unit_name:>12}{'min':>9}{'max':>9}   times as fast as {reference}, median of pairs"
    )
    for name, runs in seconds.items():
        ratio = statistics.median(theirs / ours for ours, theirs in zip(runs, seconds[reference], strict=True))
        values = [f"{value * unit:9.2f}" for value in (statistics.median(runs), min(runs), max(runs))]
        print(f"{name:34}   {''.join(values)}   {ratio:6.2f}")


def bench_pooling() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(256, 128, 768)
    mask = (torch.arange(128) < torch.randint(5, 128, (256, 1))).long()
    poisoned = hidden.masked_fill(mask.unsqueeze(-1) == 0, float("nan"))
    library = Pooling(768, pooling_mode="mean")
    theirs = library({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]
    assert torch.allclose(mean_pool(hidden, mask), theirs, atol=1e-6)
    assert torch.allclose(mean_pool(poisoned, mask), theirs, atol=1e-6), "NaN in padding leaked"
    seconds = alternate(
        {
            "naive mean": lambda: naive_mean(hidden),
            "helpers.pooling.mean_pool": lambda: mean_pool(hidden, mask),
            "the same, NaN in all the padding": lambda: mean_pool(poisoned, mask),
            "sentence-transformers": lambda: library({"token_embeddings": hidden, "attention_mask": mask}),
        },
        rounds=15,
    )
    report("Masked mean, B=256 L=128 H=768, float32", seconds, "sentence-transformers", 1000, "ms")
    pairs = zip(seconds["helpers.pooling.mean_pool"], seconds["naive mean"], strict=True)
    print(f"masked mean over naive mean, median of pairs: {statistics.median(a / b for a, b in pairs):.2f}")


def matrix_peak() -> float:
    """Best float32 rate of a large matrix product on this machine, in floating-point operations a second.

    PyTorch has two ways on a CPU, matmul and the 1×1 convolution that helpers.encoder uses: the faster counts.
    """
    rows, size = 2048, 1536
    a, b = torch.randn(rows, size), torch.randn(size, size)
    image, kernel = a.view(1, rows, 1, size).permute(0, 3, 1, 2), b[:, :, None, None].contiguous()
    runs = alternate(
        {"matmul": lambda: a @ b, "convolution": lambda: torch.nn.functional.conv2d(image, kernel)}, rounds=30
    )
    return 2 * rows * size**2 / min(statistics.median(seconds) for seconds in runs.values())


def bench_encode() -> None:
    frames = [load_stsb(split) for split in ("dev", "test")]
    sentences = [text for frame in frames for text in [*frame.sentence1, *frame.sentence2]]
    encoder, library = load_encoder(), SentenceTransformer(str(fetch(MINILM)), device="cpu")
    difference = (encode(encoder, sentences) - library.encode(sentences, convert_to_tensor=True)).abs().max()
    print(f"\n{len(sentences)} sentences, largest difference between the vectors: {difference:.1e}")
    assert difference < 1e-6
    peak = matrix_peak()
    with torch.no_grad():
        seconds = alternate(
            {
                "helpers.encoder.encode": lambda: encode(encoder, sentences),
                "SentenceTransformer.encode": lambda: library.encode(sentences, convert_to_tensor=True),
            },
            rounds=5,
        )
    peak = max(peak, matrix_peak())
    report("encode, all of STS-B dev and test", seconds, "SentenceTransformer.encode", 1, "s")
    layers = [m for m in encoder.model.encoder.modules() if isinstance(m, torch.nn.Linear)]
    tokens = sum(map(len, token_ids(encoder, sentences)))
    useful = 2 * tokens * sum(layer.weight.numel() for layer in layers)  # products with weights; attention comes on top
    for name, runs in seconds.items():
        print(
            f"{name:34} {useful / statistics.median(runs) / peak:4.0%} of this machine's peak, {peak / 1e9:.0f} Gflop/s"
        )


CONTESTANTS = {"helpers.training.train": False, "the same in bfloat16": True, "SentenceTransformerTrainer": None}


def train_once(contestant: str) -> dict:
    """Seconds, peak memory in GB and dev score of one epoch of STS-B with cosine regression; in a process of its own."""
    if contestant == "SentenceTransformerTrainer":
        model, seconds = results.library(0, **results.SIMPLE)
        dev = results.library_score(model, "dev")
    else:
        encoder, frame = load_encoder(), load_stsb("train")
        labels = torch.tensor(frame.score.values / 5, dtype=torch.float32)
        columns = [frame.sentence1.tolist(), frame.sentence2.tolist()]
        bf16 = CONTESTANTS[contestant]
        start = time.perf_counter()
        train(encoder, columns, labels, cosine_similarity_loss, lambda: 0.0, bf16=bf16, **results.SIMPLE)
        seconds = time.perf_counter() - start
        dev = results.score(encoder, "dev")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    return {"seconds": seconds, "peak": peak, "dev": dev}


def bench_training(rounds: int = 3) -> None:
    names = [name for name, bf16 in CONTESTANTS.items() if not bf16 or bf16_helps()]
    runs = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, "-m", "tests.bench", name]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            runs[name].append(json.loads(output.splitlines()[-1]))  # the library's trainer prints, too, before
    seconds = {name: [run["seconds"] for run in runs[name]] for name in names}
    report(f"one epoch of STS-B train, {results.SIMPLE}", seconds, "SentenceTransformerTrainer", 1, "s")
    for name in names:
        dev, peak = (statistics.median(run[key] for run in runs[name]) for key in ("dev", "peak"))
        print(f"{name:34} dev {dev:.2f}, peak memory {peak:.2f} GB")


if __name__ == "__main__" and sys.argv[1:]:  # one contestant of bench_training
    print(json.dumps(train_once(sys.argv[1])))
elif __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # it takes long: show each result as it comes, in a log file too
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}")
    bench_pooling()
    bench_encode()
    bench_training()
