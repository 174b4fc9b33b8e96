#!/bin/sh
# build.sh: build the test Kubernetes once per machine and print where it is.
#
# The first build takes minutes, so the result lives outside the work tree,
# keyed by everything that can change it: a clean checkout, a second worktree
# and a second CI step all find it again. The Go build cache (gigabytes) is ours
# alone and is thrown away; the module cache (shared, small) stays.
set -eu
cd "$(dirname "$0")"
cache=${TIPHYS_CACHE:-$HOME/.cache/tiphys}
key=$(cat go.mod go.sum main.go | sha256sum | cut -c1-16)
dir=$cache/kube-$key
out=$dir/kube

[ ! -x "$out" ] || { echo "$out"; exit 0; }
# Exit 3 is "this machine lacks a tool": the tests then skip. Debian's own Go is too old.
GOTOOLCHAIN=local GOWORK=off go list -m >/dev/null 2>&1 || {
    echo "build.sh: Kubernetes needs $(sed -n 's/^go /Go /p' go.mod) or newer; found: $(go version 2>&1)" >&2
    exit 3
}

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # two test runs at once: the second waits and finds the file
[ ! -x "$out" ] || { echo "$out"; exit 0; }

version=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' go.mod | head -1)
minor=${version#v1.}
minor=${minor%%.*}
flags='-s -w'
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags="$flags -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done

export GOCACHE="$dir/gocache" GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0
echo "build.sh: building Kubernetes $version once; this takes about six minutes on two idle cores" >&2
nice go build -p 2 -trimpath -buildvcs=false -tags notest,grpcnotrace -ldflags "$flags" -o "$out.new" . >&2
mv "$out.new" "$out"
rm -rf "$GOCACHE"
echo "$out"
