#!/usr/bin/env bash
# bench/mask_rcnn.sh [ROUNDS [PASSES]]
#
# Mask R-CNN (ResNet-50 with a pyramid, 4 classes, every layer trained, SGD with momentum) on two threads
# against torchvision's with the same weights, images and objects in PyTorch eager: a training step on
# 2x3x256x256, its peak resident memory, and prediction of 1x3x512x512. The programs stay alive and take turns
# of PASSES passes, ROUNDS times; speed = median of theirs, in the better of two layouts / median of ours.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-5} PASSES=${2:-1} THREADS=${THREADS:-2}
need_build bench_mask_rcnn
need_peers

compare() { # what, precision, bar
  local name
  start ours "$BUILD/bench_mask_rcnn" "$1" "$2" "$THREADS"
  start contiguous "$PYTHON" bench/mask_rcnn.py "$1" "$2" contiguous "$THREADS"
  start channels_last "$PYTHON" bench/mask_rcnn.py "$1" "$2" channels_last "$THREADS"
  for name in ours contiguous channels_last; do
    ask "$name" 1 >"$WORK/$name.first"
    ask "$name" 1 >/dev/null
    : >"$WORK/$name"
  done
  for _ in $(seq "$ROUNDS"); do
    for name in ours contiguous channels_last; do ask "$name" "$PASSES" >>"$WORK/$name"; done
  done
  for name in ours contiguous channels_last; do stop "$name"; done
  local ours contiguous channels_last theirs ratio
  ours=$(column 1 "$WORK/ours" | median)
  contiguous=$(column 1 "$WORK/contiguous" | median)
  channels_last=$(column 1 "$WORK/channels_last" | median)
  theirs=$(printf '%s\n' "$contiguous" "$channels_last" | sort -g | head -1)
  ratio=$(divide "$theirs" "$ours")
  printf '%-7s %s  ours %.3f s  torchvision %.3f s, channels-last %.3f s  speed %s  bar >= %s  %s  (first %s %s)\n' \
    "$1" "$2" "$ours" "$contiguous" "$channels_last" "$ratio" "$3" "$(verdict "$ratio" '>=' "$3")" \
    "$(column 2 "$WORK/ours.first")" "$(column 2 "$WORK/contiguous.first")"
  local peak peak_theirs
  peak=$(column 3 "$WORK/ours" | tail -1)
  peak_theirs=$(cat "$WORK/contiguous" "$WORK/channels_last" | column 3 - | sort -g | awk -v n="$ROUNDS" 'NR == n')
  [ "$1" != train ] || printf '%-7s %s  peak memory: ours %s MiB  torchvision %s MiB  ratio %s  bar <= 1  %s\n' \
    "$1" "$2" "$peak" "$peak_theirs" "$(divide "$peak" "$peak_theirs")" "$(verdict "$peak" '<=' "$peak_theirs")"
}

compare train fp32 1.6
compare train bf16 2.2
compare predict fp32 1.5
compare predict bf16 1.5
