"""A release: its checks, its files and its notes."""

from __future__ import annotations

import os
import re
import shutil
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

SECTION = re.compile(r"^## \[(?P<version>[^]]+)](?: - (?P<day>\d{4}-\d\d-\d\d))?$", re.MULTILINE)
TO_BECOME = re.compile(r"\A\s*To become (\S+)\.\n")
UNRELEASED = ("not on the package index yet", "is not released yet", "아직 패키지 색인에 없")
PLACEHOLDER = re.compile(r"\b(example|invalid|owner|todo)\b", re.IGNORECASE)


@attrs.frozen
class Section:
    """One version's section of a changelog; without a day, the version is not released."""

    version: str
    day: date | None
    text: str


def read_sections(text: str) -> list[Section]:
    """Return the sections of a changelog, the newest first.

    Raises ValueError for a changelog that cannot be read, that lacks a date, or whose versions are in another order.
    """
    found = list(SECTION.finditer(text))
    strange = [line for line in re.findall(r"(?m)^## .*$", text) if not SECTION.fullmatch(line)]
    if strange or not found:
        raise ValueError(f"CHANGELOG.md has no heading of a version in {strange}: write ## [1.2.3] - 2026-12-31")
    sections: list[Section] = []
    for match, end in zip(found, [*(match.start() for match in found[1:]), len(text)], strict=True):
        version, body, day = match["version"], f"{text[match.end() : end].strip()}\n", match["day"]
        if version == "Unreleased":
            later = TO_BECOME.match(body)
            if sections or not later:
                raise ValueError(
                    'CHANGELOG.md has no usable [Unreleased]: write it first, with "To become 1.2.3." below'
                )
            version, body = later[1], body[later.end() :]
        elif day is None:
            raise ValueError(f"{version} in CHANGELOG.md has no date: write ## [{version}] - 2026-12-31")
        if not body.strip():
            raise ValueError(f"{version} in CHANGELOG.md is empty: say what is different")
        sections.append(Section(version, date.fromisoformat(day) if day else None, body.strip()))
    days = [each.day for each in sections if each.day]
    if days != sorted(days, reverse=True) or len({each.version for each in sections}) < len(sections):
        raise ValueError("CHANGELOG.md has versions in another order, or twice: put each one once, the newest first")
    return sections


@attrs.frozen
class Project:
    """A copy of the repository."""

    root: Path

    def read(self, name: str) -> str:
        """Return the text of a file."""
        return (self.root / name).read_text(encoding="utf-8")

    @property
    def version(self) -> str:
        """The version in the code."""
        return str(re.findall(r'(?m)^__version__ = "(.+)"$', self.read("modnet/__init__.py"))[0])

    @property
    def address(self) -> str | None:
        """The address of the repository, or None where it is not set."""
        address = tomllib.loads(self.read("pyproject.toml"))["project"].get("urls", {}).get("Repository")
        return str(address) if address else None

    def obstacles(self, tag: str | None = None) -> Iterator[str]:
        """Yield what stands in the way of a release: what is wrong, and what to do."""
        version, address = self.version, self.address
        if not address:
            yield "the repository has no address: write Repository = ... below [project.urls] in pyproject.toml"
        elif not address.startswith("https://") or PLACEHOLDER.search(address) or address.endswith("/"):
            yield f"{address} is no address of a repository: correct Repository below [project.urls] in pyproject.toml"
        yield from self._find_obstacles_of_changes(version)
        if f"\nversion: {version}\n" not in self.read("CITATION.cff"):
            yield f"CITATION.cff has another version: write version: {version}"
        for page in ("README.md", "README.ko.md", "SECURITY.md", "docs/installing.md", "docs/installing.ko.md"):
            said = " ".join(self.read(page).split())
            yield from (f'{page} says "{words}": mend it' for words in UNRELEASED if words in said)
        if tag is not None and tag != f"v{version}":
            yield f"the tag is {tag}, the code is {version}: call the tag v{version}"

    def _find_obstacles_of_changes(self, version: str) -> Iterator[str]:
        try:
            newest = read_sections(self.read("CHANGELOG.md"))[0]
        except ValueError as error:
            yield str(error)
            return
        if newest.version != version:
            yield f"CHANGELOG.md begins with {newest.version}, the code is {version}: give both the same version"
        elif newest.day is None:
            yield f"CHANGELOG.md has {version} as unreleased: write ## [{version}] - {date.today()} above its changes"

    def build(self, out: Path) -> list[Path]:
        """Build the files of the last commit, and return them: the same bytes whenever and wherever it is called.

        What is not committed plays no part; times are those of the commit. The wheel is built from the other file.
        """
        archive = self._call("git", "archive", "HEAD")
        times = {"SOURCE_DATE_EPOCH": self._call("git", "log", "-1", "--format=%ct").decode().strip()}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with tarfile.open(fileobj=BytesIO(archive)) as tar:
                tar.extractall(folder / "source", filter="data")
            self._call(
                *(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "source"),
                **times,
            )
            out.mkdir(parents=True, exist_ok=True)
            return [Path(shutil.copyfile(file, out / file.name)) for file in sorted((folder / "dist").iterdir())]

    def _call(self, *command: str | Path, **variables: str) -> bytes:
        done = subprocess.run(
            command, cwd=self.root, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, capture_output=True
        )
        if done.returncode:
            told = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise click.ClickException(f"{' '.join(map(str, command))} failed: mend what it says\n{told}")
        return done.stdout


HERE = Project(Path(__file__).parents[1])


@click.group
def main() -> None:
    """Check, build and describe a release."""


@main.command("check")
@click.option("--tag", help="The tag that the release has.")
def check_command(tag: str | None) -> None:
    """Say what stands in the way of a release; exit status 1 where something does."""
    found = list(HERE.obstacles(tag))
    for obstacle in found:
        print(obstacle)
    if found:
        sys.exit(1)
    print(f"modnet {HERE.version} can be released")


@main.command("notes")
@click.argument("version", required=False)
def notes_command(version: str | None) -> None:
    """Print the notes of VERSION, or of the newest one: its section of CHANGELOG.md, with absolute links."""
    from index_page import make_absolute  # needs hatchling, which a check does not

    try:
        sections = {each.version: each for each in read_sections(HERE.read("CHANGELOG.md"))}
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    section = sections.get(version or next(iter(sections)))
    if section is None:
        raise click.UsageError(f"CHANGELOG.md has no {version}; available: {', '.join(sections)}")
    print(make_absolute(section.text, HERE.address, f"v{section.version}"))


@main.command("build")
@click.option("--out", type=click.Path(path_type=Path), default=Path("dist"), help="The folder of the files: dist.")
def build_command(out: Path) -> None:
    """Build the source distribution and the wheel of the last commit, check them, and print their SHA-256."""
    if changed := HERE._call("git", "status", "--porcelain").decode().splitlines():
        click.echo(f"{len(changed)} files are not as committed: their changes are left out", err=True)
    files = HERE.build(out)
    subprocess.run([sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files], check=True)
    for file in files:
        print(f"{sha256(file.read_bytes()).hexdigest()}  {file.name}")


if __name__ == "__main__":
    main()
