"""Downloads of files whose content is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from modnet.errors import DataError, MissingExtraError
from modnet.files import CHUNK, opened, reading, replacing, sweep, telling
from modnet.files.locks import hold_lock

TIMEOUT = 30.0  # silence of a server, in seconds, after which the connection counts as broken
PAUSE = 1.0  # wait before the second try, in seconds; doubled before each one after


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
    if _is_right(path, sha256, size):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(path.with_name(f".{path.name}.lock"), wait=True):
            if _is_right(path, sha256, size):  # another process has downloaded it
                return False
            sweep(path)
            failures = _download(urls, path, sha256, size, timeout, pause)
    except OSError as error:  # a disk that is full, or a folder that cannot be written
        raise DataError(f"{path.parent}: cannot be written: {error.strerror or error}") from None
    if failures:
        raise DataError(f"{path.name} cannot be downloaded: {'; '.join(failures)}\n{advice}".rstrip("\n"))
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


def _download(urls: Sequence[str], path: Path, sha256: str, size: int, timeout: float, pause: float) -> list[str]:
    """Take the file from the first URL that gives the right content; return why each one failed if none does."""
    from modnet.files.transfer import receive  # it loads what TLS takes, which nothing else needs

    most = size + size // 100 + 4096  # more bytes than any compression makes of the content
    failures = []
    for url in urls:
        try:
            with replacing(path) as new:
                media_type = receive(url, new, path, most, timeout=timeout, pause=pause)
                _check_content(new, sha256, size, media_type)
                return []
        except DataError as error:
            failures.append(f"{urlsplit(url).netloc.rpartition('@')[2]}: {error}")
    return failures


def _is_right(path: Path, sha256: str, size: int) -> bool:
    return path.is_file() and _content(path, size) == sha256


def _check_content(path: Path, sha256: str, size: int, media_type: str) -> None:
    if (found := _content(path, size)) != sha256:
        page = ", a web page" if media_type == "text/html" else ""
        raise DataError(f"expected content with SHA-256 {sha256}, found {found}{page}")


def _content(path: Path, size: int) -> str:
    """Return the SHA-256 of a file's content, unpacked; in words where it is longer, or cannot be unpacked."""
    found, left = hashlib.sha256(), size + 1
    try:
        with telling(lambda *_: None), reading(path), opened(path) as file:  # the progress is the download's
            while left and (piece := file.read(min(CHUNK, left))):
                found.update(piece)
                left -= len(piece)
    except (DataError, MissingExtraError):
        with reading(path), path.open("rb") as file:
            return f"a damaged file with SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
    return found.hexdigest() if left else f"more than its {size:,} bytes"
