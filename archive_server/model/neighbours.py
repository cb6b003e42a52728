"""Who counts as one, where connections and wrong passwords are counted."""

from functools import lru_cache
from ipaddress import IPv6Network, ip_address

_OF_ONE = 64  # bits: in such a network of IPv6 a subscriber can have any address, and each anew


def neighbourhood(address: str) -> str:
    """An address of IPv4; of one of IPv6 the network that it is in; a name as it is."""
    return _network(address) if ":" in address else address


@lru_cache(4096)
def _network(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or IPv6Network((int(found), _OF_ONE), strict=False))
