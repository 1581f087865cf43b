// Boot starts the demo's system under QEMU, from an initramfs with Debian's
// cloud kernel (build/deps.sh fetches it), and shows the serial console until
// the machine has switched itself off. It exits 1 when the tour of the demo
// found something wrong, the kernel panicked, or it took too long.
//
//	boot -mote out/mote -demo out/demo         the tour, then power off
//	boot -mote out/mote -demo out/demo -keep   a shell on the console instead
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"mote/build/demo/stage"
	"mote/build/initramfs/image"
)

// patience is how long a boot with its tour may take; plain emulation on two
// busy cores needs some 15 s.
const patience = 2 * time.Minute

func main() {
	mote := flag.String("mote", "out/mote", "the built file")
	demo := flag.String("demo", "out/demo", "the built demo (go build ./build/demo)")
	kernel := flag.String("kernel", "out/kernel/vmlinuz", "the kernel")
	small := flag.Bool("small", false, "use only the demo's own programs")
	keep := flag.Bool("keep", false, "a shell on the serial console instead of the tour")
	flag.Parse()
	if err := run(*mote, *demo, *kernel, *small, *keep); err != nil {
		fmt.Fprintf(os.Stderr, "boot: %v\n", err)
		os.Exit(1)
	}
}

func run(mote, demo, kernel string, small, keep bool) error {
	if err := ready(kernel); err != nil {
		return err
	}
	mode := stage.Tour
	if keep {
		mode = stage.Console
	}
	im, notes, err := stage.Root(mote, demo, mode, small)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Println("boot:", n)
	}
	dir, err := os.MkdirTemp("", "mote-boot")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initrd.gz")
	size, err := pack(im, initrd)
	if err != nil {
		return err
	}
	fmt.Printf("boot: initramfs of %d KiB\n", size>>10)
	if keep {
		return console(kernel, initrd)
	}
	return tour(kernel, initrd)
}

// ready says what is missing for a boot, and how to get it.
func ready(kernel string) error {
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		return fmt.Errorf("no qemu-system-x86_64: run build/deps.sh as root, or install qemu-system-x86")
	}
	if _, err := os.Stat(kernel); err != nil {
		return fmt.Errorf("no kernel %s: run build/deps.sh", kernel)
	}
	return nil
}

// pack writes the image to path and gives its size in bytes.
func pack(im *image.Image, path string) (int, error) {
	var b bytes.Buffer
	if err := im.Write(&b, "."); err != nil {
		return 0, err
	}
	return b.Len(), os.WriteFile(path, b.Bytes(), 0o666)
}

// console gives this terminal to the machine's serial line.
func console(kernel, initrd string) error {
	fmt.Println("boot: \"poweroff\" ends it; Ctrl-A X ends QEMU")
	c := exec.Command("qemu-system-x86_64", append(arguments(kernel, initrd, ""), "-serial", "mon:stdio")...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c.Run()
}

// tour shows the serial line until the machine is off.
func tour(kernel, initrd string) error {
	m, err := start(kernel, initrd, "", os.Stdout)
	if err != nil {
		return err
	}
	defer m.stop()
	which, err := m.expect(patience, "demo: ok:", "demo: FAILED:")
	if err != nil {
		return err
	}
	up := time.Since(m.began)
	if _, err := m.expect(patience, "reboot: Power down"); err != nil {
		return err
	}
	if err := m.wait(10 * time.Second); err != nil {
		return err
	}
	if which != 0 {
		return fmt.Errorf("the tour found something wrong: see above")
	}
	fmt.Printf("\nboot: ok: toured after %.1f s, off %.1f s later\n", up.Seconds(), (time.Since(m.began) - up).Seconds())
	return nil
}
