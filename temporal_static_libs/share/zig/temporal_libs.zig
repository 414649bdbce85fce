//! Links Temporal's static libraries, which the Python package temporal-static-libs brings, into the
//! modules of a build.zig. Made to be copied next to it:
//!
//!     temporal-libs-config --zig > temporal_libs.zig
//!
//! and used like this:
//!
//!     const temporal = @import("temporal_libs.zig").find(b, .{});
//!     defer temporal.explainFailures();
//!     temporal.link(module);
//!     temporal.addImport(module, "temporal");
//!
//! All facts come from `temporal-libs-config --json`. What is wrong fails the steps that need the
//! libraries, and no others: `zig build --help` works without them. For Zig 0.15, 0.16 and 0.17.

const std = @import("std");
const LazyPath = std.Build.LazyPath;
const Module = std.Build.Module;
const Step = std.Build.Step;

const tool_name = "temporal-libs-config";
const step_name = "find Temporal's libraries";

/// Every text about something that is wrong. docs/troubleshooting.md has an entry for each.
const messages = struct {
    const no_component =
        \\there is no library for the component '{s}'; there are:{s}
        \\  source: {s}, {s}
        \\  Give find() one of those in build.zig.
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
        \\  Build for the oldest there is: zig build -Dtarget={s}
        \\  help: {s}
    ;
    const note = "Temporal's libraries here are those in {s}, source: {s}; help: {s}";
    const unknown_answer =
        \\'{s} --json' gave an answer that temporal_libs.zig does not understand: {s}.
        \\  The file and the package may be of different versions. Take the package's file:
        \\    {s} --zig > temporal_libs.zig
    ;
    const failed =
        \\'{s}' failed; what it says is above.
        \\  If it says nothing that helps, install its package again:
        \\    pip install --force-reinstall temporal-static-libs
        \\    uv pip install --reinstall temporal-static-libs
    ;
    const cannot_run =
        \\'{s}' cannot be run: {s}
        \\  Install its package again, or name another: zig build -Dtemporal-libs-config=PATH
    ;
    const absent =
        \\there is no {s}.
        \\  It comes with the Python package that holds Temporal's static libraries:
        \\    pip install temporal-static-libs
        \\  Then activate the environment it was installed into, or name the program:
        \\    zig build -Dtemporal-libs-config=PATH
        \\  (If the file is there, the Python that its first line names is not: install it again.)
    ;
};

/// Up to Zig 0.16 a step has a function that makes it; Zig 0.17 makes steps in another process.
const steps_are_made_here = @hasField(Step, "makeFn");

pub const Options = struct {
    /// Which of the libraries to link: "sdk-core", all of the interface, or "client", the part of it
    /// that needs no worker.
    component: []const u8 = "sdk-core",
};

/// Asks temporal-libs-config: the one of `-Dtemporal-libs-config=PATH`, which this declares, or the
/// first there is in the active virtual environment, in `.venv` next to build.zig, and on PATH. Call
/// it once in a build.zig.
pub fn find(b: *std.Build, options: Options) *Libraries {
    // Zig 0.17 caches what a build.zig configures; another package may be there next time.
    if (@hasDecl(std.Build.Graph, "poisonCache")) b.graph.poisonCache();

    const libraries = b.allocator.create(Libraries) catch @panic("OOM");
    libraries.* = .{ .b = b, .component = options.component, .include_dir = undefined };
    switch (Answer.get(b)) {
        .problem => |problem| libraries.include_dir = failingDirectory(b, problem),
        .facts => |facts| {
            libraries.facts = facts;
            libraries.include_dir = if (steps_are_made_here)
                NotingDirectory.create(b, facts.includedir, libraries.note(facts))
            else
                .{ .cwd_relative = facts.includedir };
        },
    }
    return libraries;
}

