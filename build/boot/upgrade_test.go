package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mote/build/rebuild"
)

// another is the version of the build that process 1 becomes.
const another = "9.9.9-another"

// upgrades is how often process 1 becomes the other build, and comes back. Under plain
// emulation 100 times take a minute.
const upgrades = 100

// upgradeUnits are a web server, two visitors that never leave it in peace, and the task
// that upgrades process 1 and gives verdicts.
const upgradeUnits = `
service  web
    exec   httpd -f -p 80 -h /www
    ready  health
    health tcp 127.0.0.1:80 every 1s timeout 20s

service  visitor-a
    requires  web
    sh        'while [ ! -e /run/enough ]; do [ "$(wget -q -O - http://127.0.0.1/)" = hello ] && echo good || echo bad; done >/run/seen-a; exec sleep 1000'

service  visitor-b
    requires  web
    sh        'while [ ! -e /run/enough ]; do [ "$(wget -q -O - http://127.0.0.1/)" = hello ] && echo good || echo bad; done >/run/seen-b; exec sleep 1000'

task     teller
    after  visitor-a visitor-b
    sh     'sh /etc/story'
    log    console
`

const upgradeTeller = `
verdict() { if [ "$1" = 0 ]; then echo "verdict $2 good"; else echo "verdict $2 BAD"; fi; }
of() { motectl --json status $1 | grep -o "\"$2\":[^,]*"; }
motectl wait web visitor-a visitor-b; verdict $? up
first=$(motectl version | grep ^init)
pid=$(of web pid)
i=0
bad=0
while [ $i -lt %d ]; do
	motectl upgrade /another || bad=$((bad+1))
	[ "$(motectl version | grep -c '^init   mote %s ')" = 1 ] || bad=$((bad+1))
	motectl upgrade /init || bad=$((bad+1))
	i=$((i+1))
	[ $((i %% 10)) = 0 ] && echo "upgrades $i bad $bad"
	[ $bad = 0 ] || break
done
verdict $bad upgrades
[ "$(motectl version | grep ^init)" = "$first" ]; verdict $? back
[ "$(of web pid)" = "$pid" ]; verdict $? pid
[ "$(of web restarts)" = '"restarts":0' ]; verdict $? restarts
: >/run/enough
sleep 2
echo "visits $(cat /run/seen-a /run/seen-b | grep -c good) good"
[ "$(cat /run/seen-a /run/seen-b | grep -c bad)" = 0 ]; verdict $? visits
[ "$(cat /run/seen-a | grep -c good)" -gt 20 ]; verdict $? visitor
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
	im.Bytes("etc/story", fmt.Appendf(nil, upgradeTeller, upgrades, another), 0o644)
	m := boot(t, im, "")
	verdicts := []string{"up", "upgrades", "back", "pid", "restarts", "visits", "visitor", "descriptors"}
	for _, v := range verdicts {
		which, err := m.expect(5*time.Minute, "verdict "+v+" good", "verdict "+v+" BAD")
		if err != nil {
			t.Fatal(err)
		}
		if which != 0 {
			t.Errorf("%s went wrong", v)
		}
	}
	see(t, m, "story-told")
	t.Logf("told after %v: %s", time.Since(m.began).Round(time.Second), said(m, "visits "))
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
