"""Stack machine of pickles, without the opcodes that run anything.

A pickle is a program for such a machine. This one reads and decides at once: each opcode is one of those that arrays
are written with, and takes from the stack only what is there, of the type that it is meant for, or is refused. What a
pickle asks for by name is looked up in a table of placeholders; nothing is imported, called or built. Steps, memory and
the depth of what it holds are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from modnet import DataError
from modnet.files import printable
from modnet_data.pickle.arrays import MOST_TEXT, NAMES, Function, PickledArray, PickledDtype, call, describe
from modnet_data.pickle.opcodes import ALLOWED, REFUSED, Content, DamagedError, Piece, Reader, RefusedError

MOST_OPCODES = 750_000
"""Four arrays take about 80 opcodes, 60,000 labels of text up to 180,000. So many take a second, whatever they are."""

MOST_NESTED = 1000
"""Lists, tuples and dicts in others; so no depth is more than that."""

MOST_KEYS = 1000
"""Entries of all dicts."""

PROTOCOLS = range(6)
LONGEST_PATH = 150
LONGEST_REASON = 160
LONGEST_NAME = 80
LARGEST_KEY = 2**32
CONTAINERS = {list, tuple, dict}


def load(content: Content) -> Any:
    """Return what a pickle holds: dicts, lists, tuples, text, bytes, numbers, and placeholders for arrays.

    Raises RefusedError where it asks for anything else, and DamagedError where it is none.
    """
    return _Machine(content).run()


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn what a pickle does not get into a DataError that names the file."""
    text = str(path)  # of which the end tells it apart
    named = printable(text if len(text) <= LONGEST_PATH else f"...{text[-LONGEST_PATH:]}", len(text))
    try:
        yield
    except RefusedError as error:
        raise DataError(
            f"{named}: refused, and nothing of it was run: {printable(str(error), LONGEST_REASON)}. "
            "A pickle may hold NumPy arrays of numbers, text and numbers, in dicts, lists and tuples, and nothing else",
            path=path,
        ) from None
    except DamagedError as error:
        raise DataError(f"{named}: a damaged pickle: {printable(str(error), LONGEST_REASON)}", path=path) from None


