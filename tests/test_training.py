import copy
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from helpers import checkpoints
from helpers.batching import padding_share
from helpers.checkpoints import CheckpointError
from helpers.encoder import Encoder, encode, token_ids
from helpers.losses import SoftmaxLoss, cosine_similarity_loss, multiple_negatives_ranking_loss
from helpers.metrics import sts_score
from helpers.training import embed, length_grouped_batches, train

WORDS = ["a", "red", "blue", "dog", "cat", "house", "runs", "sleeps", "old", "tree", "river", "under", "the", "quiet"]


def data(count=24, seed=0):
    rng = random.Random(seed)
    first, second = ([" ".join(rng.choices(WORDS, k=rng.randint(2, 9))) for _ in range(count)] for _ in "ab")
    return [first, second], torch.tensor([rng.random() for _ in range(count)])


def small(encoder, seed=0, hidden_size=16):
    """A fresh one-layer encoder, with dropout: what a resumed run must reproduce."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=hidden_size,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        attn_implementation="sdpa",
    )
    return Encoder(encoder.tokenizer, BertModel(config).eval(), 64)


def run(encoder, loss=cosine_similarity_loss, labels=True, sentences=None, **arguments):
    columns, scores = data()
    columns = sentences or columns

    def evaluate():
        return sts_score(encode(encoder, [*columns[0], *columns[1]]), scores)

    settings = dict(epochs=2, batch_size=4, learning_rate=1e-3, seed=3) | arguments
    settings.setdefault("evaluations", 2 * settings["epochs"])
    return train(encoder, columns, scores if labels is True else labels, loss, evaluate, **settings)


def weights(encoder):
    return {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Killed(Exception):
    pass


def killed_after(calls):
    """A loss that pulls the plug at its n-th call."""
    left = iter(range(calls))

    def cosine_similarity_loss_(*arguments):
        if next(left, None) is None:
            raise Killed
        return cosine_similarity_loss(*arguments)

    cosine_similarity_loss_.__name__ = "cosine_similarity_loss"
    return cosine_similarity_loss_


def killed_after_forward(calls):
    left = iter(range(calls))

    def hook(*arguments):
        if next(left, None) is None:
            raise Killed

    return hook


def test_training_fits_and_keeps_the_best_weights(encoder):
    trained = small(encoder)
    before = weights(trained)
    history = run(trained, epochs=8)
    assert [point["step"] for point in history] == list(range(3, 49, 3))
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert not equal(before, weights(trained))
    columns, scores = data()
    best = max(point["score"] for point in history)
    assert sts_score(encode(trained, [*columns[0], *columns[1]]), scores) == pytest.approx(best, abs=1e-6)
    assert not trained.model.training


def test_one_seed_gives_one_result_and_another_another(encoder):
    same, again, other = small(encoder), small(encoder), small(encoder)
    torch.manual_seed(99)  # what happened before must not matter
    run(same)
    run(again)
    run(other, seed=4)
    assert equal(weights(same), weights(again))
    assert not equal(weights(same), weights(other))


@pytest.mark.parametrize("calls", [0, 2, 3, 4, 7, 11])
def test_a_killed_run_ends_bit_equal_to_one_that_was_not(encoder, tmp_path, calls):
    whole, broken = small(encoder), small(encoder)
    expected = run(whole, folder=tmp_path / "whole")
    with pytest.raises(Killed):
        run(broken, loss=killed_after(calls), folder=tmp_path / "run")
    assert not broken.model.training  # or it would go on dropping out, and encode noise
    broken = small(encoder)  # a new process knows nothing of the old one's weights
    torch.manual_seed(5)
    assert run(broken, folder=tmp_path / "run") == expected
    assert equal(weights(broken), weights(whole))


def test_a_run_killed_by_the_system_resumes_bit_equal(encoder, tmp_path):
    """SIGKILL at some moment, whatever the process is doing then, writing included."""
    program = (
        "from helpers.encoder import load_encoder; from tests import test_training as t; import sys;"
        "e = t.small(load_encoder()); print('ready', flush=True); t.run(e, epochs=200, folder=sys.argv[1])"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    path = tmp_path / "checkpoint.safetensors"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    process.kill()
    process.wait()
    step = checkpoints._read(path)[1]["history"][-1]["step"]
    assert 0 < step < 1200
    resumed, whole = small(encoder), small(encoder)
    assert run(resumed, epochs=200, folder=tmp_path, patience=None) == run(whole, epochs=200)
    assert equal(weights(resumed), weights(whole))


def test_a_finished_run_is_not_run_again(encoder, tmp_path):
    trained = small(encoder)
    history = run(trained, folder=tmp_path)
    again = small(encoder)
    assert run(again, loss=killed_after(0), folder=tmp_path) == history
    assert equal(weights(again), weights(trained))


def test_early_stopping_ends_without_a_new_best_and_stays_ended(encoder, tmp_path):
    columns, scores = data()
    values = iter([1.0, 3.0, 2.0, 3.0, 9.0])
    history = train(small(encoder), columns, scores, cosine_similarity_loss, lambda: next(values), epochs=9, evaluations=9,
                    patience=2, folder=tmp_path)  # fmt: skip
    assert [point["score"] for point in history] == [1.0, 3.0, 2.0, 3.0]
    again = train(small(encoder), columns, scores, cosine_similarity_loss, lambda: next(values), epochs=9, evaluations=9,
                  patience=2, folder=tmp_path)  # fmt: skip
    assert again == history


def test_a_head_in_the_loss_is_trained_and_resumed(encoder, tmp_path):
    def head():
        torch.manual_seed(1)
        return SoftmaxLoss(16)

    labels = torch.randint(0, 3, (24,), generator=torch.Generator().manual_seed(0))
    whole, broken, resumed = head(), head(), head()
    expected = run(small(encoder), whole, labels)
    assert not torch.equal(whole.classifier.weight, head().classifier.weight)
    broken.register_forward_hook(killed_after_forward(8))
    with pytest.raises(Killed):
        run(small(encoder), broken, labels, folder=tmp_path)
    assert run(small(encoder), resumed, labels, folder=tmp_path) == expected
    assert torch.equal(whole.classifier.weight, resumed.classifier.weight)


def test_pairs_without_labels_and_bf16_train_too(encoder):
    history = run(small(encoder), multiple_negatives_ranking_loss, None, epochs=4)
    assert history[-1]["loss"] < history[0]["loss"]
    full, half = small(encoder), small(encoder)
    a, b = run(full), run(half, bf16=True)
    assert a != b
    assert a[-1]["loss"] == pytest.approx(b[-1]["loss"], abs=0.01)
    assert {tensor.dtype for tensor in weights(half).values()} == {torch.float32}


def test_the_schedule_warms_up_and_reaches_zero_after_the_last_step(encoder, monkeypatch):
    from helpers import training

    seen = []
    original = training.get_linear_schedule_with_warmup

    def spy(optimizer, *arguments):
        optimizer.register_step_post_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
        return original(optimizer, *arguments)

    monkeypatch.setattr(training, "get_linear_schedule_with_warmup", spy)
    run(small(encoder), epochs=5, evaluations=1)
    assert len(seen) == 30
    assert seen.index(max(seen)) == 3  # a tenth of 30 steps
    assert seen[-1] == pytest.approx(1e-3 / 27)  # the last step still learns, the one after would not
    assert seen[3:] == sorted(seen[3:], reverse=True)


def test_batches_hold_every_row_once_pad_little_and_differ_by_epoch():
    rng = random.Random(0)
    lengths = [rng.randint(5, 60) for _ in range(1003)]
    grouped = length_grouped_batches(lengths, 16, random.Random(1))
    assert sorted(i for batch in grouped for i in batch) == list(range(1003))
    assert {len(batch) for batch in grouped} <= {16, 1003 % 16}
    plain = [list(range(i, min(i + 16, 1003))) for i in range(0, 1003, 16)]
    assert padding_share(lengths, grouped) < 0.2 * padding_share(lengths, plain)
    assert grouped == length_grouped_batches(lengths, 16, random.Random(1))
    assert grouped != length_grouped_batches(lengths, 16, random.Random(2))


@pytest.mark.parametrize(
    ("sentences", "labels", "message"),
    [
        ([[], []], torch.tensor([]), "at least 1, not of the lengths"),
        ([["a", "b"], ["c"]], torch.tensor([0.0, 1.0]), r"not of the lengths \[2, 1, 2\]"),
        ([["a"], ["b"]], torch.tensor([0.0, 1.0]), r"not of the lengths \[1, 1, 2\]"),
        ([["a", "b"], ["c", "d"]], torch.tensor([0.0, float("nan")]), "1 of 2 are not"),
        ([["a", "b"], ["c", "d"]], torch.tensor([0.0, 5.0]), r"not \[5.0\]; divide scores of 0 to 5 by 5"),
    ],
)
def test_data_that_do_not_fit_are_named_and_change_nothing(encoder, sentences, labels, message):
    trained = small(encoder)
    before = weights(trained)
    with pytest.raises(ValueError, match=message):
        train(trained, sentences, labels, cosine_similarity_loss, lambda: 0.0)
    assert equal(before, weights(trained))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"warmup": 100}, ValueError, "warmup must be a share of all steps"),
        ({"labels": [0.5] * 24}, TypeError, "labels must be a tensor .* not a list"),
        ({"loss": lambda u, v, labels: (u - v).sum(1)}, ValueError, r"one number, .* not \[4\]"),
        ({"evaluations": 13}, ValueError, "evaluations must be at most 12, the number of steps, not 13"),
    ],
)
def test_other_arguments_that_do_not_fit_are_named(encoder, change, error, message):
    trained = small(encoder)
    before = weights(trained)
    with pytest.raises(error, match=message):
        run(trained, **change)
    assert equal(before, weights(trained))


def test_half_precision_weights_are_named_for_they_cannot_take_small_steps(encoder):
    half = small(encoder)
    half.model.bfloat16()
    with pytest.raises(ValueError, match=r"float32 weights, but .* is torch.bfloat16, .* encoder.model.float\(\)"):
        run(half)


def test_labels_of_any_float_train_alike(encoder):
    single, double = small(encoder), small(encoder)
    run(single)
    run(double, labels=data()[1].double())
    assert equal(weights(single), weights(double))


def test_an_unknown_pooling_is_named(encoder):
    with pytest.raises(ValueError, match=r"encoder.pooling must be one of .*, not 'avg'"):
        run(dataclasses.replace(small(encoder), pooling="avg"))


def test_a_folder_that_cannot_be_made_is_an_error_before_the_work(encoder, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        run(small(encoder), loss=killed_after(0), folder=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("argument", ["epochs", "batch_size", "evaluations", "patience"])
def test_counts_below_one_are_named(encoder, argument):
    with pytest.raises(ValueError, match=f"{argument} must be at least 1, not 0"):
        run(small(encoder), **{argument: 0})


def test_a_loss_that_is_not_a_number_stops_before_it_reaches_the_weights(encoder, tmp_path):
    calls = []

    def poisoned(u, v, labels):
        calls.append(0)
        return cosine_similarity_loss(u, v, labels) * (float("nan") if len(calls) == 5 else 1)

    trained = small(encoder)
    with pytest.raises(FloatingPointError, match="loss is nan at step 5, for the rows"):
        run(trained, poisoned, folder=tmp_path)
    assert all(tensor.isfinite().all() for tensor in weights(trained).values())
    assert checkpoints._read(tmp_path / "checkpoint.safetensors")[1]["history"][-1]["step"] == 3


def test_a_gradient_that_is_not_a_number_does_too(encoder):
    def root_of_nothing(u, v, labels):
        return (u - u).square().sum(1).sqrt().mean()  # 0, and its gradient 0 / 0

    trained = small(encoder)
    before = weights(trained)
    with pytest.raises(FloatingPointError, match="gradient is nan at step 1"):
        run(trained, root_of_nothing)
    assert equal(before, weights(trained))


def test_a_score_that_is_not_a_number_is_an_error(encoder):
    columns, scores = data()
    with pytest.raises(ValueError, match=r"evaluate\(\) returned nan"):
        train(small(encoder), columns, scores, cosine_similarity_loss, lambda: float("nan"))


def test_a_checkpoint_is_safetensors_and_nothing_is_left_beside_it(encoder, tmp_path):
    run(small(encoder), folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    with safe_open(tmp_path / "checkpoint.safetensors", "pt") as file:
        assert any(name.startswith("optimizer/") for name in file.keys())  # noqa: SIM118


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:1000], "cannot be read"),
        (lambda content: b"", "cannot be read"),
        (lambda content: b"\x80\x04pickle" + content, "cannot be read"),
        (lambda content: content[:-50] + bytes([content[-50] ^ 1]) + content[-49:], "checksum is wrong"),
    ],
)
def test_a_damaged_checkpoint_is_refused_and_kept(encoder, tmp_path, damage, message):
    run(small(encoder), folder=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    content, trained = path.read_bytes(), small(encoder)
    before = weights(trained)
    with pytest.raises(CheckpointError, match=message):
        run(trained, folder=tmp_path)
    assert equal(before, weights(trained))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 2e-3}, "learning_rate was 0.001 and is now 0.002"),
        (
            {"loss": multiple_negatives_ranking_loss, "labels": None},
            "loss was 'cosine_similarity_loss' .* the sentences or labels differ",
        ),
        ({"seed": 8, "batch_size": 3}, "batch_size was 4 and is now 3; seed was 3 and is now 8"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(encoder, tmp_path, change, message):
    run(small(encoder), folder=tmp_path)
    with pytest.raises(CheckpointError, match=message):
        run(small(encoder), folder=tmp_path, **change)


def test_a_checkpoint_of_another_model_is_refused(encoder, tmp_path):
    run(small(encoder), folder=tmp_path)
    other = small(encoder, hidden_size=8)
    before = weights(other)
    with pytest.raises(CheckpointError, match="another model"):
        run(other, folder=tmp_path)
    assert equal(before, weights(other))


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk_is_named_and_the_checkpoint_before_stays(encoder, tmp_path):
    """The system refuses to let a file grow: a real error in the middle of a real write."""
    import resource

    trained = small(encoder)
    run(trained, folder=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    content = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="could not be written, the one before it is intact"):
            checkpoints._write(path, {"x": torch.zeros(len(content))}, "{}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["checkpoint.safetensors"]


def test_the_input_is_not_changed(encoder):
    columns, scores = data()
    kept = copy.deepcopy((columns, scores))
    train(small(encoder), columns, scores, cosine_similarity_loss, lambda: 0.0)
    assert columns == kept[0]
    assert torch.equal(scores, kept[1])


def test_frozen_weights_stay_and_a_resumed_run_must_freeze_the_same(encoder, tmp_path):
    def frozen():
        fresh = small(encoder)
        fresh.model.embeddings.word_embeddings.requires_grad_(False)
        return fresh

    whole, broken, resumed = frozen(), frozen(), frozen()
    words = whole.model.embeddings.word_embeddings.weight.clone()
    expected = run(whole)
    assert torch.equal(whole.model.embeddings.word_embeddings.weight, words)
    with pytest.raises(Killed):
        run(broken, loss=killed_after(7), folder=tmp_path)
    with pytest.raises(CheckpointError, match=r"frozen was .*word_embeddings"):
        run(small(encoder), folder=tmp_path)
    assert run(resumed, folder=tmp_path) == expected
    assert equal(weights(resumed), weights(whole))


def test_gradients_from_before_are_not_part_of_the_run(encoder):
    clean, dirty = small(encoder), small(encoder)
    dirty.model(input_ids=torch.tensor([[101, 102]])).last_hidden_state.sum().backward()
    run(clean)
    run(dirty)
    assert equal(weights(clean), weights(dirty))


def test_training_sees_the_vectors_that_encode_gives(encoder):
    """Length included: a margin means something only then."""
    texts = data(6)[0][0]
    for normalize in (True, False):
        for pooling in ("mean", "cls"):
            fresh = dataclasses.replace(small(encoder), normalize=normalize, pooling=pooling)
            (vectors,) = embed(fresh, [token_ids(fresh, texts)], list(range(6)))
            assert torch.allclose(vectors, encode(fresh, texts), atol=1e-6)
