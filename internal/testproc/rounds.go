package testproc

// Rounds is how often a test repeats with other numbers what one goroutine does alone: n
// times, or an eighth of that under the race detector, which has nothing to find there.
func Rounds(n int) int {
	if Race {
		return max(1, n/8)
	}
	return n
}
