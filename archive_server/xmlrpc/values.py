"""What XML-RPC can carry, as Python values, and the faults that answer for what it cannot."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

# `None` is what an absent or `<nil/>` value reads as; it is never written.
Value: TypeAlias = "str | int | float | bytes | Sequence[Value] | Mapping[str, Value] | None"
Struct: TypeAlias = Mapping[str, Value]


class DateTime(str):
    """A `dateTime.iso8601`, as it was written.

    It is text because PEAR sends every *string* of that shape as a date: a file name or a password
    must come out as it went in.
    """

    __slots__ = ()


# Fault codes of the wire itself (LiveSupport storage protocol, 11.3); those of what the archive
# refuses are in `problems`.
UNKNOWN_METHOD = 1
WRONG_PARAMETERS = 3
NOTHING_TO_DESCRIBE = 4
NOT_XML_RPC = 7
NOT_XML = 100  # plus the error number of expat
NOT_A_STRUCT = 801
CRASHED = 804


class Fault(Exception):
    """A call that is answered with a fault."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
