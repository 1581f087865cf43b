package graph

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// bare gives a unit without what Show does not carry: places, faults, and
// whether "restart" was written.
func bare(u *Unit) Unit {
	b := *u
	b.Pos, b.Fault, b.restartSet, b.limitSet, b.pipePos = Pos{}, "", false, false, Pos{}
	for r := range relationCount {
		list := slices.Clone(*b.refs(r))
		for i := range list {
			list[i].Pos = Pos{}
		}
		*b.refs(r) = list
	}
	return b
}

// checkShow: what Show prints parses to the same unit (SPEC F11).
func checkShow(t *testing.T, u *Unit) {
	t.Helper()
	text := strings.Join(Show(u), "\n") + "\n"
	c := load(text)
	again := c.Unit(u.Name)
	if again == nil {
		t.Fatalf("no unit comes of\n%s\n%q", text, faults(c))
	}
	if a, b := bare(u), bare(again); !reflect.DeepEqual(a, b) {
		t.Fatalf("%s\nwas %+v\nis  %+v\n%q", text, a, b, faults(c))
	}
	built, err := new(Rebuild).Unit(Show(u), Pos{"f", 1}, u.Class, u.Fault)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	if a, b := bare(u), bare(built); !reflect.DeepEqual(a, b) || built.Pos != (Pos{"f", 1}) || built.Fault != u.Fault {
		t.Fatalf("%s\nwas %+v\nis  %+v", text, a, b)
	}
	if u.Fault == "" && again.Fault != "" && !strings.Contains(again.Fault, "does not exist") {
		t.Fatalf("%s\n%s", text, again.Fault)
	}
}

func TestShowRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	for range 3000 {
		u := g.unit()
		checkShow(t, &u)
	}
}

func TestShow(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"quotes and expansions", `service a /bin/a "b c" '$x' "\${A}" '${A}' ${A} "${A:-b c}" ${A:-\}} $$ 100% '%i' %%n "it's" "" \#`,
			`service  a /bin/a 'b c' $x '${A}' '${A}' ${A} "${A:-b c}" "${A:-"\}"}" '$' 100% '%i' '%n' "it's" "" '#'`},
		{"sh", "service a\n sh 'echo \"$HOME\" | cat'", "service  a\n    sh        'echo \"$HOME\" | cat'"},
		{"newline", "service a\n sh \"a\\nb\\tc '\"", "service  a\n    sh        \"a\\nb\\tc '\""},
		{"instance", "tty g@ getty %i %n\n tty /dev/%i\nextend g@x\n", "tty      g@x getty x g@x\n    tty       /dev/x"},
		{"implied limit", "service a x\n critical reboot\n restart always delay 0", "service  a x\n    critical  reboot\n    restart   always delay 0"},
		{"written limit", "service a x\n critical reboot\n restart always limit 0", "service  a x\n    critical  reboot\n    restart   always limit 0"},
		{"max follows delay", "service a x\n restart always delay 1m", "service  a x\n    restart   always delay 1m"},
		{"stdin", "tty a x\n tty /dev/a\n stdin null", "tty      a x\n    tty       /dev/a\n    stdin     null"},
		{"context", "service a x\n caps CAP_KILL chown\n limit CORE infinity\n limit as 1048576:4G\n cpus 5,0-1,1,3,2\n nice +0\n oom -0\n sched rr 7\n ionice idle:4\n no-new-privs yes\n securebits noroot-locked noroot\n chroot /srv",
			"service  a x\n    chroot    /srv\n    caps      chown kill\n    no-new-privs yes\n    securebits noroot noroot-locked\n    limit     core infinity\n" +
				"    limit     as 1M:4G\n    nice      0\n    oom       0\n    sched     rr 7\n    cpus      5,0-1,1,3,2\n    ionice    idle"},
		{"context that is none", "service a x\n no-new-privs no\n chroot /x\n caps chown\n limit core 0\n nice 1\n oom 1\n sched idle\n cpus 1\n ionice idle\n securebits noroot\n" +
			" !chroot\n !caps\n !limit\n !nice\n !oom\n !sched\n !cpus\n !ionice\n !securebits\n !no-new-privs", "service  a x"},
		{"caps add up", "service a x\n caps chown\n caps none\n limit core 1\n limit core 2\nextend a\n caps kill\n nice 3", "service  a x\n    caps      chown kill\n    limit     core 2\n    nice      3"},
		{"cgroup", "service a x\n kill cgroup\n cgroup memory.max=1M pids.max=max \"cpu.max=5000 10000\"\n cgroup pids.max=7\nextend a\n cgroup cgroup.max.depth=0",
			"service  a x\n    cgroup    memory.max=1M 'cpu.max=5000 10000' pids.max=7 cgroup.max.depth=0\n    kill      cgroup"},
		{"cgroup that is none", "service a x\n cgroup memory.max=1\n !cgroup\n kill cgroup\n !kill", "service  a x"},
		{"no caps", "service a x\n caps none", "service  a x\n    caps      none"},
		{"every", "task a x\n every 120s", "task     a x\n    every     2m"},
		{"at", "task a x\n at */5 0 * JAN mon-fri", "task     a x\n    at        */5 0 * JAN mon-fri"},
		{"askfirst", "tty a x\n tty /dev/a\n askfirst", "tty      a x\n    tty       /dev/a\n    askfirst"},
		{"askfirst with a text", "tty a x\n tty /dev/a\n askfirst 'a key'", "tty      a x\n    tty       /dev/a\n    askfirst  'a key'"},
		{"health", "service a x\n health http localhost:80 fails 3 grace 1s every 10s", "service  a x\n    health    http 127.0.0.1:80/ grace 1s"},
		{"health options that are words", "service a x\n health exec y every 5s 'timeout' 1s fails every 2s", "service  a x\n    health    exec y 'every' 5s 'timeout' 1s 'fails' every 2s"},
		{"health variables", "service a x\n health exec ${A} 'every' ${B:-every} $$ fails 1", "service  a x\n    health    exec ${A} 'every' ${B:-every} '$' fails 1"},
		{"listen", "service a x\n listen tcp *:80 name web\n listen unix /run/a user www mode 60\n listen udp [0::1]:80\n on-demand idle 60s",
			"service  a x\n    listen    tcp [::]:80 name web\n    listen    unix /run/a mode 060 user www\n    listen    udp [::1]:80\n    on-demand idle 1m"},
		{"on-demand replaced", "service a x\n listen tcp :80\n on-demand idle 1m\nextend a\n on-demand", "service  a x\n    listen    tcp [::]:80\n    on-demand"},
		{"reload", "service a x\n reload-signal SIGHUP\nextend a\n !reload-signal\n reload-exec kill -HUP ${MAINPID}", "service  a x\n    reload-exec kill -HUP ${MAINPID}"},
		{"ports", "service a x\n ports 80 443 80\n ports 8080 443", "service  a x\n    ports     80 443 8080"},
		{"ready", "service a x\n ready log 'now ready'\nextend a\n ready pidfile /run/%n.pid", "service  a x\n    ready     pidfile /run/a.pid"},
		{"extended", "service a x\n env A=1 B=2\n after b\nextend a\n env A=3\n !after\n exec y", "service  a y\n    env       A=3\n    env       B=2"},
	}
	for _, tt := range tests {
		c := load(tt.text)
		if len(c.Units) != 1 {
			t.Fatalf("%s: %q", tt.name, faults(c))
		}
		if got := strings.Join(Show(c.Units[0]), "\n"); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
		checkShow(t, c.Units[0])
	}
}

