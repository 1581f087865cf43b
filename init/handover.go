package pid1

import (
	"strconv"

	"mote/graph"
	"mote/proc"
)

// firstFD is where descriptors that are handed over begin (sd_listen_fds(3),
// SD_LISTEN_FDS_START).
const firstFD = 3

// passedFD is a descriptor of the init's that a process gets, and its name in
// LISTEN_FDNAMES.
type passedFD struct {
	fd   int
	name string
}

// handOver gives a child descriptors from 3 on in their order, and says so as
// sd_listen_fds(3) has it: LISTEN_FDS, LISTEN_FDNAMES, and LISTEN_PID, which the
// child itself writes. Without any the variables are not set.
func (in *Init) handOver(id graph.ID, spec *proc.Spec, env *environ, fds []passedFD) *refusal {
	env.unset("LISTEN_PID")
	if len(fds) == 0 {
		return nil
	}
	end := firstFD + len(fds)
	for _, have := range spec.Fds {
		if have.To < end {
			return &refusal{stage: "fd", text: strconv.Itoa(have.To) + " of ready fd is taken: 3 to " + strconv.Itoa(end-1) +
				" are handed over: write ready fd " + strconv.Itoa(end) + " or more"}
		}
	}
	names := make([]byte, 0, 64)
	for i, f := range fds {
		spec.Fds = append(spec.Fds, proc.FD{From: f.fd, To: firstFD + i})
		if i > 0 {
			names = append(names, ':')
		}
		names = append(names, f.name...)
	}
	env.set("LISTEN_FDS", strconv.Itoa(len(fds)))
	env.set("LISTEN_FDNAMES", string(names))
	spec.PidVars[0] = "LISTEN_PID"
	return nil
}
