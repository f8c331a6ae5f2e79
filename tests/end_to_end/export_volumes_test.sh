#!/usr/bin/env bash
# Volumes that were converted and exported are, for nibabel, those of the source: voxels, codes,
# spacing, axes. One has its spacing in pixdim only, one lies obliquely and has sparse codes.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
python=${MEDSWEEP_PEERS_PYTHON:-$HOME/.cache/medsweep/peers/bin/python}
[ -x "$python" ] && "$python" -c 'import nibabel' 2>/dev/null ||
  skip "no nibabel for $python; ./bootstrap peers installs it"

mkdir -p in/images in/labels
"$python" - "$source_dir/tests/golden/nifti/oblique.nii.gz" <<'PYTHON' || fail "no source files"
import sys
import nibabel
import numpy as np
image = nibabel.load(sys.argv[1])
voxels = np.asarray(image.dataobj)
nibabel.save(image, "in/images/a.nii.gz")
codes = np.choose(voxels % 3, [0, 4, 2035]).astype(np.int16)
nibabel.save(nibabel.Nifti1Image(codes, image.affine), "in/labels/a.nii.gz")
PYTHON
printf 'code,name\n4,ventricle\n2035,insula\n' >map.csv
expect 0 "$runner" prepare nifti --source in --output oblique.h5 --images 'images/*.nii.gz' \
  --labels 'labels/*.nii.gz' --label-map map.csv
expect 0 "$runner" export-data oblique.h5 --format nifti --output oblique
expect 0 "$runner" export-data oblique.h5 --format nnunet --output nnunet

cat >compare.py <<'PYTHON'
import sys
import nibabel
import numpy as np
given, made, what = nibabel.load(sys.argv[1]), nibabel.load(sys.argv[2]), sys.argv[3]
assert np.array_equal(np.asarray(given.dataobj), np.asarray(made.dataobj)), "voxels"
assert given.get_data_dtype() == made.get_data_dtype() or what == "codes", "type"
zooms = given.header["pixdim"][1:4]
assert np.allclose(zooms, made.header["pixdim"][1:4], rtol=1e-6), "pixdim"
columns = given.affine[:3, :3] / np.linalg.norm(given.affine[:3, :3], axis=0) * zooms
assert np.allclose(columns, made.affine[:3, :3], atol=1e-5), "axes"
assert np.allclose(given.affine[:3, 3], made.affine[:3, 3], atol=1e-5), "origin"
assert np.allclose(made.get_qform(), made.affine, atol=1e-4), "qform"
assert nibabel.aff2axcodes(given.affine) == nibabel.aff2axcodes(made.affine), "orientation"
assert not made.header["descrip"].tobytes().strip(b"\0"), "text"
PYTHON
same() { "$python" compare.py "$1" "$2" "${3:-voxels}" || fail "$2 differs from $1"; }

same in/images/a.nii.gz oblique/images/a.nii.gz
same in/labels/a.nii.gz oblique/labels/a.nii.gz codes
same in/images/a.nii.gz nnunet/imagesTr/a_0000.nii.gz

data=${MEDSWEEP_TEST_DATA:-$source_dir/../shared/data}/acdc/native
if [ -d "$data" ]; then
  expect 0 "$runner" prepare acdc --source "$data" --output acdc.h5
  expect 0 "$runner" export-data acdc.h5 --format nifti --output acdc
  for phase in ED ES; do
    same "$data/patient139/patient139_$phase.nii.gz" "acdc/images/patient139_$phase.nii.gz"
    same "$data/patient139/patient139_${phase}_gt.nii.gz" "acdc/labels/patient139_$phase.nii.gz"
  done
fi
