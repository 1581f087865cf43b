package graph

import (
	"math/rand/v2"
	"time"
)

// simUnits makes a random configuration: requires, after and before go from
// later to earlier units of a random order, so that they have no cycle; wants
// go anywhere, rings included; what a unit requires at any depth it does not
// conflict with (SPEC F10).
func simUnits(r *rand.Rand) []*Unit {
	n := 1 + r.IntN(12)
	if r.IntN(20) == 0 {
		n = 40
	}
	units := make([]*Unit, n)
	for i := range units {
		units[i] = simUnit(r, "u"+itoa(i))
	}
	order := r.Perm(n)
	needs := make([]map[int]bool, n)
	for i, x := range order {
		u := units[x]
		needs[x] = map[int]bool{}
		for range r.IntN(4) {
			if i == 0 {
				break
			}
			y := order[r.IntN(i)]
			ref := Ref{Name: units[y].Name}
			switch r.IntN(5) {
			case 0, 1:
				u.Requires = append(u.Requires, ref)
				needs[x][y] = true
				for z := range needs[y] {
					needs[x][z] = true
				}
			case 2, 3:
				u.After = append(u.After, ref)
			case 4:
				units[y].Before = append(units[y].Before, Ref{Name: u.Name})
			}
		}
	}
	for x, u := range units {
		for range r.IntN(3) {
			u.Wants = append(u.Wants, Ref{Name: units[r.IntN(n)].Name})
		}
		if y := r.IntN(n); r.IntN(4) == 0 && y != x && !needs[x][y] && !needs[y][x] {
			u.Conflicts = append(u.Conflicts, Ref{Name: units[y].Name})
		}
		if r.IntN(10) == 0 {
			u.Wants = append(u.Wants, Ref{Name: "missing"})
		}
	}
	return units
}

// simUnit makes a unit with random keys.
func simUnit(r *rand.Rand, name string) *Unit {
	unit := newUnit(name, Kind(r.IntN(4)), User)
	u := &unit // what a re-exec is to bring over must be what a parser can make
	u.Log, u.Exec = defaultLog, nil
	u.Restart, u.StartTimeout = Restart{Policy: Never}, 0
	u.Manual = r.IntN(3) == 0
	if r.IntN(4) == 0 {
		u.Class = System
	}
	if r.IntN(30) == 0 {
		u.Fault = "t.conf:1: a fault: mend it"
	}
	if r.IntN(5) == 0 {
		u.If = []Cond{{Kind: CondExists, Path: "/x"}}
	}
	if u.Kind == Target {
		return u
	}
	u.Exec = []Text{{{Lit: "/bin/x"}}}
	u.Stop = []StopStep{{15, simSpan(r)}}
	if r.IntN(3) == 0 {
		u.Stop = append(u.Stop, StopStep{2, simSpan(r)})
	}
	u.KillMode = KillMode(r.IntN(3))
	if u.Kind != Tty {
		u.Pre = simCommands(r)
		u.Post = simCommands(r)
		if r.IntN(3) == 0 {
			u.StopExec = []Text{{{Lit: "/bin/stop"}}}
		}
		if r.IntN(2) == 0 {
			u.StartTimeout = simSpan(r)
		}
		if r.IntN(8) == 0 {
			u.Critical = CriticalShell
		}
	}
	if u.Kind != Task {
		u.Restart = Restart{Policy: Policy(r.IntN(3)), Delay: simSpan(r), Max: 30 * time.Second, Reset: 10 * time.Second}
		if r.IntN(3) == 0 {
			u.Restart.Limit = 1 + r.IntN(3)
			u.Restart.Within = simSpan(r) * time.Duration(r.IntN(2)*10)
		}
	}
	switch r.IntN(8) {
	case 0:
		u.AskFirst, u.Tty = u.Kind == Tty, "/dev/x"
	case 1, 2:
		if u.Kind == Task {
			u.Every = 200*time.Millisecond + simSpan(r)
		}
	case 3:
		if u.Kind == Task {
			u.At, _ = parseCron([cronFields]string{[]string{"*", "*/2", "7"}[r.IntN(3)], "*", "*", "*", "*"})
		}
	}
	if u.Kind == Service {
		simDuty(r, u)
	}
	return u
}

func simCommands(r *rand.Rand) (list [][]Text) {
	for range r.IntN(8) / 5 {
		list = append(list, []Text{{{Lit: "/bin/p"}}})
	}
	return list
}

func simSpan(r *rand.Rand) time.Duration {
	return [...]time.Duration{0, 200 * time.Millisecond, time.Second, 5 * time.Second}[r.IntN(4)]
}
