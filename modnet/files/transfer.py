"""Files from the web, by HTTP."""

from __future__ import annotations

import time
from contextlib import suppress
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from modnet.errors import DataError
from modnet.files import tell_progress
from modnet.text import printable

TRIES = 4
CHUNK = 2**16
BUSY = {429, 500, 502, 503, 504}  # answers of a server that may have time in a moment
FAILURES = (OSError, HTTPException, ValueError)


class _TryAgainError(DataError):
    """A failure that may be gone in a moment."""


def receive(url: str, target: Path, path: Path, most: int, *, timeout: float, pause: float) -> str:
    """Write what a URL gives, `most` bytes at most, to `target`; return its media type; raises DataError.

    Where a connection breaks off, or a server is busy, it starts again, a few times. Progress is reported for `path`.
    """
    for tries in range(TRIES - 1):
        with suppress(_TryAgainError):
            return _receive(url, target, path, most, timeout)
        time.sleep(pause * 2**tries)
    return _receive(url, target, path, most, timeout)


def _receive(url: str, target: Path, path: Path, most: int, timeout: float) -> str:
    with _open(url, timeout) as response, target.open("wb") as file:
        expected, done = response.length, 0
        end = most + 1 if expected is None else min(expected, most + 1)
        while piece := _read(response, min(CHUNK, end - done), done):
            file.write(piece)
            done += len(piece)
            tell_progress(path, done, expected or most)
        if max(done, expected or 0) > most:
            raise DataError(f"sends more than the {most:,} bytes that the file has at most")
        if expected is not None and done < expected:
            raise _make_error(done, f"broke off after {done:,} of {expected:,} bytes")
        return response.headers.get_content_type()


def _open(url: str, timeout: float) -> HTTPResponse:
    asked = request.Request(url, headers={"User-Agent": "modnet"})  # noqa: S310 - fetch and _Redirects know no other schemes
    try:
        response: HTTPResponse = request.build_opener(_Redirects).open(asked, timeout=timeout)
    except HTTPError as error:
        error.close()
        raise (_TryAgainError if error.code in BUSY else DataError)(_describe(error)) from None
    except FAILURES as error:
        raise DataError(_describe(error)) from None
    if response.status != 200:
        response.close()
        raise DataError(f"answers {response.status}, not with what was asked for")
    return response


def _read(response: HTTPResponse, size: int, done: int) -> bytes:
    try:
        return response.read1(size)
    except FAILURES as error:
        raise _make_error(done, f"{_describe(error)} after {done:,} bytes") from None


def _make_error(done: int, why: str) -> DataError:
    """Return the error of a connection that broke off; another one may get further if it got anywhere."""
    return _TryAgainError(why) if done else DataError(why)


class _Redirects(request.HTTPRedirectHandler):
    """Redirects to http and https alone, without what comes with them, which need not end."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> request.Request | None:
        fp.close()
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise URLError(f"redirects to {newurl}, expected http:// or https://")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _describe(error: Exception) -> str:
    """Return the first line of what went wrong."""
    cause = error.reason if isinstance(error, URLError) else error
    text = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    status = f"{error.code} " if isinstance(error, HTTPError) else ""
    return printable(f"{status}{text}".partition("\n")[0], 200)
