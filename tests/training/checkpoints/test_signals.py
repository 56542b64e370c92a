"""Ctrl-C and SIGTERM: the first waits for the chunk and saves, the second ends at once."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile

import keras
import numpy as np
import pytest

from tests.cli.running import tfloss
from tfloss.training.checkpoints.signals import Interrupts

TRAIN = ("train", "--loss", "bce + 0.1*abs_kl", "--teacher", "rf", "--train-size", "64")
LONG = (*TRAIN, "--epochs", "2500")

# The main thread is busy in C, as in a compiled program, where Python's handlers cannot run.
BUSY = """
    import hashlib, sys
    from tfloss.training.checkpoints.signals import Interrupts
    with Interrupts(lambda sentence: print(sentence, flush=True)):
        print("busy", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_the_second_signal_ends_a_busy_process_at_once(number, code):
    process = start("-c", textwrap.dedent(BUSY))
    assert process.stdout.readline() == "busy\n"
    process.send_signal(number)
    assert "once more stops at once" in process.stdout.readline()
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=60) == code


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts() as noted:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            if noted.signal:
                break
            threading.Event().wait(0.01)
        assert noted.signal == signal.SIGINT
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("ignored", [signal.SIGINT, None], ids=["one", "all"])
def test_what_is_ignored_stays_ignored(ignored):
    """A script's `tfloss train &` must not hear the Ctrl-C that ends the script."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    try:
        for number in numbers if ignored is None else (ignored,):
            signal.signal(number, signal.SIG_IGN)
        with Interrupts() as noted:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
        assert noted.signal is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def test_in_another_thread_nothing_changes():
    seen = []

    def work() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def stopped(runs, number) -> subprocess.CompletedProcess[str]:
    """A training that gets a signal after its first line of progress."""
    process = start("-m", "tfloss", *LONG, "--checkpoint-every", "never", "--runs", str(runs))
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("epoch "):
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, "".join(lines) + err)


def weights(run):
    with zipfile.ZipFile(run / "student.keras") as archive:
        assert archive.testzip() is None
    return keras.models.load_model(run / "student.keras").get_weights()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    runs = tmp_path_factory.mktemp("whole")
    assert tfloss(*LONG, "--runs", runs, "--quiet").code == 0
    return runs / "breast_cancer-1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_an_interrupted_training_goes_on_to_the_same_bytes(tmp_path, whole, number, full_size):
    if number == signal.SIGTERM and not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    done = stopped(tmp_path, number)
    run = tmp_path / "breast_cancer-1"
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"Interrupted at step \d+; all of it is saved", done.stderr)
    assert f"tfloss train --resume {run}" in done.stderr
    assert not (run / "manifest.json").exists()
    assert not list(run.rglob(".writing-*"))

    assert "not finished; go on with" in tfloss("evaluate", run).err
    other = tfloss("train", "--resume", run, "--optimizer", "sgd")
    assert other.code == 2
    assert "optimizer: 'adam' in the run, 'sgd' now" in other.err

    assert tfloss("train", "--resume", run, "--quiet").code == 0
    assert (run / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    for one, two in zip(weights(run), weights(whole), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not (run / "checkpoints").exists()

    again = tfloss("train", "--resume", run)
    assert again.code == 2
    assert "is finished" in again.err


def test_a_training_killed_again_and_again_ends_alike(tmp_path, whole, full_size):
    """kill -9 at random moments of a whole program, six times; each start goes on."""
    if not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    moments, run, reached = random.Random(0), tmp_path / "breast_cancer-1", []
    how = (*LONG, "--runs", str(tmp_path))
    for _ in range(6):
        process = start("-m", "tfloss", *how, "--checkpoint-every", "20epochs")
        process.stderr.readline()  # what it minimises; the training is some seconds ahead
        for line in process.stderr:
            if line.startswith("epoch "):
                break
        threading.Event().wait(moments.uniform(0, 0.5))
        process.kill()
        process.communicate()
        how = ("train", "--resume", str(run))
        steps = [int(path.stem[5:]) for path in (run / "checkpoints").glob("step-*.npz")]
        reached.append(max(steps, default=0))
    print(f"steps at each kill: {reached}")
    assert reached == sorted(reached)
    if not (run / "manifest.json").exists():
        assert tfloss("train", "--resume", run, "--quiet").code == 0
    assert not list(run.rglob(".writing-*"))
    assert (run / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    for one, two in zip(weights(run), weights(whole), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("stage", ["splits and teachers", "training"])
def test_an_interrupted_comparison_leaves_nothing(tmp_path, stage, full_size):
    if stage == "training" and not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    options = ("--seeds", "3", "--epochs", "200000", "--train-size", "50", "--runs", str(tmp_path))
    process = start("-m", "tfloss", "compare", "bce", "bce + 0.1*l2", *options)
    for line in process.stderr:
        if stage == "splits and teachers" or line.startswith("bce"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Interrupted; nothing was written." in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
