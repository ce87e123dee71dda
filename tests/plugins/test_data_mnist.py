"""MNIST: from a mirror on this machine into the cache folder, and from there."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from processes import Call, run_forked, run_modnet

import modnet
from modnet import DataError, SettingError

NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]
MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="needs MNIST's IDX files beside the repository")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the files are to be: in a cache folder that is empty."""
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "downloads" / "mnist"


class Handler(SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, *_: object) -> None:
        self.asked.append(self.path)


@pytest.fixture
def asked() -> list[str]:
    """Return what the mirror has been asked for."""
    return []


@pytest.fixture
def mirror(tmp_path: Path, asked: list[str]) -> Iterator[str]:
    """Yield the address of a folder with the files, on a server."""
    served = tmp_path / "served"
    served.mkdir()
    for name in NAMES if MNIST.is_dir() else ():
        (served / name).symlink_to(MNIST / name)
    handler = type("Asked", (Handler,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/served"
        server.shutdown()
        thread.join()


def advice(folder: Path) -> str:
    return (
        f"without a network: put {', '.join(NAMES)} into {folder} by hand, from any copy; "
        "or name another mirror, --set url=http://...; or take mnist-small, which needs no download"
    )


@needs_mnist
def test_downloaded_once_it_is_there_for_training(folder: Path, mirror: str, asked: list[str], tmp_path: Path) -> None:
    done = run_modnet("data", "fetch", "mnist", "--set", f"url={mirror}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *files, last = done.stdout.splitlines()
    assert first == f"mnist is in {folder}"
    assert [line.split()[-1] for line in files] == sorted(NAMES)
    assert last == "train on it: modnet train --data mnist"
    assert asked == [f"/served/{name}" for name in NAMES]
    assert all((folder / name).read_bytes() == (MNIST / name).read_bytes() for name in NAMES)
    trained = run_forked("train", "--data", "mnist", "--gradient", "backpropagation", "--iterations", "5", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "mnist: 60,000 training and 10,000 test samples, 784 features, 10 classes" in trained.stdout
    data, original = modnet.load("mnist"), modnet.load(MNIST)
    assert data.train.table.tobytes() == original.train.table.tobytes()
    assert data.train.t.tobytes() == original.train.t.tobytes()
    assert data.test.table.tobytes() == original.test.table.tobytes()
    assert data.test.t.tobytes() == original.test.t.tobytes()
    assert (data.classes, data.settings) == (tuple(range(10)), {"scale": 255.0})
    assert modnet.load("mnist", scale=2).train.rows(slice(1)).max() == 127.5
    assert len(asked) == len(NAMES)


@needs_mnist
def test_only_what_is_missing_or_damaged_is_downloaded(folder: Path, mirror: str, asked: list[str]) -> None:
    folder.mkdir(parents=True)
    missing, damaged, exchanged = NAMES[1:]
    shutil.copy(MNIST / NAMES[0], folder)
    (folder / damaged).write_bytes((MNIST / damaged).read_bytes()[:-1])
    (folder / exchanged).write_bytes(gzip.compress(bytes(10_008)))
    assert modnet.source("mnist", url=mirror).fetch() == folder
    assert asked == [f"/served/{name}" for name in (missing, damaged, exchanged)]
    assert all((folder / name).read_bytes() == (MNIST / name).read_bytes() for name in NAMES)


@needs_mnist
def test_files_put_there_by_hand_will_do_packed_anew_or_not_at_all(folder: Path, mirror: str, asked: list[str]) -> None:
    folder.mkdir(parents=True)
    for i, name in enumerate(NAMES):
        inside = gzip.decompress((MNIST / name).read_bytes())
        (folder / name).write_bytes(gzip.compress(inside, compresslevel=1) if i else inside)
    modnet.source("mnist", url=f"{mirror}/").fetch()
    assert not asked
    assert len(modnet.load("mnist").train) == 60_000


def test_not_downloaded_yet(folder: Path, tmp_path: Path, call: Call) -> None:
    with pytest.raises(DataError) as caught:
        modnet.load("mnist")
    assert str(caught.value) == f"mnist: not downloaded yet; run: modnet data fetch mnist\n{advice(folder)}"
    done = call("train", "--data", "mnist", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"modnet: {caught.value}\n")


def test_a_mirror_that_is_not_there(folder: Path, tmp_path: Path, call: Call) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    done = call("data", "fetch", "mnist", "--set", f"url=http://127.0.0.1:{port}/mnist", cwd=tmp_path)
    why = f"train-images-idx3-ubyte.gz cannot be downloaded: 127.0.0.1:{port}: Connection refused"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"modnet: {why}\n{advice(folder)}\n"


def test_a_mirror_that_has_something_else(
    folder: Path, mirror: str, tmp_path: Path, asked: list[str], call: Call
) -> None:
    for name in NAMES:
        (tmp_path / "served" / name).unlink(missing_ok=True)
    (tmp_path / "served" / NAMES[0]).write_bytes(gzip.compress(b"fashion"))
    done = call("data", "fetch", "mnist", "--set", f"url={mirror}", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        "expected content with SHA-256 ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db" in done.stderr
    )
    assert done.stderr.splitlines()[1:] == [advice(folder)]
    assert not list(folder.iterdir())
    assert len(asked) == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/mnist", "/data/mnist", "", 5])
def test_a_mirror_has_a_web_address(url: object) -> None:
    with pytest.raises(SettingError, match=r"'?url'? must be "):
        modnet.source("mnist", url=url)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("csv", "no data set to download 'csv'; available: mnist"),
        ("mnist-small", "mnist-small is here, and needs no download: train on it, modnet train --data mnist-small"),
        ("minst", "no data set to download 'minst', did you mean 'mnist'?; available: mnist"),
    ],
)
def test_which_data_sets_can_be_downloaded(name: str, message: str, tmp_path: Path, call: Call) -> None:
    done = call("data", "fetch", name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"modnet: {message}\n")


def test_sources_that_have_nothing_to_download_say_so() -> None:
    with pytest.raises(DataError, match="the source csv has nothing to download"):
        modnet.source("csv").fetch()
