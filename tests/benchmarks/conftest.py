"""The benchmarks are no part of what is installed: they are found in the tree."""

import sys
from pathlib import Path

# At the end, so that `archive_server` remains the installed one.
sys.path.append(str(Path(__file__).parents[2]))
