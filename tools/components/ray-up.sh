#!/usr/bin/env bash
# A Ray of two nodes on one machine, with GPUs that are only numbers: 4 h100 and 8 a100.
# Run it in a private network: Ray wants fixed ports, and hangs where it cannot find its address.
# usage: in-private-net.sh ray-up.sh PROGRAMS FOLDER; it is up once FOLDER/up exists, and runs until
# killed. PROGRAMS: the bin folder of an environment with ray[default,serve].
set -euo pipefail
export PATH=${1:?usage: ray-up.sh PROGRAMS FOLDER}:$PATH at=${2:?usage: ray-up.sh PROGRAMS FOLDER}
export RAY_USAGE_STATS_ENABLED=0 RAY_DISABLE_IMPORT_WARNING=1 PYTHONPATH=$at
mkdir -p "$at"
node() {  # node NAME GPUS TYPE MORE...
  local name=$1 gpus=$2 type=$3
  shift 3
  ray start --disable-usage-stats --node-name="$name" --num-cpus=4 --num-gpus="$gpus" \
    --resources="{\"accelerator_type:$type\": $gpus}" "$@" >"$at/$name.log" 2>&1
}
# sockets have short names: a temporary folder of pytest's is too long for them
short=$(mktemp -d /tmp/ray-XXXX)
trap 'rm -rf "$short"' EXIT
node head 4 H100 --head --port=6390 --dashboard-port=8265 --temp-dir="$short"
node worker 8 A100 --address=127.0.0.1:6390
touch "$at/up"
sleep infinity &
wait
