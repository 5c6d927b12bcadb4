// Package looks lets a look at many queues ask the kernel once about each process that takes
// part in them. It stands below the package of the queues, whose watchers it prepares.
package looks

import "github.com/shmq/shmq/internal/sys"

// Share makes a watcher, a *shmq.Watcher, take what it tells of processes from p, which
// remembers: for descriptions that are to be of one moment, and are over when p is.
// Package shmq sets it.
var Share func(watcher any, p *sys.Processes)
