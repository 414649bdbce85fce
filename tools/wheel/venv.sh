#!/bin/sh
# Makes one of the Makefile's venvs, and prints the path of its interpreter:
#
#     tools/wheel/venv.sh GROUP
#
# It uses the Makefile, except on Windows, where a venv has other directories and is always recreated.
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
