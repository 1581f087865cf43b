package accept

import (
	"fmt"
	"strings"
	"testing"
)

// F3: the rings of all units stay below option log-memory, and those that find
// none say that lines are gone; a reload with more helps.
func TestF3_LogMemory(t *testing.T) {
	t.Parallel()
	units := ""
	for i := range 8 {
		after := ""
		if i > 0 {
			after = fmt.Sprintf("  after t%d\n", i-1)
		}
		units += fmt.Sprintf("task t%d {V} lines 400 64\n%s  log ring 16K\n", i, after)
	}
	in := start(t, "option log-memory 64K\n"+units)
	in.state("t7", "exited")
	held := 0
	for i := range 8 {
		lines, _ := in.logs(fmt.Sprint("t", i))
		if n := len(strings.Join(lines, "\n")); n > 16<<10 || i == 0 && n < 8<<10 || i == 7 && n != 0 {
			t.Errorf("t%d has %d bytes of lines", i, n)
		}
		held += len(lines)
	}
	if held == 0 || held*64 > 64<<10 {
		t.Errorf("%d lines are held", held)
	}
	if text := in.logText("mote"); strings.Count(text, "option log-memory") != 1 {
		t.Errorf("the init says:\n%s", text)
	}
	in.write("c/test.conf", in.expand("option log-memory 1M\n"+units))
	in.contains(in.ok("reload"), "option log-memory: changed")
	in.ok("restart", "t7")
	in.logHas("t7", "line 0000400 ")
}
