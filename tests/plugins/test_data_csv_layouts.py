"""Layouts of CSV files as other people make them."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError, SettingError

HEADER = "height,width,label\n"
ROWS = "1.5,2,fir\n3,4,oak\n5,6.5,fir\n"
TABLE = HEADER + ROWS
FEATURES, LABELS = [[1.5, 2], [3, 4], [5, 6.5]], ["fir", "oak", "fir"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trees.csv"


def load(path: Path, content: str | bytes, **options: Any) -> modnet.Dataset:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return modnet.load(path, **{"test_fraction": 0.0, "scale": 1.0, "standardize": False, **options})


def refuse(path: Path, content: str | bytes, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        load(path, content, **options)
    assert str(caught.value).replace("\n", "").isprintable()
    assert str(caught.value).count("\n") <= 1
    return caught.value


def obey(path: Path, content: str | bytes, which: int = 0, **options: Any) -> tuple[modnet.Dataset, Mapping[str, Any]]:
    """Load a file that is refused with one of its error's ways to read it; return the data set and that way."""
    way = refuse(path, content, **options).advice[which]
    return load(path, content, **{**options, **way}), way


def assert_trees(data: modnet.Dataset) -> None:
    np.testing.assert_array_equal(data.train.x, FEATURES)
    assert [data.classes[i] for i in data.train.t] == LABELS


# Encodings

KOREAN = "높이,너비,종류\n1.5,2,소나무\n3,4,참나무\n5,6.5,소나무\n"
JAPANESE = "高さ,幅,種類\n1.5,2,もみ\n3,4,なら\n5,6.5,もみ\n"
CHINESE = "高度,宽度,种类\n1.5,2,冷杉\n3,4,橡树\n5,6.5,冷杉\n"
TRADITIONAL = "高度,寬度,種類\n1.5,2,冷杉\n3,4,橡樹\n5,6.5,冷杉\n"
RUSSIAN = "высота,ширина,класс\n1.5,2,Ель\n3,4,Дуб\n5,6.5,Ель\n"
GERMAN = "Höhe,Breite,Art\n1.5,2,Weißtanne\n3,4,Süßkirsche\n5,6.5,Weißtanne\n"
FRENCH = "hauteur,largeur,espèce\n1.5,2,Mélèze\n3,4,chêne\n5,6.5,Mélèze\n"


@pytest.mark.parametrize("before", [0, 5000])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN, "cp949"),
        (KOREAN, "euc_kr"),
        (KOREAN.replace(",", ";"), "cp949"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (TRADITIONAL, "big5"),
        (RUSSIAN, "cp1251"),
        (GERMAN, "cp1252"),
        (GERMAN, "latin-1"),
        (FRENCH, "cp1252"),
        ("wysokość,szerokość,gatunek\n1.5,2,świerk\n3,4,dąb\n5,6.5,świerk\n", "cp1250"),
    ],
)
def test_the_first_encoding_that_is_advised_is_the_right_one(path, text, encoding, newline, before):
    header, rows = text.split("\n", 1)
    plain = (
        f"{before},4,x\n".replace(",", ";" if ";" in text else ",") * before
    )  # lines of ASCII before the first other one
    label = header.replace(";", ",").split(",")[-1]
    if before:
        text = "a,b,c\n".replace(",", ";" if ";" in text else ",") + plain + rows
        label = "c"
    data, way = obey(path, text.replace("\n", newline).encode(encoding), label=label)
    assert [*way] == ["encoding"]
    assert data.train.x[-3:].tolist() == FEATURES
    species = [line.replace(";", ",").split(",")[-1] for line in rows.splitlines()]
    assert [data.classes[i] for i in data.train.t[-3:]] == species


@pytest.mark.parametrize("word", ["έλατο", "δρυς"])  # bytes that may be Russian, and some that may not
def test_the_right_encoding_is_among_those_that_are_advised(path, word):
    assert {"encoding": "cp1253"} in refuse(path, f"a,label\n1,{word}\n2,x\n".encode("cp1253")).advice


def test_single_letters_of_hangul_among_syllables(path):
    text = "높이,너비,모양\n1.5,2,ㄱ\n3,4,ㄴ\n5,6.5,모름\n"
    assert {"encoding": "cp949"} in refuse(path, text.encode("cp949")).advice


def test_many_lines_beyond_ascii(path):
    header, rows = KOREAN.split("\n", 1)
    data, way = obey(path, (f"{header}\n" + rows * 20_000).encode("cp949"))
    assert (way, data.classes) == ({"encoding": "cp949"}, ("소나무", "참나무"))


def test_a_broken_character_among_others_gets_no_encoding_advised(path):
    text = GERMAN.encode() + b"1,2,Ta\xffnne\n" + GERMAN.encode()
    assert refuse(path, text).advice == ()


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe\xef\xbb\xbf\0"])
def test_marks_of_two_encodings_get_neither_advised(path, mark):
    error = refuse(path, mark + TABLE.encode("utf-16-le"), label=3)
    assert not any("encoding" in way for way in error.advice)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_is_followed(path, encoding):
    for pack in (bytes, gzip.compress):
        data = load(path, pack(KOREAN.encode(encoding)), label="종류")
        assert data.classes == ("소나무", "참나무")
        assert "encoding" not in data.settings


