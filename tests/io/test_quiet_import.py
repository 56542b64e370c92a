"""What TensorFlow's libraries write to stderr is kept from users' screens."""

import os
import subprocess
import sys

import pytest

from tfloss.errors import UsageError
from tfloss.io.quiet_import import quietly

# Written by a C library: past Python's `sys.stderr`.
LOGGED = b"E0000 00:00:17.9 10 util.cc:131] oneDNN supports DT_HALF only on some platforms.\n"


def test_what_a_library_writes_is_not_shown(capfd):
    with quietly():
        os.write(2, LOGGED)
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_where_no_disk_has_room_for_it(capfd, monkeypatch):
    def full():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tfloss.io.quiet_import.tempfile.TemporaryFile", full)
    with quietly():
        os.write(2, LOGGED)
    assert capfd.readouterr().err == ""


def fail_after_logging(error):
    with quietly():
        os.write(2, LOGGED)
        raise error


def test_it_is_shown_where_something_fails(capfd):
    with pytest.raises(RuntimeError):
        fail_after_logging(RuntimeError())
    assert capfd.readouterr().err.encode() == LOGGED


def test_an_error_of_ours_says_all_itself(capfd):
    with pytest.raises(UsageError):
        fail_after_logging(UsageError("This will not do."))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("own", "level"), [(None, "3"), ("1", "1")])
def test_later_lines_are_filtered_unless_the_user_asked_for_them(own, level):
    """Level 3 keeps even lines marked as errors, such as that a processor lacks AVX-512."""
    program = (
        "import os, sys, types\n"
        "from tfloss.io.quiet_import import import_tensorflow\n"
        "config = types.SimpleNamespace(list_logical_devices=lambda: [])\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tensorflow':\n"
        "            print(os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
        "            sys.modules[name] = types.SimpleNamespace(config=config)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "try: import_tensorflow()\n"
        "except ImportError: pass\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {} if own is None else {"TF_CPP_MIN_LOG_LEVEL": own}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"{level}\n", done.stderr
