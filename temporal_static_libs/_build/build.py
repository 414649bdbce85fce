"""The whole build: settle what to do, compile, finish each archive, describe and stage them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .._checksums import sha256_of
from .._components import COMPONENTS, Component
from .._errors import CompileError
from .._manifest import Manifest, ManifestLibrary
from .._targets import Target, target_of_triple
from .cargo import Compiled, compile_archive
from .cross import CargoForTarget, cargo_for_target
from .finishing import Finisher, find_finisher
from .header import OWN_PREFIX, Header, read_header
from .layout import SourceTree
from .source_commit import source_commit
from .staging import replacing, write_description
from .symbols import defined_symbols
from .toolchain import Toolchain, find_toolchain


@dataclass(frozen=True)
class _Plan:
    """What is settled before cargo runs."""

    tree: SourceTree
    version: str
    header: Header
    toolchain: Toolchain
    cargo: CargoForTarget
    target: Target
    floor_version: str
    profile: str
    finish: Finisher


def build(tree: SourceTree, version: str, environ: Mapping[str, str]) -> str:
    """Make every component's archive, and stage them in the package's source.

    Args:
        tree: the sources.
        version: the package's version.
        environ: usually `os.environ`. TEMPORAL_LIBS_TARGET names the target triple (default: the
            host's), TEMPORAL_LIBS_CARGO_PROFILE the Cargo profile (default: release), and
            TEMPORAL_LIBS_BOOTSTRAP_RUST=1 lets a missing toolchain be fetched.

    Returns:
        The platform tag of a wheel that carries what is staged.

    Raises:
        CompileError: no usable toolchain or no tools to finish with, or the sources do not compile.
        UnsupportedPlatformError: the target is not in the table.
        SettingError: an environment variable holds a value it does not know.
    """
    plan = _plan(tree, version, environ)
    compiled = _compile(plan)
    with replacing(tree.staging, tree.scratch) as directory:
        libraries = tuple(_make(plan, component, compiled, directory) for component in COMPONENTS)
        manifest = Manifest(
            version=plan.version,
            abi=plan.header.abi,
            target=plan.target.triple,
            platform=plan.target.platform,
            floor_name=plan.target.floor_name,
            floor_version=plan.floor_version,
            rustc=plan.toolchain.rustc_version,
            cargo_profile=plan.profile,
            cargo_features=compiled.features,
            source_commit=source_commit(tree),
            cargo_lock_sha256=sha256_of(tree.cargo_lock),
            header_sha256=sha256_of(tree.header),
            libraries=libraries,
        )
        write_description(manifest, directory)
    return plan.target.build_tag(plan.floor_version)


def _plan(tree: SourceTree, version: str, environ: Mapping[str, str]) -> _Plan:
    toolchain = find_toolchain(tree.workspace, environ)
    target = target_of_triple(environ.get("TEMPORAL_LIBS_TARGET") or toolchain.host)
    floor_version = target.floor_version
    if target.floor_name == "macos":
        floor_version = environ.get("MACOSX_DEPLOYMENT_TARGET") or floor_version
    header = read_header(tree.header)
    return _Plan(
        tree=tree,
        version=version,
        header=header,
        toolchain=toolchain,
        cargo=cargo_for_target(toolchain, target, floor_version),
        target=target,
        floor_version=floor_version,
        profile=environ.get("TEMPORAL_LIBS_CARGO_PROFILE") or "release",
        finish=find_finisher(toolchain, target, header),
    )


def _compile(plan: _Plan) -> Compiled:
    print(
        f"Compiling for {plan.target.platform} with Cargo profile {plan.profile}",
        file=sys.stderr,
        flush=True,
    )
    return compile_archive(plan.tree.workspace, plan.toolchain, plan.cargo, plan.profile)


def _make(
    plan: _Plan, component: Component, compiled: Compiled, directory: Path
) -> ManifestLibrary:
    name = plan.target.archive_name.format(component.library)
    print(f"Finishing {name}", file=sys.stderr, flush=True)
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


def _check_symbols(archive: Path, expected: frozenset[str], plan: _Plan) -> None:
    try:
        symbols = defined_symbols(archive)
    except ValueError as error:
        raise CompileError(str(error)) from None
    # Mach-O puts an underscore before every name of C.
    prefix = "_" if plan.target.object_format == "macho" else ""
    defined = {name.removeprefix(prefix) for name in symbols}
    if missing := sorted(expected - defined):
        raise CompileError(
            f"{archive.name} does not define what {plan.tree.header} declares: {', '.join(missing)}"
        )
    others = sorted(name for name in defined - expected if not name.startswith(OWN_PREFIX))
    if others:
        raise CompileError(
            f"{archive.name} defines {len(others)} global symbols beyond its interface: "
            f"{', '.join(others[:5])} …"
        )
