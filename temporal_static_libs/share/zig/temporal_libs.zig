//! Links Temporal's static libraries, from the Python package temporal-static-libs, into the programs
//! and shared libraries of a build.zig. Copy this file next to build.zig:
//!
//!     temporal-libs-config --zig > temporal_libs.zig
//!
//! and use it like this:
//!
//!     const temporal = @import("temporal_libs.zig").find(b, .{});
//!     temporal.addImport(module, "temporal"); // for each module that calls the libraries
//!     temporal.link(module); // for the root module of each program, test and shared library
//!
//! All settings come from `temporal-libs-config --json`. A problem fails only the steps that need the
//! libraries: `zig build --help` works without them. For Zig 0.15, 0.16 and 0.17.

const std = @import("std");
const builtin = @import("builtin");
const LazyPath = std.Build.LazyPath;
const Module = std.Build.Module;
const Step = std.Build.Step;

const tool_name = "temporal-libs-config";
/// Where a virtual environment, and `pip install --target`, put the program on the build machine.
const is_on_windows = builtin.os.tag == .windows;
const tool_file = if (is_on_windows) tool_name ++ ".exe" else tool_name;
const tool_directory = if (is_on_windows) "Scripts" else "bin";
const step_name = "find Temporal's libraries";

/// All error messages. docs/troubleshooting.md has an entry for each.
const messages = struct {
    const old_zig = "temporal_libs.zig needs Zig 0.15 or newer; this is {s}";
    const no_component =
        \\unknown component '{s}'; available:{s}
        \\  source: {s}, {s}
        \\  In build.zig, set .component of find() to one of these.
    ;
    const no_target = "set .target on this module in build.zig before linking Temporal's libraries";
    const other_target =
        \\Temporal's libraries are for {s}, but this build is for {s}.
        \\{s}  source: {s}, {s}
        \\{s}{s}  help: {s}
    ;
    const older_system =
        \\Temporal's libraries need {s} {s} or newer, but this build is for {f}.
        \\  source: {s}, {s}
        \\  Build for the oldest supported system: -Dtarget={s}
        \\  help: {s}
    ;
    const no_bindings =
        \\Temporal's C header has no translation for Zig {d}.{d}; available for:{s}
        \\  Use one of these versions of Zig, or a newer temporal-static-libs.
        \\  Or translate the header: addTranslateC(…).addIncludePath(temporal.include_dir).
    ;
    const unknown_answer =
        \\temporal_libs.zig cannot read the output of '{s} --json': {s}.
        \\  The file and the package may have different versions. Replace the file with the package's:
        \\    {s} --zig > temporal_libs.zig
    ;
    const failed =
        \\'{s}' failed; see its output above.
        \\  To check the installation, run:
        \\    {s} --doctor
    ;
    const cannot_run =
        \\'{s}' cannot be run: {s}
        \\  Install the package again, or use another program: {s}
    ;
    const absent =
        \\found no {s}.
        \\  It comes with the Python package that contains Temporal's static libraries:
        \\    pip install temporal-static-libs
        \\  Then activate the environment you installed it into, or set the program:
        \\    {s}
        \\  (If the file exists, but not the Python in its first line, install the package again.)
    ;
};

pub const Options = struct {
    /// The library to link: "sdk-core" for the whole interface, or "client" for the part without
    /// workers.
    component: []const u8 = "sdk-core",
    /// The temporal-libs-config to run, relative to build.zig, if one build needs the libraries of
    /// several platforms. If null, `find` looks for one.
    tool: ?[]const u8 = null,
};

/// Finds the libraries. It runs the temporal-libs-config of `-Dtemporal-libs-config=PATH`, an option
/// that it declares, or the first one that it finds in the active virtual environment, in `.venv`
/// next to build.zig or above it, or on PATH. Call it once for each component or tool.
pub const find = if (is_old_zig) refuseOldZig else findLibraries;

const is_old_zig = builtin.zig_version.order(.{ .major = 0, .minor = 15, .patch = 0 }) == .lt;

/// Fails at run time: a compile error would be lost among those of the rest of this file.
fn refuseOldZig(_: *std.Build, _: Options) noreturn {
    std.debug.print(messages.old_zig ++ "\n", .{builtin.zig_version_string});
    std.process.exit(1);
}

