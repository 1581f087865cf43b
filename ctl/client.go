package ctl

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Key is one row of the configuration's key table, as help shows it.
type Key struct {
	Name     string
	Kinds    string // the kinds of unit it is for, or "option" or "header"
	Synopsis string // the key and its words, e.g. "requires NAME..."
	Default  string // empty when there is none
	Help     string
}

// Fault is one thing wrong in a configuration.
type Fault struct {
	File    string
	Line    int    // from 1; 0 means the whole file
	Text    string // "what: how to mend it"
	Warning bool   // worth saying, fails nothing
}

// Env is all that the client has of its process and of the other rooms.
type Env struct {
	Name    string // how the program was called, for its messages; empty = motectl
	Version string // of this file
	Stdout  int    // descriptors
	Stderr  int
	Getenv  func(string) string
	Keys    []Key // for help KEY

	// Check reads the configuration at paths and gives every fault in file
	// order and the number of units. No paths means the default places.
	Check func(paths []string) (faults []Fault, units int)
}

// Main runs the client: args are the verb, its words and the options, without
// argv[0]; who was called as poweroff, reboot or halt puts that word in front.
// It returns the exit status. That ^C ends the client is up to main, since the
// overlay build has the runtime drop it (DESIGN D2).
func Main(args []string, env Env) int {
	return run(args, env, realKernel)
}

// client is one run of the client: what was asked, and where answers go.
type client struct {
	call
	env    Env
	kernel kernel
	out    out
	term   term
	conn   *conn
	now    time.Time // of the start: ages are counted back from it
	notes  []string  // notes that the init gave, kept for --json
	gone   []string  // dependents that were stopped first, kept for --json
}

// run is Main with the kernel as a value.
func run(args []string, env Env, k kernel) int {
	if env.Name == "" {
		env.Name = "motectl"
	}
	c := &client{env: env, kernel: k, now: k.now(), out: out{fd: env.Stdout}}
	c.term = findTerm(env.Stdout, env.Getenv)
	call, err := parseCall(args)
	c.call = call
	code := OK
	if err == nil {
		code, err = c.perform()
	}
	c.conn.close()
	if err == errGone {
		return OK
	}
	if err != nil {
		code = err.code
		c.report(err)
	}
	if e := c.out.flush(); e != nil && code == OK {
		code = Failed
		c.complain("cannot write: " + e.Error())
	}
	return code
}

// report says what went wrong: in words on stderr, and with --json as an
// object on stdout too, so that a reader of stdout gets an answer in any case.
func (c *client) report(f *failure) {
	if c.json {
		var j jsonWriter
		j.open('{')
		j.key("error").str(f.text)
		j.key("code").num(int64(f.code))
		if len(c.gone) > 0 {
			j.key("stopped").strs(c.gone)
		}
		j.close('}')
		c.out.json(&j)
	}
	if e := c.out.flush(); e != nil {
		c.complain("cannot write: " + e.Error())
	}
	c.complain(f.text)
}

// complain writes one line to stderr, under the name of the program.
func (c *client) complain(text string) {
	b := append([]byte(c.env.Name), ": "...)
	b = appendSafe(b, text, c.term.utf8, false)
	writeAll(c.env.Stderr, append(b, '\n'))
}

// perform runs the verb. The code counts when there is no failure; only
// status gives one that is not OK.
func (c *client) perform() (int, *failure) {
	if c.help {
		return OK, c.doHelp()
	}
	switch c.verb.name {
	case "help":
		return OK, c.doHelp()
	case "check":
		return c.doCheck()
	case "poweroff", "reboot", "halt":
		return OK, c.doPower()
	case "version":
		return OK, c.doVersion()
	}
	if err := c.connect(); err != nil {
		return err.code, err
	}
	switch c.verb.name {
	case "list":
		return OK, c.doList()
	case "status":
		return c.doStatus()
	case "why":
		return OK, c.doWhy()
	case "show":
		return OK, c.doShow()
	case "tree":
		return OK, c.doTree()
	case "graph":
		return OK, c.doGraph()
	case "logs":
		return OK, c.doLogs()
	case "events":
		return OK, c.doEvents()
	}
	return OK, c.doAct()
}

