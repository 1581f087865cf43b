package ctl

import "golang.org/x/sys/unix"

// powerVerb is how the end of a machine is asked for without a socket: the
// signal to process 1 (SPEC 7, as busybox init has them), and reboot(2)'s
// command.
type powerVerb struct {
	signal  unix.Signal
	command uint32
}

func powerOf(verb string) powerVerb {
	switch verb {
	case "poweroff":
		return powerVerb{unix.SIGUSR2, unix.LINUX_REBOOT_CMD_POWER_OFF}
	case "reboot":
		return powerVerb{unix.SIGTERM, unix.LINUX_REBOOT_CMD_RESTART}
	}
	return powerVerb{unix.SIGUSR1, unix.LINUX_REBOOT_CMD_HALT}
}

// doPower ends the machine: through the socket; where no init answers at the
// usual one, as root and only if process 1 is mote, by its signal; with -f by
// reboot(2) at once. A socket that the user named is never passed by: it may
// be some supervisor's, and process 1 is not it.
func (c *client) doPower() *failure {
	how := powerOf(c.verb.name)
	arg := ""
	if len(c.args) > 0 {
		arg = c.args[0]
	}
	if c.force {
		if !c.noSync {
			c.kernel.sync()
		}
		if err := c.kernel.reboot(how.command, arg); err != nil {
			return fail(Failed, "cannot "+c.verb.name+": "+err.Error())
		}
		c.done()
		return nil
	}
	if c.noSync {
		return fail(Usage, c.verb.name+": -n goes with -f: without it the init syncs in any case")
	}
	err := c.connect()
	if err == nil {
		err = c.doAct()
		if err != nil && err.code == NoInit && len(c.conn.buf) == 0 {
			c.done() // it was faster at ending than at answering
			return nil
		}
		return err
	}
	if err.code != NoInit || c.named() || c.kernel.euid() != 0 {
		return err
	}
	yes, exe := c.kernel.mote()
	if !yes {
		if exe == "" {
			exe = "unknown"
		}
		return fail(NoInit, err.text+"; process 1 is not mote ("+exe+"), so it gets no signal: -f asks the kernel")
	}
	if e := c.kernel.kill(1, how.signal); e != nil {
		return fail(Failed, "cannot signal process 1: "+e.Error())
	}
	if arg != "" {
		c.complain("no init answers, process 1 got a signal: " + quote(arg) + " could not be passed on")
	}
	c.done()
	return nil
}

// named reports whether the user gave the socket.
func (c *client) named() bool {
	return c.socket != "" || c.env.Getenv("MOTE_SOCKET") != ""
}
