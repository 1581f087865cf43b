// Package ctl is the control client: the words of the wire, the verbs, and
// the pictures that are made of the answers. All tables, trees, JSON and
// times of day are made here, so that process 1 never has to (DESIGN D7).
//
// It owns what a user sees and the exit statuses of SPEC 6. It must never
// import the unit types of graph: main hands it the key table and the checker
// as plain values (Env). Whatever comes over the socket is hostile until it
// has been decoded, and no byte of it reaches a terminal unsanitised.
//
// # The wire
//
// A Unix stream socket carries lines of words in the codec of graph/line. A
// request is one line, VERB ARG...; several may follow on one connection and
// are answered in order. A reply is any number of data lines, whose first word
// is a tag, and one end line: "ok", or "err CODE MESSAGE", where CODE is the
// exit status of the client.
//
//	unit KEY VALUE ...                    one unit; absent keys are null
//	log UNIT UNIXMS TEXT                  one log line
//	dropped UNIT COUNT                    so many older lines are gone
//	event UNIXMS UNIT FROM TO WANT REASON one transition
//	stopped UNIT                          a dependent that was stopped first
//	cause TEXT                            why: one reason
//	wanted-by UNIT HOW                    why: requires, wants, boot or start
//	would-stop UNIT                       why: goes down with it
//	system KEY VALUE ...                  the init itself
//	fault FILE LINE TEXT                  a configuration fault; or "warning"
//	text LINE                             show: one line of the format
//	version KEY VALUE ...                 the init's build
//	note TEXT, warn TEXT                  for stdout, for stderr
//
// A reader skips tags and keys that it does not know.
package ctl
