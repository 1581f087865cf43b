package proc

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// A child has what it was given and nothing else, wherever the numbers of its
// descriptors lie in this process: low, above the slots' bound, or more of them
// than slots. The init's own descriptors stay as they are.
func TestSpawnHighDescriptors(t *testing.T) {
	const first = 300
	for _, count := range []int{0, 1, slotCount - 1, slotCount + 3} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			s := sh(`for i in 3 4 5 6 7 8 9; do [ -e /dev/fd/$i ] && echo $i >&$i; done; ls /proc/self/fd | wc -l; exit 0`)
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pipe[0])
			var high []int
			for i := range count {
				fd := dup(t, pipe[1], first+i)
				high = append(high, fd)
				s.Fds = append(s.Fds, FD{From: fd, To: 3 + i})
			}
			out := dup(t, pipe[1], first+count)
			s.Out = out
			unix.Close(pipe[1])
			before, _ := openFDs()
			for range 2 { // the first child of a process begins with a copy
				p, err := Spawn(s)
				if err != nil {
					t.Fatal(err)
				}
				if fail, exit := finish(t, p); fail != nil || exit.Code != 0 {
					t.Fatalf("%v %+v", fail, exit)
				}
			}
			if after, _ := openFDs(); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("descriptors %v before, %v after", before, after)
			}
			for _, fd := range append(high, out) {
				unix.Close(fd)
			}
			want := ""
			for i := range count {
				want += fmt.Sprintln(3 + i)
			}
			want += fmt.Sprintln(4 + count) // with the one of ls's folder
			if got := readAllText(t, pipe[0]); got != want+want {
				t.Errorf("%q, want %q twice", got, want)
			}
		})
	}
}

func dup(t *testing.T, fd, least int) int {
	t.Helper()
	got, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, least)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// readAllText reads a pipe to its end, which comes when no slot holds it.
func readAllText(t *testing.T, fd int) string {
	t.Helper()
	var text []byte
	for {
		var buf [512]byte
		n, err := unix.Read(fd, buf[:])
		if err != nil || n <= 0 {
			return string(text)
		}
		text = append(text, buf[:n]...)
	}
}
