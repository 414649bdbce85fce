#!/bin/sh
# `python -m tools.release try`, as the jobs "try" and "published" run it on every platform, with the same
# arguments. On Windows, Git Bash runs it.
set -eu

python=$(sh tools/wheel/venv.sh release)
"$python" -m tools.release try "$@"
