"""The options of experiments and plugins."""

from __future__ import annotations

import re
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click
from click.shell_completion import CompletionItem

from modnet.cli.given import approve, give_modules
from modnet.compose.defaults import EPOCHS, FOR_TABLES, MAIN_JOB
from modnet.compose.experiment import PLACES, Experiment
from modnet.compose.plugins import get_host, list_asked, load_plugins
from modnet.compose.sources import is_data_set
from modnet.compose.tables import NONE, Table, Unquoted, merge, put, read_toml
from modnet.errors import SettingError, UnknownNameError
from modnet.host.entry_points import Plugin, split_names
from modnet.host.registry import BUILT_IN, could_be_name
from modnet.text import did_you_mean, format_value, quote, quote_argument

ONE_FOR_ALL = ("seed", "validation")
"""Options of which a comparison takes one value: all settings see the same samples, and the same seeds."""
F = TypeVar("F", bound=Callable[..., Any])
LISTS = frozenset({"hidden", "activation"})
"""The options that take a list as one value."""
_OWN_KIND = ("activation", "loss", "gradient", "optimizer", "callback", "metric")
KINDS_OF = {"output": "activation", **dict(zip(_OWN_KIND, _OWN_KIND, strict=True))}
"""The kinds of parts that options name."""
MOST_UNITS = 10**9
COUNT = click.IntRange(1, 100_000)
"""A number of runs or repeats."""
_HIDDEN = f"{MAIN_JOB['network']['hidden'][0]}; tables: {FOR_TABLES['network']['hidden'][0]}"


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


ENTRIES = frozenset(field.name for field in attrs.fields(Experiment))
"""The entries of an experiment, below which all others are."""


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


class Named(click.ParamType[str]):
    """The name of a data set or of a file, which is not empty."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        if not str(value).strip():
            self.fail("expected the name of a data set or of a file, found ''", param, ctx)
        return str(value)


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


class Lower(click.ParamType[str]):
    """A name in small letters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        del param, ctx
        return str(value).lower()


def read_units(text: str, joined_by: str = ",") -> list[int]:
    """Return the numbers of units of hidden layers; raises SettingError."""
    items = [item.strip() for item in text.split(joined_by)]
    wrong = [item for item in items if not item.isdecimal()]
    how = "commas" if joined_by == "," else "hyphens"
    if wrong:
        found = f"found {text!r}" if wrong[0] in {text, ""} else f"found {wrong[0]!r} in {text!r}"
        numbers = re.findall(r"\d+", text)
        meant = re.fullmatch(r"[\[( ]*\d+([-;, x]+\d+)*[\]), ]*", text) and joined_by.join(numbers)
        advice = f": write --hidden {meant}" if meant else ""
        raise SettingError([f"expected whole numbers joined by {how}, {found}{advice}"], "--hidden")
    if large := [item for item in items if int(item) > MOST_UNITS]:
        raise SettingError([f"a layer has {MOST_UNITS:,} units at most, found {large[0]}"], "--hidden")
    return [int(item) for item in items]


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


class PartOption(click.Option):
    """An option that takes a part's name and lists the names in its help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help with the available names."""
        record = super().get_help_record(ctx)
        kind = self.type.one if isinstance(self.type, Several) else self.type
        names = ", ".join(kind.names()) if isinstance(kind, PartName) else ""
        return record and (record[0], f"{record[1]}  [{names}]")


def quiet_option(command: F) -> F:
    """Add the option that leaves out progress, and what is not the result."""
    return click.option("-q", "--quiet", is_flag=True, help="Print no progress, only how it ended.")(command)


def progress_options(command: F) -> F:
    """Add the options that say how much a run prints while it is trained."""
    every = click.option(
        "--every", type=click.IntRange(1), metavar="N", help="Print a row each N epochs (default: about 40 rows)."
    )
    return every(quiet_option(command))


def check_progress(every: int | None, *, quiet: bool) -> None:
    """Raise SettingError where rows are asked for, and none."""
    if every and quiet:
        raise SettingError(["no row is printed with --quiet: leave out one of the two"], "--every")


def without_option(command: F) -> F:
    """Add the option that leaves plugins out."""
    return click.option(
        "--without", multiple=True, metavar="PLUGIN[,...]", help="Leave out plugins; '*': all but built-ins."
    )(command)


def plugin_options(command: F) -> F:
    """Add the options that choose the plugins."""
    module = click.option(
        "-p",
        "--plugin",
        "modules",
        multiple=True,
        metavar="MODULE",
        help="Load a module, by name or file, as a plugin.",
    )
    return without_option(module(command))


