#!/bin/sh
# install.sh [GROUP...]: Debian packages that Tiphys needs; all groups by default.
#   build  compiler and libraries       demo  programs of the shipped examples
#   test   test tools, peers, clients
#
# Cheap when nothing is missing (one dpkg-query, no network), so ./dev may call
# it every time. Needs root or sudo; otherwise it prints the line to run.
set -eu

build='gcc libc6-dev zlib1g-dev ccache mold ninja-build cmake pkg-config libevent-dev libjansson-dev libyaml-dev libsqlite3-dev
    libcurl4-openssl-dev libssl-dev librdkafka-dev libhiredis-dev uthash-dev libpcre2-dev
    liblua5.1-0-dev libjq-dev libonig-dev libarchive-dev libexpat1-dev tzdata'
demo='poppler-utils tesseract-ocr tesseract-ocr-eng python3-fastapi python3-uvicorn python3-redis
    python3-multipart python3-httpx python3-kafka python3-yaml redis-server'
test='libcmocka-dev clang-14 clang-format-14 libclang-rt-14-dev python3-pytest python3-pytest-xdist
    python3-reportlab python3-pil python3-redis python3-kafka python3-yaml python3-pip qpdf kcat
    redis-server redis-tools sqlite3 jq wrk runc strace curl openssl iproute2 util-linux git
    busybox-static umoci nginx-light influxdb nodejs'

# A JDK or Maven from elsewhere is as good as Debian's: asked for by program.
java_packages() {
    { command -v java && command -v javac; } >/dev/null || echo openjdk-17-jdk-headless
    command -v mvn >/dev/null || echo maven
}

packages_of() { # GROUP
    case $1 in
    build) echo "$build" ;;
    demo) echo "$demo" ;;
    test) echo "$test" && java_packages ;;
    *) echo "install.sh: no such group: $1 (have: build, demo, test)" >&2 && exit 2 ;;
    esac
}

missing() { # PACKAGE... -> those that are not installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p')
    printf '%s\n' "$@" | sort -u | while read -r package; do
        case "
$installed
" in
        *"
$package
"*) ;;
        *) echo "$package" ;;
        esac
    done
}

# Debian starts a daemon when its package arrives; policy-rc.d is the way to say
# no. It is only ours to remove when we made it.
policy=/usr/sbin/policy-rc.d
install() { # PACKAGE...
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
        trap '$as_root rm -f $policy' EXIT
        trap 'exit 130' INT TERM
    fi
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
    $apt update
    $apt install -y --no-install-recommends "$@"
}

[ $# -gt 0 ] || set -- build demo test
wanted=
for group in "$@"; do
    wanted="$wanted $(packages_of "$group")"
done
# shellcheck disable=SC2086 # lists of words
needed=$(missing $wanted | tr '\n' ' ')
[ -n "$needed" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "install.sh: packages are missing and this is neither root nor is there sudo. Run as root:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends $needed" >&2
    exit 1
fi
echo "install.sh: installing $needed" >&2
# shellcheck disable=SC2086
install $needed
