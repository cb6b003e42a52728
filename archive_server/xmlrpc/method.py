"""What a method is: its name, what it takes, what it gives, and the function behind it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

from archive_server.errors import ArchiveError
from archive_server.xmlrpc.values import NOT_A_STRUCT, WRONG_PARAMETERS, Fault, Value


@dataclass(frozen=True, slots=True)
class Client:
    """Where a call comes from, and where its sender finds us.

    `traces` is what the log may tell of the call, by `call`, `user`, `gunid` and `outcome`: never
    tokens or session ids, and nothing that a caller has made up.
    """

    address: str
    base_url: str
    traces: dict[str, str] = field(default_factory=dict, compare=False)


class Kind(StrEnum):
    """The types of the wire that our methods take and give."""

    STRING = "string"
    INT = "int"
    BOOLEAN = "boolean"
    ARRAY = "array"
    STRUCT = "struct"


_PYTHON: Mapping[Kind, tuple[type, ...]] = {
    Kind.STRING: (str,),
    Kind.INT: (int,),
    Kind.BOOLEAN: (bool,),
    Kind.ARRAY: (list, tuple),
    Kind.STRUCT: (Mapping,),
}


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct that is sent or answered, or a parameter that stands by itself."""

    name: str
    kind: Kind
    meaning: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A method. `takes` and `gives` are members of one struct, unless it `is_plain`.

    A plain method takes parameters by their order, and gives one value.
    """

    name: str
    summary: str
    takes: Sequence[Member]
    gives: Sequence[Member]
    call: Callable[..., Awaitable[Value]]
    raises: Sequence[type[ArchiveError]] = ()
    since: str = ""
    is_plain: bool = False

    def bound_to(self, group: Any) -> "Method":
        """Give the method with its function bound to the object that has the services."""
        return replace(self, call=partial(self.call, group))

    @property
    def fault_prefix(self) -> str:
        """How each faultString of this method begins."""
        return f"xr_{self.name.rpartition('.')[2]}: "

    def signatures(self) -> list[list[str]]:
        """List the type of the result and those of the parameters, for each number of these."""
        if not self.is_plain:
            return [[Kind.STRUCT, Kind.STRUCT]]
        kinds = [member.kind.value for member in self.takes]
        return [
            [self.gives[0].kind.value, *kinds[:count]]
            for count in range(self._fewest(), len(kinds) + 1)
        ]

    def checked(self, parameters: Sequence[Value]) -> Sequence[Value]:
        """Give the parameters to call this method with. Raise Fault unless they are its own."""
        if not self.is_plain:
            return (self._struct(parameters),)
        if not self._fewest() <= len(parameters) <= len(self.takes):
            raise self._wrong(f"{len(self.takes)} parameters expected, not {len(parameters)}")
        for member, value in zip(self.takes, parameters, strict=False):
            if not isinstance(value, _PYTHON[member.kind]):
                raise self._wrong(f"{member.name}: {member.kind} expected")
        return parameters

    def _struct(self, parameters: Sequence[Value]) -> Value:
        if len(parameters) != 1:
            raise self._wrong(f"one struct expected, not {len(parameters)} parameters")
        struct = parameters[0]
        if struct == []:  # PHP has one type for both, and takes an empty one for an array
            return {}
        if not isinstance(struct, Mapping):
            raise Fault(NOT_A_STRUCT, f"{self.fault_prefix}the parameter must be a struct")
        return struct

    def _fewest(self) -> int:
        return sum(not member.optional for member in self.takes)

    def _wrong(self, text: str) -> Fault:
        return Fault(WRONG_PARAMETERS, self.fault_prefix + text)
