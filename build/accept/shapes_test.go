package accept

// svc is an orderly service that writes +NAME and -NAME to the file "order"
// and is ready when its signal handlers are in place.
func svc(name string, keys ...string) string {
	s := "service " + name + " {V} unit {D}/order " + name + " 3\n  ready fd 3\n"
	for _, k := range keys {
		s += "  " + k + "\n"
	}
	return s
}

// job is a task that writes +NAME, and -NAME when it is stopped.
func job(name string, keys ...string) string {
	s := "task " + name + " {V} append {D}/order +" + name + "\n  stop-exec {V} append {D}/order -" + name + "\n"
	for _, k := range keys {
		s += "  " + k + "\n"
	}
	return s
}
