package scribble

import "math/rand/v2"

// Choice is where a Pen takes its choices from.
type Choice interface {
	// Below returns a number below n; any number when n is 0.
	Below(n uint64) uint64
}

// Dice are choices at random.
func Dice(seed uint64) Choice { return dice{rand.New(rand.NewPCG(seed, 1))} }

type dice struct{ *rand.Rand }

func (d dice) Below(n uint64) uint64 {
	if n == 0 {
		return d.Uint64()
	}
	return d.Uint64N(n)
}

// Tape are the choices that a fuzzer's input makes: a few bytes each. Behind its end
// they are arbitrary, and the same each time.
type Tape struct {
	Bytes []byte
	past  uint64
}

// Ended reports whether all of the tape was used.
func (t *Tape) Ended() bool { return len(t.Bytes) == 0 }

// Below implements Choice.
func (t *Tape) Below(n uint64) uint64 {
	if t.Ended() {
		t.past++
		return modulo(t.past*0x9e3779b97f4a7c15>>7, n)
	}
	take := 8
	switch {
	case n != 0 && n <= 1<<8:
		take = 1
	case n != 0 && n <= 1<<16:
		take = 2
	}
	var v uint64
	for range min(take, len(t.Bytes)) {
		v = v<<8 | uint64(t.Bytes[0])
		t.Bytes = t.Bytes[1:]
	}
	return modulo(v, n)
}

func modulo(v, n uint64) uint64 {
	if n == 0 {
		return v
	}
	return v % n
}