fn findLibraries(b: *std.Build, options: Options) *Libraries {
    // Zig 0.17 caches the configuration of a build.zig, but the package can change between builds.
    if (@hasDecl(std.Build.Graph, "poisonCache")) b.graph.poisonCache();

    const libraries = b.allocator.create(Libraries) catch @panic("OOM");
    for (asked.items) |earlier| {
        if (earlier.b != b or !std.mem.eql(u8, earlier.chosen, options.tool orelse "")) continue;
        libraries.* = earlier.*;
        libraries.component = options.component;
        return libraries;
    }
    libraries.* = .{
        .b = b,
        .chosen = options.tool orelse "",
        .tool = if (options.tool) |path| pathFromBuildFile(b, path) else namedTool(b),
        .component = options.component,
        .include_dir = undefined,
        .bindings = undefined,
    };
    switch (Answer.get(b, libraries.tool, null)) {
        .problem => |problem| {
            libraries.include_dir = failingDirectory(b, problem);
            libraries.bindings = b.createModule(.{
                .root_source_file = libraries.include_dir.path(b, "temporal.zig"),
            });
        },
        .facts => |facts| {
            libraries.facts = facts;
            libraries.include_dir = .{ .cwd_relative = facts.includedir };
            libraries.bindings = b.createModule(.{ .root_source_file = facts.bindings(b) });
        },
    }
    asked.append(b.allocator, libraries) catch @panic("OOM");
    return libraries;
}

/// Reused by later calls: a build.zig may declare an option only once, and a file may belong to only
/// one module.
var asked: std.ArrayList(*const Libraries) = .empty;

