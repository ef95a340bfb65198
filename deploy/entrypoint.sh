#!/bin/sh
# Secrets come as files, never in an image or in a compose file. The names of the files are in the environment;
# what they hold goes into the environment of the service alone.
set -eu
if [ -n "${CREDENZA_KEK_FILE:-}" ]; then
    CREDENZA_KEK_VALUE=$(cat "$CREDENZA_KEK_FILE")
    export CREDENZA_KEK_VALUE CREDENZA_KEK=env://CREDENZA_KEK_VALUE
fi
if [ -n "${CREDENZA_PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$CREDENZA_PGPASSWORD_FILE")
    export PGPASSWORD
fi
exec credenza "$@"
