#!/usr/bin/env bash
# Lungs of X-rays out of a trained trial; pictures of data files; which trials used what changed.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1

expect 0 "$runner" prepare phantom --kind lungs --output phantom.h5 --patients 12 --size 64
expect 0 "$runner" prepare phantom --kind lungs --output others.h5 --patients 4 --size 64 --seed 5
tiny_study tiny 1 20
expect 0 "$runner" --sweep tiny.toml
trial=$("$runner" plan tiny.toml --format json | jq -r '.trials[0].name')

# The others as PNG in class folders.
expect 0 "$runner" export-data others.h5 --format png --output exported
mkdir -p cxr/train/NORMAL cxr/test/PNEUMONIA
pictures=(exported/images/*.png)
[ ${#pictures[@]} = 4 ] || fail "4 pictures were exported, not ${#pictures[@]}"
cp "${pictures[@]:0:3}" cxr/train/NORMAL
cp "${pictures[3]}" cxr/test/PNEUMONIA

# Without a model: no labels. With one: lungs, and their rate.
expect 0 "$runner" prepare chest_xray --source cxr --output bare.h5
expect 0 "$runner" inspect bare.h5 --format json
jq -e '.unlabelled == 4 and .groups.NORMAL == 3 and .sources.test == 1' out >/dev/null || fail "$(cat out)"
expect 0 "$runner" prepare chest_xray --source cxr --output drawn.h5 --no-equalize --lung-model "tiny/$trial"
grep -Eq 'both lungs found: (100\.0|75\.0) % \([34] of 4\)' out || fail "no rate in: $(cat out)"
found=$(sed -n 's/.*(\([0-9]*\) of 4).*/\1/p' out)
expect 0 "$runner" inspect drawn.h5 --format json
jq -e ".unlabelled == 4 - $found and .classes[0].instances == $found" out >/dev/null || fail "$(cat out)"
[ "$found" = 4 ] || [ -s drawn.h5.review.png ] || fail "no picture of what was missed"

# Options of other data sets, models that are not there.
expect 2 "$runner" prepare chest_xray --source cxr --output x.h5 --window 1,2
says err '--window is not read'
expect 2 "$runner" prepare drive --source cxr --output x.h5 --lung-model "tiny/$trial"
says err chest_xray
expect 2 "$runner" prepare chest_xray --source cxr --output x.h5 --lung-model tiny/nosuch
says err "no trial 'nosuch'"
expect 2 "$runner" prepare chest_xray --source cxr --output x.h5 --compression lzma
says err zstd
[ ! -e x.h5 ] || fail "a refused conversion left a file"

# A picture is a PNG.
expect 0 "$runner" inspect drawn.h5 --picture sheet.png
[ "$(head -c 4 sheet.png | tail -c 3)" = PNG ] || fail "no PNG"

# The same data: 0. One patient fewer: 1, and the trials that learned from it.
expect 0 "$runner" prepare phantom --kind lungs --output same.h5 --patients 12 --size 64 --compression zstd
expect 0 "$runner" inspect phantom.h5 --compare same.h5
says out 'the same samples'
expect 0 "$runner" prepare phantom --kind lungs --output fewer.h5 --patients 11 --size 64
expect 1 "$runner" inspect phantom.h5 --compare fewer.h5
says out '0 added, 1 removed, 0 changed'
says out 'trials that used them'
says out "tiny/$trial (the file before)"
expect 1 "$runner" inspect phantom.h5 --compare fewer.h5 --format json
jq -e '.trials | length == 2 and (map(.cases | add | length) | all(. == 1))' out >/dev/null ||
  fail "$(cat out)"
jq -e '.equal == false and (.removed | length == 1)' out >/dev/null || fail "$(cat out)"
expect 1 "$runner" --runs elsewhere inspect phantom.h5 --compare fewer.h5
grep -q 'trials that used them' out && fail "trials of another runs folder"
expect 2 "$runner" inspect phantom.h5 --compare nosuch.h5
echo passed
