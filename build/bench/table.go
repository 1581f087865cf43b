package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A row is a line of DESIGN D8. A budget in ratio is for mote by the base; one
// in value is for mote alone, in the row's unit.
type row struct {
	what   string
	metric string
	ratio  float64 // 0: none
	value  float64 // -1: none
	unit   string
	scale  float64 // of one unit, in what was measured (ns, bytes, counts)
	more   bool    // more is better
	tail   bool    // of the worst values: the best say nothing
	stat   func([]float64) float64
}

var rows = []row{
	{"start 100, exec of the init to the last alive", "start 100", 1.25, -1, "ms", 1e6, false, false, median},
	{"start 1,000", "start 1000", 1.35, -1, "ms", 1e6, false, false, median},
	{"start 5,000", "start 5000", 1.4, -1, "ms", 1e6, false, false, median},
	{"exec of the init to the first of 100 alive", "start 100 first", 0, -1, "ms", 1e6, false, false, median},
	{"chain of 100", "chain", 2, -1, "ms", 1e6, false, false, median},
	{"kill -9 to new process alive, median", "kill", 1.35, -1, "us", 1e3, false, false, median},
	{"kill -9 to new process alive, p99", "kill", 4, -1, "us", 1e3, false, true, p99},
	{"crash storm of 100, restarts a second", "storm", 0.70, -1, "/s", 1, true, false, median},
	{"stop 100 and exit", "stop 100", 1.3, -1, "ms", 1e6, false, false, median},
	{"PSS with 100 idle services", "pss 100", 0, 1.6, "MB", 1e6, false, false, median},
	{"PSS for each further service (100 to 1,000)", "pss each", 0, 2, "KB", 1e3, false, false, median},
	{"requests a second, ping", "ping", 0, 40000, "/s", 1, true, false, median},
	{"requests a second, status", "status", 0, -1, "/s", 1, true, false, median},
	{"one status as a process, median", "client", 0, 1.5, "ms", 1e6, false, false, median},
	{"re-exec, last answer before to first after, median", "reexec 0", 0, -1, "ms", 1e6, false, false, median},
	{"re-exec with 100 services, median", "reexec 100", 0, 5, "ms", 1e6, false, false, median},
	{"re-exec with 1,000 services, median", "reexec 1000", 0, -1, "ms", 1e6, false, false, median},
	{"wake-ups when idle, in 10 s", "idle", 0, 0, "", 1, false, false, median},
}

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// p99 of a few values would be their maximum, and says nothing.
func p99(v []float64) float64 {
	if len(v) < 50 {
		return math.NaN()
	}
	return quantile(v, 0.99)
}

// each derives the memory of one more service, from the medians of two sizes.
func (r *runner) each(small, large int) {
	for name, v := range r.figures[fmt.Sprintf("pss %d", large)] {
		base := r.figures[fmt.Sprintf("pss %d", small)][name]
		if len(base) > 0 {
			r.add("pss each", name, (median(v)-median(base))/float64(large-small))
		}
	}
}

// table prints what was measured. The ratio is of the medians; "best" is the
// ratio of the best runs of both, which a busy machine disturbs less.
func (r *runner) table(w io.Writer) {
	var peers []string
	for _, s := range r.systems {
		if s.peer {
			peers = append(peers, s.name)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := append([]string{"what", "budget", "base", "mote", "ratio", "best", ""}, peers...)
	fmt.Fprintln(t, strings.Join(head, "\t")+"\t")
	for _, row := range rows {
		of := r.figures[row.metric]
		if len(of["mote"]) == 0 {
			continue
		}
		base, mote := row.stat(of["base"]), row.stat(of["mote"])
		best := quantile(of["mote"], 0) / quantile(of["base"], 0)
		if row.more {
			best = quantile(of["mote"], 1) / quantile(of["base"], 1)
		}
		if row.tail || len(of["mote"]) < 2 || len(of["base"]) < 2 {
			best = math.NaN()
		}
		words := []string{row.what, row.budget(), row.figure(base), row.figure(mote),
			times(mote / base), times(best), row.verdict(mote, mote/base)}
		for _, p := range peers {
			words = append(words, times(row.stat(of[p])/base))
		}
		fmt.Fprintln(t, strings.Join(words, "\t")+"\t")
	}
	t.Flush()
}

func (w *row) budget() string {
	switch {
	case w.ratio > 0 && w.more:
		return ">= " + times(w.ratio)
	case w.ratio > 0:
		return times(w.ratio)
	case w.value >= 0 && w.more:
		return ">= " + strconv.FormatFloat(w.value, 'f', -1, 64) + " " + w.unit
	case w.value >= 0:
		return strings.TrimSpace(strconv.FormatFloat(w.value, 'f', -1, 64) + " " + w.unit)
	}
	return "-"
}

// verdict says "over" when a budget is missed. It is for the reader: on a busy
// machine one run proves nothing.
func (w *row) verdict(mote, ratio float64) string {
	got, budget := ratio, w.ratio
	switch {
	case w.ratio > 0:
	case w.value >= 0:
		got, budget = mote/w.scale, w.value
	default:
		return ""
	}
	if w.more && got < budget || !w.more && got > budget {
		return "over"
	}
	return "ok"
}

func (w *row) figure(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	digits := 2
	if v/w.scale >= 100 || w.scale == 1 {
		digits = 0
	}
	return strings.TrimSpace(strconv.FormatFloat(v/w.scale, 'f', digits, 64) + " " + w.unit)
}

func times(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + " x"
}
