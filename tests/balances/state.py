"""The variables of a balance, outside of an objective."""

from __future__ import annotations

import numpy as np

from tfloss import tf


class Kept(dict):
    """Initial values by name; `update` puts new ones in their place."""

    def __init__(self, balance, members, **settings):
        declared = balance.state(members, settings)
        super().__init__(
            (name, tf.fill(held.shape, np.float32(held.initializer)))
            for name, held in declared.items()
        )

    def update(self, name, value):
        self[name] = tf.convert_to_tensor(value)
