"""Downloads of files whose content is known."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from modnet import DataError, MissingExtraError
from modnet.files import (
    CHUNK,
    hash_file,
    hold_lock,
    opened,
    printable,
    reading,
    replacing,
    sweep,
    tell_progress,
    telling,
)

TIMEOUT = 30.0  # silence of a server, in seconds, after which the connection counts as broken
PAUSE = 1.0  # wait before the second try, in seconds; doubled before each one after
TRIES = 4
PIECE = 2**16
BUSY = {429, 500, 502, 503, 504}  # answers of a server that may have time in a moment


class _TryAgainError(DataError):
    """A failure that may be gone in a moment."""


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
    `urls` (http or https) are tried in turn; a download that breaks off starts again. Another process that wants the
    same file waits for it. Raises DataError, with `advice` as its second line, where no URL gave that content; `path`
    is untouched then.
    """
    if not urls:
        raise DataError(f"{path.name}: no URL to download it from: give at least one")
    for url in urls:
        if not is_web_address(url):
            raise DataError(f"{url}: not the address of a file that can be downloaded, expected http:// or https://")
    if path.is_file() and _hash_content(path, size) == sha256:
        return False
    failures = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(path.with_name(f".{path.name}.lock"), wait=True):
            if path.is_file() and _hash_content(path, size) == sha256:  # another process has downloaded it
                return False
            sweep(path)
            for url in urls:
                try:
                    with replacing(path) as new:
                        _download(url, new, path, sha256, size, timeout=timeout, pause=pause)
                        return True
                except DataError as error:
                    failures.append(f"{urlsplit(url).netloc.rpartition('@')[2]}: {error}")
    except OSError as error:  # a disk that is full, or a folder that cannot be written
        raise DataError(f"{path.parent}: cannot be written: {error.strerror or error}") from None
    raise DataError(f"{path.name} cannot be downloaded: {'; '.join(failures)}\n{advice}".rstrip("\n"))


def is_web_address(url: str) -> bool:
    """Say whether a text is a URL that `fetch` can take.

    >>> is_web_address("https://example.org/mnist"), is_web_address("file:///etc/hosts")
    (True, False)
    """
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    return False


def _download(url: str, new: Path, path: Path, sha256: str, size: int, *, timeout: float, pause: float) -> None:
    """Write what a URL gives to a new file, for which progress is reported as `path`; raises DataError."""
    most = size + size // 100 + 4096  # more bytes than any compression makes of the content
    for tries in range(TRIES):
        try:
            with new.open("wb") as file:
                for piece, total in _receive(url, most, timeout):
                    file.write(piece)
                    tell_progress(path, file.tell(), total)
            break
        except _TryAgainError:
            if tries == TRIES - 1:
                raise
        time.sleep(pause * 2**tries)
    if (found := _hash_content(new, size)) != sha256:
        with new.open("rb") as file:
            page = ", a web page" if file.read(PIECE).lstrip().startswith(b"<") else ""
        raise DataError(f"expected content with SHA-256 {sha256}, found {found}{page}")


def _receive(url: str, most: int, timeout: float) -> Iterator[tuple[bytes, int]]:
    """Yield what a URL gives piece by piece, each with the bytes to expect of all; raises DataError.

    It is a _TryAgainError where the server is busy, or the connection breaks off after it got anywhere.
    """
    from http.client import HTTPException  # these load what TLS takes, which nothing else needs
    from urllib.error import HTTPError
    from urllib.request import Request, build_opener

    done = 0
    try:
        asked = Request(url, headers={"User-Agent": "modnet"})  # noqa: S310 - fetch knows no other schemes
        with build_opener().open(asked, timeout=timeout) as response:
            if response.status != 200:
                raise DataError(f"answers {response.status}, not with what was asked for")
            total = response.length
            while max(done, total or 0) <= most and (piece := response.read1(PIECE)):
                done += len(piece)
                yield piece, total or most
            if max(done, total or 0) > most:
                raise DataError(f"sends more than the {most:,} bytes that the file has at most")
            if response.length:
                raise ConnectionError(f"broke off after {done:,} of {total:,} bytes")
    except HTTPError as error:
        error.close()
        raise (_TryAgainError if error.code in BUSY else DataError)(f"{error.code} {_describe(error)}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise (_TryAgainError if done else DataError)(_describe(error)) from None


def _describe(error: Exception) -> str:
    """Return the first line of what went wrong."""
    from urllib.error import URLError

    cause = error.reason if isinstance(error, URLError) else error
    text = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    return printable(text.partition("\n")[0], 200)


def _hash_content(path: Path, size: int) -> str:
    """Return the SHA-256 of a file's content, unpacked; in words where it is longer, or cannot be unpacked."""
    found, left = hashlib.sha256(), size + 1
    with telling(lambda *_: None):  # the progress is the download's
        try:
            with reading(path), opened(path) as file:
                while left and (piece := file.read(min(CHUNK, left))):
                    found.update(piece)
                    left -= len(piece)
        except (DataError, MissingExtraError):
            return f"a damaged file with SHA-256 {hash_file(path)}"
    return found.hexdigest() if left else f"more than its {size:,} bytes"
