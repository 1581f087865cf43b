package pid1

import (
	"strconv"
	"time"

	"mote/graph"
	"mote/state"
)

// maxBugs panics within bugSpan give the degraded mode (SPEC 9). It is left again
// for a try after retryFirst, and after twice as long each time, up to retryMost:
// nobody upgrades a board that nobody looks after.
const (
	maxBugs    = 3
	bugSpan    = graph.Instant(time.Minute)
	retryFirst = graph.Instant(5 * time.Minute)
	retryMost  = graph.Instant(time.Hour)
)

// maxKept bounds the events that wait for the world. They are one of a kind for
// each process and unit, and the degraded mode makes no processes.
const maxKept = 4 * graph.MaxUnits

// bugs is what is known of panics, and of the degraded mode that they lead to: the
// world gets no events, but what happens to services is kept for it; logs, notify
// sockets and the verbs that only read are as ever.
type bugs struct {
	text     string          // of the last panic
	said     graph.Instant   // when it was
	times    []graph.Instant // of the last ones, maxBugs at most
	degraded bool
	ends     int           // panics since the end has begun and this mode too
	until    graph.Instant // when the world is tried again; else when it was last; 0 = never
	delay    graph.Instant // before that; 0 = it was not degraded
	kept     []graph.Event
}

// countBug notes a panic, and begins the degraded mode when there were too many.
func (in *Init) countBug() {
	b := &in.bugs
	in.clock()
	if b.times = append(b.times, in.now); len(b.times) > maxBugs {
		b.times = append(b.times[:0], b.times[1:]...)
	}
	tried := b.until != 0 && in.now-b.until < bugSpan
	if b.degraded || !tried && (len(b.times) < maxBugs || in.now-b.times[0] >= bugSpan) {
		return
	}
	if b.delay = min(2*b.delay, retryMost); !tried {
		b.delay = retryFirst
	}
	b.degraded, b.until = true, in.now+b.delay
	in.logs.Say(MsgWarn, "degraded: ", strconv.Itoa(len(b.times)), " panics: services are left as they are, and nothing starts or stops: ",
		"upgrade to a mended build, or reboot; it is tried again in ", spanText(int64(b.delay)))
	if h := in.world.Ending(); h.Kind != graph.HaltNone {
		in.endNow(h)
	}
}

// tickDegraded tries it again when it is time.
func (in *Init) tickDegraded() {
	if in.now >= in.bugs.until {
		in.logs.Say(MsgWarn, "degraded: tried again")
		in.bugs.degraded = false
		in.restore()
	}
}

// restore gives the world what was kept for it.
func (in *Init) restore() {
	in.queue = append(in.queue, in.bugs.kept...)
	in.bugs.kept = nil
	in.readClocks(true)
	in.drain()
}

// keepEvents keeps what has happened to units, the last of each kind, and goes to
// the end where that is asked for. All else is dropped.
func (in *Init) keepEvents() {
	b := &in.bugs
	for i := range in.queue {
		ev := in.queue[i]
		switch {
		case ev.Kind == graph.AskShutdown:
			in.endNow(*ev.Halt)
		case keeps(ev.Kind):
			at := 0
			for at < len(b.kept) && (b.kept[at].Kind != ev.Kind || b.kept[at].Unit != ev.Unit || b.kept[at].Gen != ev.Gen) {
				at++
			}
			if at < len(b.kept) {
				b.kept[at] = ev
			} else if at < maxKept {
				b.kept = append(b.kept, ev)
			}
		}
	}
	clear(in.queue)
	in.queue = in.queue[:0]
}

// keeps reports whether events of a kind are kept: those that happen to a unit
// whether or not anybody looks.
func keeps(k graph.EventKind) bool {
	return k <= graph.Counted && k != graph.Due || k == graph.StatusSet
}

// worldless reports whether a verb that acts does so without the world.
func worldless(verb string) bool {
	switch verb {
	case "upgrade", "poweroff", "reboot", "halt", "shutdown":
		return true
	}
	return false
}

// degradedText refuses what needs the world.
func (in *Init) degradedText() string {
	return "degraded after " + strconv.Itoa(len(in.bugs.times)) + " panics: upgrade to a mended build, or reboot"
}

// endNow ends what runs without the world's order.
func (in *Init) endNow(h graph.Halt) {
	in.guarded(in.closeAllSockets)
	in.end.begin(h)
}

// ending gives the shutdown that is under way; its Kind is HaltNone when there is none.
func (in *Init) ending() graph.Halt {
	if in.end.stage != notEnding {
		return in.end.halt
	}
	return in.world.Ending()
}

// savedBugs is what a snapshot says of panics.
type savedBugs struct {
	bugs bugs
}

func (b *bugs) fields(f *state.Fields) {
	f.Text("text", &b.text)
	state.Ints(f, "at", &b.times)
	f.Bool("degraded", &b.degraded)
	state.Int(f, "until", &b.until)
	state.Int(f, "delay", &b.delay)
	if f.Reading() && (len(b.times) > maxBugs || b.delay < 0 || b.delay > retryMost) {
		f.Fail("there are no such panics")
	}
}

// keptEvent is an event that waits for the world.
type keptEvent graph.Event

func (e *keptEvent) fields(f *state.Fields) {
	kind := e.Kind.String()
	f.Text("event", &kind)
	state.Int(f, "unit", &e.Unit)
	state.Int(f, "gen", &e.Gen)
	state.Int(f, "pid", &e.Pid)
	state.Int(f, "code", &e.Code)
	state.Int(f, "sig", &e.Sig)
	state.Int(f, "wait", &e.Wait)
	f.Text("text", &e.Text)
	if !f.Reading() {
		return
	}
	for e.Kind = 0; e.Kind.String() != kind && e.Kind <= graph.StatusSet; e.Kind++ {
	}
	if !keeps(e.Kind) || e.Pid < 0 || e.Pid == 1 {
		f.Fail("event " + strconv.Quote(kind) + " is none that is kept")
	}
}

// bugsPart keeps the panics over a re-exec, and the events that wait: an upgrade
// to a mended build gives them to the world.
var bugsPart = savedPart{
	put: func(in *Init, k *keeper) {
		if len(in.bugs.times) > 0 && !in.upgrade.asked() {
			k.Put("panics", in.bugs.fields)
		}
		for i := range in.bugs.kept {
			k.Put("kept", (*keptEvent)(&in.bugs.kept[i]).fields)
		}
	},
	kinds: []savedKind{
		{"panics", func(s *saved, r *state.Record) error { return r.Load(s.bugs.fields) }},
		{"kept", func(s *saved, r *state.Record) error {
			var e keptEvent
			if err := r.Load(e.fields); err != nil {
				return err
			}
			if e.Unit < 0 || int(e.Unit) >= s.world.Len() {
				return r.Wrong("unit " + strconv.Itoa(int(e.Unit)) + " does not exist")
			}
			if s.bugs.kept = append(s.bugs.kept, graph.Event(e)); len(s.bugs.kept) > maxKept {
				return r.Wrong("there are more than " + strconv.Itoa(maxKept))
			}
			return nil
		}},
	},
	attach: func(in *Init, s *saved) {
		in.bugs = s.bugs
		if !in.bugs.degraded {
			in.queue = append(in.queue, in.bugs.kept...)
			in.bugs.kept = nil
		}
	},
}
