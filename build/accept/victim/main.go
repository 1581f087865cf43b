// Command victim is every service that the acceptance cases need, so that a
// case does not depend on a shell. Its arguments are steps, separated by a
// word ",": each step is a word and its arguments, done one after the other;
// after the last step the program exits 0.
//
//	victim append /tmp/log hello , ready 3 , sleep
//
// It must never be part of the product.
package main

import (
	"fmt"
	"os"
)

// step is one word of the little language.
type step struct {
	min int // arguments that it needs
	do  func(args []string)
}

var steps map[string]step

func init() {
	steps = map[string]step{
		"agent":     {1, agent},
		"append":    {2, appendText},
		"appendenv": {2, appendEnv},
		"args":      {1, appendArgs},
		"barrier":   {2, barrier},
		"bigline":   {1, bigLine},
		"bind":      {2, bind},
		"bytes":     {1, printBytes},
		"cat":       {1, cat},
		"child":     {1, child},
		"copy":      {2, copyFile},
		"count":     {3, count},
		"childlog":  {2, childLog},
		"daemon":    {1, daemon},
		"daemonize": {2, daemonize},
		"die":       {1, die},
		"echo":      {1, echo},
		"eprint":    {1, printErr},
		"exit":      {1, exit},
		"failuntil": {2, failUntil},
		"fdfile":    {1, fdFile},
		"fdshow":    {1, fdShow},
		"fdstore":   {1, fdStore},
		"fdmany":    {2, fdStoreMany},
		"fdsocket":  {0, fdStoreSocket},
		"flood":     {0, flood},
		"floodlog":  {2, floodLog},
		"ignore":    {1, ignore},
		"kill":      {2, killPid},
		"killenv":   {2, killEnv},
		"launch":    {1, launch},
		"life":      {3, life},
		"lines":     {2, lines},
		"linger":    {3, linger},
		"listdir":   {2, listDir},
		"mainpid":   {2, mainPid},
		"notify":    {1, notify},
		"notifybig": {1, notifySize},
		"notifyn":   {2, notifyMany},
		"notifyall": {1, notifyFlood},
		"notifyd":   {2, notifyEvery},
		"notifyf":   {1, notifyFile},
		"orphans":   {2, orphans},
		"pid":       {1, appendPid},
		"print":     {1, print},
		"ready":     {1, ready},
		"report":    {1, report},
		"serve":     {0, serveSockets},
		"servemany": {1, serveMany},
		"serveone":  {0, serveOne},
		"sleep":     {0, sleep},
		"sendlog":   {2, sendLog},
		"sockets":   {1, sockets},
		"spoil":     {0, spoil},
		"stamp":     {1, stamp},
		"storm":     {2, storm},
		"trap":      {2, trap},
		"trapstay":  {2, trapStay},
		"unit":      {2, unit},
		"waitfile":  {1, waitFile},
		"writepid":  {1, writePid},
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "launch" {
		launch(os.Args[2:]) // its arguments may hold a ","
	}
	for _, words := range split(os.Args[1:]) {
		s, ok := steps[words[0]]
		if !ok {
			mood()
			fatal("no step %q", words[0])
		}
		if len(words)-1 < s.min {
			fatal("step %q needs %d arguments", words[0], s.min)
		}
		s.do(words[1:])
	}
}

// split cuts the arguments at each ",".
func split(args []string) [][]string {
	var all [][]string
	var one []string
	for _, a := range append(args, ",") {
		if a != "," {
			one = append(one, a)
		} else if len(one) > 0 {
			all = append(all, one)
			one = nil
		}
	}
	return all
}

// fatal ends the program with status 99, which no case uses.
func fatal(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "victim: "+format+"\n", args...)
	os.Exit(99)
}

// must ends the program when a step could not be done.
func must(err error) {
	if err != nil {
		fatal("%v", err)
	}
}

// try is must with the step's name.
func try(what string, err error) {
	if err != nil {
		fatal("%s: %v", what, err)
	}
}
