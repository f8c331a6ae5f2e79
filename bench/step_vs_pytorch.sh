#!/usr/bin/env bash
# bench/step_vs_pytorch.sh [ROUNDS [STEPS]]
#
# A training step of a 7.8 M U-Net (2x3x256x256, Adam) against PyTorch eager with the same weights,
# data, precision, layout and threads; then Medsweep's defaults against PyTorch's. Both programs stay
# alive and take turns of STEPS steps, ROUNDS times; speed = median of theirs / median of ours.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-7} STEPS=${2:-3}
need_build bench_step
need_peers

compare() { # title, bar, ours: precision layout threads, theirs: precision layout threads
  local title=$1 bar=$2
  start ours "$BUILD/bench_step" "$3" "$4" "$5"
  start theirs "$PYTHON" bench/step.py "$6" "$7" "$8"
  local first_ours first_theirs
  first_ours=$(ask ours 1) first_theirs=$(ask theirs 1)
  ask ours 2 >/dev/null; ask theirs 2 >/dev/null
  : >"$WORK/ours" >"$WORK/theirs"
  for _ in $(seq "$ROUNDS"); do
    ask ours "$STEPS" >>"$WORK/ours"
    ask theirs "$STEPS" >>"$WORK/theirs"
  done
  stop ours; stop theirs
  local ours theirs ratio
  ours=$(column 1 "$WORK/ours" | median) theirs=$(column 1 "$WORK/theirs" | median)
  ratio=$(divide "$theirs" "$ours")
  printf '%-36s ours %.4f s  PyTorch %.4f s  speed %s  bar >= %s  %s  (first losses %s %s)\n' "$title" \
    "$ours" "$theirs" "$ratio" "$bar" "$(verdict "$ratio" '>=' "$bar")" "$(column 2 <(echo "$first_ours"))" "$(column 2 <(echo "$first_theirs"))"
}

for threads in ${THREADS:-1 2}; do
  for layout in channels_last contiguous; do
    for precision in fp32 bf16; do
      compare "$precision $layout, threads $threads" 0.98 "$precision" "$layout" "$threads" "$precision" "$layout" "$threads"
    done
  done
  compare "the defaults of both, threads $threads" 2.5 auto channels_last "$threads" fp32 contiguous "$threads"
done
