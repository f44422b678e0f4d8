"""Cuts JSON text into its parts without changing a byte of them.

msgspec does it fast. It refuses some text that JSON's grammar allows but few parsers take (lone surrogates, very
deep nesting) or that careless writers send (NaN). One such row must not cost the page it stands on, so a scanner
that knows only strings and brackets takes over there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:"]', re.DOTALL)
_CLOSES = {b"]": b"[", b"}": b"{"}
_BOM = b"\xef\xbb\xbf"
_KINDS = {b"{": "an object", b"[": "a list", b'"': "text", b"t": "true", b"f": "false", b"n": "null"}
_array = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class MalformedJsonError(ValueError):
    """The text is not the JSON value it should be: cut off, unbalanced or something else altogether.

    The message describes the text: "it is null", "it is cut off after 40 bytes".
    """


def elements(array: bytes) -> list[bytes] | list[msgspec.Raw]:
    """The elements of a JSON array as slices of its text; raises `MalformedJsonError`."""
    try:
        return _array.decode(array)
    except (msgspec.DecodeError, RecursionError):
        return [array[start:end] for start, end in _parts(array, b"[")]


def members(text: bytes) -> dict[str, bytes]:
    """The members of a JSON object, each value as a slice of the text; raises `MalformedJsonError`.

    The last value of a repeated name counts, as in every JSON parser used here. A byte order mark before the
    object is ignored (RFC 8259, 8.1).
    """
    text = without_mark(text)
    try:
        return {name: bytes(value) for name, value in _object.decode(text).items()}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        values = {}
        for start, end in _parts(text, b"{"):
            name, value = _member(text[start:end])
            values[name] = value
        return values


def without_mark(text: bytes) -> bytes:
    """The text without the byte order mark that some tools put before UTF-8."""
    return text.removeprefix(_BOM)


def beginning(text: bytes) -> str:
    """The beginning of a text, for people, to follow the description of its error."""
    return f"; it begins {_shown(text)}" if text.strip() else ""


def _kind(text: bytes) -> str:
    """The kind of a text that is not the expected array or object: "null", "a list", "a number"."""
    text = text.strip()
    if not text:
        return "empty"
    try:
        json.loads(text.decode())  # bytes could pass for UTF-16 or UTF-32
    except (ValueError, RecursionError):
        return "no JSON at all"
    return _KINDS.get(text[:1], "a number")


def _member(text: bytes) -> tuple[str, bytes]:
    match = _TOKEN.match(text)
    rest = text[match.end() :].lstrip() if match else b""
    value = rest[1:].strip()
    if match is None or not rest.startswith(b":") or not value:
        raise MalformedJsonError(f"{_shown(text)} in it is not a member of an object")
    try:
        # Not msgspec: it refuses lone surrogates in names too, and the name may be another member's.
        name = json.loads(match[0].decode())
    except ValueError as error:
        raise MalformedJsonError(f"{_shown(match[0])} in it is not a member's name") from error
    if not isinstance(name, str):
        raise MalformedJsonError(f"{_shown(match[0])} in it is not a member's name")
    return name, value


def _parts(text: bytes, opening: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each part between the commas of the outermost array or object."""
    stack: list[bytes] = []
    start = parts = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if not stack and (token != opening or text[: match.start()].strip()):
            raise MalformedJsonError(f"it is {_kind(text)}")
        if token == b'"':
            raise MalformedJsonError(f"a string in it that starts at byte {match.start()} does not end")
        if token in b"[{":
            stack.append(token)
            if len(stack) == 1:
                start = match.end()
        elif token in b"]}":
            if stack.pop() != _CLOSES[token]:
                raise MalformedJsonError(f"its brackets do not match at byte {match.start()}")
            if not stack:
                if parts or text[start : match.start()].strip():
                    yield _trimmed(text, start, match.start())
                if text[match.end() :].strip():
                    raise MalformedJsonError(f"more text follows it, from byte {match.end()} on")
                return
        elif token == b"," and len(stack) == 1:
            yield _trimmed(text, start, match.start())
            parts += 1
            start = match.end()
    raise MalformedJsonError(f"it is cut off after {len(text)} bytes" if stack else f"it is {_kind(text)}")


def _shown(text: bytes) -> str:
    return repr(text[:80].decode("utf-8", "replace"))


def _trimmed(text: bytes, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    left = len(part) - len(part.lstrip(b" \t\r\n"))
    trimmed = part.strip(b" \t\r\n")
    if not trimmed:
        raise MalformedJsonError(f"nothing stands in it before the comma or bracket at byte {end}")
    return start + left, start + left + len(trimmed)
