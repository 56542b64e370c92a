"""Numbers of torch's losses, kept in torch.json; in an environment of its own.

pip install torch && python tests/peers/make_torch.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from inputs import INPUTS  # noqa: E402

F = nn.functional

# Their name, our formula, the kind of inputs, and their value on these.
LOSSES = [
    ("L1Loss", "mae", "numbers", lambda t: nn.L1Loss()(t["prediction"], t["labels"])),
    ("MSELoss", "mse", "numbers", lambda t: nn.MSELoss()(t["prediction"], t["labels"])),
    ("HuberLoss", "huber(delta=0.7)", "numbers",
     lambda t: nn.HuberLoss(delta=0.7)(t["prediction"], t["labels"])),
    ("SmoothL1Loss", "2*huber(delta=0.5)", "numbers",
     lambda t: nn.SmoothL1Loss(beta=0.5)(t["prediction"], t["labels"])),
    ("CrossEntropyLoss", "ce", "classes",
     lambda t: nn.CrossEntropyLoss()(t["logits"], t["labels"])),
    ("CrossEntropyLoss, smoothed", "ce(label_smoothing=0.1)", "classes",
     lambda t: nn.CrossEntropyLoss(label_smoothing=0.1)(t["logits"], t["labels"])),
    ("BCEWithLogitsLoss", "bce", "yes_no",
     lambda t: nn.BCEWithLogitsLoss()(t["logits"], t["labels"])),
    ("BCEWithLogitsLoss, pos_weight", "bce(pos_weight=3)", "yes_no",
     lambda t: nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))(t["logits"], t["labels"])),
    ("KLDivLoss", "forward_kl(teacher=labels)", "shares",
     lambda t: nn.KLDivLoss(reduction="batchmean")(F.log_softmax(t["logits"], -1), t["labels"])),
    ("PoissonNLLLoss", "poisson", "counts",
     lambda t: nn.PoissonNLLLoss()(t["prediction"], t["labels"])),
    ("GaussianNLLLoss", "gaussian_nll(labels, concat(mean, log_variance))", "spread",
     lambda t: nn.GaussianNLLLoss(full=True)(t["mean"], t["labels"], t["log_variance"].exp())),
    ("SoftMarginLoss", "bce", "yes_no",
     lambda t: nn.SoftMarginLoss()(t["logits"], 2 * t["labels"] - 1)),
    ("MultiLabelSoftMarginLoss", "bce", "yes_no",
     lambda t: nn.MultiLabelSoftMarginLoss()(t["logits"], t["labels"])),
    ("MultiMarginLoss", "multi_margin", "classes",
     lambda t: nn.MultiMarginLoss()(t["logits"], t["labels"].argmax(-1))),
    ("TripletMarginLoss", "triplet_margin(a, p, n)", "triplets",
     lambda t: nn.TripletMarginLoss(eps=0)(t["a"], t["p"], t["n"])),
    ("TripletMarginLoss, swap", "triplet_margin(a, p, n, swap=true)", "triplets",
     lambda t: nn.TripletMarginLoss(eps=0, swap=True)(t["a"], t["p"], t["n"])),
    ("MarginRankingLoss", "value(maximum(0.2 - (2*labels - 1)*(a - b), 0))", "pairs",
     lambda t: nn.MarginRankingLoss(0.2)(t["a"], t["b"], 2 * t["labels"] - 1)),
    ("HingeEmbeddingLoss", "value(labels*a + (1 - labels)*maximum(1 - a, 0))", "pairs",
     lambda t: nn.HingeEmbeddingLoss()(t["a"], 2 * t["labels"] - 1)),
    ("CosineSimilarity", "cosine_distance(a, p)", "triplets",
     lambda t: (1 - nn.CosineSimilarity()(t["a"], t["p"])).mean()),
]  # fmt: skip


def kept(theirs, formula, kind, loss):
    """Value and gradients in float64."""
    tensors = {n: torch.tensor(x, requires_grad=n != "labels") for n, x in INPUTS[kind].items()}
    value = loss(tensors)
    value.backward()
    gradients = {n: t.grad.tolist() for n, t in tensors.items() if t.grad is not None}
    return {
        "theirs": theirs, "formula": formula, "kind": kind, "value": value.item(),
        "gradients": gradients,
    }  # fmt: skip


if __name__ == "__main__":
    found = {"source": f"torch {torch.__version__}", "losses": [kept(*row) for row in LOSSES]}
    (HERE / "torch.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
