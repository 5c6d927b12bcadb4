//go:build linux && !shmqstep

package storm

import "time"

// maxWait is how long a living participant may wait while none is stopped and there
// is one at the other end. A death costs a heartbeat, a tenth of it.
const maxWait = time.Second

func (p *part) tempted() {}