@final
class _Machine:
    """The stack, the marks in it, and what is remembered."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.floor = 0  # of the stack above the last mark
        self.memo: dict[int, Any] = {}
        self.nested = self.keys = self.text = 0

    def run(self) -> Any:
        """Return the one value that is there when the pickle stops."""
        content, size = self.content, len(self.content)
        at = self.begin()
        for _ in range(MOST_OPCODES):
            if at >= size:
                raise DamagedError("it ends before its STOP")
            begin = at
            name, read, do = PROGRAM[content[at]]
            at += 1
            try:
                if read is None:
                    do(self)
                else:
                    argument, at = read(content, at)
                    do(self, argument)
            except (DamagedError, RefusedError) as error:
                raise type(error)(f"{error} ({name} at byte {begin})") from None
            if name == "STOP":
                return self.end(size - at)
        raise RefusedError(f"it has more than {MOST_OPCODES} opcodes")

    def begin(self) -> int:
        """Return where the first opcode is, behind the number of the protocol, which old ones do without."""
        if self.content[:1] != b"\x80":
            return 0
        if len(self.content) < 2:
            raise DamagedError("it is cut off behind its first byte")
        if (protocol := self.content[1]) not in PROTOCOLS:
            raise RefusedError(f"it has protocol {protocol}, newer than any known")
        return 2

    def end(self, behind: int) -> Any:
        if behind:
            raise DamagedError(f"{behind} bytes behind its end; several pickles in one file?")
        if len(self.stack) != 1 or self.marks:
            raise DamagedError(f"it ends with {len(self.stack)} values, expected 1")
        return self.stack[0]

    # The stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_text(self, value: Any) -> None:
        if type(value) is not Piece:
            self.text += len(value)
            if self.text > MOST_TEXT:
                raise RefusedError(f"more than {MOST_TEXT} letters or bytes in short pieces")
        self.stack.append(value)

    def top(self) -> Any:
        if len(self.stack) <= self.floor:
            raise DamagedError("nothing is there to take")
        return self.stack[-1]

    def take(self) -> Any:
        value = self.top()
        del self.stack[-1]
        return value

    def several(self, count: int) -> list[Any]:
        if len(self.stack) - count < self.floor:
            raise DamagedError("too little is there to take")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def mark(self) -> None:
        self.floor = len(self.stack)
        self.marks.append(self.floor)

    def since_mark(self) -> list[Any]:
        if not self.marks:
            raise DamagedError("no MARK is there")
        start = self.marks.pop()
        self.floor = self.marks[-1] if self.marks else 0
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def pop(self) -> None:
        if self.marks and len(self.stack) == self.floor:
            self.since_mark()
        else:
            self.take()

    # What holds other values

    def hold(self, values: list[Any]) -> list[Any]:
        """Return values that are about to lie in another, once it is counted how many hold others themselves."""
        if not CONTAINERS.isdisjoint(map(type, values)):
            self.nested += sum(type(value) in CONTAINERS for value in values)
            if self.nested > MOST_NESTED:
                raise RefusedError(f"more than {MOST_NESTED} lists, tuples and dicts in others")
        return values

    def tuple_of(self, count: int) -> None:
        self.push(tuple(self.hold(self.several(count))))

    def extend(self, values: list[Any]) -> None:
        target = self.top()
        if type(target) is not list:
            raise RefusedError(f"it appends to {describe(target)}")
        target.extend(self.hold(values))

    def dict_since_mark(self) -> None:
        entries = self.since_mark()
        self.push({})
        self.update(entries)

    def update(self, entries: list[Any]) -> None:
        target, keys = self.top(), entries[::2]
        if type(target) is not dict:
            raise RefusedError(f"it sets items of {describe(target)}")
        if len(entries) % 2:
            raise DamagedError("a key without a value")
        for key in keys:  # no other keys, and no more of them, so that none are chosen to be slow
            if type(key) is not str and not (type(key) is int and abs(key) < LARGEST_KEY):
                raise RefusedError(f"a key that is {describe(key)}, expected text or a small whole number")
        self.keys += len(keys)
        if self.keys > MOST_KEYS:
            raise RefusedError(f"more than {MOST_KEYS} entries of dicts")
        target.update(zip(keys, self.hold(entries[1::2]), strict=True))

    # What is remembered

    def put(self, index: int) -> None:
        if not 0 <= index < MOST_OPCODES:
            raise RefusedError(f"it remembers a value as number {index}, expected 0 to {MOST_OPCODES - 1}")
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise DamagedError(f"no value was remembered as number {index}")
        self.push(self.memo[index])

    # What is asked for by name, and what is done with it

    def name_of(self, names: tuple[str, str]) -> None:
        if names not in NAMES:
            raise RefusedError(f"it asks for {printable('.'.join(names), LONGEST_NAME)}")
        self.push(NAMES[names])

    def push_name_on_stack(self) -> None:
        module, name = self.several(2)
        if type(module) is not str or type(name) is not str:
            raise RefusedError(f"it asks for a name that is {describe(module)} and {describe(name)}")
        self.name_of((module, name))

    def reduce(self) -> None:
        function, arguments = self.several(2)
        self.push(call(function, arguments))

    def build(self) -> None:
        state, target = self.take(), self.top()
        if type(target) is Function:
            raise RefusedError(f"it changes {target.value} itself")
        if type(target) not in {PickledArray, PickledDtype}:
            raise RefusedError(f"it sets the state of {describe(target)}")
        if type(state) is not tuple:
            raise RefusedError(f"it sets the state of an array or dtype to {describe(state)}")
        target.build(state)

    # What is not done

    def refuse_unknown(self) -> None:
        raise DamagedError("no such opcode")

    def refuse_opcode(self) -> None:
        raise RefusedError("an opcode that arrays are not written with")

    def refuse_late(self, _protocol: int) -> None:
        raise DamagedError("not at its beginning")

    def do_nothing(self, _size: int = 0) -> None:
        pass


TEXT = (
    "STRING", "SHORT_BINSTRING", "BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip
DOES: dict[str, Callable[..., object]] = {
    "PROTO": _Machine.refuse_late,
    "FRAME": _Machine.do_nothing,
    "STOP": _Machine.do_nothing,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.since_mark,
    "DUP": lambda machine: machine.push(machine.top()),
    "EMPTY_LIST": lambda machine: machine.push([]),
    "LIST": lambda machine: machine.push(machine.hold(machine.since_mark())),
    "APPEND": lambda machine: machine.extend([machine.take()]),
    "APPENDS": lambda machine: machine.extend(machine.since_mark()),
    "TUPLE": lambda machine: machine.push(tuple(machine.hold(machine.since_mark()))),
    **dict.fromkeys(("TUPLE1", "TUPLE2", "TUPLE3"), _Machine.tuple_of),
    "EMPTY_DICT": lambda machine: machine.push({}),
    "DICT": _Machine.dict_since_mark,
    "SETITEM": lambda machine: machine.update(machine.several(2)),
    "SETITEMS": lambda machine: machine.update(machine.since_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine: machine.put(len(machine.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": _Machine.name_of,
    "STACK_GLOBAL": _Machine.push_name_on_stack,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    **dict.fromkeys(TEXT, _Machine.push_text),
}
"""All other opcodes push what is behind them: a number, a truth value, None or ()."""


def _program() -> list[tuple[str, Reader | None, Callable[..., object]]]:
    """Return what to do for each byte that may stand where an opcode is expected."""
    program: list[tuple[str, Reader | None, Callable[..., object]]]
    program = [(f"0x{code:02x}", None, _Machine.refuse_unknown) for code in range(256)]
    for code, name in REFUSED.items():
        program[ord(code)] = name, None, _Machine.refuse_opcode
    for code, (name, read) in ALLOWED.items():
        program[ord(code)] = name, read, DOES.get(name, _Machine.push)
    return program


PROGRAM = _program()
