"""Options that cannot be are refused in a sentence, before anything is built."""

from __future__ import annotations

import numpy as np
import pytest

import tfloss
from tfloss.errors import UsageError
from tfloss.training.stream import fit_stream


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"epochs": 2.5}, "epochs is 2.5; it must be a whole number"),
        ({"epochs": "3"}, "epochs is '3'; it must be a whole number"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"compile": "xxla"}, "compile cannot be 'xxla'. Did you mean 'xla'"),
        ({"on_nan": "go"}, "on_nan cannot be 'go'"),
    ],
)
def test_both_ways_to_train_refuse(options, words):
    data = tfloss.load_data((np.arange(20.0).reshape(10, 2), np.arange(10) % 2))
    with pytest.raises(UsageError) as caught:
        tfloss.fit("bce", data, **options)
    assert words in str(caught.value)
    with pytest.raises(UsageError) as caught:
        fit_stream("bce", None, "mlp:3", **{"steps_per_epoch": 1, **options})
    assert words in str(caught.value)


def test_an_evaluation_every_zero_epochs_is_refused():
    data = tfloss.load_data((np.arange(20.0).reshape(10, 2), np.arange(10) % 2))
    with pytest.raises(UsageError, match="evaluate_every is 0"):
        tfloss.fit("bce", data, evaluate_every=0)
    with pytest.raises(UsageError, match="steps_per_epoch is 0"):
        fit_stream("bce", None, "mlp:3", steps_per_epoch=0)
