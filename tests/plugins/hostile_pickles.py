"""Hostile pickles, each with words of its refusal; nothing in them may run.

As a script it loads every file in a folder and prints as JSON what came of each: `python hostile_pickles.py FOLDER`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

X = np.arange(12, dtype=np.float64).reshape(4, 3)
T = np.array([0, 1, 1, 0])
CANARY = "canary"
COMMAND = f"touch {CANARY}"


class Runs:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


class Nested:
    def __reduce__(self) -> Any:
        return getattr, (Runs(__import__, "os"), "system")


class WithState:
    def __setstate__(self, state: object) -> None:
        raise AssertionError("this must never be called")

    def __getstate__(self) -> object:
        return {"a": 1}


class Child(OrderedDict):
    pass


class Letters(str):
    pass


def text(words: str) -> bytes:
    encoded = words.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(n: int) -> bytes:
    return b"\x8a\x09" + n.to_bytes(9, "little", signed=True)


def ask_for(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def call(module: str, name: str, *args: str) -> bytes:
    """Return a whole pickle that calls a function with text."""
    return ask_for(module, name) + b"(" + b"".join(map(text, args)) + b"tR."


STATE = b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
SHAPE = b"K\x04K\x03\x86"
NDARRAY, DTYPE, ENCODE = ask_for("numpy", "ndarray"), ask_for("numpy", "dtype"), ask_for("_codecs", "encode")
RECONSTRUCT, SCALAR = (ask_for("numpy.core.multiarray", name) for name in ("_reconstruct", "scalar"))
FROMBUFFER = ask_for("numpy.core.numeric", "_frombuffer")
EMPTY = RECONSTRUCT + b"(" + NDARRAY + b"K\x00\x85C\x01btR"
BYTES = b"B" + struct.pack("<I", X.nbytes) + X.tobytes()


def dtype(code: str = "f8", state: bytes = STATE) -> bytes:
    return DTYPE + b"(" + text(code) + b"\x89\x88tR" + state


def array(
    shape: bytes = SHAPE,
    kind: bytes | None = None,
    data: bytes = BYTES,
    fortran: bytes = b"\x89",
    version: bytes = b"K\x01",
) -> bytes:
    return EMPTY + b"(" + version + shape + (dtype() if kind is None else kind) + fortran + data + b"tb"


def pair(x: bytes) -> bytes:
    """Return a pickle of what stands for rows, with good labels."""
    return b"(" + x + array(b"K\x04\x85", dtype("u1", STATE), b"C\x04\0\1\1\0") + b"t."


def frombuffer(*args: bytes) -> bytes:
    return pair(FROMBUFFER + b"(" + b"".join(args) + b"tR")


def forged_dtype(state: bytes, code: str = "f8") -> bytes:
    return pair(array(kind=dtype(code, state)))


def dtype_state(
    order: bytes = text("<"), fields: bytes = b"NNN", rest: bytes = b"J\xff\xff\xff\xff" * 2 + b"K\x00"
) -> bytes:
    return b"(K\x03" + order + fields + rest + b"tb"


Content = bytes | Callable[[], bytes]
Cases = dict[str, tuple[Content, str]]

CALLABLES = [
    ("os", "system", COMMAND), ("posix", "system", COMMAND), ("nt", "system", COMMAND), ("os", "popen", COMMAND),
    ("subprocess", "getoutput", COMMAND), ("subprocess", "check_output", "touch", CANARY), ("pty", "spawn", COMMAND),
    ("builtins", "eval", f"open('{CANARY}', 'w')"), ("builtins", "exec", f"open('{CANARY}', 'w')"),
    ("__builtin__", "eval", f"open('{CANARY}', 'w')"), ("__builtin__", "file", CANARY, "w"),
    ("builtins", "open", CANARY, "w"), ("builtins", "__import__", "trap"), ("builtins", "getattr", "a", "b"),
    ("builtins", "compile", "1", "", "eval"), ("builtins", "bytearray", "1"), ("builtins", "input"),
    ("builtins", "print", "x"), ("builtins", "type", "x"), ("builtins", "object"), ("builtins", "breakpoint"),
    ("importlib", "import_module", "trap"), ("runpy", "run_path", "trap.py"), ("code", "interact"),
    ("pickle", "loads", "cos\nsystem\n."), ("_pickle", "loads", "x"), ("marshal", "loads", "x"),
    ("copyreg", "__newobj__"), ("copy_reg", "_reconstructor"), ("copyreg", "add_extension", "os", "system"),
    ("types", "FunctionType"), ("types", "CodeType"), ("operator", "attrgetter", "system"),
    ("operator", "methodcaller", "system"), ("functools", "partial"), ("_codecs", "decode", "YQ==", "base64"),
    ("_codecs", "register"), ("codecs", "encode", "a", "latin1"), ("shutil", "rmtree", "."),
    ("ctypes", "CDLL", "libc.so.6"), ("sys", "exit"), ("sys", "setrecursionlimit"), ("numpy", "load", CANARY),
    ("numpy", "fromfile", CANARY), ("numpy", "memmap", CANARY), ("numpy", "save", CANARY),
    ("numpy.core.multiarray", "fromfile", CANARY), ("numpy._core.multiarray", "frombuffer", "x"),
    ("numpy.testing._private.utils", "runstring", "1", "2"), ("numpy.f2py.crackfortran", "myeval", "1"),
    ("numpy.ma.core", "_mareconstruct; save plain arrays"), ("numpy", "core.multiarray._reconstruct"),
    ("numpy._core._internal", "_ctypes"), ("webbrowser", "open", "x"), ("timeit", "timeit", "1"), ("pdb", "run", "1"),
    ("trap", "x"), ("Numpy", "ndarray"), ("numpy.ndarray", "__reduce__"), ("", ""), ("numpy", ""),
]  # fmt: skip

BY_NAME: Cases = {
    f"{module}.{name}": (
        call(module, name, *args),
        "it asks for|it calls (bytearray|copyreg._reconstructor) in another",
    )
    for module, name, *args in CALLABLES
} | {
    f"{module}.{name} on the stack": (
        b"\x80\x04" + text(module) + text(name) + b"\x93).",
        f"it asks for {module}.{name}",
    )
    for module, name in (("posix", "system"), ("builtins", "eval"), ("numpy", "core.os.path"), ("os", "system"))
}

BY_PICKLE: Cases = {
    "subprocess beside an array": (pickle.dumps((X, Runs(subprocess.Popen, ["touch", CANARY]))), "subprocess.Popen"),
    "open for labels": (pickle.dumps({"x": X, "t": Runs(open, CANARY, "w")}), "open"),
    "getattr of an import": (pickle.dumps(Nested()), "getattr"),
    "a call in an entry not asked for": (pickle.dumps({"x": X, "t": T, "a": Runs(os.system, COMMAND)}), "system"),
    "a class": (pickle.dumps(WithState()), "asks for .*WithState"),
    "a class, protocol 0": (pickle.dumps(WithState(), 0), "it asks for .*WithState"),
    "a set": (pickle.dumps({1, 2}), "no rows and labels in a pickle of set"),
    "a frozen set": (pickle.dumps(frozenset({1})), "no rows and labels in a pickle of set"),
    "an OrderedDict that runs": (pickle.dumps(OrderedDict(x=X, t=Runs(os.system, COMMAND))), "it asks for .*system"),
    "a key that runs": (pickle.dumps(OrderedDict({Runs(os.system, COMMAND): X})), "it asks for .*system"),
    "a default that runs": (pickle.dumps(defaultdict(os.getcwd, x=X, t=T)), "it asks for posix.getcwd"),
    "a set that runs": (pickle.dumps({Runs(os.system, COMMAND)}), "it asks for .*system"),
    "an OrderedDict's child": (pickle.dumps(Child(x=X, t=T)), "it asks for .*Child"),
    "text of a class of its own": (pickle.dumps((X, [Letters("a")] * 4)), "it asks for .*Letters"),
    "a bytearray": (pickle.dumps(bytearray(b"a"), 2), "no rows and labels in a pickle of bytes"),
    "a complex": (pickle.dumps(1j), "no rows and labels in a pickle of complex"),
    "objects that run": (pickle.dumps((np.array([None, Runs(os.system, COMMAND)]), T)), "it asks for .*system"),
    "object array": (pickle.dumps((np.array([None, 1]), T[:2])), "dtype 'O8'"),
    "objects for labels": (pickle.dumps((X, np.array([None, 1, "a", 2.0], object))), "found NoneType, float, int, str"),
    "objects in two axes": (pickle.dumps((X, np.array([["a", "b"]] * 4, object))), "dtype 'O8' that is no column"),
    "text for rows": (pickle.dumps((np.array([["a"], ["b"]]), T[:2])), "text that nothing encodes"),
    "structured": (pickle.dumps((np.zeros(2, "f8,i4"), T[:2])), "dtype 'V12'"),
    "dates": (pickle.dumps((X.astype("M8[s]"), T)), "dtype 'M8'"),
    "durations": (pickle.dumps((X.astype("m8[s]"), T)), "dtype 'm8'"),
    "a masked array": (pickle.dumps((np.ma.masked_array(X), T)), "_mareconstruct; save plain arrays"),
    "a recarray": (pickle.dumps((np.recarray((2,), "f8"), T)), "recarray|numpy.rec|record"),
    "a memmap's class": (pair(RECONSTRUCT + b"(" + ask_for("numpy", "memmap") + b"K\x00\x85C\x01btR"), "numpy.memmap"),
}

BY_OPCODE: Cases = {
    "INST": (f"(S'{COMMAND}'\nios\nsystem\n.".encode(), r"\(INST at"),
    "OBJ": (f"(cos\nsystem\nS'{COMMAND}'\no.".encode(), "os.system"),
    "OBJ of what is allowed": (b"(" + NDARRAY + b"o.", r"\(OBJ at"),
    "NEWOBJ": (b"\x80\x02" + NDARRAY + b"(K\x02t\x81.", r"\(NEWOBJ at"),
    "NEWOBJ_EX": (b"\x80\x04" + NDARRAY + b")}\x92.", r"\(NEWOBJ_EX at"),
    "EXT1": (b"\x80\x02\x82\xf0)R.", r"\(EXT1 at"),
    "EXT2": (b"\x80\x02\x83\x01\x00)R.", r"\(EXT2 at"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00)R.", r"\(EXT4 at"),
    "PERSID": (b"Pfile\n.", r"\(PERSID at"),
    "BINPERSID": (b"\x80\x02X\x01\x00\x00\x00aQ.", r"\(BINPERSID at"),
    "NEXT_BUFFER": (b"\x80\x05\x97.", r"\(NEXT_BUFFER at"),
    "READONLY_BUFFER": (b"\x80\x05C\x01a\x98.", r"\(READONLY_BUFFER at"),
    "EMPTY_SET": (b"\x80\x04\x8f.", "no rows and labels in a pickle of set"),
    "ADDITEMS": (b"\x80\x04](K\x01\x90.", r"\(ADDITEMS at"),
    "FROZENSET": (b"\x80\x04(K\x01\x91.", "no rows and labels in a pickle of set"),
    "protocol 6": (b"\x80\x06N.", "protocol 6"),
    "protocol 255": (b"\x80\xffN.", "protocol 255"),
    "PROTO in the middle": (b"\x80\x02N\x80\x02.", r"not at its beginning \(PROTO at byte 3"),
    "words": (b"hello world", r"cut off|no value was remembered|no such opcode"),
    "text that is no UTF-8": (
        b"\x80\x04\x8c\x02\xc3\x28\x8c\x01a\x93.",
        r"text that cannot be read \(SHORT_BINUNICODE",
    ),
    "no opcode": (b"\xff\xff.", r"no such opcode \(0xff at byte 0\)"),
    "a pickle behind the pickle": (b"N." + call("os", "system", COMMAND), "bytes behind its end; several pickles"),
    "good data and then another pickle": (pickle.dumps((X, T)) + b"N.", "2 bytes behind its end"),
    "GET of what was never put": (b"h\x05.", "no value was remembered as number 5"),
    "GET of a negative number": (b"g-1\n.", "no value was remembered as number -1"),
    "STOP with nothing": (b"\x80\x04.", "ends with 0 values"),
    "STOP with two": (b"NN.", "ends with 2 values"),
    "STOP behind a mark": (b"N(.", "expected 1"),
    "POP of nothing": (b"0.", r"nothing is there to take \(POP at"),
    "TUPLE2 across a mark": (b"N(N\x86.", r"\(TUPLE2 at"),
    "TUPLE without a mark": (b"Nt.", r"no MARK is there \(TUPLE at"),
    "PUT of a mark": (b"(q\x00.", r"\(BINPUT at"),
    "APPEND to a tuple": (b")Na.", "it appends to tuple"),
    "APPEND to a dict": (b"}Na.", "it appends to dict"),
    "APPEND to a function": (DTYPE + b"Na.", "it appends to numpy.dtype"),
    "APPENDS to text": (text("a") + b"(Ne.", "it appends to 'a'"),
    "APPENDS to an array": (array() + b"(Ne.", "it appends to array"),
    "SETITEM of a list": (b"]K\x00Ns.", "it sets items of list"),
    "SETITEMS of a function": (ENCODE + b"(K\x00Nu.", "it sets items of _codecs.encode"),
    "SETITEMS of an odd count": (b"}(K\x00u.", "a key without a value"),
    "DICT of an odd count": (b"(K\x00d.", "a key without a value"),
    "a list for a key": (b"}]Ns.", "a key that is list"),
    "a tuple for a key": (b"})Ns.", r"no rows and labels under the names \(none\)"),
    "NaN for a key": (b"}G\x7f\xf8\0\0\0\0\0\0Ns.", r"no rows and labels under the names \(none\)"),
    "an array for a key": (b"}" + array() + b"Ns.", "a key that is array"),
    "a function for a key": (b"}" + DTYPE + b"Ns.", "a key that is numpy.dtype"),
    "a long text for a key": (b"}" + text("a" * 2000) + b"Ns.", "a key that is a long text"),
    "STACK_GLOBAL of numbers": (b"K\x01K\x02\x93.", "a name that is int and int"),
    "STACK_GLOBAL of bytes": (b"C\x02osC\x06system\x93.", "a name that is bytes and bytes"),
}

BY_CALL: Cases = {
    "ndarray called": (NDARRAY + b"(I9\ntR.", "it calls numpy.ndarray"),
    "ndarray called without arguments": (NDARRAY + b")R.", "it calls numpy.ndarray"),
    "bytes of a size": (ask_for("builtins", "bytes") + b"(J\xff\xff\xff\x7ftR.", "it calls bytes in another way"),
    "encode as rot13": (call("_codecs", "encode", "a", "rot13"), "it calls _codecs.encode in another way"),
    "encode with a hook": (call("_codecs", "encode", "a", "latin1", "x"), "it calls _codecs.encode in another way"),
    "encode of a number": (ENCODE + b"(K\x01" + text("latin1") + b"tR.", "it calls _codecs.encode in another way"),
    "encode of what is no latin1": (call("_codecs", "encode", "\u20ac", "latin1"), "text that stands for no bytes"),
    "a call with a list": (DTYPE + b"]R.", "it calls numpy.dtype with list"),
    "a call with None": (DTYPE + b"NR.", "it calls numpy.dtype with NoneType"),
    "a call of text": (text("os.system") + b")R.", "it calls 'os.system'"),
    "a call of an array": (array() + b")R.", "it calls array"),
    "a call of a dtype": (dtype() + b")R.", "it calls dtype"),
    "dtype without arguments": (DTYPE + b")R.", "it calls numpy.dtype in another way"),
    "dtype with four": (DTYPE + b"(NNNNtR.", "it calls numpy.dtype in another way"),
    "_reconstruct of text": (
        RECONSTRUCT + b"(" + text("a") + b"K\x00\x85C\x01btR.",
        "something other than numpy.ndarray",
    ),
    "_reconstruct of a dtype": (
        RECONSTRUCT + b"(" + DTYPE + b"K\x00\x85C\x01btR.",
        "something other than numpy.ndarray",
    ),
    "_reconstruct with two": (RECONSTRUCT + b"(" + NDARRAY + b"NtR.", "in another way"),
    "scalar of an object": (SCALAR + b"(" + DTYPE + b"(" + text("O8") + b"\x89\x88tRNtR.", "dtype 'O8'"),
    "scalar of no dtype": (SCALAR + b"(NC\x08abcdefghtR.", "without a dtype"),
    "scalar of too few bytes": (SCALAR + b"(" + dtype() + b"C\x01atR.", "a number of 1 bytes"),
    "scalar of too many": (SCALAR + b"(" + dtype() + b"C\x09abcdefghitR.", "a number of 9 bytes"),
    "scalar of None": (SCALAR + b"(" + dtype() + b"NtR.", "numbers whose bytes are NoneType"),
    "scalar truth of 2": (SCALAR + b"(" + dtype("b1") + b"C\x01\x02tR.", "a number of 1 bytes"),
    "scalar of a dtype without state": (SCALAR + b"(" + dtype("f8", b"") + b"C\x08abcdefghtR.", "that has its state"),
    "BUILD on a function": (ENCODE + b"}S'__name__'\nS'x'\nsb.", "it changes _codecs.encode itself"),
    "BUILD by slots": (DTYPE + b"(N}S'kind'\nS'ndarray'\nstb.", "it changes numpy.dtype itself"),
    "BUILD on ndarray": (NDARRAY + b"}b.", "it changes numpy.ndarray itself"),
    "BUILD on bytes": (ask_for("builtins", "bytes") + b")R}b.", "sets the state of bytes"),
    "BUILD on a list": (b"]}b.", "sets the state of list"),
    "BUILD on a dict": (b"}}b.", "sets the state of dict"),
    "BUILD on None": (b"N}b.", "sets the state of NoneType"),
    "BUILD with a dict": (dtype("f8", b"}b") + b".", "state of an array or dtype to dict"),
    "BUILD with a list": (EMPTY + b"]b.", "state of an array or dtype to list"),
    "BUILD twice on a dtype": (dtype("f8", STATE + STATE) + b".", "a dtype a second time"),
    "BUILD twice on an array": (
        array() + b"(K\x01" + SHAPE + dtype() + b"\x89" + BYTES + b"tb.",
        "an array a second time",
    ),
}

BY_DTYPE: Cases = {
    f"dtype {code}": (forged_dtype(STATE, code), f"dtype '{code}'")
    for code in (
        "O8",
        "O",
        "V8",
        "S8",
        "U2",
        "M8",
        "m8",
        "object",
        "f8,f8",
        "3f8",
        "i3",
        "f7",
        "",
        "c7",
        "<f8",
        "P",
        "u16",
    )
} | {
    "dtype of a number": (DTYPE + b"(K\x01\x89\x88tR.", "dtype int"),
    "dtype of a list": (DTYPE + b"(]\x89\x88tR.", "dtype list"),
    "dtype of a dtype": (DTYPE + b"(" + dtype() + b"\x89\x88tR.", "dtype dtype"),
    "dtype of a long text": (DTYPE + b"(" + text("f8" * 1000) + b"tR.", "dtype a long text"),
    "byte order O": (forged_dtype(dtype_state(text("O"))), "unknown byte order"),
    "byte order of two letters": (forged_dtype(dtype_state(text("<<"))), "unknown byte order"),
    "byte order None": (forged_dtype(dtype_state(b"N")), "unknown byte order"),
    "byte order of a list": (forged_dtype(dtype_state(b"]")), "unknown byte order"),
    "a subarray": (forged_dtype(dtype_state(fields=b"(" + dtype() + b"K\x05tNN")), "a dtype with fields"),
    "field names": (forged_dtype(dtype_state(fields=b"N(" + text("a") + b"tN")), "a dtype with fields"),
    "fields": (forged_dtype(dtype_state(fields=b"NN}")), "a dtype with fields"),
    "fields that hold themselves": (
        forged_dtype(dtype_state(fields=b"N" + text("a") + b"\x85}q\0" + text("a") + b"h\0s")),
        "a dtype with fields",
    ),
    "a size of its own": (forged_dtype(dtype_state(rest=number(2**40) + b"K\x01K\x00")), "a size of its own"),
    "a negative size": (
        forged_dtype(dtype_state(rest=b"J\xfe\xff\xff\xffJ\xff\xff\xff\xffK\x00")),
        "a size of its own",
    ),
    "an alignment": (forged_dtype(dtype_state(rest=b"J\xff\xff\xff\xffK\x00K\x00")), "a size of its own"),
    "the flags of an object": (
        forged_dtype(dtype_state(rest=b"J\xff\xff\xff\xff" * 2 + b"K\x3f")),
        "a size of its own",
    ),
    "flags of text": (forged_dtype(dtype_state(rest=b"J\xff\xff\xff\xff" * 2 + text("a"))), "a size of its own"),
    "metadata": (forged_dtype(dtype_state(rest=b"J\xff\xff\xff\xff" * 2 + b"K\x00}")), "a state of another version"),
    "version 4": (forged_dtype(STATE.replace(b"K\x03", b"K\x04")), "a state of another version"),
    "version True": (forged_dtype(STATE.replace(b"K\x03", b"\x88")), "a state of another version"),
    "an empty state": (forged_dtype(b")b"), "a state of another version"),
    "no state": (forged_dtype(b""), "that has its state"),
}

BY_ARRAY: Cases = {
    "more bytes needed than there are": (pair(array(b"K\x04K\x07\x86")), "96 bytes whose shape and dtype need 224"),
    "fewer": (pair(array(b"K\x01K\x03\x86")), "96 bytes whose shape and dtype need 24"),
    "a negative shape": (pair(array(b"J\xff\xff\xff\xffK\x03\x86")), "shape is not a few whole numbers"),
    "two negative axes": (pair(array(b"J\xfc\xff\xff\xffJ\xfd\xff\xff\xff\x86")), "shape is not a few whole numbers"),
    "a shape of text": (pair(array(text("a") + b"K\x03\x86")), "shape is not a few whole numbers"),
    "a shape of floats": (pair(array(b"G\x40\x10\0\0\0\0\0\0K\x03\x86")), "shape is not a few whole numbers"),
    "a shape of truths": (pair(array(b"\x88\x88\x86", data=b"C\x08abcdefgh")), "shape is not a few whole numbers"),
    "a shape of shapes": (pair(array(SHAPE + b"\x85")), "shape is not a few whole numbers"),
    "a list for a shape": (pair(array(b"](K\x04K\x03e")), "shape is not a few whole numbers"),
    "a shape of None": (pair(array(b"N")), "shape is not a few whole numbers"),
    "33 axes": (pair(array(b"(" + b"K\x01" * 33 + b"t", data=b"C\x08abcdefgh")), "shape is not a few whole numbers"),
    "a huge shape": (pair(array(number(2**62) + number(2**62) + b"\x86")), "a size that nothing has"),
    "a huge shape of nothing": (pair(array(number(2**62) + b"K\x00\x86", data=b"C\x00")), "a size that nothing has"),
    "a size that wraps around": (
        pair(array(number(2**61 + 1) + b"\x85", data=b"C\x08abcdefgh")),
        "a size that nothing has",
    ),
    "an order of text": (pair(array(fortran=text("C"))), "whose order is not a flag"),
    "an order of None": (pair(array(fortran=b"N")), "whose order is not a flag"),
    "version 2 of an array": (pair(array(version=b"K\x02")), "an array with a state of another version"),
    "version None": (pair(array(version=b"N")), "an array with a state of another version"),
    "four in the state": (pair(EMPTY + b"(" + SHAPE + dtype() + b"\x89" + BYTES + b"tb"), "a state of another version"),
    "a dtype of text": (pair(array(kind=text("f8"))), "without a dtype that has its state"),
    "a function for a dtype": (pair(array(kind=DTYPE)), "without a dtype that has its state"),
    "an array for a dtype": (pair(array(kind=array())), "without a dtype that has its state"),
    "a list for bytes": (pair(array(data=b"](NNe")), "whose data is list"),
    "None for bytes": (pair(array(data=b"N")), "whose data is NoneType"),
    "a number for bytes": (pair(array(data=number(2**60))), "whose data is int"),
    "an array for bytes": (pair(array(data=array())), "whose data is array"),
    "itself for bytes": (pair(EMPTY + b"q\x00(K\x01" + SHAPE + dtype() + b"\x89h\x00tb"), "whose data is array"),
    "text that is no latin1": (pair(array(b"K\x01\x85", data=text("\u20ac" * 8))), "stands for no bytes"),
    "long text that is no latin1": (
        pair(array(b"M\xd0\x07\x85", dtype("u1"), text("\u20ac" * 2000))),
        "stands for no bytes",
    ),
    "long text of another length": (pair(array(b"M\xd0\x07\x85", dtype("u1"), text("\xe9" * 1999))), "1999 bytes"),
    "long text that is no UTF-8": (
        pair(array(b"M\xd0\x07\x85", dtype("u1"), b"X\xd0\x07\0\0" + b"\xc3" * 2000)),
        "stands for no bytes",
    ),
    "a truth of 2": (pair(array(kind=dtype("b1"), data=b"C\x0c" + b"\1\0\1" * 3 + b"\1\2\1")), "neither 0 nor 1"),
    "a long double of other bytes": (pair(array(kind=dtype("f16"))), "need 192|dtype 'f16'"),
    "an array without state": (pair(EMPTY), "an array without its state"),
    "_frombuffer in order A": (frombuffer(BYTES, dtype(), SHAPE, text("A")), "neither C nor F nor K"),
    "_frombuffer in an order of None": (frombuffer(BYTES, dtype(), SHAPE, b"N"), "neither C nor F nor K"),
    "_frombuffer with axes twice": (
        frombuffer(BYTES, dtype(), SHAPE, text("K"), b"K\0K\0\x86"),
        "order of axes is none",
    ),
    "_frombuffer with axes far off": (frombuffer(BYTES, dtype(), SHAPE, text("K"), b"K\0K\x09\x86"), "order of axes"),
    "_frombuffer with axes of a list": (frombuffer(BYTES, dtype(), SHAPE, text("K"), b"](K\1K\0e"), "order of axes"),
    "_frombuffer with axes in order C": (frombuffer(BYTES, dtype(), SHAPE, text("C"), b"K\1K\0\x86"), "order of axes"),
    "_frombuffer of too few": (
        frombuffer(b"C\x01a", dtype(), SHAPE, text("C")),
        "1 bytes whose shape and dtype need 96",
    ),
    "_frombuffer of a shape of -1": (
        frombuffer(BYTES, dtype(), b"J\xff\xff\xff\xff\x85", text("C")),
        "few whole numbers",
    ),
    "_frombuffer of a number": (frombuffer(number(2**60), dtype(), SHAPE, text("C")), "whose data is int"),
    "_frombuffer with six": (frombuffer(BYTES, dtype(), SHAPE, text("C"), b"NN"), "in another way"),
    "labels of lists": (b"(" + array() + b"](]]]]et.", "labels are text or whole numbers, found list"),
    "labels of text and numbers": (b"(" + array() + b"](K\1K\1K\1" + text("a") + b"et.", "found int, str"),
    "labels of huge numbers": (b"(" + array() + b"](" + number(2**64) * 4 + b"et.", "more than 64 bits"),
    "labels of long text": (b"(" + array() + b"](" + text("a" * 2000) * 4 + b"et.", "found a long text"),
}


def make_zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


ORDERED = ask_for("collections", "OrderedDict")
BUNCH, REBUILD = ask_for("sklearn.utils._bunch", "Bunch"), ask_for("copyreg", "_reconstructor")
PLAIN_DICT, PLAIN_SET = ask_for("builtins", "dict"), ask_for("builtins", "set")
OBJECTS = dtype("O8", dtype_state(text("|"), rest=b"J\xff\xff\xff\xff" * 2 + b"K\x3f"))
TEXTS = dtype("U1", dtype_state(rest=b"K\x04K\x04K\x08"))

BY_CONTAINER: Cases = {
    "OrderedDict of text": (call("collections", "OrderedDict", "x"), "it calls collections.OrderedDict in another way"),
    "OrderedDict of two": (
        call("collections", "OrderedDict", "x", "y"),
        "calls collections.OrderedDict in another way",
    ),
    "OrderedDict of a number": (ORDERED + number(2**40) + b"\x85R.", "calls collections.OrderedDict in another way"),
    "OrderedDict of a function": (ORDERED + DTYPE + b"\x85R.", "it calls collections.OrderedDict in another way"),
    "OrderedDict of single values": (ORDERED + b"](K\1K\2e\x85R.", "it calls collections.OrderedDict in another way"),
    "OrderedDict of threes": (ORDERED + b"](K\1K\2K\3\x87e\x85R.", "it calls collections.OrderedDict in another way"),
    "OrderedDict of text for pairs": (
        ORDERED + b"]" + text("ab") + b"a\x85R.",
        "it calls collections.OrderedDict in another way",
    ),
    "OrderedDict of a list in itself": (ORDERED + b"]q\0h\0a\x85R.", "calls collections.OrderedDict in another way"),
    "OrderedDict of a list in itself twice": (ORDERED + b"]q\0h\0ah\0a\x85R.", "a key that is list"),
    "OrderedDict with a key that is a list": (ORDERED + b"](]N\x86e\x85R.", "a key that is list"),
    "OrderedDict with a key that is itself": (ORDERED + b")Rq\0h\0Ns.", "a key that is dict"),
    "OrderedDict in itself": (ORDERED + b")Rq\0" + text("x") + b"h\0s.", "no rows and labels under the names x"),
    "OrderedDict called with a list": (ORDERED + b"]R.", "it calls collections.OrderedDict with list"),
    "BUILD on OrderedDict": (ORDERED + b"}S'__class__'\nS'x'\nsb.", "it changes collections.OrderedDict itself"),
    "BUILD of an OrderedDict by slots": (ORDERED + b")R(N}S'__class__'\nS'x'\nstb.", "it sets the state of dict"),
    "BUILD of an OrderedDict by a list": (ORDERED + b")R]b.", "it sets the state of dict"),
    "BUILD of a set": (b"\x8f}b.", "it sets the state of set"),
    "attributes that are entries": (
        ORDERED + b")R}" + text("x") + array() + b"sb.",
        r"no rows and labels under the names \(none\)",
    ),
    "defaultdict of text": (call("collections", "defaultdict", "x"), "it calls collections.defaultdict in another way"),
    "defaultdict of a list": (ask_for("collections", "defaultdict") + b"]\x85R.", "defaultdict in another way"),
    "defaultdict of system": (ask_for("collections", "defaultdict") + ask_for("os", "system"), "it asks for os.system"),
    "a factory called": (ask_for("builtins", "list") + b")R.", "it calls a type of Python's in another way"),
    "str of bytes": (ask_for("builtins", "str") + b"C\1a\x85R.", "it calls a type of Python's in another way"),
    "dict called": (PLAIN_DICT + b")R.", "it calls dict in another way"),
    "Counter of text": (call("collections", "Counter", "aab"), "it calls collections.Counter in another way"),
    "Bunch called": (BUNCH + b")R.", "it calls sklearn.utils.Bunch in another way"),
    "an object of dict": (PLAIN_DICT + b")\x81.", "it makes an object of dict"),
    "an object of text": (text("a") + b")\x81.", r"it makes an object of 'a' \(NEWOBJ at"),
    "an object of an array": (array() + b")\x81.", "it makes an object of array"),
    "an object of arguments": (BUNCH + b"K\1\x85\x81.", "it makes an object of sklearn.utils.Bunch"),
    "an object of a list": (BUNCH + b"]\x81.", "it makes an object of sklearn.utils.Bunch"),
    "_reconstructor of an object": (REBUILD + BUNCH + ask_for("builtins", "object"), "it asks for builtins.object"),
    "_reconstructor of a dtype": (REBUILD + DTYPE + PLAIN_DICT + b"}\x87R.", "it makes an object of numpy.dtype"),
    "_reconstructor of a Bunch that is no dict": (REBUILD + BUNCH + DTYPE + b"}\x87R.", "calls copyreg._reconstructor"),
    "_reconstructor of a state of text": (
        REBUILD + BUNCH + PLAIN_DICT + text("ab") + b"\x87R.",
        "it calls copyreg._reconstructor in another way",
    ),
    "a set of text": (PLAIN_SET + text("ab") + b"\x85R.", "it calls set in another way"),
    "a set of a number": (PLAIN_SET + number(2**40) + b"\x85R.", "it calls set in another way"),
    "a set of a list of lists": (PLAIN_SET + b"]]a\x85R.", "a set that holds list"),
    "a set of a dict": (b"\x8f(}\x90.", "a set that holds dict"),
    "a frozen set of an array": (b"(" + array() + b"\x91.", "a set that holds array"),
    "a set in itself": (b"\x8fq\0(h\0\x90.", "no rows and labels in a pickle of set"),
    "a set for a key": (b"}\x8fNs.", "a key that is set"),
    "a set for labels": (b"(" + array() + b"(K\1K\2K\3K\4\x91t.", "an array is expected where it has set"),
    "a set for rows": (
        b"}(" + text("x") + b"(K\1K\2\x91" + text("t") + b"]u.",
        "an array is expected where it has set",
    ),
    "ADDITEMS to a list": (b"](K\1\x90.", "it adds elements to list"),
    "ADDITEMS to a dict": (b"}(K\1\x90.", "it adds elements to dict"),
    "APPENDS to a set": (b"\x8f(K\1e.", "it appends to set"),
    "bytearray of a size": (
        ask_for("builtins", "bytearray") + number(2**40) + b"\x85R.",
        "it calls bytearray in another",
    ),
    "bytearray of a list": (ask_for("builtins", "bytearray") + b"]\x85R.", "it calls bytearray in another way"),
    "bytearray of text as rot13": (call("builtins", "bytearray", "a", "rot13"), "it calls bytearray in another way"),
    "bytearray of what is no latin1": (
        call("builtins", "bytearray", "\u20ac", "latin-1"),
        "text that stands for no bytes",
    ),
    "complex of text": (call("builtins", "complex", "1", "2"), "it calls complex in another way"),
    "complex of one": (call("builtins", "complex", "1"), "it calls complex in another way"),
    "a frame that ends in an opcode": (
        b"\x80\x04\x95" + struct.pack("<Q", 2) + b"M\1\0.",
        r"a frame does not end where an opcode does \(BININT2 at byte 11\)",
    ),
    "a frame in a frame": (
        b"\x80\x04\x95" + struct.pack("<Q", 11) + b"N\x95" + struct.pack("<Q", 1) + b".",
        r"a frame does not end where an opcode does \(FRAME at byte 12\)",
    ),
    "an archive of torch": (make_zip(data=b"\x80\x02N.", version=b"3"), "a ZIP archive of .*, expected one: unpack it"),
    "a ZIP archive of a pickle that runs": (make_zip(data=call("os", "system", COMMAND)), "it asks for os.system"),
    "a ZIP archive of nothing": (b"PK\3\4" + bytes(100), "the compressed file is damaged or cut off"),
    "a table of pandas": (
        ask_for("pandas.core.frame", "DataFrame"),
        "asks for pandas.core.frame.DataFrame; save the table",
    ),
    "a tensor of torch": (ask_for("torch._utils", "_rebuild_tensor_v2"), "it asks for torch.*; save tensors as arrays"),
    "a model of scikit-learn": (ask_for("sklearn.svm._classes", "SVC"), "it asks for sklearn.*; save arrays"),
}

BY_OBJECTS: Cases = {
    "objects of bytes": (pair(array(kind=OBJECTS)), "an array of dtype 'O8' whose data is bytes"),
    "objects in a buffer": (frombuffer(BYTES, OBJECTS, SHAPE, text("C")), "an array of dtype 'O8' whose data is bytes"),
    "objects in a list in a buffer": (frombuffer(b"]", OBJECTS, b"K\0\x85", text("C")), "an array whose data is list"),
    "a list for numbers": (pair(array(data=b"](K\1K\2e")), "an array whose data is list"),
    "objects for rows": (
        pair(array(b"K\2\x85", OBJECTS, data=b"](K\1K\2e")),
        "an array of dtype 'O8', expected numbers; save it by its astype",
    ),
    "too few objects": (
        b"(" + array() + array(b"K\4\x85", OBJECTS, data=b"](K\1K\2e") + b"t.",
        "'O8' that is no column",
    ),
    "objects of a huge shape": (
        b"(" + array() + array(number(2**62) + b"\x85", OBJECTS, data=b"]") + b"t.",
        "a size that nothing has",
    ),
    "objects that hold themselves": (
        b"(" + array() + EMPTY + b"q\0(K\1K\4\x85" + OBJECTS + b"\x89](h\0h\0h\0h\0etbt.",
        "labels are text or whole numbers, found array",
    ),
    "a single object": (SCALAR + OBJECTS + b"N\x86R.", "a single value of dtype 'O8'"),
    "letters beyond all": (
        b"(" + array() + array(b"K\4\x85", TEXTS, data=b"C\x10" + b"\xff" * 16) + b"t.",
        "label 1 is no text",
    ),
    "a letter beyond all": (SCALAR + TEXTS + b"C\4" + b"\xff" * 4 + b"\x86R.", "text of letters that there are none"),
    "half a letter": (
        b"(" + array() + array(b"K\4\x85", TEXTS, data=b"C\x10" + b"a\0\0\0" * 3 + b"\0\xd8\0\0") + b"t.",
        "label 4 is no text in UTF-8",
    ),
    "text of another size": (forged_dtype(dtype_state(rest=b"K\x05K\x04K\x08"), "U1"), "or of a size of its own"),
    "text of a billion letters": (forged_dtype(STATE, "U1000000000"), "values of dtype 'U1000000000'"),
    "text of -1 letters": (forged_dtype(STATE, "U-1"), "values of dtype 'U-1'"),
    "text without letters": (
        pair(array(number(2**50) + b"\x85", dtype("U0", dtype_state(rest=b"K\0K\4K\x08")), data=b"C\0")),
        "an array of texts without letters",
    ),
    "rows of lists in lists in lists": (b"(" + b"](" * 6 + b"K\1" + b"e" * 6 + b"]K\1at.", "in a pickle of tuple"),
    "deep rows under a name": (
        b"}(" + text("x") + b"](" * 6 + b"K\1" + b"e" * 6 + text("t") + b"]K\1au.",
        "expected rows of numbers, found lists in them",
    ),
    "rows that hold themselves": (
        b"}(" + text("x") + b"]q\0h\0a" + text("t") + b"]K\1au.",
        "expected rows of numbers, found lists in them",
    ),
    "numbers of 65 bits": (
        b"}(" + text("x") + b"](]" + number(2**64) + b"ae" + text("t") + b"]K\1au.",
        "row 1, feature 1: expected a number, found int",
    ),
}

MANY = 800_000


def colliding(count: int) -> bytes:
    """Return whole numbers of one hash."""
    return b"".join(b"\x8a\x10" + (i * (2**61 - 1)).to_bytes(16, "little") for i in range(count))


def outer_first(make: bytes, hold: bytes, count: int = 100_000) -> bytes:
    """Return containers in others, each put into the one before while it is still empty itself."""
    index = [struct.pack("<I", i) for i in range(count)]
    made = b"".join(make + b"r" + i + b"0" for i in index)
    held = b"".join(b"j" + a + hold.replace(b"?", b"j" + b) + b"0" for a, b in pairwise(index))
    return made + held + b"j" + index[0] + b"."


def compressed_bomb(pack: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    return lambda: pack(b"\x80\x04" + b"N" * (2**26 + 2**24) + b".")


def laughs() -> bytes:
    """Return tuples of ten times the tuple before: a billion at the end, in a thousand bytes."""
    return b"N" + b"".join(b"q%c0(" % i + b"h%c" % i * 10 + b"t" for i in range(1, 100)) + b"."


def repeated_text() -> bytes:
    """Return a megabyte of text that is to be encoded 500 times."""
    return (
        ENCODE + b"q\0" + text("a" * 2**20) + b"q\1" + text("latin1") + b"q\x02000](" + b"h\0h\1h\2\x86R" * 500 + b"e."
    )


RESOURCES: Cases = {
    "LONG_BINPUT of 2**32 - 1": (b"\x80\x04Nr\xff\xff\xff\xff.", "as number 4294967295, expected 0 to 749999"),
    "LONG_BINPUT of 2**31 - 1": (b"Nr\xff\xff\xff\x7f.", "as number 2147483647, expected 0 to 749999"),
    "PUT of 999999999": (b"Np999999999\n.", "as number 999999999"),
    "PUT behind zeros": (b"Np" + b"0" * 40 + b"999999999\n.", "as number 999999999"),
    "PUT of -1": (b"Np-1\n.", "as number -1"),
    "PUT of 90 digits": (b"Np" + b"9" * 90 + b"\n.", "as number 999"),
    "BINBYTES8 of a terabyte": (b"\x80\x05\x8e\0\0\0\0\0\x01\0\0.", r"cut off \(BINBYTES8 at byte 2\)"),
    "BINBYTES8 of 2**64 - 1": (b"\x80\x05\x8e" + b"\xff" * 8 + b".", r"cut off \(BINBYTES8"),
    "BYTEARRAY8 of 64 GiB": (b"\x80\x05\x96\0\0\0\0\x10\0\0\0.", r"cut off \(BYTEARRAY8"),
    "BINUNICODE8 of 2**62": (b"\x80\x05\x8d\0\0\0\0\0\0\0\x40.", r"cut off \(BINUNICODE8"),
    "FRAME of 64 GiB": (b"\x80\x04\x95\0\0\0\0\x10\0\0\0N.", r"cut off \(FRAME"),
    "BINBYTES of 2 GiB": (b"B\xff\xff\xff\x7f.", r"cut off \(BINBYTES "),
    "BINSTRING of -1": (b"T\xff\xff\xff\xff.", r"cut off \(BINSTRING"),
    "LONG4 of -1": (b"\x8b\xff\xff\xff\xff.", r"cut off \(LONG4"),
    "LONG4 of a megabyte": (
        lambda: b"\x8b" + struct.pack("<I", 2**20) + b"\x7f" * 2**20 + b".",
        "a whole number of 1048576",
    ),
    "LONG1 of 255 bytes": (b"\x8a\xff" + b"\x7f" * 255 + b".", "a whole number of 255 bytes"),
    "INT of 5000 digits": (b"I" + b"9" * 5000 + b"\n.", "a line that does not end"),
    "LONG of a million digits": (lambda: b"L" + b"9" * 10**6 + b"L\n.", "a line that does not end"),
    "FLOAT of a million digits": (lambda: b"F" + b"9" * 10**6 + b"\n.", "a line that does not end"),
    "a name of 10,000 letters": (b"c" + b"a" * 5000 + b"\n" + b"b" * 5000 + b"\n.", "it asks for aaaa"),
    "a name with an escape sequence": (b"ca\x1b[2J\nb\n.", r"it asks for a\?\[2J\.b"),
    "countless times None": (lambda: b"N" * MANY + b".", "more than 750000 opcodes"),
    "countless marks": (lambda: b"(" * MANY + b".", "more than 750000 opcodes"),
    "countless dicts": (lambda: b"}" * MANY + b".", "more than 750000 opcodes"),
    "countless lists": (lambda: b"]" * MANY + b".", "more than 750000 opcodes"),
    "countless names": (lambda: DTYPE * MANY + b".", "more than 750000 opcodes"),
    "countless strings": (lambda: b"S'\\x00\\\\'\n" * MANY + b".", "more than 750000 opcodes"),
    "countless lines of text": (lambda: b"V\\u00e9\n" * MANY + b".", "more than 750000 opcodes"),
    "countless numbers remembered": (lambda: b"I1\n\x94" * MANY + b".", "more than 750000 opcodes"),
    "countless duplicates": (lambda: b"](N" + b"2" * MANY + b"e.", "more than 750000 opcodes"),
    "countless dtypes": (
        lambda: DTYPE + b"q\0" + text("f8") + b"\x85q\1" + b"h\0h\1R" * MANY + b".",
        "more than 750000",
    ),
    "countless frames": (lambda: b"\x80\x04" + (b"\x95" + bytes(8)) * MANY + b"N.", "more than 750000 opcodes"),
    "text of wide letters": (lambda: text("a" * 200 + "\U0001f600") * 90_000 + b".", "more than 16777216 letters"),
    "tuples 100,000 deep": (
        lambda: b"N" + b"\x85" * 100_000 + b".",
        "more than 1000 lists, tuples and dicts in others",
    ),
    "marks 100,000 deep": (lambda: b"(" * 100_000 + b"t" * 100_000 + b".", "more than 1000 lists, tuples and dicts"),
    "lists 100,000 deep": (lambda: b"]" * 100_000 + b"a" * 99_999 + b".", "more than 1000 lists, tuples and dicts"),
    "dicts 100,000 deep": (lambda: b"}K\0" * 100_000 + b"}" + b"s" * 100_000 + b".", "more than 1000 (lists|entries)"),
    "tuples 900 deep": (b"N" + b"\x85" * 900 + b".", "no rows and labels in a pickle of tuple"),
    "a list in itself": (b"]q\0h\0a.", "no rows and labels in a pickle of list"),
    "a dict in itself": (b"}q\0" + text("x") + b"h\0s.", "no rows and labels under the names x"),
    "a billion laughs": (laughs(), "no rows and labels in a pickle of tuple|more than 1000 lists"),
    "keys without end": (
        lambda: b"}(" + b"".join(b"J%bN" % struct.pack("<i", i << 12) for i in range(10**5)) + b"u.",
        r"no rows and labels under the names \(none\)",
    ),
    "text encoded again and again": (repeated_text, "no rows and labels in a pickle of list"),
    "labels as wide as the widest": (
        lambda: b"(" + array() + b"](" + b"\x8c\1a" * 100_000 + text("a" * 1000) + b"et.",
        "100001 labels of text, of up to 1000 letters",
    ),
    "a line of a megabyte of backslashes": (
        lambda: pair(array(data=b"S'" + b"\\" * (2**20 + 1) + b"'\n")),
        "wrong backslash",
    ),
    "a line without an end": (lambda: b"V" + b"a" * 2**22, r"cut off \(UNICODE"),
    "a million numbers that collide": (lambda: b"\x8f(" + colliding(10**6) + b"\x90.", "more than 750000 opcodes"),
    "a set of numbers that collide": (
        lambda: b"\x8f(" + colliding(200_000) + b"\x90.",
        "no rows and labels in a pickle of set",
    ),
    "a set of a list that collides": (
        lambda: PLAIN_SET + b"](" + colliding(200_000) + b"e\x85R.",
        "no rows and labels in a pickle of set",
    ),
    "an OrderedDict of numbers that collide": (
        lambda: (
            ORDERED + b"](" + b"".join(b"J" + struct.pack("<i", i << 16) + b"N\x86" for i in range(2000)) + b"e\x85R."
        ),
        r"no rows and labels under the names \(none\)",
    ),
    "a hundred thousand names": (
        lambda: b"}(" + b"".join(text(f"{i}") + b"N" for i in range(100_000)) + b"u.",
        "no rows and labels under the names 0, 1, 2",
    ),
    "countless sets": (lambda: b"\x8f" * MANY + b".", "more than 750000 opcodes"),
    "countless OrderedDicts": (lambda: ORDERED + b"q\0)q\1" + b"h\0h\1R" * MANY + b".", "more than 750000 opcodes"),
    "sets of a list again and again": (
        lambda: PLAIN_SET + b"q\0](" + b"K\1" * 10_000 + b"e\x85q\1" + b"h\0h\1R0" * 10_000 + b".",
        "it copies lists again and again",
    ),
    "OrderedDicts of a dict again and again": (
        lambda: (
            REBUILD
            + b"q\0"
            + BUNCH
            + PLAIN_DICT
            + b"}("
            + b"".join(text(f"{i}") + b"N" for i in range(10_000))
            + b"u\x87q\1"
            + b"h\0h\1R0" * 10_000
            + b"."
        ),
        "it copies lists again and again",
    ),
    "texts of numpy again and again": (
        lambda: (
            SCALAR
            + b"q\0"
            + dtype("S4096", dtype_state(text("|"), rest=b"M\0\x10K\1K\0"))
            + b"B\0\x10\0\0"
            + b"a" * 4096
            + b"\x86q\1"
            + b"h\0h\1R" * 100_000
            + b"."
        ),
        "more than 16777216 letters",
    ),
    "a text of numpy of a megabyte": (
        lambda: (
            SCALAR
            + dtype("S1048576", dtype_state(text("|"), rest=number(2**20) + b"K\1K\0"))
            + b"B\0\0\x10\0"
            + bytes(2**20)
            + b"\x86R."
        ),
        "a single text of 1048576 bytes",
    ),
    "bytes encoded again and again": (
        lambda: ENCODE + b"q\0" + text("a" * 1000) + text("latin1") + b"\x86q\1" + b"h\0h\1R" * 100_000 + b".",
        "more than 16777216 letters",
    ),
    "frozen sets 100,000 deep": (lambda: b"(" * 100_000 + b"\x91" * 100_000 + b".", "more than 1000 lists, tuples"),
    "sets 100,000 deep": (
        lambda: b"(\x8f" * 100_000 + b"\x90" * 99_999 + b".",
        "more than 1000 lists, tuples and dicts|it adds elements to",
    ),
    "tuples a million deep": (
        lambda: b"N" + b"\x85" * 10**6 + b".",
        "more than 1000 lists, tuples and dicts in others",
    ),
    "lists 100,000 deep, from without": (
        lambda: outer_first(b"]", b"?a"),
        "no rows and labels in a pickle of list",
    ),
    "dicts 80,000 deep, from without": (
        lambda: outer_first(b"}", text("x") + b"?s", 80_000),
        "no rows and labels under the names x",
    ),
    "OrderedDicts 50,000 deep, from without": (
        lambda: outer_first(ORDERED + b")R", text("x") + b"?s", 50_000),
        "no rows and labels under the names x",
    ),
    "sets 80,000 deep, from without": (
        lambda: outer_first(b"\x8f", b"(?\x90", 80_000),
        "no rows and labels in a pickle of set",
    ),
    "arrays 20,000 deep": (
        lambda: (
            b"N" + b"".join(b"q\0" + EMPTY + b"(K\1K\1\x85" + OBJECTS + b"\x89]h\0atb" for _ in range(20_000)) + b"."
        ),
        "more than 1000 lists, tuples and dicts in others|ends with",
    ),
    "rows again and again": (
        lambda: b"}(" + text("x") + b"](](" + b"K\1" * 10_000 + b"eq\0" + b"h\0" * 10_000 + b"e" + text("t") + b"]u.",
        "more than 750000 numbers in lists",
    ),
    "a large array again and again": (
        lambda: (
            b"}("
            + text("x")
            + b"]("
            + array(
                b"M\x88\x13M\x88\x13\x86", dtype("u1", STATE), b"B" + struct.pack("<I", 25_000_000) + bytes(25_000_000)
            )
            + b"q\0"
            + b"h\0" * 10_000
            + b"e"
            + text("t")
            + b"]u."
        ),
        "10001 arrays of 25000000 bytes are more than lie in the file",
    ),
    "labels of lists again and again": (
        lambda: b"(" + array() + b"](](" + b"K\1" * 10_000 + b"eq\0" + b"h\0" * 10_000 + b"et.",
        "more than 750000 numbers in lists",
    ),
    "gzip of 80 MiB": (compressed_bomb(gzip.compress), "unpacks to more than 64 MiB"),
    "bzip2 of 80 MiB": (compressed_bomb(bz2.compress), "unpacks to more than 64 MiB"),
    "xz of 80 MiB": (compressed_bomb(lambda content: lzma.compress(content, preset=0)), "unpacks to more than 64 MiB"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"N.")), r"no such opcode \(0x1f"),
    "gzip of a pickle that runs": (gzip.compress(call("os", "system", COMMAND)), "it asks for os.system"),
}

CASES: Cases = {
    **BY_NAME, **BY_PICKLE, **BY_OPCODE, **BY_CALL, **BY_DTYPE, **BY_ARRAY, **BY_CONTAINER, **BY_OBJECTS, **RESOURCES
}  # fmt: skip


def content_of(name: str) -> bytes:
    content = CASES[name][0]
    return content() if callable(content) else content


def most_memory() -> int:
    """Return the most bytes that this process has had so far; what the one that started it had does not count."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main(folder: Path) -> None:
    """Load every file in a folder; print what came of each, and how much memory all together took."""
    import modnet

    source = modnet.source("pickle")

    def load(path: Path) -> tuple[str, float]:
        start = time.process_time()
        try:
            source.read(path)
        except modnet.DataError as error:
            return str(error), time.process_time() - start
        return "", time.process_time() - start

    good, before = load(folder / "good.pkl"), most_memory()
    found = {path.stem: load(path) for path in sorted(folder.glob("case-*"))}
    print(json.dumps({"good": good, "found": found, "peak": most_memory() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
