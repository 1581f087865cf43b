package graph

// SetSimReexec says what a world goes through in the simulation.
func SetSimReexec(f func(*World) (*World, error)) { simReexec = f }
