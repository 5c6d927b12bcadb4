//go:build !race

package attach

// use is for the race detector; see use_race.go.
type use struct{}

func (*use) touch() {}
