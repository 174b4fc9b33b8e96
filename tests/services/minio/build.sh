#!/bin/sh
# build.sh: build the MinIO that artifact tests run against, once per machine, and print where it is.
#
# The version is pinned: later ones never flush bucket notifications. AGPL: a test-time tool, never linked or shipped.
# The result lives outside the work tree, keyed by the version; Go's build cache is ours alone and is thrown away.
set -eu
version=v0.0.0-20250907161309-07c3a429bfed
cache=${TIPHYS_CACHE:-$HOME/.cache/tiphys}
dir=$cache/minio-$version
out=$dir/minio

[ ! -x "$out" ] || { echo "$out"; exit 0; }
# Exit 3 is "this machine lacks a tool": the tests then skip.
command -v go >/dev/null || { echo "build.sh: MinIO needs Go 1.24 or newer; there is none" >&2; exit 3; }
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # two test runs at once: the second waits and finds the file
[ ! -x "$out" ] || { echo "$out"; exit 0; }
echo "build.sh: building MinIO once; this takes some minutes" >&2
GOBIN="$dir/new" GOCACHE="$dir/gocache" GOWORK=off CGO_ENABLED=0 nice go install -p 2 -trimpath "github.com/minio/minio@$version" >&2 || exit 1
mv "$dir/new/minio" "$out"
rm -rf "$dir/gocache" "$dir/new"
echo "$out"