pub const Libraries = struct {
    /// The directory of the C header, for your own `addTranslateC`.
    include_dir: LazyPath,
    /// The C interface in Zig, which `addImport` adds to a module.
    bindings: *Module,
    /// The temporal-libs-config from the options, or null. Pass it to packages that also link the
    /// libraries: `b.dependency("bridge", .{ .@"temporal-libs-config" = temporal.tool })`.
    tool: ?[]const u8,

    b: *std.Build,
    chosen: []const u8,
    component: []const u8,
    /// null if there is a problem.
    facts: ?Facts = null,

    /// Adds the include path, the archive, and the system libraries or frameworks that it needs to a
    /// module. The module must have a target that the archive supports.
    ///
    /// Call it for the root module of each program, test and shared library. Zig's static libraries
    /// and objects cannot contain an archive: call it for the program that they are linked into.
    pub fn link(libraries: *const Libraries, module: *Module) void {
        module.addIncludePath(libraries.include_dir);
        const found = libraries.facts orelse return;
        const target = module.resolved_target orelse
            return libraries.fail(module, messages.no_target);
        const facts = switch (libraries.answerFor(found, target.result)) {
            .problem => |problem| return libraries.fail(module, problem),
            .facts => |facts| facts,
        };
        const library = facts.libraryOf(libraries.component) orelse
            return libraries.fail(module, libraries.explainComponent(facts));
        if (libraries.explainTarget(facts, target.result)) |problem|
            return libraries.fail(module, problem);

        for (module.link_objects.items) |object| {
            if (object == .static_path and object.static_path == .cwd_relative and
                std.mem.eql(u8, object.static_path.cwd_relative, library.path)) return;
        }
        module.link_libc = true;
        // By path, without a library search path: other libraries in that directory must not replace
        // system libraries, at link time or when a shared library is loaded.
        module.addObjectFile(.{ .cwd_relative = library.path });
        for (library.system_libraries) |name|
            module.linkSystemLibrary(name, .{ .use_pkg_config = .no });
        for (library.frameworks) |name| module.linkFramework(name, .{});
    }

    /// Lets a module import the C interface under a name of your choice. A program that contains the
    /// module links only if the archive matches the header.
    pub fn addImport(libraries: *const Libraries, module: *Module, name: []const u8) void {
        module.addImport(name, libraries.bindings);
    }

    /// Hides the functions of the archive in a shared library, which otherwise exports them. The library
    /// is then linked with LLD, because Zig's own linker does not support version scripts. Only for
    /// ELF; on other platforms, such as macOS, it does nothing.
    pub fn hideSymbols(libraries: *const Libraries, library: *Step.Compile) void {
        if (library.rootModuleTarget().ofmt != .elf) return;
        library.use_llvm = true;
        library.use_lld = true;
        library.setVersionScript(libraries.b.addWriteFiles().add(
            "temporal.map",
            "{ local: temporal_core_*; temporal_static_libs_*; };\n",
        ));
    }

    /// Returns a translation of the header, such as the output of your own `addTranslateC`, with the
    /// check that the archive matches that header.
    pub fn requireMatchingArchive(libraries: *const Libraries, translated: LazyPath) LazyPath {
        const b = libraries.b;
        const join = b.addSystemCommand(if (is_on_windows)
            &.{ "cmd", "/d", "/c", "copy", "/b" }
        else
            &.{ "sh", "-c", "cat \"$1\" \"$2\" > \"$3\"", "sh" });
        join.setName("add the check of the archive");
        join.addFileArg(translated);
        if (is_on_windows) join.addArg("+");
        join.addFileArg(b.addWriteFiles().add("check.zig", archive_check));
        return join.addOutputFileArg("temporal.zig");
    }

    /// The answer for the target: a package for Windows can contain archives for two ABIs.
    fn answerFor(libraries: *const Libraries, facts: Facts, target: std.Target) Answer {
        if (target.os.tag == .windows) for (facts.toolchains[@min(1, facts.toolchains.len)..]) |toolchain| {
            if (std.mem.eql(u8, toolchain, @tagName(target.abi)))
                return Answer.get(libraries.b, libraries.tool, toolchain);
        };
        return .{ .facts = facts };
    }

    fn fail(libraries: *const Libraries, module: *Module, problem: []const u8) void {
        module.addIncludePath(failingDirectory(libraries.b, problem));
    }

    fn explainComponent(libraries: *const Libraries, facts: Facts) []const u8 {
        const b = libraries.b;
        var known: []const u8 = "";
        for (facts.libraries) |library| known = b.fmt("{s} {s}", .{ known, library.component });
        return b.fmt(messages.no_component, .{
            libraries.component, known, facts.source_description, facts.libdir,
        });
    }

    /// null if the archives support the target.
    fn explainTarget(libraries: *const Libraries, facts: Facts, target: std.Target) ?[]const u8 {
        const b = libraries.b;
        const found = facts.platformNamed(facts.platform);
        const wanted = facts.platformOf(target);
        if (wanted != null and std.mem.eql(u8, wanted.?.platform, facts.platform))
            return libraries.explainFloor(facts, target);
        const libc = if (found != null and isLibcAllThatDiffers(found.?, target))
            "  They differ in the libc. (For Zig, a Linux target without a libc means musl.)\n"
        else
            "";
        const install = if (wanted) |platform| b.fmt(
            \\  Install the target's wheel into a directory, and use it for this build:
            \\    pip install --target libs --platform {s} --only-binary=:all: temporal-static-libs
            \\    {s} build -Dtarget={s} -Dtemporal-libs-config=libs/bin/{s}
            \\
        , .{ platform.wheel_tag, b.graph.zig_exe, platform.zig_target, tool_file }) else 
            \\  The package has no wheel for that target.
            \\
        ;
        const instead = if (found) |platform| b.fmt(
            "  Or build for the target of these libraries: -Dtarget={s}\n",
            .{platform.zig_target},
        ) else "";
        return b.fmt(messages.other_target, .{
            facts.platform,
            if (wanted) |platform| platform.platform else b.fmt("{t}-{t}-{t}", .{
                target.cpu.arch, target.os.tag, target.abi,
            }),
            libc,
            facts.source_description,
            facts.libdir,
            install,
            instead,
            facts.troubleshooting,
        });
    }

    /// null if the target's libc or macOS version is new enough.
    fn explainFloor(libraries: *const Libraries, facts: Facts, target: std.Target) ?[]const u8 {
        const oldest = std.Target.Query.parseVersion(facts.floor.version) catch return null;
        const version = if (target.os.tag.isDarwin())
            target.os.version_range.semver.min
        else if (target.isGnuLibC())
            target.os.version_range.linux.glibc
        else
            return null; // Zig's own musl
        if (version.order(oldest) != .lt) return null;
        return libraries.b.fmt(messages.older_system, .{
            facts.floor.name,      facts.floor.version,
            version,               facts.source_description,
            facts.libdir,          facts.platformNamed(facts.platform).?.zig_target,
            facts.troubleshooting,
        });
    }
};

