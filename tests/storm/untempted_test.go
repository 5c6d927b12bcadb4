//go:build linux && !shmqstep

package storm

import "time"

// maxWait is how long a living participant may wait while nobody is stopped and there
// is somebody at the other end. A death costs a heartbeat, a tenth of it.
const maxWait = time.Second

func (p *part) tempted() {}
