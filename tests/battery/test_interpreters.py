"""Every option with any interpreter settings: the same answer, and no other output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import pytest

from tests.behavior.calls import parse_options
from tests.support.installation.calls import Call, Machine, Outcome
from tests.support.installation.small import Installation

FLAGS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "isolated": (("-I",), {}),
    "no-site": (("-S",), {}),
    "no-environment": (("-E",), {}),
    "optimized": (("-O",), {}),
    "without-docstrings": (("-OO",), {}),
    "no-bytecode": (("-B",), {}),
    "bytes-are-errors": (("-bb",), {}),
    "warnings-are-errors": (("-W", "error"), {}),
    "development": (("-X", "dev", "-W", "error"), {}),
    "utf-8-off": (("-X", "utf8=0"), {"LC_ALL": "C"}),
    "c-locale": ((), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "encodings-are-errors": (("-X", "warn_default_encoding", "-W", "error"), {}),
}
OPTIONS = (
    *("--version", "--prefix", "--libdir", "--includedir", "--interface", "--libs", "--libfiles"),
    *("--system-libs", "--frameworks", "--cflags", "--ldflags", "--cmakedir", "--pkgconfigdir"),
    *("--protodir", "--zigdir", "--target", "--platform", "--abi", "--json", "--verify"),
    *("--sha256", "--help", "--doctor", "--zig"),
)
CALLS: Mapping[str, Call] = {
    **{option: (option,) for option in OPTIONS},
    "--static": ("--static", "--libs"),
    "all-of-client": ("--component", "client", "--libs", "--libdir", "--json"),
    "doctor-json": ("--doctor", "--json"),
    **{f"completion-{shell}": ("--completion", shell) for shell in ("bash", "fish", "zsh")},
    "shared": ("--shared", "a-directory"),
    "bad-usage": ("--nonsense",),
    **{
        function: (function,)
        for function in ("lib_dir", "include_dir", "library_set", "link_flags", "verify")
    },
}

Outcomes = Mapping[str, Outcome]


@pytest.fixture(scope="module")
def elsewhere(pristine: Installation) -> Installation:
    """An installation in a directory whose name is not ASCII."""
    root = pristine.root.parent / "Überraschung 例"
    return pristine.copy(root / "own", root / "site")


@pytest.fixture(scope="module")
def outcomes(elsewhere: Installation) -> Callable[[str, str], Outcomes]:
    """A function that runs all options with an interpreter, once."""

    def ask(source: str, flags: str) -> Outcomes:
        options, environ = FLAGS.get(flags, ((), {}))
        machine = elsewhere.machine(source)
        machine = replace(
            machine,
            flags=options,
            environ={**machine.environ, **environ},
            cwd=elsewhere.root / "home",
        )
        return dict(zip(CALLS, machine.ask(*CALLS.values()), strict=True))

    return cache(ask)


def test_there_are_12_flags() -> None:
    assert len(FLAGS) == 12


def test_no_option_is_missing(elsewhere: Installation) -> None:
    (helped,) = elsewhere.machine().ask(("--help",))
    flags, choices = parse_options(helped.answered().stdout.decode())
    assert {*flags} == {*OPTIONS, "--static"}
    assert {*choices} == {"--component", "--completion", "--shared", "--toolchain"}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("source", ["wheel", "override"])
def test_answer_is_the_same(
    outcomes: Callable[[str, str], Outcomes], source: str, flags: str, call: str
) -> None:
    usual = outcomes(source, "none")[call].ended()
    outcome = outcomes(source, flags)[call].ended()
    assert outcome.stderr == usual.stderr
    assert outcome.stdout == usual.stdout
    assert outcome.status == usual.status == (2 if call == "bad-usage" else 0)


@pytest.mark.parametrize("flags", FLAGS)
def test_message_names_the_path(elsewhere: Installation, flags: str) -> None:
    options, environ = FLAGS[flags]
    missing = str(elsewhere.root / "missing")
    machine = Machine(
        elsewhere.site,
        {**elsewhere.environ(), **environ, "TEMPORAL_LIBS_DIR": missing},
        flags=options,
    )
    for outcome in machine.ask(("--libs",), ("--json",), ("link_flags",)):
        outcome.refused("berraschung ")
