package proc

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sealAll makes a memory file one that nobody can change any more, whoever has
// its descriptor (fcntl(2), File Sealing).
const sealAll = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// Sealed is a memory file that is written once, from its beginning, and then
// sealed.
type Sealed struct {
	fd   int
	name string
}

// NewSealed makes an empty one, close-on-exec. ENOSYS: the kernel has no
// memfd_create(2).
func NewSealed(name string) (*Sealed, error) {
	fd, err := NewMemfd(name)
	if err != nil {
		return nil, err
	}
	return &Sealed{fd, name}, nil
}

// Write appends all of data, or says why it cannot (ENOSPC, ENOMEM).
func (s *Sealed) Write(data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(s.fd, data)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return cannot("write the memory file "+s.name, err)
		}
		data = data[n:]
	}
	return nil
}

// Seal ends the writing. EPERM: it was made without the right to seals, or is sealed.
func (s *Sealed) Seal() error { return seal(s.fd, s.name) }

func seal(fd int, name string) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, sealAll)
	if err != nil {
		err = reason(err.Error() + ": it can have no seals (fcntl(2), F_ADD_SEALS)")
	}
	return cannot("seal the memory file "+name, err)
}

// FD is the descriptor, or -1 after Close.
func (s *Sealed) FD() int { return s.fd }

// Close gives it up.
func (s *Sealed) Close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}

// ReadSealed gives the whole content of a memory file that nobody can change any
// more, from its beginning and without moving its offset; anything else, and what
// has more than limit bytes, is refused.
func ReadSealed(fd, limit int) (string, error) {
	text, err := readSealed(fd, limit)
	if err != nil {
		return "", cannot("read descriptor "+strconv.Itoa(fd), err)
	}
	return text, nil
}

func readSealed(fd, limit int) (string, error) {
	// EINVAL is a file that has no seals at all, EBADF no file.
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err == unix.EINVAL {
		return "", reason("it is no memory file")
	}
	if err != nil {
		return "", err
	}
	if frozen := sealAll &^ unix.F_SEAL_SEAL; seals&frozen != frozen {
		return "", reason("it is not sealed against writing")
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	if st.Size > int64(limit) {
		return "", tooLarge(st.Size, limit)
	}
	buf, err := preadAll(fd, 0, int(st.Size))
	if err != nil {
		return "", err
	}
	return unsafe.String(unsafe.SliceData(buf), len(buf)), nil // buf is nobody else's
}
