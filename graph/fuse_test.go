//go:build mote_inject

package graph

import (
	"fmt"
	"reflect"
)

func init() {
	breakHalfWay = func(w *World, now Instant, ev Event, after int) (wrong string) {
		before := w.Save()
		if !breaks(w, now, ev, after) {
			return "" // it was over before: the caller's world is another one now
		}
		if _, broken := w.Recover(); !broken {
			return "no event was under way"
		}
		if after := w.Save(); !reflect.DeepEqual(before, after) {
			for i := range before.Units {
				if i >= len(after.Units) || !reflect.DeepEqual(before.Units[i], after.Units[i]) {
					return fmt.Sprintf("unit %d was %+v, and is %+v", i, before.Units[i], after.Units[i])
				}
			}
			return fmt.Sprintf("the world was %+v, and is %+v", before, after)
		}
		return ""
	}
}

// breaks applies an event to a copy first, and to the world itself when the copy
// has shown that it breaks.
func breaks(w *World, now Instant, ev Event, after int) bool {
	run := func(w *World) (broke bool) {
		left := after
		Fuse = func(ID) {
			if left--; left < 0 {
				panic("broken by the test")
			}
		}
		defer func() {
			Fuse = nil
			broke = recover() != nil
		}()
		w.Apply(now, ev)
		return false
	}
	copied, err := w.Save().Load()
	if err != nil {
		panic(err)
	}
	copied.t.zone = w.t.zone
	return run(copied) && run(w)
}
