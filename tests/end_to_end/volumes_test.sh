#!/usr/bin/env bash
# Volumes train in patches and are judged whole: planned, on one and two ranks, killed and resumed,
# in the table; files of the wrong dimension are refused with the way out.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
prepare() { expect 0 "$runner" prepare phantom --kind hearts --dimension "$1" --output "$2" --patients 6 --slices 10 --size 48; }
prepare 3 volumes.h5
prepare 2 slices.h5

# study NAME DATASET RANKS LINES
study() {
  cat >"$1.toml" <<STUDY
name = "$1"
[trial]
dataset = "$2"
model = { name = "unet3d", widths = [4, 8] }
color_mode = "all"
normalize = "zscore"
patch = [8, 24, 24]
patches_per_image = 2
foreground = 0.5
augmentation = "flip_rotate"
epochs = 2
batch_size = 4
precision = "fp32"
ranks_per_trial = $3
$4
[split]
validation = 2
STUDY
}
study wrong slices.h5 1 ""
expect 2 "$runner" plan wrong.toml
says err "slices.h5 holds images, unet3d takes volumes"
says err "--dimension 3"
study flat volumes.h5 1 'model = { name = "unet", width = 4, depth = 3 }'
sed -i '/unet3d/d; /patch = /d; s/"all"/"gray"/' flat.toml
expect 2 "$runner" plan flat.toml
says err "volumes.h5 holds volumes, unet takes images"

for ranks in 1 2; do  # each with runs of its own, or the second would take the first one's
  export MEDSWEEP_RUNS=runs_$ranks
  study "volumes_$ranks" volumes.h5 $ranks ""
  expect 0 "$runner" plan "volumes_$ranks.toml"
  grep -qE '[0-9,]+ +[0-9.]+ [MG]B' out || fail "no memory in the plan"
  expect 0 $(ranks $ranks) "$runner" --sweep "volumes_$ranks.toml"
  expect 0 "$runner" table "volumes_$ranks" --format json
  cp out "table_$ranks.json"
done
jq -e '[.. | numbers] | length > 0' table_1.json >/dev/null || fail "no number in the table"

# What two ranks learn is what one learns, but for the order of sums.
cases() { cat runs_"$1"/volumes_"$1"/journal/*.jsonl | jq -r 'select(.metric == "dice" and .epoch == 2 and (.sample // "") != "") | [.sample, .class, .value] | @tsv' | sort -u; }
paste <(cases 1) <(cases 2) >both.tsv
[ -s both.tsv ] || fail "no case in the journal"
awk -F'\t' '$1 != $4 || $2 != $5 || ($3 - $6) ^ 2 > 0.01 { exit 1 }' both.tsv || fail "one and two ranks differ: $(cat both.tsv)"

# What it sees in a volume lies on the volume's own grid.
expect 0 "$runner" export-data volumes.h5 --format nifti --output exported
volume=$(ls exported/images/* | head -n 1)
cp "$volume" alone.nii.gz
trial=$(echo runs_1/volumes_1/trials/*)
expect 0 "$runner" predict "$trial" alone.nii.gz volumes.h5 --output seen
says out "13 volumes by"
[ "$(ls seen/labels | wc -l)" = 13 ] || fail "not a file a volume: $(ls seen/labels)"
[ -s seen/classes.csv ] && [ ! -e seen/annotations.json ] || fail "other files: $(ls seen)"
mkdir -p again/images again/labels
cp "$volume" again/images/one.nii.gz
cp seen/labels/alone.nii.gz again/labels/one.nii.gz
expect 0 "$runner" prepare nifti --source again --dimension 3 --classes one,two,three --output again.h5 --images 'images/*.nii.gz' --labels 'labels/*.nii.gz'
expect 2 "$runner" predict "$trial" slices.h5 --output flat

# Trials whose classes overlap are put together class by class.
expect 0 "$runner" prepare phantom --kind blobs --dimension 3 --output tumours.h5 --patients 6 --slices 10 --size 32
study nested tumours.h5 1 'classes = ["wt", "tc", "et"]
activation = "sigmoid"
loss = "dice_ce"'
sed -i 's/^augmentation.*/metrics = ["dice"]/' nested.toml
printf '[repeat]\nseeds = [0, 1]\n[[ensemble]]\nname = "both"\nover = "seed"\nmethod = "mean"\n' >>nested.toml
export MEDSWEEP_RUNS=runs_nested
expect 0 "$runner" run nested.toml
identity=$(records runs_nested/nested trial | jq -r 'select(.name == "both") | .trial')
classes=$(records runs_nested/nested value | jq -r "select(.trial == \"$identity\" and .sample != \"\") | .class" | sort -u | paste -sd' ')
[ "$classes" = "et tc wt" ] || fail "the ensemble's classes: $classes"

# A stop does not wait for an evaluation's end, be it an epoch's or the last one, which come again.
has_records() { [ "$(count_records "$1" "$2" 2>/dev/null)" -gt 0 ]; }
for ranks in 1 2; do
  study "long_$ranks" volumes.h5 $ranks 'mirror = true
overlap = 0.75'
  sed -i 's/^epochs.*/epochs = 1/' "long_$ranks.toml"
  expect 0 $(ranks $ranks) "$runner" --runs "whole_$ranks" --sweep "long_$ranks.toml"
  cp out whole.txt
  for waited in epoch value; do
    start $(ranks $ranks) "$runner" --runs "stopped_$ranks" --sweep "long_$ranks.toml"
    wait_until has_records "stopped_$ranks/long_$ranks" $waited
    kill -USR1 "$started"
    ended 75
    wait_until nobody_runs
    says out "stopped by SIGUSR1"
    [ "$(count_records "stopped_$ranks/long_$ranks" done)" = 0 ] || fail "it was to be stopped in an evaluation"
    [ $waited = value ] || ! has_records "stopped_$ranks/long_$ranks" value || fail "the evaluation was not left"
  done
  expect 0 $(ranks $ranks) "$runner" --runs "stopped_$ranks" --sweep "long_$ranks.toml"
  cmp out whole.txt || fail "another table after two stops"
  same_weights "whole_$ranks/long_$ranks" "stopped_$ranks/long_$ranks"
done
