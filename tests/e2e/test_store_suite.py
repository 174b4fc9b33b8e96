"""The contract of store.h (tests/conformance/store) on a real API server."""

import subprocess
from pathlib import Path

from support import KubeCluster, tiphys


def test_the_kube_driver_keeps_the_contract_of_the_store(kube: KubeCluster):
    suite = Path(tiphys("bus_writer")).parent.parent / "tests" / "store_suite"
    run = subprocess.run([suite, "--driver", "kube", "--kubeconfig", kube.kubeconfig()],
                         capture_output=True, text=True, timeout=300)
    print(run.stdout, run.stderr)
    assert run.returncode == 0
