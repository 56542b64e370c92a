"""What costs nothing but comfort is told once, whatever the filters, and ends nothing."""

import warnings

import pytest

from tfloss.io.warn_once import collected, warn_once


def test_once_though_the_filters_change(tmp_path, recwarn):
    for _ in range(3):
        with warnings.catch_warnings():  # forgets what Python has told "once"
            warnings.simplefilter("always")
        warn_once(f"'{tmp_path}' is full.")
    assert len(recwarn) == 1


def test_one_key_is_told_once(tmp_path, recwarn):
    warn_once("no room", key=f"{tmp_path}")
    warn_once("no right", key=f"{tmp_path}")
    assert [str(one.message) for one in recwarn] == ["no room"]


def test_where_warnings_are_errors_it_goes_to_stderr(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_once(f"'{tmp_path}' is full.")
    assert capsys.readouterr().err == f"Warning: '{tmp_path}' is full.\n"


def test_for_another_process(tmp_path):
    with collected() as told:
        warn_once("no room", key=f"{tmp_path}")
        warn_once("no room", key=f"{tmp_path}")
    assert told == {f"{tmp_path}": "no room"}
    with pytest.warns(UserWarning, match="no room"):
        warn_once("no room", key=f"{tmp_path}")  # was not told here
