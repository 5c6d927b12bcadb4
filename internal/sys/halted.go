package sys

// Halt tells whether a process goes on, and if not, why.
type Halt struct {
	// Stopped: its threads are stopped, by a signal or a debugger.
	Stopped bool
	// Frozen: a freezer of cgroups holds it, as docker pause does. SIGCONT has no effect
	// then, and with version 1 of cgroups not even SIGKILL.
	Frozen bool
	// Freezer is the file that thaws it: a cgroup.freeze, by 0, or a freezer.state, by
	// THAWED, of its own cgroup or one above; "" where that can't be told.
	Freezer string
}
