package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// portUser is the last unit that was started with a port among its "ports". It
// has the port as long as it is active.
type portUser struct {
	port uint16
	unit graph.ID
}

// takePorts refuses a start while another active unit has one of the unit's
// ports, or anybody listens there; else they are its own.
func (in *Init) takePorts(id graph.ID, u *graph.Unit) *refusal {
	for _, port := range u.Duties().Ports {
		if who := in.portHolder(id, port, nil); who != "" {
			return &refusal{stage: "ports", text: strconv.Itoa(int(port)) + " is held by " + who}
		}
	}
	for _, port := range u.Duties().Ports {
		if p := in.portUser(port); p != nil {
			p.unit = id
		} else {
			in.ports = append(in.ports, portUser{port, id})
		}
	}
	return nil
}

func (in *Init) portUser(port uint16) *portUser {
	for i := range in.ports {
		if in.ports[i].port == port {
			return &in.ports[i]
		}
	}
	return nil
}

// portHolder names who has a port, other than the unit itself, or who is in the
// way of an endpoint, unless that is nil; "" is nobody.
func (in *Init) portHolder(id graph.ID, port uint16, end *proc.Endpoint) string {
	if p := in.portUser(port); p != nil && p.unit != id {
		switch in.world.State(p.unit) {
		case graph.Starting, graph.Running, graph.Stopping:
			return in.holder(p.unit)
		}
	}
	var room [4]uint64
	inodes := room[:0]
	if end != nil {
		inodes = proc.InTheWay(inodes, end)
	} else {
		inodes = proc.Listeners(inodes, port)
	}
	for _, inode := range inodes {
		owner := in.socketOwner(inode)
		if owner == id && id != graph.None {
			continue
		}
		if owner != graph.None {
			return in.holder(owner)
		}
		if inode == 0 { // of another network namespace, or just closed
			continue
		}
		pid, name, ok := proc.SocketHolder(inode)
		if !ok {
			return "a process that cannot be named"
		}
		if owner = in.unitOf(pid); owner != graph.None {
			name = "unit " + in.name(owner)
		}
		return name + ", pid " + strconv.Itoa(pid)
	}
	return ""
}

// holder names a unit that has a port, and its process if it has one.
func (in *Init) holder(id graph.ID) string {
	text := "unit " + in.name(id)
	if pid := in.world.Status(id).Pid; pid > 0 {
		text += ", pid " + strconv.Itoa(int(pid))
	}
	return text
}

// unitOf gives the unit that a process belongs to: its own, or that of the
// leader of its session.
func (in *Init) unitOf(pid int) graph.ID {
	p := in.procs[pid]
	if p == nil {
		if sid, err := unix.Getsid(pid); err == nil {
			p = in.procs[sid]
		}
	}
	if p == nil {
		return graph.None
	}
	return p.unit
}
