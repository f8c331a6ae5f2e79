#!/usr/bin/env bash
# One thing wrong in a source or in a data file: one line that names file and place, the right exit
# status, nothing half written; --skip-bad leaves out what is bad, lists it, and takes the rest.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1

# phantom KIND PATIENTS: KIND.h5 with small images.
phantom() {
  expect 0 "$runner" prepare phantom --kind "$1" --patients "$2" --size 48 --slices 8 --output "$1.h5"
}
phantom vessels 2
phantom lungs 3
phantom blobs 3
expect 0 "$runner" export-data vessels.h5 --format png --output pictures
expect 0 "$runner" export-data lungs.h5 --format coco --output annotated
expect 0 "$runner" export-data blobs.h5 --format nifti --output volumes
printf 'code,name\n1,vessel\n' >vessel.csv

# The sources as they should be, a copy for each damage in `in`.
pictures=(folder --label-map vessel.csv)
annotated=(coco)
volumes=(nifti --dimension 3 --label-map volumes/labels.csv --images 'images/*.nii.gz' --labels 'labels/*.nii.gz')
fresh() { rm -rf in && cp -r "$1" in; }
declare -A whole
for source in pictures annotated volumes; do
  declare -n arguments=$source
  expect 0 "$runner" prepare "${arguments[@]}" --source "$source" --output "$source.h5"
  whole[$source]=$("$runner" inspect "$source.h5" --format json | jq .samples)
done

# refused STATUS SOURCE TEXT...: one line with all texts; the older output stays, nothing else.
refused() {
  local status=$1 text
  declare -n arguments=$2
  cp "$2.h5" out.h5
  expect "$status" "$runner" prepare "${arguments[@]}" --source in --output out.h5
  [ "$(grep -c . err)" = 1 ] || fail "not one line"
  for text in "${@:3}"; do says err "$text"; done
  cmp -s "$2.h5" out.h5 || fail "the older output changed"
  rm -rf out.h5 out.h5.partial
  [ -z "$(ls -d out.h5* 2>/dev/null)" ] || fail "left behind: $(ls -d out.h5*)"
}

# left_out SOURCE SAMPLES TEXT...: --skip-bad lists one thing with all texts, SAMPLES stay.
left_out() {
  local text samples
  declare -n arguments=$1
  expect 0 "$runner" prepare "${arguments[@]}" --source in --output out.h5 --skip-bad
  [ "$(grep -c '^skipped: ' out)" = 1 ] || fail "not one thing skipped"
  for text in "${@:3}"; do grep '^skipped: ' out | grep -qF -- "$text" || fail "not listed: $text"; done
  expect 0 "$runner" inspect out.h5 --format json
  samples=$(jq .samples out)
  [ "$samples" = "$2" ] || fail "$samples samples, not $2"
  [ ! -e out.h5.partial ] || fail "out.h5.partial stays"
  rm out.h5
}

# first FOLDER PATTERN: the first file of that name.
first() { find "$1" -name "$2" | sort | head -n 1; }

halve() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }

# Pictures.
fresh pictures
image=$(first in/images '*.png')
: >"$image"
refused 1 pictures "$(basename "$image")"
left_out pictures $((whole[pictures] - 1)) "$(basename "$image")"

fresh pictures
halve "$image"
refused 1 pictures "$(basename "$image")"
left_out pictures $((whole[pictures] - 1)) "$(basename "$image")"

# Volumes.
fresh volumes
volume=$(first in '*.nii.gz')
halve "$volume"
refused 1 volumes "$(basename "$volume")"
left_out volumes $((whole[volumes] - 1)) "$(basename "$volume")"

# Annotations: jq edits the second one. The rest of its image stays.
edit() { jq -c "$1" annotated/annotations.json >in/annotations.json; }
number=$(jq '.annotations[1].id' annotated/annotations.json)

fresh annotated
edit '.annotations[1].bbox = [1000, 3, 8, 9]'
refused 2 annotated annotations.json "annotation $number" 'outside'
left_out annotated "${whole[annotated]}" annotations.json "annotation $number"

fresh annotated
edit '.annotations[1].segmentation = [[2, 3, 10, 3]]'
refused 2 annotated annotations.json "annotation $number" '2 points'
left_out annotated "${whole[annotated]}" annotations.json "annotation $number"

fresh annotated
edit '.annotations[1].segmentation.counts = [100, 50, 7]'
refused 2 annotated annotations.json "annotation $number" '157'
left_out annotated "${whole[annotated]}" annotations.json "annotation $number"

fresh annotated
halve in/annotations.json
refused 1 annotated annotations.json byte

# Tables: Windows line ends, a byte-order mark, quotes and blank lines change nothing.
fresh pictures
{
  echo image,mask,patient
  for image in in/images/*.png; do
    name=$(basename "$image")
    echo "images/$name,labels/$name,${name%_*}"
  done
} >plain.csv
head -c 32 /dev/urandom >key
table() { expect "$1" "$runner" prepare manifest --source in/manifest.csv --classes vessel --patient-key key --output "$2"; }
cp plain.csv in/manifest.csv
table 0 plain.h5
digest=$("$runner" inspect plain.h5 --format json | jq -r .digest)
for flavour in 's/$/\r/' '1s/^/\xef\xbb\xbf/' 's/[^,]*/"&"/g' 's/$/\n/'; do
  sed "$flavour" plain.csv >in/manifest.csv
  table 0 flavour.h5
  [ "$("$runner" inspect flavour.h5 --format json | jq -r .digest)" = "$digest" ] ||
    fail "another digest from a table after sed '$flavour'"
done
{ cat plain.csv; tail -n 1 plain.csv; } >in/manifest.csv
table 2 twice.h5
says err "manifest.csv, line $(($(wc -l <plain.csv) + 1))]"
sed '3s/,/,"/' plain.csv >in/manifest.csv
table 2 quote.h5
says err 'manifest.csv, line 3]'
[ -z "$(ls -d twice.h5* quote.h5* 2>/dev/null)" ] || fail "half written tables"

# Data files: cut in half, and bytes flipped in the middle. Neither is shown, exported or trained on.
make_phantom phantom.h5
tiny_study tiny 1 1
cp phantom.h5 sound.h5
size=$(stat -c %s sound.h5)
head -c $((size / 2)) sound.h5 >phantom.h5
expect 1 "$runner" inspect phantom.h5
[ "$(grep -c . err)" = 1 ] || fail "not one line"
says err phantom.h5
expect 1 "$runner" export-data phantom.h5 --format png --output exported
says err phantom.h5
[ -z "$(ls -d exported* 2>/dev/null)" ] || fail "half exported"
"$runner" --sweep tiny.toml >out 2>err </dev/null && fail "trained on half a file"
says err phantom.h5
[ "$(grep -c phantom.h5 err)" = 1 ] || fail "said more than once"

cp sound.h5 phantom.h5
printf '\x55\xaa\x55\xaa\x55\xaa\x55\xaa' | dd of=phantom.h5 bs=1 seek=$((size / 2)) conv=notrunc status=none
expect 1 "$runner" inspect phantom.h5
says err phantom.h5
says err "sample 'patient"
