package pid1

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// SPEC 9: of a state that cannot be read as a whole, what lives goes on: by the lines
// that can be read its processes are known again, and their output by the pipe that
// they hold.
func TestSalvage(t *testing.T) {
	const config = "service web /bin/sh -c 'read x </dev/null; trap \"echo heard\" HUP; echo set; while :; do sleep 0.05; done'\n" +
		"service free /bin/sleep 1000\n  restart always delay 0\ntask job /bin/sleep 1000\n  start manual\n" +
		"service off /bin/sleep 1000\n  start manual\nservice gone /bin/sleep 1000\n"
	in := testInit(t, config)
	in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.apply(graph.Event{Kind: graph.AskStart, IDs: []graph.ID{in.unit(t, "job")}})
	up := func(in *Init, names ...string) bool {
		for _, n := range names {
			if st := in.world.Status(in.unit(t, n)); st.State != graph.Running && (n != "job" || st.Phase != graph.PhaseMain) {
				return false
			}
		}
		return true
	}
	in.until(t, "all run", func() bool { return up(in, "web", "free", "job", "gone") && strings.Contains(logOf(in, "web"), "set") })
	text := textOfState(t, in)
	if _, err := readState(text); err != nil {
		t.Fatal(err)
	}
	text = text[:strings.LastIndex(text, "end ")]
	if _, err := readState(text); err == nil {
		t.Fatal("it is read")
	}
	pid := func(in *Init, name string) int32 { return in.world.Status(in.unit(t, name)).Pid }
	if err := proc.Inherit([]int{int(in.units[0].pipeR)}); err != nil {
		t.Fatal(err)
	}
	stranger, err := proc.Spawn(proc.NewSpec([]string{"/bin/sleep"}, []string{"sleep", "1000"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	in.poll.Remove(int(in.units[0].pipeR))

	next := testInit(t, config[:strings.Index(config, "service gone")])
	next.salvage(state.Salvage(text))
	next.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	if !up(next, "web", "free", "job") || len(next.procs) != 3 || next.world.State(next.unit(t, "off")) != graph.Inactive {
		t.Errorf("%d processes\n%s", len(next.procs), next.own())
	}
	for _, name := range []string{"web", "free", "job"} {
		if is, was := pid(next, name), pid(in, name); is != was {
			t.Errorf("%s has pid %d, had %d", name, is, was)
		}
	}
	for _, want := range []string{"pid " + strconv.Itoa(stranger.Pid) + " (", "re-exec: 3 units that live go on"} {
		if !strings.Contains(next.own(), want) {
			t.Errorf("no %q in\n%s", want, next.own())
		}
	}
	unix.Kill(int(pid(next, "web")), unix.SIGHUP)
	next.until(t, "its output is read", func() bool { return strings.Contains(logOf(next, "web"), "heard") })
	unix.Kill(int(pid(next, "free")), unix.SIGKILL)
	next.until(t, "its end is seen", func() bool { return up(next, "free") && pid(next, "free") != pid(in, "free") })
	next.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0, 1, 2}})
	unix.Kill(stranger.Pid, unix.SIGKILL)
	unix.Kill(int(pid(in, "gone")), unix.SIGKILL)
	next.until(t, "all are gone", func() bool {
		return len(next.procs) == 0 && !proc.Alive(stranger.Pid) && !proc.Alive(int(pid(in, "gone")))
	})
}

// logOf gives a unit's lines.
func logOf(in *Init, name string) string {
	id, _ := in.world.Find(name)
	r := in.logs.NewReader([]*UnitLog{in.units[id].log}, -1, false)
	defer r.Close()
	all := ""
	for it, st := r.Next(); st == LogLine; it, st = r.Next() {
		all += string(it.Text) + "\n"
	}
	return all
}
