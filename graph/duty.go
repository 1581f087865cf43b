package graph

import "time"

// Duty is what keys of a service ask for beyond a process that runs: to be
// looked after, and to be woken. Few units ask for any of it: one that does not
// has none.
type Duty struct {
	Health   *Health       // nil = no check
	Watchdog time.Duration // 0 = none: it must say WATCHDOG=1 as often (sd_notify(3))

	Listen   []Listen      // in the order of LISTEN_FDS
	OnDemand bool          // started by the first connection
	Idle     time.Duration // of OnDemand: stopped after so long without one; 0 = never
	Ports    []uint16      // that nobody else may have when it starts

	ReloadSignal int    // for "reload NAME"; 0 = none
	ReloadExec   []Text // in its place
}

// noDuty is that of most units.
var noDuty Duty

// Duties gives what is asked for, to be read; it is never nil.
func (u *Unit) Duties() *Duty {
	if u.Duty == nil {
		return &noDuty
	}
	return u.Duty
}

// duty gives what is asked for, to be written.
func (u *Unit) duty() *Duty {
	if u.Duty == nil {
		u.Duty = &Duty{}
	}
	return u.Duty
}

// onDemand reports whether a connection starts the unit.
func (u *Unit) onDemand() bool { return u.Duty != nil && u.Duty.OnDemand }

// HealthKind is how a service is checked (SPEC H1).
type HealthKind uint8

const (
	HealthTCP HealthKind = iota
	HealthUnix
	HealthHTTP
	HealthExec
)

// Health is the "health" key.
type Health struct {
	Kind    HealthKind
	Addr    Addr   // of tcp and http
	Path    string // of unix; of http what is asked for, with its "/"
	Cmd     []Text // of exec
	Every   time.Duration
	Timeout time.Duration
	Grace   time.Duration // before the first
	Fails   int           // so many in a row, and it is stopped
}

// Addr is an internet address as ip(7) and ipv6(7) have it. No name is looked
// up: process 1 has no resolver.
type Addr struct {
	IP   [16]byte // of IPv4 the first four
	V6   bool
	Port uint16
}

// ListenKind is the sort of a socket that is opened for a service.
type ListenKind uint8

const (
	ListenTCP ListenKind = iota
	ListenUDP
	ListenUnix
)

// Listen is one "listen" line.
type Listen struct {
	Kind ListenKind
	Addr Addr   // of tcp and udp
	Path string // of unix
	Mode int    // of unix: permission bits; -1 = what the umask leaves
	User string // of unix: the owner; empty = the init's
	Name string // in LISTEN_FDNAMES; empty = the unit's
}
