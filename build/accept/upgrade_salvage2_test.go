package accept

import (
	"fmt"
	"testing"
)

// SPEC 9: whatever a new init would refuse to start with, one that has processes of the
// image before goes on: as PID 1 its end would be theirs.
func TestSalvage_NothingToStartWith(t *testing.T) {
	for name, opt := range map[string]Options{
		"no unit":            {Files: map[string]string{"test.conf": "service\n"}},
		"no main unit":       {Args: []string{"--main", "nobody"}},
		"no target":          {Args: []string{"-t", "nobody"}},
		"a word of tomorrow": {Args: []string{"--tomorrow"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt.Mode = container
			in := prepareInit(t, opt, svc("a"))
			in.file("state", "mote-state 1\n")
			in.opt.Launch = []string{"-given", "MOTE_STATE=" + in.inside("w/state"),
				"-child", fmt.Sprintf("0=append %s +stranger , sleep 1000s", in.inside("w/order"))}
			in.launch()
			in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
			in.soonSays("cannot be read", "a new start", "left alone")
			in.until("the stranger lives", func() bool {
				for _, w := range in.order() {
					if w == "+stranger" {
						return true
					}
				}
				return false
			})
			in.ok("ping")
		})
	}
}
