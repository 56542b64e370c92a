"""From a table of rows to the columns that training needs; no TensorFlow."""

from tfloss.data.augment import augment
from tfloss.data.chunks import rows_at_once
from tfloss.data.classes import Classes
from tfloss.data.columns import Columns
from tfloss.data.leakage import LEAKS, leak_warning
from tfloss.data.loading import load_dataset
from tfloss.data.prepared import PreparedData, arrange, prepare
from tfloss.data.scaling import SCALES, Scaler
from tfloss.data.scoring import score
from tfloss.data.split import Split, split_rows
from tfloss.data.table import Table
from tfloss.io.archive_check import check_archive

__all__ = [
    "LEAKS",
    "SCALES",
    "Classes",
    "Columns",
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
    "rows_at_once",
    "score",
    "split_rows",
]
