package top

import (
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/history"
)

// player shows the frames of a recording. Its methods touch no terminal.
type player struct {
	reader *history.Reader
	model  *model
	at     int // the frame that is shown
	paused bool
	speed  float64
}

const (
	maxGap   = 2 * time.Second // between two frames, as they are shown
	minGap   = 20 * time.Millisecond
	maxSpeed = 1024
)

// pause is how long the frame that is shown stays; 0 for good.
func (p *player) pause() time.Duration {
	if p.paused || p.at+1 >= p.reader.Len() {
		return 0
	}
	gap := p.reader.Time(p.at + 1).Sub(p.reader.Time(p.at))
	return min(max(time.Duration(float64(gap)/p.speed), minGap), maxGap)
}

// to shows another frame. The depths of those before it are shown too, as they would be by then.
func (p *player) to(i int) error {
	i = min(max(i, 0), p.reader.Len()-1)
	from := i
	if i != p.at+1 {
		p.model.history = map[string]*past{}
		from = max(0, i-max(p.model.columns, 80))
	}
	for n := from; n <= i; n++ {
		f, err := p.reader.Frame(n)
		if err != nil {
			return err
		}
		p.model.looked(f.Looks, nil, f.Time)
	}
	p.at = i
	p.tell()
	return nil
}

// tell says where in the recording the view is.
func (p *player) tell() {
	state := fmt.Sprintf("%gx", p.speed)
	if p.paused {
		state = "paused"
	} else if p.at+1 == p.reader.Len() {
		state = "end"
	}
	p.model.playing = fmt.Sprintf("replay %d/%d %s", p.at+1, p.reader.Len(), state)
}

// press does what a key is for, and reports whether it is one of the player's.
func (p *player) press(k key) (bool, error) {
	defer p.tell()
	t := p.reader.Time(p.at)
	switch k {
	case " ":
		p.paused = !p.paused
	case "+", "=":
		p.speed = min(p.speed*2, maxSpeed)
	case "-":
		p.speed = max(p.speed/2, 1.0/8)
	case ".":
		p.paused = true
		return true, p.to(p.at + 1)
	case ",":
		p.paused = true
		return true, p.to(p.at - 1)
	case "]":
		return true, p.to(max(p.reader.At(t.Add(time.Minute)), p.at+1))
	case "[":
		return true, p.to(min(p.reader.At(t.Add(-time.Minute)), p.at-1))
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9":
		first := p.reader.Time(0)
		return true, p.to(p.reader.At(first.Add(p.reader.Time(p.reader.Len()-1).Sub(first) * time.Duration(k[0]-'0') / 9)))
	default:
		return false, nil
	}
	return true, nil
}
