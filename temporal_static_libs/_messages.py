"""All error and progress messages, by ID.

The first line of a message states the problem. The lines below it, indented by two spaces, name the
file, its source and the fix. docs/troubleshooting.md explains each message: its first line is in a
block marked as ``output``, with ``…`` for values.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

_CACHE = "; refusing to use it\n  file:   {file}\n  owner:  {owner}\n  fix:    "
_ELSEWHERE = "set TEMPORAL_LIBS_CACHE_DIR to a directory that you own"

MESSAGES: Final[Mapping[str, str]] = {
    # Wrong usage, or an invalid environment variable: exit status 2.
    "unknown-setting": (
        "the environment variable {name} is {value!r}; expected {expected}, or leave it unset"
    ),
    "setting-relative-to-nothing": (
        "the environment variable {name} is {value!r}, a relative path, but the working directory "
        "cannot be found: {reason}\n  fix:    set it to an absolute path"
    ),
    "no-option": "no option given",
    "option-twice": "{option} is given more than once",
    "doctor-and-others": "--doctor cannot be combined with other options (except --json)",
    "not-combinable": "{option} cannot be combined with other options",
    "usage": "{problem}\nTry 'temporal-libs-config --help'.",
    "unknown-component": "unknown component {name!r}{hint}; available: {known}",
    "unknown-arguments": "unrecognized arguments: {arguments}{hint}",
    "did-you-mean": " (did you mean {name}?)",  # part of the two above
    # A library or a record is missing or damaged.
    "missing": "{name} is missing",
    "link-dangles": (
        "{name} is a symbolic link to {target}, which does not exist (was an installer's cache "
        "cleaned?)"
    ),
    "unreadable": "{name} cannot be read: {reason}",
    "damaged": "{name} is damaged: {reason}",
    "no-file": "{name} is not a file",
    "truncated": "{name} is truncated: it has {size} bytes, expected {recorded}",
    "too-long": "{name} was altered: it has {size} bytes, expected {recorded}",
    "too-large-archive": (
        "{name} is too large to be one of Temporal's libraries: it has {size} bytes, more than "
        "{limit}"
    ),
    "hash-mismatch": "{name} was altered: SHA-256 mismatch: expected {recorded}, found {actual}",
    "linked-elsewhere": (
        "{name} was replaced: it is a symbolic link to {target}, outside the directory of its "
        "record"
    ),
    "untrusted-owner": (
        "{name} is not trusted: its owner, the user with the ID {uid}, could alter it"
    ),
    "writable-by-all": "{name} is not trusted: every user can write to it (mode {mode})",
    "unrecorded-library": (
        "{name} is not recorded: a linker could use it instead of an archive or a system library"
    ),
    "no-such-archive": "there is no archive for the component {component}",
    "no-such-toolchain": (
        "there are no archives for the toolchain {toolchain!r}; available: {known}"
    ),
    "toolchain-of-windows-only": (
        "a toolchain can be selected only for Windows; these archives are for {triple}"
    ),
    "no-directory": "the directory does not exist, or is a file",
    "no-known-archive": "checksums.sha256 lists none of {known}",
    "records-disagree": "checksums.sha256 and manifest.json disagree about {file}",
    "unsupported-target": (
        "the target {triple!r} is not supported\nsupported platforms: {supported}"
    ),
    "no-protobuf-files": "the protobuf files are missing",
    "reinstall": "reinstall {requirement} with {installer}, into {place}",
    # Why a record is damaged or cannot be read.
    "checksums-line": "line {number} does not have the form '<64 hexadecimal digits>  <file>'",
    "checksums-elsewhere": "line {number} names {file!r}, which is not a plain file name",
    "checksums-empty": "it lists no files",
    "not-an-object": "{where} is not an object",
    "no-value": "{where} has no {key!r}",
    "component-twice": "the manifest has two archives for the component {component}",
    "wrong-kind": "{where}: {key!r} is not {kind}",
    "not-regular": "it is not a regular file",
    "too-large": "it is larger than {limit} bytes",
    "nested-too-deeply": "it is nested too deeply",
    # The cache directory.
    "cache-link": f"the cache directory is a symbolic link{_CACHE}{_ELSEWHERE}",
    "cache-no-directory": f"the cache directory is not a directory{_CACHE}{_ELSEWHERE}",
    "cache-of-another-user": (
        f"the cache directory is owned by another user (you are {{user}}){_CACHE}{_ELSEWHERE}"
    ),
    "cache-writable": (
        f"the cache directory is writable by others{_CACHE}chmod 700 {{quoted}}   "
        f"# if you trust what is in it; or {_ELSEWHERE}"
    ),
    "cache-unusable": (
        "the cache directory cannot be used: {reason}\n  file:   {file}\n"
        f"  fix:    make it writable, or {_ELSEWHERE}"
    ),
    "no-home": f"no home directory was found for the cache directory\n  fix:    {_ELSEWHERE}",
    # The package or its command is in an unexpected place: _origin.py, _cli/script.py
    "in-zip": """\
