"""Downloads from a real server on this machine, on good and bad days."""

from __future__ import annotations

import gc
import gzip
import hashlib
import json
import os
import re
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
from modnet_data.download import TRIES, fetch
from processes import wait_until

from modnet import DataError
from modnet.files import telling

INSIDE = np.random.default_rng(0).bytes(150_000)
SHA256 = hashlib.sha256(INSIDE).hexdigest()
PACKED = gzip.compress(INSIDE, mtime=0)
PACKED_ANEW = gzip.compress(INSIDE, compresslevel=1, mtime=5)
WRONG = gzip.compress(INSIDE[:-1] + b"?", mtime=0)

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other words, or no such signals")


@attrs.frozen
class Answer:
    """An answer of the server to one request."""

    content: bytes = PACKED
    status: int = 200
    """0 for no answer at all."""
    headers: dict[str, str] = attrs.Factory(dict)
    declared: int | None = None
    """The Content-Length, where it is not that of what comes; below 0 none."""
    cut: int | None = None
    """The byte of the file at which the connection breaks off."""
    piece: int = 2**20
    wait: float = 0
    """Seconds after each piece."""
    hang: bool = False
    endless: bool = False
    chunked: bool = False


class Site(ThreadingHTTPServer):
    """A server that gives the given answers, one for each request, and then the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/file.gz"
        self.answer(Answer())

    def answer(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it easy when a client hangs up."""


class Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        site = self.server
        site.asked.append(self.path)
        answer = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
        self.close_connection = True
        if not answer.status:
            site.over.wait(20)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.declared is None or answer.declared >= 0:
            self.send_header("Content-Length", str(len(answer.content) if answer.declared is None else answer.declared))
        self.end_headers()
        self._send(answer, answer.content[: answer.cut])

    def _send(self, answer: Answer, content: bytes) -> None:
        start = 0
        while start < len(content) or answer.endless:
            piece = content[start : start + answer.piece] or bytes(2**16)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            start += len(piece)
            self.server.over.wait(answer.wait)
        if answer.hang:
            self.server.over.wait(20)
        if answer.chunked and answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
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


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def files(path: Path) -> dict[str, bytes]:
    """Return all files that are where the file is to be, by name."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir()} if path.parent.is_dir() else {}


@pytest.mark.parametrize(
    ("answers", "content"),
    [
        ([Answer()], PACKED),
        ([Answer(declared=-1)], PACKED),
        ([Answer(chunked=True, piece=1000)], PACKED),
        ([Answer(piece=5000, wait=0.002)], PACKED),
        ([Answer(INSIDE)], INSIDE),
        ([Answer(PACKED_ANEW)], PACKED_ANEW),
        ([Answer(headers={"Content-Type": "application/x-gzip", "Content-Encoding": "gzip"})], PACKED),
        # Redirects are followed
        *(([Answer(b"moved", status, {"Location": "/other"}), Answer()], PACKED) for status in (301, 302, 307, 308)),
        # Where the connection breaks it starts again, and two files are never joined
        *(
            ([Answer(cut=cut, chunked=chunked), Answer(PACKED_ANEW)], PACKED_ANEW)
            for cut in (1, 65_536, len(PACKED) - 1)
            for chunked in (False, True)
        ),
        # A server that is busy is asked again
        *(([Answer(b"busy", status)] * 2 + [Answer()], PACKED) for status in (429, 500, 502, 503, 504)),
    ],
)
def test_what_is_downloaded_is_what_the_server_has(
    site: Site, path: Path, answers: list[Answer], content: bytes
) -> None:
    site.answer(*answers)
    assert get(path, site.url)
    assert files(path) == {"file.gz": content}
    assert len(site.asked) == len(answers)


def test_what_is_there_and_right_is_not_downloaded_again(site: Site, path: Path) -> None:
    put(path, PACKED_ANEW)
    assert not get(path, site.url)
    assert files(path) == {"file.gz": PACKED_ANEW}
    assert not site.asked


@pytest.mark.parametrize("damaged", [b"", PACKED[:-9], WRONG, INSIDE + b"more", b"\x28\xb5\x2f\xfd zst"])
def test_what_is_there_and_damaged_is(site: Site, path: Path, damaged: bytes) -> None:
    put(path, damaged)
    assert get(path, site.url)
    assert files(path) == {"file.gz": PACKED}


def test_progress_is_reported_from_the_first_byte_to_the_last(site: Site, path: Path) -> None:
    site.answer(Answer(piece=5000, wait=0.002))
    told: list[tuple[Path, int, int]] = []
    with telling(lambda *values: told.append(values)):
        get(path, site.url)
    assert {(file, total) for file, _, total in told} == {(path, len(PACKED))}
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1][1] == len(PACKED)


def test_proxies_are_those_of_the_environment(site: Site, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.url.removesuffix("/file.gz"))
    assert get(path, "http://digits.example/file.gz")
    assert site.asked == ["http://digits.example/file.gz"]


def test_silence_in_the_middle_counts_as_broken(site: Site, path: Path) -> None:
    site.answer(Answer(cut=70_000, hang=True), Answer())
    assert get(path, site.url, timeout=1)
    assert files(path) == {"file.gz": PACKED}


def test_silence_from_the_beginning_is_not_waited_for_long(site: Site, path: Path) -> None:
    site.answer(Answer(status=0))
    with pytest.raises(DataError, match="timed out"):  # the server would hang for longer
        get(path, site.url, timeout=0.2)
    assert len(site.asked) <= 1
    assert not files(path)


TOO_LONG = "sends more than the 155,596 bytes that the file has at most"
WRONG_SHA256 = hashlib.sha256(gzip.decompress(WRONG)).hexdigest()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(WRONG), f"expected content with SHA-256 {SHA256}, found {WRONG_SHA256}"),
        (Answer(PACKED[:-20] + bytes(20)), "found a damaged file with SHA-256 [0-9a-f]{64}"),
        (Answer(b"<p>Log in", headers={"Content-Type": "text/html"}), "found [0-9a-f]{64}, a web page"),
        (Answer(declared=1000), "found a damaged file with SHA-256.*"),  # it sends more than it promised
        (Answer(b""), f"found {hashlib.sha256().hexdigest()}"),
        (Answer(gzip.compress(INSIDE + bytes(9))), "found more than its 150,000 bytes"),
        (Answer(gzip.compress(bytes(10**8))), "found more than its 150,000 bytes"),
        (Answer(INSIDE, declared=10**6), TOO_LONG),
        (Answer(declared=-1, endless=True), TOO_LONG),
        (Answer(chunked=True, endless=True), TOO_LONG),
        (Answer(cut=0), f"broke off after 0 of {len(PACKED):,} bytes"),
        (Answer(status=404), "404 Not Found"),
        (Answer(status=206, headers={"Content-Range": "bytes 10-20/30"}), "answers 206, not with what was asked for"),
        (Answer(status=204), "answers 204, not with what was asked for"),
        (Answer(status=304), "304 Not Modified"),
        (Answer(status=302, headers={"Location": "/round"}), "302 The HTTP server returned a redirect error.*"),
        (Answer(status=302, headers={"Location": "file:///etc/hosts"}), "302 Found - Redirection to url.*"),
        (Answer(status=302, headers={"Location": "http://[::1"}), "Invalid IPv6 URL"),
    ],
)
def test_what_is_not_the_file_is_refused_in_a_line_and_nothing_is_left(
    site: Site, path: Path, answer: Answer, found: str
) -> None:
    site.answer(answer)
    with pytest.raises(DataError) as caught:
        get(path, site.url)
    assert re.fullmatch(rf"file\.gz cannot be downloaded: 127\.0\.0\.1:\d+: .*{found}", str(caught.value))
    assert not files(path)
    assert len(set(site.asked)) == len(site.asked) or answer.headers
    del caught
    gc.collect()  # a connection that was left open is found here, not in another test


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(cut=4000), f"broke off after 4,000 of {len(PACKED):,} bytes"),
        (Answer(b"busy", 503), "503 Service Unavailable"),
    ],
)
def test_a_few_tries_are_made_more_slowly_each_time(site: Site, path: Path, answer: Answer, why: str) -> None:
    site.answer(answer)
    before = time.monotonic()
    with pytest.raises(DataError) as caught:
        get(path, site.url, pause=0.05, advice="what to do")
    assert str(caught.value) == f"file.gz cannot be downloaded: 127.0.0.1:{site.server_port}: {why}\nwhat to do"
    assert len(site.asked) == TRIES
    assert time.monotonic() - before >= 0.05 * (1 + 2 + 4)
    assert not files(path)


def test_another_mirror_may_have_it(site: Site, path: Path) -> None:
    names = ["/first", "/second", "/third"]
    site.answer(Answer(WRONG), Answer(status=404), Answer())
    assert get(path, *(site.url.replace("/file.gz", name) for name in names))
    assert files(path) == {"file.gz": PACKED}
    assert site.asked == names


def test_what_stood_there_before_stays(site: Site, path: Path) -> None:
    put(path, b"another file")
    site.answer(Answer(WRONG))
    with pytest.raises(DataError, match="expected content"):
        get(path, site.url)
    assert files(path) == {"file.gz": b"another file"}


@posix
def test_nobody_there(site: Site, path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        gone = f"http://127.0.0.1:{closed.server_port}/file.gz"
    with pytest.raises(DataError) as caught:
        get(path, gone, gone)
    one = f"127.0.0.1:{closed.server_port}: Connection refused"
    assert str(caught.value) == f"file.gz cannot be downloaded: {one}; {one}"
    assert get(path, gone, site.url)


def test_no_address_at_all(path: Path) -> None:
    with pytest.raises(DataError, match="no URL to download it from: give at least one"):
        fetch([], path, SHA256, len(INSIDE))
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:port/file", "cannot be downloaded: .*nonnumeric port: 'port'"),
        ("http://127.0.0.1/a file", "cannot be downloaded: .*URL can't contain control characters"),
        ("http://127.0.0.1/\u00e4", "cannot be downloaded: .*can't encode"),
        *(
            (url, "expected http:// or https://")
            for url in ("file:///etc/hosts", "ftp://127.0.0.1/file", "/etc/hosts", "http://", "http://[x/")
        ),
    ],
)
def test_an_address_that_cannot_be(site: Site, path: Path, url: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        get(path, url)
    assert not files(path)


def test_a_folder_that_cannot_be_made(site: Site, path: Path) -> None:
    path.parent.write_text("a file")
    with pytest.raises(DataError, match=r"folder: cannot be written: .*\Z"):
        get(path, site.url)


@posix
def test_a_folder_in_the_way(site: Site, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DataError, match="folder: cannot be written: Is a directory"):
        get(path, site.url)
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_is_full(site: Site, path: Path) -> None:
    """Of a process that may write no file of more than 100 kB."""
    pytest.importorskip("resource")
    code = (
        "import resource, sys; from pathlib import Path; from modnet import DataError, download\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"try: download.fetch([sys.argv[1]], Path(sys.argv[2]), {SHA256!r}, {len(INSIDE)})\n"
        "except DataError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, site.url, str(path)], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{path.parent}: cannot be written: File too large\n", done.stderr
    assert not files(path)


def test_several_at_once_download_it_once(site: Site, path: Path) -> None:
    site.answer(Answer(piece=10_000, wait=0.02))
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(get, path, site.url) for _ in range(4)]
        assert sorted(one.result() for one in done) == [False, False, False, True]
    assert len(site.asked) == 1
    assert files(path) == {"file.gz": PACKED}


def test_when_the_first_of_two_fails_the_second_tries(site: Site, path: Path) -> None:
    site.answer(Answer(WRONG, piece=10_000, wait=0.02), Answer())
    with ThreadPoolExecutor() as pool:
        first = pool.submit(get, path, site.url)
        while not site.asked:
            time.sleep(0.001)
        assert pool.submit(get, path, site.url).result()
        with pytest.raises(DataError, match="expected content"):
            first.result()
    assert files(path) == {"file.gz": PACKED}


ANSWERS = st.builds(
    Answer,
    content=st.sampled_from([PACKED, PACKED, PACKED_ANEW, WRONG, INSIDE, b"", PACKED[:50_000]]),
    status=st.sampled_from([200, 200, 200, 200, 404, 503, 206]),
    declared=st.none() | st.sampled_from([-1, 0, 1000, 10**6]),
    cut=st.none() | st.integers(0, len(PACKED)) | st.sampled_from([1, 18, 65_536, len(PACKED) - 1]),
    chunked=st.booleans(),
)


@given(st.lists(st.lists(ANSWERS, min_size=1, max_size=6), min_size=1, max_size=3))
@settings(
    max_examples=settings.default.max_examples * 3 // 5, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_server_does_the_right_file_comes_or_none(
    site: Site, tmp_path_factory: pytest.TempPathFactory, calls: list[list[Answer]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.gz"
    right = [{"file.gz": content} for content in (PACKED, PACKED_ANEW, INSIDE)]
    for answers in calls:
        site.answer(*answers, Answer(status=404))
        try:
            get(path, site.url, site.url + "2", pause=0)
        except DataError:
            assert not files(path)
        else:
            assert files(path) in right
    site.answer(Answer())
    get(path, site.url)
    assert files(path) in right


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
    """Return a function that begins to download a data set of a third-party plugin."""
    (tmp_path / "beside.py").write_text(PLUGIN)
    call = [sys.executable, "-m", "modnet", "data", "fetch", "digits", "-p", "beside", "--set", f"url={site.url}"]
    env = {**os.environ, "MODNET_CACHE": str(tmp_path / "cache")}
    return lambda *options: subprocess.Popen(
        [*call, *options], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@posix
@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("SIGKILL", -9, ""),
        ("SIGINT", 130, "modnet: interrupted; the next call downloads the files that are not there yet\n"),
    ],
)
def test_after_a_process_that_is_stopped_the_next_one_starts_again(
    site: Site, command: Callable[..., subprocess.Popen[str]], tmp_path: Path, how: str, status: int, said: str
) -> None:
    site.answer(Answer(piece=5000, wait=0.002, cut=100_000, hang=True))
    path = tmp_path / "cache/downloads/digits/file.gz"
    first = command()
    wait_until(lambda: any(file.stat().st_size >= 50_000 for file in path.parent.glob(".file.gz.????????")), first)
    first.send_signal(getattr(signal, how))
    assert first.communicate(timeout=60) == ("", said)
    assert first.returncode == status
    assert not path.exists()
    site.answer(Answer())
    second = command()
    out, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (0, "")
    assert out.splitlines() == [
        f"digits is in {path.parent}",
        "    150.1 kB  file.gz",
        "train on it: modnet train --data digits",
    ]
    assert files(path) == {"file.gz": PACKED}
    out, _ = command("--json").communicate(timeout=60)
    sizes = [{"path": str(path), "bytes": len(PACKED)}]
    assert json.loads(out) == {"folder": str(path.parent), "files": sizes}


def test_who_downloads_nothing_does_not_wait_for_what_it_takes() -> None:
    code = "import sys, modnet; modnet.source('mnist'); print({'http.client', 'ssl', 'filelock'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("set()\n", "")
