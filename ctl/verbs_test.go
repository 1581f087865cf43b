package ctl

import (
	"encoding/json"
	"strings"
	"testing"
)

// The units of a small router, in most of the states.
var router = []string{
	"unit|name|syslogd|kind|service|class|system|state|running|want|up|pid|101|ready|yes|since|1767323000000|uptime_ms|165000|restarts|0|requires||wants||after||conflicts||memory_bytes|1258291|cpu_ms|20|file|/etc/mote/services/base.conf:3|health|ok|health_ms|2|health_age_ms|4100|health_failures|0|health_error|connection refused|health_error_age_ms|64000",
	"unit|name|netup|kind|task|class|user|state|exited|want|up|ready|yes|since|1767323045000|restarts|0|exit_code|0|wants|syslogd",
	"unit|name|web|kind|service|class|user|state|running|want|up|pid|123|ready|yes|since|1767323042000|uptime_ms|123000|restarts|2|exit_signal|KILL|requires|netup|after|syslogd|description|Web server|oom_kills|2|file|/etc/mote/services/web.conf:1|status_text|serving 3 clients|reloading|yes|errno|2 ENOENT|stored_fds|3|health|failing|health_ms|31|health_age_ms|900|health_failures|2|health_error|http 503|health_error_age_ms|900",
	"unit|name|db|kind|service|class|user|state|backoff|want|up|ready|no|since|1767323160000|restarts|12|exit_code|1|reason|exit 1|ready_error|pid file /run/db.pid is not there|next_ms|4000|requires|netup|health|none",
	"unit|name|app|kind|service|class|user|state|blocked|want|up|ready|no|since|1767323100000|restarts|0|waiting_on|db|requires|db web|conflicts|app-old",
	"unit|name|app-old|kind|service|class|user|state|inactive|want|down|ready|no|since|1767323100000|restarts|0|reason|stopped by request",
	"unit|name|mailer|kind|service|class|user|state|failed|want|up|ready|no|since|1767323110000|restarts|0|exit_code|127|reason|spawn exec no such file or directory|stage|exec|wants|web nosuch",
	"unit|name|default|kind|target|class|user|state|blocked|want|up|waiting_on|app|requires|app|wants|mailer syslogd",
}

func unitLine(name string) string {
	for _, u := range router {
		if strings.HasPrefix(u, "unit|name|"+name+"|") {
			return u
		}
	}
	return ""
}

func reply(lines ...string) string { return wire(lines...) + "ok\n" }

