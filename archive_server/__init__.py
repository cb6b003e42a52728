"""An archive for a radio station's audio."""
