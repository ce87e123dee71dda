"""Arrays in .npy and .npz files that modnet has written."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np

from modnet.types import Array

EMPTY = 2**20  # the product of the sides that an array without elements may have, at most


def unpack_array(content: bytes) -> Array:
    """Return the array in the bytes of an .npy file; raises ValueError where it is not as long as it says."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    found, declared = len(content) - file.tell(), math.prod(shape) * dtype.itemsize
    # Memory is taken for what is declared, and lists are made of sides, even beside one of 0.
    if declared != found or not dtype.itemsize or math.prod(side or 1 for side in shape) > max(found, EMPTY):
        raise ValueError(f"an array of {declared:,} bytes is declared, {found:,} are there")
    file.seek(0)
    return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def unpack_arrays(content: bytes) -> dict[str, Array]:
    """Return the arrays in the bytes of an .npz file, by name.

    Raises ValueError where a member is no array, or they would take more memory than the file, as only compressed or
    overlapping members do, which modnet does not write; and whatever zipfile raises.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        if sum(info.file_size for info in infos) > len(content):
            raise ValueError("its arrays are larger than the file")
        if odd := [info.filename for info in infos if not info.filename.endswith(".npy")]:
            raise ValueError(f"{odd[0]} is no array")
        return {info.filename.removesuffix(".npy"): unpack_array(archive.read(info)) for info in infos}
