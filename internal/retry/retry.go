// Package retry waits for states that pass by themselves, because another process is in
// the middle of a step.
package retry

import "time"

// Tries bounds how often Passing calls try again. With a pause of a millisecond each it is
// a tenth of a second, some thousand times what such a step takes.
const Tries = 100

// Passing calls try until it no longer reports a state that passes, at most Tries times
// more, a millisecond apart. It returns the last error of try.
func Passing(try func() (passing bool, err error)) error {
	for n := 0; ; n++ {
		passing, err := try()
		if !passing || n == Tries {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// Within calls try until it reports true or an error, for as long as patience says, with
// pauses from 1 ms, doubled each time, to 16 ms. It returns what try did.
func Within(patience time.Duration, try func() (done bool, err error)) (bool, error) {
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		done, err := try()
		if done || err != nil || time.Now().After(end) {
			return done, err
		}
		time.Sleep(pause)
	}
}
