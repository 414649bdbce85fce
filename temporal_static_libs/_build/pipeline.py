"""The whole build: settle what to do, compile, finish each archive, describe and stage them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath

from .._checksums import sha256_of
from .._components import COMPONENTS, Component
from .._console import notice
from .._manifest import Manifest, ManifestLibrary
from .._settings import Settings
from .._targets import Target, target_of_triple
from .advice import WaysOut, unexpected, when_no_wheel_was_chosen
from .archive_index import defined_symbols
from .cargo import Compiled, compile_archive
from .cross import CargoForTarget, cargo_for_target
from .finishing import Finisher, find_finisher
from .header import OWN_PREFIX, Header, read_header
from .metadata import cargo_metadata
from .protos import copy_protos, find_protos
from .record import Recorder
from .sccache import counting_sccache
from .source_commit import source_commit
from .source_hash import rust_sources_sha256
from .source_tree import PROTOS, Output, Sources
from .staging import replacing, write_build_system_files, write_description
from .toolchain import Toolchain, find_toolchain


@dataclass(frozen=True)
class _Plan:
    """What is settled before cargo runs."""

    sources: Sources
    sources_sha256: str
    version: str
    header: Header
    toolchain: Toolchain
    cargo: CargoForTarget
    target: Target
    floor_version: str
    profile: str
    finish: Finisher


def build(
    sources: Sources,
    output: Output,
    version: str,
    settings: Settings,
    recorder: Recorder,
    *,
    target: str | None = None,
    ways_out: WaysOut = when_no_wheel_was_chosen,
) -> str:
    """Make every component's archive, and put them into place with their description.

    In a package, the protobuf files of the same core are put into place as well.

    Args:
        sources: what to compile.
        output: where to put it.
        version: the package's version.
        settings: what names the Cargo profile, and says whether a missing toolchain is fetched.
        recorder: is told what is settled, found and made, and how long each phase took.
        target: the target triple; that of the settings if None, and without one the host's.
        ways_out: makes the message for want of a toolchain.

    Returns:
        The platform tag of a wheel that carries it.

    Raises:
        CompileError: no usable toolchain or no tools to finish with, or the sources do not compile.
        UnsupportedPlatformError: the target is not in the table.
        SettingError: a setting of the build holds a value it does not know.
    """
    with recorder.phase("prepare"):
        toolchain = find_toolchain(sources.workspace, settings, ways_out)
        if output.workspace_id is not None:
            toolchain = toolchain.with_workspace_id(output.workspace_id)
        triple = target or settings.target or toolchain.host
        plan = _plan(sources, version, toolchain, target_of_triple(triple), settings, recorder)
    with recorder.phase("compile"):
        # First, because what is wrong with them would show only after minutes.
        protos = {} if output.package is None else _find_protos(plan)
        compiled = _compile(plan, output, recorder)
    with ExitStack() as staged:
        directory = staged.enter_context(
            replacing(output.directory, output.scratch, private=output.private)
        )
        libraries = []
        for component in COMPONENTS:
            with recorder.phase(f"finish {component.name}"):
                libraries.append(_make(plan, component, compiled, directory))
        with recorder.phase("describe"):
            manifest = _manifest(plan, compiled, libraries)
            write_description(manifest, directory)
            if output.package is not None:
                write_build_system_files(manifest, directory)
                place = replacing(output.package / PROTOS, output.protos_scratch)
                copy_protos(protos, sources.proto_licenses, staged.enter_context(place))
    recorder.take_manifest(manifest)
    return plan.target.build_tag(plan.floor_version)


def _plan(
    sources: Sources,
    version: str,
    toolchain: Toolchain,
    target: Target,
    settings: Settings,
    recorder: Recorder,
) -> _Plan:
    profile = settings.cargo_profile
    recorder.take_plan(target, toolchain, profile)
    floor_version = target.floor_version
    if target.floor_name == "macos":
        floor_version = settings.environ.get("MACOSX_DEPLOYMENT_TARGET") or floor_version
    header = read_header(sources.header)
    return _Plan(
        sources=sources,
        # Before cargo reads them: one that changes meanwhile is not what was compiled.
        sources_sha256=rust_sources_sha256(sources),
        version=version,
        header=header,
        toolchain=toolchain,
        cargo=cargo_for_target(toolchain, target, floor_version),
        target=target,
        floor_version=floor_version,
        profile=profile,
        finish=find_finisher(toolchain, target, floor_version, header),
    )


def _find_protos(plan: _Plan) -> dict[PurePath, Path]:
    environ = {**plan.toolchain.environ, **plan.cargo.environ}
    return find_protos(cargo_metadata(plan.sources.workspace, plan.toolchain, environ))


def _compile(plan: _Plan, output: Output, recorder: Recorder) -> Compiled:
    notice(f"Compiling for {plan.target.platform} with Cargo profile {plan.profile}")
    with counting_sccache(plan.toolchain.environ, recorder.take_sccache):
        return compile_archive(
            plan.sources.workspace,
            plan.toolchain,
            plan.cargo,
            plan.profile,
            target_directory=output.target_directory,
            # sccache takes nothing that is compiled with the flags for them.
            neutral_paths=not output.private,
            take_unit=recorder.take_unit,
        )


def _make(
    plan: _Plan, component: Component, compiled: Compiled, directory: Path
) -> ManifestLibrary:
    name = plan.target.archive_name.format(component.library)
    notice(f"Finishing {name}")
    archive = plan.finish(compiled.archive, component, directory)
    api = component.functions(plan.header.functions)
    _check_symbols(archive, api | plan.header.own_symbols, plan)
    return ManifestLibrary(
        component=component.name,
        file=archive.name,
        size=archive.stat().st_size,
        sha256=sha256_of(archive),
        api_functions=len(api),
        system_libraries=compiled.system_libraries,
        frameworks=compiled.frameworks,
    )


def _manifest(plan: _Plan, compiled: Compiled, libraries: Sequence[ManifestLibrary]) -> Manifest:
    return Manifest(
        version=plan.version,
        abi=plan.header.abi,
        target=plan.target.triple,
        platform=plan.target.platform,
        floor_name=plan.target.floor_name,
        floor_version=plan.floor_version,
        rustc=plan.toolchain.rustc_version,
        cargo_profile=plan.profile,
        cargo_features=compiled.features,
        source_commit=source_commit(plan.sources),
        cargo_lock_sha256=sha256_of(plan.sources.cargo_lock),
        rust_sources_sha256=plan.sources_sha256,
        header_sha256=sha256_of(plan.sources.header),
        libraries=tuple(libraries),
    )


def _check_symbols(archive: Path, expected: frozenset[str], plan: _Plan) -> None:
    try:
        symbols = defined_symbols(archive)
    except ValueError as error:
        raise unexpected(str(error)) from None
    # Mach-O puts an underscore before every name of C.
    prefix = "_" if plan.target.object_format == "macho" else ""
    defined = {name.removeprefix(prefix) for name in symbols}
    if missing := sorted(expected - defined):
        raise unexpected(
            f"{archive.name} does not define what {plan.sources.header} declares: "
            f"{', '.join(missing)}"
        )
    others = sorted(name for name in defined - expected if not name.startswith(OWN_PREFIX))
    if others:
        raise unexpected(
            f"{archive.name} defines {len(others)} global symbols beyond its interface: "
            f"{', '.join(others[:5])} …"
        )
