#!/bin/sh
# Build and repair the wheel for Windows on Debian or Ubuntu, like the workflow; the result is in
# dist/cross/windows-x64-gnu. Needs the Makefile's venv `cross`, and Rust from rustup.
set -eu

platform=windows-x64-gnu
triple=x86_64-pc-windows-gnu

sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
$sudo apt-get update --quiet=2
# GCC depends on its binutils, whose dlltool rustc needs to make import libraries.
DEBIAN_FRONTEND=noninteractive $sudo apt-get install --quiet=2 --yes --no-install-recommends \
	gcc-mingw-w64-x86-64 >/dev/null
rustup target add "$triple"
make cross PLATFORMS="$platform" CROSS_ARGS=--build-only
