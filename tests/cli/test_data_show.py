"""`modnet data show`: text, terminal images, a picture."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modnet_figures.figures import render
from modnet_figures.figures.samples import from_dataset
from processes import Call, run_modnet, run_on_terminal

from modnet import Dataset
from modnet.cli.show.data_overview import Overview, overview_to_json, overview_to_text
from modnet.cli.show.summary import summarize
from modnet.cli.show.table_overview import format_facts
from modnet.cli.show.terminal import SHADES, Screen, format_bar, format_images
from modnet.cli.show.values import format_number
from modnet.text import fit, format_table, measure_width

IRIS = """length,width,petal,species
5.1,3.5,0.1,setosa
4.9,3.0,0.2,setosa
4.7,,1.3,setosa
7.0,3.2,4.7,versicolor
6.9,3.1,NA,versicolor
6.3,3.3,6.0,virginica
6.3,3.3,6.0,virginica
"""
ESCAPE = re.compile(r"\x1b\[([\d;]*)m")


def view_of(data: Dataset, samples: int = 10, **fields: Any) -> Overview:
    about = {"what": "data.npz", "source": "npz", "settings": {}, "notes": [], **fields}
    return Overview(data=data, summary=summarize(data), samples=samples, **about)


def text_of(data: Dataset, screen: Screen | None = None, **fields: Any) -> str:
    return overview_to_text(view_of(data, **fields), screen or Screen())


def rows_of(x: Any, labels: Any, test: Any = None) -> Dataset:
    return Dataset.from_arrays((x, labels), test, test_fraction=0)


def name_classes(x: Any, labels: list[str]) -> Dataset:
    """Return rows of a class each, whose labels no file may have: some program made the data set."""
    return attrs.evolve(rows_of(x, list(range(len(labels)))), classes=tuple(labels))


def show_in_a_process(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_modnet("data", "show", *arguments, cwd=cwd, COLUMNS="80", **environment)


@pytest.fixture
def show(call: Call) -> Call:
    """Return a function that does so within this process."""
    return functools.partial(call, "data", "show", COLUMNS="80")


def show_on_a_terminal(*arguments: str, cwd: Path, **environment: str) -> str:
    command = ("-m", "modnet", "data", "show", *arguments)
    return run_on_terminal(*command, cwd=cwd, stderr=subprocess.DEVNULL, COLUMNS="80", **environment)


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    (tmp_path / "iris.csv").write_text(IRIS)
    return tmp_path


class TestTheCommand:
    def test_a_table_with_missing_values(self, iris: Path) -> None:
        done = show_in_a_process("iris.csv", "--set", "missing=drop", cwd=iris)
        assert done.returncode == 0, done.stderr
        facts, classes, columns, features, samples, *_ = (block.splitlines() for block in done.stdout.split("\n\n"))
        assert facts[0] == "data      iris.csv (csv): 5 samples, 3 features, 3 classes"
        words = " ".join(" ".join(facts).split())
        assert 'label="species", delimiter=",", decimal=".", header=true' in words
        assert "notes 2 rows with missing values left out" in words
        assert "kept as float64, 120 bytes" in words
        assert "repeated 1 sample with the features of an earlier one" in words
        assert classes == [
            "class       samples   share",
            "setosa            2  40.0 %  ████████████████████████████████████████",
            "versicolor        1  20.0 %  ████████████████████",
            "virginica         2  40.0 %  ████████████████████████████████████████",
        ]
        assert columns == [
            "column   type     missing  values  range, most frequent",
            "length   numbers        -       6  6.3 (2), 5.1 (1), 4.9 (1)",
            "width    numbers        1       5  3.3 (2), 3.5 (1), 3 (1)",
            "petal    numbers        1       5  6 (2), 0.1 (1), 0.2 (1)",
            "species  text           -       3  setosa (3), versicolor (2), virginica (2)",
        ]
        assert features == [
            "column  becomes       mean  deviation  missing",
            "length  standardized  5.92      0.796        -",
            "width   standardized  3.26     0.1625        -",
            "petal   standardized   3.4      2.696        -",
        ]
        assert samples == [
            "class       length  width  petal",
            "setosa         5.1    3.5    0.1",
            "versicolor       7    3.2    4.7",
            "virginica      6.3    3.3      6",
            "setosa         4.9      3    0.2",
            "virginica      6.3    3.3      6",
        ]

    def test_what_to_do_with_missing_values_can_be_said(self, iris: Path, show: Call) -> None:
        done = show("iris.csv", "--set", "missing=0", cwd=iris)
        assert "7 samples" in done.stdout
        assert "2 missing values filled in with 0" in done.stdout
        assert "modnet train refuses" not in done.stdout

    def test_a_table_that_cannot_be_trained_on_is_shown_with_what_makes_it_so(self, iris: Path, show: Call) -> None:
        done = show("iris.csv", cwd=iris)
        assert (done.returncode, done.stderr) == (0, "")
        facts, columns, how, block, command = done.stdout.split("\n\n")
        assert "data      iris.csv (csv): 7 rows, 4 columns" in facts
        assert "problem line 4, column 2 ('width'): expected a number, found an empty cell" in " ".join(facts.split())
        assert columns.startswith("column   type     missing  values  range, most frequent\nlength   numbers        -")
        assert how == "Train it by modnet train iris.toml, a file with these lines:"
        assert block.splitlines()[:2] == ["[data]", 'path = "iris.csv"']
        assert command.startswith("or modnet train --data iris.csv --set data.")

    def test_json_holds_the_same(self, iris: Path, show: Call) -> None:
        done = show("iris.csv", "--set", "missing=drop", "--json", "--samples", "1", "--out", "iris.svg", cwd=iris)
        record = json.loads(done.stdout)
        assert record["train"] == 5
        assert record["settings"]["label"] == "species"
        assert record["classes"][1] == {"label": "versicolor", "train": 1, "test": 0}
        assert record["ranges"][0]["name"] == "length"
        assert record["ranges"][0]["mean"] == pytest.approx(5.92)
        assert record["ranges"][0]["distinct"] == 4
        assert record["samples"] == [{"row": 1, "label": "setosa", "values": [5.1, 3.5, 0.1]}]
        assert (record["minimum"], record["maximum"], record["repeated"], record["image_side"]) == (0.1, 7, 1, None)
        assert "drawn in iris.svg" in done.stderr
        assert (iris / "iris.svg").read_bytes().startswith(b"<?xml")

    def test_digits_that_ship_with_modnet(self, tmp_path: Path) -> None:
        done = show_in_a_process("mnist-small", "--out", "digits.png", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "5,000 training and 1,000 test samples, 784" in done.stdout
        assert "from 0 to 255, mean 32.87, standard deviation 78.04; divided by 255" in done.stdout
        assert re.search(r"^1 +563 +126  11\.5 %  █+░+$", done.stdout, re.M)
        assert "pixel" in done.stdout
        assert "@" in done.stdout
        assert "\x1b" not in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
        assert done.stdout.endswith("drawn in digits.png\n")

    def test_nothing_is_split_off_unless_it_is_asked_for(self, iris: Path, show: Call) -> None:
        done = show("iris.csv", "--set", "missing=drop", "--set", "test_fraction=0.4", "--json", cwd=iris)
        record = json.loads(done.stdout)
        assert (record["train"], record["test"]) == (3, 2)

    @pytest.mark.parametrize(
        ("arguments", "status", "message"),
        [
            (("nothing.csv",), 1, "nothing.csv: no such file"),
            (("empty.csv",), 1, "empty.csv: the file is empty"),
            (("iris.csv", "--out", "iris.bmp"), 2, "a plot is written as png, svg, pdf, not 'bmp'"),
            (("iris.csv", "--out", "nowhere/iris.png"), 2, "nowhere/iris.png: there is no folder nowhere"),
            (("iris.csv", "--set", "headr=true"), 2, "unknown setting 'headr', did you mean 'header'?"),
            (("iris.csv", "--source", "cvs"), 2, "no data-source 'cvs', did you mean 'csv'?"),
            (("csv",), 1, "csv: no such file, and no data set of that name; available: "),
        ],
    )
    def test_mistakes_are_reported_in_a_line(
        self, iris: Path, arguments: tuple[str, ...], status: int, message: str, show: Call
    ) -> None:
        (iris / "empty.csv").touch()
        before = sorted(iris.iterdir())
        done = show(*arguments, cwd=iris)
        assert done.returncode == status
        assert done.stderr.startswith("modnet: ")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert sorted(iris.iterdir()) == before

    @pytest.mark.parametrize("arguments", [("mnist-small",), ("odd.csv", "--set", "label=이름")])
    def test_output_that_holds_ascii_only(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        (tmp_path / "odd.csv").write_text("größe,이름\n1,붓꽃\n2,rosé\n", encoding="utf-8")
        done = show_in_a_process(*arguments, cwd=tmp_path, PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
        assert "\x1b" not in done.stdout
        assert "###" in done.stdout

    def test_greys_on_a_terminal_that_has_them(self, tmp_path: Path) -> None:
        shown = show_on_a_terminal("mnist-small", cwd=tmp_path, TERM="xterm-256color")
        assert "\x1b[38;5;16;48;5;16m▀" in shown
        assert "38;2;" not in shown
        widths = [measure_width(ESCAPE.sub("", line)) for line in shown.split("\r\n")]
        assert max(widths) <= 80
        full = show_on_a_terminal("mnist-small", cwd=tmp_path, TERM="xterm-256color", COLORTERM="truecolor")
        assert "\x1b[38;2;0;0;0;48;2;0;0;0m▀" in full

    @pytest.mark.parametrize("environment", [{"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_no_escapes_where_they_are_not_wanted(self, tmp_path: Path, environment: dict[str, str]) -> None:
        assert "\x1b" not in show_on_a_terminal("mnist-small", "--samples", "1", cwd=tmp_path, **environment)


class TestTablesOfAllKinds:
    MIXED = "id,color,size,born,note,price,label\n" + "".join(
        f"{i},{['red', 'blue', ''][i % 3 if i % 20 else 2]},{i % 5}.5,2020-01-{i % 28 + 1:02d},"
        f"note {i},{'' if i % 7 == 0 else i * 10},{['yes', 'no'][i % 2]}\n"
        for i in range(60)
    )

    def test_columns_of_each_type_and_why_they_are_left_out(self, tmp_path: Path, show: Call, call: Call) -> None:
        (tmp_path / "mixed.csv").write_text(self.MIXED)
        record = json.loads(show("mixed.csv", "--json", cwd=tmp_path).stdout)
        assert record["trainable"] is False
        columns = {column["key"]: column for column in record["columns"]}
        assert {key: column["kind"] for key, column in columns.items()} == {
            "id": "whole numbers",
            "color": "text",
            "size": "numbers",
            "born": "dates",
            "note": "text",
            "price": "whole numbers",
            "label": "yes/no",
        }
        assert columns["price"]["missing"] == 9
        assert columns["price"]["minimum"], columns["price"]["maximum"] == (10, 590)
        assert columns["size"]["frequent"][0] == [0.5, 12]
        proposal = record["proposal"]
        assert proposal["left_out"] == {
            "row numbers": ["id"],
            "dates": ["born"],
            "text of many different words": ["note"],
        }
        assert proposal["settings"]["impute"] == "median"
        (tmp_path / "mixed.toml").write_text(proposal["toml"])
        done = call("train", "mixed.toml", "--iterations", "5", "--out", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def test_a_table_with_words_shows_what_becomes_of_each_column(self, tmp_path: Path, show: Call) -> None:
        (tmp_path / "mixed.csv").write_text(self.MIXED)
        settings = ("--set", 'leave_out=["id", "born", "note"]', "--set", "impute=median")
        done = show("mixed.csv", *settings, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        blocks = done.stdout.split("\n\n")
        prepared = next(block for block in blocks if block.startswith("column  becomes"))
        lines = [line.split() for line in prepared.splitlines()]
        assert lines[1] == ["color", "one-hot:", "2", "features", "-", "-", "blue"]
        assert [line[1] for line in lines[2:]] == ["standardized", "standardized"]
        rows = next(block for block in blocks if block.startswith("class  color"))
        assert set(re.findall("red|blue|-", rows)) == {"red", "blue", "-"}
        assert max(map(len, "\n\n".join(blocks[:-2]).splitlines())) <= 80
        assert "baseline  accuracy 0.5000, of always answering" in done.stdout

    @pytest.mark.parametrize(
        "name", ["it's", 'say ""hi""', "\U0001f600 it's", "a\u200db", "back\\slash", "\u202eb", "0"]
    )
    def test_names_of_columns_are_pasted_as_they_are(self, tmp_path: Path, name: str, call: Call) -> None:
        rows = "".join(f"2020-01-{i % 28 + 1:02d},{i % 7}.5,{'ab'[i % 2]}\n" for i in range(60))
        (tmp_path / "odd.csv").write_text(f'"{name}",x,kind\n{rows}', encoding="utf-8")
        done = show_in_a_process("odd.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        block = done.stdout[done.stdout.index("[data]") :].partition("\n\n")[0]
        assert tomllib.loads(block)["data"]["leave_out"] == [name.replace('""', '"')]
        (tmp_path / "odd.toml").write_text(block, encoding="utf-8")
        assert call("train", "odd.toml", "--iterations", "5", "--out", "run", cwd=tmp_path).returncode == 0

    @pytest.mark.parametrize("name", ["label", "target"])
    def test_numbers_that_are_predicted_whatever_their_column_is_called(
        self, tmp_path: Path, name: str, show: Call, call: Call
    ) -> None:
        rows = "".join(f"2020-01-{i % 28 + 1:02d},{i % 7}.5,{i * 0.37:.2f}\n" for i in range(60))
        (tmp_path / "odd.csv").write_text(f"day,x,{name}\n{rows}")
        done = show("odd.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"label     '{name}': no column could be classes" in done.stdout
        command = done.stdout.splitlines()[-1].removeprefix("or modnet ")
        done = call(*shlex.split(command), "--iterations", "5", "--out", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def test_a_source_that_is_named_stands_in_the_block(self, tmp_path: Path, show: Call, call: Call) -> None:
        (tmp_path / "mixed.txt2").write_text(self.MIXED)
        done = show("mixed.txt2", "--source", "csv", cwd=tmp_path)
        assert '\nname = "csv"\n' in done.stdout
        command = done.stdout.splitlines()[-1].removeprefix("or modnet ")
        done = call(*shlex.split(command), "--iterations", "5", "--out", "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("suffix", ["parquet", "feather"])
    def test_a_type_that_cannot_be_read_is_left_out(self, tmp_path: Path, suffix: str, show: Call) -> None:
        pa = pytest.importorskip("pyarrow")
        feather, parquet = pytest.importorskip("pyarrow.feather"), pytest.importorskip("pyarrow.parquet")
        days = pa.array([i * 86400 for i in range(40)], pa.timestamp("s"))
        table = pa.table({"day": days, "x": [i * 0.5 for i in range(40)], "kind": ["a", "b"] * 20})
        path = tmp_path / f"t.{suffix}"
        parquet.write_table(table, path) if suffix == "parquet" else feather.write_feather(table, path)
        done = show(path.name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert re.search(r"^day +timestamp\[", done.stdout, re.M)
        assert "'day' (of type timestamp[" in done.stdout
        assert 'leave_out = ["day"]' in done.stdout


class TestTheText:
    def test_counts_of_both_parts_with_a_bar_for_each_class(self) -> None:
        data = rows_of(np.zeros((8, 1)), ["a"] * 6 + ["b"] * 2, (np.zeros((2, 1)), ["a", "c"]))
        lines = text_of(data).split("\n\n")[1].splitlines()
        assert lines == [
            "class  training  test   share  █ training ░ test",
            "a             6     1  70.0 %  " + "█" * 35 + "░" * 5,
            "b             2     0  20.0 %  " + "█" * 12,
            "c             0     1  10.0 %  " + "░" * 6,
        ]

    def test_of_many_classes_the_most_frequent_ones(self) -> None:
        labels = np.concatenate([np.arange(3000), [7] * 5, [2999] * 3])
        lines = text_of(rows_of(np.zeros((len(labels), 1)), labels)).split("\n\n")[1].splitlines()
        assert [line.split()[:2] for line in lines[1:4]] == [["7", "6"], ["2999", "4"], ["0", "1"]]
        assert len(lines) == 22
        assert lines[-1] == "and 2,980 more classes, of 1 samples each"

    def test_of_many_features_as_many_as_fit(self) -> None:
        data = rows_of(np.random.default_rng(0).normal(size=(5, 50)) * np.arange(50), [0, 1, 0, 1, 0])
        text = text_of(data)
        assert "1 of 50 never vary; standard deviations from" in " ".join(text.split())
        head, *rows, more = text.split("\n\n")[-1].splitlines()
        shown = len(head.split()) - 1
        assert more == f"and {50 - shown} more features"
        assert 4 < shown < 50
        assert len(rows) == 5

    def test_one_sample_of_one_feature_and_one_class(self) -> None:
        text = text_of(rows_of([[3.0]], ["only"]))
        assert "1 sample, 1 feature, 1 class\n" in text
        assert "only         1  100.0 %" in text

    def test_samples_that_are_in_both_parts_are_reported(self) -> None:
        data = rows_of([[1.0], [2.0]], [0, 1], ([[2.0], [3.0]], [0, 1]))
        assert "repeated  none; 1 test sample with those of a training sample" in text_of(data)

    def test_no_samples_if_none_are_wanted(self) -> None:
        assert len(text_of(rows_of([[1.0], [2.0]], [0, 1]), samples=0).split("\n\n")) == 3

    def test_labels_cannot_disturb_the_terminal_or_the_columns(self) -> None:
        labels = ["\x1b[31mred\x07\n", "붓꽃" * 40, "x" * 500, ""]
        text = text_of(name_classes([[1.0], [2.0], [3.0], [4.0]], labels))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
        table_ = text.split("\n\n")[1].splitlines()
        assert len({measure_width(line.split("%")[0]) for line in table_[1:]}) == 1
        assert r"?[31mred?\n" in text
        assert '""' in text

    def test_lines_of_wide_letters_are_no_wider_than_the_screen(self) -> None:
        lines = format_facts([("label", "꽃의 이름 " * 30)], Screen())
        assert 70 < max(map(measure_width, lines)) <= 80
        assert "".join(lines).replace(" ", "") == "label" + "꽃의이름" * 30

    @given(
        st.lists(st.text(max_size=40), min_size=1, max_size=6, unique=True).map(sorted),
        st.sampled_from(["ascii", "latin-1", "cp437", "utf-8", "euc-kr"]),
        st.integers(1, 200),
    )
    def test_whatever_the_labels_the_text_can_be_printed(self, labels: list[str], encoding: str, columns: int) -> None:
        labels = [label.replace("\0", "") + str(i) for i, label in enumerate(labels)]
        data = name_classes(np.eye(len(labels)), labels)
        text = text_of(data, Screen(columns, "none", encoding), what=labels[0])
        assert text.encode(encoding).decode(encoding) == text
        assert text.replace("\n", "").isprintable()

    def test_numbers_too_large_for_a_deviation_are_no_number_in_json(self) -> None:
        data = rows_of([[1e308, 1.0], [-1e308, 0.0]], ["a", "b"])
        record = json.loads(overview_to_json(view_of(data)), parse_constant=pytest.fail)
        assert record["deviation"] is None
        assert record["ranges"][0]["maximum"] == 1e308
        assert "standard deviation -" in text_of(data)


class TestImages:
    def test_plain_characters_from_blank_to_full(self) -> None:
        image = np.zeros((1, 18, 18))
        image[0, :, 9:] = 1
        assert format_images(image, ["half"], 0, 1, Screen()) == [" " * 9 + "@" * 9] * 9 + ["half"]

    def test_each_pixel_has_its_grey(self) -> None:
        image = np.random.default_rng(0).integers(0, 256, (1, 14, 14))
        *lines, caption = format_images(image, ["7"], 0, 255, Screen(80, "24-bit"))
        assert caption == "7"
        assert len(lines) == 7
        for i, line in enumerate(lines):
            pixels = [(int(c.split(";")[2]), int(c.split(";")[7])) for c in ESCAPE.findall(line)[:-1]]
            assert pixels == list(zip(*image[0, 2 * i : 2 * i + 2].tolist(), strict=True))
            assert line.endswith("\x1b[0m")

    def test_the_greys_of_256_colours_rise_from_black_to_white(self) -> None:
        image = np.tile(np.linspace(0, 1, 26), (26, 1))[None]
        line = format_images(image, [""], 0, 1, Screen(80, "256"))[0]
        assert [int(code.split(";")[2]) for code in ESCAPE.findall(line)[:-1]] == [16, *range(232, 256), 231]

    def test_small_images_are_enlarged_by_a_whole_factor(self) -> None:
        image = np.eye(8)[None]
        *lines, _ = format_images(image, ["0"], 0, 1, Screen())
        assert lines == ["  " * i + "@@" for i in range(8)]

    @given(
        st.integers(1, 12),
        st.integers(4, 70),
        st.integers(1, 250),
        st.sampled_from(["none", "256", "24-bit"]),
    )
    def test_images_stand_side_by_side_in_the_width_there_is(
        self, count: int, side: int, columns: int, greys: Any
    ) -> None:
        images = np.random.default_rng(side).random((count, side, side))
        lines = format_images(images, [f"c{i}" for i in range(count)], 0, 1, Screen(columns, greys))
        plain = [ESCAPE.sub("", line) for line in lines]
        assert max(map(len, plain)) <= columns
        captions = re.findall(r"c\d+", "\n".join(plain))
        assert captions == [f"c{i}" for i in range(count)] or columns < 3  # too narrow for the caption

    def test_images_of_one_value_are_blank(self) -> None:
        assert format_images(np.full((1, 18, 18), 5), ["flat"], 5, 5, Screen()) == [""] * 9 + ["flat"]


class TestDrawing:
    @given(st.text(), st.integers(0, 30), st.booleans())
    def test_text_is_made_to_fit(self, text: str, width: int, right: bool) -> None:
        assert measure_width(fit(text, width, right)) == width

    @given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=5))
    def test_a_tables_last_column_ends_at_one_place(self, rows: list[tuple[str, str]]) -> None:
        rows = [(first, second.strip() + "|") for first, second in rows]
        assert len({measure_width(line) for line in format_table(rows)}) == 1

    @given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 60))
    def test_a_bar_shows_what_is_there_and_no_more_than_its_width(self, train: int, test: int, width: int) -> None:
        drawn = format_bar([train, test], 2000, width, Screen())
        assert len(drawn) <= width
        assert bool(drawn) == (train + test > 0)
        assert drawn == "█" * drawn.count("█") + "░" * drawn.count("░")

    @given(st.floats(-1e300, 1e300))
    def test_a_number_is_short_and_right(self, value: float) -> None:
        words = format_number(value)
        assert len(words) <= 16
        assert float(words) == pytest.approx(value, rel=1e-3)

    def test_shades_are_different_characters(self) -> None:
        assert len(set(SHADES)) == len(SHADES)


class TestThePicture:
    def test_images_class_by_class_beside_the_counts(self) -> None:
        x = np.random.default_rng(0).integers(0, 256, (30, 64))
        x[:, :40] = 0
        data = rows_of(x, np.arange(30) % 3, (x[:4], [0, 1, 2, 0]))
        figure = from_dataset(data, title="title")
        left, right = figure.axes
        mosaic = np.asarray(left.images[0].get_array())
        for row in range(3):
            for column in range(10):
                place = mosaic[row * 9 : row * 9 + 8, column * 9 : column * 9 + 8]
                np.testing.assert_allclose(place, x[row + 3 * column].reshape(8, 8))
        assert [text.get_text() for text in left.get_yticklabels()] == ["0", "1", "2"]
        assert [patch.get_width() for patch in right.patches] == [10, 10, 10, 2, 1, 1]
        assert [text.get_text().strip() for text in right.texts] == ["10 + 2", "10 + 1", "10 + 1"]
        assert render(figure, "pdf").startswith(b"%PDF")

    def test_histograms_of_each_feature_by_class(self) -> None:
        data = rows_of([[0, 1.5, 1], [1, 1.5, 1], [1, 2.5, 1], [2, 4.0, 1], [2, 4.0, 1]], ["a", "a", "b", "b", "b"])
        figure = from_dataset(data)
        counts, first, second, _ = figure.axes
        assert [text.get_text() for text in counts.get_yticklabels()] == ["a", "b"]
        values = [patch.get_data().values.tolist() for patch in first.patches]
        of_a, of_b = [0.5, 0.5, 0], [0, 1 / 3, 2 / 3]
        assert values == [of_a, of_a, of_b, of_b], "the share of each class: filled, then its outline"
        colors = {patch.get_facecolor()[:3] for patch in counts.patches}
        assert colors == {patch.get_edgecolor()[:3] for patch in first.patches[1::2]}
        assert second.get_title() == "feature 2"

    def test_what_is_left_out_is_said(self) -> None:
        data = rows_of(np.random.default_rng(0).normal(size=(2000, 30)), np.arange(2000) % 900)
        figure = from_dataset(data, title="title")
        assert figure.get_suptitle() == "title\n11 of 30 features, the 20 most frequent of 900 classes"
        assert len(figure.axes[1].patches) == 2  # all classes together: they could not be told apart

    @pytest.mark.parametrize(
        ("x", "labels"),
        [
            ([[1.0]], ["only"]),
            ([[1e308, 1.0], [-1e308, 1.0]], ["$x^$", "_under"]),
            ([[1.0, 2.0], [3.0, 4.0]], ["붓꽃", "\x1b[31m"]),
            (np.zeros((3, 16)), [0, 1, 2]),
        ],
    )
    def test_odd_data_can_be_drawn(self, x: Any, labels: Any) -> None:
        data = name_classes(x, labels)
        assert render(from_dataset(data, title=f"{labels[0]}"), "png").startswith(b"\x89PNG")

    def test_large_images_are_drawn_smaller(self) -> None:
        x = np.zeros((2, 90_000), np.uint8)
        x[:, ::2] = 200
        figure = from_dataset(rows_of(x, [0, 1]))
        assert np.asarray(figure.axes[0].images[0].get_array()).shape == (2 * 65, 65)