def test_a_test_file_may_have_another_encoding(path):
    path.with_name("more.csv").write_text(TABLE, encoding="utf-8")
    assert_trees(load(path, TABLE.encode("utf-16"), test="more.csv"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(path, encoding):
    data, way = obey(path, TABLE.encode(encoding))
    assert_trees(data)
    assert way == {"encoding": encoding}


@pytest.mark.parametrize("content", [bytes(range(128, 256)) * 3, b"a,b\n\xff\xfe\xfd\x80,\x81\n" * 3])
def test_what_is_no_text_gets_no_encoding_advised(path, content):
    error = refuse(path, content)
    assert not error.advice
    assert "is not UTF-8 text; save it as UTF-8" in str(error)


@pytest.mark.parametrize(
    "name",
    [
        *("idna", "punycode", "undefined", "unicode_escape", "unicode-escape", "raw_unicode_escape", "utf-7", "U7"),
        *("rot13", "hex", "base64", "zip", "", "klingon", "a\0b", "x" * 100_000, "ü", "aliases", "../utf_8"),
    ],
)
def test_what_is_no_encoding_of_text_is_no_setting(name):
    with pytest.raises(SettingError, match="'encoding' must be a text encoding such as 'utf-8', 'cp949'") as caught:
        modnet.source("csv", encoding=name)
    assert len(str(caught.value)) < 200


# ZIP archives


def zip_of(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)  # of 1980: tests are named by the bytes
    return buffer.getvalue()


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["trees.csv.zip", "trees.csv", "archive.zip", "ARCHIVE.ZIP", "trees.zip"])
def test_an_archive_of_one_file_is_read(tmp_path, name, method):
    assert_trees(load(tmp_path / name, zip_of({"trees.csv": TABLE}, method)))
    assert_trees(load(tmp_path / name, zip_of({"data/": "", "data/Trees.TXT": TABLE, "__MACOSX/._a": b"1"}, method)))


def test_parts_in_archives(tmp_path):
    (tmp_path / "test.csv.zip").write_bytes(zip_of({"test.csv": TABLE}))
    data = load(tmp_path / "train.csv.zip", zip_of({"train.csv": TABLE}))
    assert (len(data.train), len(data.test), data.settings["test"]) == (3, 3, "test.csv.zip")


def test_an_archive_is_written_and_the_same_each_time(tmp_path):
    data = load(tmp_path / "trees.csv", TABLE)
    for _ in range(2):
        (path,) = modnet.source("csv").write(data, tmp_path / "again.csv.zip")
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["again.csv"]
        assert_trees(modnet.load(path, test_fraction=0.0, standardize=False))
    first = path.read_bytes()
    modnet.source("csv").write(data, path)
    assert path.read_bytes() == first


def encrypt() -> bytes:
    content = bytearray(zip_of({"a.csv": TABLE}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zip_of({"a.csv": TABLE, "b.csv": TABLE}), "a ZIP archive of 2 files (a.csv, b.csv), expected one: unpack it"),
        (zip_of({f"{i}.csv": "" for i in range(9)}), "a ZIP archive of 9 files (0.csv, 1.csv, 2.csv, 3.csv, ...)"),
        (zip_of({"\x1b[2J.csv": TABLE, "\u202e.csv": TABLE}), "a ZIP archive of 2 files (?[2J.csv, ?.csv)"),
        (zip_of({"[Content_Types].xml": "<a/>", "xl/workbook.xml": "<a/>"}), "an Excel workbook or another Office"),
        (zip_of({"xl/workbook.xml": "<a/>", "[Content_Types].xml": "<a/>"}), "an Excel workbook or another Office"),
        (zip_of({"data/": ""}), "a ZIP archive of no file, expected one: unpack it"),
        (zip_of({}), "a ZIP archive: unpack it"),
        (encrypt(), "an encrypted ZIP archive: unpack it"),
        (zip_of({"a.csv": TABLE})[:-30], "the compressed file is damaged or cut off: "),
        (zip_of({"a.csv": TABLE})[:40], "the compressed file is damaged or cut off: "),
        (zip_of({"a.zip": zip_of({"a.csv": TABLE})}), "a ZIP archive: unpack it"),
        (zip_of({"a.csv.gz": gzip.compress(TABLE.encode(), mtime=0)}), "a compressed file in another one: unpack it"),
        (zip_of({"a.csv": ""}), "the file is empty"),
        (zip_of({"a.csv": TABLE + "1,x,fir\n"}), "line 5, column 2 ('width'): expected a number, found 'x'"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.zip"])
def test_archives_that_are_refused(tmp_path, name, content, words):
    assert words in str(refuse(tmp_path / name, content))


def test_a_hostile_name_is_no_path(tmp_path):
    path = tmp_path / "in" / "a.csv.zip"
    path.parent.mkdir()
    assert_trees(load(path, zip_of({"../../etc/trees.csv": TABLE})))
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.parametrize("method", METHODS)
def test_a_changed_byte_in_an_archive_is_no_other_table(tmp_path, method):
    content = zip_of({"a.csv": HEADER + ROWS * 20}, method)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x11
        try:
            data = load(tmp_path / "a.csv.zip", bytes(changed))
        except DataError:
            continue
        np.testing.assert_array_equal(data.train.x, FEATURES * 20)
        assert [data.classes[i] for i in data.train.t] == LABELS * 20


# Files of other formats


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("@relation trees\n@attribute a numeric\n@data\n1\n", "an ARFF file: read it by scipy.io.arff and give the"),
        ("% comment\n" * 300 + "\n@RELATION 'x y'\n@ATTRIBUTE a REAL\n", "an ARFF file"),
        (b"SQLite format 3\0" + bytes(99), "an SQLite database: save it as CSV, a table a file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file: read it by h5py"),
        ('{"a": [1, 2]}', "JSON: read it by pandas.read_json"),
        ("[\n  {\n", "JSON: read it"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a picture: read it by Pillow"),
        (b"GIF89a\1\0", "a picture"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        ("<!doctype HTML><p>404", "a web page: is it an error page in place of a download?"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file: read it by scipy.io.loadmat"),
        (bz2.compress(b"\x89HDF\r\n\x1a\n" + bytes(99)), "an HDF5 file"),
        (zip_of({"a.json": '{"a": 1}'}), "JSON: read it"),
    ],
)
@pytest.mark.parametrize("name", ["trees", "trees.csv"])
def test_known_formats_that_are_not_read(tmp_path, name, content, words):
    error = refuse(tmp_path / name, content)
    assert str(error).startswith(f"{tmp_path / name}: {words}")
    assert "no source" not in str(error)


@pytest.mark.parametrize(
    "header", ["PK,label", "BMI,label", "II,label", "GI,label", "a[{,label", "%,label", "@rel,label"]
)
def test_headers_that_begin_as_other_formats_do(path, header):
    assert load(path, f"{header}\n1,x\n2,y\n").classes == ("x", "y")


# Shape: delimiters, lines above the table, empty columns

VARIANTS = {
    "plain": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zip": lambda text: zip_of({"trees.csv": text}),
    "UTF-16": lambda text: text.encode("utf-16"),
}
each_variant = pytest.mark.parametrize("variant", VARIANTS)
MANY = HEADER + ROWS * 4000  # more than a block
QUOTED = '"height","width","label"\n' + ROWS.replace("fir", '"fir"')


@pytest.mark.sweep(every=5)
@each_variant
@pytest.mark.parametrize("table", [TABLE, QUOTED, MANY], ids=["few", "quoted", "many"])
@pytest.mark.parametrize(
    ("above", "skipped"),
    [
        ("Trees of the park\n", 1),
        ("Trees of the park\nexported 3 May\n\n", 3),
        ("\nTrees of the park\n\n\n", 4),
        ('"Trees, of the park"\n', 1),
        ("Trees of the park,,\n", 1),
        ("Trees of the park,,\n,,\nby hand,,\n", 3),
        ("1999\n", 1),
        ("Größe,Übersicht,Park,1,2\n", 1),
    ],
)
def test_lines_above_the_table(tmp_path, above, skipped, table, variant):
    path = tmp_path / ("trees.csv.zip" if variant == "zip" else "trees.csv")
    data, way = obey(path, VARIANTS[variant](above + table))
    assert way == {"skip_rows": skipped}
    np.testing.assert_array_equal(data.train.x, FEATURES * (len(data.train) // 3))
    assert data.classes == ("fir", "oak")
    error = refuse(path, VARIANTS[variant](above + table + "1,x,fir\n"), skip_rows=skipped)
    assert error.line == skipped + table.count("\n") + 1  # of the file


@pytest.mark.parametrize("mark", ["#", "%", "!"])
def test_comments_above_the_table(path, mark):
    text = f"{mark} trees\n{mark}by hand, in May\n{TABLE}"
    for which, way in enumerate([{"comment": mark}, {"skip_rows": 2}]):
        data, found = obey(path, text, which)
        assert_trees(data)
        assert found == way


@pytest.mark.parametrize("skip", [6, 100])
def test_more_lines_skipped_than_there_are(path, skip):
    assert f"the lines that are skipped: skip_rows is {skip}" in str(refuse(path, TABLE, skip_rows=skip))


def test_many_lines_are_skipped(path):
    assert_trees(load(path, "a,b\n" * 500 + TABLE, skip_rows=500))


@pytest.mark.parametrize("value", [-1, 1.5, "1", None])
def test_lines_to_skip_are_a_number(value):
    with pytest.raises(SettingError, match="skip_rows"):
        modnet.source("csv", skip_rows=value)


def test_no_row_of_another_file_is_skipped(path):
    source = modnet.source("csv", skip_rows=1, label="label")
    path.write_text("My trees\nheight,width\n1.5,2\n")
    assert source.read_rows(path, 2)[0].tolist() == [[1.5, 2]]
    for text in ("height,width\n1.5,2\n", "1.5,2\n3,4\n"):
        path.write_text(text)
        with pytest.raises(DataError, match="line 1: skip_rows skips a line of 2 columns, which may be a row"):
            source.read_rows(path, 2)
    path.with_name("more.csv").write_text(TABLE)
    assert "skip_rows skips a line of 3 columns" in str(
        refuse(path, "My trees\n" + TABLE, skip_rows=1, test="more.csv")
    )


@pytest.mark.parametrize(
    "text",
    [
        "height width label\n" + ROWS.replace(",", " "),
        "height  width\tlabel\n" + ROWS.replace(",", "   "),
        "   height     width   label\n" + ROWS.replace(",", "\t \t").replace("\n", "  \n"),
        '"height" "width" "label"\n' + ROWS.replace(",", " ").replace("fir", '"fir"'),
        "height\twidth\tlabel\n" + ROWS.replace(",", "\t").replace("3\t4", "3\t\t4"),  # as UCI's seeds
        "  \n\n height width label\n\n" + ROWS.replace(",", "  ") + " \n",
        "height  width  label\n" + ROWS.replace(",", "  ").replace("\n", "\r\n"),
    ],
)
def test_runs_of_blanks_are_a_delimiter(path, text):
    data = load(path, text)
    assert_trees(data)
    assert data.settings["delimiter"] == "whitespace"
    assert_trees(load(path, text, **{"test": "", **data.settings}))
    assert_trees(load(path, gzip.compress(text.encode())))


def test_text_in_quotes_keeps_its_blanks(path):
    data = load(path, 'a  b  label\n1  2  "red  fir"\n3\t4 "red ""fir"""\n5 6 yew\n')
    assert data.classes == ("red  fir", 'red "fir"', "yew")


def test_whole_numbers_between_blanks_stay_bytes(path):
    data = load(path, "".join(f"{i % 256:8d}{i % 7:8d}{i % 3:4d}\n" for i in range(20_000)), label=2)
    assert data.train.table.dtype == np.uint8
    assert data.train.x[:3].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert len(data.train) == 20_000


def test_a_mistake_between_blanks_has_its_place(path):
    error = refuse(path, "a  b  label\n" + " 1  2  x\n" * 300 + "  1   q   y\n")
    assert (error.line, error.column, error.column_name) == (302, 2, "b")
    error = refuse(path, "a  b  label\n" + " 1  2  x\n" * 300 + "  1   2\n")
    assert error.line == 302


@pytest.mark.parametrize("text", ["oak one 1\noak 2\nred fir tree 3\nyew 4\n", "John Smith\nJane\nJack Doe\n"])
def test_names_with_blanks_are_no_columns(path, text):
    assert "whitespace" not in str(refuse(path, text))


def test_what_blanks_delimit_is_written_and_read_back(tmp_path):
    data = load(tmp_path / "a.csv", 'a,b,label\n1.5,2,red  fir\n3,4,"say ""oak"""\n')
    source = modnet.source("csv", delimiter="whitespace", test_fraction=0.0, standardize=False)
    (path,) = source.write(data, tmp_path / "b.csv")
    again = source.read(path)
    assert (again.classes, again.train.x.tolist()) == (data.classes, data.train.x.tolist())


@pytest.mark.parametrize("delimiter", ["|", "^", "~", ":"])
def test_a_rare_delimiter_is_advised(path, delimiter):
    data, way = obey(path, TABLE.replace(",", delimiter))
    assert_trees(data)
    assert way == {"delimiter": delimiter}
    data, way = obey(path, TABLE.replace(",", f" {delimiter} "))  # or blanks
    assert way == {"delimiter": delimiter}
    assert_trees(data)


def test_two_delimiters_that_both_fit_are_both_advised(path):
    error = refuse(path, "1,5;0\n2,5;1\n3,5;1\n")
    assert str(error).endswith("is the delimiter a comma or a semicolon? Set delimiter = ',' or delimiter = ';'")
    assert load(path, "1,5;0\n2,5;1\n3,5;1\n", delimiter=";").train.x.tolist() == [[1.5], [2.5], [3.5]]


ENDS = {  # a delimiter at the end of the header, the rows, or both
    "rows": (HEADER, ROWS.replace("\n", ",\n")),
    "header": (HEADER.replace("\n", ",\n"), ROWS),
    "both": (HEADER.replace("\n", ",\n"), ROWS.replace("\n", ",\n")),
    "two": (HEADER.replace("\n", ",,\n"), ROWS.replace("\n", ",,\n")),
    "two and one": (HEADER.replace("\n", ",\n"), ROWS.replace("\n", ",,\n")),
    "quotes": (HEADER.replace("\n", ',""\n'), ROWS.replace("\n", ',""\n')),
    "blanks": (HEADER.replace("\n", ", \n"), ROWS.replace("\n", ", \n")),
    "none": ("", ROWS.replace("\n", ",\n")),
}


@pytest.mark.sweep(every=5)
@each_variant
@pytest.mark.parametrize("many", [1, 4000])
@pytest.mark.parametrize("ends", ENDS)
def test_delimiters_at_the_ends_of_lines(tmp_path, ends, many, variant):
    header, rows = ENDS[ends]
    path = tmp_path / ("trees.csv.zip" if variant == "zip" else "trees.csv")
    data = load(path, VARIANTS[variant](header + rows * many))
    np.testing.assert_array_equal(data.train.x, FEATURES * many)
    assert data.classes == ("fir", "oak")
    assert data.feature_names == (("height", "width") if header else ())
    assert data.settings["label"] == ("label" if header else 2)
    if ends != "header" and many > 1:
        empty = rows.split("\n", 1)[0].count(",") - 2
        error = refuse(path, VARIANTS[variant](header + rows * many + "1,2,fir" + "," * empty + "7\n"))
        assert (error.line, error.column) == ((header != "") + 3 * many + 1, 3 + empty)
        assert "expected an empty cell, as in the first rows, found '7'" in str(error)


def test_the_last_column_is_one_that_is_not_empty(path):
    assert_trees(load(path, HEADER + ROWS.replace("\n", ",\n"), label="last"))


def test_a_named_column_that_is_empty_is_a_column(path):
    error = refuse(path, "a,label,b\n1,x,\n2,y,\n")
    assert (error.line, error.column) == (2, 3)


def test_rows_to_predict_may_end_with_a_delimiter(path):
    for text in ("1.5,2,\n3,4,\n", "height,width,\n1.5,2,\n3,4,\n", "height,width\n1.5,2,\n3,4,\n"):
        path.write_text(text)
        assert modnet.source("csv", label="label").read_rows(path, 2)[0].tolist() == [[1.5, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,label\n" + ROWS, "line 1: the header has 2 columns, and the rows from line 2 on have 3"),
        ("a,b,c,label\n" + ROWS, "line 1: the header has 4 columns, and the rows from line 2 on have 3"),
        ("\n\na,label\n\n" + ROWS, "line 3: the header has 2 columns, and the rows from line 5 on have 3"),
        ("\n\na,a,label\n" + ROWS, "line 3, column 2: 'a' is the name of column 1 already; rename one"),
        ("title\na,a,label\n" + ROWS, "line 1: 1 column, 'title', and 3 in line 2 and on: set skip_rows = 1"),
    ],
)
def test_a_mistake_in_the_header_says_its_line(path, text, words):
    assert words in str(refuse(path, text))


# The first line of text


@pytest.mark.parametrize("text", ["x,x,o,p\no,o,x,n\nx,x,o,p\no,o,x,n\n", "p,x,s,n\ne,x,s,y\np,b,s,n\ne,x,s,y\n"])
def test_a_first_line_of_which_each_cell_comes_again_is_a_row(path, text):
    data = load(path, text, label=0, leave_out=[2, 3], encode="one-hot")
    assert len(data.train) == 4
    assert data.columns[0].words == ("x", *"ob"[text[0] == "p"])


@pytest.mark.parametrize("text", ["x,x,o,q\no,o,x,n\nx,x,o,p\no,o,x,n\n", "x,x,y\na,b,c\nd,e,f\n"])
def test_a_first_line_of_text_that_repeats_may_be_a_row(path, text):
    assert refuse(path, text).advice == ({"header": False},)  # no two columns have one name


def test_a_first_line_with_a_cell_of_its_column_may_be_a_row(path):
    assert refuse(path, "p,q,r\np,s,t\nu,v,w\n").advice == ({"header": True}, {"header": False})


def test_a_row_of_text_and_numbers_that_repeat_is_no_header(path):
    text = "vhigh,vhigh,2,2,small,unacc\nvhigh,med,2,3,small,acc\nlow,low,3,4,big,unacc\n" * 5
    assert refuse(path, text).advice == ({"header": False},)
    data = load(path, text, header=False, label="last")
    assert (data.classes, len(data.train)) == (("acc", "unacc"), 15)
    assert data.settings["encode"] == {"0": "one-hot", "1": "one-hot", "4": "one-hot"}


def test_names_that_repeat_above_numbers_are_a_header(path):
    assert "line 1, column 2: 'a' is the name of column 1 already; rename one" in str(
        refuse(path, "a,a,label\n1,2,x\n")
    )


# Text among the features

MUSHROOMS = "class,cap,color,odor\ne,x,n,p\np,b,y,a\ne,s,w,n\n"


@pytest.mark.parametrize("text", [MUSHROOMS, "\n" + MUSHROOMS.replace("\n", "\r\n")])
def test_few_rows_of_many_words_are_asked_about(path, text):
    error = refuse(path, text)
    found = (
        "column 2 ('cap') is text and has too many different words to be encoded unasked: 3 (so have 'color', 'odor')"
    )
    assert found in str(error)
    data, _ = obey(path, text)
    assert data.preparation.feature_names[:3] == ("cap=x", "cap=b", "cap=s")


def test_text_features_become_columns_of_their_words(path):
    data = load(path, "class,cap,odor\n" + "e,x,n\np,b,n\ne,x,p\np,x,p\n" * 4)
    assert [column.words for column in data.columns] == [("x", "b"), ("n", "p")]
    assert data.train.table[:4].tolist() == [[0, 0], [1, 0], [0, 1], [0, 1]]
    assert data.preparation.feature_names == ("cap=x", "cap=b", "odor=n", "odor=p")
    assert data.train.x[:2].tolist() == [[1, 0, 1, 0], [0, 1, 1, 0]]
    assert data.settings["encode"] == {"cap": "one-hot", "odor": "one-hot"}


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ({}, {"leave_out": ["name", "town"]}),
        ({"leave_out": ["id"]}, {"leave_out": ["id", "name", "town"]}),
        ({"features": ["name", "a", "town"]}, {"features": ["a"]}),
    ],
)
def test_columns_of_text_can_be_left_out(path, options, way):
    text = "id,name,a,town,label\n" + "".join(f"{i},n{i},{i % 7},t{i % 5},{'xy'[i % 2]}\n" for i in (5, 3, 8, 2))
    data, found = obey(path, text, label="label", **options)
    assert found == way
    assert "a" in data.feature_names
    assert data.classes == ("x", "y")


# Rows to predict beside the training file


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("label,a,b\nx,1,2\ny,3,4\nx,5,6\n", "a,b\n1,2\n3,4\n"),
        ("a,b,label\n1,2,0\n3,4,1\n5,6,1\n", "a,b\n1,2\n3,4\n"),
        ("a,b,label,\n1,2,x,\n3,4,y,\n5,6,y,\n", "a,b,\n1,2,\n3,4,\n"),
        ("a;b;label\n1,5;2;x\n3;4;y\n5;6;y\n", "a;b\n1,5;2\n3;4\n"),
        ("1,2,x\n3,4,y\n5,6,y\n", "1,2\n3,4\n"),
    ],
)
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_a_file_without_labels_is_no_test_part(tmp_path, train, test, pack):
    (tmp_path / "test.csv").write_bytes(pack(test))
    data = load(tmp_path / "train.csv", pack(train), test_fraction=0.4)
    assert (len(data.train), len(data.test), data.settings["test"]) == (2, 1, "")
    assert "test.csv has no label: it is no test part, but `modnet predict` reads its rows" in data.notes
    assert modnet.source("csv", **data.settings).read_rows(tmp_path / "test.csv", 2)[0].shape == (2, 2)
    data, way = obey(tmp_path / "train.csv", pack(train), test="test.csv")
    assert way == {"test": ""}
    assert len(data.train) == 3


@pytest.mark.parametrize("test", ["a,c\n1,2\n", "a\n1\n", "label,a\nx,1\n", "b,a\n1,2\n"])
def test_a_test_file_of_other_columns_is_refused(tmp_path, test):
    (tmp_path / "test.csv").write_text(test)
    error = refuse(tmp_path / "train.csv", "label,a,b\nx,1,2\ny,3,4\nx,5,6\n")
    assert "columns, expected 3 as in the training file" in str(error) or "1 column, " in str(error)


@pytest.mark.parametrize(
    ("train", "test", "new", "classes"),
    [
        ("yes no", "Yes no", "the label 'Yes' is", ["Yes", "no", "yes"]),
        ("<=50K >50K", "<=50K. >50K.", "the label '<=50K.' is", ["<=50K", "<=50K.", ">50K", ">50K."]),
        ("0 1", "-1 -1", "the label -1 is", [-1, 0, 1]),
        ("1 2", "2 3", "the label 3 is", [1, 2, 3]),
    ],
)
def test_a_label_that_only_the_test_file_has_is_asked_about(tmp_path, train, test, new, classes):
    table = "a,b,label\n{}\n".format("\n".join(f"{i},{i % 3},{{{i % 2}}}" for i in range(20)))
    (tmp_path / "test.csv").write_text(table.format(*test.split()))
    content = table.format(*train.split())
    error = refuse(tmp_path / "train.csv", content)
    assert f"test.csv: {new} in no row of the training file" in str(error)
    assert [*error.advice] == [{"classes": classes}, {"test": ""}]
    assert load(tmp_path / "train.csv", content, classes=classes).classes == tuple(classes)
    assert len(load(tmp_path / "train.csv", content, test="").classes) == 2


def test_no_line_of_the_training_file_is_skipped_for_the_sake_of_its_test_file(tmp_path):
    (tmp_path / "test.csv").write_text("a;b;label\n1,5;2,5;x\n3,5;4,5;y\n")
    error = refuse(tmp_path / "train.csv", "a,b,label\n1.5,2,x\n3,4.5,y\n")
    assert "test.csv, line 1: " in str(error)
    assert "lay it out as the training file is" in str(error)
    assert error.advice == ()


def test_labels_of_a_test_file_in_another_notation(tmp_path):
    (tmp_path / "test.csv").write_text("a,label\n1,1.0\n")
    assert load(tmp_path / "train.csv", "a,label\n1,0\n2,1\n3,1\n").classes == (0, 1)


# Notation of numbers


@pytest.mark.parametrize(
    ("numbers", "delimiter", "ways", "values"),
    [
        (["3,497", "4,577", "5,680"], ",", [{"thousands": ","}], [3497, 4577, 5680]),
        (["1,234,567.5", "12", "-3,000"], ",", [{"thousands": ","}], [1234567.5, 12, -3000]),
        (["3,497", "4,577", "5,680"], ";", [{"decimal": ","}, {"thousands": ","}], [3.497, 4.577, 5.68]),
        (["3,497", "1,204,577", "5,680"], ";", [{"thousands": ","}], [3497, 1204577, 5680]),
        (["3,497.25", "4,577", "5"], "\t", [{"thousands": ","}], [3497.25, 4577, 5]),
        (["1,5", "2,25", "3"], ",", [{"decimal": ","}], [1.5, 2.25, 3]),
        (["1.234,5", "2,25", "3"], ";", [{"decimal": ",", "thousands": "."}], [1234.5, 2.25, 3]),
        (["1.234.567", "2.500", "3"], ";", [{"decimal": ",", "thousands": "."}], [1234567, 2500, 3]),
        (["1.234,5", "2,25", "3"], ",", [{"decimal": ",", "thousands": "."}], [1234.5, 2.25, 3]),
        (["3 497", "4 577", "5"], ",", [{"thousands": " "}], [3497, 4577, 5]),
        (["3\u00a0497.5", "4\u202f577", "5"], ",", [{"thousands": " "}], [3497.5, 4577, 5]),
        (["1 234,5", "2,25", "3"], ";", [{"decimal": ",", "thousands": " "}], [1234.5, 2.25, 3]),
        (["3'497.5", "4’577", "5"], ",", [{"thousands": "'"}], [3497.5, 4577, 5]),
    ],
)
@pytest.mark.parametrize("header", ["income", ""])
@pytest.mark.parametrize("before", [0, 300])
def test_notations_that_are_advised_work(path, numbers, delimiter, ways, values, header, before):
    rows = [*[("7", 20, "fir")] * before, *zip(numbers, (20, 21, 22), ("fir", "oak", "fir"), strict=True)]
    lines = ([("income", "age", "label")] if header else []) + rows
    text = "".join(
        delimiter.join(f'"{cell}"' if delimiter in str(cell) else str(cell) for cell in row) + "\n" for row in lines
    )
    options = {"label": "last"}
    error = refuse(path, text, **options)
    if error.advice[0].keys() == {"delimiter"}:
        options["delimiter"] = delimiter
        error = refuse(path, text, **options)
    if error.advice[0].keys() == {"header"}:
        options["header"] = header != ""
        error = refuse(path, text, **options)
    assert list(error.advice) == ways or (before and len(error.advice) == 2)  # by less that was seen, more is possible
    data, way = obey(path, text, error.advice.index(ways[0]), **options)
    assert data.train.x[-3:, 0].tolist() == values
    assert_same_again(path, data, {**options, **way})
    for way in ways[1:]:
        assert load(path, text, **{**options, **way}).classes == ("fir", "oak")


@pytest.mark.parametrize(("number", "way"), [("1 {}", {"thousands": " "}), ("1'{}.5", {"thousands": "'"})])
def test_no_number_in_another_notation_is_left_out_as_text(path, number, way):
    rows = [f"{number.format(100 + i)};{i % 4};{i % 2};k{i % 3}" for i in range(20)]
    text = "\n".join(["income;deck;sold;kind", *rows])
    error = refuse(path, text)
    assert (error.line, error.column_name, error.advice) == (2, "income", (way,))
    question = refuse(path, text, **way)
    assert "which column is the label" in str(question)
    assert not any("income" in found.get("leave_out", ()) for found in question.advice)
    assert load(path, text, **way, label="kind").feature_names == ("income", "deck", "sold")


@pytest.mark.parametrize(
    "text",
    [
        "1,5 2,25 fir\n3,5 4,5 oak\n5,75 -6,5 fir\n",
        "a b label\n1,5 2,25 fir\n3,5 4,5 oak\n5,75 -6,5 fir\n",
        '"a" "b" "label"\n1,5 2,25 "fir"\n3,5 4,5 "oak"\n5,75 -6,5 "fir"\n',
        "  1,5   2,25  fir\n  3,5   4,5   oak\n  5,75 -6,5   fir\n",
    ],
)
def test_decimal_commas_between_blanks(path, text):
    data = load(path, text)
    assert data.train.x.tolist() == [[1.5, 2.25], [3.5, 4.5], [5.75, -6.5]]
    assert data.classes == ("fir", "oak")


def test_commas_of_numbers_or_cells(path):
    error = refuse(path, "1,5 kg\n2,5 lb\n3,75 kg\n")
    assert error.advice == ({"delimiter": "whitespace"}, {"delimiter": ","})
    for text in ("1, 5, kg\n2, 5, lb\n", "1,big tree\n2,oak tree\n", "1,5,a b\n2,5,c d\n"):
        assert load(path, text, label="last").settings["delimiter"] == ","
    assert refuse(path, "1 234,5 678,kg\n2 345,6 789,lb\n").advice == ({"thousands": " "},)


@pytest.mark.parametrize("numbers", [["3.497", "4.577", "5"], ["-3.497", "577", "12.500"]])
@pytest.mark.parametrize("before", [0, 300, 30_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_point_may_be_between_thousands(path, numbers, before, end):
    numbers = ["7"] * before + numbers
    text = f"age;income;label{end}" + "".join(f'{i};"{number}";{i % 2}{end}' for i, number in enumerate(numbers))
    error = refuse(path, text, label="label")
    assert error.advice == ({"decimal": "."}, {"decimal": ",", "thousands": "."})
    assert (error.line, error.column_name) == (before + 2, "income")
    assert load(path, text, label="label", decimal=".").train.x[:, 1].tolist() == [*map(float, numbers)]
    data, way = obey(path, text, 1, label="label")
    assert data.train.x[:, 1].tolist() == [float(n.replace(".", "")) for n in numbers]
    assert_same_again(path, data, {"label": "label", **way})
    assert load(path, text + f"0;1.5;0{end}", label="label").features == 2


@pytest.mark.parametrize("numbers", ["0.497;2.577", "3.497;2.5", "3.4970;2.577", "1234.567;2.577"])
@pytest.mark.parametrize("delimiter", [";", "\t", " "])
def test_points_that_are_not_between_thousands(path, numbers, delimiter):
    first, second = numbers.split(";")
    data = load(path, f"a;b;label\n{numbers};x\n{numbers};y\n".replace(";", delimiter))
    assert data.train.x[0].tolist() == [float(first), float(second)]


def assert_same_again(path: Path, data: modnet.Dataset, options: dict[str, Any]) -> None:
    """Check that the settings in the data set read the file as it was read."""
    again = modnet.source("csv", **{"test_fraction": 0.0, **options, **data.settings}).read(path)
    np.testing.assert_array_equal(again.train.x, data.train.x)


@pytest.mark.parametrize(
    "cell", ["1,23", "1,2345", ",123", "1,234,", "12,34,567", "1234,567", "1,,234", "1, 234", "0,12"]
)
@pytest.mark.parametrize("before", [1, 500])
def test_malformed_groups_are_mistakes(path, cell, before):
    error = refuse(path, "a;label\n" + "1,234;x\n" * before + f"{cell};y\n", thousands=",")
    assert (error.line, error.column, error.column_name) == (before + 2, 1, "a")
    assert f"expected a number, found {cell!r}" in str(error)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"thousands": "x"}, "thousands"),
        ({"thousands": ""}, "thousands"),
        ({"thousands": ",", "decimal": ","}, "'thousands' and 'decimal' cannot both be ','"),
        ({"thousands": ".", "decimal": "."}, "'thousands' and 'decimal' cannot both be '.'"),
    ],
)
def test_marks_in_numbers_are_checked(settings, words):
    with pytest.raises(SettingError, match=words):
        modnet.source("csv", **settings)


