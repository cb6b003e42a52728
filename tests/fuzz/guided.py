"""One target driven by atheris, which keeps the inputs that take branches no other has taken.

`python -m fuzz.guided TARGET DIRECTORY DSN [libFuzzer's options and directories]`, in a process of
its own: libFuzzer ends it as it likes, and code is instrumented as it is loaded.
"""

import sys
from pathlib import Path

import atheris

from fuzz.surroundings import Surroundings, provide
from fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until the options, or a finding, say that it is enough."""
    name, directory, dsn, *options = sys.argv[1:]
    target = TARGETS[name]
    provide(Surroundings({name: dsn}, Path(directory)))
    with atheris.instrument_imports(include=["archive_server", "audio_store", *target.followed]):
        fuzz_one = target.fuzz_one
    atheris.Setup([sys.argv[0], *options], fuzz_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
