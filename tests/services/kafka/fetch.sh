#!/bin/sh
# fetch.sh: one Kafka 3.9.0 (KRaft) in the cache; prints its directory.
#
# app.jsa is a class archive made from one real run of a broker: with it a
# broker starts in half the time, and the tests start several.
set -eu
cd "$(dirname "$0")"
. ../java.sh

train() { # a broker that starts, is asked to stop, and leaves its archive
    work=$(mktemp -d)
    cat >"$work/server.properties" <<E
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:19091
listeners=PLAINTEXT://127.0.0.1:19090,CONTROLLER://127.0.0.1:19091
controller.listener.names=CONTROLLER
log.dirs=$work/data
E
    java="java -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"
    classpath=$(cat "$dir/classpath")
    $java -cp "$classpath" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw \
        -c "$work/server.properties" >"$work/log" 2>&1
    unshare_net $java -XX:ArchiveClassesAtExit="$dir/app.jsa.new" -cp "$classpath" \
        kafka.Kafka "$work/server.properties" >>"$work/log" 2>&1 &
    broker=$!
    waited=0
    until grep -q 'Kafka Server started' "$work/log"; do
        waited=$((waited + 1))
        [ $waited -lt 600 ] && kill -0 $broker || { tail -20 "$work/log" >&2; exit 1; }
        sleep 0.1
    done
    kill $broker
    wait $broker || true # 143: ended by our TERM
    mv "$dir/app.jsa.new" "$dir/app.jsa"
    rm -rf "$work"
}

# A private network keeps the fixed ports from clashing with anything; where the
# machine forbids one, the plain loopback has to do.
unshare_net() {
    unshare -r -n true 2>/dev/null || exec "$@"
    exec unshare -r -n sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

enter kafka-3.9.0 pom.xml
need_tools java mvn
fetch_jars
train
finish
