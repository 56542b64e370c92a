"""A trained student as a file that other programs run, compared with the student on real rows."""

from tfloss.exporting.export import Exported, export
from tfloss.exporting.formats import FORMATS, format_of, refuse_missing
from tfloss.exporting.source import Source, source_of_result, source_of_run

__all__ = [
    "FORMATS",
    "Exported",
    "Source",
    "export",
    "format_of",
    "refuse_missing",
    "source_of_result",
    "source_of_run",
]
