#!/bin/sh
# Puts in place the Rust that published wheels are compiled with: cibuildwheel's before-all, on every
# platform. Does nothing where cargo and rustc of that version are on PATH already. Arguments are
# components that rustup is to add, such as clippy.
#
# TEMPORAL_LIBS_RUST_VERSION  another version than the one pinned here, or `installed` for whatever
#                             cargo and rustc are on PATH: for a machine that can fetch no toolchain,
#                             or one of your own, whose rustup default is not to change.
# RUSTUP_UPDATE_ROOT          where rustup-init is fetched from, as rustup itself takes it.
set -eu

# The one place of the pin. This file is part of the key of CI's caches.
pinned=1.95.0

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
		# musl's ldd knows no --version: it names itself, and fails.
		if ldd --version 2>&1 | grep -q musl; then
			echo "$processor-unknown-linux-musl"
		else
			echo "$processor-unknown-linux-gnu"
		fi
		;;
	*) fail "there is no wheel for the system $(uname -s)" ;;
	esac
}

install_with_rustup_init() {
	triple=$(host_triple)
	url=${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/dist/$triple/rustup-init
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	curl --proto '=https,file' --tlsv1.2 --fail --silent --show-error --location --retry 3 \
		--output "$scratch/rustup-init" "$url" || fail "cannot fetch $url"
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
