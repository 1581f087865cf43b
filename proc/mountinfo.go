package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxMountinfo bounds what is read of /proc/self/mountinfo, in bytes.
const maxMountinfo = 4 << 20

// Mount is one line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	ID, Parent int
	Dev        string // MAJOR:MINOR
	Root       string // the folder of the filesystem that is mounted
	Point      string
	Options    string // of the mount
	Type       string
	Source     string
	Super      string // options of the filesystem
}

// ReadMounts gives the mounts of this process, in the kernel's order: a mount
// comes after the one that it lies on.
func ReadMounts() ([]Mount, error) {
	data, err := ReadSmall("/proc/self/mountinfo", maxMountinfo)
	if err != nil {
		return nil, err
	}
	return ParseMountinfo(string(data)), nil
}

// ParseMountinfo takes the text apart and skips lines that it does not know.
func ParseMountinfo(text string) []Mount {
	var mounts []Mount
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if m, ok := parseMount(line); ok {
			mounts = append(mounts, m)
		}
	}
	return mounts
}

func parseMount(line string) (m Mount, ok bool) {
	// The fields before " - " end in any number of optional ones.
	left, right, ok := strings.Cut(line, " - ")
	if !ok {
		return m, false
	}
	l, r := strings.Split(left, " "), strings.Split(right, " ")
	if len(l) < 6 || len(r) < 2 {
		return m, false
	}
	id, err1 := strconv.Atoi(l[0])
	parent, err2 := strconv.Atoi(l[1])
	if err1 != nil || err2 != nil {
		return m, false
	}
	m = Mount{ID: id, Parent: parent, Dev: l[2], Root: unescapeOctal(l[3]), Point: unescapeOctal(l[4]),
		Options: l[5], Type: unescapeOctal(r[0]), Source: unescapeOctal(r[1])}
	if len(r) > 2 {
		m.Super = r[2]
	}
	return m, strings.HasPrefix(m.Point, "/")
}

// unescapeOctal undoes \040 for a blank and its like (fs/seq_file.c, mangle_path).
func unescapeOctal(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out = append(out, byte(n))
				i += 3
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// hasOption reports whether word is among comma separated options.
func hasOption(options, word string) bool {
	for options != "" {
		var o string
		if o, options, _ = strings.Cut(options, ","); o == word {
			return true
		}
	}
	return false
}

// remoteType reports whether a filesystem can keep a caller waiting for a
// server: over the network, or a process of the same machine (fuse, autofs).
func remoteType(fstype string) bool {
	switch fstype {
	case "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "coda", "ncpfs", "lustre", "ocfs2",
		"gfs", "gfs2", "orangefs", "beegfs", "glusterfs", "virtiofs", "autofs", "fuse", "fuseblk":
		return true
	}
	return strings.HasPrefix(fstype, "fuse.")
}

// The magic numbers of remoteType for statfs(2), where there is no mountinfo.
var remoteMagic = [...]int64{0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x00c36400, 0x5346414f,
	0x6b414653, 0x73757245, 0x564c, 0x0bd00bd0, 0x7461636f, 0x01161970, 0x20030528, 0x0187, 0x65735546}

// OnNetworkOrFuse reports whether path, with every link on the way, leads to
// or through a filesystem that can keep its caller waiting for a server. It
// goes by the mount table and looks at an element only while everything above
// it is local, so that it cannot be kept waiting itself. Without /proc it has
// to ask statfs(2).
func OnNetworkOrFuse(path string) bool {
	mounts, err := ReadMounts()
	if err != nil || len(mounts) == 0 {
		var st unix.Statfs_t
		if unix.Statfs(path, &st) != nil {
			return false
		}
		for _, magic := range remoteMagic {
			if uint32(st.Type) == uint32(magic) {
				return true
			}
		}
		return false
	}
	return OnRemoteMount(mounts, path, Readlink)
}

// OnRemoteMount is OnNetworkOrFuse for a mount table that the caller has.
// readlink reports the target of a symbolic link, or false for anything else.
func OnRemoteMount(mounts []Mount, path string, readlink func(string) (string, bool)) bool {
	at := coveredBy(mounts, -1, "/")
	if at >= 0 && remoteType(mounts[at].Type) {
		return true
	}
	done, left := "/", strings.Split(path, "/")
	ids := []int{at} // the mount of each element of done, the root first
	for links := 0; len(left) > 0; {
		element := left[0]
		left = left[1:]
		switch element {
		case "", ".":
			continue
		case "..":
			if cut := strings.LastIndexByte(done, '/'); len(ids) > 1 {
				done, ids = done[:max(cut, 1)], ids[:len(ids)-1]
			}
			continue
		}
		next := joinPath(done, element)
		at := coveredBy(mounts, ids[len(ids)-1], next)
		if at >= 0 && remoteType(mounts[at].Type) {
			return true
		}
		target, isLink := readlink(next)
		if !isLink {
			done, ids = next, append(ids, at)
			continue
		}
		if links++; links > 40 { // path_resolution(7)
			return false
		}
		if strings.HasPrefix(target, "/") {
			done, ids = "/", ids[:1]
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return false
}

// coveredBy gives the index of the mount that is seen at path when its parent
// folder lies on mount at: the top of those mounted there, else at itself.
func coveredBy(mounts []Mount, at int, path string) int {
	for range mounts { // as many layers as there are mounts, no more
		next := -1
		for i := range mounts {
			m := &mounts[i]
			if m.Point == path && i != at && (at < 0 || m.Parent == mounts[at].ID) {
				next = i
				if at >= 0 {
					break
				}
			}
		}
		if next < 0 {
			return at
		}
		if at < 0 {
			return next // the last one listed lies on top
		}
		at = next
	}
	return at
}

// Readlink gives the target of a symbolic link, and false for anything else.
func Readlink(path string) (string, bool) {
	var buf [unix.PathMax]byte
	n := 0
	err := uninterrupted(func() (err error) {
		n, err = unix.Readlink(path, buf[:])
		return err
	})
	if err != nil || n <= 0 || n >= len(buf) {
		return "", false
	}
	return string(buf[:n]), true
}
