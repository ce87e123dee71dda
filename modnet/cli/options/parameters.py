"""The types of options and arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from modnet.cli.options.language import read_units
from modnet.compose.plugins import get_host
from modnet.errors import SettingError
from modnet.text import quote_argument

COUNT = click.IntRange(1, 100_000)
"""A number of runs or repeats."""


class PartName(click.ParamType[str]):
    """The name of a registered part; the names are looked up when they are needed."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    def names(self) -> list[str]:
        """Return the names that are known, without waiting for plugins that have not answered yet."""
        return get_host().registry.names(self.name, known=True)

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a name."""
        return [CompletionItem(n) for n in self.names() if n.startswith(incomplete)]


class Layers(click.ParamType[list[int]]):
    """The units of each hidden layer, joined by hyphens: 100-50."""

    name = "layers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Return the numbers of units."""
        try:
            return read_units(str(value), "-")
        except SettingError as error:
            self.fail(error.mistakes[0], param, ctx)


class Several(click.ParamType[list[Any]]):
    """Values of another type, joined by commas."""

    def __init__(self, one: click.ParamType[Any]) -> None:
        self.one = one
        self.name = one.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Any]:
        """Return the values."""
        items = [item.strip() for item in str(value).split(",")]
        if not all(items):
            self.fail(f"expected values joined by commas, found one that is empty in {str(value)!r}", param, ctx)
        return [self.one.convert(item, param, ctx) for item in items]

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the placeholder of one value for the help."""
        return self.one.get_metavar(param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the last of the values."""
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(before + comma + str(i.value)) for i in self.one.shell_complete(ctx, param, last)]


class Named(click.ParamType[str]):
    """The name of a data set or of a file, which is not empty."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        if not str(value).strip():
            self.fail("expected the name of a data set or of a file, found ''", param, ctx)
        InputPath().convert(value, param, ctx)
        return str(value)


class Lower(click.ParamType[str]):
    """A name in small letters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        del param, ctx
        return str(value).lower()


class FilePath(click.ParamType[Path]):
    """The path of a file or a folder, which is not empty."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if not str(value):
            self.fail("expected the name of a file or a folder, found ''", param, ctx)
        return Path(value)

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Have the shell complete it."""
        return [CompletionItem(incomplete, type="file")]


class InputPath(FilePath):
    """The path of a file or a folder to read."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if str(value) == "-" and sys.platform != "win32":
            self.fail("expected the name of a file, found '-': write /dev/stdin --source csv", param, ctx)
        return super().convert(value, param, ctx)


class FolderPath(FilePath):
    """The path of the folder of a run or of a comparison."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = super().convert(value, param, ctx)
        if path.is_file():
            is_of_run = (path.parent / "experiment.toml").is_file() and (path.parent / "params.npz").is_file()
            advice = f": name the folder, {quote_argument(str(path.parent))}" if is_of_run else ""
            self.fail(f"{path} is a file, and no folder of a run{advice}", param, ctx)
        return path


class RunPath(FolderPath):
    """The path of the folder of a run, which may not be that of a comparison."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = super().convert(value, param, ctx)
        if (path / "comparison.toml").is_file():
            runs = sorted(path.glob("*/seed-*/experiment.toml"))
            such = f": name one of its runs, such as {quote_argument(str(runs[0].parent))}" if runs else ""
            self.fail(f"{path} is a comparison{such}", param, ctx)
        return path


class PicturePath(FilePath):
    """The path of a picture that is to be written, in a folder that is there."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        from modnet_figures.figures import FORMATS  # which commands without a picture do not wait for

        path = super().convert(value, param, ctx)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in FORMATS or path.is_dir():
            self.fail(f"a plot is written as {', '.join(FORMATS)}, not {kind!r}: name such a file", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"{path}: there is no folder {path.parent}", param, ctx)
        return path
