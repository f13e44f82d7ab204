# Everything from a fresh clone: `make demo` shows the main job, `make test` proves it. `make help` lists the rest.
SHELL := /bin/sh
VENV := $(or $(PONDER_VENV),.venv)
CARGO ?= cargo
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: help setup venv clients build demo demo-once test test-rust test-doc test-clients test-yang test-fuzz torture oracle lint doc bench

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1  \t/p' $(MAKEFILE_LIST)

setup: ## system packages (apt when root) and the Python venv
	@command -v $(CARGO) >/dev/null 2>&1 || { echo "setup: Rust is missing: install it from your distribution or with rustup, then make again" >&2; exit 1; }
	@./setup/system-packages.sh
	@./setup/venv.sh

venv: ## the Python venv alone
	@./setup/venv.sh

clients: setup ## what the tests with real clients need besides: Debian's NETCONF and YANG tools, napalm, ansible, rustnetconf
	@./setup/system-packages.sh clients
	@./setup/venv.sh clients
	@$(CARGO) build --quiet --locked --manifest-path tests/clients/rustnetconf/Cargo.toml \
	  --target-dir $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/clients

build: setup ## the debug binary
	@echo "build: compiling (the first time a minute or two: libyang and the crypto library are built too)"
	@$(CARGO) build --quiet

demo: build ## agent, licence server and simulated chassis; plays the main job, then stays up
	@$(CARGO) run --quiet -- demo

demo-once: build ## the same, but ends by itself; exit status 0 only if every step held
	@$(CARGO) run --quiet -- demo --once --netconf-port 0

test: setup clients test-rust test-doc test-yang test-fuzz test-clients ## all tests, real clients included
	@echo "test: everything passed"

test-rust: setup
	@echo "test: unit, property, architecture, conformance and scenario tests"
ifeq ($(NEXTEST),yes)
	@$(CARGO) nextest run
else
	@$(CARGO) test --lib --bins --tests
endif

test-doc: setup
	@echo "test: doctests"
	@$(CARGO) test --quiet --doc

test-yang: setup
	@echo "test: YANG modules: lint, and each compared with its facts table"
	@PYANG=$(VENV)/bin/pyang ./yang/lint.sh
	@$(VENV)/bin/python tests/facts/compare.py

test-fuzz: setup
	@echo "test: replaying the fuzz corpora"
	@cp Cargo.lock tests/fuzz/Cargo.lock
	@CARGO_TARGET_DIR=$(or $(CARGO_TARGET_DIR),$(CURDIR)/target) $(CARGO) test --quiet --manifest-path tests/fuzz/Cargo.toml

test-clients: build clients
	@echo "test: real clients against the real binary"
	@$(VENV)/bin/python -m pytest -q tests/clients

KILLS ?= 20000

torture: setup ## kills an agent KILLS times (20000) in the middle of commits, fails every operation of a disk, 50 000 commits
	@echo "torture: $(KILLS) kills (SEED=N for others than yesterday's), then the simulated disk and the long row of commits"
	@KILLS=$(KILLS) $(CARGO) test --quiet --release --test torture -- --include-ignored --nocapture

ORACLE_CASES ?= 1000000
oracle: setup ## a million random edits on random models, validated both ways; ORACLE_CASES=n for another number
	@PONDER_ORACLE_CASES=$(ORACLE_CASES) $(CARGO) test --quiet --release --test validation_oracle -- --nocapture

lint: setup ## rustfmt, clippy and rustdoc, warnings are errors
	@$(CARGO) fmt --check
	@$(CARGO) clippy --quiet --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps

doc: setup ## the documentation of the code
	@$(CARGO) doc --no-deps

bench: setup ## benchmarks into docs/benchmarks.md; PEER=netconfd measures that too, MODULES=DIR loads another folder
	@echo "bench: the release build takes minutes the first time; then about ten minutes of measuring, best on a quiet machine"
	@$(CARGO) bench --quiet --bench in_process
	@$(VENV)/bin/python benches/yang/many_modules.py target/many-modules >/dev/null
	@$(CARGO) bench --quiet --bench load -- --write docs/benchmarks.md \
	  --modules $(or $(MODULES),target/many-modules) $(if $(PEER),--peer $(PEER))
