package graph

import (
	"errors"
	"math/bits"
)

// SavedWait is a Wait as plain values: what an init hands to the image that it
// executes next, so that who waits gets an answer from that one.
type SavedWait struct {
	Kind  WaitKind
	State State
	First bool
	At    int  // in Names: the first that has not come yet
	Names []ID // shared with the Wait
	Also  []ID // what counts besides them, in order
}

// Save gives the wait as values.
func (wt *Wait) Save() SavedWait {
	s := SavedWait{Kind: wt.Kind, State: wt.State, First: wt.first, At: wt.at, Names: wt.names}
	for i, set := range wt.all {
		for set &^= wt.named[i]; set != 0; set &= set - 1 {
			s.Also = append(s.Also, ID(64*i+bits.TrailingZeros64(set)))
		}
	}
	return s
}

// LoadWait makes the wait of which Save gave the values; it is answered exactly as
// that one. Values that no wait can have are an error.
func (w *World) LoadWait(s *SavedWait) (*Wait, error) {
	if s.At != 0 && uint(s.At) >= uint(len(s.Names)) || s.Kind > WaitRenew || s.State >= stateCount ||
		s.Kind == WaitRenew && len(s.Names) != 1 {
		return nil, errors.New("there is no such wait")
	}
	words := (len(w.nodes) + 63) / 64
	wt := &Wait{Kind: s.Kind, State: s.State, names: s.Names, at: s.At, first: s.First,
		named: make([]uint64, words), all: make([]uint64, words)}
	set := wt.named
	for _, ids := range [2][]ID{s.Names, s.Also} {
		for _, id := range ids {
			if id < 0 || int(id) >= len(w.nodes) {
				return nil, errors.New("it waits for unit " + itoa(int(id)) + ", which does not exist")
			}
			putBit(set, id)
		}
		set = wt.all
	}
	if s.Kind <= WaitRestart { // then those that are named are among all
		for i := range wt.all {
			wt.all[i] |= wt.named[i]
		}
	}
	return wt, nil
}
