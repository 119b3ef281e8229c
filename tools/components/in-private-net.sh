#!/usr/bin/env bash
# Runs a command where only a loopback network is: every port is free, nothing is reachable from
# outside, and all it starts ends with it. Needs root.   usage: in-private-net.sh COMMAND [ARG ...]
set -euo pipefail
# Name look-ups answer only where some address is not 127.*: 10.77.0.1 is on the loopback too.
exec unshare --net --pid --fork --kill-child --mount-proc -- \
  sh -c 'ip link set lo up && ip address add 10.77.0.1/32 dev lo && exec "$@"' sh "$@"
