import ast
import copy
import dataclasses
import functools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings, strategies
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from helpers import checkpoints
from helpers.batching import padding_share
from helpers.checkpoints import CheckpointError
from helpers.encoder import Encoder, encode, token_ids
from helpers.losses import (
    SoftmaxLoss,
    cosine_similarity_loss,
    multiple_negatives_ranking_loss,
)
from helpers.metrics import sts_score
from helpers.training import embed, length_grouped_batches, train

WORDS = [
    "a",
    "red",
    "blue",
    "dog",
    "cat",
    "house",
    "runs",
    "sleeps",
    "old",
    "tree",
    "river",
    "under",
    "the",
    "quiet",
]


def data(count=24, seed=0):
    rng = random.Random(seed)
    first, second = (
        [" ".join(rng.choices(WORDS, k=rng.randint(2, 9))) for _ in range(count)]
        for _ in "ab"
    )
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
    columns = columns if sentences is None else sentences

    def evaluate():
        return sts_score(encode(encoder, [*columns[0], *columns[1]]), scores)

    how = dict(epochs=2, batch_size=4, learning_rate=1e-3, seed=3, evaluations=4)
    if "epochs" in arguments and "evaluations" not in arguments:
        how["evaluations"] = 2 * int(arguments["epochs"])
    return train(
        encoder,
        columns,
        scores if labels is True else labels,
        loss,
        evaluate,
        **(how | arguments),
    )


def weights(encoder):
    return {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Killed(Exception):
    pass


def killed_after(calls):
    """A loss that pulls the plug at its n-th call."""
    left = iter(range(calls))

    @functools.wraps(cosine_similarity_loss)
    def killing(*arguments):
        if next(left, None) is None:
            raise Killed
        return cosine_similarity_loss(*arguments)

    return killing


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
    assert sts_score(
        encode(trained, [*columns[0], *columns[1]]), scores
    ) == pytest.approx(best, abs=1e-6)
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


def killed_by_the_system(encoder, folder):
    """Train; at some moment after the 20th step, SIGKILL, in whatever is going on then."""
    calls = []

    @functools.wraps(cosine_similarity_loss)
    def loss(*arguments):
        calls.append(0)
        if len(calls) == 20:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return cosine_similarity_loss(*arguments)

    run(small(encoder), loss, epochs=60, folder=folder)


def test_a_run_killed_by_the_system_resumes_bit_equal(encoder, tmp_path):
    program = (
        "from helpers.storage import load_encoder; from tests import test_training as t;"
        "import sys; t.killed_by_the_system(load_encoder(), sys.argv[1])"
    )
    process = subprocess.run([sys.executable, "-c", program, str(tmp_path)])
    assert process.returncode == -signal.SIGKILL
    step = checkpoints.read(tmp_path / "checkpoint.safetensors")[1]["steps_done"]
    assert 0 < step < 360
    resumed, whole = small(encoder), small(encoder)
    assert run(resumed, epochs=60, folder=tmp_path) == run(whole, epochs=60)
    assert equal(weights(resumed), weights(whole))


def test_a_finished_run_is_not_run_again(encoder, tmp_path):
    trained = small(encoder)
    history = run(trained, folder=tmp_path)
    again = small(encoder)
    assert run(again, loss=killed_after(0), folder=tmp_path) == history
    assert equal(weights(again), weights(trained))


def test_early_stopping_ends_without_a_new_best_and_stays_ended(encoder, tmp_path):
    values = iter([1.0, 3.0, 2.0, 3.0, 9.0])
    how = {"epochs": 9, "evaluations": 9, "patience": 2, "folder": tmp_path}

    def stopped():
        loss, score = cosine_similarity_loss, lambda: next(values)
        return train(small(encoder), *data(), loss, score, **how)

    history = stopped()
    assert [look["score"] for look in history] == [1.0, 3.0, 2.0, 3.0]
    assert stopped() == history


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


def test_the_schedule_warms_up_and_reaches_zero_after_the_last_step(
    encoder, monkeypatch
):
    from helpers import training

    seen = []
    original = training.get_linear_schedule_with_warmup

    def spy(optimizer, *arguments):
        optimizer.register_step_post_hook(
            lambda o, *_: seen.append(o.param_groups[0]["lr"])
        )
        return original(optimizer, *arguments)

    monkeypatch.setattr(training, "get_linear_schedule_with_warmup", spy)
    run(small(encoder), epochs=5, evaluations=1)
    assert len(seen) == 30
    assert seen.index(max(seen)) == 3  # a tenth of 30 steps
    assert seen[-1] == pytest.approx(
        1e-3 / 27
    )  # the last step still learns, the one after would not
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
        (
            [["a", "b"], ["c"]],
            torch.tensor([0.0, 1.0]),
            r"not of the lengths \[2, 1, 2\]",
        ),
        ([["a"], ["b"]], torch.tensor([0.0, 1.0]), r"not of the lengths \[1, 1, 2\]"),
        ([["a", "b"], ["c", "d"]], torch.tensor([0.0, float("nan")]), "1 of 2 are not"),
        (
            [["a", "b"], ["c", "d"]],
            torch.tensor([0.0, 5.0]),
            r"not \[5.0\]; divide scores of 0 to 5 by 5",
        ),
    ],
)
def test_data_that_do_not_fit_are_named_and_change_nothing(
    encoder, sentences, labels, message
):
    trained = small(encoder)
    before = weights(trained)
    with pytest.raises(ValueError, match=message):
        train(trained, sentences, labels, cosine_similarity_loss, lambda: 0.0)
    assert equal(before, weights(trained))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"warmup": 100}, ValueError, "warmup must be at least 0 and below 1, not 100"),
        ({"labels": [0.5] * 24}, TypeError, "labels must be a tensor .* not a list"),
        (
            {"loss": lambda u, v, labels: (u - v).sum(1)},
            ValueError,
            r"one number, .* not \[4\]",
        ),
        (
            {"evaluations": 13},
            ValueError,
            "evaluations must be at most 12, the number of steps, not 13",
        ),
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
    with pytest.raises(
        ValueError,
        match=r"float32 weights, but .* is torch.bfloat16, .* encoder.model.float\(\)",
    ):
        run(half)


