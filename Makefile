# mote: build, test and show. "make help" lists the targets.

# SHELL is make's own variable: "make demo SHELL=1" is read as KEEP=1.
ifeq ($(SHELL),1)
override SHELL = /bin/sh
KEEP = 1
endif

export CGO_ENABLED = 0
GO     ?= go
OUT     = out
ROOMS   = main.go init graph proc state ctl

# Everything that can end up in the file. Test files and test data cannot.
SOURCES := $(shell find $(ROOMS) -type f ! -name '*_test.go' ! -path '*/testdata/*' 2>/dev/null) go.mod go.sum

# The version is what git describes; without a tag this constant and the commit;
# without git the constant alone.
VERSION_CONST = 0.1.0
VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//')
ifeq ($(VERSION),)
VERSION := $(VERSION_CONST)$(shell h=$$(git rev-parse --short=10 HEAD 2>/dev/null) && echo "+g$$h")
endif

# -buildvcs=false: the version says enough, and two trees of one commit give
# the same bytes. -buildid= : the link's own hash would differ by tool chain path.
# -l: calls are not inlined in our own code and in the small packages. That makes
# no start and no request slower that could be measured, and the file 130 kB
# smaller. In package runtime it would be 30 kB more, and a request costs 5 to 10 %.
NOINLINE     = mote/... golang.org/x/sys/unix bytes internal/cpu internal/runtime/... internal/strconv slices strconv strings syscall time
GCFLAGS     := $(foreach p,$(NOINLINE),-gcflags=$(p)=-l)
# -funcalign=1: functions begin where the one before ends, as on most other
# machines; 53 kB. (Go's linker aligns them to 32 bytes on amd64 and 386.)
# RESCUE=off, or login, fixes what a rescue may give (mote.conf(5), Rescue).
ALIGN       := $(if $(filter amd64 386,$(shell $(GO) env GOARCH)),-funcalign=1)
PLAINFLAGS   = -trimpath -buildvcs=false $(GCFLAGS) -ldflags "-s -w -buildid= $(ALIGN) -X mote/init.Version=$(VERSION)$(if $(RESCUE), -X mote/init.Rescue=$(RESCUE))"
OVERLAYFLAGS = -overlay $(OUT)/overlay/overlay.json -tags mote_overlay
# The older collector is 49 kB less code and needs less memory for a small heap.
BUILD        = GOEXPERIMENT=nogreenteagc $(GO) build

TESTRUN = $(OUT)/testrun
PURE    = ./graph/... ./state/... ./ctl/...
KERNEL  = ./proc/... ./init/... .
TOOLS   = ./build ./build/bench ./build/initramfs/... ./build/overlay/... ./build/testrun/... ./build/size/... ./build/demo/... ./build/man/... ./build/doc
LINKS   = $(OUT)/init $(OUT)/motectl $(OUT)/poweroff $(OUT)/reboot $(OUT)/halt

.PHONY: all plain help check check-quiet test demo boot size bench all-arch repro man deps clean FORCE
.DELETE_ON_ERROR:

all: $(OUT)/mote $(LINKS) ## build out/mote with the runtime overlay, and its names (the default)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

# A module of its own: what is generated there is in no pattern such as ./...
$(OUT)/go.mod:
	@mkdir -p $(OUT); echo 'module out' > $@

# Stamps change only when what they hold changes, so that nothing is linked
# again for nothing.
$(OUT)/version.stamp: FORCE | $(OUT)/go.mod
	@echo '$(strip $(VERSION) $(RESCUE))' | cmp -s - $@ || echo '$(strip $(VERSION) $(RESCUE))' > $@
$(OUT)/go.stamp: FORCE | $(OUT)/go.mod
	@$(GO) env GOVERSION GOROOT | cmp -s - $@ || $(GO) env GOVERSION GOROOT > $@

