"""All targets, by their names."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True)
class Target:
    """What is fed, with what, and what it needs."""

    name: str  # of its module, and of its directory in the corpus
    longest: int  # bytes of an input
    needs_postgres: bool = False
    # What is followed from branch to branch, beside the archive's own code.
    followed: tuple[str, ...] = ()

    @property
    def fuzz_one(self) -> Callable[[bytes], None]:
        """The function that is fed; its module is loaded now."""
        function: Callable[[bytes], None] = import_module(f"fuzz.{self.name}").fuzz_one
        return function

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """What inputs of it are made of."""
        tokens: tuple[bytes, ...] = import_module(f"fuzz.{self.name}").TOKENS
        return tokens

    @property
    def corpus(self) -> dict[str, bytes]:
        """Inputs to begin with, and those that once found something, by their names."""
        files = sorted((CORPUS / self.name).iterdir())
        return {file.name: file.read_bytes() for file in files}


TARGETS = {
    target.name: target
    for target in (
        Target("xml_rpc_calls", 8_000),
        Target("xml_rpc_values", 2_000),
        Target("http_requests", 4_000, needs_postgres=True),
        Target("range_headers", 1_000),
        Target("metadata_documents", 8_000),
        Target("playlist_documents", 8_000),
        Target("criteria", 400, needs_postgres=True),
        Target("tar_archives", 20_480, followed=("tarfile",)),
        Target("audio_files", 16_384, followed=("mutagen",)),
        Target("probed_files", 16_384),
    )
}
