"""A container image with a linked bridge: the cost of building it with and without the wheel."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import run_to_end
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.docker_client import DockerError, docker_leaving_nothing
from benchmarks.harness.docker_example import (
    DOCKERFILE,
    default_of,
    download_with_pip,
    make_bases,
    pip_settings_for,
)
from benchmarks.harness.errors import BenchmarkError, command_failed
from benchmarks.harness.sdist_build import build_sdist
from tools import ROOT, ToolError
from tools.images.rehearsal import rehearsal_image, remove_images
from tools.zig_bridge import copy_zig_bridge

WHEEL, COMPILE = "pip install", "compile"
BUILD: Final = "seconds, docker build"
SIZE: Final = "MB, the image"
BUILDS, RUNS = "in which the bridge is built", "in which it runs"
_STAGES: Final[Mapping[str, str]] = {BUILDS: "build", RUNS: "run"}
_COMPILED: Final = Path(__file__).with_name("compiled.Dockerfile")


@dataclass(frozen=True)
class _Way:
    """One way to build the image.

    Attributes:
        name: the contender's name.
        dockerfile: the Dockerfile.
        context: the directory with its context.
        packages: the directory that pip installs from.
        arguments: values for the Dockerfile's arguments.
    """

    name: str
    dockerfile: Path
    context: Path
    packages: Path
    arguments: Mapping[str, str]


@dataclass(frozen=True)
class _Built:
    """The result of a build.

    Attributes:
        seconds: that it took, with an empty cache.
        megabytes: condition of the comparison to the image's size.
    """

    seconds: float
    megabytes: Mapping[str, float]


def _measure(run: Run) -> list[Comparison]:
    try:
        built = {WHEEL: _build(run, _with_wheel(run))}
        if not run.quick:
            built[COMPILE] = _compile(run)
    except (DockerError, ToolError) as error:
        raise BenchmarkError(str(error)) from None
    except subprocess.CalledProcessError as error:
        raise command_failed(error.cmd, error.returncode, error.stderr) from None
    return [
        Comparison(BUILD, "empty cache", {name: [way.seconds] for name, way in built.items()}),
        *(
            Comparison(SIZE, stage, {name: [way.megabytes[stage]] for name, way in built.items()})
            for stage in _STAGES
        ),
    ]


def _with_wheel(run: Run) -> _Way:
    packages = run.scratch / "wheels"
    packages.mkdir()
    shutil.copy(run.wheel, packages)
    download_with_pip(packages, "--no-deps", _zig())
    context = copy_zig_bridge(run.scratch / "context")
    return _Way(WHEEL, DOCKERFILE, context, packages, {})


def _compile(run: Run) -> _Built:
    run.say("gathering the crates, and an image with Rust")
    context, packages = run.scratch / "with crates", run.scratch / "sources"
    copy_zig_bridge(context / "bridge")
    _vendor(context / "crates")
    sdist = build_sdist(ROOT, packages)
    requires = tomli.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    download_with_pip(packages, _zig(), *requires)
    arguments = {
        "BASE": rehearsal_image(),
        "TEMPORAL_STATIC_LIBS_VERSION": sdist.name.removesuffix(".tar.gz").rpartition("-")[2],
        "ZIGLANG_VERSION": default_of("ZIGLANG_VERSION"),
    }
    try:
        return _build(run, _Way(COMPILE, _COMPILED, context, packages, arguments))
    finally:
        remove_images()


def _build(run: Run, way: _Way) -> _Built:
    run.say(f"docker build, {way.name}")
    with (
        docker_leaving_nothing() as docker,
        pip_settings_for(way.packages, run.scratch / "pip.conf") as options,
    ):
        arguments = {**make_bases(docker), **way.arguments}
        options += ["--file", str(way.dockerfile)]
        options += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        base = docker.size(arguments["BASE"]) / 1e6
        run.note(f"Size of the starting image, {way.name}: {base:.0f} MB.")
        images = {stage: f"{docker.repository}:{stage}" for stage in _STAGES.values()}
        began = time.perf_counter()
        docker.output("build", *options, "--tag", images["run"], str(way.context))
        seconds = time.perf_counter() - began
        # It has been built as a part of the other; this gives it a name.
        target = ("--target=build", "--tag", images["build"])
        docker.output("build", *options, *target, str(way.context))
        megabytes = {stage: docker.size(images[name]) / 1e6 for stage, name in _STAGES.items()}
        return _Built(seconds, megabytes)


def _zig() -> str:
    return f"ziglang=={default_of('ZIGLANG_VERSION')}"


def _vendor(directory: Path) -> None:
    """Copy all crates, and write a cargo home that uses them, for the Dockerfile."""
    manifest = ROOT / "rust" / "Cargo.toml"
    vendor = directory / "vendor"
    run_to_end(["cargo", "vendor", "--quiet", "--locked", f"--manifest-path={manifest}", vendor])
    (directory / "home").mkdir()
    (directory / "home" / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "vendored"\n'
        '[source.vendored]\ndirectory = "/crates/vendor"\n'
    )


def _check() -> None:
    try:
        with docker_leaving_nothing() as docker:
            make_bases(docker)
    except (DockerError, ToolError) as error:
        raise BenchmarkError(str(error)) from None


BENCHMARK = Benchmark(
    name="image",
    title="A container image",
    about=(
        "`docker build` of `examples/docker/Dockerfile`, and of a variant in which pip uses the "
        "source distribution, in an image with Debian's Rust. Both start from local images and an "
        "empty builder cache; the package index is on this machine, and the crates are already "
        "downloaded. The images are Debian's base system with what each build needs, created "
        "here. Their sizes are those of all layers, uncompressed. Measured once; a quick run "
        "skips the compile."
    ),
    measure=_measure,
    check=_check,
)
