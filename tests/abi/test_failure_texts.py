"""Failures are in plain words, never Rust's debug output."""

from __future__ import annotations

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.plain_words import debug_output
from tests.support.abi.text_collection import collected
from tools.dev_server import DevServer

GROUPS = {"options": 200, "messages": 20, "connects": 20, "workers": 8, "servers": 4}
"""The minimum number of texts, by group."""


@pytest.fixture(scope="module")
def texts(
    capi: CApi, declared: str, dev_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    scratch = tmp_path_factory.mktemp("texts")
    return collected(capi, declared, scratch, *GROUPS, server=dev_server.address)


@pytest.mark.parametrize("group", GROUPS)
def test_no_failure_text_has_debug_output(texts: dict[str, dict[str, str]], group: str) -> None:
    assert len(texts[group]) >= GROUPS[group]
    bad = {what: text[:300] for what, text in texts[group].items() if debug_output(text)}
    assert not bad


@pytest.mark.parametrize("group", GROUPS)
def test_every_failure_has_a_text(texts: dict[str, dict[str, str]], group: str) -> None:
    wordless = [what for what, text in texts[group].items() if not text.strip(": ")]
    assert not wordless


@pytest.mark.parametrize(
    ("what", "telling"),
    [
        ("nobody listens", "Connection refused"),
        ("no such name", "name.invalid"),
        ("no such name", "failed to lookup address information"),
        ("the proxy wants a login", "407 Proxy Authentication Required"),
        ("the proxy fails", "500 Internal Server Error"),
        ("no proxy", "Connection refused"),
        ("404", "404"),
        ("a status with details", "PermissionDenied"),
        ("a status with details", "go away"),
        ("the server does not speak TLS", "does not speak TLS"),
    ],
    ids=lambda text: text.replace(" ", "-"),
)
def test_failed_connect_gives_the_reason(
    texts: dict[str, dict[str, str]], what: str, telling: str
) -> None:
    text = texts["connects"][what]
    assert text.startswith("Connection failed: ")
    assert telling in text


@pytest.mark.parametrize(
    ("what", "telling"),
    [
        ("validate: no such namespace", "no-such-namespace"),
        ("validate: no such namespace", "NotFound"),
    ],
    ids=lambda text: text.replace(" ", "-"),
)
def test_refusal_of_the_server_is_passed_on(
    texts: dict[str, dict[str, str]], what: str, telling: str
) -> None:
    assert telling in texts["servers"][what]


@pytest.mark.parametrize("text", ["x::Y", "Status { code", "Error(Transport", "Stack backtrace:"])
def test_debug_output_is_recognized(text: str) -> None:
    assert debug_output(text)
