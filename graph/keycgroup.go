package graph

import (
	"strings"

	"mote/graph/line"
)

// Bounds of the key cgroup.
const (
	maxSettings     = 64  // of one unit
	maxSettingKey   = 64  // bytes
	maxSettingValue = 256 // bytes
)

// The key cgroup: set and show. Which controllers there are is known at a start
// only, so that a right name of a file is all that can be asked for here.

func setCgroup(b *builder, w []line.Word) {
	for _, word := range w {
		key, value, ok := strings.Cut(word.Text, "=")
		wrong := settingKey(key)
		switch {
		case !ok:
			wrong = `has no "=": write KEY=VALUE, such as memory.max=64M`
		case wrong != "":
		case value == "":
			wrong = "has no value: write one behind the \"=\""
		case len(value) > maxSettingValue:
			wrong = "has a value of " + itoa(len(value)) + " bytes: the limit is " + itoa(maxSettingValue)
		case strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, 0) >= 0:
			wrong = "has a line end in its value: remove it"
		}
		if !b.value("cgroup", word, wrong) {
			continue
		}
		c := b.u.context()
		list := without(c.Cgroup, key)
		if strings.Count(list, "\n") >= maxSettings {
			b.fault("cgroup has more than " + itoa(maxSettings) + " keys: remove some")
			return
		}
		c.Cgroup = list + word.Text + "\n"
	}
}

// settingKey says what is wrong with the name of a file. Those that would take
// processes in or out, stop them, or make the kernel work at once are no settings.
func settingKey(key string) (wrong string) {
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' {
			continue
		}
		return "has no right name: use letters, digits, _ and . before the \"=\""
	}
	switch dot := strings.IndexByte(key, '.'); {
	case len(key) > maxSettingKey:
		return "has a name of " + itoa(len(key)) + " bytes: the limit is " + itoa(maxSettingKey)
	case dot <= 0 || dot == len(key)-1 || strings.Contains(key, ".."):
		return "names no file of a controller: write one such as memory.max"
	case strings.HasPrefix(key, "cgroup.") && !strings.HasPrefix(key, "cgroup.max."), key == "memory.reclaim":
		return "is no setting: remove it"
	}
	return ""
}

// without gives a list of settings that has not the key.
func without(list, key string) (rest string) {
	for list != "" {
		word, after, _ := strings.Cut(list, "\n")
		if k, _, _ := strings.Cut(word, "="); k != key {
			rest += word + "\n"
		}
		list = after
	}
	return rest
}

func showCgroup(s *shower, u *Unit) {
	if list := u.asked().Cgroup; list != "" {
		s.list("cgroup", strings.Split(strings.TrimSuffix(list, "\n"), "\n"))
	}
}
