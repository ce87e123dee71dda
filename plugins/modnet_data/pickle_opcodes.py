"""The opcodes of a pickle, read as bytes and never run: what is not needed for arrays is refused here."""

from __future__ import annotations

import pickletools

MOST_OPCODES = 10_000
"""A pickle of four arrays has about 80. The bound also bounds how deep things nest and how much is remembered."""

PROTOCOLS = range(6)
LONGEST_LINE = 16

# fmt: off
ALLOWED = frozenset((
    "PROTO", "FRAME", "MARK", "STOP", "POP", "POP_MARK", "DUP", "NONE", "NEWTRUE", "NEWFALSE", "INT",
    "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE",
    "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "EMPTY_LIST", "APPEND", "APPENDS", "LIST",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
    "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET", "MEMOIZE", "GLOBAL", "STACK_GLOBAL",
    "REDUCE", "BUILD",
))
# fmt: on
LINES = {"GLOBAL": 2}
LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_OPCODES = {ord(op.code): op for op in pickletools.opcodes}


class RefusedError(Exception):
    """What a pickle asks for and does not get; it never leaves this package."""


def check_opcodes(data: bytes) -> None:
    """Raise RefusedError for an opcode that arrays are not written with, EOFError where the pickle is cut off."""
    position = 0
    for _ in range(MOST_OPCODES):
        if position >= len(data):
            raise EOFError("it ends before its STOP")
        op = _OPCODES.get(data[position])
        if op is None:
            raise EOFError(f"no opcode 0x{data[position]:02x} at byte {position}")
        if op.name not in ALLOWED:
            raise RefusedError(f"it uses the opcode {op.name}")
        if op.name == "STOP":
            return
        end = _end_of_argument(data, position + 1, op)
        _check_argument(op.name, data[position + 1 : min(end, position + 1 + LONGEST_LINE)])
        position = end
    raise RefusedError(f"it has more than {MOST_OPCODES} opcodes")


def _end_of_argument(data: bytes, start: int, op: pickletools.OpcodeInfo) -> int:
    """Return where an opcode's argument ends; raises EOFError if that is beyond the end of the data."""
    size = op.arg.n if op.arg else 0
    if size == pickletools.UP_TO_NEWLINE:
        end = start
        for _ in range(LINES.get(op.name, 1)):
            end = data.find(b"\n", end) + 1
            if not end:
                raise EOFError(f"the opcode {op.name} is cut off")
        return end
    end = start + size
    if size in LENGTH_BYTES:
        end = start + LENGTH_BYTES[size]
        # A length is read as unsigned here: a negative one is beyond every file's end.
        end += int.from_bytes(data[start:end], "little")
    if op.name == "FRAME" and len(data) >= end:
        _within(data, end + int.from_bytes(data[start:end], "little"), op.name)
    return _within(data, end, op.name)


def _within(data: bytes, end: int, name: str) -> int:
    if end > len(data):
        raise EOFError(f"the opcode {name} is cut off")
    return end


def _check_argument(name: str, argument: bytes) -> None:
    if name in {"PUT", "BINPUT", "LONG_BINPUT"}:
        # The unpickler makes room for as many entries as the index says: nine bytes could ask for all memory.
        index = int.from_bytes(argument, "little")
        if name == "PUT":
            digits = argument.removesuffix(b"\n")
            index = int(digits) if digits.isdigit() and len(digits) < 10 else MOST_OPCODES
        if index >= MOST_OPCODES:
            raise RefusedError(f"it uses the opcode {name} with an index of {MOST_OPCODES} or more")
    elif name == "PROTO" and argument[0] not in PROTOCOLS:
        raise RefusedError(f"it has protocol {argument[0]}, newer than any known")
