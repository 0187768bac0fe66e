# One command each, from a bare clone; everything runs in the toolchain that ./box provides.
.PHONY: help run build test unit fuzz check format bench dist shell clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

JOBS ?= $(shell nproc)
configure = ./box cmake --preset $(1) --log-level=WARNING
compile = ./box cmake --build --preset $(1) -j $(JOBS) --target $(2)

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf 'make %-8s%s\n' "$$name" "$$text"; done

build/%/build.ninja: CMakePresets.json
	$(call configure,$*)
	@touch $@

run: build ## build, then serve the demo models
	./box build/release/rouse serve --config demo/rouse.yaml

build: build/release/build.ninja ## build build/release/rouse
	$(call compile,release,programs)

# The programs in release, with the integration tests; every unit test under ASan and UBSan, the fuzz targets with
# libFuzzer for some seconds each; one ctest over both builds, so that the last lines speak for all.
test: build/release/build.ninja build/asan/build.ninja ## build and run every test
	$(call compile,release,all)
	$(call compile,asan,unit_tests)
	@mkdir -p build/tests && printf 'subdirs(../release ../asan)\n' >build/tests/CTestTestfile.cmake
	./box ctest --test-dir build/tests --output-on-failure -j $(JOBS) $(CTEST_ARGS)

unit: build/asan/build.ninja ## the unit tests alone, under ASan and UBSan
	$(call compile,asan,unit_tests)
	./box ctest --preset asan -L unit -j $(JOBS) $(CTEST_ARGS)

fuzz: build/asan/build.ninja ## the fuzz targets alone
	$(call compile,asan,fuzzers)
	./box ctest --preset asan -L fuzz -j $(JOBS) $(CTEST_ARGS)

check: build/release/build.ninja build/asan/build.ninja ## format, layering, warnings as errors, clang-tidy
	./box tools/lint/format.sh
	./box python3 tools/lint/layering.py
	$(call compile,release,all)
	$(call compile,asan,rouse_asio rouse_standard)
	./box python3 tools/lint/tidy.py -j $(JOBS)

format: ## put every source file into the project's format
	./box tools/lint/format.sh --fix

bench: build/release/build.ninja ## measure what the README claims
	$(call compile,release,programs benches bundle_starter)
	./box bench/run

dist: build/release/build.ninja ## build/dist/rouse-*.tar.zst, which runs on any Linux
	$(call compile,release,rouse bundle_starter)
	./box packaging/bundle/make.py

shell: ## a shell inside the toolchain
	./box bash

clean: ## remove what was built; the toolchain and the compiler cache stay
	rm -rf build
