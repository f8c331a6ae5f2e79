#!/usr/bin/env bash
# Trained trials predict files and judge together: two U-Nets and two networks that find objects.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 1 1
cat >found.toml <<'STUDY'
name = "found"
[trial]
dataset = "phantom.h5"
model = { name = "mask_rcnn", anchor_sizes = [4, 8, 16, 32, 64], image_resize = "none", rpn_per_image = 16, roi_per_image = 16, proposals_before_nms = 50, proposals_after_nms = 20, min_score = 0.0, detections = 8, representation = 64 }
backbone = "resnet18"
color_mode = "gray"
epochs = 1
batch_size = 4
precision = "fp32"
[repeat]
seeds = [0, 1]
[split]
validation = 0.25
STUDY
expect 0 "$runner" run tiny.toml
expect 0 "$runner" run found.toml
read -r finder other_finder <<<"$("$runner" plan found.toml --format json | jq -r '[.trials[].name | "found/" + .] | join(" ")')"
expect 0 "$runner" export-data phantom.h5 --format png --output exported
images=$(ls exported/images/*.png | head -n 2)
first=$(basename "$(echo "$images" | head -n 1)")

# annotated FOLDER IMAGES: COCO's file and the label maps are of so many images.
annotated() {
  jq -e ".images | length == $2" "$1/annotations.json" >/dev/null || fail "not $2 images in $1"
  jq -e '(.categories | length == 3) and ([.annotations[] | .score >= 0 and (.bbox | length == 4)] | all)' \
    "$1/annotations.json" >/dev/null || fail "annotations of $1"
  [ "$(ls "$1"/labels/*.png | wc -l)" = "$2" ] || fail "not $2 label maps in $1"
  [ "$(wc -l <"$1/boxes.csv")" = $(($(jq '.annotations | length' "$1/annotations.json") + 1)) ] ||
    fail "boxes and annotations of $1 differ"
}

# Image files and the data file that they come from are seen alike.
expect 0 "$runner" predict tiny/none $images --output by_unet --overlays
says out '2 images by tiny/none'
annotated by_unet 2
[ -s "by_unet/overlays/$first" ] || fail "no overlay"
expect 0 "$runner" predict tiny/none phantom.h5 --output by_unet_all
annotated by_unet_all 32
cmp "by_unet/labels/$first" "by_unet_all/labels/$first" || fail "the data file's image is seen otherwise"
expect 0 "$runner" predict "$finder" $images --output by_rcnn
annotated by_rcnn 2
jq -e '.annotations | length > 0 and all(.segmentation.counts | type == "string")' by_rcnn/annotations.json \
  >/dev/null || fail "no objects with masks"

# Together: printed, in the journal, in the table.
expect 0 "$runner" ensemble --trials tiny/none tiny/fliprot --data phantom.h5 --method mean --name both
says out dice
says out 'tiny/both'
expect 0 "$runner" table tiny.toml
says out both
expect 0 "$runner" table tiny.toml --format json
jq -e '[.. | .labels? // empty | select(. == ["both"])] | length == 1' out >/dev/null || fail "no row of the ensemble"
identity=$(records runs/tiny trial | jq -r 'select(.name == "both") | .trial')
[ "$(records runs/tiny value | jq -r "select(.trial == \"$identity\" and .metric == \"dice\" and .dataset == \"\") | .sample" | sort -u | wc -l)" = 8 ] ||
  fail "not the numbers of eight cases"
# One trial alone is an ensemble of one: its numbers are the trial's.
expect 0 "$runner" ensemble --trials tiny/none --data phantom.h5 --name alone
expect 0 "$runner" ensemble --trials "$finder" "$other_finder" --data phantom.h5 --method vote --minimum-votes 1 --name bag
says out mask_ap
expect 0 "$runner" table found.toml
says out bag
expect 0 "$runner" status tiny.toml
expect 0 "$runner" gc tiny

# What cannot be meant.
expect 2 "$runner" predict tiny/none $images --output by_unet
says err 'is there already'
expect 2 "$runner" predict tiny/nosuch $images --output other
says err "no trial 'nosuch'"
expect 2 "$runner" predict tiny/none nosuch.png --output other
expect 2 "$runner" ensemble --trials tiny/none tiny/none --data phantom.h5
says err twice
expect 2 "$runner" ensemble --trials tiny/none "$finder" --data phantom.h5
says err 'only one finds objects'
expect 2 "$runner" ensemble --trials tiny/none tiny/fliprot --data phantom.h5 --method votes
says err "did you mean 'vote'"
expect 2 "$runner" ensemble --trials tiny/none tiny/fliprot --data phantom.h5 --minimum-votes 3
expect 2 "$runner" ensemble --trials tiny/none tiny/fliprot --data phantom.h5 --name none
says err 'is a trial of tiny'

# A study's own ensembles: computed once, refused before its trials are trained.
printf '[[ensemble]]\nname = "seeds"\nover = "seed"\nmethod = "mean"\n' >>found.toml
expect 0 "$runner" ensemble found.toml
says out seeds
says out mask_ap
expect 0 "$runner" ensemble found.toml
says out 'seeds: is there already'
expect 0 "$runner" table found.toml
says out seeds
sed 's/name = "found"/name = "later"/' found.toml >later.toml
expect 2 "$runner" ensemble later.toml
says err 'no such trial'
expect 2 "$runner" ensemble tiny.toml
says err 'no [[ensemble]]'
sed -i 's/over = "seed"/over = "dataset"/' found.toml
expect 2 "$runner" ensemble found.toml
says err 'nothing varies over "dataset"'
