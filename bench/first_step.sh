#!/usr/bin/env bash
# bench/first_step.sh [ROUNDS]
#
# From the start of the process to the end of the first training step of a small U-Net on prepared
# data: `runner --sweep` on a new study in an empty results folder, and a PyTorch script that does no
# more than it must. Both say "step 1/" when the step is done.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-7}
need_build runner
need_peers
"$BUILD/runner" prepare phantom --output "$WORK/data.h5" >/dev/null
cat >"$WORK/study.toml" <<'TOML'
name = "first_step"
[trial]
dataset = "data.h5"
model = { name = "unet", width = 8, depth = 4 }
color_mode = "gray"
loss = "cross_entropy"
batch_size = 8
optimizer = { name = "adam", learning_rate = 1e-3 }
epochs = 1
TOML

seconds_to_first_step() { # command -> seconds until it says "step 1/"
  local started=$EPOCHREALTIME line ended=
  mkfifo "$WORK/lines"
  "$@" >"$WORK/lines" 2>&1 &
  local pid=$!
  while read -r line; do
    case $line in *"step 1/"*) ended=$EPOCHREALTIME; break ;; esac
    echo "$line" >>"$WORK/said"
  done <"$WORK/lines"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm "$WORK/lines"
  [ -n "$ended" ] || { echo "no first step from: $*" >&2; cat "$WORK/said" >&2; exit 1; }
  awk -v a="$started" -v b="$ended" 'BEGIN {printf "%.3f\n", b - a}'
}
ours() { seconds_to_first_step "$BUILD/runner" --runs "$WORK/runs$1" --sweep "$WORK/study.toml"; }
theirs() { seconds_to_first_step "$PYTHON" bench/first_step.py "$WORK/data.h5"; }

ours warm >/dev/null; theirs >/dev/null # files in the page cache
for round in $(seq "$ROUNDS"); do
  ours "$round" >>"$WORK/ours"
  theirs >>"$WORK/theirs"
done
ours=$(median <"$WORK/ours") theirs=$(median <"$WORK/theirs")
share=$(divide "$ours" "$theirs")
printf 'ours %.2f s  PyTorch %.2f s  share %s  bar <= 0.333  %s\n' "$ours" "$theirs" "$share" "$(verdict "$share" '<=' 0.3334)"
