#!/bin/sh
# cibuildwheel, as the workflow runs it, with its arguments. What cargo fetches and compiles is where
# pyproject.toml puts it, and so is the build's record; in a container too, where the same directories
# are mounted.
set -eu

registry=.cargo/registry
target=.cache/temporal-static-libs/target
record=.cache/temporal-static-libs/record

mkdir -p "$HOME/$registry" "$HOME/$target" "$HOME/$record"
CIBW_CONTAINER_ENGINE="docker; create_args: --volume=$HOME/$registry:/root/$registry --volume=$HOME/$target:/root/$target --volume=$HOME/$record:/root/$record"
export CIBW_CONTAINER_ENGINE
.venv/cibuildwheel/bin/python -m cibuildwheel "$@"

# In a container it is root who fills them, and who runs this must be able to cache them.
if [ "$(uname -s)" = Linux ] && [ "$(id -u)" -ne 0 ]; then
	sudo chown -R "$(id -u)" "$HOME/$registry" "$HOME/${target%/*}"
fi
