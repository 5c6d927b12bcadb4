//go:build linux && !shmqstep

package storm

func (p *part) tempted() {}
