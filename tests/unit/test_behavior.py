"""``make behavior``: what it records, which placeholders it uses, what counts as a difference."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from tests.behavior.__main__ import main
from tests.behavior.calls import Interface, parse_functions, parse_options
from tests.behavior.comparing import Case, Difference, compare, report
from tests.behavior.recording import RECORDING, Renamer
from tests.behavior.states import states

HELP = """\
usage: prog OPTION... [--component {sdk-core,client}]

options:
  -h, --help            show this help message and exit
  --libdir              the directory of --libs
  --component {sdk-core,client}
                        the archive (default: sdk-core)
  --shell {bash,zsh}    a script

examples:
  prog --libs
"""

CASE: Case = {
    "state": "wheel",
    "arguments": ["temporal-libs-config", "--json"],
    "environment": {},
    "status": 0,
    "stdout": '{"libdir": "{site-packages}/lib", "abi": "{abi}"}\n',
    "stderr": "",
    "files": {"{cache}/modules/some.pc": "Name: some\nVersion: 1\n"},
}


def differences(*words: str, **changes: object) -> list[Difference]:
    """Compare `CASE` with a changed one."""
    changed = {**copy.deepcopy(CASE), **changes}
    return compare({"case": CASE}, {"case": changed}, words)


def test_equal_recordings_do_not_differ() -> None:
    assert differences() == []
    assert report([]) == "answers: 0 differences, in 0 places\nwords: 0 differences, in 0 places"


@pytest.mark.parametrize(
    ("changes", "part", "text"),
    [
        ({"status": 1}, "status", "@@\n-0\n+1\n"),
        (
            {"stdout": '{"libdir": "{override}", "abi": "{abi}"}\n'},
            "stdout",
            '@@\n- "libdir": "{site-packages}/lib",\n+ "libdir": "{override}",\n',
        ),
        (
            {"files": {"{cache}/modules/some.pc": "Name: some\nVersion: 2\n"}},
            "file {cache}/modules/some.pc",
            "@@\n-Version: 1\n+Version: 2\n",
        ),
        ({"files": {}}, "file {cache}/modules/some.pc", "gone:\nName: some\nVersion: 1\n\n"),
    ],
)
def test_status_stdout_and_files_are_answers(
    changes: dict[str, object], part: str, text: str
) -> None:
    assert differences(**changes) == [Difference(True, part, text, ("case",))]


@pytest.mark.parametrize(
    "stdout",
    [
        '{"libdir":"{site-packages}/lib","abi":"{abi}"}\n',
        '{"libdir": "{site-packages}/lib", "abi": "{abi}"}',
        '{"abi": "{abi}", "libdir": "{site-packages}/lib"}\n',
    ],
    ids=["spaces", "line-end", "order"],
)
def test_every_byte_of_an_answer_counts(stdout: str) -> None:
    (difference,) = differences(stdout=stdout)
    assert difference.is_answer
    assert difference.text


def test_stderr_is_words() -> None:
    (difference,) = differences(stderr="error\n")
    assert difference == Difference(False, "stderr", "@@\n+error\n", ("case",))


def test_stdout_of_an_option_for_people_is_words() -> None:
    assert [each.is_answer for each in differences("--json", stdout="{}")] == [False]
    assert [each.is_answer for each in differences("--doctor", stdout="{}")] == [True]
    assert [each.is_answer for each in differences("--json", status=1)] == [True]


def test_missing_case_counts_as_an_answer() -> None:
    assert compare({"case": CASE}, {}) == [
        Difference(True, "case", "only in the recording before\n", ("case",))
    ]
    (difference,) = compare({}, {"case": CASE})
    assert (difference.is_answer, difference.text) == (True, "only in the recording after\n")


def test_repeated_difference_is_shown_once_with_a_count() -> None:
    before = dict.fromkeys(("a", "b", "c"), CASE)
    after = {name: {**CASE, "stderr": "same\n"} for name in ("a", "b")}
    text = report(compare(before, {**after, "c": {**CASE, "status": 2}}))
    assert text == (
        "ANSWER: status, cases: 1\n  c\n@@\n-0\n+2\n\n"
        "words: stderr, cases: 2\n  a\n  b\n@@\n+same\n\n"
        "answers: 1 differences, in 1 places\nwords: 1 differences, in 2 places"
    )


def test_exit_status_of_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, change in {"a": {}, "b": {"stderr": "words"}, "c": {"stdout": "answer"}}.items():
        (tmp_path / name).mkdir()
        text = json.dumps({"case": {**CASE, **change}})
        (tmp_path / name / RECORDING).write_text(text, encoding="ascii")
    a, b, c = (str(tmp_path / name) for name in "abc")
    assert main(["compare", a, a]) == 0
    assert main(["compare", a, b]) == 0
    assert main(["compare", a, c]) == 1
    assert main(["compare", a, c, "--words=--json"]) == 0
    with pytest.raises(SystemExit) as caught:
        main(["compare", a, str(tmp_path / "none")])
    assert caught.value.code == 2
    assert "cannot read a recording" in capsys.readouterr().err


def test_paths_are_replaced_by_placeholders() -> None:
    rename = Renamer({"/x/venv": "{venv}", "/x/venv/site": "{site-packages}", "/y": "{tmp}"})
    assert rename("-L/x/venv/site/lib '/x/venv/site'") == "-L{site-packages}/lib '{site-packages}'"
    assert rename("/x/venv/bin:/y\n") == "{venv}/bin:{tmp}\n"
    assert rename('{"tmp": "/y"}') == '{"tmp": "{tmp}"}'


def test_prefix_of_a_longer_name_is_not_replaced() -> None:
    rename = Renamer({"/x/cache": "{cache}", "0123abcd": "{abi}"})
    for text in ("/x/caches", "/x/cache-old", "/x/cache1", "0123abcde"):
        assert rename(text) == text


def test_placeholders_are_not_replaced_again() -> None:
    assert Renamer({"/a": "{/b}", "/b": "{c}"})("/a /b") == "{/b} {c}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("{cache}/verified/wheel-66-1234", "{cache}/verified/wheel-{device}-{inode}"),
        ("receipt 1\n1 2 3 4 5 6 7 8 9 10\tfile\n", "receipt 1\n{identity}\tfile\n"),
        ("build-systems/0123456789abcdef/lib", "build-systems/{digest}/lib"),
        ('"time": "2026-11-23T10:00:00.000+00:00",', '"time": "{time}",'),
        ('"milliseconds": 3.1}', '"milliseconds": {seconds}}'),
        ('"finish sdk-core": 0.012,', '"finish sdk-core": {seconds},'),
        (f'"source_commit": "{"1a" * 20}"', '"source_commit": "{commit}"'),
        ('"commit": null', '"commit": "{commit}"'),
        *((text, text) for text in ('"version": "1.2.3"', '"size": 123', "glibc 2.17")),
    ],
)
def test_values_that_vary_between_runs_are_masked(text: str, masked: str) -> None:
    assert Renamer({"/x": "{x}"})(text) == masked


def test_options_are_read_from_the_help() -> None:
    flags, choices = parse_options(HELP)
    assert flags == ("--help", "--libdir")
    assert choices == {"--component": ("sdk-core", "client"), "--shell": ("bash", "zsh")}


def test_option_that_takes_any_value_stops_the_recording() -> None:
    with pytest.raises(SystemExit, match="--output takes any FILE: add calls for it"):
        parse_options(f"{HELP}  --output FILE         where to write\n")


def test_functions_are_read_from_the_exports() -> None:
    exports = {
        "Error": "class Error Exception",
        "lib_dir": "lib_dir() -> 'Path'",
        "flags": "flags(component: 'str' = 'a', *, static: 'bool' = False) -> 'tuple[str, ...]'",
    }
    assert parse_functions(exports) == {"lib_dir": (), "flags": ("component", "static")}
    with pytest.raises(SystemExit, match="has a new parameter"):
        parse_functions({"lib_dir": "lib_dir(target: 'str') -> 'Path'"})


def test_every_option_and_function_is_called_in_every_state() -> None:
    interface = Interface(*parse_options(HELP), {"lib_dir": (), "flags": ("component", "static")})
    called = list(interface.of_every_state())
    command, api = "temporal-libs-config", "temporal_static_libs"
    for option in ("--help", "--libdir", "--component sdk-core", "--component client"):
        assert (command, *option.split()) in called
    assert {call[1:] for call in called if call[0] == api} == {
        ("lib_dir",),
        *(("flags", *given) for given in ((), ("sdk-core",), ("client",), ("nonsense",))),
        ("flags", "static=yes"),
    }


def test_names_of_states_are_unique() -> None:
    names = [state.name for state in states()]
    assert sorted(set(names)) == sorted(names)


def test_every_documented_variable_is_set_in_some_state(repo_root: Path) -> None:
    page = (repo_root / "docs" / "compiling.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert len(documented) >= 9
    assert documented <= {name for state in states() for name in state.environ}
