"""Data sets as networks need them, raw rows, preparation of columns."""

from modnet.data.columns import describe_column
from modnet.data.dataset import Unprepared, check_feature_names
from modnet.data.labels import TargetScale, check_classes, is_missing, to_float64
from modnet.data.preparation import PreparedColumn, find_places
from modnet.data.rows import encode_tables, find_features, infer_scale, list_names, make_samples, read_tables
from modnet.data.samples import describe_part

__all__ = [
    "PreparedColumn", "TargetScale", "Unprepared", "check_classes", "check_feature_names",
    "describe_column", "describe_part", "encode_tables", "find_features", "find_places", "infer_scale", "is_missing",
    "list_names", "make_samples", "read_tables", "to_float64",
]  # fmt: skip
