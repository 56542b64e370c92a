"""Functions of sequences, (batch, steps, …), inside a loss's arguments."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast


@tfloss.function(on="tensors", latex=r"\log p\left({1}\mid{0}\right)")
def log_prob(logits: Any, tokens: Any, mask: Any = None) -> Any:
    """Log-probability of a whole sequence under a language model's logits.

    `dpo(chosen=log_prob(good, good_tokens, good_mask), …)` is a preference loss on a causal model.

    logits: (batch, steps, vocabulary); position t predicts token t (shift the tokens beforehand).
    tokens: (batch, steps), whole numbers.
    mask: (batch, steps), 1 where a token counts, 0 for padding and the prompt; default: all count.
    Returns (batch,): the sum over the steps that count, 0 or below.

    Source: Rafailov et al. 2023, "Direct preference optimization", section 4.
    """
    if logits.shape.rank != 3 or tokens.shape.rank != 2:
        raise ValueError(
            f"'log_prob' takes logits of (batch, steps, vocabulary) and tokens of (batch, steps), "
            f"and got {logits.shape} and {tokens.shape}."
        )
    tokens = tf.cast(tokens, tf.int32)
    counts = tf.ones_like(logits[..., 0]) if mask is None else tf.cast(mask, logits.dtype)
    tf.ensure_shape(tokens, logits.shape[:2])
    tf.ensure_shape(counts, logits.shape[:2])
    # Padding is often -1 or 255, and no token of the vocabulary: it is read as token 0, unused.
    tokens = tf.where(counts > 0, tokens, tf.zeros_like(tokens))
    chosen = -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tokens, logits=logits)
    return tf.reduce_sum(tf.where(counts > 0, counts * chosen, tf.zeros_like(chosen)), axis=1)


@tfloss.function(on="tensors", latex=r"{0}_{{{1}}}")
def gather(x: Any, positions: Any) -> Any:
    """The rows of a sequence at given positions: the last step that counts, the masked tokens.

    x: (batch, steps, …).  positions: (batch,) or (batch, m), whole numbers from 0 to steps - 1.
    Returns (batch, …) or (batch, m, …).
    """
    return tf.gather(x, tf.cast(positions, tf.int32), batch_dims=1)


@tfloss.function(on="tensors", latex=r"\left|\mathrm{{STFT}}\left({0}\right)\right|")
def stft(
    x: Any,
    *,
    frame: Annotated[int, AtLeast(2)] = 256,
    step: Annotated[int, AtLeast(1)] = 128,
) -> Any:
    """Magnitudes of the short-time Fourier transform under a periodic Hann window.

    x: (batch, samples), a waveform of at least `frame` samples.
    Returns (batch, frames, frame//2 + 1) for a `frame` that is a power of two, never below 1e-6,
    below which the gradient is zero.

    frame: samples of one window.  step: samples from one window to the next.

    Source: `tf.signal.stft`.
    """
    spectrum = tf.signal.stft(x, frame_length=frame, frame_step=step)
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return tf.sqrt(tf.maximum(power, 1e-12))


@tfloss.hookimpl
def tfloss_functions() -> list[Any]:
    """Register this module's functions."""
    return [log_prob, gather, stft]
