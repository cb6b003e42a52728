"""Who may see how the archive is doing: those who keep it running."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from archive_server.http.requests import ArchiveRequest

Network = IPv4Network | IPv6Network

# What proxies add: a request that has one of them comes from somebody else than its address says,
# and that somebody could have written it.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Insiders:
    """Those who call from some networks, not through a proxy."""

    networks: tuple[Network, ...]

    @classmethod
    def of(cls, networks: Sequence[str]) -> "Insiders":
        """From addresses and networks as the configuration has them. Raises ValueError."""
        return cls(tuple(ip_network(network, strict=False) for network in networks))

    def include(self, request: ArchiveRequest) -> bool:
        """Whether a request is one of theirs."""
        if any(request.header(name) is not None for name in _FORWARDED):
            return False
        try:
            address = ip_address(request.address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)  # who listens on [::] is told IPv4 so
        return any((mapped or address) in network for network in self.networks)
