"""Data sets as networks need them, raw rows, preparation of columns."""

from modnet.data.dataset import Dataset, check_feature_names
from modnet.data.labels import TargetScale, check_classes, is_missing, to_float64, to_weights
from modnet.data.rows import find_features, infer_scale, list_names, read_tables
from modnet.data.samples import describe_part

__all__ = [
    "Dataset", "TargetScale", "check_classes", "check_feature_names", "describe_part", "find_features", "infer_scale",
    "is_missing", "list_names", "read_tables", "to_float64", "to_weights",
]  # fmt: skip
