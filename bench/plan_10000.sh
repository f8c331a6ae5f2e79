#!/usr/bin/env bash
# bench/plan_10000.sh [ROUNDS]
#
# `runner plan` on a study of 10,000 trials (100 learning rates x 100 seeds) of one 7.8 M U-Net, and
# on one of its trials: expansion = the difference of the wall times; resident memory = the largest.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-7}
need_build runner
"$BUILD/runner" prepare phantom --output "$WORK/data.h5" >/dev/null

study() { # name, learning rates, seeds
  cat <<TOML
name = "$1"
[trial]
dataset = "data.h5"
model = { name = "unet", width = 32, depth = 5 }
color_mode = "gray"
[axes]
optimizer = [$(for i in $(seq "$2"); do printf '{ name = "adam", learning_rate = %de-5 }, ' "$i"; done)]
[repeat]
seeds = [$(seq -s ', ' 0 $(($3 - 1)))]
TOML
}
study one 1 1 >"$WORK/one.toml"
study many 100 100 >"$WORK/many.toml"

plan() { # study -> "<seconds> <MB> <trials>"
  python3 - "$BUILD/runner" --runs "$WORK/runs" plan "$1" <<'PYTHON'
import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
seconds = time.perf_counter() - start
trials = done.stdout.count(b" unknown\n")
kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"{seconds:.3f} {kilobytes / 1024:.1f} {trials}")
PYTHON
}
plan "$WORK/one.toml" >/dev/null
for _ in $(seq "$ROUNDS"); do
  plan "$WORK/one.toml" >>"$WORK/one"
  plan "$WORK/many.toml" >>"$WORK/many"
done
one=$(column 1 "$WORK/one" | median) many=$(column 1 "$WORK/many" | median)
expansion=$(awk -v a="$many" -v b="$one" 'BEGIN {printf "%.2f", a - b}')
megabytes=$(column 2 "$WORK/many" | sort -g | tail -1)
printf '%s trials  plan %.2f s, of one trial %.2f s: expansion %s s  bar < 1  %s;  resident %s MB  bar < 200  %s\n' \
  "$(column 3 "$WORK/many" | head -1)" "$many" "$one" "$expansion" "$(verdict "$expansion" '<=' 0.999)" \
  "$megabytes" "$(verdict "$megabytes" '<=' 199.9)"
