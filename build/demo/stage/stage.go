// Package stage collects the root of the demo: mote, the configuration, and the
// programs that it supervises, from this machine where it has them, else the
// demo's own. The same root is shown in namespaces ("make demo") and booted
// under QEMU ("make boot").
package stage

import (
	"bytes"
	"embed"
	"fmt"
	"os/exec"
	"strings"

	"mote/build/initramfs/image"
)

//go:embed etc small boot files
var text embed.FS

// Mode is what the root is for.
type Mode uint8

const (
	Namespace Mode = iota // somebody else drives the client
	Tour                  // a unit shows everything on the console and powers off
	Console               // a shell on the console
)

// applets are the names of busybox that the configuration and a user at the
// prompt need; busybox knows itself by the name that it is called by.
var applets = []string{
	"sh", "ip", "httpd", "logger", "hostname", "sleep", "cat", "ls", "ps", "wget", "nc", "kill", "grep",
	"tail", "head", "mount", "dmesg", "date", "id", "echo", "touch", "rm", "free", "top", "uptime", "true", "false",
}

// Root gives the files of the demo's root. Notes say, one line each, which
// program of this machine is missing and what stands in for it. With small,
// none of this machine's programs is used.
func Root(mote, demo string, mode Mode, small bool) (im *image.Image, notes []string, err error) {
	im = new(image.Image)
	for _, d := range []string{"proc", "sys", "dev", "run", "root", "var/log", "var/lib/redis"} {
		im.Dir(d, 0o755)
	}
	im.Dir("tmp", 0o1777)
	if err := AddProgram(im, "bin/mote", mote); err != nil {
		return nil, nil, err
	}
	if err := AddProgram(im, "bin/demo", demo); err != nil {
		return nil, nil, err
	}
	im.Link("init", "bin/mote")
	for _, n := range []string{"motectl", "poweroff", "reboot", "halt"} {
		im.Link("bin/"+n, "mote")
	}
	addText(im, "etc/passwd", "files/passwd")
	addText(im, "etc/group", "files/group")
	addText(im, "srv/www/index.html", "files/index.html")
	addText(im, "srv/standby/index.html", "files/standby.html")
	im.Bytes("etc/hostname", []byte("demo\n"), 0o644)

	shell, note := addBusybox(im, small)
	notes = append(notes, note...)
	redis, note := addRedis(im, small || !shell)
	notes = append(notes, note...)
	addUnits(im, shell, redis)
	switch mode {
	case Tour:
		addText(im, "etc/mote/services/90-tour.conf", "boot/90-tour.conf")
	case Console:
		if !shell {
			return nil, nil, fmt.Errorf("no busybox on this machine: there is no shell for the console: install busybox-static")
		}
		addText(im, "etc/mote/system/console.conf", "boot/console.conf")
	}
	return im, notes, nil
}

// addText adds a file that is kept in this folder.
func addText(im *image.Image, path, name string) {
	b, err := text.ReadFile(name)
	if err != nil {
		panic("stage: " + err.Error()) // embedded: it is there or the build is broken
	}
	im.Bytes(path, b, 0o644)
}

// addUnits takes each file of units from etc/, or from small/ where a program
// that it starts is missing.
func addUnits(im *image.Image, shell, redis bool) {
	files, err := text.ReadDir("etc")
	if err != nil {
		panic("stage: " + err.Error())
	}
	for _, f := range files {
		from := "etc/"
		if !shell || strings.Contains(f.Name(), "-db.") && !redis {
			from = "small/"
		}
		addText(im, "etc/mote/services/"+f.Name(), from+f.Name())
	}
}

// addBusybox adds busybox under the names of its applets.
func addBusybox(im *image.Image, small bool) (added bool, notes []string) {
	if small {
		return false, nil
	}
	path, err := exec.LookPath("busybox")
	if err != nil {
		return false, []string{"no busybox here: syslogd, the web server and the others are the demo's own small programs"}
	}
	has, err := exec.Command(path, "--list").Output()
	for _, n := range []string{"syslogd", "httpd", "ip", "sh"} {
		if err != nil || !bytes.Contains(has, []byte("\n"+n+"\n")) {
			return false, []string{path + " has no " + n + ": the demo's own small programs are used"}
		}
	}
	if err := AddProgram(im, "bin/busybox", path); err != nil {
		return false, []string{err.Error() + ": the demo's own small programs are used"}
	}
	for _, n := range applets {
		im.Link("bin/"+n, "busybox")
	}
	im.Link("sbin/syslogd", "../bin/busybox")
	return true, nil
}

// addRedis adds redis-server and redis-cli. Debian's redis-server is another
// name of redis-check-rdb, which looks at the name that it is called by.
func addRedis(im *image.Image, small bool) (added bool, notes []string) {
	if small {
		return false, nil
	}
	server, err := exec.LookPath("redis-server")
	if err != nil {
		server, err = exec.LookPath("redis-check-rdb")
	}
	cli, err2 := exec.LookPath("redis-cli")
	if err != nil || err2 != nil {
		return false, []string{"no redis here: the database is the demo's own small program"}
	}
	for _, p := range []struct{ name, path string }{{"bin/redis-server", server}, {"bin/redis-cli", cli}} {
		if err := AddProgram(im, p.name, p.path); err != nil {
			return false, []string{err.Error() + ": the database is the demo's own small program"}
		}
	}
	addText(im, "etc/redis.conf", "files/redis.conf")
	return true, nil
}
