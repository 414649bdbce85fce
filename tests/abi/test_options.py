"""The table of options: each field has a row, and the library behaves as each row states."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.client_certificates import ClientCertificates
from tests.support.abi.option_calls import PLACES, WITHOUT_OVERRIDE, OptionCalls, option_calls
from tests.support.abi.option_triggers import extremes, of_kind, rows_with_triggers, triggers
from tests.support.abi.replayer import new_replayer, replayer
from tests.support.abi.worker import WorkerError, fixed_size, resource_based, worker_options
from tools.interface.options import (
    BEGINNINGS,
    RANGES,
    Option,
    filled_in,
    interface_rows,
    kind_rows,
    options,
)

ROWS = options()
FIELDS = list({(row.struct, row.field): row for row in ROWS}.values())
REFUSING = {kind for kind, _, value, _ in kind_rows() if value}

PLACEHOLDERS: Final = (
    "HOST",
    "INTERFACE",
    "ADDRESS",
    "KIND",
    "M",
    "MAXIMUM",
    "MINIMUM",
    "N",
    "NAME",
    "NAMES",
    "REASON",
    "SCHEME",
    "TASKS",
    "TEXT",
)
"""Placeholders in messages."""


def filled(message: str, values: Mapping[str, str]) -> re.Pattern[str]:
    """Make a pattern from a message: known values literally, anything for the others."""

    def value(word: re.Match[str]) -> str:
        return re.escape(values[word[0]]) if word[0] in values else "(?s:.+)"

    words = rf"(?<![A-Za-z])({'|'.join(PLACEHOLDERS)})(?![A-Za-z])"
    return re.compile(re.sub(words, value, re.escape(message)))


def ids(row: Option) -> str:
    return f"{row.struct.removeprefix('TemporalCore')}.{row.field}-{row.value}".replace(" ", "_")


@pytest.fixture(scope="module")
def calls(capi: CApi) -> Iterator[OptionCalls]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        option_calls(capi, ClientCertificates.made(), listener.getsockname()[1]) as made,
    ):
        yield made


def check(calls: OptionCalls, row: Option, message: str, fail: str | None, **values: str) -> None:
    """Compare the result of a call with a message of the table."""
    values["INTERFACE"] = calls.api.interface_note.strip()
    expected = filled(message, values)
    if row.outcome == "warned":
        assert fail is None
        matching = [it for it in calls.warnings() if expected.fullmatch(it)]
        assert len(matching) == 1, calls.warnings()
    else:
        assert fail is not None, f"accepted; expected: {message}"
        assert expected.fullmatch(fail), f"{fail!r} is not {expected.pattern!r}"


class TestTable:
    """The table is complete."""

    def test_each_field_that_a_caller_fills_in_has_a_row(self) -> None:
        structs = filled_in(interface_rows())
        fields = {row[1] for row in interface_rows() if row[0] == "field"}
        expected = {name for name in fields if name.partition(".")[0] in structs}
        assert len(expected) > 150
        assert {f"{row.struct}.{row.field}" for row in ROWS} == expected

    def test_each_struct_parameter_is_a_root_of_the_table(self) -> None:
        rows = interface_rows()
        taken = {
            part.removeprefix("const ").removesuffix("*")
            for row in rows
            if row[0] == "function" and row[3:]
            for part in row[3].split(", ")
        }
        taken &= {row[1] for row in rows if row[0] == "struct"}
        taken -= {*RANGES, "TemporalCoreByteArray"}
        assert taken == set(BEGINNINGS)
        assert {place.options for place in PLACES.values()} == taken
        assert set(PLACES) == set(filled_in(interface_rows()))

    def test_fields_match_the_header(self, capi: CApi) -> None:
        for struct in PLACES:
            fields = [name for name, _ in capi.ffi.typeof(struct).fields if name]
            rows = {row.field for row in ROWS if row.struct == struct}
            assert rows >= set(fields), struct

    def test_rows_of_a_field_agree_on_its_kind_and_name(self) -> None:
        assert len({(row.struct, row.field, row.kind, row.name) for row in ROWS}) == len(FIELDS)
        assert {row.kind for row in ROWS} <= {kind for kind, *_ in kind_rows()}

    def test_exactly_the_rows_with_a_message_have_triggers(self) -> None:
        expected = {(row.struct, row.field, row.value) for row in ROWS if row.message}
        assert len(expected) > 90
        assert set(rows_with_triggers()) == expected


@pytest.mark.parametrize("row", [row for row in ROWS if row.message], ids=ids)
def test_row_causes_its_message(calls: OptionCalls, row: Option) -> None:
    for trigger in triggers(row):
        ask = calls.accepts if row.outcome == "warned" else calls.answer
        fail = ask(row.struct, trigger.settings)
        check(calls, row, row.message, fail, **trigger.values)


@pytest.mark.parametrize(
    "row",
    [row for row in FIELDS if row.kind in REFUSING],
    ids=lambda row: f"{row.struct}.{row.field}",
)
def test_field_refuses_the_values_that_its_kind_refuses(calls: OptionCalls, row: Option) -> None:
    beginning = BEGINNINGS[PLACES[row.struct].options]
    for value, message, trigger in of_kind(row):
        fail = calls.answer(row.struct, trigger.settings)
        assert fail is not None, f"{value} is accepted"
        expected = filled(
            beginning + message,
            {"INTERFACE": calls.api.interface_note.strip(), **trigger.values},
        )
        assert expected.fullmatch(fail), f"{value}: {fail!r} is not {expected.pattern!r}"


@pytest.mark.parametrize("row", [row for row in ROWS if row.outcome == "accepted"], ids=ids)
def test_extreme_values_are_accepted_where_any_works(calls: OptionCalls, row: Option) -> None:
    assert calls.accepts(row.struct, {}) is None
    for settings in extremes(calls.api, row):
        assert calls.accepts(row.struct, settings) is None, settings


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"namespace_": "", "identity_override": ""}, id="names"),
        pytest.param(
            {
                "suppliers": {"activity": fixed_size(0), "nexus_task": resource_based(0, 0)},
                "task_types": dict.fromkeys(
                    ("enable_workflows", "enable_remote_activities", "enable_nexus"), True
                ),
            },
            id="slots-of-other-kinds",
        ),
    ],
)
def test_replayer_does_not_require_options_that_other_workers_do(
    capi: CApi, fields: dict[str, Any]
) -> None:
    lender = capi.lend()
    with capi.runtime() as runtime:
        made = new_replayer(capi, runtime, worker_options(capi, lender, "", **fields))
        made.end()
        made.free()


def test_replayer_without_workflow_slots_is_refused(capi: CApi) -> None:
    with (
        capi.runtime() as runtime,
        pytest.raises(WorkerError, match=r"workflow_slot_supplier\.fixed_size\.num_slots must be"),
        replayer(capi, runtime, suppliers={"workflow": fixed_size(0)}),
    ):
        pass


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_override_ignores_scheme_and_tls(calls: OptionCalls, scheme: str) -> None:
    connection = "TemporalCoreConnectionOptions"
    url = {"target_url": f"{scheme}://override.invalid"}
    assert calls.accepts(connection, url) is None
    assert calls.accepts(connection, {**url, "tls_options": None}) is None
    assert not any("api_key" in it for it in calls.warnings())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_api_key_may_go_to_this_machine_unencrypted(calls: OptionCalls, host: str) -> None:
    settings = {**WITHOUT_OVERRIDE, "target_url": f"http://{host}:9"}
    assert calls.accepts("TemporalCoreConnectionOptions", settings) is None
    assert not any("api_key" in it for it in calls.warnings())


def test_warning_about_slots_is_only_for_workers_with_a_cache(calls: OptionCalls) -> None:
    settings = {"num_slots": 1, "/max_cached_workflows": 0}
    assert calls.accepts("TemporalCoreFixedSizeSlotSupplier", settings) is None
    assert not any("num_slots" in it for it in calls.warnings())


@pytest.mark.parametrize(
    ("message", "values", "matching", "other"),
    [
        ("a.b must be N", {"N": "5"}, "a.b must be 5", "a.b must be 6"),
        ("a.b must be N", {"N": "5"}, "a.b must be 5", "a_b must be 5"),
        ("KIND_x is N", {"KIND": "k"}, "k_x is 7", "l_x is 7"),
        ("NULL is NAMED", {}, "NULL is NAMED", "NULL is x"),
        ("bad: REASON", {}, "bad: two\nlines", "bad: "),
    ],
)
def test_words_in_capitals_are_placeholders(
    message: str, values: dict[str, str], matching: str, other: str
) -> None:
    assert filled(message, values).fullmatch(matching)
    assert not filled(message, values).fullmatch(other)
