"""`python -m archive_server.xmlrpc.page` prints docs/protocol.md."""

import sys

from archive_server.xmlrpc.methods import METHODS
from archive_server.xmlrpc.reference import page

if __name__ == "__main__":
    sys.stdout.write(page(METHODS))
