"""A plugin that imports TensorFlow when its name is listed."""

import tensorflow as tf

import tfloss


@tfloss.loss(latex=r"|\hat y-y|", range=(0, None), zero_at_optimum=True, kinks=("equal",))
def heavy(labels, prediction):
    """Absolute error, from a module that is dear to import.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: Laplace 1774.
    """
    if labels.shape != prediction.shape:
        raise ValueError("the shapes differ")
    return tf.reduce_mean(tf.abs(prediction - labels), axis=-1)