def test_labels_of_any_float_train_alike(encoder):
    single, double = small(encoder), small(encoder)
    run(single)
    run(double, labels=data()[1].double())
    assert equal(weights(single), weights(double))


def test_a_folder_that_cannot_be_made_is_an_error_before_the_work(encoder, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        run(small(encoder), loss=killed_after(0), folder=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "argument", ["epochs", "batch_size", "evaluations", "patience"]
)
def test_counts_below_one_are_named(encoder, argument):
    with pytest.raises(ValueError, match=f"{argument} must be at least 1, not 0"):
        run(small(encoder), **{argument: 0})


def test_a_loss_that_is_not_a_number_stops_before_it_reaches_the_weights(
    encoder, tmp_path
):
    calls = []

    @functools.wraps(cosine_similarity_loss)
    def poisoned(u, v, labels):
        calls.append(0)
        factor = float("nan") if len(calls) == 5 else 1
        return cosine_similarity_loss(u, v, labels) * factor

    trained = small(encoder)
    message = (
        "loss is nan at step 5, for the rows .* the step before, all of them finite"
    )
    with pytest.raises(FloatingPointError, match=message):
        run(trained, poisoned, folder=tmp_path)
    assert all(tensor.isfinite().all() for tensor in weights(trained).values())
    assert (
        checkpoints.read(tmp_path / "checkpoint.safetensors")[1]["history"][-1]["step"]
        == 3
    )


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
    with pytest.raises(ValueError, match=r"evaluate\(\) must return a finite number"):
        train(
            small(encoder),
            columns,
            scores,
            cosine_similarity_loss,
            lambda: float("nan"),
        )


def test_a_checkpoint_is_safetensors_and_nothing_is_left_beside_it(encoder, tmp_path):
    run(small(encoder), folder=tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".lock", "checkpoint.safetensors"]
    with safe_open(tmp_path / "checkpoint.safetensors", "pt") as file:
        assert any(name.startswith("optimizer/") for name in file.keys())  # noqa: SIM118


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:1000], "cannot be read"),
        (lambda content: b"", "cannot be read"),
        (lambda content: b"\x80\x04pickle" + content, "cannot be read"),
        (
            lambda content: content[:-50] + bytes([content[-50] ^ 1]) + content[-49:],
            "checksum is wrong",
        ),
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
            r"loss was 'helpers.losses.cosine_similarity_loss' .*\(scale=20.0\)'; the "
            "sentences or labels differ",
        ),
        (
            {"seed": 8, "batch_size": 3},
            "batch_size was 4 and is now 3; seed was 3 and is now 8",
        ),
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
        with pytest.raises(
            OSError, match="could not be written, the one before it is intact"
        ):
            checkpoints.write(path, {"x": torch.zeros(len(content))}, "{}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == [".lock", "checkpoint.safetensors"]


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
            fresh = dataclasses.replace(
                small(encoder), normalize=normalize, pooling=pooling
            )
            (vectors,) = embed(fresh, [token_ids(fresh, texts)], list(range(6)))
            assert torch.allclose(vectors, encode(fresh, texts), atol=1e-6)


CLEAR = pytest.mark.fault("training", "clear error")
HOLDS = pytest.mark.fault("training", "right result")


def takes_two_by_three(u, v, margin=0.5):
    return (u - v + margin).square().mean()


class Scaled(torch.nn.Module):
    """A loss that shares weights with the encoder, as the library's losses do."""

    def __init__(self, model, scale=1.0):
        super().__init__()
        self.model, self.scale = model, scale

    def forward(self, u, v, labels):
        return self.scale * cosine_similarity_loss(u, v, labels)


def columns_of(change):
    columns, _ = data()
    return change(columns)


@CLEAR
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epochs": 2.5}, TypeError, "epochs must be a whole number, not 2.5"),
        ({"epochs": True}, TypeError, "epochs must be a whole number, not True"),
        ({"batch_size": "16"}, TypeError, "batch_size must be a whole number"),
        ({"batch_size": -1}, ValueError, "batch_size must be at least 1, not -1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, not -1"),
        ({"seed": 2**40}, ValueError, r"seed must be below 2\*\*32"),
        ({"seed": None}, TypeError, "seed must be a whole number, not None"),
        ({"patience": 0.5}, TypeError, "patience must be a whole number"),
        ({"learning_rate": float("inf")}, ValueError, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be above 0"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be above 0 and below 1"),
        ({"learning_rate": -1e-3}, ValueError, "learning_rate must be above 0"),
        ({"learning_rate": 3}, ValueError, "learning_rate .* not 3; 3e-05 is usual"),
        ({"learning_rate": "1e-3"}, TypeError, "learning_rate must be a number"),
        ({"warmup": -0.1}, ValueError, "warmup must be at least 0 and below 1"),
        ({"warmup": None}, TypeError, "warmup must be a number, not None"),
        ({"epoch": 3}, TypeError, r"settings must be among .* not \['epoch'\]"),
        ({"labels": None}, TypeError, "loss takes .* given 2 columns and no labels"),
        ({"labels": torch.zeros(24, 1)}, ValueError, r"labels must be \[N\]"),
        ({"labels": np.zeros(24)}, TypeError, "labels must be a tensor .* ndarray"),
        (
            {"loss": multiple_negatives_ranking_loss},
            TypeError,
            "is given 2 columns and labels",
        ),
        ({"loss": takes_two_by_three}, TypeError, "would become its margin"),
        ({"loss": lambda u, v, y: 0.5}, ValueError, "one number, .* not float"),
        ({"sentences": columns_of(pd.DataFrame)}, TypeError, "list of columns"),
        ({"sentences": {"a": ["x"]}}, TypeError, "list of columns, .* not a dict"),
        ({"sentences": "ab"}, TypeError, "list of columns, .* not a str"),
        ({"sentences": ["ab", "cd"]}, TypeError, r"write \[first_sentences, second_"),
        ({"bf16": "no"}, TypeError, "bf16 must be True or False, not 'no'"),
        ({"loss": "cosine"}, TypeError, "loss must be a function, not 'cosine'"),
        (
            {"loss": lambda u, v, y: cosine_similarity_loss(u, v, y).detach()},
            ValueError,
            "loss must have a gradient",
        ),
        ({"sentences": [[1] * 24, [2] * 24]}, TypeError, "hold strings only"),
        ({"sentences": []}, ValueError, "at least 1, not of the lengths"),
        (
            {"sentences": columns_of(lambda c: [*c, c[0]])},
            TypeError,
            "is given 3 columns and labels",
        ),
    ],
)
def test_what_does_not_fit_is_named_before_the_first_step(
    encoder, change, error, message
):
    trained = small(encoder)
    before = weights(trained)
    with pytest.raises(error, match=message):
        run(trained, **change)
    assert equal(before, weights(trained))


