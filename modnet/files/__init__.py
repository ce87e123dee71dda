"""Files: opened, compressed or not, reported on, and written whole or not at all."""

from modnet.files.cache import cache_folder, digest
from modnet.files.foreign import describe_foreign
from modnet.files.opening import (
    CHUNK,
    COMPRESSED,
    LIMIT,
    ZIP,
    compression,
    created,
    first_name,
    head_of,
    member_name,
    opened,
    part_paths,
    read_bytes,
    reading,
    tell_progress,
    telling,
    uncompressed_name,
)
from modnet.files.writing import replacing, sweep, write_atomically
from modnet.text import format_size, list_some, printable, quote, write_csv

__all__ = [
    "CHUNK", "COMPRESSED", "LIMIT", "ZIP", "cache_folder", "compression", "created", "describe_foreign", "digest",
    "first_name", "format_size", "head_of", "list_some", "member_name", "opened", "part_paths", "printable",
    "quote", "read_bytes", "reading", "replacing", "sweep", "tell_progress", "telling", "uncompressed_name",
    "write_atomically", "write_csv",
]  # fmt: skip
