#!/bin/sh
# Writes ready resources: render.sh OUTDIR [--port N] [--redis HOST:PORT] ...; see --help.
exec /usr/bin/python3 "$(dirname "$0")/render.py" "$@"
