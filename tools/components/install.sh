#!/usr/bin/env bash
# Installs what the tests drive for real. As root on Debian (or Ubuntu) with apt-get; elsewhere it
# says what is missing, and the tests that need it are skipped. Done again it takes no time.
# usage: install.sh [mlflow] [ray]: these two, each in its own environment under .components (620 and
# 277 MB, from the Python package index), only when they are named: `make test-deep` names them.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

declare -A environments=([mlflow]="mlflow==3.17.2" [ray]="ray[default,serve]==2.60.0")
for name in "$@"; do
  at=$root/.components/$name
  [ -n "${environments[$name]:-}" ] || { echo "components: no $name; there are ${!environments[*]}" >&2; exit 2; }
  [ ! -e "$at/.whole" ] || continue
  start=$SECONDS
  uv=$root/.venv/bin/uv
  [ -x "$uv" ] || uv=$(command -v uv) || { echo "components: needs uv: make setup" >&2; exit 1; }
  python=$(python3 -c 'import sys; print(sys._base_executable or sys.executable)')
  if UV_PYTHON_DOWNLOADS=never "$uv" venv --quiet --clear --python "$python" "$at" &&
    "$uv" pip install --quiet --python "$at/bin/python" "${environments[$name]}"; then
    touch "$at/.whole"
    echo "components: installed ${environments[$name]} in $((SECONDS - start)) s" >&2
  else
    echo "components: could not install $name; its tests will be skipped" >&2
  fi
done

declare -A packages=(  # a command that proves it is there -> packages
  [prometheus]="prometheus"
  [slurmctld]="slurmctld slurmd slurmdbd slurm-client munge"
  [mariadbd]="mariadb-server"
  [chromium]="chromium"
  [java]="default-jre-headless"
)

missing=() wanted=()
for command in "${!packages[@]}"; do
  if ! PATH=$PATH:/usr/sbin command -v "$command" >/dev/null; then
    missing+=("$command")
    read -ra names <<<"${packages[$command]}"
    wanted+=("${names[@]}")
  fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "components: missing ${missing[*]}; their tests will be skipped" \
    "(Debian, as root: apt-get install ${wanted[*]})" >&2
  exit 0
fi

start=$SECONDS
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# Nothing may start here by itself: tests start what they need, on the loopback only.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
if { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${wanted[@]}"; } \
  >"$log" 2>&1; then
  echo "components: installed ${wanted[*]} in $((SECONDS - start)) s" >&2
else
  echo "components: apt-get could not install ${wanted[*]}; their tests will be skipped:" >&2
  tail -n 3 "$log" >&2
fi
rm -f "$log"
