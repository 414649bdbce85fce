"""What `make bindings` keeps of a translation, and that its files match the current header."""

from __future__ import annotations

from pathlib import Path

import pytest

from temporal_static_libs._checksums import sha256_of
from tools import ToolError
from tools.generate.bindings import own_declarations
from tools.generate.header import HEADER

# In the order of Zig's translation: first libc's declarations with unnamed types, macros last.
TRANSLATION = """\
const __root = @This();
pub const __builtin = @import("std").zig.c_translation.builtins;
const union_unnamed_3 = extern union {
    __wch: c_uint,
};
pub const size_t = c_ulong;
pub const div_t = extern struct {
    quot: c_int = 0,
};
// stdlib.h:565:13
pub extern fn free(__ptr: ?*anyopaque) void;
pub extern fn mkstemp(__template: [*c]u8) c_int;
const union_unnamed_9 = extern union {
    left: div_t,
};
pub const struct_TemporalCoreTask = opaque {
    pub const free = __root.temporal_core_task_free;
};
pub const TemporalCoreTask = extern struct {
    free: ?*const fn (mkstemp: c_int) callconv(.c) void = null,
    unnamed_0: union_unnamed_9 = @import("std").mem.zeroes(union_unnamed_9),
    @"type": size_t = 0,
};
pub extern fn temporal_core_task_free(task: ?*struct_TemporalCoreTask) void;

pub const __SEG = @compileError("unable to translate macro"); // <builtin>:33:9
// <builtin>:34:9
pub const TEMPORAL_STATIC_LIBS_ABI_ID = "free mkstemp";
pub inline fn TEMPORAL_STATIC_LIBS_ID() @TypeOf(TEMPORAL_STATIC_LIBS_ABI_ID) {
    return TEMPORAL_STATIC_LIBS_ABI_ID;
}
"""
OWN = """\
const __root = @This();
pub const size_t = c_ulong;
pub const div_t = extern struct {
    quot: c_int = 0,
};
const union_unnamed_1 = extern union {
    left: div_t,
};
pub const struct_TemporalCoreTask = opaque {
    pub const free = __root.temporal_core_task_free;
};
pub const TemporalCoreTask = extern struct {
    free: ?*const fn (mkstemp: c_int) callconv(.c) void = null,
    unnamed_0: union_unnamed_1 = @import("std").mem.zeroes(union_unnamed_1),
    @"type": size_t = 0,
};
pub extern fn temporal_core_task_free(task: ?*struct_TemporalCoreTask) void;
pub const TEMPORAL_STATIC_LIBS_ABI_ID = "free mkstemp";
pub inline fn TEMPORAL_STATIC_LIBS_ID() @TypeOf(TEMPORAL_STATIC_LIBS_ABI_ID) {
    return TEMPORAL_STATIC_LIBS_ABI_ID;
}
"""


def test_headers_declarations_are_kept_with_what_they_refer_to() -> None:
    assert own_declarations(TRANSLATION) == OWN


def test_translation_without_the_headers_declarations_is_refused() -> None:
    with pytest.raises(ToolError, match="no declaration of the header"):
        own_declarations("pub extern fn free(__ptr: ?*anyopaque) void;\n")


def test_declaration_that_zig_cannot_translate_is_refused() -> None:
    failed = '@compileError("unable to translate macro: undefined identifier `do`");'
    with pytest.raises(ToolError, match="cannot translate TEMPORAL_STATIC_LIBS_DO:"):
        own_declarations(f"{TRANSLATION}pub const TEMPORAL_STATIC_LIBS_DO = {failed}\n")


def test_committed_bindings_match_the_committed_header(repo_root: Path) -> None:
    files = list((repo_root / "temporal_static_libs/share/zig").glob("bindings-*.zig"))
    assert files
    line = f"\n//! SHA-256: {sha256_of(HEADER)}\n"
    stale = [file.name for file in files if line not in file.read_text(encoding="utf-8")]
    assert not stale, "the header has changed: run `make bindings` and commit the result"
