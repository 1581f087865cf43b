#!/bin/sh
# Cross builds mote for every architecture of the house into out/arch. The overlay
# holds the signal tables of all of them. $1 is the version.
#
#   arches.sh VERSION [ARCH...]     ARCH is GOARCH, or armN, or mips*-softfloat
set -eu
cd "$(dirname "$0")/.."
version=$1
shift
[ $# -gt 0 ] || set -- amd64 386 arm64 armv5 armv6 armv7 riscv64 mips mipsle mips64 mips64le ppc64le loong64 s390x
export CGO_ENABLED=0 GOOS=linux GOEXPERIMENT=nogreenteagc
mkdir -p out/arch
bad=
for arch; do
	unset GOARM GOMIPS
	align=
	case $arch in
	armv[567]) GOARCH=arm GOARM=${arch#armv}; export GOARM ;;
	mips | mipsle) GOARCH=$arch GOMIPS=softfloat; export GOMIPS ;;
	amd64 | 386) GOARCH=$arch align=-funcalign=1 ;;
	*) GOARCH=$arch ;;
	esac
	if GOARCH=$GOARCH go build -overlay out/overlay/overlay.json -tags mote_overlay -trimpath -buildvcs=false $GCFLAGS \
		-ldflags "-s -w -buildid= $align -X mote/init.Version=$version" -o "out/arch/mote-$arch" .; then
		printf '%-10s %9d bytes, %8d gzipped\n' "$arch" "$(wc -c <"out/arch/mote-$arch")" "$(gzip -9c "out/arch/mote-$arch" | wc -c)"
	else
		bad="$bad $arch"
	fi
done
[ -z "$bad" ] || { echo "arches: cannot build:$bad"; exit 1; }
