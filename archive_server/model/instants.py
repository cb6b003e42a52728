"""Points in time as clients and documents write them (ls:mtime, livesupport-protocol 5.4, 6.2)."""

from datetime import UTC, datetime


def instant_text(moment: datetime) -> str:
    """The server's local time with a numeric offset, to the second."""
    return moment.astimezone().isoformat(timespec="seconds")


def find_instant(text: str) -> datetime | None:
    """The point in time, in UTC, that `text` means; None if it means none.

    ISO 8601, of which `YYYYMMDDThh:mm:ss` is what C++ clients send. Without an offset the
    server's local time is meant.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
