# Everything a developer types. `make help` lists the targets; each one is a script in scripts/ that also runs alone.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run stop reset deps build install test test-quick test-go test-strangler test-deep bench parity openapi mutants fuzz fmt lint clean

# Where `make run` listens, and YES=1: answer every question with yes (CI).
HOST ?= 127.0.0.1
PORT ?= 3000
YES ?=
# Where `make install` puts the C library.
PREFIX ?= /usr/local
# For `make mutants`: FILES="rust/model/src/status.rs ..." (default: Rust files changed since the last commit), MINUTES=20.
FILES ?=
MINUTES ?= 20
# For `make fuzz`: seconds for each target, and which of them (default: all).
SECONDS ?= 30
TARGETS ?=
export HOST PORT YES PREFIX FILES MINUTES

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings: HOST=127.0.0.1 PORT=3000 (make run), YES=1 (no questions), FILES= MINUTES= (make mutants), SECONDS= TARGETS= (make fuzz)"

run: ## build what changed, prepare data and a demo project on the first run, serve the page (Ctrl-C stops)
	@scripts/run

stop: ## stop a server that `make run` started
	@scripts/stop

reset: ## delete the data of `make run` (asks first; YES=1 does not ask)
	@scripts/reset

deps: ## install every package that the tests need (Debian packages only as root; starts no service)
	@scripts/deps

build: ## web page, server and C library in release: target/release/{semaphore,libsemaphore_ffi.so,libsemaphore_ffi.a}
	@scripts/build

install: ## install the C library: header, .so, .a, pkg-config file (PREFIX=/usr/local DESTDIR=)
	@scripts/install

test: ## all tests in stages: format, lints, web, Rust, C, Go, browser (about 40 minutes from nothing on two cores)
	@scripts/test

test-quick: ## the tests that need no browser, no release build and no root (under 5 minutes once the dependencies are compiled)
	@scripts/test --quick

test-go: ## Go module: vet without the library, then go test -race against it
	@scripts/test-go

test-strangler: ## The tool strangle on the mini host: moved, back, and without its Go implementation
	@scripts/test-strangler

test-deep: ## C interface under cgocheck2, address sanitizer, valgrind and Miri; random handles for 30 s (slow)
	@scripts/test-deep

parity: ## replay the recorded scenarios against the release build and write PARITY.md
	@scripts/parity

openapi: ## write docs/reference/openapi.json, the description of the API, from the routing table and the types
	@SEMAPHORE_WRITE_OPENAPI=1 cargo test --workspace --locked --test api -- the_committed_document

bench: ## micro-benchmarks, then the server benchmark if wrk is installed
	@scripts/bench

mutants: ## mutation test of chosen files within a time limit (FILES=, MINUTES=)
	@scripts/mutants

fuzz: ## feed the parsers made-up input (SECONDS=, TARGETS=)
	@SECONDS_EACH=$(SECONDS) scripts/fuzz $(TARGETS)

fmt: ## format Rust and Go
	cargo fmt --all
	@if [ -d go ] && command -v gofmt >/dev/null; then gofmt -l -w go; fi

lint: ## clippy without warnings, go vet, web lints, cargo-deny if installed
	@scripts/lint

clean: ## delete build results (the data of `make run` stay: see make reset)
	cargo clean
	rm -rf web/dist .deps/stamps
