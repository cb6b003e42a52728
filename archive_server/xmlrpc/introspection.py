"""`system.*`: what methods there are, and many calls in one."""

from collections.abc import Mapping
from dataclasses import dataclass

from archive_server.xmlrpc.decoder import MethodCall
from archive_server.xmlrpc.dispatch import perform
from archive_server.xmlrpc.encoder import fault_struct
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.reference import help_of
from archive_server.xmlrpc.values import (
    NOTHING_TO_DESCRIBE,
    WRONG_PARAMETERS,
    Fault,
    Struct,
    Value,
)

_MOST_CALLS = 100  # each may answer a whole page, and all answers are held

_CAPABILITIES: Struct = {
    "xmlrpc": {"specUrl": "http://xmlrpc.com/spec.md", "specVersion": 1},
    "introspection": {
        "specUrl": "http://xmlrpc-c.sourceforge.net/introspection.html",
        "specVersion": 1,
    },
    "system.multicall": {
        "specUrl": "https://mirrors.talideon.com/articles/multicall.html",
        "specVersion": 1,
    },
}


@dataclass(frozen=True)
class SystemMethods:
    """The calls about calls. `methods` is every method there is, these among them."""

    methods: Mapping[str, Method]

    async def list_methods(self, client: Client, ignored: str = "") -> Value:
        """List the names of all methods."""
        return sorted(self.methods)

    async def method_help(self, client: Client, name: str) -> Value:
        """Describe a method."""
        return help_of(self._method(name))

    async def method_signature(self, client: Client, name: str) -> Value:
        """List the types a method takes and gives."""
        return self._method(name).signatures()

    async def get_capabilities(self, client: Client) -> Value:
        """Tell which extensions of XML-RPC there are."""
        return _CAPABILITIES

    async def multicall(self, client: Client, calls: list[Value]) -> Value:
        """Carry out calls one after the other; each has its own result or fault."""
        if len(calls) > _MOST_CALLS:
            raise Fault(WRONG_PARAMETERS, f"more than {_MOST_CALLS} calls")
        return [await self._one_of_many(call, client) for call in calls]

    async def _one_of_many(self, call: Value, client: Client) -> Value:
        try:
            return [await perform(self.methods, _method_call(call), client)]
        except Fault as fault:
            return fault_struct(fault)

    def _method(self, name: str) -> Method:
        method = self.methods.get(name)
        if method is None:
            raise Fault(NOTHING_TO_DESCRIBE, f"unknown method {name[:80]}")
        return method


def _method_call(call: Value) -> MethodCall:
    """Read one of many calls; raise Fault for what is none, or is many calls itself."""
    if not isinstance(call, Mapping):
        raise Fault(WRONG_PARAMETERS, "a struct of methodName and params expected")
    name, parameters = call.get("methodName"), call.get("params", [])
    if not isinstance(name, str) or not isinstance(parameters, list):
        raise Fault(WRONG_PARAMETERS, "a struct of methodName and params expected")
    if name == "system.multicall":
        raise Fault(WRONG_PARAMETERS, "system.multicall within itself")
    return MethodCall(name, tuple(parameters))


_NAME = Member("methodName", Kind.STRING, "the name of a method")

METHODS = (
    Method(
        "system.listMethods",
        "Lists the names of all methods.",
        takes=(Member("ignored", Kind.STRING, "the old command line sends it", optional=True),),
        gives=(Member("names", Kind.ARRAY, "strings"),),
        call=SystemMethods.list_methods,
        since="2005-01",
        is_plain=True,
    ),
    Method(
        "system.methodHelp",
        "Describes a method, with this text.",
        takes=(_NAME,),
        gives=(Member("help", Kind.STRING, "the description"),),
        call=SystemMethods.method_help,
        since="2005-01",
        is_plain=True,
    ),
    Method(
        "system.methodSignature",
        "Lists the types a method takes and gives.",
        takes=(_NAME,),
        gives=(
            Member(
                "signatures",
                Kind.ARRAY,
                "arrays of type names: the result's, then each parameter's",
            ),
        ),
        call=SystemMethods.method_signature,
        since="2005-01",
        is_plain=True,
    ),
    Method(
        "system.multicall",
        f"Carries out up to {_MOST_CALLS} calls, one after the other.",
        takes=(Member("calls", Kind.ARRAY, "structs of `methodName` and `params`, an array"),),
        gives=(
            Member(
                "answers",
                Kind.ARRAY,
                "for each call an array with its result, or a struct of `faultCode` and "
                "`faultString`",
            ),
        ),
        call=SystemMethods.multicall,
        since="archive-server 0.1",
        is_plain=True,
    ),
    Method(
        "system.getCapabilities",
        "Tells which extensions of XML-RPC there are.",
        takes=(),
        gives=(
            Member("capabilities", Kind.STRUCT, "by name structs of `specUrl` and `specVersion`"),
        ),
        call=SystemMethods.get_capabilities,
        since="archive-server 0.1",
        is_plain=True,
    ),
)
