"""Losses of libraries about waves, views, survival and embeddings; see make_others.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import torch

Row = tuple[str, str, str, Callable[[dict[str, Any]], Any]]


def of_auraloss() -> Iterator[Row]:
    from auraloss import time

    def waves(loss: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda t: loss(t["prediction"][:, None], t["labels"][:, None])

    yield ("SISDRLoss", "si_sdr", "waves", waves(time.SISDRLoss(zero_mean=True)))
    yield ("SDSDRLoss", "sd_sdr", "waves", waves(time.SDSDRLoss(zero_mean=True)))
    yield ("SNRLoss", "snr", "waves", waves(time.SNRLoss(zero_mean=False)))
    yield ("ESRLoss", "error_to_signal", "waves", waves(time.ESRLoss()))
    yield ("LogCoshLoss", "log_cosh", "waves", waves(time.LogCoshLoss()))


def of_lightly() -> Iterator[Row]:
    loss = import_module("lightly.loss")

    def views(one: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda t: one(t["first"], t["second"])

    yield (
        "NTXentLoss",
        "nt_xent(first, second, temperature=0.5)",
        "views",
        views(loss.NTXentLoss(0.5)),
    )
    yield ("DCLLoss", "dcl(first, second)", "views", views(loss.DCLLoss(0.1)))
    yield ("DCLWLoss", "dclw(first, second)", "views", views(loss.DCLWLoss(0.1, 0.5)))
    yield ("VICRegLoss", 'vicreg(first, second, form="code")', "views", views(loss.VICRegLoss()))
    yield (
        "TiCoLoss, less 1",
        "tico(first, second)",
        "views",
        lambda t: loss.TiCoLoss()(t["first"], t["second"]) - 1,
    )
    yield (
        "KoLeoLoss",
        "koleo(embedding, smallest=1e-8)",
        "embedding",
        lambda t: loss.KoLeoLoss()(t["embedding"]),
    )
    yield (
        "NegativeCosineSimilarity, plus 1",
        "cosine_distance(first, second)",
        "views",
        lambda t: 1 + loss.NegativeCosineSimilarity()(t["first"], t["second"]),
    )


def of_pycox() -> Iterator[Row]:
    from pycox.models import loss

    def bins(one: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda t: one(t["logits"], t["time"].long(), t["event"])

    yield ("nll_logistic_hazard", "logistic_hazard", "survival", bins(loss.nll_logistic_hazard))
    yield ("nll_pmf", "pmf", "survival", bins(loss.nll_pmf))
    yield ("nll_mtlr", "mtlr", "survival", bins(loss.nll_mtlr))
    yield (
        "nll_pc_hazard_loss",
        "pc_hazard",
        "survival",
        lambda t: loss.nll_pc_hazard_loss(
            t["logits"], t["time"].long(), t["event"], t["time"] - t["time"].floor()
        ),
    )


def of_pytorch_metric_learning() -> Iterator[Row]:
    from pytorch_metric_learning import distances, losses

    plain = distances.LpDistance(normalize_embeddings=False)

    def rows(one: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda t: one(t["embedding"], t["labels"][:, 0].long())

    yield (
        "NTXentLoss",
        "nt_xent(first, second, temperature=0.5)",
        "views",
        lambda t: losses.NTXentLoss(0.5)(
            torch.cat([t["first"], t["second"]]), torch.arange(6).repeat(2)
        ),
    )
    yield ("SupConLoss", "supervised_contrastive", "embedding", rows(losses.SupConLoss(0.1)))
    yield (
        "CircleLoss",
        "circle(margin=0.25, gamma=32)",
        "embedding",
        rows(losses.CircleLoss(m=0.25, gamma=32)),
    )
    yield (
        "MultiSimilarityLoss",
        "multi_similarity",
        "embedding",
        rows(losses.MultiSimilarityLoss(2, 50, 0.5)),
    )
    yield (
        "LiftedStructureLoss",
        "lifted_structure",
        "embedding",
        rows(losses.LiftedStructureLoss(distance=plain)),
    )
    yield (
        "NCALoss",
        "nca",
        "embedding",
        rows(losses.NCALoss(distance=distances.LpDistance(normalize_embeddings=False, power=2))),
    )
    yield ("FastAPLoss", "fast_ap", "embedding", rows(losses.FastAPLoss(10)))
    yield (
        "TupletMarginLoss",
        "tuplet_margin",
        "embedding",
        rows(losses.TupletMarginLoss(math.degrees(0.1), 64)),
    )
    yield (
        "IntraPairVarianceLoss",
        "intra_pair_variance",
        "embedding",
        rows(losses.IntraPairVarianceLoss()),
    )
    yield (
        "VICRegLoss",
        'vicreg(first, second, form="code")',
        "views",
        lambda t: losses.VICRegLoss()(t["first"], ref_emb=t["second"]),
    )
