#!/usr/bin/env bash
# Installs what the tests drive for real. As root on Debian (or Ubuntu) with apt-get; elsewhere it
# says what is missing, and the tests that need it are skipped. Done again it takes no time.
set -euo pipefail

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