/// Refers to the symbol of the archive whose name contains the version and the ABI ID. The symbol is hidden,
/// so that no linker expects it in another library. The reference is in a section that linkers keep and
/// nothing reads: for ELF .jcr (.init_array is not possible: Zig's own linker leaves gaps between the
/// entries). It is weak, so that two objects may contain it. On Windows, the reference itself is not
/// hidden: Zig exports it from every DLL, and LLVM refuses to export a hidden symbol.
const archive_check =
    \\
    \\comptime {
    \\    var version = TEMPORAL_STATIC_LIBS_VERSION.*;
    \\    for (&version) |*character| {
    \\        if (character.* == '.') character.* = '_';
    \\    }
    \\    const name = "temporal_static_libs_" ++ version ++ "_abi_" ++ TEMPORAL_STATIC_LIBS_ABI_ID;
    \\    const section = switch (@import("builtin").object_format) {
    \\        .macho => "__DATA,__temporal,regular,no_dead_strip",
    \\        .coff => ".rdata$temporal",
    \\        else => ".jcr",
    \\    };
    \\    const Reference = struct {
    \\        const archive linksection(section) =
    \\            @extern(*const fn () callconv(.c) void, .{ .name = name, .visibility = .hidden });
    \\    };
    \\    @export(&Reference.archive, .{
    \\        .name = "temporal_static_libs_archive_of_" ++ @typeName(@This()),
    \\        .linkage = .weak,
    \\        .visibility = if (@import("builtin").object_format == .coff) .default else .hidden,
    \\    });
    \\}
    \\
;

/// The part of the output of `temporal-libs-config --json` that this build needs.
const Facts = struct {
    /// For example "wheel (temporal-static-libs 1.2.3)".
    source_description: []const u8,
    libdir: []const u8,
    includedir: []const u8,
    /// The C interface in Zig: one translation for each series of Zig.
    zig_bindings: []const struct { zig: []const u8, path: []const u8 },
    /// For example "linux-x64".
    platform: []const u8,
    /// The oldest supported system: "glibc", "2.17".
    floor: struct { name: []const u8, version: []const u8 },
    libraries: []const Library,
    /// For a package for Windows, the toolchains that it has archives for: "gnu", "msvc".
    toolchains: []const []const u8 = &.{},
    /// All platforms that have a wheel.
    platforms: []const Platform,
    /// The URL of the troubleshooting page.
    troubleshooting: []const u8,

    const Library = struct {
        component: []const u8,
        /// The path of the archive.
        path: []const u8,
        system_libraries: []const []const u8,
        frameworks: []const []const u8,
    };

    const Platform = struct {
        platform: []const u8,
        wheel_tag: []const u8,
        zig_target: []const u8,

        fn isOf(platform: Platform, target: std.Target) bool {
            const query = platform.parsed() orelse return false;
            // macOS has only one ABI.
            return isOsAndProcessor(query, target) and (query.abi orelse target.abi) == target.abi;
        }

        fn parsed(platform: Platform) ?std.Target.Query {
            return std.Target.Query.parse(.{ .arch_os_abi = platform.zig_target }) catch null;
        }
    };

    /// The translation for the running version of Zig, or a file that fails the build.
    fn bindings(facts: Facts, b: *std.Build) LazyPath {
        const zig = builtin.zig_version;
        var known: []const u8 = "";
        for (facts.zig_bindings) |candidate| {
            if (std.mem.eql(u8, candidate.zig, b.fmt("{d}.{d}", .{ zig.major, zig.minor }))) {
                const file: LazyPath = .{ .cwd_relative = candidate.path };
                if (b.dep_prefix.len == 0) return file;
                // The root package's module may be in the same program, and a file may belong to only
                // one module.
                return b.addWriteFiles().addCopyFile(file, b.fmt("{s}temporal.zig", .{b.dep_prefix}));
            }
            known = b.fmt("{s} {s}", .{ known, candidate.zig });
        }
        const problem = b.fmt(messages.no_bindings, .{ zig.major, zig.minor, known });
        return failingDirectory(b, problem).path(b, "bindings.zig");
    }

    fn libraryOf(facts: Facts, component: []const u8) ?Library {
        for (facts.libraries) |candidate| {
            if (isComponent(candidate.component, component)) return candidate;
        }
        return null;
    }

    /// Accepts other spellings: "sdk-core" is also "sdk_core" and the names of its archive,
    /// "temporal_sdk_core", "libtemporal_sdk_core.a" and "temporal_sdk_core.lib".
    fn isComponent(name: []const u8, spelling: []const u8) bool {
        var rest = spelling;
        if (std.mem.startsWith(u8, rest, "lib")) rest = rest["lib".len..];
        for ([_][]const u8{ ".a", ".lib" }) |suffix| {
            if (std.mem.endsWith(u8, rest, suffix)) rest = rest[0 .. rest.len - suffix.len];
        }
        for ([_][]const u8{ "temporal_", "temporal-" }) |prefix| {
            if (!std.mem.startsWith(u8, rest, prefix)) continue;
            rest = rest[prefix.len..];
            break;
        }
        if (rest.len != name.len) return false;
        for (name, rest) |wanted, given| {
            if (wanted != given and !(wanted == '-' and given == '_')) return false;
        }
        return true;
    }

    fn platformNamed(facts: Facts, name: []const u8) ?Platform {
        for (facts.platforms) |candidate| {
            if (std.mem.eql(u8, candidate.platform, name)) return candidate;
        }
        return null;
    }

    fn platformOf(facts: Facts, target: std.Target) ?Platform {
        for (facts.platforms) |candidate| {
            if (candidate.isOf(target)) return candidate;
        }
        return null;
    }
};

