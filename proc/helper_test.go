package proc

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// patience is the deadline of what a test waits for: only one that fails takes
// that long.
const patience = 30 * time.Second

var helpers = map[string]func(){
	"contextrefused": helperContextRefused,
	"forkfails":      helperForkFails,
	"ionice":         helperIONice,
	"killedgroup":    helperKilledGroup,
	"noproc":         helperNoProc,
	"oom":            helperOOM,
	"where":          helperWhere,
	"credrefused":    helperCredRefused,
	"nofile":         helperNofile,
	"signals":        helperSignals,
	"signalslate":    helperSignalsLate,
	"fault":          helperFault,
	"child":          helperChild,
	"childinherit":   helperChildInherit,
	"exits":          helperExits,
	"exitslate":      helperExitsLate,
	"ordinary":       helperOrdinary,
	"foreground":     helperForeground,
	"early":          helperEarly,
	"reexec":         helperReexec,
	"hop":            helperHop,
	"copied":         helperCopied,
	"elsewhere":      helperElsewhere,
	"copyforbidden":  helperCopyForbidden,
}

// helper runs this test file as the helper name and gives what it prints.
func helper(t *testing.T, name string) string {
	t.Helper()
	return helperWith(t, name, nil)
}

// helperWith runs it through the words before, which end by executing $0.
func helperWith(t *testing.T, name string, before []string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(before, exe)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), helperVar+"="+name)
	cmd.Stderr = os.Stderr
	timer := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("helper %s: %v", name, err)
	}
	return string(out)
}