// answers is the fake init of the golden tests.
func answers() map[string]string {
	return map[string]string{
		"list": reply(router...),
		"status": reply(append([]string{
			"system|role|machine|pid|1|version|1.0|phase|degraded|boot_ms|1767323000000|uptime_ms|165000|signals|signalfd|units|8|running|2|failed|1|blocked|2|faults|2|socket|/run/mote/ctl.sock|cgroups|hybrid (controllers are in cgroup version 1)|reexecs|3|reexec|upgrade|reexec_ms|1767323042000",
			"fault|/etc/mote/services/web.conf|7|unknown key \"afer\": write \"after\"",
			"warning|/etc/mote/services/web.conf|9|wants \"nosuch\": no such unit",
		}, unitLine("db"), unitLine("app"), unitLine("mailer"))...),
		"status web": reply(unitLine("web"), "dropped|web|120", "log|web|1767323042123|listening on 80", "log|web|1767323043456|GET /\tok"),
		"status db app": reply(unitLine("db"), "log|db|1767323043456|cannot bind",
			unitLine("app")),
		"status syslogd":           reply(unitLine("syslogd")),
		"status nosuch":            wire("err|4|no such unit: nosuch"),
		"status web nosuch":        wire(unitLine("web"), "err|4|no such unit: nosuch"),
		"why app":                  reply(unitLine("app"), "cause|requires db, which is in backoff: exit 1, next try in 4s", "cause|requires web: running", "wanted-by|default|requires", "would-stop|default"),
		"why web":                  reply(unitLine("web"), "wanted-by|app|requires", "wanted-by|web|boot", "wanted-by|web|start", "would-stop|app", "would-stop|default"),
		"show web":                 reply("text|service web /usr/bin/webd -f", "text|    requires netup", "text|    env \"A=\x1b[31m\""),
		"start web":                "ok\n",
		"stop netup":               reply("stopped|app", "stopped|web", "note|netup is down"),
		"restart --no-wait web":    reply("warn|web: reload would do"),
		"start mailer":             wire("err|1|mailer: exec /usr/bin/mailer: no such file or directory: install it"),
		"start-all":                "ok\n",
		"reload web":               "ok\n",
		"reload --no-wait mailer":  wire("err|1|mailer: it is failed, not running"),
		"reload --dry-run":         reply("note|web: command changed: restart it"),
		"stop-all":                 reply("stopped|app"),
		"kill web HUP":             "ok\n",
		"wait satisfied web netup": "ok\n",
		"wait failed mailer":       "ok\n",
		"ping":                     "ok\n",
		"version":                  reply("version|version|1.0|go|go1.26.8|arch|arm|role|machine|pid|1|signals|signalfd"),
		"logs -n 2 web":            reply("dropped|web|118", "log|web|1767323042123|listening on 80", "log|web|1767323043456|\x1b[31mred\xff\ttab"),
		"logs":                     reply("log|mote|1767323000000|mote 1.0 starts", "log|web|1767323042123|listening on 80"),
		"logs -f web":              reply("log|web|1767323042123|listening on 80"),
		"events":                   reply("event|1767323042123|web|starting|running|up|", "event|1767323043123|web|running|stopping|down|stop", "event|1767323044123|db|running|backoff|up|exit 1"),
		"upgrade":                  reply("note|mote 1.0 -> 1.1, 100 units, 3 ms"),
		"upgrade /tmp/old":         wire("err|1|/tmp/old: it cannot read the state: snapshot version 9, this binary reads 3 to 7"),
		"shutdown":                 "ok\n",
		"poweroff":                 wire("err|1|this init is a supervisor: ask for shutdown"),
		"reboot recovery":          "ok\n",
		"halt":                     closes,
	}
}

// goldenCalls are the calls of the golden file, each run with and without
// --json.
var goldenCalls = [][]string{
	{"list"}, {"status"}, {"status", "web"}, {"status", "db", "app"}, {"status", "nosuch"}, {"status", "web", "nosuch"},
	{"why", "app"}, {"why", "web"}, {"show", "web"}, {"tree"}, {"tree", "app"}, {"tree", "wbe"}, {"graph"},
	{"start", "web"}, {"stop", "netup"}, {"restart", "--no-wait", "web"}, {"start", "mailer"}, {"start-all"}, {"stop-all"},
	{"reload", "web"}, {"reload", "--no-wait", "mailer"}, {"reload", "--dry-run"}, {"status", "syslogd"},
	{"kill", "web", "HUP"}, {"wait", "web", "netup"}, {"wait", "--for", "failed", "mailer"},
	{"upgrade"}, {"upgrade", "/tmp/old"}, {"ping"}, {"version"}, {"--version"}, {"logs", "-n", "2", "web"}, {"logs"}, {"logs", "-f", "web"}, {"events"},
	{"shutdown"}, {"poweroff"}, {"reboot", "recovery"}, {"halt"},
	{"help"}, {"help", "kill"}, {"help", "requires"}, {"help", "init"}, {"help", "requirse"}, {"stop", "-h"}, {"-h"},
	{"check", "/etc/good"}, {"check", "/etc/bad"},
}

// checkForTest has two faults at /etc/bad.
func checkForTest(paths []string) ([]Fault, int) {
	if len(paths) == 1 && paths[0] == "/etc/bad" {
		return []Fault{
			{File: "/etc/bad/a.conf", Line: 3, Text: "cycle a -> b -> a: drop one \"requires\""},
			{File: "/etc/bad/a.conf", Line: 4, Text: "wants \"x\": no such unit", Warning: true},
			{File: "/etc/bad/b.conf", Text: "cannot read: is a directory"},
		}, 2
	}
	return nil, 7
}

