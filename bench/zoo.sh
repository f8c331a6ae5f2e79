#!/usr/bin/env bash
# bench/zoo.sh [ROUNDS [NETWORK ...]]
#
# A training step of every network of label maps that has a reference in tests/golden, on two threads,
# fp32 and bf16, against the same network, weights and data in PyTorch eager, in the better of its two
# layouts. The programs stay alive and take turns, ROUNDS times; speed = median of theirs / median of
# ours. The last line is the geometric mean over networks and precisions.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-7} THREADS=${THREADS:-2} BAR=0.98 MEAN_BAR=1.15
shift || true
readonly WANTED=" $* "
need_build bench_zoo
need_peers

compare() { # network, precision, channels, sides
  local network=$1 precision=$2 name
  shift 2
  start ours "$BUILD/bench_zoo" "$network" "$precision" "$THREADS" "$@"
  for name in contiguous channels_last; do
    start $name "$PYTHON" bench/zoo.py "$network" "$precision" $name "$THREADS" "$@"
  done
  for name in ours contiguous channels_last; do
    ask $name 1 >"$WORK/$name.first"
    ask $name 1 >/dev/null
    : >"$WORK/$name"
  done
  for _ in $(seq "$ROUNDS"); do
    for name in ours contiguous channels_last; do ask $name 1 >>"$WORK/$name"; done
  done
  for name in ours contiguous channels_last; do stop $name; done
  local ours contiguous channels_last theirs ratio
  ours=$(column 1 "$WORK/ours" | median)
  contiguous=$(column 1 "$WORK/contiguous" | median)
  channels_last=$(column 1 "$WORK/channels_last" | median)
  theirs=$(printf '%s\n' "$contiguous" "$channels_last" | sort -g | head -1)
  ratio=$(divide "$theirs" "$ours")
  echo "$ratio" >>"$WORK/ratios"
  printf '%-15s %s  ours %.3f s %s MiB  PyTorch %.3f s %s MiB, channels-last %.3f s %s MiB  speed %s  bar >= %s  %s  (first %s %s)\n' \
    "$network" "$precision" "$ours" "$(column 3 "$WORK/ours" | tail -1)" "$contiguous" "$(column 3 "$WORK/contiguous" | tail -1)" \
    "$channels_last" "$(column 3 "$WORK/channels_last" | tail -1)" "$ratio" "$BAR" "$(verdict "$ratio" '>=' "$BAR")" \
    "$(column 2 "$WORK/ours.first")" "$(column 2 "$WORK/contiguous.first")"
}

while read -r network sides; do
  [ "$WANTED" = "  " ] || [[ "$WANTED" = *" $network "* ]] || continue
  # shellcheck disable=SC2086
  for precision in fp32 bf16; do compare "$network" $precision $sides; done
done <<'NETWORKS'
unet 3 128 128
retina_unet 3 128 128
sa_unet 3 256 256
attention_unet 3 128 128
unet_resnet 3 128 128
fcn_resnet50 3 128 128
deeplabv3 3 128 128
deeplabv3_plus 3 128 128
fcn8s 3 128 128
unet3d 4 64 64 64
unet3d_original 1 32 32 32
attention_unet3d 1 64 64 64
vnet 1 32 64 64
vnet_original 1 32 32 32
anatomynet 1 32 48 48
deepmedic 4 57 57 57
voxresnet 1 32 48 48
h_denseunet 1 16 64 64
NETWORKS

awk '{sum += log($1)} END {printf "%.3f\n", exp(sum / NR)}' "$WORK/ratios" >"$WORK/mean"
printf 'geometric mean %s  bar >= %s  %s\n' "$(cat "$WORK/mean")" "$MEAN_BAR" \
  "$(verdict "$(cat "$WORK/mean")" '>=' "$MEAN_BAR")"
