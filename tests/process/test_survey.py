"""Compare docs/process.md with a process that uses everything."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.support.abi.capi import config
from tests.support.programs.c_program import build_program
from tools.dev_server import DevServer

HERE = Path(__file__).parent

STACK_OF_CALLBACKS = 2 << 20
WORKERS = (os.cpu_count() or 1) + 3
NOT_SURVEYED = {
    "TEMPORAL_PRINT_FULL_PAYLOADS",
    "TEMPORAL_WORKFLOW_TASK_DURATION_WARN_SECONDS",
}
"""Variables that are looked up only while a workflow task is processed."""


class Survey:
    """What the program wrote."""

    def __init__(self, lines: list[list[str]], output: str, errors: str) -> None:
        self.output, self.errors = output, errors
        self.names: set[str] = set()
        self.variables: defaultdict[str, set[str]] = defaultdict(set)
        self.threads: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.stacks: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
        for kind, where, what, *more in lines:
            if kind == "env":
                self.variables[where].add(what)
            elif kind == "named":
                self.names.add(what)
            elif kind == "thread":
                self.threads[where][what] += 1
            else:
                self.stacks[where].add((int(what), more[0]))


@pytest.fixture(scope="module")
def survey(dev_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Survey:
    scratch = tmp_path_factory.mktemp("survey")
    program = build_program(HERE / "survey.c", scratch)
    results = scratch / "results"
    environ = {
        name: value
        for name, value in os.environ.items()
        if name != "RUST_MIN_STACK" and not name.lower().endswith("_proxy")
    }
    # The download fails because nobody listens, and there is no earlier one. This variable is
    # looked up last.
    proxy = {"all_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [program, dev_server.url, "/bin/false", results],
        env={**environ, **proxy, "TMPDIR": str(scratch), "TOKIO_WORKER_THREADS": str(WORKERS)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = [line.split(maxsplit=3) for line in results.read_text().splitlines()]
    return Survey(lines, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "process.md").read_text(encoding="utf-8")


def first_column(page: str, heading: str) -> set[str]:
    """The names in backticks in the first column of the table with this header."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    return {
        name for row in table.splitlines() for name in re.findall("`([^`]+)`", row.split("|")[1])
    }


def test_every_thread_has_a_name_that_the_page_lists(survey: Survey, page: str) -> None:
    seen = {name for names in survey.threads.values() for name in names}
    # Linux keeps 15 characters of a name.
    listed = {name[:15] for name in first_column(page, "thread")}
    assert seen < survey.names == listed


def test_a_runtime_has_as_many_threads_for_calls_as_the_variable_says(survey: Survey) -> None:
    # One more thread may be left over from blocking work.
    assert survey.threads["otlp_http"]["temporal-core"] in (WORKERS, WORKERS + 1)


def test_callbacks_run_on_stacks_of_2_mib(survey: Survey) -> None:
    callbacks = {
        "blocking_rpc_call",
        "grpc_override",
        "log",
        "poll",
        "rpc_call",
        "slot_supplier",
    }
    assert set(survey.stacks) == callbacks
    library = {
        (callback, size)
        for callback, stacks in survey.stacks.items()
        for size, thread in stacks
        if thread != "survey"
    }
    assert library == {(callback, STACK_OF_CALLBACKS) for callback in callbacks}


def test_only_callbacks_that_may_block_have_threads_of_their_own(survey: Survey) -> None:
    ends = {
        callback: {thread for _, thread in survey.stacks[callback]}
        for callback in ("blocking_rpc_call", "rpc_call", "poll")
    }
    of_callbacks, of_calls = {"temporal-callba"}, {"temporal-core"}
    assert ends == {"blocking_rpc_call": of_callbacks, "rpc_call": of_calls, "poll": of_calls}
    steps = {step for step, names in survey.threads.items() if of_callbacks & set(names)}
    assert survey.threads.keys() > steps == {"callbacks_may_block"}


def test_the_page_lists_the_environment_variables_that_are_looked_up(
    survey: Survey, page: str
) -> None:
    seen = {name for names in survey.variables.values() for name in names}
    listed = first_column(page, "variable") - {"TEMPORAL_*"}
    assert seen | NOT_SURVEYED == listed


def test_variables_that_no_survey_sees_are_in_the_archive() -> None:
    (archive,) = shlex.split(config("--libfiles"))
    content = Path(archive).read_bytes()
    assert [name for name in NOT_SURVEYED if name.encode() not in content] == []


def test_the_system_certificates_of_variables_are_read_when_connecting(survey: Survey) -> None:
    certificates = {"SSL_CERT_FILE", "SSL_CERT_DIR"}
    assert certificates <= survey.variables["connect"]
    assert not certificates & survey.variables["rpc_call"]


def test_no_variable_is_looked_up_during_an_rpc_call(survey: Survey) -> None:
    assert survey.variables["rpc_call"] == set()


def test_console_logs_go_to_standard_output_and_nothing_to_standard_error(survey: Survey) -> None:
    assert "temporal_core_client_update_api_key" in survey.output
    assert survey.errors == ""
