"""Wrong calls of commands, in a line that says what to write."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

import click

from modnet.text import describe_unknown, did_you_mean, quote

OTHERS = {
    "act": "activation", "batch": "batch-size", "csv": "data", "dataset": "data", "dir": "out", "epoch": "iterations",
    "epochs": "iterations", "file": "data", "folder": "out", "learning-rate": "lr", "neurons": "hidden",
    "output-dir": "out", "rate": "lr", "silent": "quiet", "steps": "iterations", "units": "hidden",
}  # fmt: skip
"""The names that options have elsewhere."""
INSTEAD = {"help": "modnet --help", "version": "modnet --version", "list": "modnet plugins", "ls": "modnet plugins"}
"""Calls that stand for the commands of other programs."""
FACTORS = {"%": 0.01, "k": 1e3, "K": 1e3, "M": 1e6}


def describe_usage_error(error: click.UsageError) -> str:
    """Return what is wrong with a call, and what to write."""
    command = error.ctx.command_path if error.ctx else "modnet"
    match error:
        case click.NoSuchCommand():
            return _describe_no_command(error, command)
        case click.NoSuchOption():
            return _describe_no_option(error, command)
        case click.MissingParameter():
            name = _name(error)
            return f"{name} is missing: {_format_usage(error)}"
        case click.BadOptionUsage():
            option = error.option_name
            return f"{option} needs a value behind it"
        case click.BadParameter():
            return f"{_name(error)}: {_describe_value(error.message)}"
    message = error.message.rstrip(".")
    if extra := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", message, re.DOTALL):
        return f"one argument too many, {quote(extra[1])}: {_format_usage(error)}"
    return message[:1].lower() + message[1:] if message[:2].istitle() else message


def _describe_no_command(error: click.NoSuchCommand, command: str) -> str:
    name = error.command_name
    group = error.ctx.command if error.ctx else None
    known = group.list_commands(error.ctx) if error.ctx and isinstance(group, click.Group) else []
    if name.lower() in INSTEAD:
        return f"no command {name!r}: call {INSTEAD[name.lower()]}"
    return f"{describe_unknown('no command', name, known)}; see {command} --help"


def _describe_no_option(error: click.NoSuchOption, command: str) -> str:
    known = {option: option.lstrip("-") for param in _params(error) for option in param.opts if option[:2] == "--"}
    name = error.option_name
    if name[:2] != "--":  # of -lr, -l is what click looks for
        name = next((word.partition("=")[0] for word in sys.argv[1:] if word.startswith(name)), name)
    bare = name.lstrip("-").lower().replace("_", "-")
    other = f"--{OTHERS.get(bare, bare)}"
    likely = [word for word in known.values() if len(word) <= 2 * len(bare) or word.startswith(bare)]
    near = f", did you mean {other!r}?" if other in known else did_you_mean(bare, likely).replace(" '", " '--")
    where = f"{command.removeprefix('modnet ')}: " if command != "modnet" else ""
    return f"{where}no option {name!r}{near}; for all of them: {command} --help"


def _params(error: click.UsageError) -> list[click.Parameter]:
    return error.ctx.command.get_params(error.ctx) if error.ctx else []


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "a value")
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    return error.param.make_metavar(error.ctx).strip("[]") if error.ctx else (error.param.name or "").upper()


def _format_usage(error: click.UsageError) -> str:
    if error.ctx is None:
        return "modnet --help"
    pieces = error.ctx.command.collect_usage_pieces(error.ctx)
    return " ".join(["call", error.ctx.command_path, *pieces])


def _describe_value(message: str) -> str:
    """Return a message on a value in modnet's words.

    >>> _describe_value("'1e4' is not a valid integer.")
    "expected a whole number, found '1e4': write 10000"
    >>> _describe_value("'10%' is not a valid float.")
    "expected a number, found '10%': write 0.1"
    >>> _describe_value("0 is not in the range x>=1.")
    'must be >= 1: 0'
    >>> _describe_value("'onx' is not one of 'onnx', 'numpy'.")
    "no 'onx', did you mean 'onnx'?; available: onnx, numpy"
    """
    if found := re.fullmatch(r"'(.*)' is not a valid (integer|float)(?: range)?\.", message, re.DOTALL):
        text, is_whole = found[1], found[2] == "integer"
        what = "a whole number" if is_whole else "a number"
        return f"expected {what}, found {quote(text)}{_suggest_number(text, is_whole=is_whole)}"
    if found := re.fullmatch(r"(\S+) is not in the range (.*)\.", message):
        low, high = re.search(r"x(>=?)(\S+)|(\S+?)(<=?)x", found[2]), re.search(r"x(<=?)(\S+)", found[2])
        bounds = []
        if low:
            bounds.append(f"{low[1]} {low[2]}" if low[1] else f"{'>' + low[4][1:]} {low[3]}")
        bounds += [f"{high[1]} {high[2]}"] if high else []
        return f"must be {' and '.join(bounds)}: {found[1]}"
    if found := re.fullmatch(r"'(.*)' is not one of (.*)\.", message, re.DOTALL):
        return describe_unknown("no", found[1], re.findall(r"'([^']*)'", found[2])).replace("no  ", "no ")
    return message.rstrip(".")


def _suggest_number(text: str, *, is_whole: bool) -> str:
    """Return which number is meant by a text that is none, or nothing."""
    plain = text.strip().replace("_", "")
    factor = FACTORS.get(plain[-1:], 1)
    plain = plain[:-1] if factor != 1 else plain
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", plain):
        plain = plain.replace(",", "")
    elif re.fullmatch(r"[+-]?\d*,\d+", plain):
        plain = plain.replace(",", ".")
    with suppress(ValueError, OverflowError):
        value = float(plain) * factor
        if not is_whole:
            return f": write {value:g}"
        if value == int(value):
            return f": write {int(value)}"
    return ""
