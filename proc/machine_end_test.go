package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// reapOne waits for the child pid, and reaps others meanwhile.
func reapOne(pid int) Exit {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if dead, ok := NextExit(); ok {
			if e, ok := Reap(dead); ok && dead == pid {
				return e
			}
			continue
		}
		unix.Poll(nil, 1)
	}
	panic("child does not end")
}

// The end in namespaces: what can be unmounted is, the rest is read-only for
// us and not for the machine, and reboot(2) ends PID 1 with the signal that
// stands for the command.
func TestEnd(t *testing.T) {
	for power, want := range map[Power]syscall.Signal{PowerOff: unix.SIGINT, PowerHalt: unix.SIGINT, PowerReboot: unix.SIGHUP} {
		dir := t.TempDir()
		got, err := inNamespaces(t, "end", "POWER="+strconv.Itoa(int(power)), "DIR="+dir)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != want {
			t.Errorf("power %d: %v", power, err)
		}
		t.Log("\n" + got)
		for _, line := range []string{
			"sync: <nil>\n",
			"unmount " + dir + "/a/b: <nil>\n",
			"unmount " + dir + "/a: <nil>\n",
			"unmount " + dir + "/busy: cannot unmount " + dir + "/busy: device or resource busy\n",
			"remount / read-only: <nil>\n",
			"write to /: read-only file system\n",
		} {
			if !strings.Contains(got, line) {
				t.Errorf("no %q in\n%s", line, got)
			}
		}
		if strings.Contains(got, "swap") {
			t.Error("touched the swap of the machine")
		}
		if err := os.WriteFile(filepath.Join(dir, "after"), nil, 0o600); err != nil {
			t.Error("the machine's filesystem:", err)
		}
	}
}

func helperEnd() {
	privately()
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	if InitialPIDNamespace() {
		panic("this would end the machine")
	}
	dir := os.Getenv("DIR")
	for _, name := range []string{"/a", "/busy", "/src/b"} {
		must(os.MkdirAll(dir+name, 0o755))
	}
	// Folders of a disk filesystem, bound to where they can be unmounted.
	must(unix.Mount(dir+"/src", dir+"/a", "", unix.MS_BIND, ""))
	must(unix.Mount(dir+"/src", dir+"/a/b", "", unix.MS_BIND, ""))
	must(unix.Mount(dir+"/src", dir+"/busy", "", unix.MS_BIND, ""))
	must(os.Chdir(dir + "/busy"))
	power, err := strconv.Atoi(os.Getenv("POWER"))
	must(err)
	end := NewEnd(Power(power), "")
	for {
		step, ok := end.Next()
		if !ok {
			fmt.Println("still there")
			return
		}
		if strings.HasPrefix(step.What, "reboot") || step.What == "halt" || step.What == "switch the machine off" {
			fmt.Println("write to /:", errors.Unwrap(os.WriteFile(dir+"/before", nil, 0o600)))
		}
		pid, err := step.Start()
		must(err)
		fmt.Printf("%s: %v\n", step.What, step.Outcome(reapOne(pid)))
	}
}

// What no End can be is not gone on with.
func TestEndWrong(t *testing.T) {
	end := NewEnd(PowerReboot, "")
	for end.Phase < EndDone {
		end.plan()
		if wrong := end.Wrong(); wrong != "" {
			t.Errorf("phase %d: %s", end.Phase, wrong)
		}
	}
	step := end.Queue[0]
	for i, change := range []func(){
		func() { end.Phase++ },
		func() { end.Power = PowerHalt + 1 },
		func() { end.Queue[0].Limit = 0 },
		func() { end.Queue[0].Limit = time.Hour },
		func() { end.Queue[0].Op.Kind = OpKillAll },
		func() { end.Queue[0].Op.Kind = OpSwapOff + 1 },
		func() { end.Queue[0].Op.Paths = []string{"/a", "/b"} },
	} {
		*end = End{Phase: EndDone, Queue: []Step{step}}
		if change(); end.Wrong() == "" {
			t.Errorf("%d: there is such an end: %+v", i, end)
		}
	}
}

func TestEndPlans(t *testing.T) {
	mounts := ParseMountinfo(testMountinfo)
	var points []string
	for _, m := range unmountable(mounts) {
		points = append(points, m.Point)
	}
	want := `/lower /lower /over /over /mnt/data/fuse /mnt/data /srv/with blank\x`
	if got := strings.Join(points, " "); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	what := func(steps []Step) (s []string) {
		for _, step := range steps {
			s = append(s, step.What)
		}
		return s
	}
	// As owner each filesystem once; else each mount that is not yet ro.
	if got := what(readOnlySteps(mounts, true)); !slices.Equal(got, []string{"remount /lower read-only", "remount /over read-only",
		"remount /mnt/data read-only", "remount / read-only"}) {
		t.Error(got)
	}
	if got := what(readOnlySteps(mounts, false)); !slices.Equal(got, []string{"remount /lower read-only", "remount /over read-only", "remount / read-only"}) {
		t.Error(got)
	}
	if got := what(rebootSteps(PowerReboot, "bootloader\x1b")); !slices.Equal(got, []string{`reboot to "bootloader\x1b"`, "reboot"}) {
		t.Error(got)
	}
	swaps := "Filename\t\t\t\tType\t\tSize\n/swap\\040file file 1 0 -2\n/dev/sda2 partition 1 0 -3\n/gone\\040(deleted) file 1 0 -4\n"
	if got := parseSwaps(swaps); !slices.Equal(got, []string{"/swap file", "/gone (deleted)"}) {
		t.Errorf("%q", got)
	}
}
