"""Pages of runs and comparisons."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shlex
import shutil
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import numpy as np
import pytest
from click.testing import CliRunner
from modnet_display.html import VOID
from modnet_display.pages import Page
from modnet_display.pages.comparison_page import create_comparison_page
from modnet_display.pages.document import create_document
from modnet_display.pages.facts import RunFacts
from modnet_display.pages.sections.classes import draw_mistakes
from modnet_display.pages.sections.head import describe
from modnet_display.pages.sections.layers import draw_weights
from modnet_display.pages.sections.receipt import list_commands
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.signs import REASONS, SIGNS, translate
from modnet_display.pages.verdicts import translate_note, translate_verdict
from modnet_display.pages.words import LANGUAGES, WORDS

import modnet
from modnet.cli.main import modnet_command

HOSTILE = '"><script>alert(1)</script>\u202e'


class Read(HTMLParser):
    """The elements of a page, its text without script and style, and what names its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & {*self.open}:
            self.text += data

    def list_ids(self, prefix: str = "") -> list[str]:
        return [found["id"] for _, found in self.attributes if "id" in found and found["id"].startswith(prefix)]

    def list_sections(self) -> list[str]:
        return [found["id"] for tag, found in self.attributes if tag == "section"]


def call(*arguments: object) -> str:
    done = CliRunner().invoke(modnet_command, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, points: object) -> Path:
    """Return a folder with the run of a table of points, the table, and their page."""
    root = tmp_path_factory.mktemp("pages")
    points(root / "points.csv", 200)  # type: ignore[operator]
    options = ["--hidden", "5", "--iterations", "40", "--set", "data.label=where"]
    call("train", "--data", root / "points.csv", *options, "--out", root / "run")
    call("show", root / "run")
    return root


@pytest.fixture(scope="module")
def page(folder: Path) -> Read:
    return Read((folder / "run/page.html").read_text(encoding="utf-8"))


