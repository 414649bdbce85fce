#!/bin/sh
# Build archives for Visual C++ on Windows, and link and run programs with them. Run it in Git Bash, on a
# machine with Visual Studio and the Windows SDK. The wheel in dist/msvc is not for a release.
set -eu

python=$(sh tools/wheel/venv.sh build)
TEMPORAL_LIBS_TARGET=x86_64-pc-windows-msvc
TEMPORAL_LIBS_CARGO_PROFILE=release
export TEMPORAL_LIBS_TARGET TEMPORAL_LIBS_CARGO_PROFILE
"$python" -m build --wheel --no-isolation --outdir dist/msvc .
unset TEMPORAL_LIBS_TARGET
set -- dist/msvc/*.whl
wheel=$1
"$python" -m pip install --quiet --no-deps "$wheel"
"$python" tests/smoke/command.py --platform windows-x64-msvc
"$python" -m tests.smoke.msvc
