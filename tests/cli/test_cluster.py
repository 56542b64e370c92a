"""`--devices`, `--workers` and `tfloss launch`: what is refused, and what is resumed."""

from __future__ import annotations

import json

import pytest

from tests.cli.running import tfloss
from tfloss.cli.resumed_command import resumed_arguments

TRAIN = ("train", "--loss", "bce")
TWO = "127.0.0.1:1,127.0.0.1:2"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*TRAIN, "--devices", "tpu"], "say auto (all GPUs)"),
        ([*TRAIN, "--workers", "many"], "--workers is 'many'"),
        ([*TRAIN, "--worker", "1"], "name them"),
        ([*TRAIN, "--workers", TWO], "say with --worker"),
        ([*TRAIN, "--workers", TWO, "--worker", "2"], "counted from 0 to 1"),
        ([*TRAIN, "--workers", TWO, "--worker", "0", "--devices", "cpu:2"], "start more workers"),
        ([*TRAIN, "--workers", "2", "--devices", "cpu:2"], "start more workers"),
        (["compare", "bce", "--devices", "cpu:2"], "say --workers 2"),
        (["compare", "bce", "--seeds", "2", "--workers", "3"], "start 2 at most"),
        (["search", "{1, 2}*bce", "--trials", "2", "--workers", "3"], "start 2 at most"),
        (["search", "{1, 2}*bce", "--workers", "x"], "--workers is 'x'"),
        (["launch", "-n", "2", "--", "losses"], "no work for several processes"),
        (["launch", "-n", "2", "--", "trian"], "trian"),
        (["launch", "-n", "0", "--", "train"], "range"),
        (["launch", "-n", "2"], "COMMAND"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = tfloss(*arguments)
    assert answer.code == 2
    assert words in answer.err
    assert "Traceback" not in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_formula_starts_no_worker(tmp_path):
    answer = tfloss("train", "--loss", "bec", "--workers", "2", "--runs", tmp_path / "runs")
    assert answer.code == 2
    assert "'bce'?" in answer.err
    assert not (tmp_path / "runs").exists()


def test_a_wrong_tf_config_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    answer = tfloss(*TRAIN)
    assert answer.code == 2
    assert "does not say which worker" in answer.err


def test_a_taken_port_is_refused(monkeypatch):
    import socket

    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        addresses = [f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:1"]
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        answer = tfloss(*TRAIN)
    assert answer.code == 2
    assert "cannot listen at port" in answer.err


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
def test_a_wrong_time_to_connect_is_refused(text, monkeypatch):
    monkeypatch.setenv("TFLOSS_CONNECT_SECONDS", text)
    answer = tfloss(*TRAIN, "--workers", TWO, "--worker", "0")
    assert answer.code == 2
    assert "TFLOSS_CONNECT_SECONDS" in answer.err


@pytest.mark.parametrize(
    ("arguments", "resumed"),
    [
        (
            ["train", "--recipe", "article", "--quiet", "--epochs", "3", "--devices", "cpu"],
            ["train", "--quiet", "--devices=cpu"],
        ),
        (
            ["--strict", "--no-plugin", "x", "train", "--config", "c.toml", "--workers", "auto"],
            ["--strict", "--no-plugin", "x", "train"],
        ),
        (
            ["train", "--loss", "ce", "--teacher", "a=m:f", "--teacher", "b=rf", "--model", "m:f"],
            ["train", "--teacher=a=m:f", "--teacher=b=rf", "--model=m:f"],
        ),
        (["compare", "bce", "--seeds", "9", "ce", "--track", "t"], ["compare", "--track=t"]),
        (["search", "bce", "--trials", "7"], ["search", "--trials=7"]),
        (["train", "--resume", "runs/x-1"], ["train"]),
    ],
)
def test_a_restart_keeps_what_does_not_decide_the_result(arguments, resumed):
    found = resumed_arguments(arguments, "runs/x-1")
    assert found[-2:] == ["--resume", "runs/x-1"]
    assert sorted(found[:-2]) == sorted(resumed)
