# Two commands do everything on a fresh machine with a Swift toolchain: make train, make test.
SHELL := /bin/bash
SWIFT ?= swift
DATA ?= ../shared
FLAGS := -c release
BIN = $(shell $(SWIFT) build $(FLAGS) --show-bin-path)
FUZZ_SECONDS ?= 60
# Run-time libraries that make it fast, and the pictures; none is needed to build.
PACKAGES := libopenblas0-openmp libdnnl2 dataset-fashion-mnist

.PHONY: help setup build train demo test lint format conformance peers snippets bench static fuzz cuda-compile emulator-asan gpu-pack gpu-rehearse clean

help:
	@echo "make train        train a network on Fashion-MNIST (or the embedded digits)"
	@echo "make test         run the tests"
	@echo "make demo         the tour"
	@echo "make static       one file with everything inside: .build/static/swift-torch"
	@echo "make conformance  compare with PyTorch's operator data in DATA=$(DATA)"
	@echo "make peers        let PyTorch, NumPy and safetensors open what we write"
	@echo "make snippets     compile the examples of the README and of doc comments"
	@echo "make bench        print the benchmark's JSON lines"
	@echo "make fuzz         feed damaged files to the readers of formats for FUZZ_SECONDS=$(FUZZ_SECONDS)"
	@echo "make cuda-compile compile every CUDA kernel to machine code by NVRTC (no GPU needed; fetches 100 MB by pip once)"
	@echo "make emulator-asan run the kernels on the emulator under address sanitizer"
	@echo "make gpu-pack     pack gpucheck and the tests for a machine with a GPU; make gpu-rehearse runs them on the emulator"
	@echo "make lint         check the format of the sources; make format mends it"

# Installs what is missing if this is Debian and we may; otherwise says so in one line and goes on.
setup:
	@missing=(); for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing+=($$p); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && { apt-get install -y -qq "$${missing[@]}" || { apt-get update -qq && apt-get install -y -qq "$${missing[@]}"; }; } >/dev/null 2>&1; \
	  then echo "installed $${missing[*]}"; \
	  else echo "without $${missing[*]} (could not install): our own kernels and the embedded digits serve"; fi; \
	fi

build: setup
	$(SWIFT) build $(FLAGS)

train: setup
	$(SWIFT) build $(FLAGS) --product swift-torch
	$(BIN)/swift-torch train $(ARGS)

demo: setup
	$(SWIFT) build $(FLAGS) --product swift-torch
	$(BIN)/swift-torch demo

# With the libraries that were found; with our own kernels in their place; and all that is not about devices itself once more with every tensor on the emulated device.
test: setup
	$(SWIFT) build $(FLAGS) --build-tests
	$(SWIFT) test $(FLAGS) --skip-build $(ARGS)
	SWIFT_TORCH_VENDOR=none $(SWIFT) test $(FLAGS) --skip-build $(ARGS)
	SWIFT_TORCH_DEVICE=cuda $(EMULATED) $(SWIFT) test $(FLAGS) --skip-build --skip CUDA $(ARGS)

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

# The kernels, run by the CPU in the place of a GPU: ours, where NVIDIA's libraries have their own too; no library of the machine's takes part.
EMULATED = SWIFT_TORCH_CUDA_QUIET=1 SWIFT_TORCH_CUDA_CACHE=none $(foreach library,CUDA_DRIVER NVRTC CUFFT CUSOLVER,SWIFT_TORCH_$(library)=$(BIN)/libcuda-emulator.so) \
	$(foreach library,CUBLASLT CUDNN,SWIFT_TORCH_$(library)=none)

# Thresholds only rise: see .ci/thresholds.
conformance: setup
	$(SWIFT) build $(FLAGS) --product torch-conformance
	$(SWIFT) build $(FLAGS) --product cuda-emulator
	. .ci/thresholds && $(BIN)/torch-conformance ops --data $(DATA)/conformance/ops --threshold-forward $$OPS_FORWARD --threshold-backward $$OPS_BACKWARD
	. .ci/thresholds && $(EMULATED) $(BIN)/torch-conformance ops --device cuda --data $(DATA)/conformance/ops \
	  --threshold-forward $$OPS_FORWARD --threshold-backward $$OPS_BACKWARD --threshold-alone $$OPS_CUDA_ALONE
	@# Once more with streams that do everything as late as they may: nothing may rely on the emulator's haste.
	. .ci/thresholds && SWIFT_TORCH_EMULATOR_DEFERRED=1 $(EMULATED) $(BIN)/torch-conformance ops --device cuda --data $(DATA)/conformance/ops \
	  --threshold-forward $$OPS_FORWARD --threshold-backward $$OPS_BACKWARD --threshold-alone $$OPS_CUDA_ALONE
	$(BIN)/torch-conformance rng --data $(DATA)/conformance/rng
	. .ci/thresholds && $(BIN)/torch-conformance checkpoints --data $(DATA)/conformance/checkpoints --threshold-good $$CHECKPOINTS_GOOD --threshold-bad $$CHECKPOINTS_BAD

