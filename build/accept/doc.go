// Package accept holds the acceptance cases: black-box tests that run the
// built file and its client and know nothing of their insides. Each test is
// named after its case; the rule that it stands on is in its comment.
//
// A case runs in one of three modes. supervisor: not PID 1, as an ordinary
// user (tests that run as root give root up for it). machine and container:
// PID 1 in new user, pid and mount namespaces with a small root folder of its
// own; no root needed. rooted: the same as real root, without the user
// namespace and never in the machine role, whose end remounts what it finds.
//
// MOTE_BIN names the file under test (else ../../out/mote). MOTE_TEST_SLOW=N
// multiplies every deadline by N. MOTE_STORM_SECONDS is how long a storm of re-execs
// blows (10, or 30 where CI is set). MOTE_TEST_CLIENT names a file to be used as
// the client.
//
// The package must never import a room of the product.
package accept
