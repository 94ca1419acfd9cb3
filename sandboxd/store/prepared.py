"""A statement that SQLAlchemy compiles once and the driver runs: 10 µs a call where `Connection.execute` takes 60.

For the few statements that every execution pays for. Values go to the driver as they are, so only for columns whose values need
no conversion: text, numbers, booleans.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update


class Prepared:
    """`names` are the values that each call brings; what else the statement needs is in it."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete, names: Iterable[str]) -> None:
        self._statement, self._names = statement, tuple(names)
        self._text = ""
        self._fixed: dict[str, Any] = {}
        self._order: tuple[str, ...] = ()

    def run(self, connection: Connection, values: Mapping[str, object]) -> Any:
        """The driver's cursor, after the statement. Raises what the driver raises."""
        cursor = connection.connection.cursor()
        cursor.execute(self._compiled(connection), self._parameters(values))
        return cursor

    def run_each(self, connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """Once for each row."""
        text = self._compiled(connection)
        connection.connection.cursor().executemany(text, [self._parameters(values) for values in rows])

    def _compiled(self, connection: Connection) -> str:
        if not self._text:
            compiled: Any = self._statement.compile(dialect=connection.dialect, column_keys=list(self._names))
            self._order, self._fixed = tuple(compiled.positiontup), dict(compiled.params)
            self._text = str(compiled)
        return self._text

    def _parameters(self, values: Mapping[str, object]) -> list[object]:
        return [values[name] if name in values else self._fixed[name] for name in self._order]
