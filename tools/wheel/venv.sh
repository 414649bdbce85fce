#!/bin/sh
# Makes a venv of the Makefile, and prints the path of its interpreter:
#
#     tools/wheel/venv.sh GROUP
#
# The Makefile does it, except on Windows, where a venv has other directories: there it is always new.
set -eu

venv=.venv/${1:?usage: venv.sh GROUP}
case $(uname -s) in
MINGW* | MSYS*)
	python=$venv/Scripts/python.exe
	python -m venv --clear "$venv" >&2
	"$python" -m pip install --quiet --require-hashes --requirement requirements/pip.txt >&2
	"$python" -m pip install --quiet --require-hashes --requirement "requirements/$1.txt" >&2
	;;
*)
	python=$venv/bin/python
	make "$venv/.ready" >&2
	;;
esac
echo "$python"
