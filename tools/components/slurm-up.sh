#!/usr/bin/env bash
# A whole Slurm on one machine: accounting in MariaDB, three nodes with GPUs that are only files.
# Run it in a private network: slurmdbd listens on every address.
# usage: in-private-net.sh slurm-up.sh FOLDER; it is up once FOLDER/up exists, and runs until killed.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
at=${1:?usage: slurm-up.sh FOLDER}
mkdir -p "$at"/{log,state,spool,db,dev}
here=127.0.0.1

within() {  # within SECONDS COMMAND...: try until it works
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "slurm-up: gave up on: $*" >&2; exit 1; }
    sleep 0.1
  done
}

# who may speak to whom; the key and the socket have their usual places, but only in here
mkdir -p /etc/munge /run/munge /var/log/munge /var/lib/munge
for folder in /etc/munge /run/munge /var/log/munge /var/lib/munge; do
  mount -t tmpfs -o mode=0755 tmpfs $folder
done
head -c 128 /dev/urandom >/etc/munge/munge.key
chmod 400 /etc/munge/munge.key
chown -R munge:munge /etc/munge /run/munge /var/log/munge /var/lib/munge
setpriv --reuid=munge --regid=munge --clear-groups munged --foreground >"$at/log/munged.out" 2>&1 &

# accounting
mariadb-install-db --no-defaults --user=root --datadir="$at/db" --skip-test-db \
  --auth-root-authentication-method=normal >"$at/log/db-install.log" 2>&1
mariadbd --no-defaults --user=root --datadir="$at/db" --socket="$at/db.sock" \
  --pid-file="$at/db.pid" --bind-address=$here --port=23306 --skip-name-resolve \
  --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 \
  --innodb-flush-log-at-trx-commit=0 >"$at/log/db.log" 2>&1 &
sql() { mariadb --no-defaults -S "$at/db.sock" -u root "$@"; }
within 60 sql -e 'select 1'
sql -e "create database accounts; create user slurm@'$here' identified by 'local';
  grant all on accounts.* to slurm@'$here'"

cat >"$at/slurmdbd.conf" <<CONF
AuthType=auth/munge
DbdHost=localhost
DbdAddr=$here
DbdPort=26819
SlurmUser=root
LogFile=$at/log/slurmdbd.log
PidFile=$at/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=$here
StoragePort=23306
StorageUser=slurm
StoragePass=local
StorageLoc=accounts
CONF
chmod 600 "$at/slurmdbd.conf"

cat >"$at/slurm.conf" <<CONF
ClusterName=brook
SlurmctldHost=localhost($here)
SlurmctldPort=26817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$at/state
SlurmdSpoolDir=$at/spool/%n
SlurmctldPidFile=$at/slurmctld.pid
SlurmdPidFile=$at/slurmd-%n.pid
SlurmctldLogFile=$at/log/slurmctld.log
SlurmdLogFile=$at/log/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
JobRequeue=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=50
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=100000
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=$here
AccountingStoragePort=26819
AccountingStorageTRES=gres/gpu,gres/gpu:h100,gres/gpu:a100
AccountingStorageEnforce=associations
AccountingStoreFlags=job_comment
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
NodeName=gpu[1-2] NodeHostname=localhost NodeAddr=$here Port=[26821-26822] CPUs=16 RealMemory=64000 Gres=gpu:h100:4 State=UNKNOWN
NodeName=gpu3 NodeHostname=localhost NodeAddr=$here Port=26823 CPUs=16 RealMemory=64000 Gres=gpu:a100:8 State=UNKNOWN
PartitionName=h100 Nodes=gpu[1-2] Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=a100 Nodes=gpu3 MaxTime=1-00:00:00 State=UP
CONF
touch "$at"/dev/gpu{0..7}
cat >"$at/gres.conf" <<CONF
AutoDetect=off
NodeName=gpu[1-2] Name=gpu Type=h100 File=$at/dev/gpu[0-3]
NodeName=gpu3 Name=gpu Type=a100 File=$at/dev/gpu[0-7]
CONF

export SLURM_CONF=$at/slurm.conf
slurmdbd -D >"$at/log/slurmdbd.out" 2>&1 &
within 60 sacctmgr -n show cluster
sacctmgr -i -Q add cluster brook >/dev/null
sacctmgr -i -Q add account ml,research Description=test Organization=test >/dev/null
sacctmgr -i -Q add user root Account=ml,research DefaultAccount=ml >/dev/null
slurmctld -D -i >"$at/log/slurmctld.out" 2>&1 &
for node in gpu1 gpu2 gpu3; do
  slurmd -D -N $node >"$at/log/$node.out" 2>&1 &
done
all_idle() { [ "$(sinfo -h -N -o %t | sort -u)" = idle ]; }
within 60 all_idle
touch "$at/up"
wait