@CLEAR
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4", "gradient accumulation steps"),
        ("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR", "compilation"),
    ],
)
def test_settings_of_the_environment_do_not_change_training(name, value, message):
    """In a process of its own: accelerate keeps what it read first."""
    program = (
        "from helpers.storage import load_encoder; from tests import test_training as t;"
        "t.run(t.small(load_encoder()))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
    )
    assert process.returncode != 0
    assert f"accelerate is set to ['{message}']" in process.stderr


@HOLDS
def test_half_precision_in_the_environment_does_not_change_training(encoder):
    program = (
        "from helpers.storage import load_encoder; from tests import test_training as t;"
        "print(t.run(t.small(load_encoder())))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"ACCELERATE_MIXED_PRECISION": "bf16"},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = run(small(encoder))
    assert ast.literal_eval(process.stdout)[-1]["loss"] == pytest.approx(
        expected[-1]["loss"], abs=1e-6
    )


@HOLDS
def test_numpy_numbers_are_numbers_also_in_the_checkpoint(encoder, tmp_path):
    numbers = {
        "epochs": np.int64(2),
        "batch_size": np.int32(4),
        "learning_rate": np.float32(1e-3),
        "seed": np.uint8(3),
        "evaluations": np.int64(4),
        "bf16": np.bool_(False),
    }
    history = run(small(encoder), folder=tmp_path, **numbers)
    plain = {key: value.item() for key, value in numbers.items()}
    assert run(small(encoder), folder=tmp_path, **plain) == history
    assert isinstance(history[0]["step"], int)


@HOLDS
def test_a_loss_that_shares_weights_with_the_encoder_is_saved_and_resumed(
    encoder, tmp_path
):
    whole, resumed = small(encoder), small(encoder)
    expected = run(whole, Scaled(whole.model), folder=tmp_path / "whole")
    broken = small(encoder)
    loss = Scaled(broken.model)
    loss.register_forward_hook(killed_after_forward(8))
    with pytest.raises(Killed):
        run(broken, loss, folder=tmp_path / "run")
    assert run(resumed, Scaled(resumed.model), folder=tmp_path / "run") == expected
    assert equal(weights(resumed), weights(whole))


@HOLDS
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int8, torch.float64])
def test_labels_of_any_dtype_train_as_float32_does(encoder, dtype):
    labels = torch.tensor([0, 1] * 12)
    expected, given = small(encoder), small(encoder)
    run(expected, labels=labels.float())
    run(given, labels=labels.to(dtype))
    assert equal(weights(expected), weights(given))


