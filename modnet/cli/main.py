"""The command line: its commands and its exit statuses."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module

import click

import modnet
from modnet.errors import ModnetError, SettingError, UnknownNameError

# Each is in a module of its name, so that no command waits for the imports of another.
COMMANDS = ("compare", "data", "gradient-check", "plot", "plugins", "predict", "resume", "train", "verify")


def main() -> None:
    """Run the command line. Exit status 0: done, 1: the work failed, 2: a wrong call, 130: interrupted."""
    warnings.showwarning = _show_warning
    try:
        modnet_command(standalone_mode=False, prog_name="modnet")
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not fail over it when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (SettingError, UnknownNameError) as error:
        _complain(str(error))
        sys.exit(2)
    except (ModnetError, OSError) as error:
        _complain(str(error))
        sys.exit(1)


def _complain(message: str) -> None:
    click.echo(f"modnet: {message}", err=True)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    _complain(f"warning: {message}")


class _Commands(Mapping[str, click.Command]):
    """The commands by their names, imported as they are looked up."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in COMMANDS:
            raise KeyError(name)
        stem = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"modnet.cli.{stem}"), stem)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@click.group(commands=_Commands(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(modnet.__version__, prog_name="modnet")
def modnet_command() -> None:
    """Train small neural networks in which every part is a plugin.

    \b
    Begin with
      modnet train              train the book's network on the included digits
      modnet resume RUN         continue a run that was interrupted or killed
      modnet predict RUN FILE   predict other digits with that network
      modnet plot RUN           draw how it learned
      modnet compare            compare settings, and decide which is better
      modnet verify RUN         train it again, and check every bit of the result
      modnet gradient-check     check derivatives, and compare estimators
      modnet data show FILE     show a data set; see also modnet data --help
      modnet plugins            list the available parts and their origins
    """  # noqa: D301 - click looks for the character itself
