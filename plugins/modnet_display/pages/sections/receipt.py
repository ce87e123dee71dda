"""The receipt of a run, commands that repeat it, and lacking facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modnet import Dataset
from modnet.text import quote_argument
from modnet_display.entries import is_given
from modnet_display.html import Html, element, table
from modnet_display.pages.document import scrolling
from modnet_display.pages.facts import Unknown
from modnet_display.pages.sections.elements import command, details, digest, facts_table
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.signs import say_reason
from modnet_display.pages.words import say


def list_lacking(view: RunView) -> Iterator[Html]:
    """Yield what the page cannot show, and why."""
    facts = view.facts
    for kind, found in (("no network", facts.network), ("no data", facts.data)):
        if isinstance(found, Unknown):
            yield element("p", say(kind, why=say_reason(facts.clean(found.why))), class_="warning")
            if kind == "no network":
                return  # without it nothing is drawn of the data either
    if isinstance(facts.outputs, Unknown) and isinstance(facts.data, Dataset):
        yield element("p", say("not measured", why=say_reason(facts.clean(facts.outputs.why))), class_="warning")


def show_receipt(view: RunView) -> Iterator[Html]:
    """Yield what the run was made of, and the commands that repeat it."""
    facts, receipt = view.facts, view.facts.receipt
    if facts.run.folder is None:
        yield element("p", say("no receipt"))
        return
    if isinstance(receipt, Unknown):
        yield element("p", say("no receipt file", why=say_reason(facts.clean(receipt.why))), class_="warning")
    else:
        yield element("p", say("receipt says"))
        yield facts_table([*_list_receipt(view, receipt)])
        of_data = receipt.get("data")
        if isinstance(of_data, Mapping):
            rows = [[key, digest(value)] for key, value in of_data.items()]
            yield details(say("fingerprint"), scrolling(table([say("entry"), say("value")], rows)))
    yield from list_commands(view)


def _list_receipt(view: RunView, receipt: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    results, segments = receipt.get("results"), receipt.get("segments")
    if isinstance(results, Mapping) and results.get("params_sha256"):
        yield say("digest of parameters"), digest(results["params_sha256"])
    versions = view.facts.summary.get("versions")
    if isinstance(versions, Mapping) and "modnet" in versions:
        yield "modnet", versions["modnet"]
    last = segments[-1] if isinstance(segments, list) and segments else None
    for name, key in (("libraries", "libraries"), ("made on", "platform")):
        if isinstance(last, Mapping) and isinstance(found := last.get(key), Mapping):
            yield say(name), ", ".join(f"{what} {value}" for what, value in found.items())


def list_commands(view: RunView) -> Iterator[Html]:
    """Yield the commands that repeat or continue the run, or open it."""
    facts, folder = view.facts, view.facts.folder
    is_elsewhere = is_given(facts.experiment)
    where = quote_argument(folder)
    commands = []
    if is_elsewhere:
        yield element("p", say("data in python"))
    elif facts.status.is_final:
        commands.append(("verify", f"modnet verify {where}"))
    else:
        commands.append(("resume", f"modnet resume {where}"))
    if not is_elsewhere:
        new = quote_argument(f"{folder}-again")
        commands.append(("repeat", f"modnet train {quote_argument(f'{folder}/experiment.toml')} --out {new}"))
    commands.append(("in python", f"import modnet\nrun = modnet.open_run({folder!a})"))
    yield element(f"h{view.level + 1}", say("commands"))
    yield element("p", say("commands say"), class_="note")
    for name, text in commands:
        yield command(name, text, f"{view.key}{name.replace(' ', '-')}", view.language)