def test_classes_with_marks_between_thousands(path):
    assert load(path, "a;label\n1;1,000\n2;2,000\n", thousands=",").classes == (1000, 2000)


def test_rows_to_predict_are_read_in_the_same_notation(path):
    path.write_text('income,age\n"3,497",20\n')
    assert modnet.source("csv", thousands=",").read_rows(path, 2)[0].tolist() == [[3497, 20]]


@pytest.mark.parametrize("count", [1, 97, 99, 100, 5000])
@pytest.mark.parametrize("line", ["# about, this\n", "#\n", '#"\n'])
def test_however_many_comments_stand_above_a_table_it_is_read_as_without_them(tmp_path, line, count):
    table = "".join(f"{i},{i * 3 % 7},{'xy'[i * 5 % 7 % 2]}\n" for i in range(40))
    found = []
    for content in (f"a,b,label\n{table}", f"{line * count}a,b,label\n{line * count}{table}"):
        (tmp_path / "a.csv").write_text(content)
        found.append(modnet.load(tmp_path / "a.csv", comment="#", leave_out=["a"], test_fraction=0))
    assert np.array_equal(found[0].train.x, found[1].train.x)
    assert found[0].settings == found[1].settings


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("count", [1, 60, 99, 100, 5000])
def test_however_many_lines_above_a_table_seem_to_be_comments_they_are_asked_about(tmp_path, count, delimiter):
    table = "a,b,label\n" + "".join(f"{i},{i * 3 % 7},{'xy'[i * 5 % 7 % 2]}\n" for i in range(40))
    error = refuse(tmp_path / "a.csv", "# about\n" * count + table.replace(",", delimiter), leave_out=["a"])
    assert error.advice == ({"comment": "#"}, {"skip_rows": count})
    for way in error.advice:
        assert len(modnet.load(tmp_path / "a.csv", leave_out=["a"], test_fraction=0, **way).train) == 40


@pytest.mark.parametrize(
    ("text", "column"),
    [("p", "y"), ('"p;q;r"', "y"), ('"p;""q;r"', "y"), ('"a;b;c;d;1.234;e"', "x"), ('"a\nb;c;d;e;f;1.234;g"', "label")],
)
def test_the_point_that_may_be_between_thousands_is_found_beside_delimiters_in_quotes(tmp_path, text, column):
    rows = "".join(f"{text};{i % 9 + 1}.{100 + i};{'uv'[i * 5 % 7 % 2]}\n" for i in range(40))
    error = refuse(tmp_path / "a.csv", f"x;y;label\n{rows}", leave_out=["x"])
    assert error.column_name == column
    assert error.advice == ({"decimal": "."}, {"decimal": ",", "thousands": "."})
