package pid1

import (
	"slices"
	"testing"

	"mote/graph"
	"mote/proc"
)

func TestHandOver(t *testing.T) {
	in := &Init{}
	spec := proc.NewSpec([]string{"/bin/true"}, []string{"true"}, nil)
	env := &environ{list: []string{"A=b", "LISTEN_PID=1", "LISTEN_FDS=9"}}
	spec.Fds = []proc.FD{{From: 30, To: 5}}
	if bad := in.handOver(graph.ID(0), spec, env, []passedFD{{20, "web"}, {21, "x y"}}); bad != nil {
		t.Fatal(bad.words())
	}
	if want := []proc.FD{{From: 30, To: 5}, {From: 20, To: 3}, {From: 21, To: 4}}; !slices.Equal(spec.Fds, want) {
		t.Errorf("descriptors are %v, want %v", spec.Fds, want)
	}
	if want := []string{"A=b", "LISTEN_FDS=2", "LISTEN_FDNAMES=web:x y"}; !slices.Equal(env.list, want) {
		t.Errorf("the environment is %q, want %q", env.list, want)
	}
	if spec.PidVars[0] != "LISTEN_PID" {
		t.Errorf("the child writes its pid to %q", spec.PidVars[0])
	}
	bad := in.handOver(graph.ID(0), spec, env, []passedFD{{20, "a"}})
	want := "fd: 3 of ready fd is taken: 3 to 3 are handed over: write ready fd 4 or more"
	if bad == nil || bad.words() != want {
		t.Errorf("%v, want %q", bad, want)
	}
}

func TestHandOverNothing(t *testing.T) {
	spec := proc.NewSpec([]string{"/bin/true"}, []string{"true"}, nil)
	env := &environ{list: []string{"LISTEN_PID=1", "A=b"}}
	if bad := (&Init{}).handOver(graph.ID(0), spec, env, nil); bad != nil || spec.PidVars[0] != "" || !slices.Equal(env.list, []string{"A=b"}) {
		t.Errorf("%v, %q, %q", bad, spec.PidVars[0], env.list)
	}
}
