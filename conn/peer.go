package conn

import "github.com/shmq/shmq/internal/sys"

// Peer is the process at the other end, as the kernel noted it when it dialled, or began to
// listen. A pid and a uid are those of this process's namespaces, 0 and 65534 if they have no
// number there. A process that ended frees its pid for another.
type Peer struct{ PID, UID, GID int }

// Peer returns the process at the other end.
func (c *Conn) Peer() Peer { return Peer(c.peer) }

type credentials = sys.Credentials