// doAct sends a verb that changes something, or ping, and shows what the
// init has to say to it.
func (c *client) doAct() *failure {
	words := []string{c.verb.name}
	if c.noWait {
		words = append(words, "--no-wait")
	}
	words = append(words, c.flags...)
	switch {
	case c.verb.name == "add" && c.persists():
		return c.addPersist()
	case c.verb.name == "remove" && c.persists():
		return c.removePersist()
	}
	switch c.verb.name {
	case "wait":
		words = append(words, c.state)
	case "add":
		text, err := readText(c.args[0])
		if err != nil {
			return err
		}
		c.args = append(c.args, text)
	case "upgrade":
		if err := wholePath(c.args); err != nil {
			return err
		}
	}
	err := c.ask(append(words, c.args...), func(w []string) *failure {
		if !c.json && w[0] == "stopped" && len(w) > 1 {
			// At once, since the end of the wait may be far.
			c.out.text(c.term, "stopped "+w[1])
			c.out.newline()
			c.out.flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.verb.name == "ping" && !c.json {
		c.out.raw("pong\n")
	}
	c.done()
	return nil
}

// wholePath makes a path, if there is one, begin at the root: the init is in
// another folder.
func wholePath(args []string) *failure {
	if len(args) == 0 || strings.HasPrefix(args[0], "/") {
		return nil
	}
	if args[0] == "" {
		return fail(Usage, "upgrade: the path is empty: name a file, or none for the init's own")
	}
	cwd, err := unix.Getwd()
	if err != nil {
		return fail(Failed, "upgrade: cannot tell which folder this is: "+err.Error()+": write the path from / on")
	}
	args[0] = strings.TrimRight(cwd, "/") + "/" + args[0]
	return nil
}

// maxText bounds what add sends, in bytes: one line of the wire holds it all.
const maxText = 32 << 10

// readText gives the content of a file, "-" for stdin.
func readText(path string) (string, *failure) {
	fd := 0
	if path != "-" {
		var err error
		if fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0); err != nil {
			return "", fail(Failed, path+": cannot read: "+err.Error())
		}
		defer unix.Close(fd)
	}
	buf := make([]byte, maxText+1)
	n := 0
	for n < len(buf) {
		got, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", fail(Failed, path+": cannot read: "+err.Error())
		}
		if got == 0 {
			return string(buf[:n]), nil
		}
		n += got
	}
	return "", fail(Failed, path+": more than "+strconv.Itoa(maxText)+" bytes: add units in smaller files")
}

// done answers a verb that did what it should, for --json.
func (c *client) done() {
	if !c.json {
		return
	}
	var j jsonWriter
	j.open('{')
	j.key("ok").boolean(true)
	j.key("stopped").strs(c.gone)
	j.key("notes").strs(c.notes)
	j.close('}')
	c.out.json(&j)
}

// quote shows a user's word in a message.
func quote(s string) string { return strconv.Quote(s) }

// count gives "1 unit", "2 units".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// socketPath finds the socket (SPEC 2). named says that the user gave it, by
// -s or MOTE_SOCKET. A name that begins with "@" is abstract.
func (c *client) socketPath() (path string, named bool, err *failure) {
	if c.socket != "" {
		return c.socket, true, nil
	}
	if s := c.env.Getenv("MOTE_SOCKET"); s != "" {
		return s, true, nil
	}
	uid := c.kernel.euid()
	if uid == 0 {
		return "/run/mote/ctl.sock", false, nil
	}
	if dir := c.env.Getenv("XDG_RUNTIME_DIR"); strings.HasPrefix(dir, "/") {
		return strings.TrimRight(dir, "/") + "/mote/ctl.sock", false, nil
	}
	dir := "/tmp/mote-" + strconv.FormatUint(uint64(uint32(uid)), 10)
	// Anyone may make this folder first and answer in the init's place.
	var st unix.Stat_t
	if unix.Lstat(dir, &st) == nil {
		if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != uint32(uid) || st.Mode&0o077 != 0 {
			return "", false, fail(Failed, dir+": not a folder of yours alone: remove it, or name the socket with -s")
		}
	}
	return dir + "/ctl.sock", false, nil
}
