package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mote/build/rebuild"
)

// another is the version of the build that process 1 becomes.
const another = "9.9.9-another"

// upgrades is how often process 1 becomes the other build and comes back:
// MOTE_BOOT_UPGRADES, else 100 times where CI is set, which takes plain emulation a
// minute and a half, and 20 times elsewhere.
func upgrades() int {
	if n, err := strconv.Atoi(os.Getenv("MOTE_BOOT_UPGRADES")); err == nil && n > 0 {
		return n
	}
	if os.Getenv("CI") != "" {
		return 100
	}
	return 20
}

// upgradeUnits are a web server, a visitor that never leaves it in peace, and the task
// that upgrades process 1 and gives verdicts.
const upgradeUnits = `
service  web
    exec   httpd -f -p 80 -h /www
    ready  health
    health tcp 127.0.0.1:80 every 1s timeout 20s

service  visitor
    requires  web
    sh        'while [ ! -e /run/enough ]; do [ "$(wget -q -O - http://127.0.0.1/)" = hello ] && echo good || echo bad; sleep 0.1; done >/run/seen; exec sleep 1000'

task     teller
    after  visitor
    sh     'sh /etc/story'
    log    console
`

const upgradeTeller = `
verdict() { if [ "$1" = 0 ]; then echo "verdict $2 good"; else echo "verdict $2 BAD"; fi; }
of() { motectl --json status $1 | grep -o "\"$2\":[^,]*"; }
motectl wait web visitor; verdict $? up
first=$(motectl version | grep ^init)
pid=$(of web pid)
i=0
bad=0
becomes() { # FILE VERSION
	text=$(motectl upgrade $1)
	case "$text" in
	*" -> $2"*", "*) ;;
	*) bad=$((bad+1)); echo "upgrade $1 says $text" ;;
	esac
}
while [ $i -lt %d ] && [ $bad = 0 ]; do
	becomes /another %s
	[ $((i %% 10)) = 0 ] && { motectl version | grep -q '^init   mote %s ' || bad=$((bad+1)); }
	becomes /init ""
	i=$((i+1))
done
echo "upgrades $i bad $bad"
verdict $bad upgrades
[ "$(motectl version | grep ^init)" = "$first" ]; verdict $? back
[ "$(of web pid)" = "$pid" ]; verdict $? pid
[ "$(of web restarts)" = '"restarts":0' ]; verdict $? restarts
: >/run/enough
sleep 2
echo "visits $(cat /run/seen | grep -c good) good"
[ "$(cat /run/seen | grep -c bad)" = 0 ]; verdict $? visits
[ "$(cat /run/seen | grep -c good)" -gt 5 ]; verdict $? visitor
[ "$(ls /proc/1/fd | wc -l)" -lt 64 ]; verdict $? descriptors
echo story-told
motectl poweroff
`

// TestUpgrade has process 1 become another build and come back, again and again, while a
// web server answers each request.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	skipShort(t)
	im := withShell(t)
	for _, n := range []string{"httpd", "wget", "wc"} {
		im.Link("bin/"+n, "busybox")
	}
	data, err := os.ReadFile(motePath(t))
	if err != nil {
		t.Fatal(err)
	}
	other, err := rebuild.Build("../..", filepath.Join(t.TempDir(), "another"), another, "", rebuild.HasOverlay(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(other); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(another)) {
		t.Fatalf("%s has no version %s", other, another)
	}
	im.Bytes("another", data, 0o755)
	im.Bytes("www/index.html", []byte("hello\n"), 0o644)
	im.Bytes("etc/mote/services/story.conf", []byte(upgradeUnits), 0o644)
	im.Bytes("etc/story", fmt.Appendf(nil, upgradeTeller, upgrades(), another, another), 0o644)
	m := boot(t, im, "")
	verdicts := []string{"up", "upgrades", "back", "pid", "restarts", "visits", "visitor", "descriptors"}
	for _, v := range verdicts {
		which, err := m.expect(10*time.Minute, "verdict "+v+" good", "verdict "+v+" BAD")
		if err != nil {
			t.Fatal(err)
		}
		if which != 0 {
			t.Errorf("%s went wrong", v)
		}
	}
	see(t, m, "story-told")
	t.Logf("told after %v: %s, %s", time.Since(m.began).Round(time.Second), said(m, "upgrades "), said(m, "visits "))
	off(t, m, "Power down")
}

// said gives the first line of the serial line that begins with a word.
func said(m *machine, word string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range strings.Split(string(m.text), "\n") {
		if _, rest, ok := strings.Cut(l, word); ok {
			return strings.TrimSpace(word + rest)
		}
	}
	return ""
}
