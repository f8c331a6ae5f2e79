#!/usr/bin/env bash
# Without root and sudo, bootstrap lists what is missing in four package managers; in an active
# environment with the tools it installs nothing.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
[ "$(id -u)" = 0 ] && { command -v setpriv >/dev/null || skip "no setpriv to become nobody with"; }
as_nobody() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi
}

# A machine with bash and coreutils, and a dpkg that has nothing.
mkdir machine
for tool in bash env dirname id awk grep sed printf cat; do ln -s "$(command -v $tool)" machine/; done
printf '#!%s\nexit 1\n' "$(command -v bash)" >machine/dpkg-query
chmod -R a+rx machine "$work"
chmod a+x machine/dpkg-query
cp "$source_dir/bootstrap" . && chmod a+rx bootstrap
as_nobody test -r "$work/bootstrap" || skip "nobody may not read in $work"
expect 1 as_nobody env -i HOME="$work" PATH="$work/machine" bash ./bootstrap build
says err 'these are missing and cannot be installed without root or sudo'
for line in 'apt-get install g++ cmake ninja-build' 'conda-forge: gxx_linux-64>=12 cmake>=3.25' \
  'Spack:       gcc@12: cmake@3.25:' 'modules:     gcc/12 cmake' slurm/environment/; do
  says err "$line"
done
expect 1 as_nobody env -i HOME="$work" PATH="$work/machine" bash ./bootstrap test
says err slurm-wlm

# An environment of conda's: its packages are taken as they are; what stops is the next step.
mkdir -p environment/bin
for tool in cmake ninja mpirun; do
  printf '#!%s\necho "%s was asked" >&2; exit 9\n' "$(command -v bash)" $tool >environment/bin/$tool
done
chmod -R a+rx environment
mkdir -p torch/lib && touch torch/lib/libtorch_cpu.so && echo "__version__ = '2.11.0'" >torch/version.py
chmod -R a+rX torch
expect 9 as_nobody env -i HOME="$work" PATH="$work/environment/bin:$work/machine:/usr/bin" \
  CONDA_PREFIX="$work/environment" TORCH_DIR="$work/torch" bash ./bootstrap build
says err 'cmake was asked'
expect 2 bash ./bootstrap nonsense
says out 'bootstrap build | run | test'
