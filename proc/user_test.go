package proc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// accountRoot makes the files of a root and reads from there.
func accountRoot(t testing.TB, passwd, group string) {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": passwd, "group": group} {
		if text != "" {
			if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	AccountRoot = root
	t.Cleanup(func() { AccountRoot = "" })
}

const testPasswd = `# a comment
root:x:0:0:root:/root:/bin/ash
+nis::::::
garbage
bad:x:abc:5:::
minus:x:-1:5:::
huge:x:4294967295:5:::
:x:7:7:::
web:x:33:33:web,,,:/srv/www:/usr/sbin/nologin
short:x:40:41
bare:x:50:51:::` + "\r" + `
42:x:43:44::/home/42:/bin/sh
web:x:99:99:second:/:/bin/sh
last:x:60:60::/home/last:/bin/sh`

const testGroup = `root:x:0:
audio:x:29:web,last
+:::
bad:x:zz:web
video:x:44:last, web
again:x:29:web
33:x:34:web
tail:x:70:web`

func TestLookupUser(t *testing.T) {
	accountRoot(t, testPasswd, testGroup)
	for _, c := range []struct {
		user string
		want Account
		err  string
	}{
		{"root", Account{"root", "/root", "/bin/ash", 0, 0}, ""},
		{"web", Account{"web", "/srv/www", "/usr/sbin/nologin", 33, 33}, ""},
		{"short", Account{"short", "/", "/bin/sh", 40, 41}, ""},
		{"bare", Account{"bare", "/", "/bin/sh", 50, 51}, ""},
		{"last", Account{"last", "/home/last", "/bin/sh", 60, 60}, ""},
		{"33", Account{"web", "/srv/www", "/usr/sbin/nologin", 33, 33}, ""},
		{"42", Account{"42", "/home/42", "/bin/sh", 43, 44}, ""}, // a name first
		{"1234", Account{"1234", "/", "/bin/sh", 1234, 1234}, ""},
		{"nobody-here", Account{}, `cannot find user "nobody-here": /etc/passwd does not have it`},
		{"", Account{}, `cannot find user "": /etc/passwd does not have it`},
		{"-1", Account{}, `cannot find user "-1": /etc/passwd does not have it`},
		{"4294967295", Account{}, `cannot find user "4294967295": /etc/passwd does not have it`},
		{"we\x1bb", Account{}, `cannot find user "we\x1bb": /etc/passwd does not have it`},
	} {
		got, err := LookupUser(c.user)
		if text(err) != c.err || got != c.want {
			t.Errorf("%q: %+v, %v; want %+v, %s", c.user, got, err, c.want, c.err)
		}
	}
}

func TestLookupUserNoFile(t *testing.T) {
	accountRoot(t, "", "")
	if got, err := LookupUser("root"); err != nil || got.Home != "/root" || got.Uid != 0 {
		t.Errorf("root: %+v, %v", got, err)
	}
	if got, err := LookupUser("12"); err != nil || got.Uid != 12 {
		t.Errorf("12: %+v, %v", got, err)
	}
	if _, err := LookupUser("web"); text(err) != `cannot find user "web": /etc/passwd: no such file or directory` {
		t.Error(err)
	}
	if got, err := LookupGroup("root"); err != nil || got != 0 {
		t.Error(got, err)
	}
	if _, err := LookupGroup("web"); text(err) != `cannot find group "web": /etc/group: no such file or directory` {
		t.Error(err)
	}
	if got, err := GroupsOf("web", 5); err != nil || !slices.Equal(got, []uint32{5}) {
		t.Error(got, err)
	}
}

func TestLookupGroup(t *testing.T) {
	accountRoot(t, testPasswd, testGroup)
	for group, want := range map[string]uint32{"audio": 29, "video": 44, "44": 44, "33": 34, "9999": 9999, "tail": 70} {
		if got, err := LookupGroup(group); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", group, got, err, want)
		}
	}
	if _, err := LookupGroup("bad"); text(err) != `cannot find group "bad": /etc/group does not have it` {
		t.Error(err)
	}
}

func TestGroupsOf(t *testing.T) {
	accountRoot(t, testPasswd, testGroup)
	for _, c := range []struct {
		user    string
		primary uint32
		want    []uint32
	}{
		{"web", 33, []uint32{33, 29, 44, 34, 70}},
		{"web", 44, []uint32{44, 29, 34, 70}},
		{"last", 60, []uint32{60, 29, 44}},
		{"we", 1, []uint32{1}},
		{"", 1, []uint32{1}},
	} {
		if got, err := GroupsOf(c.user, c.primary); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.user, got, err, c.want)
		}
	}
	accountRoot(t, "", strings.Repeat("#", maxAccounts+1))
	if _, err := GroupsOf("web", 1); text(err) != `cannot find the groups of "web": /etc/group: 1048577 bytes: the limit is 1048576` {
		t.Error(err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func FuzzAccounts(f *testing.F) {
	for _, line := range strings.Split(testPasswd+"\n"+testGroup, "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if a, ok := parseAccount(line); ok && (a.Name == "" || a.Home == "" || a.Shell == "" || a.Uid == noID || a.Gid == noID) {
			t.Errorf("%q: %+v", line, a)
		}
		if name, gid, _, ok := parseGroup(line); ok && (name == "" || gid == noID) {
			t.Errorf("%q: %q %d", line, name, gid)
		}
	})
}
