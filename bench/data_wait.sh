#!/usr/bin/env bash
# bench/data_wait.sh [ROUNDS]
#
# What the training waits for its data: a sweep of the 2-D U-Net of 7.8 M parameters with flip_rotate and
# elastic deformation on slices of 256x256, on two cores, nothing kept in memory. Out of the journal's epochs.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-3}
need_build runner
"$BUILD/runner" prepare phantom --patients 4 --slices 4 --size 256 --output "$WORK/data.h5" >/dev/null
cat >"$WORK/study.toml" <<'TOML'
name = "data_wait"
[define.augmentation]
strong = ["flip_rotate", "elastic"]
[trial]
dataset = "data.h5"
model = { name = "unet", width = 32, depth = 5 }
color_mode = "gray"
augmentation = "strong"
cache = "none"
batch_size = 4
epochs = 2
[evaluate]
every = "2 epochs"
TOML
for round in $(seq "$ROUNDS"); do
  "$BUILD/runner" --runs "$WORK/runs$round" --sweep "$WORK/study.toml" >/dev/null 2>"$WORK/said" || { cat "$WORK/said" >&2; exit 1; }
  grep -h '"type":"epoch"' "$WORK/runs$round"/*/journal/*.jsonl | tail -1 |
    sed -E 's/.*"data_seconds":([0-9.e+-]+).*/\1 &/; s/^([^ ]+) .*"seconds":([0-9.e+-]+).*/\1 \2/' >>"$WORK/epochs"
done
share=$(awk '{print $1 / $2}' "$WORK/epochs" | median)
printf 'waiting %s s of %s s an epoch  share %.4f  bar <= 0.01  %s\n' "$(column 1 "$WORK/epochs" | median)" \
  "$(column 2 "$WORK/epochs" | median)" "$share" "$(verdict "$share" '<=' 0.01)"
