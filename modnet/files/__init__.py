"""Files: opened, compressed or not, reported on, and written whole or not at all."""

from modnet.files.cache import ABOUT, ARRAYS, cache_folder, digest, hash_file, read_note, remove, write_note
from modnet.files.foreign import describe_foreign
from modnet.files.locks import hold_lock
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
from modnet.files.writing import replacing, sweep, sync_folder, write_atomically
from modnet.text import format_size, list_some, printable, quote, write_csv

__all__ = [
    "ABOUT", "ARRAYS", "CHUNK", "COMPRESSED", "LIMIT", "ZIP", "cache_folder", "compression", "created",
    "describe_foreign", "digest", "first_name", "format_size", "hash_file", "head_of", "hold_lock", "list_some",
    "member_name", "opened", "part_paths", "printable", "quote", "read_bytes", "read_note", "reading", "remove",
    "replacing", "sweep", "sync_folder", "tell_progress", "telling", "uncompressed_name", "write_atomically",
    "write_csv", "write_note",
]  # fmt: skip
