// Command kube is the smallest Kubernetes our tests can trust: the real API
// server and the etcd it stores to, linked into one static file.
//
// One file instead of two halves the link time and shares the gRPC and
// protobuf code that both carry. The part to run is picked like busybox does
// it: by the name of the program ("ln -s kube etcd") or by the first argument
// ("kube etcd --data-dir ..."). There is no controller manager, scheduler or
// kubelet: nothing here runs pods, so tests of those belong elsewhere.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// self is the name under which the first argument, not argv[0], is the part.
const self = "kube"

// exitUsage is what shells and BSD's sysexits readers expect for a bad call.
const exitUsage = 2

// part drops the binary's own name from args when it was called as "kube PART"
// and returns the arguments that the part itself should see, its name first.
func part(args []string) []string {
	if filepath.Base(args[0]) == self && len(args) > 1 {
		return args[1:]
	}
	return args
}

func main() {
	os.Args = part(os.Args)
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "etcd":
		etcdmain.Main(os.Args)
	default:
		fmt.Fprintf(os.Stderr, "kube: no such part: %q (have: etcd, kube-apiserver)\n", name)
		os.Exit(exitUsage)
	}
}
