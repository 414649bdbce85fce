# `make help` lists the targets, with the line above each that begins with two hashes. For details, see
# CONTRIBUTING.md.

# --- variables of all targets ---

## Python interpreter for the venvs, 3.10 or newer
PYTHON ?= python3
## Cargo profile: release, as shipped, or quick, without LTO
PROFILE ?= release

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/temporal-static-libs
# In the user's cache, so that other clones need not compile the same 300 crates again.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export TEMPORAL_LIBS_CARGO_PROFILE := $(PROFILE)

CBINDGEN_VERSION := 0.29.4
CBINDGEN := $(CACHE)/tools/cbindgen-$(CBINDGEN_VERSION)/bin/cbindgen
CARGO_ABOUT_VERSION := 0.9.3
CARGO_ABOUT := $(CACHE)/tools/cargo-about-$(CARGO_ABOUT_VERSION)/bin/cargo-about
CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX := $(CACHE)/tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)/bin/cargo-cyclonedx
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
RUST_AUDIT_INFO_VERSION := 0.5.4
RUST_AUDIT_INFO := $(CACHE)/tools/rust-audit-info-$(RUST_AUDIT_INFO_VERSION)/bin/rust-audit-info
# Installs into the directory whose bin/ contains the rule's target.
CARGO_INSTALL = cargo install --quiet --locked --root $(patsubst %/bin/,%,$(dir $@))

