"""A release: its checks, its files and its notes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import attrs
import click

ROOT = Path(__file__).parents[1]
SECTION = re.compile(r"^## \[(?P<version>[^]]+)](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.M)
TO_BECOME = re.compile(r"\A\s*To become (\S+)\.\n")
UNRELEASED = ("not on the package index yet", "is not released yet", "아직 패키지 색인에 없")
PLACEHOLDER = re.compile(r"\b(example|invalid|localhost|owner|user|org|todo)\b", re.I)


@attrs.frozen
class Section:
    """One version's section of the changelog; without a date, it is not released."""

    version: str
    day: date | None
    text: str


def read_changelog(text: str) -> list[Section]:
    """Return the sections of a changelog, the newest first.

    Raises ValueError for one that cannot be read: sections without a date, in another order, or empty.
    """
    found = list(SECTION.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    sections = []
    for match, end in zip(found, ends, strict=True):
        version, body = match["version"], text[match.end() : end].strip()
        day = date.fromisoformat(match["date"]) if match["date"] else None
        if version == "Unreleased":
            if sections or not (later := TO_BECOME.match(body + "\n")):
                raise ValueError(
                    'CHANGELOG.md has no valid [Unreleased]: write it first, and "To become 1.2.3." below it'
                )
            version, body = later[1], body[later.end() :].strip()
        elif day is None:
            raise ValueError(f"{version} in CHANGELOG.md has no date: write ## [{version}] - 2026-12-31")
        if not body:
            raise ValueError(f"{version} in CHANGELOG.md is empty: say what is different")
        sections.append(Section(version, day, body))
    strange = [line for line in re.findall(r"(?m)^## .*$", text) if not SECTION.fullmatch(line)]
    if strange or not sections:
        raise ValueError(
            f"CHANGELOG.md cannot be read: write ## [1.2.3] - 2026-12-31 in place of {strange or 'nothing'}"
        )
    days = [each.day for each in sections if each.day]
    if days != sorted(days, reverse=True) or len({each.version for each in sections}) < len(sections):
        raise ValueError("CHANGELOG.md has versions in another order, or twice: put the newest first")
    return sections


def read_version() -> str:
    """Return the version in the code."""
    found = re.search(r'(?m)^__version__ = "(.+)"$', (ROOT / "modnet" / "__init__.py").read_text(encoding="utf-8"))
    assert found
    return found[1]


def read_address() -> str | None:
    """Return the repository's address, or None where it is not set."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address: str | None = project.get("urls", {}).get("Repository")
    return address


def find_obstacles(tag: str | None = None) -> Iterator[str]:
    """Yield what stands in the way of a release: what is wrong, and what to do."""
    version, address = read_version(), read_address()
    if not address:
        yield "the repository has no address: write Repository = ... below [project.urls] in pyproject.toml"
    elif not address.startswith("https://") or PLACEHOLDER.search(address) or address.endswith("/"):
        yield f"{address} is no address of a repository: correct Repository below [project.urls] in pyproject.toml"
    newest = read_changelog((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[0]
    if newest.version != version:
        yield f"CHANGELOG.md ends with {newest.version}, the code is {version}: give both the same version"
    elif newest.day is None:
        yield f"{version} is unreleased in CHANGELOG.md: write ## [{version}] - {date.today()} in place of the first lines"
    if f"\nversion: {version}\n" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8"):
        yield f"CITATION.cff has another version: write version: {version}"
    for page in ("README.md", "README.ko.md", "SECURITY.md"):
        said = " ".join((ROOT / page).read_text(encoding="utf-8").split())
        yield from (f'{page} says "{words}": mend it' for words in UNRELEASED if words in said)
    if tag is not None and tag != f"v{version}":
        yield f"the tag is {tag}, the code is {version}: call the tag v{version}"


def build(out: Path, commit: str = "HEAD") -> list[Path]:
    """Build the files of a commit, and return them: the same bytes whenever, wherever and by whomever.

    What is not committed plays no part; times are those of the commit. The wheel is built from the source distribution.
    """
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    asked = ["git", "log", "-1", "--format=%ct", commit]
    when = subprocess.run(asked, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out.absolute(), folder]
        done = subprocess.run(
            command,
            env={**os.environ, "SOURCE_DATE_EPOCH": when},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"the build failed:\n{done.stdout}")
    return sorted(out.glob(f"modnet_workbench-{read_version()}*"))


@click.group
def main() -> None:
    """Check, build and describe a release."""


@main.command("check")
@click.option("--tag", help="The tag that the release has.")
def check_command(tag: str | None) -> None:
    """Say what stands in the way of a release; exit status 1 where something does."""
    found = list(find_obstacles(tag))
    for obstacle in found:
        print(obstacle)
    if found:
        sys.exit(1)
    print(f"modnet {read_version()} can be released")


@main.command("notes")
@click.argument("version", required=False)
def notes_command(version: str | None) -> None:
    """Print the release notes of VERSION, the newest unless given: its section of CHANGELOG.md, with absolute links."""
    from index_page import make_absolute

    sections = {each.version: each for each in read_changelog((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))}
    section = sections.get(version or next(iter(sections)))
    if section is None:
        raise click.UsageError(f"CHANGELOG.md has no {version}; available: {', '.join(sections)}")
    print(make_absolute(section.text, read_address(), f"v{section.version}"))


@main.command("build")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("dist"), help="The folder of the files; default: dist."
)
def build_command(out: Path) -> None:
    """Build the source distribution and the wheel of the last commit, check them, and print their SHA-256."""
    files = build(out)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
    for file in files:
        print(f"{sha256(file.read_bytes()).hexdigest()}  {file.name}")


if __name__ == "__main__":
    main()
