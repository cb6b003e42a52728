"""Addresses of clients, and networks of them."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks, and addresses, as the configuration has them. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def address_of(text: str) -> Address | None:
    """An address, or None for what is none. IPv4 is IPv4, also for who listens on [::]."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_in(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of some networks."""
    return address is not None and any(address in network for network in networks)
