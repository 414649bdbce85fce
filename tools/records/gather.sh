#!/bin/sh
# Gathers the records of builds, and compares them with the last release's:
#
#     tools/records/gather.sh RECORDS HISTORY
#
# RECORDS is a directory of build records. HISTORY is created, with build-history.json and its chart.
# gh, GitHub's command, reads GH_REPO and GH_TOKEN. The first release has no previous history.
set -eu

records=$1
history=$2
python=${PYTHON:-.venv/records/bin/python}

mkdir -p "$history"
previous=$(mktemp -d)
trap 'rm -rf "$previous"' EXIT

tag=$(gh release list --exclude-drafts --limit 100 --json tagName \
	--jq 'map(.tagName | select(startswith("temporal-libs-v"))) | first // empty')
set --
if [ -n "$tag" ]; then
	gh release download "$tag" --pattern build-history.json --dir "$previous"
	set -- --previous "$previous/build-history.json"
fi

status=0
"$python" -m tools.records gather "$@" --history "$history/build-history.json" \
	--summary "${GITHUB_STEP_SUMMARY:-/dev/stdout}" "$records" || status=$?
"$python" -m tools.records render "$history/build-history.json" "$history/build-history.svg"
exit "$status"
