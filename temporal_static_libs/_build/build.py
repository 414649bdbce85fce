"""The whole build: settle what to do, compile each component, describe the archives, stage them."""

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
from .cargo import Compiled, compile_component
from .header import Header, read_header
from .layout import SourceTree
from .source_commit import source_commit
from .staging import copy_archive, replacing, write_description
from .symbols import defined_symbols
from .toolchain import Toolchain, find_toolchain


@dataclass(frozen=True)
class _Plan:
    """What is settled before cargo runs."""

    tree: SourceTree
    version: str
    header: Header
    toolchain: Toolchain
    target: Target
    floor_version: str
    profile: str


def build(tree: SourceTree, version: str, environ: Mapping[str, str]) -> str:
    """Compile every component's archive, and stage them in the package's source.

    Args:
        tree: the sources.
        version: the package's version.
        environ: usually `os.environ`. TEMPORAL_LIBS_TARGET names the target triple (default: the
            host's), TEMPORAL_LIBS_CARGO_PROFILE the Cargo profile (default: release), and
            TEMPORAL_LIBS_BOOTSTRAP_RUST=1 lets a missing toolchain be fetched.

    Returns:
        The platform tag of a wheel that carries what is staged.

    Raises:
        CompileError: no usable toolchain, or the sources do not compile.
        UnsupportedPlatformError: the target is not in the table.
        SettingError: an environment variable holds a value it does not know.
    """
    plan = _plan(tree, version, environ)
    with replacing(tree.staging, tree.scratch) as directory:
        libraries = {}
        features = {}
        for component in COMPONENTS:
            compiled = _compile(plan, component)
            archive = copy_archive(compiled.archive, directory)
            libraries[component.name] = _describe(plan, component, compiled, archive)
            features[component.name] = compiled.features
        manifest = Manifest(
            version=plan.version,
            abi=plan.header.abi,
            target=plan.target.triple,
            platform=plan.target.platform,
            floor_name=plan.target.floor_name,
            floor_version=plan.floor_version,
            rustc=plan.toolchain.rustc_version,
            cargo_profile=plan.profile,
            cargo_features=features,
            source_commit=source_commit(tree),
            cargo_lock_sha256=sha256_of(tree.cargo_lock),
            header_sha256=sha256_of(tree.header),
            libraries=tuple(libraries.values()),
        )
        write_description(manifest, directory)
    return plan.target.build_tag(plan.floor_version)


def _plan(tree: SourceTree, version: str, environ: Mapping[str, str]) -> _Plan:
    toolchain = find_toolchain(tree.workspace, environ)
    target = target_of_triple(environ.get("TEMPORAL_LIBS_TARGET") or toolchain.host)
    floor_version = target.floor_version
    if target.floor_name == "macos":
        floor_version = environ.get("MACOSX_DEPLOYMENT_TARGET") or floor_version
    return _Plan(
        tree=tree,
        version=version,
        header=read_header(tree.header),
        toolchain=toolchain,
        target=target,
        floor_version=floor_version,
        profile=environ.get("TEMPORAL_LIBS_CARGO_PROFILE") or "release",
    )


def _compile(plan: _Plan, component: Component) -> Compiled:
    print(
        f"Compiling {plan.target.archive_name.format(component.library)} for "
        f"{plan.target.platform} with Cargo profile {plan.profile}",
        file=sys.stderr,
        flush=True,
    )
    macos = plan.target.floor_name == "macos"
    return compile_component(
        component,
        plan.tree.workspace,
        plan.toolchain,
        plan.target,
        plan.profile,
        {"MACOSX_DEPLOYMENT_TARGET": plan.floor_version} if macos else {},
    )


def _describe(
    plan: _Plan, component: Component, compiled: Compiled, archive: Path
) -> ManifestLibrary:
    api = plan.header.functions & _symbols(archive, plan.target)
    if not api:
        raise CompileError(
            f"{compiled.archive} defines none of the functions that {plan.tree.header} declares"
        )
    return ManifestLibrary(
        component=component.name,
        file=archive.name,
        size=archive.stat().st_size,
        sha256=sha256_of(archive),
        api_functions=len(api),
        system_libraries=compiled.system_libraries,
        frameworks=compiled.frameworks,
    )


def _symbols(archive: Path, target: Target) -> set[str]:
    try:
        symbols = defined_symbols(archive)
    except ValueError as error:
        raise CompileError(str(error)) from None
    # Mach-O puts an underscore before every name of C.
    prefix = "_" if target.os == "macos" else ""
    return {name.removeprefix(prefix) for name in symbols}
