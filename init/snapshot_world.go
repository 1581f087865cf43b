package pid1

import (
	"errors"

	"mote/graph"
	"mote/state"
)

// savedWorld is the world and the configuration that a snapshot holds. They are
// made as soon as another part's record comes, which can name units then.
type savedWorld struct {
	world *graph.World
	conf  *graph.Config

	worldIn state.World
	confIn  graph.SavedConfig
}

var worldPart = savedPart{
	put: func(in *Init, k *keeper) {
		state.PutWorld(k.Writer, in.world)
		state.PutConfig(k.Writer, in.conf.Save())
	},
	kinds: []savedKind{{"world", (*saved).takeWorld}, {"unit", (*saved).takeWorld}, {"next", (*saved).takeWorld},
		{"config", (*saved).takeConfig}, {"fault", (*saved).takeConfig}, {"template", (*saved).takeConfig}},
	check: (*saved).makeWorld,
	attach: func(in *Init, s *saved) {
		in.world, in.conf = s.world, s.conf
		in.world.SetZone(in.local)
	},
}

func (s *saved) takeWorld(r *state.Record) error {
	if s.world != nil {
		return r.Wrong("it stands behind what belongs to units")
	}
	_, err := s.worldIn.Take(r)
	return err
}

func (s *saved) takeConfig(r *state.Record) error {
	if s.world != nil {
		return r.Wrong("it stands behind what belongs to units")
	}
	_, err := state.TakeConfig(&s.confIn, r)
	return err
}

// makeWorld makes both of what was read.
func (s *saved) makeWorld() error {
	if s.world != nil {
		return nil
	}
	world, err := s.worldIn.Load()
	if err != nil {
		return err
	}
	units := make([]*graph.Unit, 0, world.Len())
	for id := range world.Len() {
		if !world.Gone(graph.ID(id)) {
			units = append(units, world.Latest(graph.ID(id)))
		}
	}
	conf, err := s.confIn.Load(units)
	if err != nil {
		return errors.New("snapshot: " + err.Error())
	}
	s.world, s.conf = world, conf
	return nil
}
