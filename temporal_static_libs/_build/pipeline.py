"""The whole build: plan, compile, finish each archive, describe and stage them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath

from .._about import __version__
from .._checksums import sha256_of
from .._components import COMPONENTS, Component
from .._console import notice
from .._manifest import Manifest, ManifestLibrary
from .._messages import message
from .._settings import Settings
from .._targets import Target, target_of_triple
from .advice import unexpected
from .archive_index import defined_symbols
from .cargo import Compiled, cargo_metadata, compile_archive
from .coff import finish_coff, imported_names
from .cross import CargoForTarget, cargo_for_target
from .elf import find_elf_tools, finish_elf
from .header import OWN_PREFIX, Header, read_header
from .macho import find_macho_tools, finish_macho
from .record import Recorder
from .source_tree import PROTOS, Output, Sources, rust_sources_sha256, source_commit
from .staging import (
    check_line_tables,
    copy_protos,
    find_protos,
    replacing,
    scratch_of,
    write_build_system_files,
    write_description,
)
from .toolchain import Toolchain, find_toolchain


@dataclass(frozen=True)
class _Plan:
    """Everything that is decided before cargo runs."""

    sources: Sources
    header: Header
    toolchain: Toolchain
    cargo: CargoForTarget
    target: Target
    #: As complete as it is known.
    manifest: Manifest
    #: Directory of the second set; None for no second set.
    line_tables: Path | None
    #: Arguments: the raw archive, the symbols to keep, the path of the archive to make, the crates.
    finish: Callable[..., None]


def build(
    sources: Sources,
    output: Output,
    settings: Settings,
    recorder: Recorder,
    target: str | None = None,
    *,
    lock: int | None = None,
) -> str:
    """Make the archive of every component, and install them with their description.

    In a package, also install the protobuf files of the same core. The default target triple is
    that of the settings, or else the host's. `lock` is the descriptor of the lock that `exclusive`
    yields, which the programs inherit.

    Returns:
        The platform tag for a wheel with the archives.

    Raises:
        CompileError: there is no usable toolchain, tools for finishing are missing, or the sources
            do not compile.
        UnsupportedPlatformError: the target is not in the table.
        SettingError: a setting of the build has an unknown value.
    """
    with recorder.phase("prepare"):
        toolchain = replace(find_toolchain(sources.workspace, settings), lock=lock)
        if output.workspace_id is not None:
            own = {"TEMPORAL_STATIC_LIBS_WORKSPACE": output.workspace_id}
            toolchain = replace(toolchain, environ={**toolchain.environ, **own})
        triple = target or settings.target or toolchain.host
        plan = _plan(sources, toolchain, target_of_triple(triple), settings, recorder)
    with recorder.phase("compile"):
        # First, because errors in them would otherwise appear only after minutes.
        protos = {}
        if output.package is not None:
            protos = find_protos(cargo_metadata(sources.workspace, toolchain, plan.cargo))
        compiled = _compile(plan, output, settings.cargo_profile, recorder)
    with ExitStack() as staged:
        staging = staged.enter_context(
            replacing(output.directory, output.scratch, private=output.private)
        )
        directory = staging
        if output.package is not None:
            directory = staging / PurePath(plan.target.lib_directory).relative_to("lib")
            directory.mkdir(exist_ok=True)
        libraries = []
        for component in COMPONENTS:
            with recorder.phase(f"finish {component.name}"):
                libraries.append(_finish(plan, component, compiled, directory))
        with recorder.phase("describe"):
            manifest = replace(
                plan.manifest,
                cargo_features=compiled.features,
                # After cargo has read them: if the sources changed meanwhile, there is no commit.
                source_commit=source_commit(sources),
                cargo_lock_sha256=sha256_of(sources.cargo_lock),
                libraries=tuple(libraries),
            )
            write_description(manifest, directory)
            if output.package is not None:
                write_build_system_files(manifest, staging)
                scratch = output.scratch.with_name(f"{output.scratch.name}-protos")
                place = staged.enter_context(replacing(output.package / PROTOS, scratch))
                copy_protos(protos, sources.proto_licenses, place)
        if plan.line_tables is not None:
            with recorder.phase("finish line tables"):
                place = plan.line_tables
                second = staged.enter_context(replacing(place, scratch_of(place)))
                _finish_with_line_tables(plan, compiled, manifest, second)
    recorder.take_manifest(manifest)
    return plan.target.build_tag(manifest.floor_version)


def _plan(
    sources: Sources,
    toolchain: Toolchain,
    target: Target,
    settings: Settings,
    recorder: Recorder,
) -> _Plan:
    rust = {"rustc": toolchain.rustc_version, "host": toolchain.host}
    what = {"platform": target.platform, "target": target.triple}
    recorder.record.update(what, profile=settings.cargo_profile, toolchain=rust)
    floor = target.floor_version
    if target.floor_name == "macos":
        floor = settings.environ.get("MACOSX_DEPLOYMENT_TARGET") or floor
    header = read_header(sources.header)
    manifest = Manifest(
        version=__version__,
        abi=header.abi,
        target=target.triple,
        platform=target.platform,
        floor_name=target.floor_name,
        floor_version=floor,
        rustc=toolchain.rustc_version,
        cargo_profile=settings.cargo_profile,
        cargo_features={},
        source_commit=None,
        cargo_lock_sha256=None,
        # Before cargo reads them: a file that changes meanwhile is not the one compiled.
        rust_sources_sha256=rust_sources_sha256(sources),
        header_sha256=sha256_of(sources.header),
        libraries=(),
    )
    cargo = cargo_for_target(toolchain, target, floor)
    finish: Callable[..., None]
    if target.object_format == "elf":
        finish = partial(finish_elf, tools=find_elf_tools(toolchain, target))
    elif target.object_format == "coff":
        finish = finish_coff
    else:
        finish = partial(finish_macho, tools=find_macho_tools(toolchain, target, floor))
    line_tables = _line_tables_directory(target, settings)
    return _Plan(sources, header, toolchain, cargo, target, manifest, line_tables, finish)


def _line_tables_directory(target: Target, settings: Settings) -> Path | None:
    if settings.line_tables is None:
        return None
    if target.object_format != "elf":
        # Apple's linker leaves line tables in its input objects; finishing drops those of COFF.
        notice(message("line-tables-elf-only", platform=target.platform))
        return None
    place = Path(settings.line_tables)
    check_line_tables(place)
    return place


def _compile(plan: _Plan, output: Output, profile: str, recorder: Recorder) -> Compiled:
    notice(message("build-compiling", platform=plan.target.platform, profile=profile))
    with recorder.counting_sccache(plan.toolchain.environ):
        return compile_archive(
            plan.sources.workspace,
            plan.toolchain,
            plan.cargo,
            profile,
            target_directory=output.target_directory,
            # sccache does not cache compiles with the flags for neutral paths.
            neutral_paths=not output.private,
            take_unit=recorder.take_unit,
        )


def _finish_with_line_tables(
    plan: _Plan, compiled: Compiled, manifest: Manifest, directory: Path
) -> None:
    """Make the same archives again with line tables, from the same compile."""
    plan = replace(plan, finish=partial(plan.finish, line_tables=True))
    libraries = [_finish(plan, component, compiled, directory) for component in COMPONENTS]
    write_description(replace(manifest, libraries=tuple(libraries)), directory)


def _finish(
    plan: _Plan, component: Component, compiled: Compiled, directory: Path
) -> ManifestLibrary:
    """Make a component's archive, in which only the interface is visible.

    Both components come from one raw archive, so they contain the same code. If both are in one
    link, the symbols of `sdk-core` win in either order, and all calls go to that one copy.
    """
    archive = directory / plan.target.archive_name(component.library)
    notice(message("build-finishing", archive=archive.name))
    api = component.functions(plan.header.functions)
    kept = api | plan.header.own_symbols
    plan.finish(compiled.archive, kept, archive, compiled.crates, weak=component.is_subset)
    _check_symbols(archive, kept, plan)
    return ManifestLibrary(
        component=component.name,
        file=archive.name,
        size=archive.stat().st_size,
        sha256=sha256_of(archive),
        api_functions=len(api),
        system_libraries=(*compiled.system_libraries, *plan.target.unwinder),
        frameworks=compiled.frameworks,
    )


def _check_symbols(archive: Path, expected: frozenset[str], plan: _Plan) -> None:
    try:
        symbols = defined_symbols(archive)
    except ValueError as error:
        raise unexpected(str(error)) from None
    # Mach-O prefixes C names with an underscore.
    prefix = "_" if plan.target.object_format == "macho" else ""
    defined = {name.removeprefix(prefix) for name in symbols}
    if missing := sorted(expected - defined):
        names = {"archive": archive.name, "header": plan.sources.header}
        raise unexpected(message("symbols-missing", symbols=", ".join(missing), **names))
    others = {it for it in defined - expected if not it.startswith(OWN_PREFIX)}
    if others and plan.target.object_format == "coff":
        others -= imported_names(archive)
    if others:
        names = {"archive": archive.name, "symbols": ", ".join(sorted(others)[:5])}
        raise unexpected(message("symbols-unexpected", count=len(others), **names))
