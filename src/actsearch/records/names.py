"""Names of files as people and JSON can have them, whatever bytes they are made of.

Python holds a byte of a name that is not UTF-8 as half a surrogate pair, which nothing can print.
"""

from __future__ import annotations

_BYTES = range(0xDC80, 0xDD00)
"""What stands for the bytes 0x80 to 0xff."""


def printable(text: str) -> str:
    """``text`` with its control characters, and what else cannot be seen, as Python escapes them.

    Returns:
        The same where all of it is printable.
    """
    return text if text.isprintable() else "".join(map(_escape, text))


def printable_name(path: str) -> str:
    """A name of a file likewise; its backslashes are doubled, so that names stay different."""
    return printable(path.replace("\\", "\\\\"))


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code in _BYTES:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return character.encode("unicode_escape").decode()
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