$(OUT)/overlay/overlay.json: $(OUT)/go.stamp $(filter-out %_test.go,$(wildcard build/overlay/*.go))
	@$(GO) run ./build/overlay -o $(OUT)/overlay
	@touch $@

$(OUT)/mote: $(SOURCES) $(OUT)/overlay/overlay.json $(OUT)/version.stamp
	$(BUILD) $(OVERLAYFLAGS) $(PLAINFLAGS) -o $@ .

$(LINKS): $(OUT)/mote
	@ln -sf mote $@

$(OUT)/mote-plain: $(SOURCES) $(OUT)/go.stamp $(OUT)/version.stamp
	$(BUILD) $(PLAINFLAGS) -o $@ .

plain: $(OUT)/mote-plain ## build out/mote-plain without the overlay

$(TESTRUN): $(wildcard build/testrun/*.go) $(OUT)/go.stamp
	$(GO) build -o $@ ./build/testrun

check: all $(TESTRUN) ## format, vet, imports, sizes, unit tests, short simulation; in under a minute
	@rm -rf $(OUT)/test
	@$(TESTRUN) -step format -cmd -- build/format.sh
	@$(TESTRUN) -step 'vet, plain' -cmd -- $(GO) vet ./...
	@$(TESTRUN) -step 'vet, overlay' -cmd -- $(GO) vet $(OVERLAYFLAGS) ./...
	@$(TESTRUN) -step size -cmd -- $(GO) run ./build/size -check
	@$(TESTRUN) -step 'unit, short' -- -short $(PURE) $(KERNEL) $(TOOLS)
	@$(TESTRUN) -report -expect build/skips.txt

# Every step is run, whatever the steps before it said; the report at the end
# lists what failed and what was skipped, with the reason, and sets the exit.
test: all plain $(TESTRUN) ## all tests: unit in both builds, black box, boot, demo; in under ten minutes
	@rm -rf $(OUT)/test
	@$(TESTRUN) -step deps -cmd -- sh build/deps.sh
	@$(TESTRUN) -step format -cmd -- build/format.sh
	@$(TESTRUN) -step 'vet, plain' -cmd -- $(GO) vet ./...
	@$(TESTRUN) -step 'vet, overlay' -cmd -- $(GO) vet $(OVERLAYFLAGS) ./...
	@$(TESTRUN) -step size -cmd -- $(GO) run ./build/size -check
	@$(TESTRUN) -step pure -- $(PURE) $(TOOLS)
	@$(TESTRUN) -step 'kernel, plain' -- -count=1 -p 1 $(KERNEL)
	@$(TESTRUN) -step 'kernel, overlay' -- -count=1 -p 1 $(OVERLAYFLAGS) $(KERNEL)
	@$(TESTRUN) -step 'panics' -- -count=1 -short -tags mote_inject -run 'Panic|Sim' ./graph ./init
	@$(TESTRUN) -step 'black box' -- -count=1 ./build/accept/...
	@$(TESTRUN) -step boot -- -count=1 ./build/boot/...
	@$(TESTRUN) -step demo -cmd -- $(MAKE) --no-print-directory demo
	@$(TESTRUN) -step reproducible -cmd -- sh build/repro.sh
	@$(TESTRUN) -report -expect build/skips.txt

deps: ## as root, install what tests and demo use from Debian; else say what is missing
	@sh build/deps.sh

$(OUT)/demo: $(shell find build/demo build/initramfs/image -type f ! -name '*_test.go') $(OUT)/go.stamp
	$(GO) build -trimpath -buildvcs=false -ldflags "-s -w" -o $@ ./build/demo

demo: all $(OUT)/demo ## a small real system in new namespaces, shown and shut down; KEEP=1 leaves it up with a shell
	@sh build/deps.sh -demo
	@$(OUT)/demo -mote $(OUT)/mote $(if $(KEEP),-keep)

boot: all $(OUT)/demo ## the same system under QEMU with Debian's cloud kernel; KEEP=1 gives you its console
	@sh build/deps.sh
	@$(GO) run ./build/boot -mote $(OUT)/mote -demo $(OUT)/demo $(if $(KEEP),-keep)

size: all ## sizes and memory beside the budgets of DESIGN D8
	@$(GO) run ./build/size

bench: all ## the benchmarks of the packages, and those of build/bench if it is there
	$(GO) test -run '^$$' -bench . -benchmem $(PURE) $(KERNEL)
	@if [ -d build/bench ]; then $(GO) run ./build/bench; fi

all-arch: $(OUT)/overlay/overlay.json ## cross build every architecture of the house into out/arch
	@GCFLAGS='$(GCFLAGS)' sh build/arches.sh '$(VERSION)'

repro: all ## build twice, in two folders with two caches: the bytes must be the same
	@sh build/repro.sh

man: ## the manual pages into out/man
	@$(GO) run ./build/man -o $(OUT)/man

clean: ## remove out/
	@chmod -R u+w $(OUT) 2>/dev/null || true
	rm -rf $(OUT)
