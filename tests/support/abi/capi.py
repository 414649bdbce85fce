"""The C interface, used like in a C program: the installed header and the installed archive.

The declarations come from the header itself through cffi, so a test cannot drift from it; the
archive is linked into a shared library with the flags that ``temporal-libs-config`` prints.
"""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import cffi

from tools.interface.parsing import preprocess

Data: TypeAlias = bytes | str
"""What a test can pass as the content of a byte range."""

CALL_DEADLINE = 60.0
"""Seconds within which every asynchronous call must have answered."""


def config(*options: str) -> str:
    """Run the installed ``temporal-libs-config`` and return its answer without the newline."""
    command = [str(Path(sys.prefix) / "bin/temporal-libs-config"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")


def header_path() -> Path:
    """Find the installed header."""
    return Path(config("--includedir")) / "temporal-sdk-core-c-bridge.h"


def declarations(header: Path, scratch: Path) -> str:
    """Preprocess a header without the standard headers' own content."""
    empty = scratch / "standard-headers"
    empty.mkdir(exist_ok=True)
    return preprocess(header, empty)


def function_names(declared: str) -> list[str]:
    """List the functions in preprocessed declarations, in order."""
    return re.findall(r"\b(temporal_\w+)\(", declared)


def link_shared_library(functions: Iterable[str], component: str, scratch: Path) -> Path:
    """Link the installed archive into a shared library that exports some functions."""
    flags = config("--component", component, "--libs").split()
    library = scratch / f"lib{component}-under-test.so"
    options = scratch / f"{component}-options"
    roots = "\n".join(f"-Wl,-u,{name}" for name in functions)
    options.write_text(f"{roots}\n", encoding="utf-8")
    command = ["cc", "-shared", "-o", str(library), f"@{options}", "-Wl,--gc-sections", *flags]
    subprocess.run(command, check=True)
    return library


class CApi:
    """Calls into the library, with the conversions that every test needs."""

    def __init__(self, declared: str, library: Path) -> None:
        self.ffi = cffi.FFI()
        self.ffi.cdef(declared)
        self.lib: Any = self.ffi.dlopen(str(library))
        self.library = library
        self.NULL = self.ffi.NULL

    def new(self, type_name: str, **fields: Any) -> Any:
        """Make a zeroed struct with some fields set, as a pointer."""
        struct = self.ffi.new(f"{type_name} *")
        for name, value in fields.items():
            setattr(struct, name, value)
        return struct

    def sized(self, type_name: str, **fields: Any) -> Any:
        """Make a struct whose first field is its size; see `new`."""
        return self.new(type_name, size=self.ffi.sizeof(type_name), **fields)

    @property
    def interface_note(self) -> str:
        """The ending of messages about values that no correct caller passes."""
        version = self.c_string(self.lib.temporal_static_libs_version())
        abi = self.c_string(self.lib.temporal_static_libs_abi_id())
        return (
            f" (this library is {version}, interface {abi}; check that your declarations match it)"
        )

    def c_string(self, pointer: Any) -> str:
        """Copy a NUL-terminated string."""
        text = self.ffi.string(pointer)
        return text if isinstance(text, str) else text.decode()

    def take(self, byte_array: Any) -> bytes | None:
        """Copy and free a ``TemporalCoreByteArray*``; None for NULL."""
        if byte_array == self.NULL:
            return None
        data = bytes(self.ffi.buffer(byte_array.data, byte_array.size))
        self.lib.temporal_core_byte_array_free(self.NULL, byte_array)
        return data

    def take_text(self, byte_array: Any) -> str | None:
        """Copy and free a ``TemporalCoreByteArray*`` with UTF-8 text; None for NULL."""
        data = self.take(byte_array)
        return None if data is None else data.decode()

    def text(self, ref: Any) -> str:
        """Copy a ``TemporalCoreByteArrayRef``."""
        return bytes(self.ffi.buffer(ref.data, ref.size)).decode() if ref.size else ""

    def start(self, callback_type: str, function: str, *arguments: Any) -> Answer:
        """Start an asynchronous call: ``arguments``, then user_data and a callback of this type."""
        answer = Answer(self, callback_type)
        getattr(self.lib, function)(*arguments, answer.user_data, answer.callback)
        return answer

    def lend(self) -> Lender:
        """Make byte ranges that live as long as the lender."""
        return Lender(self)

    @contextmanager
    def runtime(self, options: Any = None, **extra: Any) -> Iterator[Any]:
        """Make a runtime, with default options unless some are given, and free it at the end.

        Args:
            options: ``TemporalCoreRuntimeOptions``.
            extra: fields of ``TemporalStaticLibsRuntimeOptions``.
        """
        options = options or self.new("TemporalCoreRuntimeOptions")
        if extra:
            more = self.sized("TemporalStaticLibsRuntimeOptions", **extra)
            made = self.lib.temporal_static_libs_runtime_new(options, more)
        else:
            made = self.lib.temporal_core_runtime_new(options)
        try:
            assert made.fail == self.NULL, self.take_text(made.fail)
            yield made.runtime
        finally:
            self.lib.temporal_core_runtime_free(made.runtime)


class Lender:
    """Owns the memory that byte ranges, arrays and structs of a call point to."""

    def __init__(self, api: CApi) -> None:
        self.api = api
        self.kept: list[Any] = []

    def bytes(self, data: Data | None) -> Any:
        """Make a ``TemporalCoreByteArrayRef``; None becomes ``{NULL, 0}``."""
        if data is None:
            return {"data": self.api.NULL, "size": 0}
        raw = data.encode() if isinstance(data, str) else data
        buffer = self.api.ffi.new("uint8_t[]", raw or b"\0")
        self.kept.append(buffer)
        return {"data": buffer, "size": len(raw)}

    def array(self, items: Sequence[Data]) -> Any:
        """Make a ``TemporalCoreByteArrayRefArray``."""
        refs = self.api.ffi.new("TemporalCoreByteArrayRef[]", [self.bytes(item) for item in items])
        self.kept.append(refs)
        return {"data": refs, "size": len(items)}

    def struct(self, type_name: str, **fields: Any) -> Any:
        """Make a struct that lives as long as this lender."""
        made = self.api.new(type_name, **fields)
        self.kept.append(made)
        return made

    def keep(self, value: Any) -> Any:
        """Keep anything alive, such as a callback."""
        self.kept.append(value)
        return value


class Answer:
    """The callback of one call: records its arguments and checks that it is called exactly once."""

    def __init__(self, api: CApi, callback_type: str) -> None:
        self.api = api
        self.user_data = api.ffi.new("char *")
        self.calls: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self.thread: int | None = None
        self.inside: Callable[..., None] | None = None
        """Called inside the callback, with its arguments."""
        self.callback = api.ffi.callback(callback_type, self._fire)

    def _fire(self, user_data: Any, *arguments: Any) -> None:
        self.thread = threading.get_ident()
        if self.inside is not None:
            self.inside(*arguments)
        assert user_data == self.user_data
        self.calls.put(arguments)

    def wait(self, deadline: float = CALL_DEADLINE) -> tuple[Any, ...]:
        """Wait for the answer; return the callback's arguments after user_data."""
        try:
            return self.calls.get(timeout=deadline)
        except queue.Empty:
            raise AssertionError(f"no answer within {deadline} s") from None

    def answered_again(self) -> bool:
        """Return whether a second answer came."""
        return not self.calls.empty()