@HOLDS
@pytest.mark.parametrize("container", [pd.Series, np.array, tuple])
def test_columns_of_any_kind_are_read_by_position(encoder, container):
    columns, _ = data()
    given = [container(column) for column in columns]
    if container is pd.Series:
        given = [column.set_axis(range(23, -1, -1)) for column in given]
    expected, trained = small(encoder), small(encoder)
    for one, sentences in ((expected, columns), (trained, given)):
        train(one, sentences, data()[1], cosine_similarity_loss, lambda: 0.0, epochs=2)
    assert equal(weights(expected), weights(trained))


@CLEAR
def test_a_second_run_in_the_same_folder_is_refused(encoder, tmp_path):
    refused = []

    def meanwhile():
        with pytest.raises(CheckpointError, match="Another run is training in"):
            run(small(encoder), folder=tmp_path)
        refused.append(True)
        return 0.0

    columns, scores = data()
    first = small(encoder)
    train(first, columns, scores, cosine_similarity_loss, meanwhile, folder=tmp_path)
    assert refused == [True]
    train(first, columns, scores, cosine_similarity_loss, meanwhile, folder=tmp_path)


@HOLDS
def test_leftovers_of_a_killed_run_go_and_nothing_else_does(encoder, tmp_path):
    """What a process killed while writing leaves: safetensors' own file, and ours."""
    partial = tmp_path / checkpoints.PARTIAL
    partial.mkdir()
    for name in (".tmpAbC123", "checkpoint.safetensors", "mine.txt"):
        (partial / name).write_text(name)
    for name in (".tmpMine", "notes.partial"):
        (tmp_path / name).write_text("mine")
    run(small(encoder), folder=tmp_path)
    assert os.listdir(partial) == ["mine.txt"]
    assert (tmp_path / ".tmpMine").read_text() == "mine"
    assert (tmp_path / "notes.partial").read_text() == "mine"


