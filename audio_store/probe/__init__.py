"""What kind of audio a file is, and whether it is whole."""
