"""How repeated wrong passwords are slowed down.

Failures are counted per key. Somebody who logs in from an address where that user has logged in
before is counted by the pair alone, so guesses made elsewhere never lock a studio out.
"""

from datetime import timedelta

_FREE = 4  # wrong passwords without a pause
_LONGEST_S = 60
FORGOTTEN_AFTER = timedelta(minutes=15)


def keys(login: str, address: str, *, is_known: bool) -> list[str]:
    """What an attempt is counted under."""
    if is_known:
        return [f"known {address} {login}"]
    return [f"address {address}", f"user {login}"]


def pause(failures: int) -> timedelta:
    """How long to refuse further attempts after so many failures in a row."""
    if failures < _FREE:
        return timedelta(0)
    return timedelta(seconds=min(2 ** min(failures - _FREE, 10), _LONGEST_S))
