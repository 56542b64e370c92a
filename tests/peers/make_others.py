"""Numbers of other libraries' losses, kept in others.json; in an environment of its own.

pip install torch torchvision jax optax kornia monai auraloss lightly pycox pytorch-metric-learning
python tests/peers/make_others.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from inputs import INPUTS  # noqa: E402
from other_rows import (  # noqa: E402
    Row,
    of_auraloss,
    of_lightly,
    of_pycox,
    of_pytorch_metric_learning,
)

_DATA = ("labels", "time", "event", "image")  # no gradients by these


def of_optax() -> Iterator[Row]:
    import jax
    import jax.numpy as jnp
    import optax

    yield (
        "sigmoid_binary_cross_entropy",
        "bce",
        "yes_no",
        lambda t: optax.sigmoid_binary_cross_entropy(t["logits"], t["labels"]).mean(),
    )
    yield (
        "softmax_cross_entropy",
        "ce",
        "classes",
        lambda t: optax.softmax_cross_entropy(t["logits"], t["labels"]).mean(),
    )
    yield (
        "sigmoid_focal_loss",
        "asymmetric(gamma_positive=2, gamma_negative=2, margin=0)",
        "yes_no",
        lambda t: optax.sigmoid_focal_loss(t["logits"], t["labels"], gamma=2.0).mean(),
    )
    yield (
        "poly_loss_cross_entropy",
        "poly1(epsilon=2)",
        "classes",
        lambda t: optax.losses.poly_loss_cross_entropy(
            t["logits"], t["labels"], epsilon=2.0
        ).mean(),
    )
    yield (
        "huber_loss",
        "huber(delta=0.7)",
        "numbers",
        lambda t: optax.huber_loss(t["prediction"], t["labels"], delta=0.7).mean(),
    )
    yield (
        "l2_loss",
        "mse/2",
        "numbers",
        lambda t: optax.l2_loss(t["prediction"], t["labels"]).mean(),
    )
    yield (
        "log_cosh",
        "log_cosh",
        "numbers",
        lambda t: optax.log_cosh(t["prediction"], t["labels"]).mean(),
    )
    yield (
        "cosine_distance",
        "cosine_distance",
        "numbers",
        lambda t: optax.cosine_distance(t["prediction"], t["labels"]).mean(),
    )
    yield (
        "hinge_loss",
        "hinge",
        "yes_no",
        lambda t: optax.hinge_loss(t["logits"], 2 * t["labels"] - 1).mean(),
    )
    yield (
        "multiclass_hinge_loss",
        "categorical_hinge",
        "classes",
        lambda t: optax.losses.multiclass_hinge_loss(t["logits"], t["labels"].argmax(-1)).mean(),
    )
    yield (
        "multiclass_sparsemax_loss",
        "sparsemax",
        "classes",
        lambda t: optax.losses.multiclass_sparsemax_loss(
            t["logits"], t["labels"].argmax(-1)
        ).mean(),
    )
    yield (
        "kl_divergence",
        "forward_kl(teacher=labels)",
        "shares",
        lambda t: optax.kl_divergence(jax.nn.log_softmax(t["logits"]), t["labels"]).mean(),
    )
    yield (
        "ranking_softmax_loss",
        "softmax_rank(labels=labels, prediction=logits)",
        "shares",
        lambda t: optax.losses.ranking_softmax_loss(t["logits"], t["labels"]),
    )
    yield (
        "triplet_margin_loss",
        "triplet_margin(a, p, n)",
        "triplets",
        lambda t: optax.losses.triplet_margin_loss(t["a"], t["p"], t["n"], eps=0).mean(),
    )
    yield (
        "ntxent",
        "nt_xent(first, second, temperature=0.3)",
        "views",
        lambda t: optax.ntxent(
            jnp.concatenate([t["first"], t["second"]]), jnp.tile(jnp.arange(6), 2), 0.3
        ),
    )


def of_torchvision() -> Iterator[Row]:
    from torchvision import ops

    yield (
        "sigmoid_focal_loss",
        "asymmetric(gamma_positive=2, gamma_negative=2, margin=0)",
        "yes_no",
        lambda t: ops.sigmoid_focal_loss(t["logits"], t["labels"], -1, 2, "mean"),
    )
    for name, ours in (("generalized", "giou"), ("distance", "diou"), ("complete", "ciou")):
        loss = getattr(ops, f"{name}_box_iou_loss")
        yield (
            f"{name}_box_iou_loss",
            ours,
            "boxes",
            lambda t, loss=loss: loss(t["prediction"], t["labels"], "mean", 0.0),
        )


def _first(image: Any) -> Any:
    """Channels first."""
    return image.movedim(-1, 1)


def of_kornia() -> Iterator[Row]:
    from kornia import losses

    for name, ours in (
        ("cauchy", "cauchy"),
        ("geman_mcclure", "geman_mcclure"),
        ("welsch", "welsch"),
    ):
        loss = getattr(losses, f"{name}_loss")
        yield (
            f"{name}_loss",
            ours,
            "numbers",
            lambda t, loss=loss: loss(t["prediction"], t["labels"], reduction="mean"),
        )
    yield (
        "charbonnier_loss, plus 1",
        "charbonnier(epsilon=1)",
        "numbers",
        lambda t: 1 + losses.charbonnier_loss(t["prediction"], t["labels"], reduction="mean"),
    )
    yield (
        "psnr_loss",
        "psnr(smallest=1e-30)",
        "pictures",
        lambda t: (
            losses.psnr_loss(_first(t["prediction"])[:1], _first(t["labels"])[:1], 1.0) / 2
            + losses.psnr_loss(_first(t["prediction"])[1:], _first(t["labels"])[1:], 1.0) / 2
        ),
    )
    yield (
        "ssim_loss",
        "0.5*ssim(window=5)",
        "pictures",
        lambda t: losses.ssim_loss(
            _first(t["prediction"]), _first(t["labels"]), 5, 1.0, 0.0, padding="valid"
        ),
    )
    yield (
        "inverse_depth_smoothness_loss",
        "edge_aware_smoothness(disparity, image)",
        "depths",
        lambda t: losses.inverse_depth_smoothness_loss(_first(t["disparity"]), _first(t["image"])),
    )
    yield (
        "lovasz_softmax_loss",
        "lovasz_softmax",
        "classes",
        lambda t: losses.lovasz_softmax_loss(
            t["logits"].T[None, :, :, None], t["labels"].argmax(-1)[None, :, None]
        ),
    )


def of_monai() -> Iterator[Row]:
    from monai import losses

    def both(loss: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda t: loss(_first(t["logits"]), _first(t["labels"]))

    yield (
        "DiceLoss",
        "image_dice(smooth=1)",
        "masks",
        both(losses.DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1)),
    )
    yield (
        "SSIMLoss",
        "ssim(window=5)",
        "pictures",
        lambda t: losses.SSIMLoss(2, win_size=5)(_first(t["prediction"]), _first(t["labels"])),
    )
    yield (
        "BendingEnergyLoss",
        "bending_energy(field)",
        "fields",
        lambda t: losses.BendingEnergyLoss()(_first(t["field"])),
    )
    yield (
        "ContrastiveLoss",
        "nt_xent(first, second, temperature=0.5)",
        "views",
        lambda t: losses.ContrastiveLoss(temperature=0.5)(t["first"], t["second"]),
    )


def in_torch(theirs: str, formula: str, kind: str, loss: Any) -> dict[str, Any]:
    """Value and gradients in float64."""
    tensors = {n: torch.tensor(x, requires_grad=n not in _DATA) for n, x in INPUTS[kind].items()}
    value = loss(tensors)
    value.backward()
    slopes = {n: t.grad.tolist() for n, t in tensors.items() if t.grad is not None}
    return _kept(theirs, formula, kind, value.item(), slopes)


def in_jax(theirs: str, formula: str, kind: str, loss: Any) -> dict[str, Any]:
    """The same by jax."""
    import jax

    jax.config.update("jax_enable_x64", True)
    data = {n: jax.numpy.asarray(x) for n, x in INPUTS[kind].items()}
    fixed = {n: x for n, x in data.items() if n in _DATA}
    moved = {n: x for n, x in data.items() if n not in _DATA}
    value, slopes = jax.value_and_grad(lambda m: loss({**fixed, **m}))(moved)
    return _kept(theirs, formula, kind, float(value), {n: s.tolist() for n, s in slopes.items()})


def _kept(theirs: str, formula: str, kind: str, value: float, slopes: Any) -> dict[str, Any]:
    rounded = {n: np.vectorize(lambda x: float(f"{x:.9g}"))(s).tolist() for n, s in slopes.items()}
    return {
        "theirs": theirs, "formula": formula, "kind": kind, "value": value, "gradients": rounded,
    }  # fmt: skip


LIBRARIES = {
    "optax": of_optax,
    "torchvision": of_torchvision,
    "kornia": of_kornia,
    "monai": of_monai,
    "auraloss": of_auraloss,
    "lightly": of_lightly,
    "pycox": of_pycox,
    "pytorch-metric-learning": of_pytorch_metric_learning,
}


def main() -> None:
    """Write what the libraries that are installed say; the others stay as they were."""
    path = HERE / "others.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, rows in LIBRARIES.items():
        try:
            compute = in_jax if name == "optax" else in_torch
            losses = [compute(*row) for row in rows()]
        except (ImportError, RuntimeError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        found[name] = {"source": f"{name} {version(name)}", "losses": losses}
        print(f"{name} {version(name)}: {len(losses)}")
    path.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
