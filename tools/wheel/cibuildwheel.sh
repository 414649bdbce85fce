#!/bin/sh
# Runs one build of cibuildwheel, like the workflow:
#
#     tools/wheel/cibuildwheel.sh IDENTIFIER [ARGUMENT ...]
#
# cargo's downloads and results, and the build's record, are in the directories that pyproject.toml
# sets. Containers mount the same directories. The other arguments are passed to cibuildwheel.
#
# RELEASE=true  starts without results of earlier runs: cargo does not verify what it unpacked or
#               compiled, and on a self-hosted runner, an earlier run could be anybody's.
set -eu

identifier=${1:?usage: cibuildwheel.sh IDENTIFIER [ARGUMENT ...]}
shift

registry=.cargo/registry
target=.cache/temporal-static-libs/target
record=.cache/temporal-static-libs/record

# In a container, root owns the files, but the user of this script must be able to cache or remove them.
own() {
	if [ "$(uname -s)" = Linux ] && [ "$(id -u)" -ne 0 ]; then
		sudo chown -R "$(id -u)" "$@"
	fi
}

remove_fresh() {
	own "$target_kept" "$CARGO_HOME"
	rm -rf "$target_kept" "$CARGO_HOME" "$CIBW_CACHE_PATH"
}

mkdir -p "$HOME/${registry%/*}" "$HOME/${target%/*}" "$HOME/$record"
registry_kept=$HOME/$registry
target_kept=$HOME/$target
if [ "${RELEASE:-}" = true ]; then
	# A build outside a container gets the suffix from pyproject.toml, and cargo's home from here.
	target_kept=$(mktemp -d "$target_kept-XXXXXX")
	CARGO_HOME=$(mktemp -d "$HOME/${target%/*}/cargo-XXXXXX")
	CIBW_CACHE_PATH=$(mktemp -d "$HOME/${target%/*}/cibuildwheel-XXXXXX")
	trap remove_fresh EXIT
	registry_kept=$CARGO_HOME/registry
	TEMPORAL_LIBS_TARGET_SUFFIX=${target_kept#"$HOME/$target"}
	PATH=$CARGO_HOME/bin:$PATH
	export CARGO_HOME CIBW_CACHE_PATH PATH TEMPORAL_LIBS_TARGET_SUFFIX
fi
mkdir -p "$registry_kept" "$target_kept"

CIBW_CONTAINER_ENGINE="docker; create_args: --volume=$registry_kept:/root/$registry --volume=$target_kept:/root/$target --volume=$HOME/$record:/root/$record"
export CIBW_CONTAINER_ENGINE
.venv/cibuildwheel/bin/python -m cibuildwheel --only "$identifier" "$@"

own "$registry_kept" "$HOME/${target%/*}"
.venv/cibuildwheel/bin/python -m tools.wheel.builder "$HOME/$record/build-record.json" "$identifier"
