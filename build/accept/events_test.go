package accept

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// watcher collects what "events" and "logs -f" print.
type watcher struct {
	in *Init
	sync.Mutex
	events []event
}

type event struct {
	Time, Unit, From, To, Want string
	Reason                     *string
	Text                       string
}

// watch follows the events until the case ends. It returns when the init has
// taken the request.
func (in *Init) watch() *watcher { in.t.Helper(); return in.follow("events") }

func (in *Init) follow(args ...string) *watcher {
	in.t.Helper()
	w := &watcher{in: in}
	c := exec.Command(clientBin, append([]string{"-s", in.sock, "--json"}, args...)...)
	c.SysProcAttr = in.owner()
	c.Env = []string{marker}
	out, err := c.StdoutPipe()
	must(in.t, err)
	must(in.t, c.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(bytes.TrimRight(bytes.TrimLeft(lines.Bytes(), "[,"), ",]"), &e) == nil && e.Unit != "" {
				w.Lock()
				w.events = append(w.events, e)
				w.Unlock()
			}
		}
	}()
	in.t.Cleanup(func() { c.Process.Kill(); <-done; c.Wait() })
	in.until("the client of "+args[0]+" waits", func() bool { return sleeping(c.Process.Pid) })
	return w
}

// sleeping reports whether a client has sent its request and waits: it has a
// socket and none of its threads runs.
func sleeping(pid int) bool {
	out, _ := exec.Command("ls", "-l", "/proc/"+strconv.Itoa(pid)+"/fd").Output()
	if !strings.Contains(string(out), "socket:") {
		return false
	}
	time.Sleep(100 * time.Millisecond) // the request is on its way; there is no answer to wait for
	return true
}

// states gives the states that a unit came to, "starting running ...".
func (w *watcher) states(unit string) string {
	w.Lock()
	defer w.Unlock()
	var all []string
	for _, e := range w.events {
		if e.Unit == unit {
			all = append(all, e.To)
		}
	}
	return strings.Join(all, " ")
}

// until waits for an event.
func (w *watcher) until(unit, to string) {
	w.in.t.Helper()
	w.in.until(unit+" comes to "+to, func() bool {
		return strings.Contains(" "+w.states(unit)+" ", " "+to+" ")
	})
}

func (w *watcher) texts(unit string) []string {
	w.Lock()
	defer w.Unlock()
	var all []string
	for _, e := range w.events {
		if e.Unit == unit {
			all = append(all, e.Text)
		}
	}
	return all
}
