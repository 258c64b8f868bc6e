#!/bin/bash
# Everything that a machine with a GPU is asked, in one call: bash gpu_run.sh FOLDER_FOR_RESULTS, beside what `make gpu-pack` packed. With --rehearse the emulator takes the device's
# place, sizes are small and PyTorch is not asked: that runs anywhere.
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?folder for results}
mkdir -p "$out"
export SWIFT_TORCH_CUDA_CACHE="$out/cache"
if [ "$2" = --rehearse ]; then
  for library in CUDA_DRIVER NVRTC CUBLASLT CUDNN CUFFT CUSOLVER; do export "SWIFT_TORCH_$library=$here/libcuda-emulator.so"; done
  sizes="--shrink 256 --budget 0.02" device=emulator
else
  export SWIFT_TORCH_TEST_DEVICE=real
  sizes= device=real
fi
failed=
step() {
  local name=$1
  shift
  echo "== $name"
  "$@" 2>&1 | tee "$out/$name.log" | tail -n 25
  [ "${PIPESTATUS[0]}" = 0 ] || failed="$failed $name"
}
step info "$here/gpucheck" info
[ -z "$failed" ] || { echo "no device"; exit 1; }
[ $device = emulator ] || step compile "$here/gpucheck" compile --list "$here/list.txt" --jobs "$(nproc)"
! grep -q "cuDNN [0-9]" "$out/info.log" || step plan "$here/gpucheck" plan
step selftest "$here/gpucheck" selftest
step goldens "$here/gpucheck" goldens --out "$out/goldens.pt"
# Lines of JSON only.
"$here/gpucheck" bench $sizes > "$out/bench.jsonl" 2> "$out/bench.err" || failed="$failed bench"
cat "$out/bench.jsonl"
# The tests bring the emulator themselves where they need it.
step tests env -u SWIFT_TORCH_CUDA_DRIVER -u SWIFT_TORCH_NVRTC -u SWIFT_TORCH_CUBLASLT -u SWIFT_TORCH_CUFFT -u SWIFT_TORCH_CUDNN -u SWIFT_TORCH_CUSOLVER "$here/tests.xctest" --testing-library swift-testing --filter CUDA
# And the others with every tensor on the device, but for those that read files of the repository.
step tests-there env SWIFT_TORCH_DEVICE=cuda "$here/tests.xctest" --testing-library swift-testing --skip 'CUDA|CommandTests|TorchFormatsTests|FileTests'
if [ $device = real ]; then
  if python3 -c "import torch; assert torch.cuda.is_available()" 2>/dev/null; then
    step peer-bench python3 "$here/gpu_peer.py" bench "$out/bench.jsonl"
    step peer-goldens python3 "$here/gpu_peer.py" goldens "$out/goldens.pt"
  else
    echo "no PyTorch with CUDA here: nothing to compare with"
  fi
fi
rm -rf "$out/cache"
[ -z "$failed" ] && echo "all steps passed" || { echo "failed:$failed"; exit 1; }