DIST := dist/$(PROFILE)
WHEEL_STAMP := $(DIST)/.built
WHEEL_INPUTS := pyproject.toml hatch_build.py README.md LICENSE \
	$(wildcard tools/wheel/*.py) \
	$(shell find rust temporal_static_libs -type f \
		-not -path 'rust/target/*' -not -path 'temporal_static_libs/lib/*' \
		-not -path 'temporal_static_libs/share/proto/*' -not -name '*.pyc')

STEP = @printf '\n==> %s\n'

.DELETE_ON_ERROR:
.PHONY: help demo fallback test test-rust fuzz sanitize battery endure guides bench profile behavior lint lint-python lint-rust lint-zig \
	lint-words wheel sdist try-sdist cross reproduce rehearse header check-header bindings check-bindings reference check-reference docs licenses \
	proto-licenses requirements check-requirements deny audit trend bump upstream clean

# --- demo and tests ---

## run the Zig bridge against a Temporal server (default target)
demo: .venv/demo/.installed
	$(STEP) "demo: the Zig bridge against a real Temporal server"
	.venv/demo/bin/python -m tools.demo

# Compiles the sources in the installed wheel, without reusing anything that this checkout compiled. The
# result stays in .venv/fallback for the next run.
FALLBACK := env -u CARGO_TARGET_DIR USE_PREBUILT_LIBS=false TEMPORAL_LIBS_CACHE_DIR=$(CURDIR)/.venv/fallback
## compile the sources in the wheel, and run the demo (6 to 15 minutes)
fallback: .venv/demo/.installed
	$(STEP) "fallback: compiling the sources in the wheel"
	$(FALLBACK) .venv/demo/bin/temporal-libs-config --verify --libdir
	$(STEP) "fallback: the Zig bridge with the compiled archives"
	$(FALLBACK) .venv/demo/bin/python -m tools.demo
	$(FALLBACK) .venv/demo/bin/temporal-libs-config --doctor

# These versions of pip do not run on newer versions of Python.
OLD_PIPS := $(shell $(PYTHON) -c 'import sys; print("pip-19.2 pip-20.2" * (sys.version_info < (3, 12)))')

## run linters, then all tests on the installed wheel; PYTEST_ARGS selects tests
test: lint check-header check-reference docs test-rust .venv/test/.installed .venv/zig-0.14/.ready \
		.venv/zig-0.16/.ready .venv/zig-0.17/.ready .venv/audit/.ready .venv/delivery/.ready \
		.venv/browser/.ready $(OLD_PIPS:%=.venv/%/.ready) $(RUST_AUDIT_INFO)
	$(STEP) "test: the installed wheel"
	PATH="$(dir $(RUST_AUDIT_INFO)):$$PATH" \
		TEMPORAL_LIBS_TEST_WHEEL="$$(echo $(CURDIR)/$(DIST)/*.whl)" .venv/test/bin/pytest $(PYTEST_ARGS)

# Reads the list of crates in a linked program, like scanners.
$(RUST_AUDIT_INFO):
	$(STEP) "rust-audit-info $(RUST_AUDIT_INFO_VERSION): compiling"
	$(CARGO_INSTALL) --debug rust-audit-info@$(RUST_AUDIT_INFO_VERSION)

# These tests panic deliberately, which the archives that ship cannot do.
## test panics inside the library
test-rust:
	$(STEP) "test: panics inside the library"
	cd rust && cargo test --locked --profile quick --package temporal-static-libs-c-api --lib

FUZZ_EXAMPLES ?= 5000
## test with random input, longer than `test`; FUZZ_EXAMPLES per group
fuzz: .venv/test/.installed
	$(STEP) "fuzz: $(FUZZ_EXAMPLES) examples per group"
	TEMPORAL_LIBS_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) .venv/test/bin/pytest tests/abi/test_hostile.py -k fuzz

## run the memory tests
sanitize: .venv/test/.installed
	$(STEP) "sanitize: valgrind, and 64 threads at once"
	.venv/test/bin/pytest tests/abi/test_memory.py tests/abi/test_hostile.py -k "memory or many_threads"

## run all of tests/battery, including slow tests; result in dist/battery.xml
battery: .venv/test/.installed .venv/delivery/.ready
	$(STEP) "battery: names, interpreters, records, environments, signals, full disks, two users"
	TEMPORAL_LIBS_TEST_WHEEL="$$(echo $(CURDIR)/$(DIST)/*.whl)" .venv/test/bin/pytest -m "battery or not battery" \
		--junit-xml=dist/battery.xml tests/battery $(PYTEST_ARGS)

# ENDURE_ARGS: --runs, --restarts; --help lists them.
## run the examples against failing servers (6 minutes); ENDURE_ARGS
endure: .venv/test/.installed
	$(STEP) "endure: the examples' programs against servers that misbehave or are killed"
	.venv/test/bin/python -m tests.endure --wheel $(DIST)/*.whl $(ENDURE_ARGS)

# GUIDES: names of guides; all if empty. Needs root, Docker and debootstrap. docs/trials.md has the last result.
## follow the guides in docs/ exactly, in fresh Debian containers (20 to 40 minutes); GUIDES
guides: .venv/test/.ready $(WHEEL_STAMP)
	$(STEP) "guides: each in a fresh Debian container, against a Temporal server"
	.venv/test/bin/python -m tools.guides --wheel $(DIST)/*.whl $(GUIDES)

# Two compiles take 15 to 30 minutes; --quick skips them. BENCH_ARGS: names of benchmarks, --quick,
# --compare LABEL=DIR, --publish docs, ...; --help lists them.
## measure the wheel and its alternatives (40 to 60 minutes); BENCH_ARGS
bench: .venv/test/.installed .venv/delivery/.ready .venv/zig-0.16/.ready .venv/zig-0.17/.ready
	$(STEP) "bench: the installed wheel and its alternatives"
	.venv/test/bin/python -m benchmarks --wheel $(DIST)/*.whl $(BENCH_ARGS)

# Needs Linux perf. PROFILE_ARGS: --workloads, --seconds, --json, ...; --help lists them.
## measure which crates use CPU time, and list those for opt-level 3: 3 to 10 minutes; PROFILE_ARGS
profile: .venv/test/.installed
	$(STEP) "profile: the crates that use a bridge's CPU time"
	.venv/test/bin/python -m tests.profile --line-tables $(DIST)/line-tables $(PROFILE_ARGS)

# BEHAVIOR_ARGS: record DIRECTORY, or compare BEFORE AFTER; --help lists the options.
BEHAVIOR_ARGS ?= record dist/behavior
## record or compare the output of the command and the Python API; BEHAVIOR_ARGS
behavior: .venv/test/.installed
	$(STEP) "behavior: the output of the command and the Python API, in every state"
	.venv/test/bin/python -m tests.behavior $(BEHAVIOR_ARGS)

# --- builds ---

## build the wheel
wheel: $(WHEEL_STAMP)
	@ls -l $(DIST)/*.whl

## build the source distribution
sdist: .venv/build/.ready
	$(STEP) "sdist: building the source distribution"
	rm -rf dist/sdist
	.venv/build/bin/python -m build --sdist --no-isolation --outdir dist/sdist .
	@ls -l dist/sdist/*.tar.gz

# Compiles the result of `make sdist` as pip does.
## compile and test the source distribution (6 to 15 minutes)
try-sdist: .venv/try-sdist/.ready
	$(STEP) "try-sdist: compiling the source distribution, then linking programs with the result"
	.venv/try-sdist/bin/pip install --no-build-isolation --no-deps --force-reinstall dist/sdist/*.tar.gz
	.venv/try-sdist/bin/python tests/smoke/smoke.py

# PLATFORMS: names of platforms, such as linux-arm64; all if empty. CROSS_ARGS: --build-only. For the
# prerequisites, see docs/platforms.md.
## build and test wheels for other platforms; PLATFORMS
cross: .venv/cross/.ready .venv/zig-0.16/.ready .venv/zig-0.17/.ready
	$(STEP) "cross: wheels for other platforms"
	.venv/cross/bin/python -m tools.cross $(CROSS_ARGS) $(PLATFORMS)

# Compiles everything twice from scratch. REPRODUCE_ARGS: "--against WHEEL" compiles once and compares with an
# existing wheel; --sdist uses the source distribution.
## build twice in different directories, and compare (30 minutes or more); REPRODUCE_ARGS
reproduce:
	$(STEP) "reproduce: two builds of the commit, in different directories"
	$(PYTHON) -m tools.wheel.reproduce --profile $(PROFILE) $(REPRODUCE_ARGS)

# REHEARSE_ARGS: --fresh, --remove-image, ...; --help lists them.
## build and test the wheel with cibuildwheel in Docker; REHEARSE_ARGS
rehearse: .venv/cibuildwheel/.ready
	$(STEP) "rehearse: cibuildwheel, from a clean checkout to a tested wheel"
	.venv/cibuildwheel/bin/python -m tools.wheel.rehearse --profile $(PROFILE) $(REHEARSE_ARGS)

# --- maintenance ---

# VERSION: of the core. BUMP_ARGS: --allow-older. Compiles only its own tools.
## move to the published core VERSION; BUMP_ARGS
bump: .venv/bump/.ready
	$(STEP) "bump: to temporalio-sdk-core $(VERSION)"
	.venv/bump/bin/python -m tools.bump to $(VERSION) $(BUMP_ARGS)

# VERSION: of Temporal's Python package; the newest if empty. The command exits with 0, 1 or 2. make prints
# this status, but exits with 2 for both 1 and 2.
## compare the C interface with Temporal's newest Python package, or with VERSION
upstream: .venv/upstream/.ready
	$(STEP) "upstream: comparing the C interface with Temporal's"
	.venv/upstream/bin/python -m tools.interface upstream $(VERSION)

# REQUIREMENTS_ARGS: --upgrade also moves indirect dependencies to their newest versions.
## write the dependency groups' versions and hashes to requirements/; REQUIREMENTS_ARGS
requirements: .venv/requirements/.ready
	$(STEP) "requirements: resolving each dependency group"
	.venv/requirements/bin/python -m tools.requirements $(REQUIREMENTS_ARGS)

## check that requirements/ matches the dependency groups
check-requirements: .venv/requirements/.ready
	$(STEP) "requirements: comparing with the dependency groups"
	.venv/requirements/bin/python -m tools.requirements --check

# RECORDS: files or directories of build records. HISTORY: the last release's build-history.json, if there is one.
RECORDS ?= $(wildcard $(DIST)/build-record.json dist/cross/*/build-record.json)
HISTORY ?=
## collect and chart the build records in dist/; RECORDS, HISTORY
trend: .venv/records/.ready
	$(STEP) "trend: the builds in dist/"
	mkdir -p dist
	.venv/records/bin/python -m tools.records gather $(HISTORY:%=--previous %) \
		--history dist/build-history.json $(RECORDS)
	.venv/records/bin/python -m tools.records render dist/build-history.json dist/build-history.svg

