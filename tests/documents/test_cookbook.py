"""Every formula of docs/cookbook.md has the value of the paper's expression in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from .pages import formulas, total

RANDOM = np.random.default_rng(3)
ROWS = 5


def _log_probabilities():
    return np.log(RANDOM.uniform(0.05, 0.9, (ROWS, 1)))


def _numbers(columns=4):
    return RANDOM.normal(size=(ROWS, columns))


CLASSES = np.eye(3)[np.arange(ROWS) % 3]
TENSORS = {
    **{name: _log_probabilities() for name in ("chosen", "rejected", "ref_chosen", "ref_rejected")},
    **{name: _numbers() for name in ("p1", "p2", "z1", "z2", "y", "f", "log_variance", "average")},
    **{name: _numbers(1) for name in ("real", "made", "y1", "f1", "q10", "q90", "score")},
    **{name: _log_probabilities() for name in ("new", "old")},
    "advantage": _numbers(1),
    "target": _numbers(1),
    "q": _numbers(1),
    "yes": (np.arange(ROWS) % 2)[:, None] * 1.0,
    "labels": CLASSES,
    "other_labels": np.roll(CLASSES, 1, axis=0),
    "logits": _numbers(3),
    "share": RANDOM.uniform(size=ROWS),
    "w": RANDOM.uniform(size=ROWS),
    "naive": RANDOM.uniform(1, 2, size=ROWS),
    "math": special.softmax(_numbers(3), axis=1),
    "code": special.softmax(_numbers(3), axis=1),
    "teacher": special.softmax(_numbers(3), axis=1),
}
TENSORS["probs"] = special.softmax(TENSORS["logits"], axis=1)


class T:
    """The tensors as attributes."""


for _name, _value in TENSORS.items():
    setattr(T, _name, _value)


def _nll(labels, logits):
    return -np.sum(labels * special.log_softmax(logits, axis=1), axis=1)


def _softplus(x):
    return np.logaddexp(0, x)


def _cosine(a, b):
    return np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def _kd(teacher, temperature):
    target = special.softmax(np.log(teacher) / temperature, axis=1)
    log_p = special.log_softmax(T.logits / temperature, axis=1)
    return temperature**2 * np.sum(target * (np.log(target) - log_p), axis=1)


def _pinball(y, q, level):
    return np.maximum(level * (y - q), (level - 1) * (y - q))[:, 0]


def _clip():
    a, b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (T.z1, T.z2))
    scores = a @ b.T / 0.1
    own = np.diag(scores)
    rows, columns = special.logsumexp(scores, axis=1), special.logsumexp(scores, axis=0)
    return (rows - own + columns - own) / 2


LEAD = T.chosen - T.ref_chosen - T.rejected + T.ref_rejected
P_YES = special.expit(T.score)
KL = 0.5 * np.sum(np.exp(T.log_variance) + T.average**2 - 1 - T.log_variance, axis=1)
HITS, MISSES = np.sum(T.yes * P_YES), np.sum(T.yes * (1 - P_YES))
FALSE = np.sum((1 - T.yes) * P_YES)
TVERSKY = 1 - (HITS + 1) / (HITS + 0.3 * FALSE + 0.7 * MISSES + 1)
RATIO = np.exp(T.new - T.old)

EXPECTED = {
    "DPO (Rafailov 2023)": _softplus(-0.1 * LEAD),
    "conservative DPO, a tenth of the labels wrong": 0.9 * _softplus(-0.1 * LEAD)
    + 0.1 * _softplus(0.1 * LEAD),
    "IPO (Azar 2024), τ = 0.1": (LEAD - 1 / (2 * 0.1)) ** 2,
    "SimPO (Meng 2024)": -special.log_expit(2 * (T.chosen - T.rejected) - 1),
    "SLiC (Zhao 2023)": np.maximum(0, 1 - (T.chosen - T.rejected)),
    "ORPO's odds ratio (Hong 2024), next to `ce`": -0.1
    * special.log_expit(special.logit(np.exp(T.chosen)) - special.logit(np.exp(T.rejected))),
    "reward model (Bradley and Terry 1952)": -special.log_expit(T.chosen - T.rejected),
    "SimSiam (Chen and He 2021), plus one": 1 - _cosine(T.p1, T.z2) / 2 - _cosine(T.p2, T.z1) / 2,
    "BYOL (Grill 2020)": 4 - 2 * _cosine(T.p1, T.z2) - 2 * _cosine(T.p2, T.z1),
    "CLIP (Radford 2021), temperature 0.1": _clip(),
    "the first GAN's (Goodfellow 2014)": -np.log(special.expit(T.real))
    - np.log(1 - special.expit(T.made)),
    "the generator's, not saturating": -np.log(special.expit(T.made)),
    "LSGAN (Mao 2017)": ((T.real - 1) ** 2 + T.made**2) / 2,
    "hinge (Lim and Ye 2017)": np.maximum(0, 1 - T.real) + np.maximum(0, 1 + T.made),
    "Wasserstein (Arjovsky 2017)": T.made - T.real,
    "relativistic (Jolicoeur-Martineau 2019)": -np.log(special.expit(T.real - T.made)),
    "soft bootstrapping for wrong labels (Reed 2015)": _nll(
        0.95 * T.labels + 0.05 * T.probs, T.logits
    ),
    "mixup (Zhang 2018), a share and other labels as columns": T.share * _nll(T.labels, T.logits)
    + (1 - T.share) * _nll(T.other_labels, T.logits),
    "a weight for each row": T.w * _nll(T.labels, T.logits),
    "Brier score (1950)": np.sum((T.probs - T.labels) ** 2, axis=1),
    "focal Tversky, one class (Abraham and Khan 2019)": TVERSKY**0.75,
    "Dice and cross-entropy": 1
    - (2 * HITS + 1) / (np.sum(T.yes) + np.sum(P_YES) + 1)
    + np.mean(_softplus(T.score) - T.yes * T.score),
    "root of the mean squared error": np.sqrt(np.mean((T.y - T.f) ** 2)),
    "negative PSNR in dB, pixels between 0 and 1": 10 * np.log10(np.mean((T.y - T.f) ** 2, axis=1)),
    "relative L2 error": np.linalg.norm(T.y - T.f, axis=1) / np.linalg.norm(T.y, axis=1),
    "Welsch, of one column": 1 - np.exp(-((T.y1 - T.f1) ** 2) / 2),
    "two quantiles that should not cross (Bondell 2010)": _pinball(T.y1, T.q10, 0.1)
    + _pinball(T.y1, T.q90, 0.9)
    + 10 * np.maximum(T.q10 - T.q90, 0)[:, 0] ** 2,
    "linex, errors above cost exponentially (Varian 1975)": np.exp(T.f - T.y) - (T.f - T.y) - 1,
    "MASE, a naive forecast's error as a column": np.mean(np.abs(T.y - T.f), axis=1) / T.naive,
    "divergence of a VAE (Kingma and Welling 2014)": KL,
    "β-VAE (Higgins 2017)": np.mean((T.y - T.f) ** 2, axis=1) + 4 * KL,
    "activity penalty on a layer": np.mean((T.y - T.f) ** 2, axis=1)
    + 1e-3 * np.sum(np.abs(T.z1), axis=1),
    "policy gradient (Williams 1992)": -T.advantage * T.new,
    "PPO, clipped (Schulman 2017)": -np.minimum(
        RATIO * T.advantage, np.clip(RATIO, 0.8, 1.2) * T.advantage
    ),
    "deep Q (Mnih 2015)": np.where(
        np.abs(T.target - T.q) < 1,
        (T.target - T.q) ** 2 / 2,
        np.abs(T.target - T.q) - 0.5,
    ),
    "Hinton 2015, weighted": 0.1 * _nll(T.labels, T.logits) + 0.9 * _kd(T.teacher, 4),
    "two teachers, a weight for each row": T.w * _kd(T.math, 1) + (1 - T.w) * _kd(T.code, 1),
    "a teacher whose voice fades": _nll(T.labels, T.logits) + _kd(T.teacher, 2),
}


@pytest.mark.parametrize(("loss", "formula"), formulas("cookbook.md").items())
def test_it_is_what_the_paper_says(loss, formula):
    assert total(formula, TENSORS) == pytest.approx(np.mean(EXPECTED[loss]), rel=2e-5)


def test_nothing_is_compared_that_is_not_on_the_page():
    assert EXPECTED.keys() == formulas("cookbook.md").keys()
