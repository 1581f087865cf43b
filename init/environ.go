package pid1

import (
	"bytes"
	"strconv"
	"strings"

	"mote/graph"
	"mote/proc"
)

// maxEnvFile bounds an env-file (SPEC F1).
const maxEnvFile = 1 << 20

// environ is an environment under construction: NAME=VALUE, each name once.
type environ struct{ list []string }

func (e *environ) index(name string) int {
	for i, kv := range e.list {
		if len(kv) > len(name) && kv[len(name)] == '=' && kv[:len(name)] == name {
			return i
		}
	}
	return -1
}

func (e *environ) get(name string) (string, bool) {
	if i := e.index(name); i >= 0 {
		return e.list[i][len(name)+1:], true
	}
	return "", false
}

func (e *environ) set(name, value string) {
	if i := e.index(name); i >= 0 {
		e.list[i] = name + "=" + value
		return
	}
	e.list = append(e.list, name+"="+value)
}

// unset takes a name out.
func (e *environ) unset(name string) {
	if i := e.index(name); i >= 0 {
		e.list = append(e.list[:i], e.list[i+1:]...)
	}
}

// inherited is what the init was started with, less what is meant for itself
// alone (SPEC 4, env).
func inherited(list []string) []string {
	kept := make([]string, 0, len(list))
	for _, kv := range list {
		if strings.HasPrefix(kv, "NOTIFY_SOCKET=") || strings.HasPrefix(kv, "LISTEN_") ||
			strings.HasPrefix(kv, "WATCHDOG_") || strings.HasPrefix(kv, "MOTE_") || strings.IndexByte(kv, '=') <= 0 {
			continue
		}
		kept = append(kept, kv)
	}
	return kept
}

// environment makes a unit's environment in the order of SPEC 4: later wins.
func (in *Init) environment(u *graph.Unit, e *graph.Effect, acc *proc.Account) (*environ, *refusal) {
	env := &in.spawnEnv
	env.list = append(env.list[:0], in.env...)
	if acc != nil {
		env.set("HOME", acc.Home)
		env.set("USER", acc.Name)
		env.set("LOGNAME", acc.Name)
		env.set("SHELL", acc.Shell)
	}
	for _, v := range in.conf.Set {
		env.set(v.Name, graph.ExpandText(v.Value, env.get, nil))
	}
	for _, f := range u.EnvFiles {
		if bad := in.envFile(env, f); bad != nil {
			return nil, bad
		}
	}
	for _, v := range u.Env {
		env.set(v.Name, graph.ExpandText(v.Value, env.get, in.unset(u, e.Role)))
	}
	if in.server.path != "" {
		env.set("MOTE_SOCKET", in.server.path)
	}
	switch e.Role {
	case graph.RolePost:
		env.set("MOTE_RESULT", e.Result)
		env.set("MOTE_CODE", strconv.Itoa(int(e.Code)))
	case graph.RoleStop, graph.RoleReload, graph.RoleHealth:
		if pid := in.units[e.Unit].main; pid > 0 {
			env.set("MAINPID", strconv.Itoa(int(pid)))
		}
	}
	return env, nil
}

// envFile adds the lines NAME=VALUE of a file. Blank lines and those that begin
// with "#" or ";" are skipped, "export " in front is too, and a value may stand
// in one pair of quotes, as in shell and systemd files.
func (in *Init) envFile(env *environ, f graph.EnvFile) *refusal {
	path := graph.ExpandText(f.Path, env.get, nil)
	data, err := proc.ReadRegular(path, maxEnvFile)
	if err != nil {
		if f.Optional && !proc.Exists(path) {
			return nil
		}
		return &refusal{stage: "env-file", text: err.Error()}
	}
	number := 0
	for raw := range bytes.Lines(data) {
		number++
		line := strings.Trim(string(raw), " \t\r\n")
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		line = strings.TrimPrefix(line, "export ")
		name, value, ok := strings.Cut(line, "=")
		name = strings.Trim(name, " \t")
		if !ok || name == "" || strings.IndexByte(line, 0) >= 0 || strings.ContainsAny(name, " \t\"'") {
			return &refusal{stage: "env-file", text: path + ":" + strconv.Itoa(number) + ": not NAME=VALUE: write it so, or begin it with #"}
		}
		env.set(name, unquote(strings.TrimLeft(value, " \t")))
	}
	return nil
}

// unquote takes one pair of quotes away that a whole value stands in.
func unquote(v string) string {
	if n := len(v); n >= 2 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		return v[1 : n-1]
	}
	return v
}
