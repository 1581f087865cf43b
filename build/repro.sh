#!/bin/sh
# Builds the sources a second time, in another folder and with an empty build
# cache, and compares the file with out/mote byte for byte.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[ -s out/mote ] || { echo "repro: no out/mote: run make"; exit 1; }
version=$(cat out/version.stamp)

mkdir "$tmp/elsewhere"
tar -cf - --exclude=./out --exclude=./.git . | tar -xf - -C "$tmp/elsewhere"
cd "$tmp/elsewhere"
GOMODCACHE=$(go env GOMODCACHE)
GOCACHE=$tmp/cache
export GOMODCACHE GOCACHE
make --no-print-directory VERSION="$version" out/mote >/dev/null
if ! cmp "$top/out/mote" out/mote; then
	echo "repro: two builds of the same sources differ: look for a path, a time or a map's order in the file"
	exit 1
fi
echo "repro: two builds are byte-identical: $(sha256sum out/mote | cut -d' ' -f1)"
