"""Releases: page of an index, files, notes, obstacles."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from index_page import make_absolute
from markdown_it import MarkdownIt
from release import Project, read_sections

import modnet

ROOT = Path(__file__).parents[1]
HERE = Project(ROOT)
WORKFLOWS = ROOT / ".github" / "workflows"
ADDRESS = "https://forge.test/modnet"
LEADING = re.compile(r'(?:href|src)="([^"]*)"')


def list_targets(page: str) -> list[str]:
    """Return where links and images of a page lead, as a browser finds them, those in HTML included."""
    return LEADING.findall(MarkdownIt("commonmark").render(page))


@pytest.mark.parametrize("page", ["README.md", "README.ko.md"])
def test_each_link_of_the_page_leads_to_a_file_of_the_repository_at_the_tag(page: str) -> None:
    targets = list_targets(make_absolute(HERE.read(page), ADDRESS, "v1.0.0"))
    ours = [target.split("/v1.0.0/")[1] for target in targets if target.startswith(ADDRESS)]
    assert len(ours) == len([link for link in list_targets(HERE.read(page)) if ":" not in link]) > 15
    assert [path for path in ours if not (ROOT / path.partition("#")[0]).is_file()] == []
    assert [target for target in targets if not target.startswith("https://")] == []
    pictures = [target for target in targets if target.endswith(".png")]
    assert pictures
    assert [target for target in pictures if not target.startswith(f"{ADDRESS}/raw/")] == []


@pytest.mark.parametrize("page", ["README.md", "README.ko.md"])
def test_without_an_address_the_page_has_the_same_words_and_no_relative_link(page: str) -> None:
    text = HERE.read(page)
    before, after = (MarkdownIt("commonmark").render(each) for each in (text, make_absolute(text, None, "v1")))
    assert [target for target in LEADING.findall(after) if not target.startswith("https://")] == []
    words = re.sub(r'<img[^>]*alt="([^"]*)"[^>]*>', r"\1", before)
    assert re.sub(r"</?a\b[^>]*>", "", after) == re.sub(r"</?a\b[^>]*>", "", words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](#b)", f"[a]({ADDRESS}/blob/v1/README.md#b)"),
        ("![a](b.png)", f"![a]({ADDRESS}/raw/v1/b.png)"),
        ("[two\nlines](LICENSE)", f"[two\nlines]({ADDRESS}/blob/v1/LICENSE)"),
        ("[`code`](b.md)", f"[`code`]({ADDRESS}/blob/v1/b.md)"),
        ("`[a](b)`", "`[a](b)`"),
        ("```python\nx[0](y)\n```\n", "```python\nx[0](y)\n```\n"),
        ("[a](mailto:b), x[0], [c]", "[a](mailto:b), x[0], [c]"),
    ],
)
def test_links_become_absolute_and_code_stays_as_it_is(text: str, expected: str) -> None:
    assert make_absolute(text, ADDRESS, "v1") == expected


def test_the_metadata_has_that_page_and_the_version_of_the_code() -> None:
    metadata = ProjectMetadata(str(ROOT), PluginManager())
    assert metadata.core.readme == make_absolute(HERE.read("README.md"), HERE.address, f"v{modnet.__version__}")
    assert metadata.core.readme_content_type == "text/markdown"
    assert metadata.version == HERE.version == modnet.__version__


def test_the_group_of_the_tests_has_what_the_extras_have_with_the_same_floors() -> None:
    """So that `pip install . --group test` tests them all; torch is large, and has a group of its own."""
    table = tomllib.loads(HERE.read("pyproject.toml"))
    extras, groups = table["project"]["optional-dependencies"], table["dependency-groups"]
    needed = {requirement for name, needs in extras.items() if name not in {"all", "torch"} for requirement in needs}
    assert needed - {*groups["test"]} == set()
    assert groups["torch"] == extras["torch"]
    assert extras["all"] == [f"modnet-workbench[{','.join(sorted(set(extras) - {'all'}))}]"]


def test_the_changelog_is_of_the_version_in_the_code() -> None:
    newest, *_ = read_sections(HERE.read("CHANGELOG.md"))
    assert newest.version == modnet.__version__
    assert newest.text.startswith("### Added\n")
    assert f"\nversion: {modnet.__version__}\n" in HERE.read("CITATION.cff")


CHANGES = """# Changelog

