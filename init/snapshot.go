package pid1

import (
	"mote/proc"
	"mote/state"
)

// keeper writes a snapshot and collects the descriptors that the next image is
// to have: a record names one by its number, and the number alone.
type keeper struct {
	*state.Writer
	fds  []int
	boot string // see savedHead
}

// fd notes that the next image takes a descriptor over; 0 and below are none.
func (k *keeper) fd(fd int) {
	if fd > 0 {
		k.fds = append(k.fds, fd)
	}
}

// saved is what a snapshot says. To make it touches no descriptor and nothing
// else of the process, so that the check of an upgrade can do it too: what is
// wrong with a snapshot is found here. Each part embeds its own.
type saved struct {
	snap   *state.Snapshot
	text   string // all of it, until the parts are attached
	claims        // of attach
	named  claims // by records: none is there twice
	savedHead
	savedWorld
	savedUnits
	logs savedLogs
	savedRest
	savedBugs
	savedClients
}

// savedPart is one part of the init's state; see the package documentation of
// mote/state for what belongs to which.
type savedPart struct {
	// put writes the part's records. It changes nothing.
	put func(in *Init, k *keeper)
	// kinds are its records, and how one is read into saved.
	kinds []savedKind
	// check looks at what no record alone can show, when all are read: numbers of
	// units that do not exist, one pid twice.
	check func(s *saved) error
	// attach makes the part of in that was saved. It cannot fail as a whole: what
	// does not come through is said, and the rest goes on. Descriptors are taken
	// over by s.claim.
	attach func(in *Init, s *saved)
}

type savedKind struct {
	name string
	take func(s *saved, r *state.Record) error
}

// savedParts are all parts, in the order in which they are written and attached.
var savedParts []savedPart

func init() {
	savedParts = []savedPart{headPart, worldPart, logsPart, restPart, unitsPart, bugsPart, clientsPart, dropPart} // that one is the last
}

// putState writes the whole state and gives its digest, and the descriptors that
// go with it.
func (in *Init) putState(sink func([]byte) error) (sum string, fds []int, err error) {
	k := keeper{Writer: state.NewWriter(Version, sink)}
	// With no descriptor left it cannot be read, and the next image would take the
	// state for that of another boot.
	if k.boot, err = proc.BootID(); err != nil {
		return "", nil, err
	}
	for i := range savedParts {
		if p := &savedParts[i]; p.put != nil {
			p.put(in, &k)
		}
	}
	sum, err = k.Close()
	return sum, k.fds, err
}

// readState reads a snapshot and looks at all of it. Records and keys that are not
// known are passed over, and named in saved.snap.Unknown.
func readState(text string) (*saved, error) {
	snap, err := state.Read(text)
	if err != nil {
		return nil, err
	}
	s := &saved{snap: snap}
	for i := range snap.Records {
		if err := s.take(&snap.Records[i]); err != nil {
			return nil, err
		}
	}
	for i := range savedParts {
		if p := &savedParts[i]; p.check != nil {
			if err := p.check(s); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// take reads one record; those behind the first two parts find the world made.
func (s *saved) take(r *state.Record) error {
	for i := range savedParts {
		for _, k := range savedParts[i].kinds {
			if k.name == r.Kind {
				if i >= 2 {
					if err := s.makeWorld(); err != nil {
						return err
					}
				}
				return k.take(s, r)
			}
		}
	}
	r.Skip()
	return nil
}
