"""The command that begins a plugin: `modnet plugins new NAME --kind KIND`."""

from __future__ import annotations

from pathlib import Path

import click

from modnet.compose.scaffold import NewPlugin
from modnet.host.kinds import KINDS


@click.command()
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(list(KINDS)), help="The kind of part it provides.")
@click.option("--out", type=click.Path(path_type=Path), help="A folder that is yet to be (default: modnet-NAME).")
def new(name: str, *, kind: str, out: Path | None) -> None:
    r"""Begin a plugin that provides one part, called NAME: a repository with all that one needs.

    NAME is lower-case words joined by hyphens, soft-cap for instance. The part works as it is: change it to yours.

    \b
    Go on with
      pip install --editable modnet-NAME --group modnet-NAME/pyproject.toml:dev
      modnet plugins
      pytest modnet-NAME
    """
    plugin = NewPlugin(kind, name)
    folder = out or Path(plugin.distribution)
    for path in plugin.write(folder):
        click.echo(f"  {path}")
    click.echo(f"{plugin.class_name} in {plugin.module}.py is the {kind} {name!r}; install it: pip install -e {folder}")
