#!/bin/sh
# Brings what the tests, the demo and the boot use from Debian:
#
#   busybox (static)        shell, syslogd, httpd of the demo; prompt of the boot test
#   redis-check-rdb, -cli   the database: redis-server is redis-check-rdb by
#                           another name, and its package would start a service here
#   qemu-system-x86_64      the boot tests
#   nginx, lighttpd, dropbear, uuidd
#                           subjects of the tests: unpacked into out/programs,
#                           not installed, so that no package starts a service
#   a kernel                Debian's cloud kernel, unpacked into out/kernel, not installed
#   mandoc                  lint of the manual pages
#   cpio                    reads an initramfs back
#   e2fsprogs               a disk for the boot test of the end
#
# As root on Debian it installs what is missing. Elsewhere, and with
# MOTE_DEPS=no, it says what is missing and what is left out, and ends well:
# the tests skip with a reason, the demo uses the programs of build/demo.
#
#   deps.sh          everything
#   deps.sh -demo    only what "make demo" uses
set -eu
cd "$(dirname "$0")/.."
only=${1:-}
out=out/kernel
updated=
packages=
LC_ALL=C
export LC_ALL

have() { command -v "$1" >/dev/null 2>&1; }

can_install() {
	[ "${MOTE_DEPS:-}" != no ] && [ "$(id -u)" = 0 ] && have apt-get && have dpkg
}

# The lists are fetched once, and only if something is to be installed.
update() {
	[ -z "$updated" ] || return 0
	updated=yes
	apt-get update -qq >/dev/null || echo "deps: apt-get update failed: going on with the old lists"
}

# need PROGRAM PACKAGE WHAT-IS-LEFT-OUT
need() {
	have "$1" && return 0
	if can_install; then
		packages="$packages $2"
	else
		echo "deps: $1 is missing (Debian package $2): $3"
	fi
}

need busybox busybox-static "the demo uses its own small programs, boot tests with a shell are skipped"
need redis-check-rdb redis-tools "the demo uses its own small database"
if [ "$only" != -demo ]; then
	need qemu-system-x86_64 qemu-system-x86 "boot tests are skipped"
	need mandoc mandoc "the manual pages are not checked"
	need cpio cpio "the initramfs is not read back by another program"
	need mke2fs e2fsprogs "the boot test with a disk is skipped"
fi
if [ -n "$packages" ]; then
	update
	echo "deps: installing$packages"
	# RUNLEVEL=1: no package starts a service on the machine that only builds.
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $packages >/dev/null ||
		echo "deps: cannot install$packages: what needs them is left out"
fi
[ "$only" = -demo ] && exit 0

# fetch PROGRAM PACKAGE...: unpacks the packages into out/programs unless the
# program is there or on this machine. What they need beside them is in every
# Debian that can build; the loader is asked whether that is so.
programs=out/programs
fetch() {
	program=$1
	shift
	for dir in "$programs/usr/sbin" "$programs/usr/bin" /usr/sbin /usr/bin; do
		[ ! -x "$dir/$program" ] || return 0
	done
	why="the tests with it are skipped"
	if ! have apt-get || ! have dpkg-deb || [ "${MOTE_DEPS:-}" = no ]; then
		echo "deps: $program is missing (Debian packages: $*): $why"
		return 0
	fi
	[ "$(id -u)" != 0 ] || update
	new=$programs.new
	rm -rf "$new"
	mkdir -p "$new/root"
	echo "deps: fetching $*"
	(cd "$new" && apt-get download -qq -o APT::Sandbox::User=root "$@" >/dev/null) || {
		echo "deps: cannot fetch $*: $why; without lists, run apt-get update as root"
		return 0
	}
	for deb in "$new"/*.deb; do
		dpkg-deb -x "$deb" "$new/root" || {
			echo "deps: cannot unpack $deb: $why"
			return 0
		}
	done
	libraries=
	for dir in "$PWD/$new"/root/usr/lib/*-linux-gnu*; do
		libraries="$libraries$dir:"
	done
	lacks=$(LD_LIBRARY_PATH=$libraries ldd "$new"/root/usr/*bin/"$program" | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/ \1/p' | tr -d '\n')
	if [ -n "$lacks" ]; then
		echo "deps: $program needs$lacks, which this machine has not: $why"
		return 0
	fi
	mkdir -p "$programs"
	cp -R "$new/root/usr" "$programs/"
}
fetch nginx nginx
fetch lighttpd lighttpd
fetch dropbear dropbear-bin libtomcrypt1 libtommath1
fetch uuidd uuid-runtime
rm -rf "$programs.new"

# The kernel's meta package names the newest one, which is fetched and unpacked.
# apt-get download works for ordinary users too, where the lists are there.
if [ ! -s "$out/vmlinuz" ]; then
	if ! have apt-get || ! have dpkg-deb || [ "${MOTE_DEPS:-}" = no ]; then
		echo "deps: no kernel at $out/vmlinuz: boot tests are skipped; put an amd64 bzImage with a serial console there"
		exit 0
	fi
	[ "$(id -u)" != 0 ] || update
	name=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
	if [ -z "$name" ]; then
		echo "deps: apt knows no linux-image-cloud-amd64: boot tests are skipped; run apt-get update as root"
		exit 0
	fi
	mkdir -p "$out/tmp"
	echo "deps: fetching $name"
	(cd "$out/tmp" && apt-get download -qq -o APT::Sandbox::User=root "$name" >/dev/null) || {
		echo "deps: cannot fetch $name: boot tests are skipped"
		exit 0
	}
	dpkg-deb -x "$out"/tmp/*.deb "$out/tmp/root"
	mv "$out"/tmp/root/boot/vmlinuz-* "$out/vmlinuz"
	for module in watchdog softdog; do
		find "$out/tmp/root" -name "$module.ko" -exec mv {} "$out/" \;
	done
	rm -rf "$out/tmp"
fi