@HOLDS
def test_a_killed_write_leaves_nothing_that_the_next_run_does_not_remove(
    encoder, tmp_path
):
    program = (
        "import sys, torch; from pathlib import Path; from helpers import checkpoints;"
        "big = {'x': torch.zeros(80_000_000)}; print('ready', flush=True);"
        "checkpoints.write(Path(sys.argv[1]) / 'checkpoint.safetensors', big, '{}')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    while not any(tmp_path.rglob("*tmp*")) and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    (tmp_path / "checkpoint.safetensors").unlink(missing_ok=True)  # it was too fast
    run(small(encoder), folder=tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".lock", "checkpoint.safetensors"]


@CLEAR
@pytest.mark.parametrize(
    "loss",
    [
        lambda u, v, y: cosine_similarity_loss(u, v, y),
        killed_after,
        functools.partial(takes_two_by_three, margin=torch.ones(1)),
    ],
    ids=["lambda", "closure", "tensor in a partial"],
)
def test_a_loss_that_a_checkpoint_could_mistake_is_refused(encoder, tmp_path, loss):
    if loss is killed_after:

        def loss(u, v, y):
            return cosine_similarity_loss(u, v, y)

    labels = None if isinstance(loss, functools.partial) else True
    with pytest.raises(ValueError, match="a checkpoint can tell from another"):
        run(small(encoder), loss, labels, folder=tmp_path)
    if labels is not None:
        assert run(small(encoder), loss)  # without a folder nothing can be mistaken


@CLEAR
@pytest.mark.parametrize(
    ("first", "second", "labels", "message"),
    [
        (
            functools.partial(multiple_negatives_ranking_loss, scale=10.0),
            functools.partial(multiple_negatives_ranking_loss, scale=20),
            None,
            r"\(scale=10.0\)' and is now .*\(scale=20\)'",
        ),
        (
            Scaled(torch.nn.Identity()),
            Scaled(torch.nn.Identity(), 2.0),
            True,
            "scale=2.0",
        ),
        (
            functools.partial(multiple_negatives_ranking_loss, scale=10.0),
            multiple_negatives_ranking_loss,
            None,
            r"is now .*\(scale=20.0\)'",
        ),
    ],
)
def test_a_loss_with_other_settings_is_another_run(
    encoder, tmp_path, first, second, labels, message
):
    run(small(encoder), first, labels, folder=tmp_path)
    with pytest.raises(CheckpointError, match=message):
        run(small(encoder), second, labels, folder=tmp_path)


@CLEAR
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_attention_heads", 4),
        ("hidden_act", "relu"),
        ("hidden_dropout_prob", 0.5),
    ],
)
def test_a_model_of_the_same_weights_and_another_config_is_another_run(
    encoder, tmp_path, name, value
):
    run(small(encoder), folder=tmp_path)
    other = small(encoder)
    setattr(other.model.config, name, value)
    with pytest.raises(CheckpointError, match="the model's config differs"):
        run(other, folder=tmp_path)


