"""Whether tf.data has anything to tune in a dataset.

An iterator ends by waiting for the thread that tunes its pipeline, a tenth of a second on a machine
with nothing else to do and seconds on a busy one. Without anything to tune, nobody needs it.
"""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf

# By name, since TensorFlow does not export them. Those that call functions which return datasets
# of their own (flat_map, interleave, from_generator) are not among them.
_PLAIN = {
    "_BatchDataset",
    "CacheDataset",
    "_ConcatenateDataset",
    "_FilterDataset",
    "_MapDataset",
    "_OptionsDataset",
    "_PrefetchDataset",
    "_RangeDataset",
    "_RebatchDataset",
    "_RepeatDataset",
    "_RestructuredDataset",
    "_ShuffleDataset",
    "_SkipDataset",
    "_TakeDataset",
    "_TakeWhileDataset",
    "_TensorDataset",
    "_TensorSliceDataset",
    "_ZipDataset",
}


def without_idle_tuning(dataset: Any) -> Any:
    """The same dataset, not tuned where every step of it is known to have nothing to tune."""
    if dataset.options().autotune.enabled is not None or not _nothing_to_tune(dataset):
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _nothing_to_tune(dataset: Any) -> bool:
    if type(dataset).__name__ not in _PLAIN:
        return False
    if int(getattr(dataset, "_buffer_size", 0)) == tf.data.AUTOTUNE:
        return False
    return all(map(_nothing_to_tune, dataset._inputs()))