// FuzzLoad: no input panics; faults fit on a line; what is shown of any unit
// parses to it.
func FuzzLoad(f *testing.F) {
	f.Add("service web /bin/web -f\n    requires db\n    stop QUIT 5s KILL\ntask db x\n")
	f.Add("tty g@ getty %i\n    tty /dev/%i\nextend g@1\n    env A=${B:-\"\\}\"}\n")
	f.Add("include *.conf\nset A 'b c'\nmain web@1\noption shutdown-timeout 5s\n\\\n  \x00\xff")
	f.Add("service a x\n    restart always delay 1m limit 3 within 0\n    critical shell\n    log ring 1K\n    log null\n    if not file-has /a b\n")
	f.Add("service a x\n caps KILL cap_bpf\n caps none\n limit nofile 5:infinity\n cpus 0-3,5\n nice -5\n oom 1\n sched rr 5\n ionice idle:7\n securebits noroot\n no-new-privs yes\n chroot /x\n")
	f.Add("task a x\n every 5s\ntask b x\n at */5,7 1-5/2 * jan fri-sun\ntty c x\n tty /dev/c\n askfirst 'a b'\n")
	f.Add("service a x\n health exec y 'every' 5s ${A} every 5s fails 2\n listen unix @a\n listen tcp :80 name b\n on-demand idle 1m\n ports 1 2\n reload-signal HUP\n watchdog 1s\n ready health\n")
	f.Add("service a x\n health http [::1]:80/x timeout 1s grace 1m\n listen unix /a mode 600 user b\n listen udp 1.2.3.4:5\n reload-exec y\n ready log 'a b'\nextend a\n !ready\n ready pidfile /x\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := load(text)
		c.SetMain("web@2")
		c.Instantiate("g@2")
		for _, s := range faults(c) {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("control bytes in %q", s)
			}
		}
		for _, u := range c.Units {
			checkShow(t, u)
		}
	})
}
