"""Password hashes: Argon2id through passlib. Slow on purpose, so never in the reactor's thread."""

from passlib.hash import argon2

# OWASP's password storage advice for Argon2id: 19 MiB, two passes, one lane.
_scheme = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)

# What is verified when there is no such user, so that the time taken does not tell.
NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$"
    "tXYuBSDEuDfGuBcC4BzD+A$REE2OVM/bay0ywldiw6KMTxbvMeXAZPAayXuVFI3cYg"
)


def hashed(password: str) -> str:
    """The hash to keep of a password."""
    return str(_scheme.hash(password))


def is_right(password: str, password_hash: str) -> bool:
    """Whether this password has this hash."""
    return bool(_scheme.verify(password, password_hash))
