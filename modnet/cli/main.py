"""The command line: its commands and its exit statuses."""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import modnet
from modnet.cli.output import Group, close_streams, complain, explain, open_streams
from modnet.cli.show.usage import describe_usage_error
from modnet.cli.signals import interrupting, is_signal
from modnet.errors import DataError, ModnetError, SettingError, UnknownNameError
from modnet.text import format_error, quote_argument

# Each is in a module of its name, so that no command waits for the imports of another.
COMMANDS = (
    "compare",
    "data",
    "export",
    "gradient-check",
    "judge",
    "plot",
    "plugins",
    "predict",
    "reproduce",
    "resume",
    "show",
    "trace",
    "train",
    "verify",
)
_MODULES = {"show": "pages"}  # of commands whose name is that of a room

WITH_DATA = frozenset({"compare", "data", "gradient-check", "predict", "trace", "train"})
"""The commands that take settings of a data source, by --set data.NAME=VALUE."""

# The names of what takes the place of another one when it is whole.
_NEW = re.compile(r"^\.(?:(.+)\.[0-9a-f]{8}|(modnet-.+)-[0-9a-z_]{8})$")
TRACEBACK = "MODNET_TRACEBACK"  # the environment variable by which an error is shown with all the code it came through


def main() -> None:
    """Run the command line. Exit status 0: done, 1: the work failed, 2: a wrong call, 130: interrupted."""
    open_streams()
    warnings.showwarning = _show_warning
    try:
        with interrupting("SIGINT"):
            modnet_command(standalone_mode=False, prog_name="modnet", windows_expand_args=False)  # of --without '*'
    except BaseException as error:
        if os.environ.get(TRACEBACK) and not isinstance(error, click.exceptions.Exit):
            traceback.print_exception(error)
        sys.exit(_end(error))
    finally:
        close_streams()


def _describe_refusal(error: OSError) -> str:
    """Return what the system has refused, and the file: that which a new one was to replace, not the new one."""
    what = error.strerror or str(error)
    if not isinstance(error.filename, str):
        return f"a file or the output cannot be written: {what}" if error.errno == errno.ENOSPC else what
    folder, name = os.path.split(error.filename)
    path = Path(folder, _NEW.sub(r"\1\2", name))
    return f"{path}: {what}"


def _end(error: BaseException) -> int:
    """Say what went wrong, and return the exit status; raises an error that modnet does not know."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError() if not isinstance(error, click.exceptions.NoArgsIsHelpError):
            complain(describe_usage_error(error))
            return error.exit_code
        case click.ClickException():
            error.show()
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            raised = error.__cause__ or error  # click's own has the first one as its cause
            complain("interrupted" if is_signal(raised) else explain(raised) or "interrupted")
            return 130
        case BrokenPipeError():  # whoever read our output has seen enough
            return 1
        case ModnetError() | OSError():
            what = _describe_refusal(error) if isinstance(error, OSError) else str(error)
            complain("\n".join([what, *getattr(error, "__notes__", ())]))
            return 2 if isinstance(error, (SettingError, UnknownNameError)) else 1
        case MemoryError():
            complain("out of memory: take less data, a smaller network or a smaller batch")
            return 1
        case SystemExit():
            frame, line = [*traceback.walk_tb(error.__traceback__)][-1]
            if not str(frame.f_globals.get("__name__")).startswith(
                ("modnet.cli.", "click.")
            ):  # which ends broken pipes
                complain(
                    f"code of no plugin ends the program: {format_error(error)} ({frame.f_code.co_filename}:{line})"
                )
                return 1
    raise error


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    complain(f"warning: {message}")


class _Commands(Mapping[str, click.Command]):
    """The commands by their names, imported as they are looked up."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in COMMANDS:
            raise KeyError(name)
        stem = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"modnet.cli.{_MODULES.get(stem, stem)}"), stem)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(Group):
    """The commands, whose errors name the plugin that raised them, or the option with which a file can be read."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a third-party plugin may raise anything, and try to end the program
            if isinstance(error, DataError) and error.advice:
                _add_option(error, ctx.invoked_subcommand or "")
            if problem := explain(error):
                raise problem from error
            raise


def _add_option(error: DataError, command: str) -> None:
    if command in WITH_DATA:
        from modnet.cli.options.language import format_assignment  # commands that read a file have imported it

        options = [f"--set {quote_argument(f'data.{format_assignment(*one)}')}" for one in error.advice[0].items()]
        error.add_note(f"as an option: {' '.join(options)}")


@click.group(
    cls=_Group,
    commands=_Commands(),
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "token_normalize_func": lambda token: token.lower().replace("_", "-"),
    },
)
@click.version_option(modnet.__version__, prog_name="modnet")
def modnet_command() -> None:
    """Train small neural networks in which every part is a plugin.

    \b
    Begin with
      modnet train              train the book's network on the included digits
      modnet resume RUN         continue a run that was interrupted or killed
      modnet predict RUN FILE   predict other digits with that network
      modnet plot RUN           draw how it learned
      modnet show RUN           make a page of it, with all there is to see
      modnet export RUN         write its network for use without modnet
      modnet compare            compare settings, and decide which is better
      modnet judge FILE         decide that of anybody's runs, in a table
      modnet verify RUN         train it again, and check every bit of the result
      modnet gradient-check     check derivatives, and compare estimators
      modnet reproduce          list published results, and find them again
      modnet data show FILE     show a data set; see also modnet data --help
      modnet plugins            list the available parts and their origins
    """  # noqa: D301 - click looks for the character itself
