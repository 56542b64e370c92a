"""From a table of rows to the columns that training needs; no TensorFlow."""

from tfloss.data.augment import augment
from tfloss.data.categories import Embedding
from tfloss.data.chunks import rows_at_once
from tfloss.data.classes import Classes
from tfloss.data.columns import Columns
from tfloss.data.encoder import Encoder
from tfloss.data.kinds import KINDS, Doubt, refuse_doubts
from tfloss.data.leakage import LEAKS, leak_warning
from tfloss.data.loading import choose_features, load_dataset, table_from
from tfloss.data.prepared import FeatureSource, PreparedData, arrange, prepare
from tfloss.data.same_inputs import with_same_inputs
from tfloss.data.scaling import SCALES, Scaler
from tfloss.data.scoring import score
from tfloss.data.split import Split, split_rows
from tfloss.data.summary import understood
from tfloss.data.table import Table
from tfloss.io.archive_check import check_archive
from tfloss.io.unpacking import open_gzip, refuse_too_much

__all__ = [
    "KINDS",
    "LEAKS",
    "SCALES",
    "Classes",
    "Columns",
    "Doubt",
    "Embedding",
    "Encoder",
    "FeatureSource",
    "PreparedData",
    "Scaler",
    "Split",
    "Table",
    "arrange",
    "augment",
    "check_archive",
    "choose_features",
    "leak_warning",
    "load_dataset",
    "open_gzip",
    "prepare",
    "refuse_doubts",
    "refuse_too_much",
    "rows_at_once",
    "score",
    "split_rows",
    "table_from",
    "understood",
    "with_same_inputs",
]
