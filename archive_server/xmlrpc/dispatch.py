"""From the bytes of a call to the bytes of its answer, whatever carries them.

Nothing that goes wrong with a call goes past here: it becomes a fault, in which an unexpected
exception shows only that it happened. Details are in the log.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from twisted.logger import Logger

from archive_server.blocking import InThread
from archive_server.errors import ArchiveError, BadRequest
from archive_server.model.gunid import Gunid
from archive_server.problems import fault_code
from archive_server.xmlrpc.decoder import MethodCall, decode_call
from archive_server.xmlrpc.encoder import encode_answer, encode_fault
from archive_server.xmlrpc.method import Client, Method
from archive_server.xmlrpc.values import CRASHED, UNKNOWN_METHOD, Fault, Value
from archive_server.xmlrpc.xml_tree import SMALL

log = Logger()

# What the reactor's thread may write itself, in values; they take half a microsecond each.
_MOST_EFFORT = 1000
_LETTERS = 200  # as many make the effort of another value


@dataclass(frozen=True)
class Dispatcher:
    """Answers calls of these methods, by their names."""

    methods: Mapping[str, Method]
    in_thread: InThread

    async def answer(self, body: bytes, client: Client) -> bytes:
        """Carry out a call and return the answer or fault as XML. Never raises."""
        try:
            if len(body) <= SMALL:
                call = decode_call(body)
            else:
                call = await self.in_thread(decode_call, body)
            value = await self._result(call, client)
            if _is_small(value):
                return encode_answer(value)
            return await self.in_thread(encode_answer, value)
        except Fault as fault:
            return _refused(fault, client)
        except Exception:  # noqa: BLE001 - the client must learn that its call was received
            log.failure("cannot answer {method}", method=client.traces.get("call", "a call"))
            return _refused(Fault(CRASHED, "internal error"), client)

    async def _result(self, call: MethodCall, client: Client) -> Value:
        traces = client.traces
        traces["call"] = call.method if call.method in self.methods else "(unknown method)"
        for parameter in call.parameters:
            _note_gunid(parameter, traces)
        result = await perform(self.methods, call, client)
        _note_gunid(result, traces)
        return result


def _refused(fault: Fault, client: Client) -> bytes:
    client.traces["outcome"] = f"fault {fault.code}"
    return encode_fault(fault)


def _note_gunid(value: Value, traces: dict[str, str]) -> None:
    """Let the log tell what a call is about: by its id, not by what may be a secret."""
    if isinstance(value, dict):
        named = value.get("gunid") or value.get("plid")
        if isinstance(named, str):
            with suppress(BadRequest):
                traces["gunid"] = str(Gunid.parse(named))


def _is_small(value: Value) -> bool:
    """Whether a value is written so quickly that the reactor may wait for it."""
    effort = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            effort += len(part) // _LETTERS
        elif isinstance(part, dict | list | tuple):
            effort += len(part)
            if effort > _MOST_EFFORT:
                return False
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return effort <= _MOST_EFFORT


async def perform(methods: Mapping[str, Method], call: MethodCall, client: Client) -> Value:
    """Carry out one call. Raises Fault for all that can go wrong, and nothing else."""
    method = methods.get(call.method)
    if method is None:
        raise Fault(UNKNOWN_METHOD, f"unknown method {call.method[:80]}")
    parameters = method.checked(call.parameters)
    try:
        return await method.call(client, *parameters)
    except Fault as fault:
        raise Fault(fault.code, method.fault_prefix + fault.text) from fault
    except ArchiveError as error:
        text = f"{method.fault_prefix}{error}"
        raise Fault(fault_code(method.name, error), text) from error
    except Exception as error:
        log.failure("{method} fails", method=method.name)
        raise Fault(CRASHED, f"{method.fault_prefix}internal error") from error
