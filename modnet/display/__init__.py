"""Display: tables of text, and figures that come to files."""

from modnet.display.figure import COLORS, GREY, create_panels, drawing, save_figure, try_to_draw
from modnet.nn.metrics import format_column
from modnet.text import format_count, format_table, list_some, to_csv

__all__ = [
    "COLORS", "GREY", "create_panels", "drawing", "format_column", "format_count", "format_table", "list_some",
    "save_figure", "to_csv", "try_to_draw",
]  # fmt: skip
