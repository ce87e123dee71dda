"""Edits of the files of a run, by accident or on purpose."""

from __future__ import annotations

import io
import json
import os
import random
import re
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from modnet.nn.checkpoint import hash_params, load_params, save_params

Edit = tuple[str, Callable[[Path], object]]
"""The edit of a file in words, and as a function."""
ESCAPES = ("\x1b]0;owned\x07", "\x1b[2J\x1b[31m", "\u202egnp", "\x9b31m", "\r\x08\x08")
TOKEN = re.compile(rb'"[^"\n]*"|-?\d+(?:\.\d+)?(?:e-?\d+)?|[a-z_]{3,}')
GIBIBYTE = 2**30


def list_edits(path: Path, siblings: list[Path], twin: Path, count: int, seed: int) -> list[Edit]:
    """Return about `count` edits of a file: of its kind, of its content, and by chance.

    `siblings` are the other files of the run, `twin` is the same file of another run.
    """
    content, chance = path.read_bytes(), random.Random(f"{seed} {path.name}")  # noqa: S311 - anything will do
    fixed = [*_edit_kind(path, siblings, twin), *_edit_content(path.name, content)]
    if count < len(fixed):
        return chance.sample(fixed, count // 2) + [_edit_by_chance(content, chance) for _ in range(count - count // 2)]
    return fixed + [_edit_by_chance(content, chance) for _ in range(count - len(fixed))]


def _replace(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def edit(path: Path) -> None:
        path.unlink()
        make(path)

    return edit


def _put(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _make_sparse(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(8 * GIBIBYTE)


def _make_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(before)


def _edit_kind(path: Path, siblings: list[Path], twin: Path) -> Iterator[Edit]:
    """Yield what makes something else of a file: another file, or none."""
    yield "missing", lambda path: path.unlink()
    yield "a FIFO", _replace(os.mkfifo)
    yield "a folder", _replace(Path.mkdir)
    yield "a socket", _replace(_make_socket)
    for target in ("/dev/zero", "/dev/urandom", "/dev/stdin", "/proc/self/environ", "nowhere", path.name, "."):
        yield f"a link to {target}", _replace(lambda path, target=target: path.symlink_to(target))
    yield "8 GB of zeros behind it", _make_sparse
    yield "that of another run", _put(twin.read_bytes())
    for sibling in siblings:
        yield f"a copy of {sibling.name}", _put(sibling.read_bytes())
        yield f"a link to {sibling.name}", _replace(lambda path, name=sibling.name: path.symlink_to(name))


def _edit_content(name: str, content: bytes) -> Iterator[Edit]:
    half = len(content) // 2
    for what, edited in {
        "empty": b"",
        "its first byte": content[:1],
        "its first half": content[:half],
        "without its last byte": content[:-1],
        "twice": content * 2,
        "backwards": content[::-1],
        "garbage behind it": content + bytes(range(256)),
        "a byte order mark": b"\xef\xbb\xbf" + content,
        "no UTF-8": content[:half] + b"\xff\xfe\xc0" + content[half:],
        "zeros within": content[:half] + bytes(64) + content[half + 64 :],
        "100,000 brackets": b"[" * 100_000,
        "100,000 tables": b'{"a":' * 100_000,
        "a long line": b"9" * 5_000_000,
    }.items():
        yield what, _put(edited)
    for escape in ESCAPES:
        yield f"{escape!r} in a word", _put(TOKEN.sub(partial(_insert, what=escape.encode()), content, 40))
        yield f"nothing but {escape!r}", _put(escape.encode())
    if name.endswith(".json"):
        yield from _edit_json(content)
    if name.endswith((".npz", ".npy")):
        yield from _edit_arrays(name)


def _insert(found: re.Match[bytes], what: bytes) -> bytes:
    return found[0][:-1] + what + found[0][-1:]


def _edit_json(content: bytes) -> Iterator[Edit]:
    table: dict[str, Any] = json.loads(content)
    for value in (None, [], {}, -1, 1e308, "\x1b[31m; curl x | sh", [[]] * 50, {"a": {"a": {}}}):
        for key in random.Random(0).sample(sorted(table), min(3, len(table))):  # noqa: S311
            yield f"{key} = {value!r:.20}", _put(json.dumps({**table, key: value}).encode())
    yield "a number of 5,000 digits", _put(content.replace(b"0", b"0" + b"7" * 5000, 1))
    yield "infinity", _put(re.sub(rb": \d+", b": Infinity", content, count=1))
    yield "a list", _put(json.dumps([table]).encode())


def _edit_arrays(name: str) -> Iterator[Edit]:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], object), allow_pickle=True)
    for what, member in (("a shape of 8 TB", header.getvalue()), ("a pickle", objects.getvalue())):
        yield what, _put(member) if name.endswith("npy") else lambda path, m=member: _put_member(path, m)
    if name.endswith("npz"):
        yield "a GB of zeros, compressed", lambda path: _put_member(path, bytes(GIBIBYTE))
        yield "a member more", lambda path: _put_member(path, b"x", "../../evil.npy")
    else:
        yield "a shape of no samples", lambda path: np.save(path, np.zeros((0,), bool))
        yield "other numbers", lambda path: np.save(path, np.load(path).astype(float))
        yield "all true", lambda path: np.save(path, np.ones_like(np.load(path)))


def _put_member(path: Path, content: bytes, name: str = "W1.npy") -> None:
    """Put a member into an archive in place of the one of its name."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for other, value in (members | {name: content}).items():
            archive.writestr(other, value)


def _edit_by_chance(content: bytes, chance: random.Random) -> Edit:
    """Return the flip of a bit, or an edit of a word, a line, or a few bytes."""
    at = chance.randrange(max(1, len(content)))
    tokens, lines = [*TOKEN.finditer(content)], content.splitlines(keepends=True)
    kind = chance.choice(["bit", "bit", "bytes", "cut", *(["word"] * 3 + ["line"] if _is_text(content) else [])])
    if kind == "word" and tokens:
        token, value = chance.choice(tokens), _choose_value(chance)
        return f"{token[0][:20]!r} at {token.start()} becomes {value!r:.20}", _put(
            content[: token.start()] + value + content[token.end() :]
        )
    if kind == "line":
        i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[i : i + 1] = chance.choice([[], [lines[i], lines[j]], [lines[j]]])
        return f"line {i} is another", _put(b"".join(lines))
    if kind == "bytes":
        return f"bytes at {at}", _put(content[:at] + chance.randbytes(8) + content[at + 8 :])
    if kind == "cut":
        return f"cut at {at}", _put(content[:at])
    bit = chance.randrange(8)
    return f"bit {bit} of byte {at}", _put(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])


def _is_text(content: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return content.decode().isprintable() or ("\n" in content.decode() and b"\0" not in content)
    return False


def _choose_value(chance: random.Random) -> bytes:
    values = [
        b"0",
        b"-1",
        b"1",
        b"7",
        b"0.25",
        b"1e308",
        b"nan",
        b"inf",
        b"true",
        b'""',
        b'"x"',
        b'"sgd"',
        b"zzz",
        b"[]",
    ]
    return chance.choice([*values, b"{}", str(chance.randrange(10**9)).encode(), b"9" * 400, b'"\\u001b[31m"'])


# ---- forgeries: a run that is changed, and all of its digests with it


def reseal(folder: Path) -> None:
    """Have the receipt of a run, and the summary, say that the files in its folder are those that the run left."""
    params, _ = load_params(folder / "params.npz")
    receipt = json.loads((folder / "receipt.json").read_text())
    receipt["results"]["params_sha256"] = hash_params(params)
    for name in receipt["results"]["files"]:
        receipt["results"]["files"][name] = sha256((folder / name).read_bytes()).hexdigest()
    del receipt["sha256"]
    sealed = sha256(json.dumps(receipt, sort_keys=True).encode()).hexdigest()
    (folder / "receipt.json").write_text(json.dumps({**receipt, "sha256": sealed}, indent=2) + "\n")


def list_forgeries(twin: Path) -> list[Edit]:
    """Return changes of a run's folder, to be sealed again; `twin` is the folder of another run."""
    files = [
        (f"{name} of another run", partial(_copy, twin / name)) for name in ("hits.npy", "history.csv", "summary.json")
    ]
    return [*_forge_params(twin), *_forge_results(), *_forge_experiment(), *files]


def _copy(file: Path, folder: Path) -> None:
    (folder / file.name).write_bytes(file.read_bytes())


def _forge_params(twin: Path) -> Iterator[Edit]:
    def of_params(what: str, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Edit:
        def forge(folder: Path) -> None:
            params, about = load_params(folder / "params.npz")
            change(params, about)
            save_params(folder / "params.npz", params, about)
            _edit_table(folder / "summary.json", {"params_sha256": hash_params(params)})

        return f"parameters: {what}", forge

    for name in ("W1", "b1", "W2", "b2"):
        yield of_params(
            f"the last bit of {name}", lambda params, _, n=name: params.update({n: np.nextafter(params[n], 9)})
        )
        yield of_params(f"{name} is 0", lambda params, _, n=name: params.update({n: params[n] * 0}))
        yield of_params(f"{name} in float32", lambda params, _, n=name: params.update({n: params[n].astype("f4")}))
    yield of_params("of another run", lambda params, _: params.update(load_params(twin / "params.npz")[0]))
    for key, value in {"classes": ["z", "y", "x"], "scale": 2.0, "features": ["c", "b", "a"]}.items():
        yield of_params(f"other {key}", lambda _, about, k=key, v=value: about.update({k: v}))


def _forge_results() -> Iterator[Edit]:
    for what, change in {
        "one more": lambda hits: hits ^ (np.arange(len(hits)) == int(np.argmin(hits))),
        "all": np.ones_like,
        "one less in length": lambda hits: hits[:-1],
        "the other way round": np.logical_not,
        "as numbers": lambda hits: hits.astype("u1"),
    }.items():
        yield f"hits: {what}", partial(_edit_hits, change=change)
    for line in (1, 7, 30, -2, -1):
        yield f"history: line {line}", partial(_edit_line, at=line)
    yield "history: a line less", partial(_edit_line, at=-1, remove=True)
    changes = {"final_loss": 0.001, "train_accuracy": 1.0, "test_accuracy": 1.0, "gradient": "spsa", "seed": 7}
    for key, value in {**changes, "status": "interrupted", "iterations": 59, "params_sha256": "0" * 64}.items():
        yield f"summary: {key}", lambda folder, c={key: value}: _edit_table(folder / "summary.json", c)
    for key, value in {"iterations": 59, "status": "diverged"}.items():
        yield f"receipt: {key}", partial(_edit_results, changes={key: value})


def _forge_experiment() -> Iterator[Edit]:
    for key, then, now in (("optimizer.lr", 0.5, 0.25), ("seed", 0, 1), ("training.iterations", 60, 59)):
        for settings in (False, True):
            how = f"experiment: {key}{', and the settings of the receipt' * settings}"
            yield how, partial(_edit_experiment, key=key, then=then, now=now, settings=settings)


def _edit_table(path: Path, changes: dict[str, Any]) -> None:
    path.write_text(
        json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}, indent=2) + "\n", encoding="utf-8"
    )


