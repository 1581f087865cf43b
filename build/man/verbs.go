package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"mote/ctl"
)

// verb is a verb as the client's own help tells it.
type verb struct {
	Name, Group, Synopsis, Help string
	More                        *string
}

// verbs is a list of the client's verbs under the headings of its help.
func verbs() (string, error) {
	all, err := askClient()
	if err != nil {
		return "", err
	}
	var s strings.Builder
	group := ""
	for _, v := range all {
		if v.Group == "other roles (as mote ROLE)" {
			continue // mote(8) has them
		}
		if v.Group != group {
			if group != "" {
				s.WriteString(".El\n")
			}
			group = v.Group
			fmt.Fprintf(&s, ".Ss %s\n.Bl -tag -width Ds\n", strings.ToUpper(group[:1])+group[1:])
		}
		fmt.Fprintf(&s, ".It Ic %s", escape(v.Name))
		if args := strings.TrimSpace(strings.TrimPrefix(v.Synopsis, v.Name)); args != "" {
			fmt.Fprintf(&s, " Li %s", quote(args))
		}
		s.WriteString("\n" + sentence(strings.ToUpper(v.Help[:1])+v.Help[1:]) + ".\n")
		if v.More != nil && *v.More != "" {
			s.WriteString(sentence(strings.ReplaceAll(*v.More, "\n", " ")) + "\n")
		}
	}
	if group == "" {
		return "", fmt.Errorf("the client's help has no verbs")
	}
	s.WriteString(".El\n")
	return s.String(), nil
}

// askClient runs the client's help in this process.
func askClient() ([]verb, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	go func() {
		ctl.Main([]string{"--json", "help"}, ctl.Env{
			Name: "motectl", Stdout: int(w.Fd()), Stderr: 2,
			Getenv: func(string) string { return "" },
		})
		w.Close()
	}()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var help struct{ Verbs []verb }
	if err := json.Unmarshal(b, &help); err != nil {
		return nil, fmt.Errorf("the client's help: %w: %q", err, b)
	}
	return help.Verbs, nil
}