# --- lint ---

## run all linters
lint: lint-python lint-rust lint-zig lint-words

## run ruff and mypy
lint-python: .venv/lint/.ready
	$(STEP) "lint: Python"
	.venv/lint/bin/ruff check .
	.venv/lint/bin/ruff format --check .
	.venv/lint/bin/mypy
	.venv/lint/bin/mypy --platform win32 hatch_build.py temporal_static_libs

# In the release profile, because the build needs that profile's build scripts and macros anyway.
## run rustfmt and clippy
lint-rust:
	$(STEP) "lint: Rust"
	cd rust && cargo fmt --check
	cd rust && cargo clippy --locked --release --package temporal-static-libs-sdk-core -- -D warnings

## run `zig fmt`
lint-zig: .venv/lint/.ready
	$(STEP) "lint: Zig"
	.venv/lint/bin/python -m ziglang fmt --check examples tests temporal_static_libs/share

# WORDS_ARGS: --update, --accept, --advice; --help lists them.
## check words and spelling; WORDS_ARGS
lint-words: .venv/lint/.ready
	$(STEP) "lint: words and spelling"
	.venv/lint/bin/python -m tools.words $(WORDS_ARGS)

# --- C header ---

## generate the C header, the ABI ID and interface.json
header: $(CBINDGEN) .venv/header/.ready
	.venv/header/bin/python -m tools.generate.header --cbindgen $(CBINDGEN)

