"""Client configuration from TOML and environment variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.abi.capi import CApi

TOML = """\
[profile.default]
address = "localhost:7233"
namespace = "default-namespace"

[profile.full]
address = "full.example:7233"
namespace = "full-namespace"
api_key = "secret"

[profile.full.tls]
disabled = true
server_name = "server.example"
server_ca_cert_path = "/certificates/ca.pem"
client_cert_data = "CERT"
client_key_path = "/certificates/client.key"

[profile.full.codec]
endpoint = "http://codec.example"
auth = "Bearer codec"

[profile.full.grpc_meta]
Some_Header = "some value"
"""
FULL = {
    "address": "full.example:7233",
    "namespace": "full-namespace",
    "api_key": "secret",
    "tls": {
        "disabled": True,
        "server_name": "server.example",
        "server_ca_cert": {"path": "/certificates/ca.pem"},
        "client_cert": {"data": list(b"CERT")},
        "client_key": {"path": "/certificates/client.key"},
    },
    "codec": {"endpoint": "http://codec.example", "auth": "Bearer codec"},
    "grpc_meta": {"some-header": "some value"},
}
DEFAULT = {"address": "localhost:7233", "namespace": "default-namespace"}


class LoadError(Exception):
    """The ``fail`` of a load."""


def load(api: CApi, function: str, options_type: str, **fields: Any) -> Any:
    """Call a load function and return the decoded JSON. A dict as ``env_vars`` is passed as JSON.

    The process environment is ignored unless ``env_vars`` is None.
    """
    lender = api.lend()
    options = lender.struct(options_type)
    for name, value in {"env_vars": {}, **fields}.items():
        if isinstance(value, dict):
            value = json.dumps(value)
        is_range = value is None or isinstance(value, (str, bytes))
        setattr(options, name, lender.bytes(value) if is_range else value)
    answer = getattr(api.lib, function)(options)
    success, fail = api.take_text(answer.success), api.take_text(answer.fail)
    assert (success is None) != (fail is None), "success XOR fail"
    if success is None:
        raise LoadError(fail)
    return json.loads(success)


def load_all(api: CApi, **fields: Any) -> Any:
    name = "temporal_core_client_env_config_load"
    return load(api, name, "TemporalCoreClientEnvConfigLoadOptions", **fields)


def load_profile(api: CApi, **fields: Any) -> Any:
    name = "temporal_core_client_env_config_profile_load"
    return load(api, name, "TemporalCoreClientEnvConfigProfileLoadOptions", **fields)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "temporal.toml"
    written.write_text(TOML, encoding="utf-8")
    return written


@pytest.fixture(autouse=True)
def _no_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the default path to one without a file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_all_profiles_from_a_file(capi: CApi, file: Path) -> None:
    assert load_all(capi, path=str(file)) == {"profiles": {"default": DEFAULT, "full": FULL}}


def test_all_profiles_from_data(capi: CApi) -> None:
    assert load_all(capi, data=TOML) == {"profiles": {"default": DEFAULT, "full": FULL}}


def test_variable_names_the_file(capi: CApi, file: Path) -> None:
    config = load_all(capi, env_vars={"TEMPORAL_CONFIG_FILE": str(file)})
    assert set(config["profiles"]) == {"default", "full"}


@pytest.mark.parametrize("fields", [{}, {"path": "/no/such/file.toml"}])
def test_missing_file_counts_as_empty(capi: CApi, fields: dict[str, str]) -> None:
    assert load_all(capi, **fields) == {"profiles": {}}
    assert load_profile(capi, **fields) == {}


def test_default_path(capi: CApi, tmp_path: Path) -> None:
    directory = tmp_path / "config/temporalio"
    directory.mkdir(parents=True)
    (directory / "temporal.toml").write_text(TOML, encoding="utf-8")
    assert load_profile(capi) == DEFAULT


def test_named_profile(capi: CApi, file: Path) -> None:
    assert load_profile(capi, path=str(file), profile="full") == FULL


def test_variable_names_the_profile(capi: CApi) -> None:
    assert load_profile(capi, data=TOML, env_vars={"TEMPORAL_PROFILE": "full"}) == FULL


def test_default_profile(capi: CApi) -> None:
    assert load_profile(capi, data=TOML) == DEFAULT


def test_variables_override_the_file(capi: CApi) -> None:
    variables = {
        "TEMPORAL_ADDRESS": "variable.example:7233",
        "TEMPORAL_API_KEY": "from variable",
        "TEMPORAL_TLS": "true",
        "TEMPORAL_TLS_SERVER_NAME": "variable.example",
        "TEMPORAL_TLS_CLIENT_CERT_DATA": "DATA",
        "TEMPORAL_CODEC_AUTH": "Bearer variable",
        "TEMPORAL_GRPC_META_SOME_HEADER": "overridden",
        "TEMPORAL_GRPC_META_OTHER": "new",
    }
    assert load_profile(capi, data=TOML, env_vars=variables) == {
        "address": "variable.example:7233",
        "namespace": "default-namespace",
        "api_key": "from variable",
        "tls": {
            "disabled": False,
            "server_name": "variable.example",
            "client_cert": {"data": list(b"DATA")},
        },
        "codec": {"auth": "Bearer variable"},
        "grpc_meta": {"some-header": "overridden", "other": "new"},
    }


def test_disabled_variables_do_not_override(capi: CApi) -> None:
    variables = {"TEMPORAL_ADDRESS": "variable.example:7233", "TEMPORAL_PROFILE": "full"}
    assert load_profile(capi, data=TOML, env_vars=variables, disable_env=True) == DEFAULT


def test_disabled_file_is_not_read(capi: CApi, file: Path) -> None:
    variables = {"TEMPORAL_NAMESPACE": "from variable"}
    profile = load_profile(capi, path=str(file), env_vars=variables, disable_file=True)
    assert profile == {"namespace": "from variable"}


def test_process_environment_is_the_default(
    capi: CApi, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    monkeypatch.setenv("TEMPORAL_PROFILE", "full")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "from the process")
    assert load_profile(capi, env_vars=None) == {**FULL, "namespace": "from the process"}
    assert set(load_all(capi, env_vars=None)["profiles"]) == {"default", "full"}


def test_given_variables_hide_the_process_environment(
    capi: CApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "from the process")
    assert load_profile(capi, env_vars={}) == {}


@pytest.mark.parametrize("variable", ["TEMPORAL_ADDRESS", "TEMPORAL_GRPC_META_X"])
def test_variable_that_is_not_utf_8_is_a_failure(
    capi: CApi, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setitem(os.environb, variable.encode(), b"\xff\xfe")
    with pytest.raises(LoadError, match=f"the environment variable {variable} is not UTF-8"):
        load_profile(capi, env_vars=None)


def test_unrelated_variable_that_is_not_utf_8_is_ignored(
    capi: CApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environb, b"UNRELATED", b"\xff\xfe")
    monkeypatch.setitem(os.environb, b"NAME\xff", b"value")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "found")
    assert load_profile(capi, env_vars=None) == {"namespace": "found"}


def test_unknown_keys_are_refused_when_strict(capi: CApi, tmp_path: Path) -> None:
    text = '[profile.default]\naddress = "a:1"\nunheard_of = 1\n'
    assert load_all(capi, data=text) == {"profiles": {"default": {"address": "a:1"}}}
    assert load_profile(capi, data=text) == {"address": "a:1"}
    file = tmp_path / "strict.toml"
    file.write_text(text, encoding="utf-8")
    for function in (load_all, load_profile):
        with pytest.raises(LoadError, match=r"(?s)^data: .*unheard_of") as caught:
            function(capi, data=text, config_file_strict=True)
        assert "line 3" in str(caught.value)
        with pytest.raises(LoadError, match="unheard_of") as caught:
            function(capi, path=str(file), config_file_strict=True)
        assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize("function", [load_all, load_profile])
def test_a_path_takes_precedence_over_data(capi: CApi, tmp_path: Path, function: Any) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.default]\naddress = "from the file"\n')
    loaded = function(capi, path=str(file), data="not TOML at all")
    profile = loaded["profiles"]["default"] if function is load_all else loaded
    assert profile == {"address": "from the file"}


def test_empty_tables_differ_from_absent_ones(capi: CApi) -> None:
    text = "[profile.default.tls]\n[profile.default.codec]\n[profile.default.grpc_meta]\n"
    assert load_profile(capi, data=text) == {"tls": {}, "codec": {}}


@pytest.mark.parametrize("function", [load_all, load_profile])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"data": "not = toml = at all"}, "^data: .*TOML parse error", id="toml"),
        pytest.param({"data": b"\xff\xfe"}, "^data: .*utf-8", id="toml-utf-8"),
        pytest.param({"data": "[profile]\ndefault = 1"}, "^data: .*line 2", id="toml-type"),
        pytest.param({"path": b"\xff"}, "^path is not UTF-8", id="path-utf-8"),
        pytest.param({"path": "/"}, "^/: .*directory", id="directory"),
        pytest.param({"env_vars": "[1]"}, "^env_vars is not a JSON object of strings", id="list"),
        pytest.param({"env_vars": {"A": 1}}, "^env_vars is not a JSON object of", id="number"),
        pytest.param({"env_vars": '{"A"'}, "^env_vars is not a JSON object of", id="cut off"),
        pytest.param({"env_vars": b'{"A": "\xff"}'}, "^env_vars is not", id="json-utf-8"),
        pytest.param({"env_vars": "[" * 100_000}, "^env_vars is not", id="json-depth"),
        pytest.param({"data": "a=" + "[" * 100_000}, "^data: ", id="toml-depth"),
    ],
)
def test_bad_input_is_a_failure(capi: CApi, function: Any, fields: Any, reason: str) -> None:
    with pytest.raises(LoadError, match=f"(?s){reason}"):
        function(capi, **fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"profile": "other"}, "^Profile 'other' not found$", id="profile"),
        pytest.param(
            {"env_vars": {"TEMPORAL_PROFILE": "other"}}, "'other' not found", id="variable"
        ),
        pytest.param({"profile": b"\xff"}, "^profile is not UTF-8", id="utf-8"),
        pytest.param(
            {"disable_file": True, "disable_env": True},
            "disable both file and environment",
            id="nothing left",
        ),
        pytest.param(
            {
                "profile": "full",
                "env_vars": {"TEMPORAL_TLS_CLIENT_CERT_PATH": "/certificates/client.pem"},
            },
            "TEMPORAL_TLS_CLIENT_CERT_PATH when cert data is already specified",
            id="path and data",
        ),
    ],
)
def test_bad_profile_is_a_failure(capi: CApi, fields: Any, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        load_profile(capi, data=TOML, **fields)


def test_sized_ranges_without_data_are_failures(capi: CApi) -> None:
    nothing = {"data": capi.NULL, "size": 5}
    for function, names in (
        ("temporal_core_client_env_config_load", ("path", "data", "env_vars")),
        ("temporal_core_client_env_config_profile_load", ("profile", "path", "data", "env_vars")),
    ):
        options_type = {
            "temporal_core_client_env_config_load": "TemporalCoreClientEnvConfigLoadOptions",
            "temporal_core_client_env_config_profile_load": (
                "TemporalCoreClientEnvConfigProfileLoadOptions"
            ),
        }[function]
        for name in names:
            answer = getattr(capi.lib, function)(capi.new(options_type, **{name: nothing}))
            assert answer.success == capi.NULL
            assert capi.take_text(answer.fail) == f"{name} has size 5 but its data is NULL"


def test_null_options_are_failures(capi: CApi) -> None:
    for function in (
        "temporal_core_client_env_config_load",
        "temporal_core_client_env_config_profile_load",
    ):
        answer = getattr(capi.lib, function)(capi.NULL)
        assert answer.success == capi.NULL
        assert capi.take_text(answer.fail) == "options is NULL"


def test_official_client_reads_the_same_profiles(capi: CApi, file: Path) -> None:
    """Compare with the official Python client's loader, in a process without this library."""
    script = (
        "import json, sys\n"
        "from temporalio.envconfig import ClientConfig\n"
        "config = ClientConfig.load(config_source=open(sys.argv[1]).read(), override_env_vars={})\n"
        "print(json.dumps({name: [p.address, p.namespace, p.api_key, p.grpc_meta]\n"
        "                  for name, p in config.profiles.items()}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True
    )
    ours = {
        name: [p["address"], p["namespace"], p.get("api_key"), p.get("grpc_meta", {})]
        for name, p in load_all(capi, path=str(file))["profiles"].items()
    }
    assert json.loads(run.stdout) == ours
