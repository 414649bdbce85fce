#!/bin/sh
# Test a wheel for Windows on Windows, with MinGW's gcc and PyPI's Zig. Git Bash runs it:
#
#     tools/wheel/test_on_windows.sh DIRECTORY
#
# DIRECTORY holds one wheel and nothing else.
set -eu

directory=${1:?usage: test_on_windows.sh DIRECTORY}
set -- "$directory"/*
if [ $# -ne 1 ] || [ ! -f "$1" ]; then
	echo "test_on_windows.sh: there is not one wheel in $directory: $*" >&2
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
