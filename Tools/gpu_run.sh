#!/bin/bash
# Everything that a machine with a GPU is asked, in one call: bash gpu_run.sh FOLDER_FOR_RESULTS, beside what `make gpu-pack` packed. With --rehearse the emulator takes the device's
# place, sizes are small and PyTorch is not asked: that runs anywhere. STEPS="bench tests" in the environment runs only these, ONLY a part of the measurements, DATA names the folder of the
# conformance data where it came along. Every test is a process of its own, as a fault of the device ends all that the process still wants of it; no step can take more than its share of time.
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?folder for results}
mkdir -p "$out"
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
export SWIFT_TORCH_CUDA_CACHE="$cache" PYTHONUNBUFFERED=1
jobs=$(nproc)
libraries="CUDA_DRIVER NVRTC CUBLASLT CUDNN CUFFT CUSOLVER"
if [ "$2" = --rehearse ]; then
  for library in $libraries; do export "SWIFT_TORCH_$library=$here/libcuda-emulator.so"; done
  sizes="--shrink 256 --budget 0.01" device=emulator patience=600
else
  export SWIFT_TORCH_TEST_DEVICE=real
  sizes="--budget ${BUDGET:-0.3}" device=real patience=150
fi
failed=
# A step goes by what is before the dash: "tests" runs tests-there too.
wanted() { [ -z "$STEPS" ] || [[ " $STEPS " = *" ${1%%-*} "* ]]; }
step() {
  local name=$1
  shift
  wanted "$name" || return
  local start=$SECONDS
  echo "== $name"
  timeout $patience "$@" > "$out/$name.log" 2>&1 || failed="$failed $name"
  tail -n "${LINES_SHOWN:-25}" "$out/$name.log"
  echo "   ($((SECONDS - start)) s)"
}

# One test: its output where it fails, one line where it passes.
one_test() {
  local pattern
  pattern="^$(sed -e 's/(.*//' -e 's/[.]/[.]/g' <<< "$1")[(]"
  local said
  local start=$SECONDS
  if said=$(timeout 120 "$here/tests.xctest" --testing-library swift-testing --no-parallel --filter "$pattern" 2>&1); then
    grep -q "with 1 test.* passed" <<< "$said" && echo "passed $1 ($((SECONDS - start)) s)" || echo "ODD $1: $said"
  else
    printf 'FAILED %s (%s)\n%s\n' "$1" "$?" "$(grep -E 'recorded|Fatal|error:|Error|exited|↳' <<< "$said" | head -n 12)"
  fi
}
export -f one_test
export here
# Tests whose names match the first pattern and not the second.
tests() {
  local all
  all=$("$here/tests.xctest" --testing-library swift-testing --list-tests | grep -E "$1" | grep -Ev "$2")
  # The longest first.
  { grep Pointwise <<< "$all"; grep -v Pointwise <<< "$all"; } | tr '\n' '\0' | xargs -0 -P "$jobs" -I{} bash -c 'one_test "$1"' - {} > "$3"
  grep -v "^passed" "$3"
  echo "$(grep -c '^passed' "$3") tests passed, $(grep -c '^FAILED\|^ODD' "$3") failed"
  ! grep -q '^FAILED\|^ODD' "$3"
}
export -f tests
export jobs

step info "$here/gpucheck" info
grep -q "^cuda:0" "$out/info.log" 2>/dev/null || [ -n "$STEPS" ] || { echo "no device"; exit 1; }
step selftest "$here/gpucheck" selftest
# Only some: with all of them that is for a machine with time.
[ $device = emulator ] || step compile "$here/gpucheck" compile --list "$here/list.txt" --only "${COMPILE:-unary.cu ST_OP=e* ST_TYPE=f32 *}" --jobs 1
! grep -q "cuDNN [0-9]" "$out/info.log" || step plan "$here/gpucheck" plan
step goldens "$here/gpucheck" goldens --out "$out/goldens.pt"
if wanted bench; then
  # Lines of JSON only.
  timeout $patience "$here/gpucheck" bench $sizes --only "${ONLY:-*}" > "$out/bench.jsonl" 2> "$out/bench.err" || failed="$failed bench"
  # What our own kernels do where NVIDIA's libraries have theirs too.
  SWIFT_TORCH_CUBLASLT=none SWIFT_TORCH_CUDNN=none timeout $patience "$here/gpucheck" bench $sizes --only "matmul_*,conv_*" > "$out/bench-own.jsonl" 2>> "$out/bench.err" || failed="$failed bench-own"
  cat "$out/bench.err"
  [ $device = real ] || cat "$out/bench.jsonl"
fi
if [ $device = real ] && wanted peer; then
  if python3 -c "import torch; assert torch.cuda.is_available()" 2>/dev/null; then
    LINES_SHOWN=60 step peer python3 "$here/gpu_peer.py" bench "$out/bench.jsonl" "${BUDGET:-0.3}"
    step peer-own python3 "$here/gpu_peer.py" bench "$out/bench-own.jsonl" "${BUDGET:-0.3}"
    step peer-recorded python3 "$here/gpu_peer.py" recorded "$out/recorded.json"
    step peer-goldens python3 "$here/gpu_peer.py" goldens "$out/goldens.pt"
  else
    echo "no PyTorch with CUDA here: nothing to compare with"
  fi
fi
# The tests bring the emulator themselves where they need it.
step tests env $(printf -- '-u SWIFT_TORCH_%s ' $libraries) bash -c 'tests TorchCUDATests "^$" "$0"' "$out/tests.txt"
# And the others with every tensor on the device, but for those that read files of the repository.
step tests-there env SWIFT_TORCH_DEVICE=cuda bash -c 'tests . "CUDA|CommandTests|TorchFormatsTests|FileTests" "$0"' "$out/tests-there.txt"
[ -z "$DATA" ] || step conformance "$here/torch-conformance" ops --data "$DATA" --device cuda --workers "$jobs" --json "$out/conformance.json"
[ -z "$failed" ] && echo "all steps passed" || { echo "failed:$failed"; exit 1; }
