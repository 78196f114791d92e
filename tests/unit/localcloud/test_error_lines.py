"""Tests of finding the error in a log."""

import traceback

from localcloud.jobs.error_lines import exception_name, last_error


class TableMissingError(Exception):
    pass


def test_last_error_of_a_log_includes_its_message() -> None:
    log = "WARN ...\nValueError: first\nbuyer_stage.domain.errors.DataLakeError: table t007 is missing\nINFO stopped\n"
    assert last_error(log, 1) == "buyer_stage.domain.errors.DataLakeError: table t007 is missing"


def test_log_without_an_error_yields_the_exit_code_and_the_last_lines() -> None:
    assert last_error("one\ntwo\nthree\nfour\n", 137) == "exit code 137: two three four"


def test_name_of_an_exception_is_its_class_without_the_module() -> None:
    try:
        raise TableMissingError("table: t007")
    except TableMissingError:
        log = f"some log line\n{traceback.format_exc()}"
    assert exception_name(log) == "TableMissingError"


def test_outermost_of_chained_exceptions_is_named() -> None:
    try:
        try:
            raise ValueError("inner")
        except ValueError as error:
            raise TableMissingError("outer") from error
    except TableMissingError:
        log = f"some log line\n{traceback.format_exc()}"
    assert exception_name(log) == "TableMissingError"


def test_log_without_a_traceback_has_no_exception() -> None:
    assert exception_name("no error\n") == ""
