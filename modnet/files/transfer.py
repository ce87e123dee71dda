"""Files from the web, by HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, cast
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import attrs

from modnet.files import tell_progress
from modnet.text import printable

TRIES = 4
CHUNK = 2**16
TRANSIENT = {429, 500, 502, 503, 504}


class TransferError(Exception):
    """A URL that a file did not come from, and whether it is worth another try."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@attrs.frozen
class Transfer:
    """A download of one file, of `most` bytes at most."""

    name: Path  # the path whose progress is reported
    most: int
    timeout: float
    pause: float

    def receive(self, url: str, target: Path) -> str:
        """Write what a URL gives to `target`, in a few tries at most; return its media type; raises TransferError."""
        for tries in range(TRIES - 1):
            try:
                return self._try(url, target)
            except TransferError as error:
                if not error.again:
                    raise
            time.sleep(self.pause * 2**tries)
        return self._try(url, target)

    def _try(self, url: str, target: Path) -> str:
        asked = request.Request(url, headers={"User-Agent": "modnet"})  # noqa: S310 - fetch and _Redirects know no other schemes
        with _network():
            response: HTTPResponse = request.build_opener(_Redirects).open(asked, timeout=self.timeout)
        with response:
            if response.status != 200:
                raise TransferError(f"answers {response.status}, not with what was asked for")
            self._copy(response, target)
            return response.headers.get_content_type()

    def _copy(self, response: HTTPResponse, target: Path) -> None:
        expected, done = response.length, 0
        with target.open("wb") as file:
            while done != expected and max(done, expected or 0) <= self.most:
                try:
                    with _network():
                        piece = response.read1(CHUNK if expected is None else min(CHUNK, expected - done))
                except TransferError as error:
                    raise TransferError(f"{error} after {done:,} bytes", again=done > 0) from None
                if not piece:
                    break
                file.write(piece)
                done += len(piece)
                tell_progress(self.name, done, expected or self.most)
        if max(done, expected or 0) > self.most:
            raise TransferError(f"sends more than the {self.most:,} bytes that the file has at most")
        if expected is not None and done < expected:
            raise TransferError(f"broke off after {done:,} of {expected:,} bytes", again=done > 0)


class _Redirects(request.HTTPRedirectHandler):
    """Redirects to http and https alone, without what comes with them, which need not end."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> request.Request | None:
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise URLError(f"redirects to {newurl}, expected http:// or https://")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> HTTPResponse | None:
        fp.close()
        return cast(HTTPResponse | None, super().http_error_302(req, fp, code, msg, headers))

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


@contextmanager
def _network() -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        error.close()
        raise TransferError(f"{error.code} {_first_line(error.reason)}", again=error.code in TRANSIENT) from None
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        text = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
        raise TransferError(_first_line(text)) from None


def _first_line(text: object) -> str:
    return printable(str(text).partition("\n")[0], 200)
