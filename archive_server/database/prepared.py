"""Statements that each connection plans once, instead of every time.

For those of almost every call, whose planning takes longer than their work: of a clip by its id 0.2
of 0.25 ms, of the rights of a caller 0.5 of 0.8 ms.

And several of them can go in one round trip, each of which is up to a tenth of a millisecond, and
where all processors are busy more.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from archive_server.database.joining import JoiningCursor

# The names of what each connection has prepared; that outlives a rollback.
_prepared: WeakKeyDictionary[Connection, set[str]] = WeakKeyDictionary()

# Lets the commit of this transaction wait for no disk. A power cut takes back what was committed so
# in the last 0.6 s, all of it: what is committed later, and waited for, is never there without it.
WITHOUT_WAITING = b"SET LOCAL synchronous_commit TO off"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement whose parameters are $1, $2 ..., of these types.

    Without types PostgreSQL concludes them from where the parameters stand; no lists then.
    """

    name: str
    types: tuple[str, ...]
    text: str
    has_one_row: bool = False  # always

    def execute(self, cursor: Cursor, *parameters: object) -> None:
        """Execute it; the cursor has the rows."""
        self.prepare(cursor)
        cursor.execute(self.execution(len(parameters)), parameters)

    def call(self, cursor: Cursor, *parameters: object) -> bytes:
        """What executes it, for `execute_all`."""
        self.prepare(cursor)
        return cursor.mogrify(self.execution(len(parameters)), parameters)

    def prepare(self, cursor: Cursor) -> None:
        """Let the connection know it, unless it does."""
        names = _prepared.setdefault(cursor.connection, set())
        if self.name not in names:
            with cursor.connection.cursor() as plain:  # whatever the other one does beside
                plain.execute(self.preparation)
            names.add(self.name)

    @property
    def preparation(self) -> str:
        """What lets a connection know it."""
        types = f"({', '.join(self.types)})" if self.types else ""
        return f"PREPARE {self.name} {types} AS {self.text}"

    def execution(self, parameters: int) -> str:
        """What executes it with so many parameters."""
        return _execution(self.name, self.types, parameters)


@lru_cache(1024)
def _execution(name: str, types: tuple[str, ...], parameters: int) -> str:
    if not parameters:
        return f"EXECUTE {name}"
    # Casts, for what psycopg2 writes of a list of UUIDs, say, is a list of texts.
    casts = [f"::{each}" for each in types] or [""] * parameters
    return f"EXECUTE {name} ({', '.join([f'%s{cast}' for cast in casts])})"


@lru_cache(1024)
def together(first: Prepared, second: Prepared) -> Prepared:
    """One statement for two; its parameters are those of the second, then those of the first.

    The rows of the first, arrays of texts each, are in the first column of the only row of the
    second. (As JSON, of any columns, they take 75 µs more: PostgreSQL looks up each type.)
    """
    before = len(second.types)
    renumbered = re.sub(r"\$(\d+)", lambda number: f"${int(number[1]) + before}", first.text)
    text = f"SELECT ARRAY({renumbered}), asked.* FROM ({second.text}) asked"  # noqa: S608
    name = f"{first.name}_{second.name}"
    return Prepared(name, second.types + first.types, text, has_one_row=True)


def execute_all(cursor: Cursor, *calls: bytes) -> None:
    """Execute statements in this order, in one round trip; the cursor has the rows of the last.

    Each sees what those before it have done, and what others have committed before it began.
    """
    cursor.execute(b"; ".join(calls))


def leave(cursor: Cursor, *calls: bytes) -> None:
    """As `execute_all`, at the end of a transaction mostly: nobody asks for any rows.

    On a connection that joins them they wait for what is executed next, or for COMMIT, which may
    then fail as they would.
    """
    if isinstance(cursor, JoiningCursor):
        cursor.connection.leave(*calls)
    else:
        execute_all(cursor, *calls)
