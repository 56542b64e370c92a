"""Sequences of labels: texts without times, and tags that follow each other."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import columns, same_shape, several_columns


@tfloss.loss(
    latex=r"-\log\sum_{\pi\in\mathcal B^{-1}(y)}\prod_tp_t(\pi_t)",
    range=(0, None),
    domains={"tokens": "tokens", "logits": "sequences"},
    exempt={
        "can be called": "the kit's tokens do not fit into its frames; it has tests of its own",
        "settings over their range": "which class may be the blank depends on their number",
    },
    family="sequences",
    example="ctc(tokens, logits=frames)",
)
def ctc(
    tokens: Any, logits: Any, length: Any = None, *, blank: Annotated[int, AtLeast(0)] = 0
) -> Any:
    """Connectionist temporal classification: the likelihood of a text, wherever its letters stand.

    tokens: (batch, l), whole numbers; a negative one fills up a shorter row. The blank is not among
    them.
    logits: (batch, t, C), one distribution for each frame.
    length: (batch,), how many frames each example has; None for all t.
    Returns (batch,), in nats. Where the frames are too few for the tokens the likelihood is zero;
    the value is then infinite in theory, and 0 here with a gradient of 0, as zero_infinity=True in
    torch.

    blank: the class that stands for no token, from 0 to C - 1.

    Source: Graves et al. 2006, "Connectionist temporal classification: labelling unsegmented
    sequence data with recurrent neural networks"; computed by tf.nn.ctc_loss.
    """
    classes, frames = columns(logits), tf.shape(logits)[1]
    if blank >= classes:
        raise ValueError(f"The setting 'blank' is {blank} but there are {classes} classes, from 0.")
    if len(logits.shape) != 3 or len(tokens.shape) != 2:
        raise ValueError("'tokens' must be (batch, l) and 'logits' (batch, t, C).")
    same_shape(tokens=tokens[:, 0], logits=logits[:, 0, 0])
    tokens = tf.cast(tokens, tf.int32)
    there = tokens >= 0
    label_length = tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
    lengths = tf.fill([tf.shape(logits)[0]], frames)
    if length is not None:
        lengths = tf.cast(length, tf.int32)
    repeats = tf.cast((tokens[:, 1:] == tokens[:, :-1]) & there[:, 1:], tf.int32)
    fits = label_length + tf.reduce_sum(repeats, axis=1) <= lengths
    # An empty text in the place of one that does not fit, lest its infinity reach the gradient.
    label_length = tf.where(fits, label_length, tf.zeros_like(label_length))
    values = tf.nn.ctc_loss(
        labels=tf.where(there, tokens, tf.zeros_like(tokens)),
        logits=logits,
        label_length=label_length,
        logit_length=lengths,
        logits_time_major=False,
        blank_index=blank,
    )
    return tf.where(fits, values, tf.zeros_like(values))


@tfloss.loss(
    latex=r"\log Z(z,A)-\sum_tz_{t,y_t}-\sum_tA_{y_{t-1}y_t}",
    range=(0, None),
    domains={"tokens": "tokens", "logits": "sequences"},
    state=lambda shapes, settings: {
        "transitions": tfloss.LossVariable((shapes["logits"][-1],) * 2, "glorot_uniform")
    },
    family="sequences",
    example="crf(tags, logits=frames)",
)
def crf(tokens: Any, logits: Any, *, state: Any) -> Any:
    """Conditional random field: the likelihood of a whole sequence of tags, with their transitions.

    tokens: (batch, t), the tag of each moment, whole numbers below C; a negative one is left out.
    logits: (batch, t, C).
    Returns (batch,), in nats.

    Held: transitions, (C, C), the score of a tag after another, trained with the student.

    Source: Lafferty, McCallum and Pereira 2001, "Conditional random fields: probabilistic models
    for segmenting and labeling sequence data".
    """
    if len(logits.shape) != 3 or len(tokens.shape) != 2:
        raise ValueError("'tokens' must be (batch, t) and 'logits' (batch, t, C).")
    several_columns("crf", "give one for each tag", logits=logits)
    same_shape(tokens=tokens, logits=logits[:, :, 0])
    transitions, steps = state["transitions"], logits.shape[1]
    tokens = tf.cast(tokens, tf.int32)
    there = tf.cast(tokens >= 0, logits.dtype)
    chosen = tf.one_hot(tokens, columns(logits), dtype=logits.dtype)
    unknown = tf.constant(float("nan"), logits.dtype)
    chosen = tf.where((tokens < columns(logits))[:, :, None], chosen, unknown)
    # Where a tag is left out the one before it stays.
    alpha, last = there[:, 0, None] * logits[:, 0], chosen[:, 0]
    started, own = there[:, 0], tf.reduce_sum(chosen[:, 0] * logits[:, 0], axis=-1)
    for step in range(1, steps):
        here, scores = there[:, step, None], logits[:, step]
        moved = tf.reduce_logsumexp(alpha[:, :, None] + transitions[None], axis=1)
        alpha += here * (tf.where(started[:, None] > 0, moved - alpha, 0 * moved) + scores)
        passed = tf.reduce_sum(tf.matmul(last, transitions) * chosen[:, step], axis=-1)
        own += passed + tf.reduce_sum(chosen[:, step] * scores, axis=-1)
        last = here * chosen[:, step] + (1 - here) * last
        started = tf.maximum(started, there[:, step])
    whole = tf.where(started > 0, tf.reduce_logsumexp(alpha, axis=-1), 0 * alpha[:, 0])
    return whole - own


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [ctc, crf]
