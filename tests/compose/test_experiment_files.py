"""Experiment files as editors write them, and damaged ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from modnet.compose.experiment import create_experiment
from modnet.compose.tables import read_toml
from modnet.errors import ModnetError, SettingError

TEXT = 'seed = 7\n\n[optimizer]\nname = "sgd"\nlr = 0.5 # 학습률\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        b"\xff\xfe" + TEXT.replace("\n", "\r\n").encode("utf-16-le"),
    ],
    ids=["plain", "Notepad", "Notepad, CRLF", "UTF-16", "UTF-16-BE", "PowerShell"],
)
def test_a_byte_order_mark_says_the_encoding(tmp_path, content):
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    experiment = create_experiment(read_toml(path))
    assert (experiment.seed, experiment.optimizer.lr) == (7, 0.5)


REFUSED = {
    "digits": (b"seed = " + b"1" * 5000, "a number has thousands of digits"),
    "nested lists": (b"seed = " + b"[" * 100_000, "nested too deeply"),
    "nested tables": (b"seed = " + b"{a=" * 100_000, "nested too deeply"),
    "long key": (b"a." * 500_000 + b"b = 1", r"a name of more than 64 parts \(at line 1\)"),
    "long header": (b"seed = 1\n[" + b"'a' . " * 100 + b"b]", r"a name of more than 64 parts \(at line 2\)"),
    "not UTF-8": (b"seed = 1\n\nname = '\xff'", "line 3 is not UTF-8 text: save it as UTF-8"),
    "cut UTF-16": (TEXT.encode("utf-16")[:-1], "not UTF-16-LE text"),
    "UTF-32": (TEXT.encode("utf-32"), "at line 1"),
    "two marks": (b"\xef\xbb\xbf" * 2 + b"seed = 1", "at line 1"),
    "NUL": (b"seed = 1\nlr = \0", "at line 2, column 6"),
    "ESC": (b"\x1b[31m = 1", "at line 1"),
    "twice": (b"[a]\n" * 50_000, r"Cannot declare \('a',\) twice \(at line 2"),
    "no end": (b'x = """' + b"a\n" * 100_000, "Unterminated string"),
    "large": (b"#" * 2**21, "more than 1 MiB"),
}


@pytest.mark.parametrize(("content", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_experiment_is_refused_in_a_line(tmp_path, content, problem):
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(SettingError, match=problem) as caught:
        read_toml(path)
    assert time.process_time() - start < 5
    assert str(caught.value).startswith(f"{path}: not an experiment file: ")
    assert str(caught.value).isprintable()


def test_what_is_no_file_is_refused_in_a_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    long = tmp_path / ("x" * 300)
    for path, problem in (
        (tmp_path, "a folder, expected a file"),
        (tmp_path / "pipe", "a device or a pipe, expected a file"),
        (Path("/dev/zero"), "a device or a pipe, expected a file"),
        (long, "File name too long"),
        (tmp_path / "missing.toml", "no such experiment file"),
    ):
        with pytest.raises(SettingError, match=problem) as caught:
            read_toml(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "text",
    ["seed = []", "data = 3", "[[data]]", "network = 'x'", 'data = {name = "csv", path = "\\u0000"}', "plugins = 1"],
)
def test_wrong_settings_are_errors_of_ours(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ModnetError):
        create_experiment(read_toml(path))


def test_of_many_mistakes_the_first_are_listed(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("".join(f"x{i} = 1\n" for i in range(1000)))
    with pytest.raises(SettingError) as caught:
        create_experiment(read_toml(path))
    lines = str(caught.value).splitlines()
    assert len(caught.value.mistakes) == 1000
    assert (len(lines), lines[-1]) == (22, "  and 980 more")


@pytest.mark.parametrize("path", [r"C:\Users\me\iris.csv", r"data\train.csv", r"C:\new\iris.csv"])
def test_paths_of_windows_in_double_quotes_are_refused_with_what_to_write(tmp_path, path):
    file = tmp_path / "e.toml"
    file.write_text(f'[data]\nname = "csv"\npath = "{path}"\n')
    with pytest.raises(SettingError, match="write paths with /, or in single quotes"):
        read_toml(file)
    file.write_text(f"[data]\nname = 'csv'\npath = '{path}'\n")
    assert read_toml(file)["data"]["path"].endswith(path)


def test_a_file_with_data_is_no_experiment(tmp_path):
    (tmp_path / "iris.csv").write_text("a,b,kind\n1,2,x\n")
    with pytest.raises(SettingError, match=r"for a file with data, write --data iris\.csv"):
        read_toml(tmp_path / "iris.csv")
