package proc

import (
	"strings"
	"unsafe"
)

// What one image of this process knows of descriptors that it hands to the next,
// and the kernel does not: plain values.

// KeptCgroups is a Cgroups.
type KeptCgroups struct {
	Mode      CgroupMode
	Base, Why string
	Own       string // the folder of its own group; "" = not taken
	Lock      int    // which is open and locked; 0 = not
	Left      bool   // the process is in its leaf
	Into      bool   // a child can begin in a group
}

// Keep gives the values. Lock has to stay open: the lock goes with it.
func (c *Cgroups) Keep() KeptCgroups {
	k := KeptCgroups{c.Mode, c.Base, c.Why, c.own, c.lock, c.left, haveIntoCgroup}
	if c.own == "" {
		k.Lock = 0 // closed
	}
	return k
}

// Valid reports whether they can be those of a Cgroups.
func (k *KeptCgroups) Valid() bool {
	n, own := strings.CutPrefix(k.Own, k.Base+"/mote")
	return k.Mode <= CgroupV2 && (k.Base == "" || k.Base[0] == '/') &&
		(k.Own == "" || own && k.Base != "" && (n == "" || n[0] == '-' && parseInt(n[1:]) > 1))
}

// Cgroups makes what Keep was asked of.
func (k *KeptCgroups) Cgroups() *Cgroups {
	haveIntoCgroup = haveIntoCgroup && k.Into
	return &Cgroups{Mode: k.Mode, Base: k.Base, Why: k.Why, own: k.Own, lock: k.Lock, left: k.Left}
}

// Keep gives the descriptor and how the terminal was set before, as the kernel has
// it.
func (a *Asking) Keep() (fd int, old []byte) { return a.fd, a.bytes() }

func (a *Asking) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&a.old)), unsafe.Sizeof(a.old))
}

// KeptAsking makes what Keep was asked of; nil when old is nothing of it.
func KeptAsking(fd int, old []byte) *Asking {
	a := &Asking{fd: fd}
	if copy(a.bytes(), old) != len(a.bytes()) || len(old) != len(a.bytes()) {
		return nil
	}
	return a
}
