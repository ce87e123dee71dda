"""Parameters on disk: atomic, bit for bit, without pickle."""

from __future__ import annotations

import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from modnet.errors import DataError
from modnet.files import write_atomically
from modnet.types import Array, Params


def params_sha256(params: Params) -> str:
    """Return the SHA-256 of all parameters: their names, dtypes, shapes and little-endian bytes.

    >>> params_sha256({"b1": np.zeros(2)})[:16]
    'bcebd382c00962f5'
    """
    digest = sha256()
    for name in sorted(params):
        value = np.asarray(params[name])
        digest.update(json.dumps([name, value.dtype.name, value.shape]).encode())
        digest.update(np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def save_params(path: Path, params: Params, about: dict[str, Any]) -> None:
    """Write parameters and a JSON-able description as an npz file."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, about=np.array(json.dumps(about)), **params)
    write_atomically(path, content.getvalue())


def load_params(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the parameters and the description; raises DataError where the file is missing or damaged."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            params = {name: file[name] for name in file.files}
        about: dict[str, Any] = json.loads(str(params.pop("about")))
    except FileNotFoundError:
        raise DataError(f"{path}: there are no parameters; has the run been started?") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not the parameters of a run, or damaged ({error})") from None
    return params, about
