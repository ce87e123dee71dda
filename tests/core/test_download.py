"""Downloads from a real server on this machine, which does what servers and lines do on bad days."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modnet import DataError
from modnet.download import fetch
from modnet.files import telling
from modnet.files.transfer import TRIES

INSIDE = np.random.default_rng(0).bytes(150_000)
SHA256 = hashlib.sha256(INSIDE).hexdigest()
PACKED = gzip.compress(INSIDE, mtime=0)
PACKED_ANEW = gzip.compress(INSIDE, compresslevel=1, mtime=5)
WRONG = gzip.compress(INSIDE[:-1] + b"?", mtime=0)


@attrs.frozen
class Answer:
    """How the server answers one request."""

    content: bytes = PACKED
    status: int = 200
    headers: dict[str, str] = attrs.Factory(lambda: {"ETag": '"one"'})
    ranges: bool = True
    """Whether it gives a part of the file, where that is asked for and the file is still the same."""
    blindly: bool = False
    """Whether it does so even if the file is another one by now."""
    declared: int | None = None
    """The Content-Length, where it is not that of what comes; below 0 none."""
    cut: int | None = None
    """The byte of the file at which the connection breaks off."""
    piece: int = 2**20
    wait: float = 0
    """Seconds after each piece."""
    turn: threading.Semaphore | None = None
    """Acquired before each piece, so that whoever releases it sets the pace."""
    hang_before: bool = False
    hang: bool = False
    endless: bool = False
    chunked: bool = False


class Site(ThreadingHTTPServer):
    """A server that gives the answers it was told, one for each request, and then the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = [Answer()]
        self.asked: list[tuple[str, str | None]] = []
        self.pieces: list[int] = []
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/file.gz"

    def answer(self, *answers: Answer) -> None:
        self.answers, self.asked, self.pieces = list(answers), [], []

    @property
    def sent(self) -> int:
        """How many bytes of the file it has sent since it was told."""
        return sum(self.pieces)

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it easy when a client hangs up."""


class Handler(BaseHTTPRequestHandler):
    server: Site
    pieces: list[int]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        site, wanted = self.server, self.headers.get("Range")
        site.asked.append((self.path, wanted))
        self.pieces = site.pieces  # an answer that is still being given counts no more after that
        answer = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
        self.close_connection = True
        if answer.hang_before:
            site.over.wait(20)
            return
        same = self.headers.get("If-Range") in {answer.headers.get("ETag"), answer.headers.get("Last-Modified")}
        status, start, length = answer.status, 0, len(answer.content)
        if wanted and answer.ranges and (same or answer.blindly) and status == 200:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            status = 206 if start < length else 416
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{length - 1}/{length}")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.declared is None or answer.declared >= 0:
            self.send_header("Content-Length", str(length - start if answer.declared is None else answer.declared))
        self.end_headers()
        end = length if answer.cut is None else min(answer.cut, length)
        self._send(answer, start, end)

    def _send(self, answer: Answer, start: int, end: int) -> None:
        while start < end or answer.endless:
            if answer.turn and not answer.turn.acquire(timeout=20):
                return
            piece = answer.content[start : min(start + answer.piece, end)] or bytes(2**16)
            self.pieces.append(len(piece))  # before the client has it, and asks
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            start += len(piece)
            self.server.over.wait(answer.wait)
        if answer.hang:
            self.server.over.wait(20)
        if answer.chunked and answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def site(no_proxy: None) -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file.gz"


def get(path: Path, *urls: str, timeout: float = 10, pause: float = 0.01, **options: Any) -> bool:
    return fetch(urls, path, SHA256, len(INSIDE), timeout=timeout, pause=pause, **options)


def whole(path: Path, content: bytes = PACKED) -> bool:
    """Say whether the file is there, and nothing else is."""
    return path.read_bytes() == content and [file.name for file in path.parent.iterdir()] == [path.name]


def nothing(path: Path) -> bool:
    return not path.parent.exists() or not list(path.parent.iterdir())


class TestOnAGoodDay:
    @pytest.mark.parametrize(
        "answer",
        [
            Answer(),
            Answer(headers={}),
            Answer(headers={}, declared=-1),
            Answer(chunked=True, piece=1000),
            Answer(piece=5000, wait=0.002),
            Answer(content=INSIDE),
            Answer(content=PACKED_ANEW),
            Answer(headers={"Content-Type": "application/x-gzip", "Content-Encoding": "gzip"}),
        ],
    )
    def test_what_is_downloaded_is_what_the_server_has(self, site: Site, path: Path, answer: Answer) -> None:
        site.answer(answer)
        assert get(path, site.url)
        assert whole(path, answer.content)
        assert site.sent == len(answer.content)

    def test_what_is_there_and_right_is_not_downloaded_again(self, site: Site, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(PACKED_ANEW)
        assert not get(path, site.url)
        assert whole(path, PACKED_ANEW)
        assert not site.asked

    @pytest.mark.parametrize("damaged", [b"", PACKED[:-9], WRONG, INSIDE + b"more", b"\x28\xb5\x2f\xfd zst"])
    def test_what_is_there_and_damaged_is(self, site: Site, path: Path, damaged: bytes) -> None:
        path.parent.mkdir()
        path.write_bytes(damaged)
        assert get(path, site.url)
        assert whole(path)

    def test_progress_is_told_from_the_first_byte_to_the_last(self, site: Site, path: Path) -> None:
        turn = threading.Semaphore(1)  # the next piece comes when something is told of the last one
        site.answer(Answer(piece=5000, cut=60_000, turn=turn), Answer(piece=5000, turn=turn))
        told: list[tuple[Path, int, int]] = []

        def tell(*values: Any) -> None:
            told.append(values)
            turn.release()

        with telling(tell):
            get(path, site.url)
        assert {(file, total) for file, _, total in told} == {(path, len(PACKED))}
        done = [count for _, count, _ in told]
        assert done == sorted(done)
        assert done[0] <= 5000
        assert done[-1] == len(PACKED)
        assert len(done) >= len(site.pieces) > 30

    def test_proxies_are_those_of_the_environment(
        self, site: Site, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", site.url.removesuffix("/file.gz"))
        assert get(path, "http://digits.example/file.gz")
        assert site.asked == [("http://digits.example/file.gz", None)]

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirects_are_followed(self, site: Site, path: Path, status: int) -> None:
        site.answer(
            Answer(b"", status, {"Location": "/other"}),
            Answer(cut=9000),
            Answer(b"", status, {"Location": "/other"}),
            Answer(),
        )
        assert get(path, site.url)
        assert whole(path)
        assert site.asked[1:] == [("/other", None), ("/file.gz", "bytes=9000-"), ("/other", "bytes=9000-")]

    def test_what_comes_with_a_redirect_need_not_end(self, site: Site, path: Path) -> None:
        site.answer(Answer(b"", 302, {"Location": "/other"}, declared=-1, endless=True), Answer())
        assert get(path, site.url)
        assert whole(path)


class TestALineThatBreaks:
    @pytest.mark.parametrize("cut", [1, 17, 65_536, 100_000, len(PACKED) - 1])
    def test_the_rest_is_asked_for(self, site: Site, path: Path, cut: int) -> None:
        site.answer(Answer(cut=cut), Answer())
        assert get(path, site.url)
        assert whole(path)
        assert site.ranges == [None, f"bytes={cut}-"]
        assert site.sent == len(PACKED)

    @pytest.mark.parametrize("cut", [1, 17, 65_536, 100_000, len(PACKED) - 1])
    def test_a_server_that_gives_no_parts_gives_all_again(self, site: Site, path: Path, cut: int) -> None:
        site.answer(Answer(cut=cut), Answer(ranges=False))
        assert get(path, site.url)
        assert whole(path)
        assert site.sent == cut + len(PACKED)

    @pytest.mark.parametrize("headers", [{"ETag": '"two"'}, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, {}])
    @pytest.mark.parametrize("blindly", [False, True])
    def test_two_files_are_never_joined(self, site: Site, path: Path, headers: dict[str, str], blindly: bool) -> None:
        """Even of a server that sends the rest of another file, as long as it says which."""
        blindly = blindly and bool(headers)
        site.answer(Answer(cut=70_000), Answer(PACKED_ANEW, headers=headers, blindly=blindly))
        assert get(path, site.url)
        assert whole(path, PACKED_ANEW)
        assert site.ranges[:2] == [None, "bytes=70000-"]

    def test_a_time_will_do_for_going_on(self, site: Site, path: Path) -> None:
        dated = {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", "ETag": 'W/"weak"'}
        site.answer(Answer(cut=70_000, headers=dated), Answer(headers=dated))
        assert get(path, site.url)
        assert site.sent == len(PACKED)

    @pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}])
    def test_without_a_mark_of_the_file_it_begins_anew(self, site: Site, path: Path, headers: dict[str, str]) -> None:
        site.answer(Answer(cut=70_000, headers=headers), Answer(headers=headers))
        assert get(path, site.url)
        assert site.ranges == [None, None]
        site.answer(Answer(WRONG, cut=70_000, headers=headers))
        path.unlink()
        with pytest.raises(DataError, match="broke off after 70,000 of"):
            get(path, site.url)
        assert nothing(path)

    def test_after_a_few_tries_what_has_come_is_kept_for_the_next_call(self, site: Site, path: Path) -> None:
        site.answer(*(Answer(cut=1000 * (i + 1)) for i in range(TRIES)))
        with pytest.raises(DataError) as caught:
            get(path, site.url, advice="what to do")
        broken = f"127.0.0.1:{site.server_port}: broke off after 4,000 of {len(PACKED):,} bytes"
        kept = "4,000 bytes are kept, and the next call goes on from there"
        assert str(caught.value) == f"file.gz cannot be downloaded: {broken}; {kept}\nwhat to do"
        assert not path.exists()
        site.answer(Answer())
        assert get(path, site.url)
        assert site.ranges == ["bytes=4000-"]
        assert whole(path)

    def test_one_that_gives_nothing_is_not_tried_again(self, site: Site, path: Path) -> None:
        site.answer(Answer(cut=0))
        with pytest.raises(DataError, match="broke off after 0 of"):
            get(path, site.url)
        assert len(site.asked) == 1

    @pytest.mark.parametrize("chunked", [False, True])
    def test_silence_in_the_middle_counts_as_broken(self, site: Site, path: Path, chunked: bool) -> None:
        site.answer(Answer(cut=70_000, hang=True, chunked=chunked), Answer())
        assert get(path, site.url, timeout=1)
        assert site.ranges == [None, "bytes=70000-"]
        assert whole(path)

    def test_silence_from_the_beginning_is_not_waited_for_long(self, site: Site, path: Path) -> None:
        site.answer(Answer(hang_before=True))
        with pytest.raises(DataError, match="timed out"):  # the server would hang for longer
            get(path, site.url, timeout=0.2)
        assert len(site.asked) <= 1
        assert nothing(path)

    def test_chunks_that_break_off_are_gone_on_with(self, site: Site, path: Path) -> None:
        site.answer(Answer(chunked=True, cut=70_000), Answer(chunked=True))
        assert get(path, site.url)
        assert site.sent == len(PACKED)

    def test_the_mirror_that_began_goes_on(self, site: Site, path: Path) -> None:
        first, second = (site.url.replace("file.gz", name) for name in ("first", "second"))
        site.answer(Answer(status=404), *[Answer(cut=70_000)] * TRIES)
        with pytest.raises(DataError, match="70,000 bytes are kept"):
            get(path, first, second)
        site.answer(Answer())
        assert get(path, first, second)
        assert site.asked == [("/second", "bytes=70000-")]


class TestWhatIsNotTheFile:
    def test_the_error_names_both_digests_and_nothing_is_left(self, site: Site, path: Path) -> None:
        site.answer(Answer(WRONG))
        with pytest.raises(DataError) as caught:
            get(path, site.url)
        found = hashlib.sha256(gzip.decompress(WRONG)).hexdigest()
        assert f"expected content with SHA-256 {SHA256}, found {found}" in str(caught.value)
        assert nothing(path)
        assert len(site.asked) == 1

    @pytest.mark.parametrize(
        ("answer", "found"),
        [
            (Answer(PACKED[:-20] + bytes(20)), "found a damaged file with SHA-256 [0-9a-f]{64}$"),
            (Answer(b"<p>Log in", headers={"Content-Type": "text/html"}), "found [0-9a-f]{64}, a web page$"),
            (Answer(declared=1000), "found a damaged file with SHA-256"),  # it sends more than it promised
            (Answer(b""), f"found {hashlib.sha256().hexdigest()}$"),
            (Answer(gzip.compress(INSIDE + bytes(9))), "found more than its 150,000 bytes$"),
            (Answer(gzip.compress(bytes(10**8))), "found more than its 150,000 bytes$"),
            (Answer(INSIDE, declared=10**6), "broke off after 150,000 of 1,000,000|sends more than the 155,596 bytes"),
            (Answer(declared=10**12), "sends more than the 155,596 bytes that the file has at most$"),
            (Answer(declared=-1, endless=True), "sends more than the 155,596 bytes that the file has at most$"),
            (Answer(chunked=True, endless=True), "sends more than the 155,596 bytes that the file has at most$"),
            (Answer(status=404), "404 Not Found$"),
            (Answer(status=403), "403 Forbidden$"),
            (Answer(status=206, headers={"Content-Range": "bytes 10-20/30"}), "answers 206, not with what was asked"),
            (Answer(status=204), "answers 204, not with what was asked"),
            (Answer(status=304), "304 Not Modified$"),
            (Answer(status=302, headers={"Location": "/round"}), "302 The HTTP server returned a redirect error"),
            (Answer(status=302, headers={"Location": "ftp://127.0.0.1/file"}), "unknown url type: ftp$"),
            (Answer(status=302, headers={"Location": "file:///etc/hosts"}), "302 Found - Redirection to url"),
            (Answer(status=302, headers={"Location": "http://[::1"}), "Invalid IPv6 URL$"),
        ],
    )
    def test_it_is_refused_in_a_line_and_nothing_is_left(
        self, site: Site, path: Path, answer: Answer, found: str
    ) -> None:
        site.answer(answer)
        with pytest.raises(
            DataError, match=rf"\Afile\.gz cannot be downloaded: 127\.0\.0\.1:\d+: .*({found})"
        ) as caught:
            get(path, site.url)
        assert "\n" not in str(caught.value)
        assert nothing(path)
        assert site.sent < 10**7

    def test_another_mirror_may_have_it(self, site: Site, path: Path) -> None:
        first, second, third = (site.url.replace("file.gz", name) for name in ("first", "second", "third"))
        site.answer(Answer(WRONG), Answer(status=404), Answer())
        assert get(path, first, second, third)
        assert whole(path)
        assert site.asked == [("/first", None), ("/second", None), ("/third", None)]

    def test_what_stood_there_before_stays(self, site: Site, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"another file")
        site.answer(Answer(WRONG))
        with pytest.raises(DataError, match="expected content"):
            get(path, site.url)
        assert whole(path, b"another file")

    def test_a_part_that_was_damaged_meanwhile_costs_one_more_try(self, site: Site, path: Path) -> None:
        site.answer(*[Answer(cut=70_000)] * TRIES)
        with pytest.raises(DataError, match="70,000 bytes are kept"):
            get(path, site.url)
        part = path.with_name("file.gz.part")
        part.write_bytes(bytes(1000) + part.read_bytes()[1000:])
        site.answer(Answer())
        assert get(path, site.url)
        assert site.ranges == ["bytes=70000-", None]
        assert whole(path)

    @pytest.mark.parametrize("note", [b"", b"{}", b"[1, 2, 3]", b'["\xff"]', b'["http://elsewhere/", "mark"]', None])
    def test_a_part_of_which_nothing_is_known_is_not_used(self, site: Site, path: Path, note: bytes | None) -> None:
        path.parent.mkdir()
        path.with_name("file.gz.part").write_bytes(bytes(1000))
        if note is not None:
            path.with_name("file.gz.part.json").write_bytes(note)
        assert get(path, site.url)
        assert site.ranges == [None]
        assert whole(path)

    @pytest.mark.parametrize("more", [0, 10])
    def test_a_part_as_long_as_the_file_or_longer(self, site: Site, path: Path, more: int) -> None:
        path.parent.mkdir()
        path.with_name("file.gz.part").write_bytes(bytes(len(PACKED) + more))
        path.with_name("file.gz.part.json").write_text(json.dumps([site.url, '"one"']))
        assert get(path, site.url)
        assert site.ranges == [f"bytes={len(PACKED) + more}-", None]
        assert whole(path)

    def test_a_part_that_is_all_of_it_only_takes_its_place(self, site: Site, path: Path) -> None:
        path.parent.mkdir()
        path.with_name("file.gz.part").write_bytes(PACKED)
        assert get(path, site.url)
        assert not site.asked
        assert whole(path)

    def test_a_length_that_is_too_long_does_no_harm(self, site: Site, path: Path) -> None:
        site.answer(Answer(declared=len(PACKED) + 10))
        assert get(path, site.url)
        assert len(site.asked) == 1
        assert whole(path)


class TestServersThatFail:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_one_that_is_busy_is_asked_again(self, site: Site, path: Path, status: int) -> None:
        site.answer(Answer(b"busy", status), Answer(b"busy", status), Answer())
        assert get(path, site.url)
        assert whole(path)

    def test_a_few_times_at_most_and_more_slowly_each_time(self, site: Site, path: Path) -> None:
        site.answer(Answer(b"busy", 503))
        before = time.monotonic()
        with pytest.raises(DataError, match="503 Service Unavailable"):
            get(path, site.url, pause=0.05)
        assert len(site.asked) == TRIES
        assert time.monotonic() - before >= 0.05 * (1 + 2 + 4)

    def test_nobody_there(self, site: Site, path: Path) -> None:
        closed = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        closed.server_close()
        gone = f"http://127.0.0.1:{closed.server_port}/file.gz"
        with pytest.raises(DataError) as caught:
            get(path, gone, gone)
        one = f"127.0.0.1:{closed.server_port}: Connection refused"
        assert str(caught.value) == f"file.gz cannot be downloaded: {one}; {one}"
        assert get(path, gone, site.url)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://127.0.0.1:port/file", "nonnumeric port: 'port'"),
            ("http://127.0.0.1/a file", "URL can't contain control characters"),
            ("http://127.0.0.1/\u00e4", "can't encode"),
        ],
    )
    def test_an_address_that_cannot_be(self, no_proxy: None, path: Path, url: str, reason: str) -> None:
        with pytest.raises(DataError, match=f"cannot be downloaded: .*{reason}"):
            get(path, url)

    @pytest.mark.parametrize(
        "url", ["file:///etc/hosts", "ftp://127.0.0.1/file", "/etc/hosts", "http://", "http://[x/"]
    )
    def test_only_web_addresses_are_asked(self, path: Path, url: str) -> None:
        with pytest.raises(DataError, match="expected http:// or https://"):
            get(path, url)
        assert nothing(path)


class TestTheFolder:
    def test_one_that_cannot_be_made(self, site: Site, path: Path) -> None:
        path.parent.write_text("a file")
        with pytest.raises(DataError, match="folder: cannot be written: ") as caught:
            get(path, site.url)
        assert "\n" not in str(caught.value)

    def test_a_folder_in_the_way(self, site: Site, path: Path) -> None:
        path.mkdir(parents=True)
        with pytest.raises(DataError, match="folder: cannot be written: Is a directory"):
            get(path, site.url)
        assert [file.name for file in path.parent.iterdir()] == [path.name]

    def test_a_disk_that_is_full(self, site: Site, path: Path) -> None:
        """Of a process that may write no file of more than 100 kB."""
        pytest.importorskip("resource")
        code = (
            "import resource, sys; from pathlib import Path; from modnet import DataError, download\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            f"try: download.fetch([sys.argv[1]], Path(sys.argv[2]), {SHA256!r}, {len(INSIDE)})\n"
            "except DataError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, site.url, str(path)], capture_output=True, text=True, timeout=60
        )
        assert done.stdout == f"{path.parent}: cannot be written: File too large\n", done.stderr
        assert not path.exists()
        assert get(path, site.url)
        assert whole(path)

    def test_two_at_once_download_it_once(self, site: Site, path: Path) -> None:
        site.answer(Answer(piece=10_000, wait=0.02))
        with ThreadPoolExecutor() as pool:
            done = [pool.submit(get, path, site.url) for _ in range(4)]
            assert sorted(one.result() for one in done) == [False, False, False, True]
        assert site.sent == len(PACKED)
        assert whole(path)

    def test_when_the_first_of_two_fails_the_second_goes_on(self, site: Site, path: Path) -> None:
        site.answer(*[Answer(cut=70_000, piece=10_000, wait=0.02)] * 2, Answer())  # the second time nothing comes
        with ThreadPoolExecutor() as pool:
            first = pool.submit(get, path, site.url)
            while not site.asked:
                time.sleep(0.001)
            assert pool.submit(get, path, site.url).result()
            with pytest.raises(DataError, match="70,000 bytes are kept"):
                first.result()
        assert site.sent == len(PACKED)
        assert whole(path)


# Whatever a server does

CUTS = st.none() | st.integers(0, len(PACKED)) | st.sampled_from([1, 18, 65_536, len(PACKED) - 1])
MARKS = st.sampled_from([{"ETag": '"one"'}, {"ETag": '"two"'}, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, {}])
ANSWERS = st.builds(
    Answer,
    content=st.sampled_from([PACKED, PACKED, PACKED_ANEW, WRONG, INSIDE, b"", PACKED[:50_000]]),
    status=st.sampled_from([200, 200, 200, 200, 404, 503, 206]),
    headers=MARKS,
    ranges=st.booleans(),
    blindly=st.booleans(),
    declared=st.none() | st.sampled_from([-1, 0, 1000, 10**6]),
    cut=CUTS,
    chunked=st.booleans(),
)


@given(st.lists(st.lists(ANSWERS, min_size=1, max_size=6), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_right_file_comes_or_none(
    site: Site, tmp_path_factory: pytest.TempPathFactory, calls: list[list[Answer]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.gz"
    names = {"file.gz.part", "file.gz.part.json"}
    for answers in calls:
        site.answer(*answers, Answer(status=404))
        try:
            get(path, site.url, site.url + "2", pause=0)
        except DataError:
            assert {file.name for file in path.parent.iterdir()} in (set(), names)
        else:
            assert path.read_bytes() in {PACKED, PACKED_ANEW, INSIDE}
            assert whole(path, path.read_bytes())
    site.answer(Answer())
    get(path, site.url)
    assert whole(path, path.read_bytes())


# A process that is stopped

PLUGIN = f"""
import modnet
from modnet import download
from modnet.files import cache_folder

