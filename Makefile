# Everything there is to run. Needed beforehand: Go, git and make; what tests need beyond that is found or installed by .ci/deps.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# One set of tags for every build, so that all of them share one build cache. nomsgpack leaves out a codec that gin brings along.
TAGS    := nomsgpack
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Tools that have to be fetched live here, outside of the checkout.
TOOLS   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rekey
# What runs under the race detector: wherever goroutines meet. PKGS=./... runs everything.
RACY    := $(addsuffix /...,$(addprefix ./internal/,account approval audit campaign delivery password pow progress ratelimit reset server store token))
PKGS    ?=
ARGS    ?=
FULL    ?=
N       ?=
SHOTS   ?= bin/shots

export CGO_ENABLED := 0
# For everything that is built here, so that tests, tools and the binary share what is compiled.
export GOFLAGS := $(strip $(filter-out -trimpath,$(GOFLAGS)) -trimpath)
export PATH := $(TOOLS)/bin:$(PATH)

.PHONY: help demo test race lint bench storm timing shots build clean deps

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS=$$'\t' read -r t h; do printf '  make %-8s %s\n' "$$t" "$$h"; done

demo: ## play with all of it, no set-up: embedded database, mail caught locally (ARGS="--accounts 5000")
	go run -tags $(TAGS) ./cmd/rekey demo $(ARGS)

test: deps ## all tests, on SQLite and on a private Postgres (PKGS=./internal/audit for some)
	go test -tags $(TAGS) -timeout 10m $(or $(PKGS),./...)

# The race detector needs cgo, and with it the sqlite dialector brings a C library that Rekey never calls: -O0 compiles it in
# seconds instead of minutes. SQLite, which is C made into Go and locks by itself, and the hashes are not looked into: they would take ten times as long.
UNRACED := $(foreach p,modernc.org/sqlite/lib golang.org/x/crypto/...,-gcflags=$(p)=-race=false)
race: deps ## the tests of concurrent packages under the race detector; needs gcc (PKGS=./... for all)
	CGO_ENABLED=1 CGO_CFLAGS=-O0 go test -race -tags $(TAGS) -timeout 15m $(UNRACED) $(or $(PKGS),$(RACY))

lint: ## golangci-lint, at the version of .ci/deps
	.ci/deps lint
	golangci-lint run ./...

bench: ## every budget beside its floor, as ratios (FULL=1: 1,290,775 accounts)
	.ci/deps bench
	go run -tags $(TAGS) ./cmd/bench $(if $(FULL),-full) $(ARGS)

storm: ## 10,000 members reset their passwords over HTTP, 200 at once, the gate beside them (N=1000 for some)
	.ci/deps bench
	go run -tags $(TAGS) ./cmd/bench -storm $(if $(N),-n $(N)) -json storm.json $(ARGS)

timing: deps ## statistical timing of the answers that must not tell whether an account exists
	go test -tags $(TAGS),timing -run '^TestTiming' -count 1 -p 1 -v $(or $(PKGS),./...)

shots: deps ## the journeys of members and operators in Chromium: pictures of every page in every state, beside each other in index.html; seconds, steps, weights (SHOTS=folder; FULL=1: a list of 1,290,775 accounts)
	$(if $(filter bin/shots,$(SHOTS)),rm -rf bin/shots)
	REKEY_SCREENSHOTS=$(abspath $(SHOTS)) REKEY_FULL=$(FULL) go test -tags $(TAGS) -count 1 -p 1 -timeout 60m -v -run '^(TestJourney|TestPageWeight|TestUploadByDrop|Test.*Looks)' ./internal/portal ./internal/console ./cmd/rekey | grep -vE '^=== '
	@echo "look at $(SHOTS)/index.html"

build: ## the static binary, ./bin/rekey
	go build -tags $(TAGS) -ldflags "$(LDFLAGS)" -o bin/rekey ./cmd/rekey

clean: ## remove what build made
	rm -rf bin

deps:
	@.ci/deps test