fn isOsAndProcessor(query: std.Target.Query, target: std.Target) bool {
    return query.os_tag == target.os.tag and query.cpu_arch == target.cpu.arch;
}

fn isLibcAllThatDiffers(found: Facts.Platform, target: std.Target) bool {
    const query = found.parsed() orelse return false;
    return target.os.tag == .linux and isOsAndProcessor(query, target);
}

const Answer = union(enum) {
    facts: Facts,
    problem: []const u8,

    /// For `toolchain`, or the package's default if null.
    fn get(b: *std.Build, named: ?[]const u8, toolchain: ?[]const u8) Answer {
        if (named) |tool| return askWithItsPackage(b, tool, toolchain) orelse
            .{ .problem = b.fmt(messages.absent, .{ b.fmt("'{s}'", .{tool}), howToName(b) }) };
        for (places(b)) |tool| {
            if (ask(b, tool, toolchain)) |answer| return answer;
        }
        return .{ .problem = b.fmt(messages.absent, .{ b.fmt(
            tool_name ++ " in the active virtual environment, in .venv of '{s}' or above, or on PATH",
            .{pathFromBuildFile(b, "")},
        ), howToName(b) }) };
    }

    /// Like `ask`, with the package's directory on PYTHONPATH: `pip install --target libs` puts the
    /// program into libs/bin and the package into libs, where Python does not look by default.
    fn askWithItsPackage(b: *std.Build, tool: []const u8, toolchain: ?[]const u8) ?Answer {
        const environ = environment(b);
        const python_path = environ.get("PYTHONPATH") orelse "";
        if (std.fs.path.dirname(std.fs.path.dirname(tool) orelse "")) |prefix| {
            // An empty entry would mean the working directory.
            const joined = if (python_path.len == 0) prefix else b.fmt("{s}{c}{s}", .{
                prefix, std.fs.path.delimiter, python_path,
            });
            environ.put("PYTHONPATH", joined) catch @panic("OOM");
        }
        defer environ.put("PYTHONPATH", python_path) catch @panic("OOM");
        return ask(b, tool, toolchain);
    }

    /// Returns null if there is no such program.
    fn ask(b: *std.Build, tool: []const u8, toolchain: ?[]const u8) ?Answer {
        var exit_code: u8 = 0;
        const command: []const []const u8 = &.{ tool, "--json", "--toolchain", toolchain orelse "" };
        const text = b.runAllowFail(
            command[0..if (toolchain == null) 2 else 4],
            &exit_code,
            // Zig 0.15 spells it with a capital.
            if (@hasField(std.process.Child, "stderr_behavior")) .Inherit else .inherit,
        ) catch |err| return switch (err) {
            error.FileNotFound => null,
            error.ExitCodeFailure => .{ .problem = b.fmt(messages.failed, .{ tool, tool }) },
            else => .{ .problem = b.fmt(messages.cannot_run, .{ tool, @errorName(err), howToName(b) }) },
        };
        const facts = std.json.parseFromSliceLeaky(Facts, b.allocator, text, .{
            .ignore_unknown_fields = true,
        }) catch |err| return .{
            .problem = b.fmt(messages.unknown_answer, .{ tool, @errorName(err), tool }),
        };
        return .{ .facts = facts };
    }
};