## check that the header and interface.json match rust/c-api
check-header: $(CBINDGEN) .venv/header/.ready
	$(STEP) "header: comparing it and interface.json with rust/c-api"
	.venv/header/bin/python -m tools.generate.header --cbindgen $(CBINDGEN) --check

# With a new venv, Zig 0.16 and 0.17 first compile their translators, which takes minutes; later runs take seconds.
ZIG_VENVS := .venv/zig .venv/zig-0.16 .venv/zig-0.17
## translate the C header to Zig, once for each series of Zig
bindings: $(ZIG_VENVS:%=%/.ready)
	.venv/zig/bin/python -m tools.generate.bindings $(ZIG_VENVS:%=%/bin/python)

# Not part of test, because of the translators. The tests compare the files with the header's hash and
# interface.json.
## check that the translations match the header, on every platform
check-bindings: $(ZIG_VENVS:%=%/.ready)
	$(STEP) "bindings: comparing with what each Zig generates, for every platform"
	.venv/zig/bin/python -m tools.generate.bindings --check $(ZIG_VENVS:%=%/bin/python)

# A debug build, because it runs only for a second, and optimizing it would take minutes.
$(CBINDGEN):
	$(STEP) "cbindgen $(CBINDGEN_VERSION): compiling"
	$(CARGO_INSTALL) --debug cbindgen@$(CBINDGEN_VERSION)

# --- documentation ---

# docs/c-api.md, docs/interface-changes.md, docs/cli.md and the shell completions, from the header, the
# interface tables and the command's parser.
## generate the reference pages and the shell completions
reference: .venv/docs/.ready
	.venv/docs/bin/python -m tools.generate

## check that pages and completions match the header and the command
check-reference: .venv/docs/.ready
	$(STEP) "reference: comparing pages and completions with the header and the command"
	.venv/docs/bin/python -m tools.generate --check

# A broken link, within docs/ or to other files, is an error.
## build the documentation site in dist/site/
docs: .venv/docs/.ready
	$(STEP) "docs: building the site in dist/site/"
	.venv/docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env -c tools/website docs dist/site

# --- SBOM and licenses ---

# Run it after every change of rust/Cargo.lock; a test fails otherwise. The first run compiles its tools for
# minutes.
## generate the SBOM and the license files
licenses: proto-licenses $(CARGO_ABOUT) $(CARGO_CYCLONEDX)
	$(STEP) "licenses: SBOM and license file of the archives"
	$(PYTHON) -m tools.licenses --cargo-about $(CARGO_ABOUT) --cargo-cyclonedx $(CARGO_CYCLONEDX)

# Needs only cargo.
## generate only the license file of the protobuf files
proto-licenses:
	$(STEP) "proto-licenses: license file of the protobuf files"
	$(PYTHON) -m tools.licenses.protos

