"""The suite that every store driver passes, on a real API server."""

import os
import subprocess

from support import KubeCluster
from support.tools import tiphys


def test_the_kube_driver_passes_the_store_suite(kube: KubeCluster) -> None:
    program = tiphys().parent.parent / "tests" / "store_suite"
    run = subprocess.run(
        [program, "--driver", "kube", "--kubeconfig", kube.kubeconfig()],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "stdout"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
