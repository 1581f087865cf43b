package graph

import (
	"math/bits"
	"strings"
)

// Context is what the keys from chroot to cgroup ask for. Its numbers are those
// of the kernel, on all machines the same. The zero value asks for nothing, and
// a Unit that asks for nothing has none.
type Context struct {
	Chroot string

	Limits    [limitCount]Limit // by the number of the name
	LimitsSet uint16            // a bit for each that is set

	OOMSet, NiceSet, SchedSet bool

	OOM           int16
	Nice          int8
	SchedPolicy   uint8 // SCHED_OTHER and so on, sched(7)
	SchedPriority uint8
	IOPrio        uint16 // class<<13 | level, ioprio_set(2); 0 is none
	CPUs          string // as written, for CPUMask

	Securebits uint8 // SECBIT_NOROOT and so on, capabilities(7)
	NoNewPrivs bool
	CapsSet    bool
	Caps       uint64 // a bit for each, by its number

	Cgroup string // "KEY=VALUE\n" for each: files of cgroup version 2 and what is written to them
}

// Limit is a resource limit; Infinity is none.
type Limit struct{ Soft, Hard uint64 }

// Infinity is RLIM_INFINITY of getrlimit(2).
const Infinity = 1<<64 - 1

const (
	limitCount = 16
	maxCPUs    = 1024 // as many as cpu_set_t of the C libraries has
)

// names is a list of words in the order of their numbers, with a blank between
// them: one string is much smaller than a slice of them.
type names string

// The words of keys. Those of limit are in the order of most machines
// (include/uapi/asm-generic/resource.h); package proc knows the others.
const (
	limitNames   names = "cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio rttime"
	ioniceNames  names = "realtime best-effort idle" // from 1
	schedNames   names = "other batch idle fifo rr"
	secureNames  names = "noroot noroot-locked no-setuid-fixup no-setuid-fixup-locked keep-caps keep-caps-locked"
	noCapability       = "none"

	capNames names = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable " +
		"net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace " +
		"sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control " +
		"setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)

// limitInBytes has a bit for each limit that is a size.
const limitInBytes = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<8 | 1<<9 | 1<<12

// list gives the words as a slice.
func (n names) list() []string { return strings.Split(string(n), " ") }

// number gives the number of a word, -1 if it is not in the list.
func (n names) number(word string) int {
	for i, w := range n.list() {
		if w == word {
			return i
		}
	}
	return -1
}

// at gives the word of a number; what has no name is shown by its number.
func (n names) at(number int) string {
	if list := n.list(); number < len(list) {
		return list[number]
	}
	return itoa(number)
}

// CutSetting gives the first KEY and VALUE of a Context's Cgroup, and what follows.
func CutSetting(list string) (key, value, rest string) {
	word, rest, _ := strings.Cut(list, "\n")
	key, value, _ = strings.Cut(word, "=")
	return key, value, rest
}

// CPUMask gives the processors of a list such as "0-3,5", a bit for each, in
// words of unsigned long. It reports false for what is no list.
func CPUMask(list string) (mask [maxCPUs / bits.UintSize]uint, ok bool) {
	for more := true; more; {
		var part string
		part, list, more = strings.Cut(list, ",")
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, ok1 := digits(from, maxCPUs)
		last, ok2 := digits(to, maxCPUs)
		if !ok1 || !ok2 || first > last || last >= maxCPUs {
			return mask, false
		}
		for i := first; i <= last; i++ {
			mask[i/bits.UintSize] |= 1 << (i % bits.UintSize)
		}
	}
	return mask, true
}

// LimitName gives the word of a resource limit.
func LimitName(number int) string { return limitNames.at(number) }

// CapName gives the word of a capability.
func CapName(number int) string { return capNames.at(number) }

// noContext is what a unit without one asks for.
var noContext Context

// asked gives what the unit asks for, to be read only.
func (u *Unit) asked() *Context {
	if u.Context == nil {
		return &noContext
	}
	return u.Context
}

// context gives what the unit asks for, to be changed by its builder alone.
func (u *Unit) context() *Context {
	if u.Context == nil {
		u.Context = new(Context)
	}
	return u.Context
}
