# Two commands do all of it on a fresh Debian or Ubuntu with Rust:
#   make audit   installs what the build needs, builds, and audits this host
#   make test    installs what the tests need, and runs them all
# Other systems: Rust, a C compiler (for the linker) and libpcap with its headers are all that is needed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

# What to install where a program or a file is missing: program=package.
BUILD_NEEDS := cc=gcc /usr/include/pcap/pcap.h=libpcap-dev
TEST_NEEDS := $(BUILD_NEEDS) containerd=containerd runc=runc tcpdump=tcpdump tshark=tshark \
  xmllint=libxml2-utils promtool=prometheus tidy=tidy chromium=chromium python3=python3 \
  ip=iproute2 nft=nftables busybox=busybox-static podman=podman crun=crun dockerd=docker.io /usr/lib/cni/bridge=containernetworking-plugins nsenter=util-linux \
  curl=curl
# Kubernetes is built of Debian 12's source package, with its Go; elsewhere its tests say that they are left out.
KUBERNETES_NEEDS := go=golang-go etcd=etcd-server dpkg-source=dpkg-dev \
  /usr/share/gocode/src/github.com/modern-go/reflect2/reflect2.go=golang-github-modern-go-reflect2-dev
BENCH_NEEDS := $(BUILD_NEEDS) oscap=openscap-scanner tcpdump=tcpdump tshark=tshark
DIST_NEEDS := cc=gcc flex=flex bison=bison dpkg-source=dpkg-dev objdump=binutils \
  /usr/share/doc/python3-venv/copyright=python3-venv

.PHONY: audit build dist test kubernetes format lint unit fuzz bench samples docs

audit: build
	@# What the audit finds is its result and no failure of make.
	target/release/scanner audit || [ $$? -ne 2 ]

build:
	@$(call install,$(BUILD_NEEDS))
	$(CARGO) build --release --locked

# The binary for every x86-64 Linux with glibc 2.17 or newer, libpcap linked in.
dist:
	@$(call install,$(DIST_NEEDS))
	dist/build
	dist/check

test:
	@$(call install,$(TEST_NEEDS))
	$(MAKE) --no-print-directory format lint kubernetes unit fuzz

kubernetes:
	if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release; then \
	  $(call install,$(KUBERNETES_NEEDS)); tests/kubernetes/build; \
	fi

format:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --locked --all-targets -- -D warnings

unit:
	$(CARGO) test --locked

# With cargo-fuzz and a nightly toolchain the real thing; else the same bodies
# over the seeds and their mutations, as a test (FUZZ_SECONDS for each).
FUZZ_SECONDS ?= 10
fuzz:
	if command -v cargo-fuzz >/dev/null && $(CARGO) +nightly --version >/dev/null 2>&1; then \
	  FUZZ_CORPUS="$(CURDIR)/fuzz/corpus" $(CARGO) test --locked --test integration -- fuzz::every_target_has_seeds; \
	  for target in capture_file document host_file packet rule_file; do \
	    $(CARGO) +nightly fuzz run "$$target" -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=20; \
	  done; \
	else \
	  FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test --locked --test integration -- fuzz; \
	fi

bench:
	@$(call install,$(BENCH_NEEDS))
	[ -e /usr/share/xml/scap/ssg/content ] || $(call apt,ssg-debian)
	$(CARGO) build --release --locked --bin scanner --example bare_read
	$(CARGO) bench --locked

# Rewrites the golden samples; look at the difference before it is committed.
samples:
	UPDATE=1 $(CARGO) test --locked --test integration -- reports

# Writes the reference of the rules anew, from their files and docs/course.yaml.
docs:
	rm -rf docs/rules
	$(CARGO) run --quiet --locked -- rules docs docs/rules

# Installs the packages of those programs that are missing.
define install
packages=(); for need in $(1); do command -v "$${need%%=*}" >/dev/null || [ -f "$${need%%=*}" ] || packages+=("$${need#*=}"); done; \
  if [ "$${#packages[@]}" -gt 0 ]; then $(call apt,"$${packages[@]}"); fi
endef

define apt
{ command -v apt-get >/dev/null || { echo "install what the README names: $(1)" >&2; exit 1; }; \
  $(SUDO) apt-get update -qq; \
  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $(1); }
endef
