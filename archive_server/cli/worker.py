"""A worker's program: what `serve --workers` starts. Not a command for people."""

import sys
from pathlib import Path

from audio_store.probe.containment import die_with_parent


def main(arguments: list[str]) -> int:
    """Do the task; return the exit code."""
    # Before all else: the imports take most of a second, and if the supervisor is killed meanwhile,
    # this process would keep the sockets that the next server wants to listen at.
    die_with_parent()
    from archive_server.app.worker import Task, run_worker
    from archive_server.cli.offline import CommandFailed, Target, failures
    from archive_server.cli.serve import log_to, the_reactor

    task = Task.from_json(arguments[0])
    config_file = None if task.config_file is None else Path(task.config_file)
    try:
        config = Target(Path(task.data_dir), config_file).config()
        log_to(sys.stderr, task.log_level, config.log.format)
        with failures():  # certificates, say, that were replaced since by others
            run_worker(the_reactor(), task, config)
    except CommandFailed as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
