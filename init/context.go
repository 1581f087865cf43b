package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// secbitNoroot is SECBIT_NOROOT of capabilities(7): user 0 is as any other.
const secbitNoroot = 1

// context gives the child what the keys from chroot to ionice ask for. All
// processes of a unit have it, pre, post and stop-exec too. Its credentials
// are in spec already: whoever does not get capabilities by being root keeps
// those of caps as ambient ones.
func context(u *graph.Unit, spec *proc.Spec) {
	c := u.Context
	if c == nil {
		return
	}
	spec.Root = c.Chroot
	p := &proc.Context{
		OOMSet: c.OOMSet, OOM: int(c.OOM),
		NiceSet: c.NiceSet, Nice: int(c.Nice),
		IOPrio:   int(c.IOPrio),
		SchedSet: c.SchedSet, SchedPolicy: int(c.SchedPolicy), SchedPriority: int(c.SchedPriority),
		Securebits: uint32(c.Securebits),
		CapsSet:    c.CapsSet, Caps: c.Caps,
		NoNewPrivs: c.NoNewPrivs,
	}
	for n, l := range c.Limits {
		if c.LimitsSet>>n&1 != 0 {
			p.Limits = append(p.Limits, proc.Limit{Resource: n, Cur: l.Soft, Max: l.Hard})
		}
	}
	if mask, ok := graph.CPUMask(c.CPUs); ok {
		p.CPUs = mask[:]
	}
	uid := uint32(unix.Geteuid())
	if spec.Cred {
		uid = spec.Uid
	}
	p.Ambient = c.Caps != 0 && (uid != 0 || c.Securebits&secbitNoroot != 0)
	spec.Context = p
}

// failItem names what a failed step of the context was at.
func failItem(f *proc.Failure) string {
	switch f.Stage {
	case proc.StageLimit:
		return graph.LimitName(f.Item) + ": "
	case proc.StageBounding, proc.StageAmbient:
		return graph.CapName(f.Item) + ": "
	}
	return ""
}
