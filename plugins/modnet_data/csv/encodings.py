"""Encodings of text: those that are read, and those that bytes may be of."""

from __future__ import annotations

import codecs
import re
import unicodedata

MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_LE: "utf-16", codecs.BOM_BE: "utf-16"}
NOT_INCREMENTAL = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"})
MOST = 4
"""Encodings that are advised, at most."""

KANA, CJK = ("HIRAGANA", "KATAKANA"), ("CJK UNIFIED",)
HANGUL, LATIN = ("HANGUL SYLLABLE",), ("LATIN",)
Script = tuple[str, ...]

SCRIPTS: tuple[tuple[str, Script, Script], ...] = (
    ("euc_kr", HANGUL, ()),
    ("euc_jp", KANA, CJK),
    ("euc_kr", HANGUL, ("HANGUL LETTER",)),
    ("shift_jis", KANA, CJK),
    ("gb2312", CJK, ()),
    ("big5", CJK, ()),
    ("shift_jis", CJK, ()),
    ("euc_kr", HANGUL, CJK),
    ("cp949", HANGUL, ()),
    ("gb18030", CJK, ()),
    ("cp1252", LATIN, ()),
    ("cp1251", ("CYRILLIC",), ()),
    ("cp1250", LATIN, ()),
    ("cp1253", ("GREEK",), ()),
    ("cp1254", LATIN, ()),
)
"""Encodings, the likelier one first; the script of a text's letters beyond ASCII; and one that may be among them."""

DOUBLE = frozenset({"euc_kr", "cp949", "shift_jis", "euc_jp", "gb2312", "big5", "gb18030"})
"""Encodings in which a letter beyond ASCII takes two bytes."""

COMMON_NAMES = {"euc_kr": "cp949", "gb2312": "gb18030"}
"""The encodings that a narrower one is part of."""

LETTERS = re.compile(r"[^\W\d_]+")
PUNCTUATION = frozenset("\u3000\u3001\u3002\uff08\uff09\u00b7“”‘’–—…°²³µ½€§«»·\u00a0ºª¿¡™®±")


def is_text_encoding(name: str) -> bool:
    """Say whether text of an encoding of this name can be read piece by piece.

    >>> is_text_encoding("cp949"), is_text_encoding("idna"), is_text_encoding("no such")
    (True, False, False)
    """
    try:
        found = codecs.lookup(name)
        "".encode(name)  # refuses what is no text encoding
    except (LookupError, ValueError, OSError):
        return False
    return found.name.replace("-", "_") not in NOT_INCREMENTAL and found.incrementaldecoder is not None


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding that a file's byte order mark tells, UTF-16 or UTF-32."""
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), None)


def unmarked_utf_16(head: bytes) -> str | None:
    r"""Return the UTF-16 that the first bytes of a file without a byte order mark are likely of.

    >>> unmarked_utf_16("a,b\n".encode("utf-16-le"))
    'utf-16-le'
    """
    head = head[: len(head) // 2 * 2]
    for name, side in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = head[side::2].count(0), head[1 - side :: 2].count(0)
        if head and not others and 2 * zeros > len(head) // 2:
            return name
    return None


def likely_encodings(text: bytes) -> list[str]:
    """Return the encodings under which bytes that are not UTF-8 decode to plausible text, the likeliest first.

    >>> likely_encodings("높이,너비,종류".encode("cp949"))[0], likely_encodings("Müller,Straße".encode("cp1252"))
    ('cp949', ['cp1252'])
    """
    read: dict[str, str] = {}
    for narrow, *scripts in SCRIPTS:
        try:
            decoded = text.decode(narrow)
        except UnicodeDecodeError:
            continue
        name = COMMON_NAMES.get(narrow, narrow)
        if name in read or decoded in read.values() or not _is_plausible(decoded, *scripts):
            continue
        if _is_apart_from_ascii(decoded) if narrow in DOUBLE else _has_words(decoded, scripts[0]):
            read[name] = decoded
    return [*read][:MOST]


def _is_plausible(text: str, script: Script, other: Script) -> bool:
    """Say whether what is beyond ASCII in a text are letters of a script, and maybe of another one."""
    if any(unicodedata.category(c)[0] == "C" and c not in "\t\r\n" for c in text):
        return False
    beyond = {c for c in text if not c.isascii() and c not in PUNCTUATION}
    names = [unicodedata.name(c, "") for c in beyond if unicodedata.category(c)[0] == "L"]
    return len(names) == len(beyond) and _any_of(names, script) and all(n.startswith((*script, *other)) for n in names)


def _any_of(names: list[str], script: Script) -> bool:
    return any(name.startswith(script) for name in names)


def _is_apart_from_ascii(text: str) -> bool:
    """Say whether few words beyond ASCII have letters of ASCII: letters of two bytes are not mixed with them."""
    return 4 * _ascii_letters(text) <= sum(not c.isascii() for c in text)


def _has_words(text: str, script: Script) -> bool:
    """Say whether words beyond ASCII are written as words are, in case, and only those of Latin mixed with ASCII."""
    words = _words(text)
    if not all(word.istitle() or word.islower() or word.isupper() for word in words):
        return False
    if script != LATIN:
        return not _ascii_letters(text)
    return sum(not c.isascii() for word in words for c in word) <= 2 * _ascii_letters(text) + 1


def _words(text: str) -> list[str]:
    return [word for word in LETTERS.findall(text) if not word.isascii()]


def _ascii_letters(text: str) -> int:
    return sum(c.isascii() for word in _words(text) for c in word)
