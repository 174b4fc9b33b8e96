# java.sh: what kafka/fetch.sh and neo4j/fetch.sh share; sourced, not run.
# Both turn a pom.xml into CACHE/NAME-<hash of its inputs>/{lib,classpath,app.jsa}.

cache=${TIPHYS_CACHE:-$HOME/.cache/tiphys}

# need_tools TOOL...: exit 3 is "this machine lacks a tool"; the fixtures skip on it.
need_tools() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        echo "fetch.sh: $tool is not installed (see tests/support/install.sh)" >&2
        exit 3
    done
}

# enter NAME FILE...: set $dir; when an earlier call has finished it, print it and leave.
# The second of two racing callers waits at the lock and then finds the work done.
enter() {
    name=$1
    shift
    dir=$cache/$name-$(cat "$@" | sha256sum | cut -c1-12)
    [ ! -e "$dir/complete" ] || { echo "$dir"; exit 0; }
    mkdir -p "$dir"
    exec 9>"$dir/lock"
    flock 9
    [ ! -e "$dir/complete" ] || { echo "$dir"; exit 0; }
}

# fetch_jars: copy the closure of ./pom.xml to $dir/lib and write its class path
# in a fixed order: a class archive is only valid for the very same path.
fetch_jars() {
    rm -rf "$dir/lib"
    # Java asks the password file for the home folder, where CI users often have none.
    MAVEN_OPTS="-Duser.home=$HOME" nice mvn -B -q -Dstyle.color=never dependency:copy-dependencies -DoutputDirectory="$dir/lib" -DincludeScope=runtime >&2
    printf '%s\n' "$dir"/lib/*.jar | LC_ALL=C sort | paste -sd: - | tr -d '\n' >"$dir/classpath"
}

# finish: from now on every caller takes the short way out.
finish() {
    touch "$dir/complete"
    echo "$dir"
}
