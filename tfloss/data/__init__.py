"""From a table of rows to the columns that training needs; no TensorFlow."""

from tfloss.archives import check_archive
from tfloss.data.augment import augment
from tfloss.data.classes import Classes
from tfloss.data.loading import load_dataset
from tfloss.data.prepared import Part, PreparedData, arrange, prepare
from tfloss.data.redraw import LEAKS, leak_warning
from tfloss.data.scaling import Scaler
from tfloss.data.split import Split, split_rows
from tfloss.data.table import Table

__all__ = [
    "LEAKS",
    "Classes",
    "Part",
    "PreparedData",
    "Scaler",
    "Split",
    "Table",
    "arrange",
    "augment",
    "check_archive",
    "leak_warning",
    "load_dataset",
    "prepare",
    "split_rows",
]