@CLEAR
def test_a_link_in_the_place_of_our_folder_is_not_followed(encoder, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "checkpoint.safetensors").write_text("precious")
    (tmp_path / checkpoints.PARTIAL).symlink_to(theirs)
    with pytest.raises(OSError, match="is a link to somewhere else"):
        run(small(encoder), folder=tmp_path)
    assert (theirs / "checkpoint.safetensors").read_text() == "precious"


@CLEAR
def test_an_evaluation_that_is_no_function_is_named_before_training(encoder):
    columns, scores = data()
    with pytest.raises(TypeError, match="evaluate must be a function, not 5"):
        train(small(encoder), columns, scores, cosine_similarity_loss, 5)


@CLEAR
def test_a_loss_of_the_same_name_and_other_code_is_another_run(encoder, tmp_path):
    """As in a notebook, where a cell is changed and run again."""
    module = types.ModuleType("a_notebook")
    for number, body in enumerate(("(u - v)", "(u + v)")):
        path = tmp_path / f"cell_{number}.py"
        path.write_text(f"def loss(u, v):\n    return {body}.square().mean()\n")
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
        vars(module)["loss"].__module__ = "a_notebook"
        if number == 0:
            run(small(encoder), module.loss, None, folder=tmp_path / "run")
    with pytest.raises(CheckpointError, match="the code of the loss differs"):
        run(small(encoder), module.loss, None, folder=tmp_path / "run")


@CLEAR
@pytest.mark.parametrize(
    "change",
    [lambda x: x.double().float().view(torch.int32), lambda x: x.reshape(1, *x.shape)],
    ids=["dtype", "shape"],
)
def test_a_checksum_covers_dtype_and_shape(encoder, tmp_path, change):
    run(small(encoder), folder=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    name = next(name for name in tensors if name.startswith("best/"))
    tensors[name] = change(tensors[name])
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match="its checksum is wrong"):
        run(small(encoder), folder=tmp_path)


@CLEAR
@pytest.mark.parametrize(
    "value", [None, "0.5", [1, 2], float("nan"), float("inf"), 10**400]
)
def test_a_score_that_is_no_number_leaves_the_trained_weights(encoder, value):
    trained = small(encoder)
    before = weights(trained)
    columns, scores = data()
    with pytest.raises(ValueError, match=r"evaluate\(\) must .* weights of step"):
        train(trained, columns, scores, cosine_similarity_loss, lambda: value)
    assert not equal(before, weights(trained))
    assert not trained.model.training


@CLEAR
def test_weights_that_are_no_numbers_are_found_when_it_happens(encoder):
    trained = small(encoder)
    weight = trained.model.encoder.layer[0].output.dense.weight

    def spoil(u, v, labels):
        weight.data[0, 0] = float("inf")
        return cosine_similarity_loss(u, v, labels)

    message = r"gradient is nan at step 1, .* not finite either, .*output.dense.weight"
    with pytest.raises(FloatingPointError, match=message):
        run(trained, spoil)
    with pytest.raises(FloatingPointError, match="not finite before training"):
        run(trained)