# Optimized, because it compares every file of every crate with every license.
$(CARGO_ABOUT):
	$(STEP) "cargo-about $(CARGO_ABOUT_VERSION): compiling"
	$(CARGO_INSTALL) --features cli cargo-about@$(CARGO_ABOUT_VERSION)

$(CARGO_CYCLONEDX):
	$(STEP) "cargo-cyclonedx $(CARGO_CYCLONEDX_VERSION): compiling"
	$(CARGO_INSTALL) --debug cargo-cyclonedx@$(CARGO_CYCLONEDX_VERSION)

# --- checks of crates and tools ---

DENY_ARGS := --deny unmatched-skip --deny unnecessary-skip
# Not part of lint, because the first run compiles cargo-deny, which takes a few minutes. CI runs it.
## check the crates against rust/deny.toml: bans, sources, duplicates
deny: $(CARGO_DENY)
	$(STEP) "deny: bans, sources and duplicates"
	cd rust && $(CARGO_DENY) --locked check $(DENY_ARGS) bans sources

# AUDIT_ARGS: --issue, ...; --help lists them. Needs a network, to query the advisory databases.
## look for advisories about the crates and the Python tools; AUDIT_ARGS
audit: $(CARGO_DENY) .venv/audit/.ready
	$(STEP) "audit: advisories about crates and Python tools"
	.venv/audit/bin/python -m tools.audit --cargo-deny $(CARGO_DENY) $(AUDIT_ARGS)

$(CARGO_DENY):
	$(STEP) "cargo-deny $(CARGO_DENY_VERSION): compiling"
	$(CARGO_INSTALL) --debug cargo-deny@$(CARGO_DENY_VERSION)

# --- help and cleanup ---

## list the targets
help:
	@echo 'make [TARGET] [VARIABLE=VALUE ...]'
	@awk '/^# --- .* ---$$/ { group = substr($$0, 7, length($$0) - 10) } \
		/^## / { text = substr($$0, 4); next } \
		text && group { printf "\n%s\n", group; group = "" } \
		text { sub(/ *[?:].*/, ""); printf "  %-18s %s\n", $$0, text; text = "" }' Makefile

## remove the venvs, builds and caches in this directory
clean:
	rm -rf .venv dist temporal_static_libs/lib temporal_static_libs/share/proto rust/target
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- wheel and venvs ---

# docs/records.md and docs/debugging.md explain these files. The record is written even if the build fails.
RECORD := TEMPORAL_LIBS_BUILD_RECORD=$(CURDIR)/$(DIST)/build-record.json \
	$(if $(filter release,$(PROFILE)),TEMPORAL_LIBS_LINE_TABLES=$(CURDIR)/$(DIST)/line-tables)
$(WHEEL_STAMP): $(WHEEL_INPUTS) .venv/build/.ready
	$(STEP) "wheel: compiling Temporal's core with profile $(PROFILE) (6 to 15 minutes the first time)"
	rm -rf $(DIST)
	$(RECORD) .venv/build/bin/python -m build --wheel --no-isolation --outdir $(DIST)/unproven .
	$(STEP) "wheel: proving the platform tag"
	$(RECORD) .venv/build/bin/python -m tools.wheel.repair $(DIST)/unproven/*.whl $(DIST)
	@touch $@

# A venv with one of pyproject.toml's dependency groups and the pip that all venvs use. It is recreated when
# its requirements file changes, which `make requirements` writes.
.venv/%/.ready: requirements/%.txt requirements/pip.txt
	$(STEP) "venv: $*"
	$(PYTHON) -m venv --clear .venv/$*
	.venv/$*/bin/pip install --quiet --require-hashes --requirement requirements/pip.txt
	.venv/$*/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@

# The same, with the wheel installed; reinstalled when the profile changes.
.venv/%/.installed: .venv/%/.ready $(WHEEL_STAMP) .venv/.profile-$(PROFILE)
	$(STEP) "venv: installing the wheel in $*"
	.venv/$*/bin/pip install --quiet --force-reinstall --no-deps $(DIST)/*.whl
	@touch $@

.venv/.profile-$(PROFILE):
	@mkdir -p .venv && rm -f .venv/.profile-* && touch $@

.PRECIOUS: .venv/%/.ready .venv/%/.installed