# PyTorch, NumPy and safetensors open what we write. They are installed by pip, apart from everything else; where that fails, this is skipped and says so.
peers:
	@test -x .build-peers/bin/python || { python3 -m venv .build-peers && .build-peers/bin/pip install -q torch==2.13.0 numpy safetensors; } >/dev/null 2>&1 || rm -rf .build-peers
	@if [ -x .build-peers/bin/python ]; then \
	  $(SWIFT) build $(FLAGS) --product torch-conformance && rm -rf .build-peers/written && mkdir -p .build-peers/written && \
	  $(BIN)/torch-conformance checkpoints --data $(DATA)/conformance/checkpoints --rewrite .build-peers/written && \
	  .build-peers/bin/python Tests/Peers/verify_written.py $(DATA)/conformance/checkpoints .build-peers/written; \
	else echo "without PyTorch (pip could not install it): written files are not opened by it"; fi

# Examples in the README and in doc comments.
snippets:
	$(SWIFT) build $(FLAGS) --product torch-conformance
	@python3 Tools/check_snippets.py $(BIN)/Modules

bench: setup
	$(SWIFT) build $(FLAGS) --product torch-bench
	$(BIN)/torch-bench $(ARGS)

# The Swift runtime linked in; needs only the C and C++ run-time libraries of Debian 12 or newer. The linker flags take 2 MB off: equal functions folded, nothing
# exported, relative relocations packed. The kernels throw nothing, and Swift's backtraces follow frame pointers: their 0.3 MB of unwinding tables would never be read.
STATIC := $(FLAGS) --static-swift-stdlib --scratch-path .build-static -Xswiftc -use-ld=lld -Xlinker --icf=all -Xlinker --no-export-dynamic \
	-Xlinker -z -Xlinker pack-relative-relocs -Xcxx -fno-asynchronous-unwind-tables -Xcxx -fno-exceptions -Xcxx -fno-omit-frame-pointer
static:
	$(SWIFT) build $(STATIC) --product swift-torch
	@mkdir -p .build/static
	@cp "$$($(SWIFT) build $(STATIC) --show-bin-path)/swift-torch" .build/static/swift-torch
	@strip .build/static/swift-torch
	@size=$$(stat -c %s .build/static/swift-torch); echo ".build/static/swift-torch: $$size bytes ($$((size / 1000000)) MB)"; \
	if [ $$size -ge 25000000 ]; then echo "larger than 25 MB"; exit 1; fi