func TestGolden(t *testing.T) {
	f := startFake(t, answers())
	env := testEnv("MOTE_SOCKET=" + f.path)
	env.Check = checkForTest
	var text, asJSON strings.Builder
	for _, args := range goldenCalls {
		r := runClient(t, noKernel(t), env, args...)
		write(&text, args, r)
		args = append(args, "--json")
		r = runClient(t, noKernel(t), env, args...)
		write(&asJSON, args, r)
		validJSON(t, args, r)
	}
	clean := strings.NewReplacer("client mote 1.0 "+goVersion(), "client mote 1.0 GO ARCH",
		"\"version\":\"1.0\",\"go\":\""+strings.Replace(goVersion(), " ", "\",\"arch\":\"", 1)+"\"", "\"version\":\"1.0\",\"go\":\"GO\",\"arch\":\"ARCH\"")
	golden(t, "text", clean.Replace(text.String()))
	golden(t, "json", clean.Replace(asJSON.String()))
}

func write(b *strings.Builder, args []string, r result) {
	b.WriteString("$ motectl " + strings.Join(args, " ") + "\n" + r.out)
	if r.errOut != "" {
		b.WriteString("---- stderr\n" + r.errOut)
	}
	b.WriteString("---- exit " + itoa(r.code) + "\n\n")
}

// validJSON checks that stdout is one JSON text, or one a line for streams,
// and that a failure has its object.
func validJSON(t *testing.T, args []string, r result) {
	t.Helper()
	texts := []string{r.out}
	if args[0] == "logs" || args[0] == "events" {
		texts = strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	}
	for _, s := range texts {
		if !json.Valid([]byte(s)) {
			t.Errorf("%v: not JSON: %q", args, s)
		}
	}
	if r.errOut != "" && r.code != OK {
		var e struct {
			Error string
			Code  int
		}
		if err := json.Unmarshal([]byte(texts[len(texts)-1]), &e); err != nil || e.Code != r.code || e.Error == "" {
			t.Errorf("%v: failure %d has no object: %q", args, r.code, r.out)
		}
	}
}

// TestJSONKeys holds the stable keys of SPEC 6 and their order.
func TestJSONKeys(t *testing.T) {
	const keys = "name kind class state want pid ready since uptime_ms restarts exit_code exit_signal reason " +
		"waiting_on requires wants after conflicts memory_bytes cpu_ms description listen " +
		"health health_ms health_age_ms health_failures health_error health_error_age_ms " +
		"status_text reloading errno ready_error stored_fds oom_kills next_ms"
	f := startFake(t, answers())
	for _, args := range [][]string{{"list"}, {"status"}, {"status", "web"}, {"why", "app"}} {
		r := runClient(t, noKernel(t), testEnv(), append([]string{"--json", "-s", f.path}, args...)...)
		d := json.NewDecoder(strings.NewReader(r.out))
		var got []string
		depth, units := 0, 0
		want := 1 // the depth of a unit's keys
		if args[0] != "why" {
			want = 2
		}
		isKey := true
		for {
			token, err := d.Token()
			if err != nil {
				break
			}
			if delim, ok := token.(json.Delim); ok {
				switch delim {
				case '[', '{':
					depth++
					if delim == '{' && depth == want {
						got, isKey = nil, true
						continue
					}
				default:
					depth--
					if delim == '}' && depth == want-1 {
						units++
						text := strings.Join(got, " ")
						if args[0] == "why" {
							text = strings.TrimSuffix(text, " causes wanted_by would_stop")
						}
						if text != keys {
							t.Errorf("%v: keys %s", args, text)
						}
					}
				}
				if depth == want {
					isKey = true
				}
				continue
			}
			if depth == want {
				if isKey {
					got = append(got, token.(string))
				}
				isKey = !isKey
			}
		}
		if units == 0 {
			t.Errorf("%v: no unit in %q", args, r.out)
		}
	}
}
