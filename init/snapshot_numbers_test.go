package pid1

import (
	"strconv"
	"testing"

	"mote/graph"
	"mote/proc"
)

// Snapshots have the numbers of these constants, and the next release reads them: what
// is new goes to the end of its list. This test fails when that was forgotten.
func TestNumbersInSnapshots(t *testing.T) {
	names := ""
	for k := graph.Service; k <= graph.Tty; k++ {
		names += k.String() + " "
	}
	for s := graph.Inactive; s <= graph.Failed; s++ {
		names += s.String() + " "
	}
	for p := graph.PhaseNone; p <= graph.PhasePost; p++ {
		names += p.String() + " "
	}
	for h := graph.HaltNone; h <= graph.HaltHalt; h++ {
		names += h.String() + " "
	}
	for r := graph.RoleMain; r <= graph.RoleHealth; r++ {
		names += r.String() + " "
	}
	const want = "service task target tty inactive blocked waiting starting running stopping backoff exited failed " +
		"none check pre exec main daemon leaving signals killed undo post none shutdown poweroff reboot halt " +
		"main pre post stop-exec reload-exec health "
	if names != want {
		t.Errorf("%q, expected %q", names, want)
	}
	for i, is := range [...]int{
		int(graph.User), int(graph.System),
		int(graph.NoReason), int(graph.ReasonExit), int(graph.ReasonSignal), int(graph.ReasonPre), int(graph.ReasonUnready),
		int(graph.ReasonTimeout), int(graph.ReasonHealth), int(graph.ReasonWatchdog), int(graph.ReasonDependency), int(graph.ReasonSpawn),
		int(graph.ReasonConfig), int(graph.ReasonLimit), int(graph.ReasonSkipped), int(graph.ReasonBug), int(graph.ReasonTerminal),
		int(graph.WaitStart), int(graph.WaitStop), int(graph.WaitRestart), int(graph.WaitState), int(graph.WaitUp), int(graph.WaitDown), int(graph.WaitRenew),
		int(graph.ListenTCP), int(graph.ListenUDP), int(graph.ListenUnix),
		int(graph.RescueShell), int(graph.RescueLogin), int(graph.RescueOff),
		int(proc.OpSync), int(proc.OpUmount), int(proc.OpReadOnly), int(proc.OpKillAll), int(proc.OpReboot), int(proc.OpSwapOff),
		int(proc.CgroupNone), int(proc.CgroupHybrid), int(proc.CgroupV2),
		int(Supervisor), int(Container), int(Machine),
		int(MsgDebug), int(MsgInfo), int(MsgWarn),
		int(notEnding), int(termLeft), int(killLeft), int(copySelf), int(lastSteps), int(over),
		int(replyNone), int(replyEnd), int(replyUnits), int(replyTroubled), int(replyStatus), int(replyLogs), int(replyFollow),
		int(helpNone), int(helpCheck), int(helpLook), int(helpProbe), int(helpTry), int(helpTake), int(helpClose), int(helpFiler),
		int(helpSyslog), int(helpBoot), int(helpCount), int(helpKill), int(helpStep), int(helpUpgrade),
	} {
		const numbers = "01" + "0123456789abcde" + "0123456" + "012" + "012" + "012345" + "012" + "012" + "012" + "012345" + "0123456" + "0123456789abcd"
		if got := strconv.FormatInt(int64(is), 16); got != numbers[i:i+1] {
			t.Errorf("constant %d is %s, and was %s", i, got, numbers[i:i+1])
		}
	}
}
