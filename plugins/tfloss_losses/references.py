"""Some of the losses once more, in plain numpy and SciPy: what the kit holds them against.

A divergence the other way round, or without its factor, is as good a loss as the right one; only a
second writing of it tells them apart. Everything is (batch, columns) in float64, as mathematics
has it, without floors. NumPy and SciPy are imported where they are used, as listings need neither.
"""

from __future__ import annotations

from typing import Any


def _distributions(teacher: Any, logits: Any) -> tuple[Any, Any]:
    """The teacher's and the student's distribution, a column per class."""
    import numpy as np
    from scipy import special

    if logits.shape[-1] > 1:
        return teacher, special.softmax(logits, axis=-1)
    p = special.expit(logits)
    return np.concatenate([1 - teacher, teacher], -1), np.concatenate([1 - p, p], -1)


def bce(labels: Any, logits: Any, label_smoothing: float = 0.0, pos_weight: Any = 1.0) -> Any:
    """-w·y·log p - (1 - y)·log(1 - p)."""
    import numpy as np
    from scipy import special

    y = labels * (1 - label_smoothing) + label_smoothing / 2
    yes, no = special.log_expit(logits), special.log_expit(-logits)
    return -(np.asarray(pos_weight) * y * yes + (1 - y) * no).mean(axis=-1)


def ce(labels: Any, logits: Any, label_smoothing: float = 0.0, class_weights: Any = None) -> Any:
    """-Σ w·y·log p."""
    from scipy import special

    y = labels * (1 - label_smoothing) + label_smoothing / labels.shape[-1]
    weights = 1 if class_weights is None else class_weights
    return -(weights * y * special.log_softmax(logits, axis=-1)).sum(axis=-1)


def focal(labels: Any, logits: Any, gamma: float = 2.0, alpha: Any = None) -> Any:
    """-Σ y·(1 - p)^γ·log p."""
    import numpy as np

    y, p = _distributions(labels, logits)
    weights = 1 if alpha is None else np.array(alpha if np.ndim(alpha) else [1 - alpha, alpha])
    return -(weights * y * (1 - p) ** gamma * np.log(p)).sum(axis=-1)


def kl(teacher: Any, logits: Any) -> Any:
    """Σ p·log(p/q) over the columns that are given."""
    from scipy import special

    p = special.expit(logits) if logits.shape[-1] == 1 else special.softmax(logits, axis=-1)
    return special.rel_entr(p, teacher).sum(axis=-1)


def binary_kl(teacher: Any, logits: Any) -> Any:
    """Σ p·log(p/q) + (1 - p)·log((1 - p)/(1 - q))."""
    from scipy import special

    p = special.expit(logits)
    return (special.rel_entr(p, teacher) + special.rel_entr(1 - p, 1 - teacher)).sum(axis=-1)


def forward_kl(teacher: Any, logits: Any) -> Any:
    """Σ q·log(q/p)."""
    from scipy import special

    return special.rel_entr(*_distributions(teacher, logits)).sum(axis=-1)


def jeffreys(teacher: Any, logits: Any) -> Any:
    """Σ (p - q)·log(p/q)."""
    import numpy as np

    q, p = _distributions(teacher, logits)
    return ((p - q) * np.log(p / q)).sum(axis=-1)


def js(teacher: Any, logits: Any) -> Any:
    """The square of SciPy's Jensen-Shannon distance."""
    from scipy.spatial.distance import jensenshannon

    return jensenshannon(*_distributions(teacher, logits), axis=-1) ** 2


def kd(teacher: Any, logits: Any, temperature: float = 2.0) -> Any:
    """T²·Σ q_T·log(q_T/p_T)."""
    import numpy as np
    from scipy import special

    q, p = _distributions(teacher, logits)
    softer = [special.softmax(np.log(shares) / temperature, axis=-1) for shares in (q, p)]
    return temperature**2 * special.rel_entr(*softer).sum(axis=-1)


def mse(labels: Any, prediction: Any) -> Any:
    """The mean of e²."""
    return ((labels - prediction) ** 2).mean(axis=-1)


def mae(labels: Any, prediction: Any) -> Any:
    """The mean of |e|."""
    return abs(labels - prediction).mean(axis=-1)


def huber(labels: Any, prediction: Any, delta: float = 1.0) -> Any:
    """The mean of SciPy's huber(δ, e)."""
    from scipy import special

    return special.huber(delta, labels - prediction).mean(axis=-1)


def quantile(labels: Any, prediction: Any, levels: Any = 0.5) -> Any:
    """The mean of (τ - [e < 0])·e."""
    error = labels - prediction
    return ((levels - (error < 0)) * error).mean(axis=-1)
