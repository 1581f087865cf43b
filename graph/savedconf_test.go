package graph

import (
	"reflect"
	"testing"
)

// A configuration that was saved and loaded makes the same instances, has the same
// faults, and the same rest.
func TestSavedConfig(t *testing.T) {
	const text = "option rescue off\noption syslog\nset A 'b c'\nmain x\n" +
		"service x /bin/x\n after g@1\n unknown y\n" +
		"tty g@ /bin/getty \"%i\" '%i' \\%i ${A}\n tty /dev/%i\n env 'X=$Y'\n" +
		"extend g@\n description 'a %n'\n open \"\n"
	a := load(text)
	b, err := a.Save().Load(a.Units)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Config{a, b} {
		if _, _, ok := c.Instantiate("g@2"); !ok {
			t.Fatal("no instance is made")
		}
	}
	u, v := a.Unit("g@2"), b.Unit("g@2")
	if !reflect.DeepEqual(u, v) || len(u.Exec) != 5 {
		t.Errorf("%+v\n%+v", u, v)
	}
	if !reflect.DeepEqual(a.Faults, b.Faults) || a.Options != b.Options || !reflect.DeepEqual(a.Set, b.Set) || a.Main != b.Main {
		t.Errorf("%+v\n%+v", a, b)
	}
	if len(a.Faults) != 2 {
		t.Errorf("%q", a.Faults)
	}
	s := a.Save()
	s.Templates[0].Blocks[0].Raw[0] = "0101010101010101"
	if _, err := s.Load(nil); err == nil {
		t.Error("marks that do not fit are taken")
	}
	s = a.Save()
	s.Templates[0].Blocks[0].Lines = nil
	if _, err := s.Load(nil); err == nil {
		t.Error("keys without lines are taken")
	}
}
