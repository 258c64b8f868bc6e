# Two commands do everything on a fresh machine with a Swift toolchain: make train, make test.
SHELL := /bin/bash
SWIFT ?= swift
DATA ?= ../shared
FLAGS := -c release
BIN = $(shell $(SWIFT) build $(FLAGS) --show-bin-path)
# Run-time libraries that make it fast, and the pictures; none is needed to build.
PACKAGES := libopenblas0-openmp libdnnl2 dataset-fashion-mnist

.PHONY: help setup build train demo test lint format conformance bench static clean

help:
	@echo "make train        train a network on Fashion-MNIST (or the embedded digits)"
	@echo "make test         run the tests"
	@echo "make demo         the tour"
	@echo "make static       one file with everything inside: .build/static/swift-torch"
	@echo "make conformance  compare with PyTorch's operator data in DATA=$(DATA)"
	@echo "make bench        print the benchmark's JSON lines"
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

test: setup
	$(SWIFT) test $(FLAGS) $(ARGS)

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

# Thresholds only rise: see .ci/thresholds.
conformance: setup
	$(SWIFT) build $(FLAGS) --product torch-conformance
	. .ci/thresholds && $(BIN)/torch-conformance ops --data $(DATA)/conformance/ops --threshold-forward $$OPS_FORWARD --threshold-backward $$OPS_BACKWARD
	$(BIN)/torch-conformance rng --data $(DATA)/conformance/rng
	. .ci/thresholds && $(BIN)/torch-conformance checkpoints --data $(DATA)/conformance/checkpoints --threshold-good $$CHECKPOINTS_GOOD --threshold-bad $$CHECKPOINTS_BAD

bench: setup
	$(SWIFT) build $(FLAGS) --product torch-bench
	$(BIN)/torch-bench $(ARGS)

# The Swift runtime linked in; needs only the C and C++ run-time libraries of any Debian.
static:
	$(SWIFT) build $(FLAGS) --static-swift-stdlib --scratch-path .build-static --product swift-torch
	@mkdir -p .build/static
	@cp "$$($(SWIFT) build $(FLAGS) --static-swift-stdlib --scratch-path .build-static --show-bin-path)/swift-torch" .build/static/swift-torch
	@strip .build/static/swift-torch
	@size=$$(stat -c %s .build/static/swift-torch); echo ".build/static/swift-torch: $$size bytes ($$((size / 1000000)) MB)"; \
	if [ $$size -ge 25000000 ]; then echo "larger than 25 MB"; exit 1; fi

clean:
	rm -rf .build .build-static
