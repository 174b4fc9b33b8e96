"""Root folders that stand for the images of the examples, made of installed Debian packages: no
network, no container engine. One folder per image, kept in the cache as long as its packages and
this file are the same."""
import functools
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("TIPHYS_CACHE", Path.home() / ".cache" / "tiphys"))
SKIP = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/lintian", "/usr/share/info",
        "/usr/include", "/usr/lib/node_modules", "/usr/share/perl5", "/usr/lib/x86_64-linux-gnu/perl-base",
        "/usr/share/zoneinfo")

# image -> packages, extra files, and what the real image would run
IMAGES = {
    "busybox": {"packages": ["busybox-static", "bash"], "args": ["sh"]},
    "python": {"packages": ["busybox-static", "bash", "python3"], "links": {"usr/bin/python": "python3"}, "args": ["python3"]},
    "argosay": {"packages": ["busybox-static", "bash"], "scripts": ["argosay", "cowsay"], "command": ["/argosay"],
                "links": {"argosay": "usr/bin/argosay"}},
    "curl": {"packages": ["busybox-static", "bash", "curl"], "command": ["curl"]},
    "nginx": {"packages": ["busybox-static", "bash", "nginx-light"], "args": ["nginx", "-g", "daemon off;"],
              "folders": ["var/log/nginx", "var/lib/nginx", "run", "var/www/html"],
              # as its postinst makes them
              "links": {"etc/nginx/sites-enabled/default": "/etc/nginx/sites-available/default",
                        "var/www/html/index.html": "/usr/share/nginx/html/index.html"}},
    "influxdb": {"packages": ["busybox-static", "bash", "influxdb"], "args": ["influxd"], "folders": ["var/lib/influxdb"]},
    "jq": {"packages": ["busybox-static", "bash", "jq"], "command": ["jq"]},
    "node": {"packages": ["busybox-static", "bash", "nodejs"], "args": ["node"]},
}
SLEEPERS = ("busybox", "python")  # what the examples that wait for minutes run on
NAMES = {
    "busybox": "busybox", "docker/busybox": "busybox", "alpine": "busybox", "alpine:3.23": "busybox",
    "alpine:latest": "busybox", "python:alpine3.23": "python", "argoproj/argosay:v1": "argosay",
    "argoproj/argosay:v2": "argosay", "docker/whalesay:latest": "argosay", "curlimages/curl:latest": "curl", "nginx:1.13": "nginx",
    "influxdb:1.2": "influxdb", "stedolan/jq:latest": "jq", "node:9.1-alpine": "node", "node:12-alpine": "node",
}


@functools.cache
def packages():
    """name -> (version, the names it depends on, the first that is installed of each choice)."""
    form = "${Package}\t${db:Status-Status}\t${Version}\t${Pre-Depends}, ${Depends}\n"
    rows = [line.split("\t") for line in subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True,
                                                        check=True).stdout.splitlines()]
    return {name: (version, depends) for name, status, version, depends in rows if status == "installed"}


def installed(package):
    return packages().get(package, (None,))[0]


def depends(package):
    for group in packages()[package][1].split(","):
        names = [choice.strip().split(" ")[0].split(":")[0] for choice in group.split("|")]
        yield from [name for name in names if installed(name)][:1]


def closure(wanted):
    """The packages and, as far as they are installed, all they depend on."""
    seen, todo = set(), list(wanted)
    while todo:
        package = todo.pop()
        if package not in seen and installed(package):
            seen.add(package)
            todo += depends(package)
    return sorted(seen)


def files_of(names):
    out = subprocess.run(["dpkg-query", "-L", *names], capture_output=True, text=True, check=True).stdout
    paths = sorted({line for line in out.splitlines() if line.startswith("/") and line != "/."})
    return [p for p in paths if not p.startswith(SKIP) and os.path.lexists(p)]


def copy_files(paths, root):
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    with subprocess.Popen(["tar", "-C", "/", "--no-recursion", "-cf", "-", "-T", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as pack:
        unpack = subprocess.Popen(["tar", "-C", str(root), "--keep-directory-symlink", "-xf", "-"], stdin=pack.stdout)
        pack.stdin.write("\n".join(p.lstrip("/") for p in paths).encode())
        pack.stdin.close()
        unpack.wait()


def make(image, root, fast):
    spec = IMAGES[image]
    for package in spec["packages"]:
        if not installed(package):
            raise SystemExit(f"examples: Debian's {package} is not installed: tests/support/install.sh test")
    copy_files(files_of(closure(spec["packages"])), root)
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if not os.path.lexists(root / "usr/bin" / applet) and not os.path.lexists(root / "usr/sbin" / applet):
            (root / "usr/bin" / applet).symlink_to("busybox")
    for name in ("tmp", "root", "proc", "sys", "dev", "etc", "mnt", "opt", "var", "home", *spec.get("folders", [])):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, target in spec.get("links", {}).items():
        (root / name).symlink_to(target)
    for name in ("etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/os-release", "etc/ld.so.cache"):
        if not (root / name).exists() and Path("/", name).exists():
            shutil.copy(Path("/", name), root / name)
    for script, name in [(s, s) for s in (*spec.get("scripts", []), "nc")] + [("fast-sleep", "sleep")] * fast:
        (root / "usr/bin" / name).unlink(missing_ok=True)
        shutil.copy(HERE / script, root / "usr/bin" / name)
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("bash")  # busybox' own prefers its applets to what lies in PATH


def key_of(image, fast):
    h = hashlib.sha256(Path(__file__).read_bytes() + str(fast).encode())
    for script in sorted(HERE.glob("*")):
        if script.is_file() and script.suffix == "":
            h.update(script.read_bytes())
    for package in closure(IMAGES[image]["packages"]):
        h.update(f"{package} {installed(package)}".encode())
    return h.hexdigest()[:16]


@functools.cache
def root_of(image, fast):
    final = CACHE / "roots" / f"{image}{'-fast' if fast else ''}-{key_of(image, fast)}"
    if not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        for old in final.parent.glob(f"{image}{'-fast' if fast else ''}-????????????????"):
            subprocess.run(["rm", "-rf", str(old)], check=False)
        building = Path(f"{final}.{os.getpid()}")
        building.mkdir(mode=0o755)
        make(image, building, fast)
        building.rename(final)
    return final


def images_file(path, fast=False):
    """Writes the `--images` configuration; answers its path."""
    config = {}
    for name, image in NAMES.items():
        entry = {k: IMAGES[image][k] for k in ("command", "args") if k in IMAGES[image]}
        config[name] = {"root": str(root_of(image, fast and image in SLEEPERS)), **entry}
    path.write_text(json.dumps(config, indent=1))
    return path
