package proc

import (
	"strconv"
	"syscall"
)

// Stage names a step of a spawn. The numbers travel over the result pipe of
// one process image only; saved state uses the names.
type Stage uint8

// The stages in the order in which a child passes them.
const (
	StagePrepare Stage = iota // in the parent: a word with a NUL, no candidate
	StageFork                 // in the parent: pipe2 or clone
	StageSetsid
	StageTTY // open, TIOCSCTTY, tcsetpgrp
	StageStdin
	StageFD
	StageNofile
	StageChdir
	StageSetgroups
	StageSetgid
	StageSetuid
	StageExec
	stageCount
)

var stageNames = [stageCount]string{"prepare", "fork", "setsid", "tty", "stdin", "fd",
	"nofile", "chdir", "setgroups", "setgid", "setuid", "exec"}

// String is the stage's name as the client shows it.
func (s Stage) String() string {
	if s < stageCount {
		return stageNames[s]
	}
	return "stage " + strconv.Itoa(int(s))
}

// Failure is a spawn that did not reach the new program.
type Failure struct {
	Stage Stage
	Errno syscall.Errno
}

// Error is "STAGE: TEXT OF THE ERRNO".
func (f *Failure) Error() string { return f.Stage.String() + ": " + f.Errno.Error() }

// FD places the init's descriptor From at the number To of the child.
type FD struct{ From, To int }

// Group says where a child stands among sessions and process groups.
type Group uint8

const (
	// GroupSession is a session and a process group of its own.
	GroupSession Group = iota
	// GroupForeground is a process group of its own in the init's session,
	// and the foreground group of the terminal on descriptor 0 if there is
	// one.
	GroupForeground
	// GroupOwn is a process group of its own in the init's session.
	GroupOwn
	// GroupSame is the init's own group.
	GroupSame
)

// Spec is everything about a child. The zero value of Stdin, Out and Umask is
// a value (descriptor 0, umask 000): start from NewSpec.
type Spec struct {
	Path []string // the files to try in order, as execvp does; at least one
	Argv []string // at least one
	Env  []string // NAME=VALUE

	Dir   string // "" keeps the init's
	Umask int    // -1 keeps the init's

	Cred     bool // Groups, Gid and Uid are set, in this order
	Uid, Gid uint32
	Groups   []uint32

	Stdin     int    // a descriptor; -1 is StdinPath, and /dev/null if that is ""
	StdinPath string // opened in the child, never as a controlling terminal
	Out       int    // for 1 and 2; -1 is /dev/null

	TTY    string // opened in the child as controlling terminal and as 0
	TTYOut bool   // TTY is 1 and 2 as well, whatever Out says

	Fds []FD // further descriptors

	Group Group

	// Inherit leaves descriptors 0, 1, 2 and every one that is not
	// close-on-exec as the init has them, and HUP and INT ignored if the init
	// was started so (nohup(1)): what a wrapper owes its command. Stdin, Out
	// and TTY have no effect.
	Inherit bool
}

// NewSpec is a Spec for the candidates path with null descriptors, and the
// init's directory and umask.
func NewSpec(path, argv, env []string) *Spec {
	return &Spec{Path: path, Argv: argv, Env: env, Umask: -1, Stdin: -1, Out: -1}
}

// Process is a child that was forked. Result is the read end of its pipe, for
// Poll (EPOLLIN) and ReadResult; the caller owns it.
type Process struct {
	Pid    int
	Result int
}
