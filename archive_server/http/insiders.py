"""Who may see how the archive is doing: those who keep it running."""

from collections.abc import Sequence
from dataclasses import dataclass

from archive_server.http.networks import Network, address_of, is_in, networks_of
from archive_server.http.proxies import FORWARDED
from archive_server.http.requests import ArchiveRequest


@dataclass(frozen=True, slots=True)
class Insiders:
    """Those who call from some networks; through a proxy only where that is trusted."""

    networks: tuple[Network, ...]

    @classmethod
    def of(cls, networks: Sequence[str]) -> "Insiders":
        """From addresses and networks as the configuration has them. Raises ValueError."""
        return cls(networks_of(networks))

    def include(self, request: ArchiveRequest) -> bool:
        """Whether a request is one of theirs."""
        if any(name in request.headers for name in FORWARDED) and not request.is_vouched_for:
            return False  # it comes from somebody else than its address says, who could be anybody
        return is_in(address_of(request.address), self.networks)
