"""examples/bun: set up, run and tested as in its README, in a path that contains a space."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.docs.commands import commands
from tests.support.peers.breaking_proxy import closing_peer
from tests.support.pip.consumer import Consumer
from tools.dev_server import DevServer

URL = "http://127.0.0.1:7233"

CONNECT_OFTEN = """
import { Client } from "./src/client.ts";
let failed = 0;
for (let i = 0; i < 100; i++) await Client.connect(process.argv.at(-1)).catch(() => failed++);
console.log(`failed ${failed}`);
"""

# Results arrive only through the descriptor.
NO_THREAD_AND_NO_TIMER = """
for (const name of ["Worker", "setTimeout", "setInterval", "setImmediate"]) {
  Object.defineProperty(globalThis, name, { value() { throw new Error(`${name} is called`); } });
}
Bun.sleep = () => { throw new Error("Bun.sleep is called"); };
"""

CALL_OFTEN = """
import { readdirSync } from "node:fs";
import { Client } from "./src/client.ts";
const descriptors = () => readdirSync("/proc/self/fd").length;
const client = await Client.connect(process.argv.at(-1));
const unknown = { namespace: "default", workflowId: "unknown", runId: crypto.randomUUID() };
let failed = 0;
const fail = () => client.result(unknown).catch(() => failed++);
await fail();
const before = descriptors();
for (let i = 0; i < 100; i++) await fail();
await Promise.all(Array.from({ length: 100 }, fail));
console.log(`failed ${failed}, descriptors ${descriptors() - before}`);
await client.close();
"""

CALL_WITHOUT_DESCRIPTORS = """
import { closeSync, openSync } from "node:fs";
import { Client } from "./src/client.ts";
const client = await Client.connect(process.argv.at(-1));
const unknown = { namespace: "default", workflowId: "unknown", runId: crypto.randomUUID() };
const fail = () => client.result(unknown).catch((error) => error.grpcStatus);
await fail();
const open = [];
try { for (;;) open.push(openSync("/dev/null")); } catch {}
console.log(await fail());
open.forEach(closeSync);
await client.close();
"""


@pytest.fixture(scope="module")
def example(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples without build results."""
    copy = tmp_path_factory.mktemp("bun") / "some examples"
    left_out = shutil.ignore_patterns(".venv", ".zig-cache", "native", "node_modules", "zig-out")
    shutil.copytree(repo_root / "examples", copy, ignore=left_out)
    return copy / "bun"


@pytest.fixture(scope="module")
def demo(consumer: Consumer, dev_server: DevServer, example: Path) -> str:
    """The output of the script that goes from pip to the result."""
    (script,) = commands(example / "README.md", "Build and run")
    assert URL in script
    return consumer.shell(script.replace(URL, dev_server.url), example)


def test_demo_without_setup_prints_what_to_run(consumer: Consumer, example: Path) -> None:
    done = consumer.attempt("bun", "run", "start", directory=example)
    assert done.returncode == 1
    assert re.search(r"demo: .*/native/lib/.* is missing; fix: bun run setup\n", done.stdout)


def test_one_script_goes_from_pip_to_a_workflows_result(demo: str) -> None:
    assert "Successfully installed temporal-static-libs" in demo
    assert demo.endswith('result: "Hello, Bun!"\n')


@pytest.mark.usefixtures("demo")
def test_demo_needs_no_thread_and_no_timer(
    consumer: Consumer, dev_server: DevServer, example: Path, tmp_path: Path
) -> None:
    preload = tmp_path / "preload.ts"
    preload.write_text(NO_THREAD_AND_NO_TIMER)
    done = consumer.attempt(
        *("bun", "--preload", preload, "src/demo.ts", "--server", dev_server.url),
        directory=example,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith('result: "Hello, Bun!"\n')


@pytest.mark.usefixtures("demo")
def test_calls_leave_no_descriptor_open(
    consumer: Consumer, dev_server: DevServer, example: Path
) -> None:
    done = consumer.attempt("bun", "-e", CALL_OFTEN, dev_server.url, directory=example)
    assert (done.returncode, done.stdout) == (0, "failed 201, descriptors 0\n")


@pytest.mark.usefixtures("demo")
def test_calls_are_answered_when_too_many_files_are_open(
    consumer: Consumer, dev_server: DevServer, example: Path
) -> None:
    script = 'ulimit -n 64 && exec bun -e "$1" "$2"'
    done = consumer.attempt(
        *("sh", "-c", script, "sh", CALL_WITHOUT_DESCRIPTORS, dev_server.url), directory=example
    )
    assert (done.returncode, done.stdout) == (0, "5\n")


@pytest.mark.usefixtures("demo")
def test_libraries_come_from_the_examples_environment(consumer: Consumer, example: Path) -> None:
    said = consumer.shell("bun run libs:check", example)
    assert str(example / ".venv") in said


@pytest.mark.usefixtures("demo")
def test_examples_own_tests_pass(consumer: Consumer, dev_server: DevServer, example: Path) -> None:
    (script,) = commands(example / "README.md", "Test")
    address = URL.removeprefix("http://")
    assert address in script
    said = consumer.shell(script.replace(address, dev_server.url.removeprefix("http://")), example)
    assert re.search(r"^ 0 fail$", said, re.MULTILINE)
    assert "skip" not in said


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["--server", "http://127.0.0.1:0"], "Connection failed: ", id="nobody"),
        pytest.param(["--server", "nonsense"], "`nonsense` is malformed", id="malformed"),
        pytest.param(["--sever", "x"], "Unknown option '--sever'", id="option"),
    ],
)
def test_failure_is_reported_in_one_line(
    consumer: Consumer, example: Path, arguments: list[str], reason: str
) -> None:
    done = consumer.attempt("bun", "src/demo.ts", *arguments, directory=example)
    assert done.returncode == 1
    assert done.stdout.startswith("demo: ")
    assert reason in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.usefixtures("demo")
def test_a_hundred_connections_that_the_server_closes_all_fail(
    consumer: Consumer, example: Path
) -> None:
    with closing_peer() as peer:
        done = consumer.attempt("bun", "-e", CONNECT_OFTEN, peer.url, directory=example)
    assert (done.returncode, done.stdout) == (0, "failed 100\n")
