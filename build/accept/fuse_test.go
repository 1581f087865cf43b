package accept

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// The kernel's words (linux/fuse.h, protocol 7.31).
const (
	fuseLookup  = 1
	fuseForget  = 2
	fuseGetattr = 3
	fuseOpen    = 14
	fuseRead    = 15
	fuseRelease = 18
	fuseFlush   = 25
	fuseInit    = 26
)

// hungMount mounts a file system with one file, "x", and gives its folder and what
// ends it. With serve its server answers all but the flush of a close; without, it
// never says a word.
func hungMount(t *testing.T, serve bool) (dir string, end func()) {
	t.Helper()
	return fuseMount(t, serve, nil)
}

// fuseMount is hungMount with what the file holds.
func fuseMount(t *testing.T, serve bool, data []byte) (dir string, end func()) {
	t.Helper()
	needRoot(t)
	dev, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no FUSE here: ", err)
	}
	dir = fmt.Sprintf("%s/hung%d", base, serial.Add(1))
	must(t, os.Mkdir(dir, 0o755))
	end = func() { // by force: whoever waits for an answer gets an error
		syscall.Unmount(dir, syscall.MNT_FORCE)
		syscall.Unmount(dir, syscall.MNT_DETACH)
	}
	t.Cleanup(func() { end(); syscall.Close(dev) })
	if err := syscall.Mount("test", dir, "fuse.test", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", dev)); err != nil {
		t.Skip("cannot mount FUSE here: ", err)
	}
	if serve {
		go serveFuse(dev, data)
	}
	return dir, end
}

func serveFuse(dev int, data []byte) {
	order := binary.NativeEndian
	buf := make([]byte, 1<<17)
	attr := func(node uint64, mode uint32) []byte { // struct fuse_attr
		a := make([]byte, 88)
		order.PutUint64(a, node)
		if mode&syscall.S_IFMT == syscall.S_IFREG {
			order.PutUint64(a[8:], uint64(len(data)))
		}
		order.PutUint32(a[60:], mode)
		order.PutUint32(a[64:], 1)
		return a
	}
	for {
		n, err := syscall.Read(dev, buf)
		if err != nil || n < 40 {
			return
		}
		var body []byte
		code := int32(0)
		switch order.Uint32(buf[4:]) {
		case fuseInit:
			body = make([]byte, 64)
			order.PutUint32(body, 7)
			order.PutUint32(body[4:], 31)
			order.PutUint32(body[20:], 4096)
		case fuseLookup: // struct fuse_entry_out
			body = append(make([]byte, 40), attr(2, syscall.S_IFREG|0o777)...)
			order.PutUint64(body, 2)
		case fuseGetattr:
			mode := uint32(syscall.S_IFREG | 0o666)
			if order.Uint64(buf[16:]) == 1 {
				mode = syscall.S_IFDIR | 0o777
			}
			body = append(make([]byte, 16), attr(order.Uint64(buf[16:]), mode)...)
		case fuseOpen:
			body = make([]byte, 16)
		case fuseRead: // struct fuse_read_in
			from := min(int(order.Uint64(buf[48:])), len(data))
			body = data[from:min(from+int(order.Uint32(buf[56:])), len(data))]
		case fuseRelease:
		case fuseFlush:
			if data == nil {
				continue
			}
		case fuseForget:
			continue
		default:
			code = -int32(syscall.ENOSYS)
		}
		out := make([]byte, 16, 16+len(body))
		order.PutUint32(out, uint32(16+len(body)))
		order.PutUint32(out[4:], uint32(code))
		copy(out[8:], buf[8:16])
		syscall.Write(dev, append(out, body...))
	}
}

// A file whose close never ends, because its server does not answer: the init does
// not keep it, and waits for nobody.
func TestStoreHungFile(t *testing.T) {
	t.Parallel()
	dir, end := hungMount(t, true)
	in := start(t, "service a {V} notify READY=1 , fdfile "+dir+"/x FDNAME=x , append {D}/sent x , fdfile "+dir+"/x X=1 , barrier {D}/b x , fdstore good , barrier {D}/b x , sleep\n  ready notify\n")
	in.appears("sent", 1)
	in.appears("b", 2)
	for range 10 {
		in.ok("ping")
	}
	if n := in.said("a", "stored_fds"); n != 1.0 {
		t.Errorf("stored_fds is %v", n)
	}
	in.until("it is said", func() bool { return strings.Contains(in.out.text(), "FUSE mount is not kept") })
	end() // or the service itself would hang at its end
	in.ok("stop", "a")
}

// Nobody answers for the path: a child looks, and the start's time passes.
func TestReadyOnHungMount(t *testing.T) {
	t.Parallel()
	dir, end := hungMount(t, false)
	in := start(t, "service a {V} sleep\n  ready path "+dir+"/x\n  start-timeout 700ms\n  restart never\n"+
		"service b {V} sleep\n  ready pidfile "+dir+"/x\n  start-timeout 700ms\n  restart never\n")
	in.ok("ping")
	in.state("a", "failed")
	in.state("b", "failed")
	in.contains(in.ctl("status", "b").all(), "is on a network or FUSE mount: put it under /run")
	end() // or the child that looks would be left
}