@pytest.fixture
def run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that run, in the current folder."""
    shutil.copytree(folder / "run", tmp_path / "run", ignore=shutil.ignore_patterns("page.html"))
    monkeypatch.chdir(tmp_path)
    return Path("run")


def show(run: Path, **options: object) -> Read:
    return Read(Path(modnet.open_run(run).show(**options)).read_text(encoding="utf-8"))


def test_all_words_are_there_in_both_languages() -> None:
    for key, texts in WORDS.items():
        assert len(texts) == len(LANGUAGES), key
        assert all(text.strip() for text in texts), key
        first, second = ({name for _, name, _, _ in Formatter().parse(text) if name} for text in texts)
        assert first == second, f"{key}: {first ^ second}"
        assert key in {"f1", "part"} or re.search("[가-힣]", texts[1]), key


def test_a_page_has_each_section(page: Read) -> None:
    expected = ["trained", "curves", "results", "confusion", "classes", "mistakes", "weights", "boundary"]
    assert page.list_sections() == [*expected, "activations", "gradients", "receipt"]
    links = [found["href"] for tag, found in page.attributes if tag == "a"]
    assert links == ["#main", *(f"#{key}" for key in page.list_sections())]


def test_a_page_asks_nothing_of_the_network(page: Read, folder: Path) -> None:
    for tag, found in page.attributes:
        for name, value in found.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"src", "href", "srcset"} or value.startswith(("#", "data:image/png;base64,"))
    assert "http" not in (folder / "run/page.html").read_text(encoding="utf-8").partition("<body")[2]


def test_the_policy_allows_its_own_script_and_style_alone(page: Read, folder: Path) -> None:
    content = (folder / "run/page.html").read_text(encoding="utf-8")
    policy = next(f["content"] for tag, f in page.attributes if f.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag, rule in (("script", "script-src"), ("style", "style-src-elem")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", content, re.DOTALL)
        digest = base64.b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_ids_are_unique_and_what_is_referred_to_is_there(page: Read) -> None:
    ids = page.list_ids()
    assert len(ids) == len({*ids})
    for _, found in page.attributes:
        if found.get("href", "").startswith("#"):
            assert found["href"][1:] in ids
        assert {*found.get("aria-labelledby", "").split()} <= {*ids}


def test_pictures_say_their_numbers(page: Read) -> None:
    named = [found["aria-label"] for _, found in page.attributes if found.get("role") == "img"]
    assert len(named) == 7
    assert all(re.search(r"\d", label) for label in named), named
    assert all(f.get("data-en") and f.get("data-ko") for _, f in page.attributes if f.get("role") == "img")
    hidden = [found for tag, found in page.attributes if tag == "svg" and "role" not in found]
    assert all(found["aria-hidden"] == "true" for found in hidden)


def test_headings_are_in_order(page: Read) -> None:
    levels = [int(tag[1]) for tag, _ in page.attributes if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_numbers_are_those_of_the_run(page: Read, folder: Path) -> None:
    run = modnet.open_run(folder / "run")
    right = np.asarray(run.predict(run.data.test)) == np.array(run.classes)[run.data.test.t]
    assert f"{right.sum():,} of {right.size:,} are right" in page.text
    assert f"test accuracy{run.history.columns['test_accuracy'][-1]:.4f}" in page.text.replace("시험 정확도", "")
    majority = np.bincount(run.data.test.t).max() / right.size
    assert f"accuracy of {majority:.4f}" in page.text


def test_the_same_run_has_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = modnet.open_run(folder / "run").show(tmp_path / "again.html")
    assert Path(again).read_bytes() == again.html.encode() == (folder / "run/page.html").read_bytes()


def test_commands_of_a_page_work(run: Path) -> None:
    text = show(run)
    commands = re.findall(r"modnet (?:verify|train) [^\n<]+?(?=복사|Copy)", text.text)
    assert [command.split()[1] for command in commands] == ["verify", "train"]
    for command in commands:
        call(*shlex.split(command)[1:])
    assert modnet.open_run("run-again").status == "finished"


def test_a_page_opens_in_the_language_that_is_asked_for(run: Path) -> None:
    pages = [Read(create_document({"en": "Run", "ko": "실행"}, [], [], language)) for language in ("en", "ko", None)]
    first = [next(found for tag, found in page.attributes if tag == "html") for page in pages]
    assert [each["lang"] for each in first] == ["en", "ko", "en"]
    assert ["data-fixed" in each for each in first] == [True, True, False]
    with pytest.raises(modnet.SettingError, match="no language 'fr': available: en, ko"):
        show(run, language="fr")


def test_data_that_changed_is_not_used(run: Path, folder: Path) -> None:
    settings = (run / "experiment.toml").read_text(encoding="utf-8")
    path = Path(re.search(r'path = "(.*)"', settings)[1])  # type: ignore[index]
    before = path.read_bytes()
    try:
        path.write_bytes(before.replace(b"up", b"UP", 1).replace(b"UP", b"down", 1))
        changed = show(run)
        path.unlink()
        gone = show(run)
    finally:
        path.write_bytes(before)
    for page in (changed, gone):
        assert page.list_sections() == ["trained", "curves", "results", "weights", "lacking", "receipt"]
        assert "Its data cannot be used here" in page.text
        assert "could not be made" not in page.text  # the weights need no data
    assert "the data has changed since it was trained" in changed.text
    assert "100" in changed.text  # samples, which the receipt knows


def test_a_run_without_parameters_has_its_course(run: Path) -> None:
    (run / "params.npz").unlink()
    page = show(run)
    assert page.list_sections() == ["trained", "curves", "results", "lacking", "receipt"]
    assert "Its network cannot be read here" in page.text


def test_a_damaged_summary_and_receipt_are_no_failure(run: Path) -> None:
    opened = modnet.open_run(run)
    (run / "summary.json").write_text("[" * 100_000, encoding="utf-8")
    (run / "receipt.json").write_text('{"data": 3, "segments": {}, "results": []}', encoding="utf-8")
    page = Read(opened.show().html)
    assert page.list_sections()[-1] == "receipt"


def test_foreign_text_is_no_markup_and_is_cut(run: Path) -> None:
    text = HOSTILE + "x" * 1_000_000
    opened = modnet.open_run(run)
    table = json.loads((run / "summary.json").read_text())
    problem = {"problem": text, "remedy": text}
    (run / "summary.json").write_text(json.dumps({**table, "diagnosis": [problem], "versions": {"modnet": text}}))
    opened.experiment["optimizer"] = {"name": text, text: [text]}
    opened.experiment["data"] = {"name": text}
    opened.history.columns[f"test_{text}"] = opened.history.columns["test_accuracy"]
    page = opened.show()
    read = Read(page.html)
    assert [tag for tag, _ in read.attributes].count("script") == 1
    assert "\u202e" not in page.html
    assert len(page.html) < 1_000_000


def test_a_file_that_is_no_page_is_kept(run: Path) -> None:
    mine = Path("mine.html")
    mine.write_text("<!DOCTYPE html><p>mine", encoding="utf-8")
    with pytest.raises(modnet.SettingError, match=r"mine\.html exists and is no page of modnet's: choose another name"):
        modnet.open_run(run).show(mine)
    assert mine.read_text(encoding="utf-8") == "<!DOCTYPE html><p>mine"
    with pytest.raises(modnet.SettingError, match=r"a page is written as \.html, not '\.png'"):
        modnet.open_run(run).show("page.png")
    with pytest.raises(modnet.DataError, match="there is no folder"):
        modnet.open_run(run).show("nowhere/page.html")


def test_a_page_goes_with_its_run(run: Path, folder: Path) -> None:
    page = shutil.copy(folder / "run/page.html", run)
    call("train", "--data", "xor", "--iterations", "2", "--hidden", "2", "--out", run, "--overwrite")
    assert not Path(page).exists()


def test_a_run_in_python_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(60, 2))
    data = modnet.Dataset.from_arrays(x, np.column_stack([x[:, 0], x.sum(axis=1)]), task="regression")
    run = modnet.train(modnet.Network.for_data(data, hidden=4), data, iterations=30)
    page = run.show()
    assert isinstance(page, Page)
    assert repr(page) == f"<Page page.html: {len(page.html.encode()) / 1e3:.1f} kB>"
    assert page._repr_html_().startswith("<iframe srcdoc=")
    read = Read(page.html)
    expected = ["trained", "curves", "results", "residuals", "mistakes", "weights", "boundary", "activations"]
    assert read.list_sections() == [*expected, "gradients", "receipt"]
    assert "It is not saved" in read.text
    run.save("saved")
    assert "only that program can repeat it" in Read(modnet.open_run("saved").show().html).text


@pytest.mark.parametrize(
    ("status", "words"),
    {
        "diverged": "It diverged after 40 of 40 iterations",
        "interrupted": "It was interrupted after 40 of 40 iterations",
        "running": "It has not ended, or was killed",
        "failed": "It failed after",
        "stopped": "It was stopped after 40 of 40 iterations: time is up.",
    }.items(),
)
def test_a_run_that_ended_otherwise_says_so(run: Path, status: str, words: str) -> None:
    summary = json.loads((run / "summary.json").read_text())
    ended = {"status": "finished", "stop_reason": "time is up"} if status == "stopped" else {"status": status}
    (run / "receipt.json").unlink()
    (run / "summary.json").write_text(json.dumps({**summary, **ended}))
    view = RunView(RunFacts(run=modnet.open_run(run), folder="run"))
    assert words in Read("".join(describe(view))).text
    resumes = "modnet resume run" in Read("".join(list_commands(view))).text
    assert resumes == (status in {"interrupted", "running", "failed"})


def test_labels_that_are_numbers_are_labels_and_no_indices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(60, 8))
    data = modnet.Dataset.from_arrays(x, np.where(x[:, 0] > 0, 2, 1), classes=[2, 1])
    run = modnet.train(modnet.Network.for_data(data, hidden=3), data, iterations=300)
    right = int((run.predict(data.test) == np.array([2, 1])[data.test.t]).sum())
    assert right > len(data.test) / 2
    page = run.show()
    assert "could not be made" not in page.html
    assert page.html.count(f"{right} of {len(data.test)} right") == 1  # in the picture
    assert f"{len(data.test) - right} mistakes in {len(data.test)} samples" in page.html


def test_a_run_without_an_iteration_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = modnet.load("xor")
    page = Read(modnet.train(modnet.Network.for_data(data), data, iterations=0).show().html)
    assert "It made no iteration" in page.text
    assert "curves" not in page.list_sections()


def test_several_runs_are_in_one_page(folder: Path, tmp_path: Path) -> None:
    refused = CliRunner().invoke(modnet_command, ["show", str(folder / "run"), str(folder / "run")])
    assert "2 runs are in one page: name its file by --out" in str(refused.exception)
    call("show", folder / "run", folder / "run", "--out", tmp_path / "both.html")
    page = Read((tmp_path / "both.html").read_text(encoding="utf-8"))
    assert page.list_ids("run-") == [*dict.fromkeys(page.list_ids("run-"))]
    assert {"overview", "all-curves", "run-1", "run-2", "run-1-trained", "run-2-receipt"} <= {*page.list_ids()}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compared")
    quick = {"data": {"name": "moons"}, "training": {"iterations": 20}}
    modnet.compare(quick, {"hidden": [2, 5]}, seeds=5, workers=1, out=root / "units")
    return root


def test_a_comparison_has_its_verdicts_and_every_run(compared: Path) -> None:
    call("show", compared / "units")
    page = Read((compared / "units/page.html").read_text(encoding="utf-8"))
    record = json.loads((compared / "units/comparison.json").read_text())
    assert page.list_sections() == ["verdicts", "settings", "all-curves", "notes", "repeat"]
    assert record["pairs"][0]["verdict"] in page.text
    assert sum(tag == "circle" for tag, _ in page.attributes) == 10
    for setting in record["settings"]:
        assert all(f"{accuracy:.4f}" in page.text for accuracy in setting["test_accuracies"])
    sortable = [found["class"] for tag, found in page.attributes if tag == "table"]
    assert all("sortable" in each for each in sortable)


def test_verdicts_and_notes_of_a_comparison_are_korean_too(compared: Path) -> None:
    record = json.loads((compared / "units/comparison.json").read_text())
    notes = [translate_note(note) for note in record["notes"]]
    assert len(notes) >= 1
    assert all(note and re.search("[가-힣]", note) for note in notes)
    assert translate_note("Something that nobody knows.") is None
    undecided = ("it takes 5 seeds", "40 seeds decide with 71 %", "5 seeds decide with less than 1 %")
    cannot = ("1,000 samples cannot show less than 0.02", "scores so rounded cannot show less than 0.02")
    claims = ["a is better", "a has the smaller error", "practically equal", "undecided after 5 seeds"]
    claims += [f"undecided: {each}" for each in (*undecided, *cannot)]
    alone = (f"{one}; on this test set alone {two.removeprefix('undecided: ')}" for one in claims for two in claims)
    for verdict in (*claims, *alone, *(pair["verdict"] for pair in record["pairs"])):
        korean = translate_verdict(verdict)
        assert korean != verdict
        assert sorted(re.findall(r"\d[\d.,]*", korean)) == sorted(re.findall(r"\d[\d.,]*", verdict)), verdict
    assert translate_verdict("what nobody says") == "what nobody says"


SIGNS_OF_RUNS = {  # by the files that write them
    "modnet/cli/show/diagnosis.py": [
        "the run diverged",
        "only {run.iteration} iterations",
        "test accuracy is not above {baseline:.4f}, which a constant answer has",
        "{len(data.classes):,} classes of numbers, nearly one for each sample",
        "scales of features lie apart by a factor of {apart:,.0f}",
        "the loss rose from {first:.4g} to {last:.4g}",
        "the loss did not fall: {first:.4g}, in the end {last:.4g}",
        "the loss fell to {low:.4g}, then rose to {last:.4g}",
        "layer 2 (relu): {100 * flat.mean():.0f} % of its units are dead",
        "layer 2: {100 * flat.mean():.0f} % of its units are saturated",
        "only the class {quote(str(data.classes[predicted.argmax()]))} is predicted",
        "never predicted: {names}",
        "try {option}",
        "the features may not tell more",
    ],
    "plugins/modnet_callbacks/early_stopping.py": [
        "{self.monitor} was best at iteration {state['iteration']:,}, {state['best']:.4g}, 3 epochs ago",
        "{self.monitor} was best at iteration {state['iteration']:,}, {state['best']:.4g}, an epoch ago",
    ],
    "plugins/modnet_callbacks/stop_on_plateau.py": [
        "the training loss fell by less than {self.tol:g} in each of {self.patience} epochs"
    ],
    "plugins/modnet_callbacks/time_limit.py": ["{self.seconds:g} seconds are over"],
    "modnet/runs/run.py": ["{self.folder}: the data has changed since it was trained: {changed[0].format()}"],
    "modnet/compose/parts.py": [
        "the run's data was given in Python, and no file has it: resume it there, from x, or name other data"
    ],
}


@pytest.mark.parametrize("file", SIGNS_OF_RUNS)
def test_signs_and_reasons_are_korean_too(file: str) -> None:
    source = (Path(__file__).parents[2] / file).read_text(encoding="utf-8")
    for sentence in SIGNS_OF_RUNS[file]:
        pieces = re.split(
            r"\{.*?\}|test accuracy|layer 2(?: \(relu\))?|3 epochs|an epoch|has it: |x, or|saturated|dead", sentence
        )
        assert all(piece in source for piece in pieces), "the sentence is another one: pages/signs.py follows"
        english = re.sub(r"\{.*?\}", "7", sentence)
        korean = translate(english, {**SIGNS, **REASONS})
        assert korean, english
        assert re.search("[가-힣]", korean)
        assert sorted(re.findall(r"\d+", korean)) == sorted(re.findall(r"\d+", english)), english


def test_a_korean_page_says_signs_and_reasons_in_korean(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    signs = [{"problem": "only 40 iterations", "remedy": "try --iterations 2000"}, {"problem": "odd", "remedy": "none"}]
    (run / "summary.json").write_text(json.dumps({**summary, "diagnosis": signs}))
    (run / "receipt.json").unlink()
    page = show(run, language="ko")
    assert "반복이 40회뿐입니다: --iterations 2000 옵션을 써 보세요" in page.text
    assert "odd: none" in page.text
    assert "기록을 읽을 수 없습니다" in page.text
    assert "receipt.json 파일이 없습니다" in page.text


def test_a_comparison_that_has_not_ended_shows_its_runs(compared: Path, tmp_path: Path) -> None:
    shutil.copytree(
        compared / "units", tmp_path / "half", ignore=shutil.ignore_patterns("comparison.json", "page.html")
    )
    call("show", tmp_path / "half")
    page = Read((tmp_path / "half/page.html").read_text(encoding="utf-8"))
    assert "The comparison has not ended" in page.text
    assert [found["class"] for tag, found in page.attributes if tag == "table"] == ["sortable"]
    assert "too many for each to be shown in full" in page.text


def test_a_comparison_whose_record_is_damaged_has_a_page(compared: Path, tmp_path: Path) -> None:
    shutil.copytree(compared / "units", tmp_path / "odd")
    odd = {"settings": [3, {"label": HOSTILE, "entries": [], "test_accuracies": ["a", None]}], "pairs": "x", "seeds": 2}
    (tmp_path / "odd/comparison.json").write_text(json.dumps(odd))
    call("show", tmp_path / "odd")
    page = Read((tmp_path / "odd/page.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.attributes].count("script") == 1


def test_a_comparison_in_python_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick = {"data": {"name": "moons"}, "training": {"iterations": 5}}
    result = modnet.compare(quick, {"hidden": [2, 3]}, seeds=1, workers=1)
    page = Read(result.show(language="ko").html)
    assert page.list_sections() == ["verdicts", "settings", "all-curves", "notes"]
    assert "A single seed says nothing about others" in page.text


def test_sections_stand_two_beside_each_other_and_none_alone(
    page: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list_halves(page) == ["confusion", "classes", "mistakes", "weights", "boundary", "activations"]
    monkeypatch.chdir(tmp_path)
    x, t = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 40
    data = modnet.Dataset.from_arrays(x, t)
    many = Read(modnet.train(modnet.Network.for_data(data, hidden=2), data, iterations=1).show().html)
    assert list_halves(many) == ["mistakes", "weights", "activations", "gradients"]


def list_halves(page: Read) -> list[str]:
    return [found["id"] for tag, found in page.attributes if tag == "section" and found.get("class") == "half"]


def test_all_targets_of_a_regression_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(50, 2))
    data = modnet.Dataset.from_arrays(x, x * [1, 1e6], task="regression")
    text = Read(modnet.train(modnet.Network.for_data(data, hidden=2), data, iterations=3).show().html).text
    assert "The errors of target 1 have" in text
    assert "The errors of target 2 have" in text


@pytest.mark.parametrize(
    ("channels", "words"),
    [(2, "A row is a feature, a column a unit"), (3, "the color of a pixel is that which raises its sum most")],
)
def test_the_weights_of_images_of_several_channels_are_what_their_caption_says(channels: int, words: str) -> None:
    x = np.random.default_rng(0).random((20, channels, 6, 6))
    data = modnet.Dataset.from_arrays(x, np.arange(20) % 2)
    run = modnet.train(modnet.Network.for_data(data, hidden=2), data, iterations=1)
    found = Read("".join(draw_weights(RunView(RunFacts(run=run)))))
    assert words in found.text
    assert "could not be made" not in found.text
    assert "svg" in {tag for tag, _ in found.attributes}


def test_a_table_of_36_columns_with_names_of_their_own_is_no_image() -> None:
    names = [f"{what} of {letter}" for what in ("mean", "least", "largest") for letter in "abcdefghijkl"]
    x = np.random.default_rng(0).random((20, 36))
    for given, is_image in ((names, False), ([f"pixel {i}" for i in range(36)], True)):
        data = modnet.Dataset.from_arrays(x, np.arange(20) % 2, feature_names=given)
        run = modnet.train(modnet.Network.for_data(data, hidden=2), data, iterations=1)
        view = RunView(RunFacts(run=run))
        weights, mistakes = (Read("".join(make(view))).text for make in (draw_weights, draw_mistakes))
        assert ("A row is a feature" in weights, "row" in mistakes) == (not is_image, not is_image)
        assert bool(modnet.figures.mistakes.from_estimator(run).axes[0].images) == is_image


def test_settings_whose_curves_are_left_out_are_said() -> None:
    scores = {"test_accuracies": [None, 0.5, 0.6], "test_accuracy": None}
    settings = [{"label": f"hidden {i}", "entries": {"hidden": i}, **scores} for i in range(14)]
    history = modnet.History([1.0, 2.0], [1, 2], {"test_accuracy": [0.5, 0.6], "train_accuracy": [0.5, 0.6]})
    groups = {f"hidden {i}": [history] for i in range(14)}
    page = Read(create_comparison_page({"settings": settings, "seeds": [0, 1, 2]}, groups, "folder", None))
    assert "These are the first 12 of 14 settings." in page.text
    lowest = [found for tag, found in page.attributes if tag == "data" and found["value"] == "0.5"]
    assert not lowest  # nobody knows it where a score is not known
