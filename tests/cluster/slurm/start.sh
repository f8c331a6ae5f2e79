#!/usr/bin/env bash
# start.sh BASE NODES CPUS: a real Slurm of NODES nodes with CPUS processors each on this host,
# loopback only. Everything that it makes is under BASE: `export SLURM_CONF=BASE/slurm.conf` uses it,
# stop.sh BASE ends it. Needs root, slurm-wlm and munge; neither systemd nor cgroups.
#
# Each node is a slurmd with a host name, process ids and a /dev/shm of its own: OpenMPI's shared
# memory would otherwise take ranks of two nodes for neighbours.
set -euo pipefail
base=$1 nodes=$2 cpus=$3
here=$(cd "$(dirname "$0")" && pwd)
host=$(hostname -s)
port=$((20000 + $$ % 9000))    # several clusters live side by side
memory=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) / 1024 / nodes * 9 / 10))
umask 022
mkdir -p "$base"/{munge,state,log,run,spool,tmp}
touch "$base/pids" "$base/plugstack.conf"
{
  echo "127.0.0.1 localhost $host"
  for ((i = 1; i <= nodes; ++i)); do echo "127.0.0.1 n$i"; done
} >"$base/hosts"
sed -e "s|@BASE@|$base|g; s|@HOST@|$host|g; s|@PORT@|$port|g; s|@NODES@|$nodes|g; s|@CPUS@|$cpus|g" \
    -e "s|@FIRST@|$((port + 1))|g; s|@LAST@|$((port + nodes))|g; s|@MEMORY@|$memory|g" \
    "$here/slurm.conf.in" >"$base/slurm.conf"
export SLURM_CONF=$base/slurm.conf

wait_for() {    # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "waited in vain for: $*" >&2; tail -n 5 "$base"/log/* >&2; return 1; }
    sleep 0.05
  done
}
started() { echo "$1 $2" >>"$base/pids"; }    # NAME PID, for stop.sh

(umask 077 && head -c 1024 /dev/urandom >"$base/munge/key")
munged --socket="$base/munge/socket" --key-file="$base/munge/key" --pid-file="$base/run/munged.pid" \
       --log-file="$base/log/munged.log" --seed-file="$base/munge/seed" --num-threads=2
wait_for 10 test -s "$base/run/munged.pid"
started munged "$(cat "$base/run/munged.pid")"

slurmctld -i -c
wait_for 10 test -s "$base/run/slurmctld.pid"
started slurmctld "$(cat "$base/run/slurmctld.pid")"

for ((i = 1; i <= nodes; ++i)); do
  mkdir -p "$base/spool/n$i" && mkdir -p -m 1777 "$base/tmp/n$i"
  node=n$i base=$base setsid unshare --uts --mount --ipc --pid --fork --kill-child --mount-proc bash -c '
    hostname "$node"
    mount --bind "$base/hosts" /etc/hosts
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    slurmd -N "$node" -D & wait $!' </dev/null >"$base/log/n$i.out" 2>&1 &
  started unshare $!
done
all_idle() { [ "$(timeout 5 sinfo -h -N -t idle -o %N | sort -u | wc -l)" = "$nodes" ]; }
wait_for 30 all_idle
