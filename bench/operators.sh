#!/usr/bin/env bash
# bench/operators.sh [ROUNDS]
#
# RoIAlign forward and backward (2x256x64x64, 7x7 bins, sampling ratio 2; features channels-last) and NMS at a
# threshold of 0.7, two threads, against torchvision's operators for the CPU (contiguous, float32: bfloat16 it
# has none of), in turn; milliseconds.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-5}
need_build bench_operators
need_peers
start ours "$BUILD/bench_operators" "${LAYOUT:-channels_last}"
start torchvision "$PYTHON" bench/operators.py

compare() { # what, question of ours, question of theirs, bar
  rm -f "$WORK"/rounds.*
  for round in $(seq 0 "$ROUNDS"); do # round 0 warms up
    ours=$(ask ours "$2")
    theirs=$(ask torchvision "$3")
    [ "$round" = 0 ] || { echo "$ours" >>"$WORK/rounds.ours"; echo "$theirs" >>"$WORK/rounds.theirs"; }
  done
  ours=$(median <"$WORK/rounds.ours") theirs=$(median <"$WORK/rounds.theirs")
  ratio=$(divide "$theirs" "$ours")
  printf '%-34s ours %8.2f ms  torchvision %8.2f ms  ratio %7s  bar >= %-3s %s\n' \
    "$1" "$ours" "$theirs" "$ratio" "$4" "$(verdict "$ratio" '>=' "$4")"
}

for boxes in 512 2000; do
  compare "RoIAlign of $boxes boxes" "roi_align $boxes float32" "roi_align $boxes float32" 25
  compare "RoIAlign of $boxes boxes, bfloat16" "roi_align $boxes bfloat16" "roi_align $boxes float32" 25
done
for boxes in 2000 20000; do
  compare "NMS of $boxes boxes" "nms $boxes" "nms $boxes" 3
done
