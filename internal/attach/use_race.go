//go:build race

package attach

// use shows the race detector each use of a handle. The marks that calls make order one call
// after another, so without it the detector would not see it if nothing of the program does.
type use struct{ calls uint }

func (u *use) touch() { u.calls++ }
