"""What is wrong with a plugin, in a line: why, what to do about it, and where."""

from __future__ import annotations

import traceback

import attrs
from attrs.validators import instance_of

from modnet.errors import ModnetError, PluginError
from modnet.host.entry_points import Candidate, file_of


@attrs.frozen
class Fault:
    """What is wrong with a plugin: why, what to do about it, and the place."""

    why: str = attrs.field(validator=instance_of(str))
    remedy: str = attrs.field(default="", validator=instance_of(str))
    where: str = attrs.field(default="", validator=instance_of(str))

    def __str__(self) -> str:
        return self.why + (f": {self.remedy}" if self.remedy else "") + (f" ({self.where})" if self.where else "")


def fault_of(error: BaseException, candidate: Candidate) -> Fault:
    """Say what a plugin did wrong, what to do, and where."""
    own = candidate.module.partition(".")[0]
    frames = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == own
    ]
    file = file_of(candidate.module)
    where = frames[-1] if frames else f"{file}:1" if file else ""
    if isinstance(error, ModnetError):
        fault = in_words(error)
        return attrs.evolve(fault, where=fault.where or where)
    if isinstance(error, SystemExit):
        return Fault(f"it ends the program ({_text(error)})", "put that under if __name__ == '__main__'", where)
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}" if error.lineno else where
        return Fault(f"{type(error).__name__}: {error.msg}", "correct it", where)
    if isinstance(error, ModuleNotFoundError) and error.name in {candidate.module, own}:
        installed = candidate.name != candidate.module
        remedy = "install it again" if installed else "name a module that Python finds, without .py"
        return Fault(f"there is no module {error.name!r}", remedy, where)
    if isinstance(error, ImportError):
        return Fault(f"{type(error).__name__}: {_text(error)}", "install what it needs", where)
    return Fault(f"{type(error).__name__}: {_text(error)}", "correct it, or disable the plugin", where)


def in_words(error: ModnetError) -> Fault:
    """Return modnet's own message, which ends in what to do."""
    if isinstance(error, PluginError) and error.remedy:
        return Fault(error.why, error.remedy, error.where)
    why, _, remedy = _text(error).rpartition(": ")
    return Fault(why, remedy) if why else Fault(remedy)


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split()) or "no message"
    except Exception:  # a stranger's __str__ may fail, too
        return "no message"
