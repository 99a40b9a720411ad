# `make` checks everything; `make help` lists what else there is.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := all

GO           ?= go
GOTEST       ?= $(GO) test
TESTFLAGS    ?=
TEST_TIMEOUT ?= 40m
FUZZTIME     ?= 10s
TEST_FUZZTIME ?= 3s
FUZZJOBS     ?= 2
BENCH        ?= .
BENCHCOUNT   ?= 1
DOCKER       ?= docker
PROMTOOL     ?= promtool

# The release by its tag; without one the binary names the commit that it was built from.
RELEASE      := $(shell git describe --tags --dirty 2>/dev/null)
LINT_VERSION := $(shell cat .golangci-lint-version)
LINT         := .tools/golangci-lint
GOVULNCHECK  := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# The browser tests drive a headless Chromium: the one named here, or the first one found, or none.
CHROMIUM ?= $(firstword $(foreach name,chromium chromium-browser google-chrome headless_shell,$(shell command -v $(name) 2>/dev/null)))
export CHROMIUM

# The test with a real Asterisk unpacks Debian's packages, once, into this folder.
ASTERISK_CACHE = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/talkbridge/asterisk

# The packages that have golden files, by their -update flag; the fuzz tests, as folder:name.
GOLDEN = $(shell grep -rlE --include='*_test.go' 'flag[.]Bool."update"' . | xargs -r -n1 dirname | sort -u)
FUZZERS = $(shell grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's|/[^/]+_test\.go:func |:|' | sort -u)

.PHONY: all
all: lint test ## lint and test

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: ## a simulated Zendesk, a replayed phone system and talkbridge: no account, no PBX
	@$(GO) build -o bin/talkbridge ./cmd/talkbridge
	@exec ./bin/talkbridge demo # not go run, which calls an end by Ctrl-C an error

.PHONY: build
build: ## bin/talkbridge
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.released=$(RELEASE)" -o bin/talkbridge ./cmd/talkbridge

# What a release consists of, beside the binary.
RELEASE_FILES = LICENSE README.md CHANGELOG.md config.example.yaml docs deploy
ARCHES       ?= amd64 arm64
VERSION       = $(or $(RELEASE),devel)

.PHONY: release
release: ## dist/: archives with static binaries for linux/amd64 and linux/arm64, and their checksums
	rm -rf dist
	@for arch in $(ARCHES); do \
		name=talkbridge-$(VERSION)-linux-$$arch; echo "dist/$$name.tar.gz"; \
		mkdir -p dist/$$name && cp -r $(RELEASE_FILES) dist/$$name && \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags "-s -w -X main.released=$(RELEASE)" -o dist/$$name/talkbridge ./cmd/talkbridge && \
		tar -C dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="$$(git log -1 --format=%cI 2>/dev/null || echo 1970-01-01)" \
			-cf - $$name | gzip -n -9 > dist/$$name.tar.gz && rm -r dist/$$name || exit 1; \
	done
	cd dist && sha256sum *.tar.gz > SHA256SUMS && cat SHA256SUMS

.PHONY: docker
docker: ## the image talkbridge:VERSION; needs a container engine (DOCKER=podman works too)
	@$(DOCKER) info >/dev/null 2>&1 || { echo "no container engine answers to '$(DOCKER) info': the image cannot be built here"; exit 1; }
	$(DOCKER) build -f deploy/Dockerfile --build-arg RELEASE=$(RELEASE) -t talkbridge:$(VERSION) .

.PHONY: check-deploy
check-deploy: build ## what systemd and Prometheus say of deploy/, where their tools are
	@command -v systemd-analyze >/dev/null || { echo "no systemd-analyze found: the unit is not checked"; exit 0; }; \
		dir=$$(mktemp -d) && trap 'rm -r "$$dir"' EXIT && \
		sed 's#/usr/local/bin/talkbridge#$(CURDIR)/bin/talkbridge#' deploy/talkbridge.service > "$$dir/talkbridge.service" && \
		systemd-analyze verify --man=no "$$dir/talkbridge.service" && \
		systemd-analyze security --offline=yes --threshold=20 "$$dir/talkbridge.service" | tail -1
	@command -v $(PROMTOOL) >/dev/null || { echo "no promtool found: the alert rules are not checked (apt-get install prometheus, or set PROMTOOL)"; exit 0; }; \
		$(PROMTOOL) check rules deploy/alerts.yaml && $(PROMTOOL) test rules deploy/alerts_test.yaml

