//go:build mote_inject

package pid1

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// injecting is what a build for tests has: panics where it is told to.
const injecting = true

// injectVar lists them with commas, each "WHAT:WORD:UNIT[:N]" (the Nth time) or
// "WHAT:WORD[:N]":
//
//	apply:Ended:web:2    an event, half-way through its first change
//	perform:Spawn:web    an effect, before it is performed
//	settle:Boot          clients are about to be told of what an event has done
//	verb:status          a request
//	log:web              what a unit has written is about to be read
//	reap:web             a process of it has ended
//	load                 the configuration is about to be read
//	attach:init          a part of the state is about to be taken over
//	attach:log:web       of it a unit's log, behind its pipe
//	attach:begun:web     of it what a unit has begun
//	attach:client        of it a client
//	end                  the next step of the end
//	turn:100             a turn
//
// One that has been is taken off, so that the next image does not have it again.
const injectVar = "MOTE_PANIC"

func (in *Init) injectEvent(ev *graph.Event) {
	unit := graph.None
	if ev.Kind <= graph.Counted || ev.Kind == graph.StatusSet || ev.Kind == graph.Bug {
		unit = ev.Unit
	}
	in.inject("apply", ev.Kind.String(), unit)
}

var injected = map[string]int{}

func (in *Init) inject(what, word string, unit graph.ID) {
	list, _ := unix.Getenv(injectVar)
	if list == "" {
		return
	}
	key := what
	if word != "" {
		key += ":" + word
	}
	if unit >= 0 && in.world != nil && int(unit) < in.world.Len() {
		key += ":" + in.name(unit)
	}
	injected[key]++
	all := strings.Split(list, ",")
	for i, want := range all {
		n := 1
		if at := strings.LastIndexByte(want, ':'); at > 0 {
			if m, err := strconv.Atoi(want[at+1:]); err == nil {
				want, n = want[:at], m
			}
		}
		if want != key || injected[key] != n {
			continue
		}
		injected[key] = 0
		unix.Setenv(injectVar, strings.Join(append(all[:i:i], all[i+1:]...), ","))
		if what == "apply" {
			graph.Fuse = func(graph.ID) {
				graph.Fuse = nil
				panic("injected: " + key)
			}
			return
		}
		panic("injected: " + key)
	}
}
