"""Bytes from the web: the first URL that gives the right content, the rest where a connection breaks off."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from modnet.errors import DataError
from modnet.files import tell_progress
from modnet.files.partial import PartFile
from modnet.text import printable

TRIES = 4
CHUNK = 2**16
TRANSIENT = {429, 500, 502, 503, 504}
NO_SUCH_RANGE = 416


class _FailedError(Exception):
    """A URL from which the file did not come, and whether it is worth another try."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def complete(urls: Sequence[str], target: PartFile, advice: str, timeout: float, pause: float) -> None:
    """Have the file come from the first URL that gives the right content; the one that a part came from is asked first.

    Raises DataError, with `advice` as its second line, where none does.
    """
    begun, _ = target.origin()
    failures = []
    for url in sorted(urls, key=lambda url: url != begun):
        try:
            _from(url, target, timeout, pause)
        except _FailedError as error:
            failures.append(f"{urlsplit(url).netloc.rpartition('@')[2]}: {error}")
        else:
            return
    kept = ""
    if target.origin()[1]:
        kept = f"; {target.part.stat().st_size:,} bytes are kept, and the next call goes on from there"
    lines = (f"{target.path.name} cannot be downloaded: {'; '.join(failures)}{kept}", advice)
    raise DataError("\n".join(filter(None, lines)))


def _from(url: str, target: PartFile, timeout: float, pause: float) -> None:
    """Complete the part from one URL; raises _FailedError."""
    for tries in range(1, TRIES + 1):
        try:
            _try(url, target, timeout)
        except _FailedError as error:
            if not error.again or tries == TRIES:
                raise
            time.sleep(pause * 2 ** (tries - 1))
        else:
            return


def _try(url: str, target: PartFile, timeout: float) -> None:
    """Ask for what is missing, or for all of it, and take what comes."""
    if target.is_complete():  # whoever was at it was stopped before it could say so
        return
    begun, mark = target.origin()
    start = target.part.stat().st_size if begun == url and mark else 0
    asked = request.Request(url, headers={"User-Agent": "modnet"})  # noqa: S310 - the opener knows no other schemes
    if start:
        asked.add_header("Range", f"bytes={start}-")
        asked.add_header("If-Range", mark)
    try:
        with _network():
            response = _opener().open(asked, timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == NO_SUCH_RANGE:
            target.discard()
        again = error.code in TRANSIENT or (start > 0 and error.code == NO_SUCH_RANGE)
        raise _FailedError(_in_words(error), again=again) from None
    with response:
        if not _goes_on(response, start, mark):
            if response.status != 200:
                target.discard()
                raise _FailedError(f"answers {response.status}, not with what was asked for", again=start > 0)
            start = 0
            target.begin(url, _mark(response))
        _receive(response, target, start)
    if not target.is_complete():
        found = target.found()
        page = ", a web page" if response.headers.get_content_type() == "text/html" else ""
        target.discard()
        # If the first bytes were there before, they may be what is wrong.
        raise _FailedError(f"expected content with SHA-256 {target.sha256}, found {found}{page}", again=start > 0)


def _goes_on(response: HTTPResponse, start: int, mark: str) -> bool:
    """Say whether a response is the rest of the file that `mark` stands for, from byte `start` on."""
    if response.status != 206 or not start:
        return False
    place = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return place is not None and int(place[1]) == start and _mark(response) in {mark, ""}


def _mark(response: HTTPResponse) -> str:
    """Return what tells this very file from any other at the same URL, or ""."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")  # a weak tag is not exact enough


def _receive(response: HTTPResponse, target: PartFile, start: int) -> None:
    """Add what comes to the part."""
    end = None if response.length is None else start + response.length
    done = start
    with target.part.open("ab") as file:
        while done != end and max(done, end or 0) <= target.most:
            try:
                with _network():
                    piece = response.read1(CHUNK if end is None else min(CHUNK, end - done))
            except _FailedError as error:
                raise _FailedError(f"{error} after {done:,} bytes", again=done > start) from None
            if not piece:
                break
            file.write(piece)
            file.flush()  # so that it is kept even if the process is killed
            done += len(piece)
            tell_progress(target.path, done, end or target.most)
    if max(done, end or 0) > target.most:
        target.discard()
        raise _FailedError(f"sends more than the {target.most:,} bytes that the file has at most")
    if end is not None and done < end:
        raise _FailedError(f"broke off after {done:,} of {end:,} bytes", again=done > start)


class _Redirects(request.HTTPRedirectHandler):
    """Redirects, without what comes with them, which need not end."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> request.Request | None:
        fp.close()
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> request.OpenerDirector:
    """Return an opener of http and https alone, wherever a redirect points to, by the proxies of the environment."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.UnknownHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        _Redirects,
        request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


@contextmanager
def _network() -> Iterator[None]:
    """Turn what goes wrong with a connection, but an answer that says so, into _FailedError."""
    try:
        yield
    except HTTPError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise _FailedError(_in_words(error)) from None


def _in_words(error: Exception) -> str:
    """Return why a connection failed, in a line."""
    if isinstance(error, HTTPError):
        text = f"{error.code} {error.reason}"
    else:
        cause = error.reason if isinstance(error, URLError) else error
        text = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    return printable(text.partition("\n")[0], 200)
