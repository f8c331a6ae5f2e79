#!/usr/bin/env bash
# The parsers of our own against libFuzzer with the address and undefined-behaviour sanitizers:
# MEDSWEEP_FUZZ_SECONDS (15) for each of the targets below, two at a time, from the random seed
# MEDSWEEP_FUZZ_SEED (1, so that a test of somebody else's change tries what it tried before; 0 draws
# one: use it with more seconds after a parser was touched). A crash, a hang, an exception that is not
# allowed or a broken promise fails; its input is printed. Inputs that once failed lie in seeds/.
set -u -o pipefail
build=${MEDSWEEP_BUILD_DIR:?MEDSWEEP_BUILD_DIR names the build folder}
cd "${MEDSWEEP_SOURCE_DIR:?MEDSWEEP_SOURCE_DIR names the root of the project}" || exit 1
seconds=${MEDSWEEP_FUZZ_SECONDS:-15} seed=${MEDSWEEP_FUZZ_SEED:-1}

skip() { echo "skipped: $1"; exit 77; }
compiler=$(command -v clang++-14 || command -v clang++) || skip "no clang++-14 (apt-get install clang-14)"
work=$(mktemp -d "${TMPDIR:-/tmp}/medsweep-fuzz-XXXXXX")
trap 'rm -rf "$work"' EXIT
echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' >"$work/empty.cpp"
"$compiler" -fsanitize=fuzzer,address,undefined "$work/empty.cpp" -o "$work/empty" 2>/dev/null ||
  skip "$compiler has no libFuzzer (apt-get install libclang-rt-14-dev libfuzzer-14-dev)"

# target: what it is made of, headers too
sources_of() {
  echo "tests/fuzz/$1_fuzz.cpp"
  case $1 in
  csv) echo datasets/converters/csv.{h,cpp} base/files.{h,cpp} ;;
  run_lengths) echo datasets/converters/run_lengths.{h,cpp} datasets/converters/polygons.{h,cpp} ;;
  safetensors) echo runner/safetensors_header.{h,cpp} ;;
  packed_files) echo datasets/converters/{zip_entries,image_bytes,palette_png}.cpp base/files.cpp ;;
  torch_file) echo runner/weights/{pickle,torch_file,zip_directory,pickle_objects}.{h,cpp} runner/weights/{pickle_tensors,state_dict}.cpp ;;
  hdf5_table) echo datasets/hdf5_file.{h,cpp} datasets/hdf5_table.cpp datasets/hdf5_attribute.cpp ;;
  esac
}

build_target() {
  local target=$build/fuzz/$1 flags sources
  sources=$(sources_of "$1")
  # shellcheck disable=SC2086
  [ -x "$target" ] && [ -z "$(find $sources -newer "$target" -print -quit)" ] && return
  flags="-std=c++20 -O1 -g -I. -DFMT_HEADER_ONLY -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined"
  # shellcheck disable=SC2046,SC2086
  "$compiler" $flags $(pkg-config --cflags hdf5) $(printf '%s\n' $sources | grep '\.cpp$') -o "$target.$$" \
    $([ "$1" = hdf5_table ] && pkg-config --libs hdf5) $([[ "$1" = packed_files || "$1" = torch_file ]] && echo -ldeflate) && mv "$target.$$" "$target"
}

# What a target begins from; a data file of today's layout for the one that reads those.
seeds_for() {
  mkdir -p "$work/$1/corpus" "$work/$1/crashes"
  cp tests/fuzz/seeds/"$1"/* "$work/$1/corpus/" 2>/dev/null
  if [ "$1" = hdf5_table ]; then
    [ -x "$build/runner" ] || { echo "no $build/runner to make a data file with"; return 1; }
    "$build/runner" prepare phantom --patients 1 --slices 1 --size 32 --output "$work/$1/corpus/phantom.h5"
  fi
}

fuzz() {
  local log=$work/$1/log leaks=1 input
  seeds_for "$1" >"$work/seeds-$1" 2>&1 || { cat "$work/seeds-$1"; return 1; }
  [ "$1" = hdf5_table ] && leaks=0 # of HDF5's own, behind its errors
  if ASAN_OPTIONS=detect_leaks=$leaks:allocator_may_return_null=1 "$build/fuzz/$1" -max_total_time="$seconds" -seed="$seed" \
    -timeout=20 -rss_limit_mb=3000 -artifact_prefix="$work/$1/crashes/" "$work/$1/corpus" >"$log" 2>&1; then
    echo "$1: $(grep -o 'Done .*' "$log")"
    return 0
  fi
  echo "FAILED: $1"
  tail -n 60 "$log"
  for input in "$work/$1/crashes"/*; do [ -s "$input" ] && echo "input, base64:" && base64 "$input"; done
  return 1
}

# two COMMAND TARGET...: two at a time.
two() {
  local command=$1 failed=0 first second
  shift
  while [ $# -gt 0 ]; do
    "$command" "$1" & first=$!
    second=
    [ $# -gt 1 ] && { "$command" "$2" & second=$!; shift; }
    shift
    wait "$first" || failed=1
    [ -z "$second" ] || wait "$second" || failed=1
  done
  return $failed
}

targets="csv run_lengths safetensors hdf5_table packed_files torch_file"
mkdir -p "$build/fuzz"
# shellcheck disable=SC2086
two build_target $targets || { echo "FAILED: a target does not compile"; exit 1; }
# shellcheck disable=SC2086
two fuzz $targets
