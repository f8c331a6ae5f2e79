#!/usr/bin/env bash
# bench/checkpoint_stall.sh [ROUNDS [STEPS]]
#
# A 31 M U-Net with Adam (1x3x512x512, bf16) in turn without and with one checkpoint in the
# background: how long the loop stands still for it, and what it adds to the loop in all (the noise of
# whole steps is in that), in steps. With one thread a core is left for the writer; with two there is
# none.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-7} STEPS=${2:-4}
need_build bench_checkpoint_stall

for threads in ${THREADS:-1 2}; do
  "$BUILD/bench_checkpoint_stall" "$WORK/checkpoints" "$threads" "$ROUNDS" "$STEPS" >"$WORK/rounds"
  rm -rf "$WORK/checkpoints"
  step=$(column 1 "$WORK/rounds" | median) added=$(column 2 "$WORK/rounds" | median)
  stalled=$(column 4 "$WORK/rounds" | median)
  share=$(divide "$stalled" "$step")
  printf 'threads %s  step %.3f s  stalled %.4f s = %s of a step  bar <= 0.05  %s  added in all %.3f s = %s  (rounds %s; on the disk within %.1f s)\n' \
    "$threads" "$step" "$stalled" "$share" "$(verdict "$share" '<=' 0.05)" "$added" "$(divide "$added" "$step")" \
    "$(awk '{printf "%s%.2f", (NR > 1 ? " " : ""), $2 / $1}' "$WORK/rounds")" "$(column 3 "$WORK/rounds" | median)"
done
