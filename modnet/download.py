"""Downloads: a file whose content is known, whole and right or not at all, gone on with where they broke off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from modnet.errors import DataError
from modnet.files.locks import alone
from modnet.files.partial import PartFile

TIMEOUT = 30.0
"""How long a server may be silent, in seconds."""

PAUSE = 1.0
"""Before the second try, in seconds; twice as long before each one after."""


def fetch(
    urls: Sequence[str],
    path: Path,
    sha256: str,
    size: int,
    *,
    advice: str = "",
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
) -> bool:
    """Download a file, unless it is there and right, and return whether it had to be downloaded.

    `sha256` and `size` are those of its content, unpacked if it comes compressed, as every mirror compresses anew. The
    `urls` (http or https) are tried in turn; of a connection that breaks off, the rest is asked for. What has come is
    kept beside `path` as .part, and the next call goes on from there if the server still has the same file. Raises
    DataError, with `advice` as its second line, where no URL gave that content; `path` is untouched then.
    """
    for url in urls:
        if not is_web_address(url):
            raise DataError(f"{url}: not the address of a file that can be downloaded, expected http:// or https://")
    target = PartFile(path, sha256, size)
    if target.is_there():
        return False
    from modnet.files.transfer import complete  # it loads what TLS takes, which nothing else needs

    with _writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.with_name(f".{path.name}.lock")):
            if target.is_there():  # another process was at it
                return False
            try:
                complete(urls, target, advice, timeout, pause)
                target.finish()
            finally:
                if not target.origin()[1]:  # nothing that could be gone on with
                    target.discard()
    return True


def is_web_address(url: str) -> bool:
    """Say whether a text is a URL that `fetch` can take.

    >>> is_web_address("https://example.org/mnist"), is_web_address("file:///etc/hosts")
    (True, False)
    """
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    return False


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turn a disk that is full, or a folder that cannot be written, into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from None