fn namedTool(b: *std.Build) ?[]const u8 {
    return b.option([]const u8, tool_name, "The temporal-libs-config to run; default: the one in the " ++
        "active virtual environment, in .venv here or above, or on PATH");
}

/// How to set the program to run. Only the root package's build.zig has options on the command line;
/// it passes options to the others.
fn howToName(b: *std.Build) []const u8 {
    return if (b.dep_prefix.len == 0)
        "-D" ++ tool_name ++ "=PATH"
    else
        b.fmt("b.dependency(…, .{{ .@\"" ++ tool_name ++ "\" = PATH }}) for {s} in the root package's build.zig", .{
            b.dep_prefix[0 .. b.dep_prefix.len - 1],
        });
}

/// The places to look for the program, in order.
fn places(b: *std.Build) []const []const u8 {
    var found: std.ArrayList([]const u8) = .empty;
    const virtual_env = environment(b).get("VIRTUAL_ENV") orelse "";
    if (virtual_env.len != 0)
        found.append(b.allocator, b.pathJoin(&.{ virtual_env, tool_directory, tool_file })) catch @panic("OOM");
    // A dependency can be anywhere, for example in Zig's cache, so look in the root project first.
    if (b.dep_prefix.len != 0) appendAbove(b, &found, workingDirectory(b));
    appendAbove(b, &found, pathFromBuildFile(b, ""));
    found.append(b.allocator, tool_name) catch @panic("OOM");
    return found.items;
}

fn appendAbove(b: *std.Build, found: *std.ArrayList([]const u8), start: []const u8) void {
    var directory: ?[]const u8 = start;
    while (directory) |it| : (directory = std.fs.path.dirname(it))
        found.append(b.allocator, b.pathJoin(&.{ it, ".venv", tool_directory, tool_file })) catch @panic("OOM");
}

fn environment(b: *std.Build) @TypeOf(if (@hasField(std.Build.Graph, "env_map")) &b.graph.env_map else &b.graph.environ_map) {
    return if (@hasField(std.Build.Graph, "env_map")) &b.graph.env_map else &b.graph.environ_map;
}

fn workingDirectory(b: *std.Build) []const u8 {
    const path = if (@hasDecl(std.process, "currentPathAlloc"))
        std.process.currentPathAlloc(b.graph.io, b.allocator)
    else
        std.process.getCwdAlloc(b.allocator);
    return path catch |err| std.debug.panic("no working directory: {s}", .{@errorName(err)});
}

/// Makes a path that is relative to the directory of build.zig absolute.
fn pathFromBuildFile(b: *std.Build, sub_path: []const u8) []const u8 {
    const root, const below = if (@hasField(std.Build, "build_root"))
        .{ b.build_root.path orelse ".", "" }
    else
        .{ b.root.root_dir.path orelse ".", b.root.sub_path };
    return std.fs.path.resolve(b.allocator, &.{ workingDirectory(b), root, below, sub_path }) catch @panic("OOM");
}

/// A directory that is never created: every step that reads it fails with the message.
fn failingDirectory(b: *std.Build, message: []const u8) LazyPath {
    const directory = b.addWriteFiles();
    directory.step.name = step_name;
    directory.step.dependOn(&b.addFail(message).step);
    return directory.getDirectory();
}