@CLEAR
def test_a_weight_that_no_sentence_uses_is_found_at_the_next_look(encoder):
    trained = small(encoder)
    words = trained.model.embeddings.word_embeddings.weight

    def spoil(u, v, labels):
        words.data[5, 0] = float("nan")  # [unused4]
        return cosine_similarity_loss(u, v, labels)

    with pytest.raises(FloatingPointError, match=r"after step 3: .*word_embeddings"):
        run(trained, spoil)


@CLEAR
def test_nothing_to_train_is_said(encoder):
    frozen = small(encoder)
    frozen.model.requires_grad_(False)
    with pytest.raises(ValueError, match=r"no weights to train: none .* gradients"):
        run(frozen)


@HOLDS
def test_a_call_after_an_interrupt_goes_on_from_the_true_start(encoder, tmp_path):
    """In one notebook: the encoder's weights have moved, no look has been made yet."""
    whole, broken = small(encoder), small(encoder)
    expected = run(whole, evaluations=1)
    with pytest.raises(Killed):
        run(broken, loss=killed_after(5), evaluations=1, folder=tmp_path)
    assert run(broken, evaluations=1, folder=tmp_path) == expected
    assert equal(weights(broken), weights(whole))


@HOLDS
@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    calls=strategies.integers(0, 11),
    again=strategies.integers(0, 11),
    evaluations=strategies.integers(1, 12),
    batch_size=strategies.integers(2, 7),
)
def test_a_run_killed_at_any_two_steps_ends_bit_equal(
    encoder, calls, again, evaluations, batch_size
):
    how = {"evaluations": min(evaluations, 6), "batch_size": batch_size}
    whole, last = small(encoder), small(encoder)
    expected = run(whole, **how)
    with tempfile.TemporaryDirectory() as folder:
        for limit in (calls, again):
            with suppress(Killed):
                run(small(encoder), killed_after(limit), folder=folder, **how)
        assert run(last, folder=folder, **how) == expected
    assert equal(weights(last), weights(whole))


@CLEAR
@pytest.mark.parametrize("folder", ["", 3])
def test_a_folder_is_a_path(encoder, folder, tmp_path, monkeypatch):
    """An empty name would be the working directory, in silence."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match="folder must be the path of a folder, or None"):
        run(small(encoder), folder=folder)
    assert os.listdir(tmp_path) == []


@CLEAR
def test_a_file_in_the_place_of_the_folder_stays(encoder, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(NotADirectoryError, match="run is a file"):
        run(small(encoder), folder=tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


@CLEAR
def test_a_model_is_not_trained_in_place_of_an_encoder(encoder):
    columns, scores = data()
    with pytest.raises(TypeError, match=r"must be an Encoder, .* not BertModel"):
        train(encoder.model, columns, scores, cosine_similarity_loss, lambda: 1.0)


@CLEAR
def test_a_bound_method_is_no_loss_that_a_checkpoint_can_tell(encoder, tmp_path):
    loss = SoftmaxLoss(16).forward
    labels = torch.zeros(24, dtype=torch.long)
    with pytest.raises(ValueError, match="a checkpoint can tell from another"):
        run(small(encoder), loss, labels, folder=tmp_path)


WEIGHT = 1.0


def weighted(u, v, labels):
    return WEIGHT * (u - v).square().mean()


class Weighted(torch.nn.Module):
    def forward(self, u, v, labels):
        return WEIGHT * (u - v).square().mean()


@CLEAR
@pytest.mark.parametrize("loss", [weighted, Weighted()], ids=["function", "module"])
def test_a_number_that_a_loss_reads_from_its_module_tells_runs_apart(
    encoder, tmp_path, monkeypatch, loss
):
    """As in a notebook, where a margin stands in a cell of its own."""
    run(small(encoder), loss, folder=tmp_path)
    run(small(encoder), loss, folder=tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "WEIGHT", 5.0)
    with pytest.raises(CheckpointError, match=r"WEIGHT=1.0.* is now .*WEIGHT=5.0"):
        run(small(encoder), loss, folder=tmp_path)
