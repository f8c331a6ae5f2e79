#!/usr/bin/env bash
# stop.sh BASE: ends what start.sh BASE started, by process id, each checked against its name.
set -u
base=$1
export SLURM_CONF=$base/slurm.conf
[ -s "$base/pids" ] || exit 0
timeout 10 scancel --user=root 2>/dev/null
for ((i = 0; i < 50; ++i)); do
  [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break
  sleep 0.2
done
is() { [ "$(cat "/proc/$2/comm" 2>/dev/null)" = "$1" ]; }
alive() {
  while read -r name pid; do is "$name" "$pid" && return 0; done <"$base/pids"
  return 1
}
for signal in TERM KILL; do
  while read -r name pid; do
    # KILL of unshare takes its node's whole process namespace with it; TERM would not reach it.
    if is "$name" "$pid"; then
      if [ "$name" = unshare ]; then kill -KILL "$pid"; else kill -$signal "$pid"; fi
    fi
  done < <(tac "$base/pids")
  for ((i = 0; i < 50; ++i)); do
    alive || { rm "$base/pids"; exit 0; }
    sleep 0.1
  done
done
echo "processes of $base/pids are still there" >&2
exit 1
