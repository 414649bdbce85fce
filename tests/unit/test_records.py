"""`python -m tools.records gather` and `render`: what they report about a release's builds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from temporal_static_libs._targets import TARGETS
from tests.support.ci.build_records import MB, build_record, failed_record
from tools.records.__main__ import main


@dataclass(frozen=True)
class Done:
    """The result of a run of the command."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the command in the test's directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Done:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Done(status, *capsys.readouterr())

    return run


def write(file: Path, value: Any) -> Path:
    """Write JSON."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value))
    return file


def history_of(*releases: list[dict[str, Any]]) -> dict[str, Any]:
    """A history of releases, each a list of records."""
    entries = [{"version": builds[0]["version"], "builds": builds} for builds in releases]
    return {"format": 1, "releases": entries}


@pytest.fixture
def gather(run: Run, tmp_path: Path) -> Run:
    """A function that gathers records, after the releases of a history if one is given."""

    def gather(*records: dict[str, Any], previous: dict[str, Any] | None = None) -> Done:
        for number, record in enumerate(records):
            write(tmp_path / "records" / f"{number}.json", record)
        options: list[str | Path] = ["--history", "new.json", "--summary", "summary.md"]
        if previous is not None:
            options += ["--previous", write(tmp_path / "old.json", previous)]
        return run("gather", *options, "records")

    return gather


def annotated(done: Done) -> list[str]:
    """The annotations, without those for platforms that have no record."""
    lines = [line for line in done.out.splitlines() if line.startswith("::")]
    return [line for line in lines if "there is no record" not in line]


def test_every_platforms_build_is_in_summary_and_history(gather: Run, tmp_path: Path) -> None:
    records = [build_record(platform=target.platform) for target in TARGETS]
    (tmp_path / "summary.md").write_text("Before.\n")
    done = gather(*records)
    assert (done.status, done.err) == (0, "")
    assert "::" not in done.out
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("Before.\n## Builds of temporal-static-libs 0.10.1\n")
    for target in TARGETS:
        assert (
            f"| {target.platform} | ok | 14.00 MB | sdk-core 44.00 MB, client 18.00 MB "
            "| 25 min 0 s | 330 of 330 |  | rustc 1.95.0 |\n"
        ) in summary
    history = json.loads((tmp_path / "new.json").read_text())
    (release,) = history["releases"]
    assert release["version"] == "0.10.1"
    assert {build["platform"] for build in release["builds"]} == {t.platform for t in TARGETS}
    assert all(build in records for build in release["builds"])


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        pytest.param({"wheel": 105 * MB // 10}, {"wheel": 10 * MB}, [], id="size-as-allowed"),
        pytest.param(
            {"wheel": 10_510_000},
            {"wheel": 10 * MB},
            ["linux-x64: the wheel has 10.51 MB, +5.1%25 against 10.00 MB of 0.10.0"],
            id="wheel",
        ),
        pytest.param(
            {"core": 47 * MB},
            {},
            ["linux-x64: libtemporal_sdk_core.a has 47.00 MB, +6.8%25 against 44.00 MB of 0.10.0"],
            id="archive",
        ),
        pytest.param({"seconds": 1250.0}, {"seconds": 1000.0}, [], id="duration-as-allowed"),
        pytest.param(
            {"seconds": 1260.0},
            {"seconds": 1000.0, "fresh": 300},
            [
                "linux-x64: the build took 21 min 0 s, +26.0%25 against 16 min 40 s of 0.10.0 "
                "(units compiled: 330 of 330, then 30 of 330)"
            ],
            id="duration",
        ),
        pytest.param({"wheel": 5 * MB, "seconds": 60.0}, {}, [], id="smaller-and-faster"),
        pytest.param({"wheel": 20 * MB}, {"profile": "quick"}, [], id="other-profile"),
        pytest.param({"wheel": 20 * MB}, {"platform": "macos-x64"}, [], id="other-platform"),
    ],
)
def test_growth_against_the_last_release_is_a_warning(
    gather: Run, now: dict[str, Any], then: dict[str, Any], said: list[str]
) -> None:
    done = gather(build_record(**now), previous=history_of([build_record("0.10.0", **then)]))
    assert done.status == 0, done.err
    assert annotated(done) == [f"::warning::{line}" for line in said]


def test_growth_is_relative_to_the_platforms_last_successful_build(gather: Run) -> None:
    previous = history_of(
        [build_record("0.8.0", wheel=20 * MB)],
        [build_record("0.9.0", wheel=10 * MB)],
        [failed_record("0.10.0")],
    )
    (line,) = annotated(gather(build_record(), previous=previous))
    assert "+40.0%25 against 10.00 MB of 0.9.0" in line


def test_growth_is_in_the_summary(gather: Run, tmp_path: Path) -> None:
    gather(build_record(wheel=13 * MB), previous=history_of([build_record("0.10.0")]))
    summary = (tmp_path / "summary.md").read_text()
    assert "| 13.00 MB (-7.1%) | sdk-core 44.00 MB (+0.0%), " in summary
    assert "| macos-x64 | no record |" in summary


@pytest.mark.parametrize(("size", "status"), [(50 * MB, 0), (50 * MB + 1, 1)])
def test_wheel_over_50_mb_fails(gather: Run, tmp_path: Path, size: int, status: int) -> None:
    done = gather(build_record(wheel=size))
    assert done.status == status
    told = ["::error::linux-x64: the wheel has 50.00 MB, more than 50.00 MB"]
    assert annotated(done) == told[:status]
    # The measurements are kept anyway.
    assert (tmp_path / "new.json").exists()


def test_failed_build_is_reported_and_recorded(gather: Run, tmp_path: Path) -> None:
    done = gather(failed_record(), {**build_record(platform="linux-arm64"), "wheel": None})
    assert done.status == 0
    assert annotated(done) == [
        "::error::linux-arm64: the build has no wheel that is proven and tagged",
        "::error::linux-x64: the build failed: CompileError in compile: 100 %25 | wrong",
    ]
    assert "::warning::macos-arm64: there is no record of a build" in done.out
    assert "| linux-x64 | CompileError in compile |" in (tmp_path / "summary.md").read_text()
    (release,) = json.loads((tmp_path / "new.json").read_text())["releases"]
    assert release["builds"][1] == failed_record()


def test_second_attempt_replaces_the_first(gather: Run, tmp_path: Path) -> None:
    previous = history_of([build_record("0.10.0")], [build_record(wheel=MB)])
    done = gather(build_record(), previous=previous)
    assert annotated(done) == []
    assert json.loads((tmp_path / "new.json").read_text()) == history_of(
        [build_record("0.10.0")], [build_record()]
    )


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([], "there is no record in records"),
        ([{**build_record(), "wheel": "large"}], "0.json: $.wheel: 'large' is not of type"),
        ([{"format": 2}], "0.json: $"),
        ([build_record("0.9.0"), build_record()], "for several versions: 0.10.1, 0.9.0"),
    ],
    ids=["none", "wrong", "other-format", "versions"],
)
def test_invalid_release_is_refused(
    gather: Run, tmp_path: Path, records: list[dict[str, Any]], problem: str
) -> None:
    (tmp_path / "records").mkdir()
    done = gather(*records)
    assert done.status == 1
    assert done.err.startswith("records: ")
    assert problem in done.err
    assert not (tmp_path / "new.json").exists()


def test_invalid_history_is_refused(gather: Run) -> None:
    broken = history_of([{**build_record("0.9.0"), "phases": {"compile": "long"}}])
    done = gather(build_record(), previous=broken)
    assert done.status == 1
    assert "old.json: $.releases[0].builds[0].phases.compile: 'long' is not" in done.err


def test_trend_is_a_chart_that_contains_text(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Matplotlib's cache of the fonts.
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    history = history_of(
        [build_record("0.9.0"), build_record("0.9.0", "macos-arm64")],
        [build_record("0.10.0"), failed_record("0.10.0", "macos-arm64")],
    )
    for name in ("one.svg", "two.svg"):
        done = run("render", write(tmp_path / "history.json", history), name)
        assert (done.status, done.out) == (0, f"{name}\n"), done.err
    first = (tmp_path / "one.svg").read_text(encoding="utf-8")
    # A chart in a repository may change only if its data does.
    assert first == (tmp_path / "two.svg").read_text(encoding="utf-8")
    texts = {
        "".join(element.itertext()).strip()
        for element in ElementTree.fromstring(first).iter("{http://www.w3.org/2000/svg}text")
    }
    assert texts >= {
        *("Wheel, MB", "Build, minutes", "0.9.0", "0.10.0"),
        *("linux-x64", "macos-arm64", "macos-arm64, failed"),
    }
    assert "linux-arm64" not in texts


def test_history_without_a_release_has_no_chart(run: Run, tmp_path: Path) -> None:
    done = run("render", write(tmp_path / "history.json", history_of()), "picture.svg")
    assert (done.status, done.err) == (
        1,
        "records: the history has no release yet: there is nothing to draw\n",
    )