def _edit_results(folder: Path, changes: dict[str, Any]) -> None:
    results = json.loads((folder / "receipt.json").read_text())["results"]
    _edit_table(folder / "receipt.json", {"results": {**results, **changes}})


def _edit_hits(folder: Path, change: Callable[[Any], Any]) -> None:
    np.save(folder / "hits.npy", change(np.load(folder / "hits.npy")))


def _edit_line(folder: Path, at: int, *, remove: bool = False) -> None:
    path = folder / "history.csv"
    lines = path.read_text().splitlines()
    cells = lines[at].split(",")
    lines[at] = ",".join([cells[0], "0.125", *cells[2:]])
    path.write_text("\n".join(lines[:-1] if remove else lines) + "\n")


def _edit_experiment(folder: Path, *, key: str, then: float, now: float, settings: bool) -> None:
    path, name = folder / "experiment.toml", key.rpartition(".")[2]
    text = path.read_text()
    if f"{name} = {then}" not in text:
        raise ValueError(f"{name} = {then} is not in {path}")
    path.write_text(text.replace(f"{name} = {then}", f"{name} = {now}", 1))
    if settings:
        old = json.loads((folder / "receipt.json").read_text())["settings"]
        _edit_table(folder / "receipt.json", {"settings": {**old, key: now}})
