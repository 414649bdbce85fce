"""pip's settings, as pip itself reports them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pip.upstream_sdist import use_settings
from tools.interface.distribution import fetch
from tools.interface.errors import CannotCompareError
from tools.interface.pip_settings import pip_settings, without_passwords


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one configuration file that pip reads; it does not exist yet."""
    use_settings(monkeypatch)
    file = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    # No other file, neither the system's nor the user's.
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return file


def test_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    use_settings(monkeypatch)
    assert pip_settings() == {}


def test_every_setting_is_read(config: Path) -> None:
    config.write_text(
        "[global]\nindex-url = https://first.example/simple\n"
        "extra-index-url =\n    https://second.example/simple\n    https://third.example/simple\n"
        "no-index = no\nfind-links = /one /two\ntrusted-host = first.example\n"
        "cert = ~/authority.pem\nclient-cert = /client.pem\nproxy = http://proxy.example\n"
        "timeout = 7.5\n"
    )
    settings = {name: value.split() for name, value in pip_settings().items()}
    assert settings == {
        "index-url": ["https://first.example/simple"],
        "extra-index-url": ["https://second.example/simple", "https://third.example/simple"],
        "no-index": ["no"],
        "find-links": ["/one", "/two"],
        "trusted-host": ["first.example"],
        "cert": ["~/authority.pem"],
        "client-cert": ["/client.pem"],
        "proxy": ["http://proxy.example"],
        "timeout": ["7.5"],
    }


def test_environment_overrides_the_command_which_overrides_global(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(
        "[download]\nindex-url = https://of-the-command.example\nproxy = http://download.example\n"
        "[global]\nindex-url = https://of-all.example\ntimeout = 1\nproxy = http://global.example\n"
        "[install]\nindex-url = https://of-another-command.example\n"
    )
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "")
    settings = pip_settings()
    assert settings["index-url"] == "https://environment.example"
    assert settings["proxy"] == "http://download.example"
    # An empty variable is ignored.
    assert settings["timeout"] == "1"


@pytest.mark.parametrize("user", ["aaa", "zzz"])
def test_of_two_files_pips_choice_wins(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """The names of the files do not matter, although pip sorts its list by them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / user))
    (tmp_path / user / "pip").mkdir(parents=True)
    setting = "[global]\nindex-url = https://{}.example\n"
    (tmp_path / user / "pip" / "pip.conf").write_text(setting.format("user"))
    assert pip_settings()["index-url"] == "https://user.example"
    config.write_text(setting.format("named"))
    assert pip_settings()["index-url"] == "https://named.example"


def test_quiet_pip_still_prints_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    use_settings(monkeypatch, QUIET="3", INDEX_URL="https://environment.example")
    assert pip_settings()["index-url"] == "https://environment.example"


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("timeout = soon", "pip config list failed:"),
        ("no-index = perhaps", "pip's setting no-index is 'perhaps', expected yes or no"),
        ("[", "pip config list failed:"),
    ],
    ids=["timeout", "no-index", "file"],
)
def test_invalid_setting_is_reported(
    config: Path, tmp_path: Path, setting: str, problem: str
) -> None:
    config.write_text(f"[global]\n{setting}\n")
    with pytest.raises(CannotCompareError) as raised:
        fetch("temporalio", None, pip_settings(), tmp_path)
    assert str(raised.value).startswith(problem)
    assert "\n  fix: " in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://me:s3cret@a.example/x", "at https://***@a.example/x"),
        ("'http://t0ken@a.example'", "'http://***@a.example'"),
        ("https://me:p@ss@a.example/@b", "https://***@a.example/@b"),
        ("https://a.example/me@b and you@c", "https://a.example/me@b and you@c"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