# The emulator and all kernels under address sanitizer: its checks must be clean, and the overrun that is planted in one must be found and named.
ASAN_CXX := $(dir $(shell command -v $(SWIFT)))clang++ -std=c++20 -O1 -g1 -fsanitize=address -fno-omit-frame-pointer -w
ASAN_FROM := Sources/CCUDAEmulator
ASAN_OBJECTS := $(patsubst %.cpp,.build-asan/%.o,$(notdir $(wildcard $(ASAN_FROM)/*.cpp)))
.build-asan/%.o: $(ASAN_FROM)/%.cpp $(wildcard Kernels/* Sources/TorchKernels/scalar/* $(ASAN_FROM)/*.h)
	@mkdir -p .build-asan
	$(ASAN_CXX) -I$(ASAN_FROM) -I$(ASAN_FROM)/include -IKernels -ISources/TorchKernels -ISources/TorchKernels/include -c $< -o $@
emulator-asan:
	@$(MAKE) -s -j2 $(ASAN_OBJECTS)
	@$(ASAN_CXX) -fuse-ld=lld -I$(ASAN_FROM)/include Tools/emulator_sanitized.cpp $(ASAN_OBJECTS) -lpthread -lm -o .build-asan/checks
	ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:handle_segv=0 .build-asan/checks
	@if ASAN_OPTIONS=detect_leaks=0:handle_segv=0 .build-asan/checks faults_are_found > .build-asan/planted.log 2>&1; then echo "the planted overrun was not found"; exit 1; fi
	@grep -q "faulty_past_the_end" .build-asan/planted.log || { cat .build-asan/planted.log; exit 1; }
	@echo "the planted overrun was found: $$(grep -m1 'ERROR: AddressSanitizer' .build-asan/planted.log)"

# One archive for a machine with a GPU and without Swift: gpucheck, the tests, the emulator, the script that runs all of it in one call. `make gpu-rehearse` does that here, with the
# emulator in the device's place and an empty environment.
gpu-pack:
	$(SWIFT) build $(STATIC) --product gpucheck
	$(SWIFT) build $(FLAGS) --build-tests
	@rm -rf .gpu/pack && mkdir -p .gpu/pack
	@cp "$$($(SWIFT) build $(STATIC) --show-bin-path)/gpucheck" $(BIN)/libcuda-emulator.so Tools/gpu_run.sh Tools/gpu_peer.py Kernels/list.txt .gpu/pack/
	@cp $(BIN)/swift-torchPackageTests.xctest .gpu/pack/tests.xctest && cp $(BIN)/torch-conformance .gpu/pack/
	@ldd $(BIN)/swift-torchPackageTests.xctest | awk '$$3 ~ /swift/ {print $$3}' | xargs -I{} cp -L {} .gpu/pack/
	@strip --strip-unneeded .gpu/pack/gpucheck .gpu/pack/torch-conformance .gpu/pack/tests.xctest .gpu/pack/*.so*
	@tar -C .gpu/pack -c . | xz -T0 -3 > .gpu/gpu.tar.xz
	@echo ".gpu/gpu.tar.xz: $$(stat -c %s .gpu/gpu.tar.xz) bytes. There: mkdir gpu && tar -C gpu -xJf gpu.tar.xz && bash gpu/gpu_run.sh RESULTS"

gpu-rehearse: gpu-pack
	@rm -rf .gpu/there && mkdir -p .gpu/there/results && tar -C .gpu/there -xJf .gpu/gpu.tar.xz
	env -i PATH=/usr/bin:/bin HOME=/nonexistent bash .gpu/there/gpu_run.sh .gpu/there/results --rehearse

# The readers of file formats under libFuzzer. SwiftPM renames an executable's main, which libFuzzer brings itself, so the readers are compiled here, instrumented
# and as one module with Fuzz/, and linked with the libraries of an ordinary build. What is found grows the corpus in .build-fuzz; crashing inputs are kept there too.
fuzz:
	$(SWIFT) build $(FLAGS) --product torch-conformance
	@mkdir -p .build-fuzz/corpus
	@find Sources/TorchFormats Fuzz -name '*.swift' > .build-fuzz/inputs
	@grep -E '/(TorchTensor|TorchRuntime|TorchCPU|TorchCUDA|TorchKernels|CVendor|CCUDA|ComplexModule|RealModule|_NumericsShims)\.build/' $(BIN)/torch-conformance.product/Objects.LinkFileList >> .build-fuzz/inputs
	@package=$$(sed -n 's/.*"-module-name","TorchFormats".*"-package-name","\([^"]*\)".*/\1/p' .build/release.yaml | head -1); echo "compiling the readers for libFuzzer"; \
	$(SWIFT)c -O -swift-version 6 -parse-as-library -sanitize=fuzzer -DFUZZING -package-name $$package -module-name TorchFuzz -I $(BIN)/Modules -I Sources/TorchKernels/include -I Sources/CCUDA/include \
	  -Xcc -I.build/checkouts/swift-numerics/Sources/_NumericsShims/include -Xcc -fmodule-map-file=$(BIN)/CVendor.build/module.modulemap \
	  @.build-fuzz/inputs -lstdc++ -lm -lpthread -ldl -o .build-fuzz/torch-fuzz
	.build-fuzz/torch-fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=32768 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -artifact_prefix=.build-fuzz/ \
	  -print_final_stats=1 .build-fuzz/corpus Fuzz/Seeds

# NVRTC needs neither a GPU nor a driver. Pinned, as machine code of a newer one may be refused by a driver. Where pip fails this is skipped and says so.
CUDA_WHEELS := nvidia-cuda-nvrtc==13.0.88 nvidia-cuda-runtime==13.0.96
cuda-compile:
	@python3 Tools/kernel_list.py
	@test -f .build-cuda/complete || { rm -rf .build-cuda && python3 -m venv .build-cuda && .build-cuda/bin/pip install -q $(CUDA_WHEELS) && touch .build-cuda/complete; } >/dev/null 2>&1 || rm -rf .build-cuda
	@if [ -f .build-cuda/complete ]; then .build-cuda/bin/python Tools/nvrtc_compile.py $(ARGS); \
	else echo "without NVRTC (pip could not install it): the kernels are not compiled for the device"; fi

clean:
	rm -rf .gpu .build-asan .build .build-static .build-fuzz .build-peers .build-cuda
