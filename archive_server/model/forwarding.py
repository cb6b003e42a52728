"""How proxies tell whom they were called by."""

from enum import StrEnum


class ProxyHeader(StrEnum):
    """Where they write it."""

    X_FORWARDED = "x-forwarded-for"  # and X-Forwarded-Proto
    FORWARDED = "forwarded"  # RFC 7239
