#!/usr/bin/env bash
# Samples that nobody has labelled neither train nor count, and the log says how many there are.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
expect 0 "$runner" prepare phantom --kind lungs --output lungs.h5 --patients 10 --size 64
expect 0 "$runner" export-data lungs.h5 --format png --output exported

# table FILE KEEP UNLABELLED: the first KEEP images with their label maps, then UNLABELLED without.
table() {
  local image number=0
  echo image,mask,patient >"$1"
  for image in $(ls exported/images); do
    number=$((number + 1))
    [ $number -gt $(($2 + $3)) ] && break
    if [ $number -le "$2" ]; then
      echo "exported/images/$image,exported/labels/$image,p$number"
    else
      echo "exported/images/$image,,p$number"
    fi >>"$1"
  done
}
# prepared NAME KEEP UNLABELLED
prepared() {
  table "$1.csv" "$2" "$3"
  expect 0 "$runner" prepare manifest --source "$1.csv" --output "$1.h5" --classes left_lung,right_lung --patient-key key
}
head -c 32 /dev/zero | tr '\0' k >key
prepared labelled 7 0
prepared mixed 7 3
expect 0 "$runner" inspect mixed.h5 --format json
jq -e '.unlabelled == 3 and .samples == 10' out >/dev/null || fail "not three samples without labels"

# study NAME: trained on NAME.h5, judged by two of its samples and by all of it.
study() {
  cat >"$1.toml" <<STUDY
name = "$1"
[trial]
dataset = "$1.h5"
model = { name = "unet", width = 4, depth = 3 }
color_mode = "gray"
epochs = 2
batch_size = 2
precision = "fp32"
metrics = ["dice"]
[split]
validation = $validation
[evaluate]
datasets = ["mixed.h5"]
STUDY
}
validation=$(ls exported/images | head -n 2 | sed "s/\.png//" | jq -Rsc 'split("\n")[:-1]')
study labelled
study mixed
expect 0 "$runner" run labelled.toml
expect 0 "$runner" run mixed.toml

# As if they were not there: the same weights to the bit, the same cases.
# The tensors alone: the header of model.safetensors names the trial.
weights() {
  local file
  file=$(ls "$1"/trials/*/checkpoints/*/model.safetensors | tail -n 1)
  tail -c +$(($(od -An -tu8 -N8 "$file") + 9)) "$file"
}
cmp <(weights runs/labelled) <(weights runs/mixed) || fail "samples without labels changed the training"
numbers() { records "runs/$1" value | jq -Sc 'select(.sample != "") | [.epoch, .split, .dataset, .sample, .class, .metric, .value]' | sort; }
[ -n "$(numbers mixed)" ] && [ "$(numbers mixed)" = "$(numbers labelled)" ] || fail "other numbers"
[ "$(records runs/mixed value | jq -r 'select(.dataset == "mixed.h5" and .sample != "") | .sample' | sort -u | wc -l)" = 7 ] ||
  fail "not judged by the seven labelled samples"
[ "$(records runs/mixed split | jq -r .sample | sort -u | wc -l)" = 7 ] || fail "not seven samples in the split"
grep -q '3 samples without labels are left out' runs/mixed/trials/*/log.txt || fail "the log does not say how many"
grep -q 'mixed.h5: 3 samples without labels are left out' runs/labelled/trials/*/log.txt ||
  fail "the log does not say how many of the test set"

# Nothing labelled at all is an error that says so.
prepared nothing 1 9
sed -e 's/"labelled"/"nothing"/; s/labelled.h5/nothing.h5/' labelled.toml >nothing.toml
sed -i "s/^validation.*/validation = [\"$(ls exported/images | head -n 1 | sed 's/\.png//')\"]/" nothing.toml
expect 3 "$runner" run nothing.toml
expect 0 "$runner" status nothing.toml
says out 'no sample with labels to train on'
