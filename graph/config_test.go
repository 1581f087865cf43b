package graph

import (
	"strings"
	"testing"
)

func TestSpecExample(t *testing.T) {
	c := load(`# web
set      TZ UTC                             # for all

service  syslogd /sbin/syslogd -n           # one line

task     netup /etc/net/up
    wants     syslogd

service  web /usr/bin/webd -f -r 3
    requires  netup
    after     syslogd
    user      www-data
    env-file  -/etc/default/webd
    ready     fd 3
    restart   always delay 1s max 60s reset 10s
    stop      QUIT 5s KILL
    health    http 127.0.0.1:80/healthz every 10s timeout 2s fails 3
    log       ring 64K

target   default
    wants     syslogd web
`)
	for _, f := range faults(c) {
		t.Error(f)
	}
	var got []string
	for _, u := range c.Units {
		got = append(got, Show(u)...)
	}
	want := `service  syslogd /sbin/syslogd -n
task     netup /etc/net/up
    wants     syslogd
service  web /usr/bin/webd -f -r 3
    requires  netup
    after     syslogd
    env-file  -/etc/default/webd
    user      www-data
    ready     fd 3
    restart   always max 1m
    stop      QUIT 5s KILL
    health    http 127.0.0.1:80/healthz
    log       ring 64K
target   default
    wants     syslogd web`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}