pub const Libraries = struct {
    /// The directory of the C header, for `addTranslateC(…).addIncludePath`.
    include_dir: LazyPath,

    b: *std.Build,
    component: []const u8,
    /// None if there was no answer.
    facts: ?Facts = null,
    linked: std.ArrayList(*Module) = .empty,

    /// Adds to a module the include path, the archive, and the system libraries or frameworks that
    /// the archive needs. The module must have a target, the one that the archive is for.
    pub fn link(libraries: *Libraries, module: *Module) void {
        module.addIncludePath(libraries.include_dir);
        const facts = libraries.facts orelse return;
        const library = facts.libraryOf(libraries.component) orelse
            return libraries.fail(module, libraries.explainComponent(facts));
        const target = module.resolved_target orelse
            return libraries.fail(module, messages.no_target);
        if (libraries.explainTarget(facts, target.result)) |problem|
            return libraries.fail(module, problem);

        module.link_libc = true;
        // By its path: another library in its directory is not taken for one of the system's.
        module.addObjectFile(.{ .cwd_relative = library.path });
        for (library.system_libraries) |name|
            module.linkSystemLibrary(name, .{ .use_pkg_config = .no });
        for (library.frameworks) |name| module.linkFramework(name, .{});
        libraries.linked.append(libraries.b.allocator, module) catch @panic("OOM");
    }

    /// Lets a module import the C interface, translated from the header, by a name of your choice.
    /// The module must have a target.
    pub fn addImport(libraries: *Libraries, module: *Module, name: []const u8) void {
        const b = libraries.b;
        const header = if (libraries.facts) |facts| std.fs.path.basename(facts.header) else "";
        const translated = b.addTranslateC(.{
            .root_source_file = libraries.include_dir.path(b, header),
            .target = module.resolved_target orelse b.graph.host,
            .optimize = module.optimize orelse .Debug,
        });
        module.addImport(name, translated.createModule());
    }

    /// Has Zig's errors about what the libraries are linked into followed by a line that says where
    /// the libraries came from, and where to read on. To be called when all steps have been made.
    ///
    /// It is for Zig 0.17, which puts the line into the summary that ends a failed build. Up to Zig
    /// 0.16 the line comes by itself, after the errors.
    pub fn explainFailures(libraries: *Libraries) void {
        if (steps_are_made_here or libraries.linked.items.len == 0) return;
        const b = libraries.b;
        const noting = b.addWriteFiles(); // of no files: it does nothing
        noting.step.name = libraries.note(libraries.facts.?);
        for (b.top_level_steps.values()) |top_level| {
            var reached: Steps = .empty;
            reach(b, &reached, &top_level.step);
            var leads_to_one = false;
            for (reached.keys()) |step| {
                const compile = step.cast(Step.Compile) orelse continue;
                if (!libraries.isLinkedInto(compile)) continue;
                leads_to_one = true;
                dependOnce(&noting.step, step);
            }
            if (leads_to_one) top_level.step.dependOn(&noting.step);
        }
    }

    fn isLinkedInto(libraries: *const Libraries, compile: *Step.Compile) bool {
        for (compile.root_module.getGraph().modules) |module| {
            if (std.mem.indexOfScalar(*Module, libraries.linked.items, module) != null) return true;
        }
        return false;
    }

    fn fail(libraries: *Libraries, module: *Module, problem: []const u8) void {
        module.addIncludePath(failingDirectory(libraries.b, problem));
    }

    fn note(libraries: *const Libraries, facts: Facts) []const u8 {
        return libraries.b.fmt(messages.note, .{
            facts.libdir, facts.source_description, facts.troubleshooting,
        });
    }

    fn explainComponent(libraries: *const Libraries, facts: Facts) []const u8 {
        const b = libraries.b;
        var known: []const u8 = "";
        for (facts.libraries) |library| known = b.fmt("{s} {s}", .{ known, library.component });
        return b.fmt(messages.no_component, .{
            libraries.component, known, facts.source_description, facts.libdir,
        });
    }

    /// None if the archives can be linked for the target.
    fn explainTarget(libraries: *const Libraries, facts: Facts, target: std.Target) ?[]const u8 {
        const b = libraries.b;
        const found = facts.platformNamed(facts.platform);
        const wanted = facts.platformOf(target);
        if (wanted != null and std.mem.eql(u8, wanted.?.platform, facts.platform))
            return libraries.explainFloor(facts, target);
        const libc = if (found != null and isLibcAllThatDiffers(found.?, target))
            "  They differ in the libc. (To Zig, a Linux target that names none has musl.)\n"
        else
            "";
        const install = if (wanted) |platform| b.fmt(
            \\  Install the target's wheel into a directory, and have this build ask it:
            \\    pip install --target libs --platform {s} --only-binary=:all: temporal-static-libs
            \\    PYTHONPATH=libs zig build -Dtarget={s} -Dtemporal-libs-config=libs/bin/temporal-libs-config
            \\
        , .{ platform.wheel_tag, platform.zig_target }) else 
            \\  The package has no wheel for that target.
            \\
        ;
        const instead = if (found) |platform| b.fmt(
            "  Or build for the target of the libraries there are: zig build -Dtarget={s}\n",
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

    /// None if the target's libc, or macOS, is new enough.
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

/// What this build needs of the answer to `temporal-libs-config --json`.
const Facts = struct {
    /// As in "wheel (temporal-static-libs 1.2.3)".
    source_description: []const u8,
    libdir: []const u8,
    includedir: []const u8,
    header: []const u8,
    /// As in "linux-x64".
    platform: []const u8,
    /// The oldest system that the archives are for: "glibc", "2.17".
    floor: struct { name: []const u8, version: []const u8 },
    libraries: []const Library,
    /// All that there are wheels for.
    platforms: []const Platform,
    /// The address of a page of the documentation.
    troubleshooting: []const u8,

    const Library = struct {
        component: []const u8,
        /// The archive.
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
            // On macOS there is one ABI only.
            return isOsAndProcessor(query, target) and (query.abi orelse target.abi) == target.abi;
        }

        fn parsed(platform: Platform) ?std.Target.Query {
            return std.Target.Query.parse(.{ .arch_os_abi = platform.zig_target }) catch null;
        }
    };

    fn libraryOf(facts: Facts, component: []const u8) ?Library {
        for (facts.libraries) |candidate| {
            if (isComponent(candidate.component, component)) return candidate;
        }
        return null;
    }

    /// One name has other spellings: "sdk-core" is also "sdk_core", and has its archive's names,
    /// "temporal_sdk_core" and "libtemporal_sdk_core.a".
    fn isComponent(name: []const u8, spelling: []const u8) bool {
        var rest = spelling;
        if (std.mem.startsWith(u8, rest, "lib")) rest = rest["lib".len..];
        if (std.mem.endsWith(u8, rest, ".a")) rest = rest[0 .. rest.len - ".a".len];
        for ([_][]const u8{ "temporal_", "temporal-" }) |prefix| {
            if (std.mem.startsWith(u8, rest, prefix)) rest = rest[prefix.len..];
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

    fn get(b: *std.Build) Answer {
        const named = b.option([]const u8, tool_name, "The temporal-libs-config to ask; default: " ++
            "that of the active virtual environment, of .venv here, or on PATH");
        var candidates: std.ArrayList([]const u8) = .empty;
        if (named) |path| {
            candidates.append(b.allocator, path) catch @panic("OOM");
        } else {
            const on_path = tool_name;
            const beside = besideBuildFile(b, ".venv/bin/" ++ tool_name);
            if (activeEnvironment(b)) |venv|
                candidates.append(b.allocator, b.pathJoin(&.{ venv, "bin", tool_name })) catch @panic("OOM");
            candidates.appendSlice(b.allocator, &.{ beside, on_path }) catch @panic("OOM");
        }
        for (candidates.items) |tool| {
            var exit_code: u8 = 0;
            const text = b.runAllowFail(
                &.{ tool, "--json" },
                &exit_code,
                // Zig 0.15 spells it with a capital.
                if (@hasField(std.process.Child, "stderr_behavior")) .Inherit else .inherit,
            ) catch |err| switch (err) {
                error.FileNotFound => continue,
                else => return .{ .problem = explainRun(b, tool, err) },
            };
            return read(b, tool, text);
        }
        return .{ .problem = explainAbsence(b, candidates.items) };
    }

    fn read(b: *std.Build, tool: []const u8, text: []const u8) Answer {
        const facts = std.json.parseFromSliceLeaky(Facts, b.allocator, text, .{
            .ignore_unknown_fields = true,
        }) catch |err| return .{
            .problem = b.fmt(messages.unknown_answer, .{ tool, @errorName(err), tool }),
        };
        return .{ .facts = facts };
    }

    fn explainRun(b: *std.Build, tool: []const u8, err: anyerror) []const u8 {
        return switch (err) {
            error.ExitCodeFailure => b.fmt(messages.failed, .{tool}),
            else => b.fmt(messages.cannot_run, .{ tool, @errorName(err) }),
        };
    }

    fn explainAbsence(b: *std.Build, tools: []const []const u8) []const u8 {
        var places: []const u8 = "";
        for (tools) |tool| places = b.fmt("{s}{s}'{s}'", .{
            places, if (places.len == 0) "" else ", nor ", tool,
        });
        return b.fmt(messages.absent, .{places});
    }
};

/// The directory of the virtual environment that the shell has activated.
fn activeEnvironment(b: *std.Build) ?[]const u8 {
    const environ = if (@hasField(std.Build.Graph, "env_map")) b.graph.env_map else b.graph.environ_map;
    const directory = environ.get("VIRTUAL_ENV") orelse return null;
    return if (directory.len == 0) null else directory;
}

fn besideBuildFile(b: *std.Build, sub_path: []const u8) []const u8 {
    if (@hasField(std.Build, "build_root"))
        return b.pathJoin(&.{ b.build_root.path orelse ".", sub_path });
    return b.pathJoin(&.{ b.root.root_dir.path orelse ".", b.root.sub_path, sub_path });
}

/// A directory that cannot be had: every step that looks into it fails with the message.
fn failingDirectory(b: *std.Build, message: []const u8) LazyPath {
    const directory = b.addWriteFiles();
    directory.step.name = step_name;
    directory.step.dependOn(&b.addFail(message).step);
    return directory.getDirectory();
}

/// A directory that has each step that looks into it say something if it fails. It does so at the
/// time that steps are made, because none of them is there yet when a module is linked.
const NotingDirectory = struct {
    step: Step,
    directory: std.Build.GeneratedFile,
    note: []const u8,
    makers: std.AutoHashMapUnmanaged(*Step, Step.MakeFn) = .empty,

    fn create(b: *std.Build, path: []const u8, text: []const u8) LazyPath {
        const noting = b.allocator.create(NotingDirectory) catch @panic("OOM");
        noting.* = .{
            .step = Step.init(.{
                .id = .custom,
                .name = step_name,
                .owner = b,
                .makeFn = watchDependants,
            }),
            .directory = .{ .step = &noting.step, .path = path },
            .note = text,
        };
        return .{ .generated = .{ .file = &noting.directory } };
    }

    fn watchDependants(step: *Step, _: Step.MakeOptions) anyerror!void {
        const noting: *NotingDirectory = @fieldParentPtr("step", step);
        for (step.dependants.items) |dependant| {
            if (dependant.makeFn == &makeAndNote) continue; // with --watch, from the time before
            try noting.makers.put(step.owner.allocator, dependant, dependant.makeFn);
            dependant.makeFn = makeAndNote;
        }
    }

    fn makeAndNote(step: *Step, options: Step.MakeOptions) anyerror!void {
        const noting = for (step.dependencies.items) |dependency| {
            if (dependency.makeFn == &watchDependants)
                break @as(*NotingDirectory, @fieldParentPtr("step", dependency));
        } else unreachable;
        noting.makers.get(step).?(step, options) catch |err| {
            if (err == error.MakeSkipped) return err;
            // The build runner's own words for it, which else would follow.
            if (err != error.MakeFailed) try step.addError("{s}", .{@errorName(err)});
            return step.fail("{s}", .{noting.note});
        };
    }
};

fn dependOnce(step: *Step, other: *Step) void {
    if (std.mem.indexOfScalar(*Step, step.dependencies.items, other) == null) step.dependOn(other);
}

const Steps = std.array_hash_map.Auto(*Step, void);

/// Collects a step, what it depends on, and what that will depend on because of its modules.
fn reach(b: *std.Build, reached: *Steps, step: *Step) void {
    if ((reached.getOrPut(b.allocator, step) catch @panic("OOM")).found_existing) return;
    for (step.dependencies.items) |dependency| reach(b, reached, dependency);
    const compile = step.cast(Step.Compile) orelse return;
    for (compile.root_module.getGraph().modules) |module| {
        for (module.link_objects.items) |object| switch (object) {
            .other_step => |other| reach(b, reached, &other.step),
            .static_path => |path| {
                var waiting: Step = .init(.{ .tag = .top_level, .name = "", .owner = b });
                path.addStepDependencies(&waiting);
                for (waiting.dependencies.items) |dependency| reach(b, reached, dependency);
            },
            else => {},
        };
    }
}
