"""Stack machine of pickles, without the opcodes that run anything.

A pickle is a program for such a machine. This one reads and decides at once: each opcode is one of those that arrays
are written with, and takes from the stack only what is there, of the type that it is meant for, or is refused. What a
pickle asks for by name is looked up in a table of placeholders; nothing is imported, called or built. Steps, memory and
the depth of what it holds are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from modnet import DataError
from modnet.files import printable
from modnet_data.pickle.arrays import MOST_TEXT, PickledArray, PickledDtype
from modnet_data.pickle.functions import call, entries_of, make_object
from modnet_data.pickle.opcodes import ALLOWED, REFUSED, Content, DamagedError, MisfitError, Piece, Reader, RefusedError
from modnet_data.pickle.values import DICT_TYPES, Function, Key, PickledDict, PickledSet, describe, find_name, to_key

MOST_OPCODES = 750_000
"""Four arrays take about 80 opcodes, 60,000 labels of text up to 180,000. So many take a second, whatever they are."""

MOST_NESTED = 1000
"""Depth of lists, tuples and dicts in others, as they are written. None is walked through, whatever its depth."""

PROTOCOLS = range(6)
LONGEST_PATH = 150
LONGEST_REASON = 160
UNHASHABLE = {list, dict, PickledDict, PickledArray}
KEYS = {str, bytes, int, float, complex, bool, type(None), tuple, Key}
COPIED = {list, tuple, dict, PickledDict}
CONTAINERS = {list, tuple, dict, PickledDict, PickledSet, PickledArray}


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
            "A pickle may hold NumPy arrays, numbers and text, in dicts, lists, tuples and sets, and nothing else",
            path=path,
        ) from None
    except MisfitError as error:
        raise DataError(f"{named}: {printable(str(error), LONGEST_REASON)}", path=path) from None
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
        self.frame = 0  # where the last frame ends
        self.memo: dict[int, Any] = {}
        self.depths: dict[int, tuple[int, Any]] = {}  # of what holds others; by its id, which it keeps as it is kept
        self.text = self.copied = 0

    def run(self) -> Any:
        """Return the one value that is there when the pickle stops."""
        content, size = self.content, len(self.content)
        at = self.begin()
        for _ in range(MOST_OPCODES):
            if at >= size:
                raise DamagedError("it ends before its STOP")
            begin, frame = at, self.frame
            name, read, do = PROGRAM[content[at]]
            at += 1
            try:
                if read is None:
                    do(self)
                else:
                    argument, at = read(content, at)
                    do(self, argument)
                if begin < frame and (frame < at or name == "FRAME"):
                    self.refuse_frame()
            except (DamagedError, RefusedError) as error:
                raise type(error)(f"{error} ({name} at byte {begin})") from None
            if name == "STOP":
                return self.end(size - at)
        raise RefusedError(f"it has more than {MOST_OPCODES} opcodes; save long lists as arrays, by numpy.savez")

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

    def begin_frame(self, end: int) -> None:
        self.frame = end

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

    def hold(self, target: Any, values: Iterable[Any]) -> None:
        """Note how deep a container is that holds these values from now on."""
        depth = max((self.depths.get(id(value), (1,))[0] for value in values if type(value) in CONTAINERS), default=0)
        if not depth:
            return
        if depth >= MOST_NESTED:
            raise RefusedError(f"more than {MOST_NESTED} lists, tuples and dicts in others")
        self.depths[id(target)] = max(depth + 1, self.depths.get(id(target), (1,))[0]), target

    def push_holding(self, target: Any, values: Iterable[Any]) -> None:
        self.hold(target, values)
        self.push(target)

    def push_list(self, values: list[Any]) -> None:
        self.push_holding(values, values)

    def push_tuple(self, values: list[Any]) -> None:
        self.push_holding(tuple(values), values)

    def push_set(self, values: Iterable[Any]) -> None:
        self.push(PickledSet())
        self.add(list(values))

    def add(self, values: list[Any]) -> None:
        target = self.top()
        if type(target) is not PickledSet:
            raise RefusedError(f"it adds elements to {describe(target)}")
        for value in values:
            if type(value) in UNHASHABLE:
                raise RefusedError(f"a set that holds {describe(value)}")
        self.hold(target, values)
        target.extend(values)

    def extend(self, values: list[Any]) -> None:
        target = self.top()
        if type(target) is not list:
            raise RefusedError(f"it appends to {describe(target)}")
        self.hold(target, values)
        target.extend(values)

    def dict_since_mark(self) -> None:
        entries = self.since_mark()
        self.push({})
        self.update(entries)

    def update(self, entries: list[Any]) -> None:
        target, keys = self.top(), entries[::2]
        if type(target) not in DICT_TYPES:
            raise RefusedError(f"it sets items of {describe(target)}")
        if len(entries) % 2:
            raise DamagedError("a key without a value")
        for key in keys:
            if type(key) not in KEYS and not (type(key) is Piece and key.is_ambiguous):
                raise RefusedError(f"a key that is {describe(key)}, expected text or a number")
        self.hold(target, entries)
        target.update(zip(map(to_key, keys), entries[1::2], strict=True))

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
        found = find_name(*names)
        if type(found) is not Function:
            raise RefusedError(str(found))
        self.push(found)

    def push_name_on_stack(self) -> None:
        module, name = self.several(2)
        if type(module) is not str or type(name) is not str:
            raise RefusedError(f"it asks for a name that is {describe(module)} and {describe(name)}")
        self.name_of((module, name))

    def reduce(self) -> None:
        function, arguments = self.several(2)
        if type(arguments) is tuple:
            self.copied += sum(len(each) for each in arguments[:3] if type(each) in COPIED)
        if self.copied > MOST_OPCODES:
            raise RefusedError("it copies lists again and again")
        made = call(function, arguments)
        if type(made) is PickledSet:
            self.push_set(made)
        elif type(made) is PickledDict:
            self.push(made)
            self.update(entries_of(function, arguments))
        elif type(made) in {str, bytes}:
            self.push_text(made)
        else:
            self.push(made)

    def make(self) -> None:
        kind, arguments = self.several(2)
        self.push(make_object(kind, arguments))

    def build(self) -> None:
        state, target = self.take(), self.top()
        if type(target) is Function:
            raise RefusedError(f"it changes {target.value} itself")
        if type(target) is PickledDict and type(state) is dict:
            return  # attributes, which are no entries
        if type(target) not in {PickledArray, PickledDtype}:
            raise RefusedError(f"it sets the state of {describe(target)}")
        if type(state) is not tuple:
            raise RefusedError(f"it sets the state of an array or dtype to {describe(state)}")
        target.build(state)
        self.hold(target, (state,))

    # What is not done

    def refuse_frame(self) -> None:
        raise DamagedError("a frame does not end where an opcode does")

    def refuse_unknown(self) -> None:
        raise DamagedError("no such opcode")

    def refuse_opcode(self) -> None:
        raise RefusedError("an opcode that data is not written with")

    def refuse_outside(self) -> None:
        raise RefusedError("data that is not in the file; write it without buffer_callback or persistent_id")

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
    "FRAME": _Machine.begin_frame,
    "STOP": _Machine.do_nothing,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.since_mark,
    "DUP": lambda machine: machine.push(machine.top()),
    "EMPTY_LIST": lambda machine: machine.push([]),
    "LIST": lambda machine: machine.push_list(machine.since_mark()),
    "APPEND": lambda machine: machine.extend([machine.take()]),
    "APPENDS": lambda machine: machine.extend(machine.since_mark()),
    "TUPLE": lambda machine: machine.push_tuple(machine.since_mark()),
    **dict.fromkeys(("TUPLE1", "TUPLE2", "TUPLE3"), lambda machine, count: machine.push_tuple(machine.several(count))),
    "EMPTY_DICT": lambda machine: machine.push({}),
    "EMPTY_SET": lambda machine: machine.push_set(()),
    "ADDITEMS": lambda machine: machine.add(machine.since_mark()),
    "FROZENSET": lambda machine: machine.push_set(machine.since_mark()),
    "DICT": _Machine.dict_since_mark,
    "SETITEM": lambda machine: machine.update(machine.several(2)),
    "SETITEMS": lambda machine: machine.update(machine.since_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine: machine.put(len(machine.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": _Machine.name_of,
    "STACK_GLOBAL": _Machine.push_name_on_stack,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.make,
    "BUILD": _Machine.build,
    **dict.fromkeys(TEXT, _Machine.push_text),
}
"""All other opcodes push what is behind them: a number, a truth value, None or ()."""

OUTSIDE = {"PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}


def _program() -> list[tuple[str, Reader | None, Callable[..., object]]]:
    """Return what to do for each byte that may stand where an opcode is expected."""
    program: list[tuple[str, Reader | None, Callable[..., object]]]
    program = [(f"0x{code:02x}", None, _Machine.refuse_unknown) for code in range(256)]
    for code, name in REFUSED.items():
        refuse = _Machine.refuse_outside if name in OUTSIDE else _Machine.refuse_opcode
        program[ord(code)] = name, None, refuse
    for code, (name, read) in ALLOWED.items():
        program[ord(code)] = name, read, DOES.get(name, _Machine.push)
    return program


PROGRAM = _program()
