#!/bin/sh
# Runs `python -m tools.release try` with the same arguments, for the jobs "try" and "published" on every
# platform. On Windows, Git Bash runs it.
set -eu

python=$(sh tools/wheel/venv.sh release)
"$python" -m tools.release try "$@"
