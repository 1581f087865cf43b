package proc

import (
	"slices"
	"strconv"
	"strings"
)

// AccountRoot is put in front of /etc/passwd and /etc/group: "" but for tests.
var AccountRoot = ""

const (
	maxAccounts = 1 << 20 // bytes of /etc/passwd, and of /etc/group
	maxGroups   = 65536   // NGROUPS_MAX (limits.h)
	noID        = 1<<32 - 1
)

// Account is one line of /etc/passwd. A missing home is "/", a missing shell
// /bin/sh (passwd(5)).
type Account struct {
	Name, Home, Shell string
	Uid, Gid          uint32
}

// LookupUser finds a user by name, else by number. A number that no line has
// is an account of its own whose group has the same number (a group of 0,
// which others use here, would be a present of rights). root is known even
// where there is no file. An unknown name is an error that names it.
func LookupUser(user string) (Account, error) {
	id, numeric := parseID(user)
	var byID Account
	haveID := false
	err := eachLine("/etc/passwd", func(line string) bool {
		a, ok := parseAccount(line)
		switch {
		case !ok:
			return true
		case a.Name == user:
			byID, haveID = a, true
			return false
		case numeric && !haveID && a.Uid == id:
			byID, haveID = a, true
		}
		return true
	})
	switch {
	case haveID:
		return byID, nil
	case numeric:
		return Account{Name: user, Home: "/", Shell: "/bin/sh", Uid: id, Gid: id}, nil
	case user == "root":
		return Account{Name: "root", Home: "/root", Shell: "/bin/sh"}, nil
	case err != nil:
		return Account{}, cannot("find user "+strconv.Quote(user), err)
	}
	return Account{}, cannot("find user "+strconv.Quote(user), reason("/etc/passwd does not have it"))
}

// LookupGroup finds a group's number by name, else by number.
func LookupGroup(group string) (uint32, error) {
	var gid uint32
	found := false
	err := eachLine("/etc/group", func(line string) bool {
		name, id, _, ok := parseGroup(line)
		if ok && name == group {
			gid, found = id, true
		}
		return !found
	})
	if found {
		return gid, nil
	}
	if id, ok := parseID(group); ok {
		return id, nil
	}
	switch {
	case group == "root":
		return 0, nil
	case err != nil:
		return 0, cannot("find group "+strconv.Quote(group), err)
	}
	return 0, cannot("find group "+strconv.Quote(group), reason("/etc/group does not have it"))
}

// GroupsOf gives the groups of a user as initgroups(3) would: the primary one,
// then those of /etc/group that list the user, in file order, each once. A
// missing /etc/group is no error.
func GroupsOf(user string, primary uint32) ([]uint32, error) {
	groups := []uint32{primary}
	over := false
	err := eachLine("/etc/group", func(line string) bool {
		_, gid, members, ok := parseGroup(line)
		if !ok || slices.Contains(groups, gid) {
			return true
		}
		for members != "" {
			var member string
			member, members, _ = strings.Cut(members, ",")
			if strings.TrimSpace(member) != user {
				continue
			}
			if len(groups) == maxGroups {
				over = true
				return false
			}
			groups = append(groups, gid)
			break
		}
		return true
	})
	doing := "find the groups of " + strconv.Quote(user)
	if over {
		return nil, cannot(doing, reason("more than "+strconv.Itoa(maxGroups)+", which is the limit"))
	}
	if err != nil && Exists(AccountRoot+"/etc/group") {
		return nil, cannot(doing, err)
	}
	return groups, nil
}

// eachLine calls f for each line until it says false.
func eachLine(path string, f func(line string) bool) error {
	data, err := readRegular(AccountRoot+path, maxAccounts)
	if err != nil {
		return reason(path + ": " + err.Error())
	}
	rest := string(data)
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if !f(strings.TrimSuffix(line, "\r")) {
			break
		}
	}
	return nil
}

// parseAccount takes name:password:uid:gid:comment:home:shell, of which the
// last three may be missing. Comments, NIS lines (+name) and garbage are not ok.
func parseAccount(line string) (a Account, ok bool) {
	var field [7]string
	n := 0
	for more := true; more && n < len(field); n++ {
		field[n], line, more = strings.Cut(line, ":")
	}
	if n < 4 || !accountName(field[0]) {
		return Account{}, false
	}
	uid, ok1 := parseID(field[2])
	gid, ok2 := parseID(field[3])
	if !ok1 || !ok2 {
		return Account{}, false
	}
	a = Account{Name: field[0], Home: field[5], Shell: field[6], Uid: uid, Gid: gid}
	if a.Home == "" {
		a.Home = "/"
	}
	if a.Shell == "" {
		a.Shell = "/bin/sh"
	}
	return a, true
}

// parseGroup takes name:password:gid:member,member.
func parseGroup(line string) (name string, gid uint32, members string, ok bool) {
	name, rest, _ := strings.Cut(line, ":")
	_, rest, _ = strings.Cut(rest, ":")
	number, members, _ := strings.Cut(rest, ":")
	gid, ok = parseID(number)
	return name, gid, members, ok && accountName(name)
}

func accountName(name string) bool {
	return name != "" && name[0] != '+' && name[0] != '-' && name[0] != '#' && strings.IndexByte(name, 0) < 0
}

// parseID takes decimal digits alone; 4294967295 is (uid_t)-1, "no change".
func parseID(s string) (uint32, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseUint(s, 10, 32)
	return uint32(id), err == nil && id != noID
}

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
