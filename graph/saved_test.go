package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestHostileSaved: whatever Load takes, no event of it panics. The values are
// those of a world in the midst of its life, with some of them another.
func TestHostileSaved(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seeds from %d", seed)
	taken := 0
	for n := range 1500 {
		if wrong, ok := twisted(seed + uint64(n)); wrong != "" {
			t.Fatalf("seed %d: %s", seed+uint64(n), wrong)
		} else if ok {
			taken++
		}
	}
	if taken < 150 {
		t.Errorf("only %d of 1500 are taken", taken)
	}
}

func twisted(seed uint64) (wrong string, taken bool) {
	m := newSim(seed, false)
	m.apply(Event{Kind: Boot, Unit: None})
	for range m.r.IntN(60) {
		m.wild()
	}
	s := m.w.Save()
	r := m.r
	for range 1 + r.IntN(3) {
		twist(reflect.ValueOf(&s.Units[r.IntN(len(s.Units))].Status).Elem(), r)
	}
	if r.IntN(4) == 0 {
		s.Deadline, s.Ended, s.Halt.Kind = Instant(r.Int64()), r.IntN(2) == 0, HaltKind(r.IntN(5))
	}
	w, err := s.Load()
	if err != nil {
		return "", false
	}
	last := ""
	defer func() {
		if bug := recover(); bug != nil {
			wrong = fmt.Sprintf("%s: %v", last, bug)
		}
	}()
	for range 60 {
		id := ID(r.IntN(w.Len()))
		st := w.Status(id)
		ev := Event{Kind: EventKind(r.IntN(int(eventCount))), Unit: id, Gen: []uint64{st.Gen, st.AuxGen, st.Probe}[r.IntN(3)], Pid: int32(r.IntN(9)),
			Code: int16(r.IntN(2)), IDs: []ID{id}, Halt: &Halt{Kind: HaltPoweroff, Timeout: 1e9}, Text: []string{"", "x"}[r.IntN(2)]}
		last = fmt.Sprintf("%s of %+v %+v", ev.Kind, w.Unit(id), st)
		w.Apply(m.now+Instant(r.Int64N(60e9)), ev)
	}
	return "", true
}

// twist gives one field of a status another value.
func twist(v reflect.Value, r *rand.Rand) {
	f := v.Field(r.IntN(v.NumField()))
	number := [...]int64{0, 1, 2, 3, 7, 10, math.MaxInt16, math.MaxInt64, -1, math.MinInt64, r.Int64N(12)}[r.IntN(11)]
	switch f.Kind() {
	case reflect.Struct:
		twist(f, r)
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Int16, reflect.Int32, reflect.Int64:
		f.SetInt(number)
		if f.OverflowInt(number) {
			f.SetInt(3)
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.SetUint(uint64(number) & 0xf)
	}
}
