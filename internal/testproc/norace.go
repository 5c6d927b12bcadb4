//go:build !race

package testproc

// Race tells that the race detector is at work, which allocates and slows down.
const Race = false
