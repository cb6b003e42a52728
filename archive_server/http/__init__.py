"""How bytes come in and go out over HTTP."""