def experiment_options(command: F) -> F:
    """Add the options that change an experiment; their help has the defaults of the main job and of tables."""
    hidden = click.option("--hidden", metavar="N[,N...]", help=f"Units of each hidden layer (default: {_HIDDEN}).")
    return _experiment_options(command, hidden, lambda one: one)


def comparison_options(command: F) -> F:
    """Add the options that change an experiment, each with several values to compare."""
    what = f"Units of the hidden layer, or of several as in 100-50 (default: {_HIDDEN})."
    hidden = click.option("--hidden", metavar="N[,N...]", type=Several(Layers()), help=what)
    return _experiment_options(command, hidden, Several)


def _experiment_options(
    command: F, hidden: Callable[[F], F], taking: Callable[[click.ParamType[Any]], click.ParamType[Any]]
) -> F:
    data, network, training = MAIN_JOB["data"], MAIN_JOB["network"], MAIN_JOB["training"]
    table = FOR_TABLES["network"]

    def a_part(name: str, kind: str, what: str, default: str) -> Callable[[F], F]:
        about = f"{what} (default: {default})."
        return click.option(f"--{name}", cls=PartOption, type=taking(PartName(kind)), help=about)

    def a_value(name: str, kind: click.ParamType[Any], what: str) -> Callable[[F], F]:
        return click.option(name, type=taking(kind), help=what)

    samplings = click.Choice(["replacement", "shuffle"], case_sensitive=False)
    options: list[Callable[[F], F]] = [
        click.option("--data", metavar="NAME|FILE", help=f"A registered data set or a file (default: {data['name']})."),
        click.option("--source", metavar="NAME", help="The kind of that file (default: recognised)."),
        click.option("--validation", type=float, metavar="SHARE", help="Share of training rows kept for validation."),
        hidden,
        a_part(
            "activation",
            "activation",
            "Activation of the hidden layers",
            f"{network['activation']}; tables: {table['activation']}",
        ),
        a_part("output", "activation", "Activation of the last layer", network["output"]),
        a_part("loss", "loss", "Loss to minimize", network["loss"]),
        a_part("gradient", "gradient", "Gradient estimator", _name_defaults("gradient")),
        a_part("optimizer", "optimizer", "Optimizer", _name_defaults("optimizer")),
        click.option(
            "--callback",
            cls=PartOption,
            type=PartName("callback"),
            multiple=True,
            help="Callback; give the option again for several.",
        ),
        click.option(
            "--metric",
            cls=PartOption,
            type=PartName("metric"),
            multiple=True,
            help="Metric beside accuracy, or R² and RMSE; give the option again for several.",
        ),
        a_value(
            "--lr",
            click.FLOAT,
            "Learning rate (default: 0.1 with sgd, 0.003 with adam on tables, else the optimizer's own).",
        ),
        a_value("--batch-size", click.INT, f"Samples in a mini-batch (default: {training['batch_size']})."),
        a_value(
            "--iterations",
            click.INT,
            f"Mini-batches to train on (default: {training['iterations']}; tables: {EPOCHS} epochs).",
        ),
        a_value("--sampling", samplings, f"Sampling of mini-batches (default: {training['sampling']})."),
        a_value("--array", Lower(), "Array library of the network: numpy (default) or torch."),
        a_value("--device", Lower(), "Device of its arrays, as cuda or cuda:1 of torch (default: the CPU)."),
        click.option("--seed", type=int, help=f"Same seed, same run (default: {MAIN_JOB['seed']})."),
        click.option(
            "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any other entry: optimizer.momentum=0.8"
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _name_defaults(kind: str) -> str:
    return f"{MAIN_JOB[kind]['name']}; tables: {FOR_TABLES[kind]['name']}"


def load_chosen_plugins(without: Iterable[str], modules: Iterable[str]) -> None:
    """Load the installed plugins without some, and additional modules, which the user approves by giving them."""
    _load_and_approve(without, give_modules(modules))


def _load_and_approve(without: Iterable[str], given: Sequence[Plugin], named: Iterable[Plugin] = ()) -> None:
    load_plugins(without, [*given, *named])
    approve([plugin.module for plugin in given])


def read_changes(flags: dict[str, Any]) -> Table:
    """Return the entries of an experiment that the options change."""
    changes: Table = {}
    for flag, place in PLACES.items():
        value = flags[flag]
        if value is not None:
            put(changes, place, _name_part(flag, _parse_list(value, flag) if flag in LISTS else value))
    _put_others(changes, flags)
    for key, value in _read_assignments(flags).items():
        put(changes, key.split("."), value)
    return changes


def read_alternatives(flags: dict[str, Any]) -> tuple[Table, dict[str, list[Any]]]:
    """Return the entries of an experiment that the options change, and those that have several values."""
    changes: Table = {}
    grid: dict[str, list[Any]] = {}
    for flag, place in PLACES.items():
        values = flags[flag] if flag not in ONE_FOR_ALL or flags[flag] is None else [flags[flag]]
        values = _name_part(flag, values)
        if values and len(values) > 1:
            grid[flag] = values
        elif values:
            put(changes, place, values[0])
    _put_others(changes, flags)
    for key, value in _read_assignments(flags).items():
        values = _split_values(value)
        if len(values) > 1:
            grid[key] = values
        else:
            put(changes, key.split("."), values[0])
    return changes, grid


def _put_others(changes: Table, flags: dict[str, Any]) -> None:
    data, source = flags["data"], flags.get("source")
    if source and data is None:
        raise SettingError(["the kind of which file? Name it, too: --data FILE"], "--source")
    if data is not None:
        _check_data(data)
        put(changes, ("data", "path" if source or not is_data_set(data) else "name"), data)
    if source:
        put(changes, ("data", "name"), source)
    for kind in ("callback", "metric"):
        if flags.get(kind):
            changes[f"{kind}s"] = _name_part(kind, [*flags[kind]])


def _name_part(flag: str, value: Any) -> Any:
    """Return the names of parts, in one value or several, as they are registered: people write ReLU for relu."""
    if isinstance(value, list):
        return [_name_part(flag, each) for each in value]
    if flag in KINDS_OF and isinstance(value, str) and not could_be_name(value):
        with suppress(UnknownNameError):
            registry = get_host().registry
            return registry.name_for(registry.find(KINDS_OF[flag], value))
    return value


def _check_data(data: str) -> None:
    """Raise SettingError where a text can be neither a data set nor a file."""
    if not data.strip():
        raise SettingError(["expected a data set or a file, found nothing"], "--data")
    if re.match(r"[a-z]+://", data):
        raise SettingError([f"{quote(data)} is an address: download it, and give the file"], "--data")
    if "," in data and not Path(data).exists() and all(map(is_data_set, data.split(","))):
        first = data.partition(",")[0]
        raise SettingError([f"one data set at a time, found {quote(data)}: write --data {first}"], "--data")


def read_data_settings(assignments: tuple[str, ...]) -> Table:
    """Return the settings of a data source, which are called data.NAME as in an experiment, or NAME alone."""
    table: Table = {}
    for key, value in parse_assignments(assignments).items():
        first, dot, rest = key.partition(".")
        if first == "data" and rest in {"name", "path"}:
            raise SettingError([f"{key} is no setting of it: use --source, or name the file itself"], "--set")
        put(table, (rest if first == "data" and dot else key).split("."), value)
    return table


def _read_assignments(flags: dict[str, Any]) -> Table:
    assignments = {_find_place(key): value for key, value in parse_assignments(flags["assignments"]).items()}
    if any(key.split(".")[0] == "plugins" for key in assignments):
        raise SettingError(["plugins are chosen by --without and -p"], "--set")
    return assignments


def _find_place(key: str) -> str:
    """Return the entry of an experiment that a key stands for: data.header for header; raises SettingError."""
    first = key.partition(".")[0]
    if first in ENTRIES:
        return key
    if first in PLACES and key == first:
        option, entry = "--" + key.replace("_", "-"), ".".join(PLACES[key])
        raise SettingError([f"{key} is no entry by itself: write {option} VALUE, or --set {entry}=VALUE"], "--set")
    sources = get_host().registry.at_hand("data-source")
    if any(field.name == first for source in sources for field in attrs.fields(source.cls)):
        warnings.warn(f"--set {key} is data.{key} here", stacklevel=2)
        return f"data.{key}"
    return key


def _split_values(value: Any) -> list[Any]:
    """Return the values between commas, unless the whole is a TOML value: [0.8, 0.9] for "0.8,0.9"."""
    if not isinstance(value, str) or "," not in value:
        return [value]
    values = _parse_value(f"[{value}]")
    return values if isinstance(values, list) else [_parse_value(item) for item in _split_at_commas(value)]


def _split_at_commas(text: str) -> list[str]:
    """Return the texts between commas, but for those inside lists, tables and quotes."""
    items, left = [], text.split(",")
    while left:
        begun = [",".join(left[:count]).strip() for count in range(1, len(left) + 1)]
        is_plain = not begun[0].startswith(("[", "{", '"', "'"))
        count = 1 if is_plain else next((n for n, item in enumerate(begun, start=1) if _is_toml(item)), 1)
        items.append(begun[count - 1])
        left = left[count:]
    return items


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return False
    return True


def parse_assignments(assignments: tuple[str, ...]) -> Table:
    """Return the keys and values of `KEY=VALUE` options; a value is TOML, or else text."""
    table: Table = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (equals and key):
            raise SettingError([f"expected KEY=VALUE, found {assignment!r}"], "--set")
        table[key] = _parse_value(value)
    return table


def format_assignment(key: str, value: Any) -> str:
    """Return a setting as `KEY=VALUE`, which `parse_assignments` reads back.

    >>> format_assignment("label", "kind"), format_assignment("label", "1"), format_assignment("label", [2, 3])
    ('label=kind', 'label="1"', 'label=[2, 3]')
    """
    plain = isinstance(value, str) and value.isprintable() and repr(_parse_value(value)) == repr(value) != repr(NONE)
    text = str(value) if plain else format_value(value)
    if not plain and sys.platform != "win32" and '"' not in text and "\\" not in text:
        text = text.replace("'", '"')  # a shell has the whole in single quotes, on Windows in double ones
    return f"{key}={text}"


def _parse_list(text: str, flag: str) -> Any:
    if flag == "hidden":
        return read_units(text)
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise SettingError([f"expected names joined by commas, found one that is empty in {text!r}"], f"--{flag}")
    return items if len(items) != 1 else items[0]


def _parse_value(text: str) -> Any:
    if text.strip() == NONE:
        return Unquoted(NONE)
    try:
        (value,) = tomllib.loads(f"value = {text}").values()  # a second line could be another entry
    except (ValueError, RecursionError):
        return text
    return value


def read_experiment_file(path: Path | None) -> Table:
    """Return the table of an experiment file, or an empty one where there is no file; raises SettingError."""
    from modnet.runs.folder import EXPERIMENT  # which the listing of plugins does not wait for

    if path is None:
        return {}
    shown = quote_argument(str(path))
    if not path.exists() and is_data_set(str(path)):
        raise SettingError([f"{path} is a data set, no experiment file: write --data {shown}"])
    if (path / EXPERIMENT).is_file():
        again = quote_argument(str(path / EXPERIMENT))
        remedy = f"train it again, modnet train {again}, or continue it, modnet resume {shown}"
        raise SettingError([f"{path} is the folder of a run: {remedy}"])
    if path.is_file() and path.suffix != ".toml":
        with suppress(SettingError):
            if table := read_toml(path):
                return table
        raise SettingError([f"{path} is no experiment file, which is TOML: for a file with data, write --data {shown}"])
    if not path.exists():
        files = [str(path.with_name(file.name)) for file in path.parent.glob("*.toml")]
        raise SettingError([f"no such experiment file{did_you_mean(str(path), files)}"], str(path))
    return read_toml(path)


def load_all_plugins(
    table: Table, where: Path | None, without: tuple[str, ...], modules: tuple[str, ...], *, optional: bool = False
) -> Table:
    """Load the plugins of the options and of an experiment, and return the experiment with both.

    The modules that the experiment names, in the file `where`, must be approved; raises PluginError where one is not or
    is broken. If they are `optional`, such a one is left out.
    """
    from modnet.runs.missing_plugins import make_finder  # which the listing of plugins does not wait for

    if BUILT_IN in split_names(without):
        what = "modnet's own parts cannot be left out: name plugins, or '*' for all but these"
        raise SettingError([what], "--without")
    asked, given = list_asked(table), give_modules(modules)
    names = [plugin.module for plugin in given]
    added = {"without": split_names(without), "modules": names}
    both = {key: [*asked[key], *(name for name in added[key] if name not in asked[key])] for key in added}
    find = make_finder(where)
    named = [find(name) for name in dict.fromkeys(asked["modules"]) if name not in names]
    _load_and_approve(both["without"], given, () if optional else named)
    for plugin in named if optional else ():
        get_host().load_module(plugin, optional=True)
    return merge(table, {"plugins": both}) if without or modules else table


def choose_new_folder() -> Path:
    """Return the folder for results where none is named: runs/DATE-TIME, with a number where that is taken."""
    folder = Path("runs") / datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    number, free = 2, folder
    while free.exists():
        number, free = number + 1, folder.with_name(f"{folder.name}-{number}")
    return free
