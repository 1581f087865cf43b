package state

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mote/graph"
)

// fill gives every field of a struct a value that is not zero.
func fill(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), r)
			}
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(string([]byte{byte('a' + r.IntN(26)), ' ', '\n', 0}))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1 + r.Int64N(2))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1 + r.Uint64N(2))
	}
}

// roundTrip takes the fields of a record to text and back.
func roundTrip(t *testing.T, write, read func(*Fields)) {
	t.Helper()
	s, err := Read(write1(t, write))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Records[0].Load(read); err != nil {
		t.Fatal(err)
	}
	if len(s.Unknown) > 0 {
		t.Errorf("written and not read: %q", s.Unknown)
	}
}

func write1(t *testing.T, visit func(*Fields)) string {
	return write(t, func(w *Writer) { w.Put("thing", visit) })
}

// A field that is added to one of these and not to its visitor is found here.
func TestEveryFieldIsKept(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var u, u2 graph.SavedUnit
	fill(reflect.ValueOf(&u).Elem(), r)
	roundTrip(t, func(f *Fields) { unitFields(f, &u) }, func(f *Fields) { unitFields(f, &u2) })
	if !reflect.DeepEqual(u, u2) {
		t.Errorf("was %+v\nis  %+v", u, u2)
	}
	var s, s2 graph.Saved
	n, n2 := 5, 0
	fill(reflect.ValueOf(&s).Elem(), r)
	roundTrip(t, func(f *Fields) { worldFields(f, &s, &n) }, func(f *Fields) { worldFields(f, &s2, &n2) })
	if !reflect.DeepEqual(s, s2) || n != n2 {
		t.Errorf("was %+v\nis  %+v", s, s2)
	}
	var c, c2 graph.SavedConfig
	fill(reflect.ValueOf(&c).Elem(), r)
	c.Set = []graph.Var{{Name: "A", Value: graph.Text{{Lit: "b=c\n"}}}, {Name: "B"}}
	roundTrip(t, func(f *Fields) { configFields(f, &c) }, func(f *Fields) { configFields(f, &c2) })
	if !reflect.DeepEqual(c, c2) {
		t.Errorf("was %+v\nis  %+v", c, c2)
	}
	var fault, fault2 graph.Fault
	fill(reflect.ValueOf(&fault).Elem(), r)
	roundTrip(t, func(f *Fields) { faultFields(f, &fault) }, func(f *Fields) { faultFields(f, &fault2) })
	if fault != fault2 {
		t.Errorf("was %+v\nis  %+v", fault, fault2)
	}
	var b, b2 graph.SavedBlock
	fill(reflect.ValueOf(&b).Elem(), r)
	b.Command, b.Raw, b.Keys, b.Lines, b.Wrong = []string{"a"}, []string{""}, []string{"k", ""}, []int{1, 2}, []string{"", "w"}
	name, name2 := "g@", ""
	roundTrip(t, func(f *Fields) { blockFields(f, &name, &b) }, func(f *Fields) { blockFields(f, &name2, &b2) })
	if !reflect.DeepEqual(b, b2) || name != name2 {
		t.Errorf("was %+v\nis  %+v", b, b2)
	}
}

const sampleUnits = "world units=2 gen=3\nunit \"text=service  web /bin/web\" \"text=    stop      TERM 5s\" file=/e line=1 state=4 phase=4 gen=3 pid=9 want=yes\n" +
	"unit \"text=task     t /bin/t\" file=/e line=9 because-of=1\n"

// sign gives lines their first and last one.
func sign(body string) string {
	text := headWord + " 1\n" + body
	d := newDigest()
	d.add([]byte(text))
	return text + endWord + " lines=" + strconv.Itoa(1+strings.Count(body, "\n")) + " digest=" + d.String() + "\n"
}

func loadWorld(text string) (*graph.World, error) {
	s, err := Read(text)
	if err != nil {
		return nil, err
	}
	var l World
	for i := range s.Records {
		if _, err := l.Take(&s.Records[i]); err != nil {
			return nil, err
		}
	}
	return l.Load()
}

// Values that no world can have are refused, with the place where there is one.
func TestHostileWorld(t *testing.T) {
	if _, err := loadWorld(sign(sampleUnits)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"state=4", "state=9", "snapshot: web: state 9 does not exist"},
		{"state=4", "state=300", "snapshot:3: unit: state 300 is out of range"},
		{"phase=4", "phase=11", "snapshot: web: phase 11 does not exist"},
		{"phase=4", "phase=0", "snapshot: web: it is running in no phase"},
		{"gen=3 pid=9", "gen=4 pid=9", "snapshot: web: generation 4 was not given yet"},
		{"gen=3 pid=9", "pid=9", "snapshot: web: it has a pid and no process"},
		{"pid=9", "pid=-9", "snapshot: web: it has a pid and no process"},
		{"because-of=1", "because-of=2", "snapshot: t: unit 2 does not exist"},
		{"because-of=1", "because=8 because-of=-1", "snapshot: t: it failed with a dependency that is none"},
		{"units=2", "units=3", "snapshot: it has not all its units"},
		{"units=2", "units=2 main=9", "snapshot: main unit 8 does not exist"},
		{"units=2", "units=2 end=9", "snapshot: end 9 does not exist"},
		{"task     t", "task     web", "snapshot: web: it is there twice"},
		{"task     t", "thing    t", `snapshot:4: unit: a unit has no right header: "thing    t /bin/t"`},
		{"stop      TERM", "stopp     TERM", `snapshot:3: unit: unit web: /e:1: unknown key "stopp": write "stop"`},
		{"want=yes", "want=maybe", `snapshot:3: unit: want "maybe" is unknown: it is yes, or not there`},
		{"want=yes", "want=yes fed-by=1", "snapshot: web: it is to feed a watchdog that it does not have"},
		{"want=yes", "want=yes probe-at=1", "snapshot: web: it is checked, and no check is asked for"},
		{"world units=2 gen=3\n", "", "snapshot:2: unit: no record of the world stands before it"},
	} {
		text := strings.Replace(sampleUnits, c[0], c[1], 1)
		if text == sampleUnits {
			t.Fatal(c)
		}
		if _, err := loadWorld(sign(text)); err == nil || err.Error() != c[2] {
			t.Errorf("%s: %v, want %s", c[1], err, c[2])
		}
	}
}