.PHONY: test
test: vet test-race ## everything that can be tested here; short fuzzing at the end
	$(MAKE) --no-print-directory fuzz FUZZTIME=$(TEST_FUZZTIME)

.PHONY: vet
vet: ## go vet, also of what only builds with a tag
	$(GO) vet -tags integration ./...

.PHONY: test-race
test-race: browser-note pbx-note ## all tests with the race detector, in random order
	$(GOTEST) -race -shuffle=on -timeout $(TEST_TIMEOUT) $(TESTFLAGS) ./...

.PHONY: test-browser
test-browser: browser-note ## only the tests that look at the pages in a browser
	$(GOTEST) -run Browser -timeout $(TEST_TIMEOUT) $(TESTFLAGS) ./cmd/...

.PHONY: test-pbx
test-pbx: pbx-note ## only the test with a real Asterisk; its table
	$(GOTEST) -run RealPBX -v -count=1 -timeout $(TEST_TIMEOUT) $(TESTFLAGS) ./cmd/talkbridge

.PHONY: browser-note
browser-note:
	@[ -n "$(CHROMIUM)" ] || echo "no Chromium found: the browser tests are skipped (apt-get install chromium, or set CHROMIUM)"

.PHONY: pbx-note
pbx-note:
	@command -v sipp >/dev/null || { echo "no sipp found: the test with a real Asterisk is skipped (apt-get install sip-tester)"; exit 0; }; \
	for suite in $(or $(TALKBRIDGE_ASTERISK_SUITE),sid bullseye); do \
		if telephony/asterisk/lab/install.sh $$suite "$(ASTERISK_CACHE)" >/dev/null; then exit 0; fi; \
	done; \
	echo "no Asterisk could be unpacked: the test with a real one is skipped"

.PHONY: fuzz
fuzz: ## each fuzz test for FUZZTIME (10s), FUZZJOBS (2) of them at a time on a core each
	@printf '%s\n' $(FUZZERS) | GO="$(GO)" xargs -P $(FUZZJOBS) -I {} \
		.ci/fuzz {} $(FUZZTIME) -parallel 1 -fuzzminimizetime 2s -timeout $(TEST_TIMEOUT)

.PHONY: faults
faults: ## 2,000 calls against a Zendesk that fails by a third, without limits and with those of a plan
	$(GO) test -run "FaultRun|StormOfRefusals" -v -count=1 -timeout 90m ./bridge -fault-calls 2000 -storm-calls 1000

# How much, and with which seeds.
TORTURE_CALLS ?= 10000
TORTURE_KILLS ?= 30
TORTURE_SEEDS ?= 1 2 3

.PHONY: torture
torture: ## the promise: 10,000 calls, 30 kills and all faults, for three seeds; TORTURE_CALLS, TORTURE_KILLS, TORTURE_SEEDS
	@$(GO) build -o bin/talkbridge ./cmd/talkbridge
	@for seed in $(TORTURE_SEEDS); do ./bin/talkbridge torture --calls $(TORTURE_CALLS) --kills $(TORTURE_KILLS) --seed $$seed || exit 1; done

.PHONY: bench
bench: ## benchmarks, and what they say in docs/performance.md: BENCH (a pattern), BENCHCOUNT
	@$(GO) test -p 1 -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) -timeout 60m ./... | tee bench.out; result=$$?; \
		$(GO) run ./internal/benchtable docs/performance.md < bench.out && exit $$result

.PHONY: golden
golden: ## write the golden files anew, then say what changed
	$(GO) test -count=1 $(GOLDEN) -update
	git status --short -- '*testdata*' '*.golden' docs/config.schema.json

.PHONY: cover
cover: ## coverage over all packages, in coverage.html
	$(GO) test -timeout $(TEST_TIMEOUT) -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -html=coverage.out -o coverage.html
	$(GO) tool cover -func=coverage.out | tail -1

.PHONY: lint
lint: tools ## golangci-lint, at the pinned version
	$(LINT) run ./...
	$(LINT) fmt --diff

.PHONY: fmt
fmt: tools ## format everything
	$(LINT) fmt

.PHONY: tools
tools:
	@[ "v$$($(LINT) version --short 2>/dev/null)" = "$(LINT_VERSION)" ] || { \
		echo "installing golangci-lint $(LINT_VERSION) into .tools"; \
		GOBIN=$(CURDIR)/.tools $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION); }

.PHONY: vuln
vuln: ## known vulnerabilities in what the program really calls (needs the network)
	$(GO) run $(GOVULNCHECK) ./...

.PHONY: clean
clean: ## remove what was built and measured
	rm -rf bin dist .tools bench.out coverage.out coverage.html
