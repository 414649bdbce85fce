#!/bin/sh
# Installs the Rust that compiles published wheels: cibuildwheel's before-all on every platform. Does
# nothing if cargo and rustc of that version are already on PATH. Arguments are components for rustup
# to add, such as clippy.
#
# TEMPORAL_LIBS_RUST_VERSION  a version other than the one pinned here, or `installed` for the cargo
#                             and rustc on PATH: for a machine that cannot fetch a toolchain, or your
#                             own machine, to keep its rustup default.
# RUSTUP_UPDATE_ROOT          the source of rustup-init, like for rustup itself.
set -eu

# The only place of the pin. This file is part of the key of CI's caches.
pinned=1.95.0

# The rustup whose installer is downloaded if there is no rustup. docs/releasing.md names the sources of
# the checksums, which change with the version.
rustup=1.29.0

wanted=${TEMPORAL_LIBS_RUST_VERSION:-$pinned}

fail() {
	echo "install_rust.sh: $1" >&2
	exit 1
}

# Prints the version of a tool on PATH, or nothing.
version_of() {
	"$1" --version 2>/dev/null | cut -d ' ' -f 2
}

in_place() {
	[ "$(version_of cargo)" = "$wanted" ] && [ "$(version_of rustc)" = "$wanted" ]
}

host_triple() {
	case $(uname -m) in
	x86_64 | amd64) processor=x86_64 ;;
	aarch64 | arm64) processor=aarch64 ;;
	*) fail "there is no wheel for the processor $(uname -m)" ;;
	esac
	case $(uname -s) in
	Darwin) echo "$processor-apple-darwin" ;;
	Linux)
		# musl's ldd has no --version: it prints its name and fails.
		if ldd --version 2>&1 | grep -q musl; then
			echo "$processor-unknown-linux-musl"
		else
			echo "$processor-unknown-linux-gnu"
		fi
		;;
	*) fail "there is no wheel for the system $(uname -s)" ;;
	esac
}

# Prints the SHA-256 of a target's rustup-init.
checksum_of() {
	case $1 in
	aarch64-apple-darwin) echo aeb4105778ca1bd3c6b0e75768f581c656633cd51368fa61289b6a71696ac7e1 ;;
	aarch64-unknown-linux-gnu) echo 9732d6c5e2a098d3521fca8145d826ae0aaa067ef2385ead08e6feac88fa5792 ;;
	aarch64-unknown-linux-musl) echo 88761caacddb92cd79b0b1f939f3990ba1997d701a38b3e8dd6746a562f2a759 ;;
	x86_64-apple-darwin) echo 33cf85df9142bc6d29cbc62fa5ca1d4c29622cddb55213a4c1a43c457fb9b2d7 ;;
	x86_64-unknown-linux-gnu) echo 4acc9acc76d5079515b46346a485974457b5a79893cfb01112423c89aeb5aa10 ;;
	x86_64-unknown-linux-musl) echo 9cd3fda5fd293890e36ab271af6a786ee22084b5f6c2b83fd8323cec6f0992c1 ;;
	esac
}

# Prints the SHA-256 of a file and its name; macOS has another program for it.
sha256() {
	if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum --algorithm 256 "$1"; fi
}

install_with_rustup_init() {
	triple=$(host_triple)
	url=${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/archive/$rustup/$triple/rustup-init
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	curl --proto '=https,file' --tlsv1.2 --fail --silent --show-error --location --retry 3 \
		--output "$scratch/rustup-init" "$url" || fail "cannot fetch $url"
	expected=$(checksum_of "$triple")
	found=$(sha256 "$scratch/rustup-init" | cut -d ' ' -f 1)
	[ "$found" = "$expected" ] || fail "SHA-256 mismatch: expected $expected, found $found: $url"
	chmod +x "$scratch/rustup-init"
	"$scratch/rustup-init" -y --quiet --no-modify-path --profile minimal \
		--default-host "$triple" --default-toolchain "$wanted"
	PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
}

if [ "$wanted" = installed ]; then
	cargo=$(version_of cargo)
	rustc=$(version_of rustc)
	if [ -z "$cargo" ] || [ -z "$rustc" ]; then
		fail "TEMPORAL_LIBS_RUST_VERSION=installed, but cargo and rustc are not both on PATH"
	fi
	echo "Rust as installed: cargo $cargo, rustc $rustc (published wheels: $pinned)"
	exit 0
fi

if ! in_place; then
	if command -v rustup >/dev/null; then
		rustup toolchain install --no-self-update --profile minimal "$wanted"
		rustup default "$wanted"
	else
		install_with_rustup_init
	fi
	in_place || fail "cargo and rustc on PATH are not $wanted after its installation, but \
'$(version_of cargo)' and '$(version_of rustc)'"
fi
if [ $# -gt 0 ]; then
	rustup component add "$@"
fi
echo "Rust $wanted"