## [Unreleased]

To become 0.2.0.

- New.

## [0.1.0] - 2026-12-01

- First.
"""


def test_a_changelog_has_a_section_for_each_version() -> None:
    newer, older = read_sections(CHANGES)
    assert (newer.version, newer.day, newer.text) == ("0.2.0", None, "- New.")
    assert (older.version, str(older.day), older.text) == ("0.1.0", "2026-12-01", "- First.")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("To become 0.2.0.", "", "no usable [Unreleased]"),
        (" - 2026-12-01", "", "0.1.0 in CHANGELOG.md has no date"),
        ("- First.", "", "0.1.0 in CHANGELOG.md is empty"),
        ("- New.", "", "0.2.0 in CHANGELOG.md is empty"),
        ("## [0.1.0] -", "## 0.1.0 -", "no heading of a version in ['## 0.1.0 - 2026-12-01']"),
        ("[0.1.0]", "[0.2.0]", "put each one once"),
        ("- First.", "- First.\n\n## [0.0.9] - 2026-12-02\n\n- None.", "the newest first"),
        ("- First.", "- First.\n\n## [Unreleased]\n\nTo become 3.\n\n- More.", "write it first"),
    ],
)
def test_a_changelog_that_cannot_be_read_says_why(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_sections(CHANGES.replace(old, new))


@pytest.fixture
def copy(tmp_path: Path) -> Project:
    """Return the files that a release is judged by, as they will be when it is made."""
    for name in ("pyproject.toml", "CHANGELOG.md", "CITATION.cff", "README.md", "README.ko.md", "SECURITY.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "modnet").mkdir()
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "modnet/__init__.py", tmp_path / "modnet")
    (tmp_path / "pyproject.toml").write_text(f'[project]\nurls.Repository = "{ADDRESS}"\n')
    dated = re.sub(r"## \[Unreleased]\n\nTo become (.*)\.\n", r"## [\1] - 2026-12-01\n", HERE.read("CHANGELOG.md"))
    (tmp_path / "CHANGELOG.md").write_text(dated, encoding="utf-8")
    for name in ("README.md", "README.ko.md", "SECURITY.md", "docs/installing.md", "docs/installing.ko.md"):
        (tmp_path / name).write_text("Install it.\n")
    return Project(tmp_path)


def test_nothing_stands_in_the_way_of_a_complete_release(copy: Project) -> None:
    assert list(copy.obstacles(f"v{modnet.__version__}")) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "obstacle"),
    [
        ("pyproject.toml", f'urls.Repository = "{ADDRESS}"', "", "the repository has no address: write Repository"),
        ("pyproject.toml", "forge.test", "example.org", "https://example.org/modnet is no address of a repository"),
        ("CHANGELOG.md", f"[{modnet.__version__}]", "[9.9]", "CHANGELOG.md begins with 9.9, the code is"),
        ("CHANGELOG.md", " - 2026-12-01", "", "has no date"),
        ("CITATION.cff", f"version: {modnet.__version__}", "version: 9", "CITATION.cff has another version"),
        (
            "docs/installing.md",
            "Install it.",
            "It is not on the\npackage index yet.",
            'docs/installing.md says "not on the package index yet"',
        ),
        ("SECURITY.md", "Install it.", "It is not released yet.", 'SECURITY.md says "is not released yet": mend it'),
    ],
)
def test_an_obstacle_is_named_with_what_to_do(copy: Project, name: str, old: str, new: str, obstacle: str) -> None:
    assert old in copy.read(name)
    (copy.root / name).write_text(copy.read(name).replace(old, new), encoding="utf-8")
    (found,) = copy.obstacles()
    assert obstacle in found


def test_a_tag_has_the_version_of_the_code(copy: Project) -> None:
    version = modnet.__version__
    assert list(copy.obstacles("v9")) == [f"the tag is v9, the code is {version}: call the tag v{version}"]


@pytest.mark.skipif(not WORKFLOWS.is_dir(), reason="the source distribution has no workflows")
class TestWorkflows:
    """Rights of the workflows, and what they call."""

    @staticmethod
    def _read(name: str) -> dict[str, Any]:
        loaded = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
        assert isinstance(loaded, dict)
        return loaded

    @pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
    def test_actions_are_pinned_by_commit_and_nothing_is_secret_or_elsewhere(self, name: str) -> None:
        text = (WORKFLOWS / name).read_text(encoding="utf-8")
        assert re.findall(r"uses: (?!\S+@[0-9a-f]{40} # v\d).*", text) == []
        assert re.findall(r"secrets\.|password|https?:|\bindex-url\b", text) == []
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")

    def test_one_job_can_publish_and_it_runs_nothing_of_the_repository(self) -> None:
        release, checks = self._read("release.yml"), self._read("ci.yml")
        assert (release["permissions"], checks["permissions"]) == ({}, {"contents": "read"})
        assert all("permissions" not in job for job in checks["jobs"].values())
        rights = {name: job["permissions"] for name, job in release["jobs"].items()}
        assert rights == {
            "build": {"contents": "read"},
            "test": {},
            "publish": {"id-token": "write"},
            "announce": {"contents": "write"},
        }
        publish = release["jobs"]["publish"]
        assert publish["environment"] == "release"
        assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
            "actions/download-artifact",
            "pypa/gh-action-pypi-publish",
        ]
        assert {name: job.get("needs") for name, job in release["jobs"].items()} == {
            "build": None,
            "test": "build",
            "publish": "test",
            "announce": "publish",
        }


@pytest.mark.check
class TestBuilt:
    """The files, built from clones of the repository."""

    @pytest.fixture(autouse=True)
    def _repository(self) -> None:
        pytest.importorskip("build", reason="the group `release` is not installed")
        if not (ROOT / ".git").exists():
            pytest.skip("not a git repository")

    @staticmethod
    def _clone(folder: Path) -> Path:
        subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, folder], check=True)
        return folder

    @staticmethod
    def _build(clone: Path, out: Path, umask: int = 0o022, **variables: str) -> dict[str, bytes]:
        command = [sys.executable, "tools/release.py", "build", "--out", str(out)]
        env = {**os.environ, **variables}
        done = subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, umask=umask, check=False)
        assert done.returncode == 0, done.stderr
        files = {file.name: file.read_bytes() for file in sorted(out.iterdir())}
        digests = [f"{sha256(content).hexdigest()}  {name}" for name, content in files.items()]
        assert done.stdout.splitlines()[-2:] == digests
        assert done.stdout.count("PASSED") == 2
        return files

    def test_two_clones_give_the_same_bytes_and_an_address_makes_the_links_absolute(self, tmp_path: Path) -> None:
        first = self._clone(tmp_path / "first")
        files = self._build(first, tmp_path / "one", TZ="Asia/Seoul")
        second = self._clone(tmp_path / "a much longer path" / "second")
        for path in second.rglob("*.py"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        (second / "modnet" / "left_over.py").write_text("not = 'committed'\n")
        (second / "README.md").write_text("not committed\n")
        again = self._build(second, tmp_path / "two", 0o077, TZ="America/Lima", LC_ALL="C", PYTHONHASHSEED="7")
        assert files == again
        wheel, source = (tmp_path / "one" / name for name in files)
        assert (wheel.suffix, source.suffix) == (".whl", ".gz")
        page = make_absolute(Project(first).read("README.md"), HERE.address, f"v{modnet.__version__}")
        assert list_targets(self._page(wheel)) == list_targets(page)

        toml = re.sub(r"(?m)^(# )?Repository = .*$", f'Repository = "{ADDRESS}"', Project(first).read("pyproject.toml"))
        (first / "pyproject.toml").write_text(toml, encoding="utf-8")
        who = ("-c", "user.name=A", "-c", "user.email=a@forge.test")
        subprocess.run(["git", *who, "commit", "--quiet", "--all", "-m", "Give the address"], cwd=first, check=True)
        self._build(first, tmp_path / "three")
        targets = list_targets(self._page(tmp_path / "three" / wheel.name))
        assert f"{ADDRESS}/blob/v{modnet.__version__}/LICENSE" in targets
        assert [target for target in targets if not target.startswith("https://")] == []

    @staticmethod
    def _page(wheel: Path) -> str:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return str(HeaderParser().parsestr(archive.read(name).decode()).get_payload())