the package is imported from a zip archive, where compilers cannot read its files
  file:   {file}
  fix:    {python} -m zipfile -e {quoted} DIRECTORY   # then put DIRECTORY on sys.path instead""",
    "other-copy": """\
this command belongs to one copy of the package, but its Python imports another
  command: {own}
  imports: {imported}, by {python}
  fix:     {fix}   # uses the command's copy""",
    "script-of-gone-python": """\
{script} starts {interpreter}, which does not exist; was the environment moved?
  fix: {fix}""",
    "script-of-other-python": """\
{script} starts {interpreter}, which belongs to another environment; was this environment copied?
  fix: {fix}""",
    "script-not-executable": (
        "{script} cannot be executed (is its file system mounted noexec?); use "
        "{python} -m temporal_static_libs"
    ),
    "path-character": """\
{option} cannot print a path that contains {character}: programs would misinterpret it
  file:   {file}
  fix:    move it to a path without this character, or use {instead}""",
    "path-not-utf-eight": """\
JSON cannot contain this path: it is not UTF-8
  file:   {file}
  fix:    move it to a UTF-8 path, or use an option such as --libs, which prints any bytes""",
    # What --doctor reports as broken.
    "not-compiled": "{reason}; the next command that needs them compiles them",
    "older-system": (
        "{floor}; this machine's {here} is older: programs linked here may not run on it"
    ),
    "other-header": (
        "{name} is not the one recorded with the archives: expected SHA-256 {recorded}, found "
        "{actual}"
    ),
    "other-abi": "the header has {abi}, but the archives differ: {others}",
    # Other errors and warnings.
    "interrupted": "interrupted",
    "system-error": "system error: {reason}",
    "system-error-about": "system error: {reason}\n  file:   {file}",
    "metrics-unwritable": "cannot append to TEMPORAL_LIBS_METRICS={file}: {reason}",
    "no-cmake-version": (
        "CMake cannot represent the version {version!r}: it supports versions such as 1.2.3 and "
        "1.2.3.post4"
    ),
    # A build that cannot start, and how to fix it: _build/toolchain.py, _build/advice.py
    "cannot-compile": "temporal-static-libs cannot be compiled here: {reason}",
    "platform-unsupported": "{host} is not a supported platform",
    "platform-too-old": "{host} is older than {floor}, the oldest for {platform}",
    "triple-unsupported": "{source}, {triple!r}, is not supported",
    "target-setting-unsupported": "TEMPORAL_LIBS_TARGET: {problem}",
    "rust-version-missing": "{file} has no rust-version",
    "program-not-found": "{name} was not found on PATH",
    "program-does-not-run": "{program} does not run: {reason}",
    "program-fails": "{command} failed: {output}",
    "program-without-version": "{name} --version prints {answer!r}, which contains no version",
    "program-too-old": "{name} is {version}, older than {minimum}",
    "rustc-without-host": "{rustc} -vV prints no host",
    "bootstrap-unavailable": (
        "TEMPORAL_LIBS_BOOTSTRAP_RUST=1 needs puccinialin, which is not installed; only isolated "
        "builds install it automatically"
    ),
    "bootstrap-failed": "a Rust toolchain could not be downloaded: {reason}",
    "no-wheel-selected": """\
pip selected no wheel and is building from source.
This machine is {host}.
{old_pip}To fix this, do one of the following:
  1. Install a wheel: on a supported platform, with a current pip, run
       python -m pip install --upgrade pip
       python -m pip install --only-binary temporal-static-libs temporal-static-libs
  2. Install Rust {minimum} or newer, with cargo and rustc on PATH, and try again.
  3. Set TEMPORAL_LIBS_BOOTSTRAP_RUST=1 and try again, to download a Rust toolchain for
     this build.

Supported platforms: {platforms}

Step-by-step instructions for each option:
{url}""",
    "old-pip": """\
This Python has pip {pip}, which is too old: the wheel for {platform} requires
pip {oldest} or newer.
""",
    "no-wheel-and-no-build": """\
There is no wheel for this machine either. To fix this, do one of the following:
  1. {remedy}
  2. To link for a supported platform on this machine, install its wheel, for example
       python -m pip install --platform {tag} --only-binary :all: --target libs temporal-static-libs
     or build it: set TEMPORAL_LIBS_TARGET to the target triple.
  3. Compile the archives yourself, and set TEMPORAL_LIBS_DIR to their directory.

Supported platforms: {platforms}

Step-by-step instructions for each option:
{url}""",
    "compile-requested": """\
It is being compiled because {setting} is set. To fix this, do one of the following:
  1. {instead}
  2. Install Rust {minimum} or newer, with cargo and rustc on PATH, and try again.
  3. Install puccinialin (python -m pip install puccinialin), set
     TEMPORAL_LIBS_BOOTSTRAP_RUST=1 and try again, to download a Rust toolchain.""",
    "standard-library-missing": """\
{rustc} has neither the standard library for {triple} nor its sources
    rustup:          rustup target add {triple}
    Debian, Ubuntu:  apt-get install rust-web-src   # together with rustc-web and cargo-web""",
    "c-compiler-missing": """\
found no C compiler for {triple}, which some crates need
  either:  python -m pip install cargo-zigbuild ziglang   # and cargo-zigbuild on PATH
  or:      set {variable} to a C compiler for that target""",
    "binutils-missing": """\
found no {name} of GNU binutils 2.29 or newer, which finishing the archives for {platform} \
requires{unusable}
    Debian, Ubuntu:  apt-get install {package}
    Fedora, Alma:    dnf install {package}
    Alpine:          apk add {package}""",
    "llvm-missing": """\
found no llvm-{name} of LLVM {minimum} or newer, which finishing the archives for {platform} \
requires{unusable}
    Debian, Ubuntu:  apt-get install llvm-22
    Homebrew:        brew install llvm   # and its bin directory on PATH""",
    # The sources that a build reads: _build/source_tree.py, header.py, staging.py
    "sources-missing": "the package has no Rust sources to compile: {directory} is missing",
    "sources-unreadable": """\
the package's own sources cannot be read: {reason}
  file:   {file}
  fix:    {fix}""",
    "header-unreadable": """\
{file} cannot be read: {reason}
  fix:    reinstall the package; in a checkout, run git restore on the file""",
    "header-without-macro": "{file} has no line '#define {name} \"…\"'",
    "interface-unreadable": "{file} cannot be read: {reason}",
    "interface-malformed": "{file} does not have the form of interface.schema.json",
    "interface-functions-differ": (
        "{file} does not match {header}: only one of them has {functions}"
    ),
    "interface-value-differs": (
        "{file} does not match {header}: its {subject} is {found}, expected {expected}"
    ),
    "protos-crate-ambiguous": "cargo lists {count} packages named temporalio-protos, expected 1",
    "protos-missing": "temporalio-protos has no protobuf files in {directory}",
    "protos-differ": (
        "temporalio-protos has two different versions of {path}: {first} and {second}"
    ),
    # Cargo, and the programs that finish archives: _build/cargo.py, tool.py, elf.py, macho.py
    "cargo-metadata-failed": """\
cargo could not read the workspace or download its dependencies; see its output above (exit \
status {status})
  command: {command}
  in:      {directory}""",
    "cargo-metadata-unreadable": """\
cargo metadata did not print the metadata of the workspace
  command: {command}
  in:      {directory}""",
    "cargo-build-failed": """\
cargo could not compile temporal-static-libs-sdk-core; see its output above (exit status \
{status})
  command: {command}
  in:      {directory}""",
    "archive-ambiguous": (
        "cargo reported {count} archives of temporal-static-libs-sdk-core, expected 1"
    ),
    "native-libraries-missing": (
        "rustc reported no native libraries of temporal-static-libs-sdk-core"
    ),
    "native-library-unknown": "rustc links with {word!r}, which a manifest cannot express",
    "tool-failed": """\
{program} failed (exit status {status})
  version: {version}
  command: {command}
  output:  {output}""",
    "members-share-a-name": "members of {archive} share names: {members} members, {names} names",
    "object-not-elf": "{file} is not an ELF file for a 64-bit little-endian processor",
    "object-not-coff": "{file} is not a COFF object for x86-64",
    "symbols-missing": "{archive} does not define what {header} declares: {symbols}",
    "symbols-unexpected": (
        "{archive} defines {count} global symbols outside its interface: {symbols} …"
    ),
    # An archive's symbol index: _build/archive_index.py
    "archive-not-ar": "{archive} is not an ar archive",
    "archive-without-index": "{archive} has no symbol index",
    "archive-empty": "{archive} has no first member",
    "archive-truncated": "{archive} is truncated",
    # Archives compiled on this machine: _build/fallback.py
    "compiled-none": "no archives have been compiled yet",
    "compiled-version-differs": "the compiled archives are from temporal-static-libs {version}",
    "compiled-target-differs": "the compiled archives are for the target {target}",
    "compiled-profile-differs": (
        "the compiled archives were built with the Cargo profile {profile}, not {wanted}"
    ),
    "compiled-sources-differ": "the compiled archives were built from different Rust sources",
    "compiled-header-differs": "the compiled archives were built for a different C header",
    "compiled-damaged": "the compiled archives are damaged: {problem}",
    "compiled-unusable": "{reason}, although they have just been compiled",
    "compiling": """\
temporal-static-libs: compiling archives for {platform}, which takes 10 minutes or more
  requested by: {setting}
  in:           {directory}
  because:      {reason}""",
    "wheel-unusable": """\
temporal-static-libs: the wheel's own archives cannot be used: {problem}
{setting}: archives compiled on this machine are used instead""",
    "disk-full": """\
  disk:   {place} has only {free} MB left; a compile needs 2 GB
  fix:    free some space, or set {variable} to a directory with enough space; anything \
compiled so far is kept in {scratch}""",
    # The shared library: _shared/
    "shared-and-static": "--static cannot be combined with --shared",
    "shared-for-msvc": (
        "--shared cannot link the libraries for msvc: leave out --toolchain msvc; Visual C++ "
        "programs can load the result"
    ),
    "shared-nowhere": "--shared needs a directory; use '.' for the current one",
    "shared-directory-unusable": "{file} cannot be written: {reason}",
    "shared-among-archives": """\
--shared cannot write to the directory of the archives: a linker could use the shared library \
instead of an archive
  file:   {file}
  fix:    choose another directory""",
    "exports-missing": "{archive} lacks {count} symbols that {header} declares: {symbols}",
    "cc-unreadable": (
        "the environment variable CC is {value!r}, which is not a valid command: {reason}"
    ),
    "cc-not-found": "the environment variable CC is {value!r}, but {program} was not found",
    "no-linker": """\
found no C compiler for {platform} to link the shared library
{fix}""",
    "link-failed": """\
{program} could not link {name} (exit status {status})
  command: {command}
  output:  {output}""",
    # Output: _console.py
    "stdout-unwritable": "cannot write to standard output: {reason}",
    "stdout-closed": "it is closed",
    # The progress of a build, and its record: _build/pipeline.py, staging.py, record.py
    "build-waiting": "Waiting for another build in {directory}",
    "build-waiting-for": (
        "Waiting for another build in {directory}, which process {process} started at {since}"
    ),
    "build-compiling": "Compiling for {platform} with Cargo profile {profile}",
    "build-finishing": "Finishing {archive}",
    "record-of-another-build": (
        "TEMPORAL_LIBS_BUILD_RECORD: {file} was not completed: it belongs to another build"
    ),
    "line-tables-not-a-set": (
        "TEMPORAL_LIBS_LINE_TABLES: {directory} also contains {names}. A build replaces the whole "
        "directory: use a new or empty one"
    ),
    "line-tables-unusable": "TEMPORAL_LIBS_LINE_TABLES: {directory} cannot be used: {reason}",
    "line-tables-elf-only": (
        "TEMPORAL_LIBS_LINE_TABLES is ignored for {platform}: line tables are for Linux only"
    ),
    "record-not-completed": "TEMPORAL_LIBS_BUILD_RECORD: {file} was not completed: {reason}",
    "record-not-written": "TEMPORAL_LIBS_BUILD_RECORD: {file} cannot be written: {reason}",
}
"""ID to text, with placeholders in braces."""


def message(id: str, /, **values: object) -> str:  # noqa: A002
    """Return a message with its placeholders filled in.

    Args:
        id: the key in `MESSAGES`.
        values: placeholder to value.
    """
    return MESSAGES[id].format_map(values)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the suggestion to add to a message about an unknown word; empty if none is close."""
    # Imported here, because only messages need it.
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return message("did-you-mean", name=close[0]) if close else ""


def describe_os_error(error: OSError) -> str:
    """Return the generic message for an error of the operating system."""
    reason = error.strerror or error
    if error.filename is None:
        return message("system-error", reason=reason)
    return message("system-error-about", reason=reason, file=os.fsdecode(error.filename))
