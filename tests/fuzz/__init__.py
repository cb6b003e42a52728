"""Input nobody would write: what reads bytes from strangers, fed until something gives way.

Each target is a module with one function, `fuzz_one(data)`, which raises when a promise is broken.
Three drive it: the corpus (`test_corpus.py`, with each run of the tests), hypothesis
(`test_short_runs.py`), and atheris, which follows the branches that bytes take:

    python -m tests.fuzz --minutes 5                     # all targets, one after the other
    python -m tests.fuzz --target tar_archives --minutes 60
    python -m tests.fuzz --target tar_archives --replay .fuzz/tar_archives/crash-...

What they find is kept in `corpus/<target>/`, mended, and named by a test beside the code.
"""