class Digits(modnet.DataSource):
    reads_files = False

    def __init__(self, url: str = ""):
        self.url = url

    def read(self, path):
        raise modnet.DataError("not in this test")

    def fetch(self):
        folder = cache_folder() / "downloads" / "digits"
        download.fetch([self.url], folder / "file.gz", {SHA256!r}, {len(INSIDE)})
        return folder

@modnet.hookimpl
def register_data_sources(register):
    register(Digits)
"""


@pytest.fixture
def command(site: Site, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that begins to download a data set of a stranger's plugin."""
    (tmp_path / "beside.py").write_text(PLUGIN)
    call = [sys.executable, "-m", "modnet", "data", "fetch", "digits", "-p", "beside", "--set", f"url={site.url}"]
    env = {**os.environ, "MODNET_CACHE": str(tmp_path / "cache")}
    return lambda *options: subprocess.Popen(
        [*call, *options], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        (signal.SIGKILL, -signal.SIGKILL, ""),
        (signal.SIGINT, 130, "modnet: interrupted; what has come is kept, and the next call goes on from there\n"),
    ],
)
def test_a_process_that_is_stopped_is_gone_on_with(
    site: Site, command: Callable[..., subprocess.Popen[str]], tmp_path: Path, how: int, status: int, said: str
) -> None:
    site.answer(Answer(piece=5000, wait=0.002, cut=100_000, hang=True))
    path = tmp_path / "cache/downloads/digits/file.gz"
    part = path.with_name("file.gz.part")
    first = command()
    while not (part.exists() and part.stat().st_size >= 50_000):
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(how)
    assert first.communicate(timeout=60) == ("", said)
    assert first.returncode == status
    kept = part.stat().st_size
    assert kept >= 50_000
    assert not path.exists()
    site.answer(Answer())
    second = command()
    out, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (0, "")
    assert out.splitlines() == [
        f"digits is in {path.parent}",
        "    150.1 kB  file.gz",
        "learn from it: modnet train --data digits",
    ]
    assert site.ranges == [f"bytes={kept}-"]
    assert site.sent == len(PACKED) - kept
    assert whole(path)


def test_what_a_program_is_told(command: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    out, _ = command("--json").communicate(timeout=60)
    folder = tmp_path / "cache/downloads/digits"
    files = [{"path": str(folder / "file.gz"), "bytes": len(PACKED)}]
    assert json.loads(out) == {"folder": str(folder), "files": files}


def test_who_downloads_nothing_does_not_wait_for_what_it_takes() -> None:
    code = "import sys, modnet; modnet.source('mnist'); print({'http.client', 'ssl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("set()\n", "")
