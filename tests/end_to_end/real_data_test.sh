#!/usr/bin/env bash
# Real retinas and real hearts: converted, trained for two epochs and evaluated on two ranks.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
data=${MEDSWEEP_TEST_DATA:-$source_dir/../shared/data}
[ -d "$data/drive" ] && [ -d "$data/acdc" ] ||
  skip "no drive and acdc folders in $data; MEDSWEEP_TEST_DATA names a folder that has them"

# real_study NAME VALIDATION SETTINGS: two epochs of a small U-Net on patches of NAME.h5.
real_study() {
  cat >"$1.toml" <<STUDY
name = "$1"
[trial]
dataset = "$1.h5"
model = { name = "unet", width = 4, depth = 3 }
patch = [64, 64]
foreground = 0.5
overlap = 0.25
epochs = 2
batch_size = 8
precision = "fp32"
ranks_per_trial = 2
$3
[split]
validation = $2
[evaluate]
every = "2 epochs"
[[table]]
rows = ["color_mode"]
columns = ["class"]
metrics = ["dice", "iou", "sensitivity", "specificity"]
STUDY
}

# trained NAME CLASSES: on two ranks; every class has a number in every column of the table.
trained() {
  expect 0 "$runner" prepare "$1" --source "$data/$1" --output "$1.h5"
  expect 0 "$runner" inspect "$1.h5" --format json
  jq -e .digest out >/dev/null || fail "no digest of $1.h5"
  expect 0 $(ranks 2) "$runner" --sweep "$1.toml"
  expect 0 "$runner" table "$1.toml" --format json
  [ "$(jq '[.[].rows[].cells[] | select(.mean != null and .done == 1)] | length' out)" = $(($2 * 4)) ] ||
    fail "not $(($2 * 4)) cells with a number in the table of $1"
}

# parts NAME PART: its samples.
parts() { records "runs/$1" split | jq -r "select(.part == \"$2\") | .patient" | sort; }

real_study drive 4 'patches_per_image = 4
color_mode = "green"'
trained drive 1
[ "$(parts drive train | wc -l)" = 16 ] || fail "not 16 retinas to train"
[ "$(parts drive validation | wc -l)" = 4 ] || fail "not 4 retinas to validate"
[ "$(records runs/drive value | jq -r 'select(.metric == "auc" and .value != null) | .sample' |
     sort -u | wc -l)" = 4 ] || fail "not an AUC for each retina"

real_study acdc 0.25 'classes = ["rv", "myo", "lv"]
color_mode = "gray"'
trained acdc 3
[ -z "$(comm -12 <(parts acdc train | uniq) <(parts acdc validation | uniq))" ] ||
  fail "a patient trains and validates"
[ "$(records runs/acdc value | jq -r 'select(.metric == "hd95_mm") | .class' | sort -u | wc -l)" = 3 ] ||
  fail "not a distance for each class"

# The study of this data that comes with the project.
DATA=$work expect 0 "$runner" plan "$source_dir/sweeps/acdc_unet.toml" --format json
[ "$(jq '.trials | length' out)" = 20 ] || fail "not 20 trials in sweeps/acdc_unet.toml"
[ "$(jq '.unknown + .missing | length' out)" = 0 ] || fail "sweeps/acdc_unet.toml asks for what is not there"
