"""How they are kept: functions of a cursor, one module a subject."""
