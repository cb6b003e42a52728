"""What tries the archive's endurance is no part of what is installed: it is found in the tree."""

import sys
from pathlib import Path

# At the end, so that `archive_server` remains the installed one.
sys.path.append(str(Path(__file__).parents[2]))
