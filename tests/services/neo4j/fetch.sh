#!/bin/sh
# fetch.sh: one Neo4j 5 community server and its Python driver in the cache;
# prints their directory: lib/, classes/, python/ (for PYTHONPATH), app.jsa.
set -eu
cd "$(dirname "$0")"
. ../java.sh
driver=neo4j==6.4.1

compile() {
    rm -rf "$dir/classes"
    javac -d "$dir/classes" -cp "$dir/lib/*" Neo4jServer.java
    (cd "$dir/classes" && jar cf "$dir/main.jar" .) # a class archive wants jars, not folders
    rm -rf "$dir/classes"
    printf '%s:' "$dir/main.jar" | cat - "$dir/classpath" >"$dir/classpath.new"
    mv "$dir/classpath.new" "$dir/classpath"
}

fetch_driver() {
    rm -rf "$dir/python"
    /usr/bin/python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore \
        --target "$dir/python" "$driver" >&2
}

train() { # one start and stop; standard input at its end means "stop at once"
    work=$(mktemp -d)
    nice java @options -XX:ArchiveClassesAtExit="$dir/app.jsa.new" -cp "$(cat "$dir/classpath")" \
        Neo4jServer "$work" 0 train-password </dev/null >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
    mv "$dir/app.jsa.new" "$dir/app.jsa"
    rm -rf "$work"
}

enter neo4j-5.26.30 pom.xml Neo4jServer.java options fetch.sh
need_tools java javac jar mvn
fetch_jars
compile
fetch_driver
train
finish
