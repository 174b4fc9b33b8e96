#!/bin/sh
# gen-gomod.sh [K8S_VERSION]: write go.mod and go.sum anew. Run by hand to move
# to another Kubernetes, then commit both; build.sh only ever downloads what
# they name (tidy also wants everybody's test dependencies, twice the bytes).
#
# k8s.io/kubernetes keeps its libraries in a "staging" folder that the module
# zip lacks, so each of its replace lines must point to the published twin.
set -eu
cd "$(dirname "$0")"
version=${1:-v1.37.2}
twin=v0.${version#v1.}
export GOTOOLCHAIN=local

theirs=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^.*"GoMod": "\(.*\)",/\1/p')
etcd=$(sed -n 's|^.*go.etcd.io/etcd/client/v3 \(v[0-9.]*\).*|\1|p' "$theirs" | head -1)
{
    printf 'module tiphys.dev/tests/services/kube\n\n'
    sed -n '/^go [0-9]/p; /^godebug /p' "$theirs"
    printf '\nrequire (\n\tk8s.io/kubernetes %s\n\tgo.etcd.io/etcd/server/v3 %s\n)\n\nreplace (\n' "$version" "$etcd"
    sed -n "s|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging/.*|\t\1 => \1 $twin|p" "$theirs"
    echo ')'
} >go.mod
rm -f go.sum
go mod tidy
