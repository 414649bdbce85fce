#!/bin/sh
# Test a wheel for Windows on Windows, with MinGW's gcc and PyPI's Zig. Run it in Git Bash:
#
#     tools/wheel/test_on_windows.sh DIRECTORY
#
# DIRECTORY contains only the wheel.
set -eu

directory=${1:?usage: test_on_windows.sh DIRECTORY}
set -- "$directory"/*
if [ $# -ne 1 ] || [ ! -f "$1" ]; then
	echo "test_on_windows.sh: expected exactly one wheel in $directory, found: $*" >&2
	exit 1
fi
wheel=$1

python=$(sh tools/wheel/venv.sh zig)
"$python" -m pip install --quiet --no-deps "$wheel"
CC=gcc
export CC
gcc --version
"$python" tests/smoke/command.py --platform windows-x64-gnu
"$python" tests/smoke/smoke.py
"$python" tests/smoke/windows.py
