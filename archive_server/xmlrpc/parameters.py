"""Reads the members of a struct as the old clients send them.

Command lines send "0" and "1" for booleans and digits for integers, PHP sends lists as keyed maps
and nothing as "" (LiveSupport storage protocol, 1.2). What cannot be read is BadRequest, which
names the member.
"""

import re
from collections.abc import Mapping, Sequence

from archive_server.errors import BadRequest
from archive_server.xmlrpc.values import Struct, Value

_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,18})\s*")


def text(struct: Struct, name: str) -> str:
    """Read a string that must be there; it may be empty."""
    value = struct.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"{name}: string expected")
    return str(value)  # no longer a DateTime


def optional_text(struct: Struct, name: str) -> str:
    """Read a string; empty if absent."""
    return "" if struct.get(name) is None else text(struct, name)


def boolean(struct: Struct, name: str) -> bool:
    """Read a boolean as PHP would: absent, "" and "0" are false, all other text is true."""
    return truth(struct.get(name), name)


def truth(value: Value, name: str) -> bool:
    """Read a value as a boolean."""
    if isinstance(value, str):
        return value not in ("", "0")
    if value is not None and not isinstance(value, int):
        raise BadRequest(f"{name}: boolean expected")
    return bool(value)


def whole(struct: Struct, name: str) -> int:
    """Read a whole number, also from digits; 0 if absent or empty."""
    value = struct.get(name)
    if isinstance(value, int):
        return int(value)
    if value is None or value == "":
        return 0
    digits = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    if digits is None:
        raise BadRequest(f"{name}: int expected")
    return int(digits[1])


def members(struct: Struct, name: str) -> Struct:
    """Read a struct that must be there. PHP writes an empty one as an empty array."""
    value = struct.get(name)
    if value in ("", []):
        return {}
    if not isinstance(value, Mapping):
        raise BadRequest(f"{name}: struct expected")
    return value


def optional_members(struct: Struct, name: str) -> Struct:
    """Read a struct; empty if absent."""
    return {} if struct.get(name) is None else members(struct, name)


def items(struct: Struct, name: str) -> Sequence[Value]:
    """Read an array, also from the values of a keyed map; empty if absent."""
    value = struct.get(name)
    if value is None or value == "":
        return ()
    if isinstance(value, Mapping):
        return tuple(value.values())
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise BadRequest(f"{name}: array expected")
    return value
