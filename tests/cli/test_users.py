import os

import pytest
from click.testing import CliRunner

from archive_server.cli.main import main


@pytest.mark.parametrize("command", ["add", "passwd", "remove"])
@pytest.mark.parametrize(
    "login",
    ["", "x" * 256, "two\nlines", os.fsdecode(b"\xff")],
    ids=["none", "long", "lines", "bytes"],
)
def test_what_nobody_can_be_called_is_refused(tmp_path, command, login):
    result = CliRunner().invoke(main, ["user", command, login, "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "1 to 255 printable characters expected" in result.output


def test_a_password_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "password"
    file.write_bytes(b"\xff\xfe\n")
    words = ["user", "add", "ann", "--password-file", str(file), "--data", str(tmp_path)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "not UTF-8" in result.output
