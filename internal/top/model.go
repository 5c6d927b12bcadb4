package top

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/watch"
)

// Texts say things about a queue in the words of the other commands.
type Texts struct {
	Warnings func(*shmq.Info, time.Time) []string
	Holds    func(*shmq.Participant) string
	Reason   func(error) string
}

// model is what is shown. Its methods do no input or output.
type model struct {
	texts    Texts
	place    string // where the queues are
	interval time.Duration
	ascii    bool
	columns  int
	rows     int  // 0: as many as it takes
	keys     bool // there is a user to press them

	now     time.Time
	playing string // where in a recording this is; "" for what is so now
	err     error  // why there is no list
	looks   []watch.Look
	history map[string]*past

	queues, seats    ordering // of the list, and of the participants
	at               string   // name of the chosen queue
	closer           bool     // it is looked at closely
	first, firstSeat int      // topmost row that is shown
	help             bool
}

// ordering is the order of a table.
type ordering struct {
	by     key // the key that chose it
	turned bool
}

// press chooses an order; the key that has chosen it already turns it round.
func (o *ordering) press(k key) { o.turned, o.by = k == o.by && !o.turned, k }

// turn turns the result of a comparison round if the order is.
func (o *ordering) turn(c int) int {
	if o.turned {
		return -c
	}
	return c
}

// past is the depth of a queue at the last looks.
type past struct {
	id     string
	depths []int
}

const historyLen = 512

func newModel(texts Texts) *model {
	return &model{texts: texts, queues: ordering{by: "n"}, seats: ordering{by: "n"}, history: map[string]*past{}, columns: 80}
}

// looked takes the result of a look.
func (m *model) looked(looks []watch.Look, err error, now time.Time) {
	m.now, m.err = now, err
	if err != nil {
		looks = nil
	}
	was := m.index()
	m.looks = looks
	kept := map[string]*past{}
	for _, l := range looks {
		if l.Err != nil {
			continue
		}
		h := m.history[l.Name]
		if h == nil || h.id != l.Info.CreationID {
			h = &past{id: l.Info.CreationID}
		}
		h.depths = append(h.depths, l.Info.Depth)
		h.depths = h.depths[max(0, len(h.depths)-historyLen):]
		kept[l.Name] = h
	}
	m.history = kept
	m.order()
	if m.chosen() == nil && len(m.looks) > 0 {
		// It is gone. The queue in its place now is chosen, but not opened.
		m.at = m.looks[min(max(was, 0), len(m.looks)-1)].Name
		m.closer = false
	}
	if len(m.looks) == 0 {
		m.closer = false
	}
}

// index returns where in the list the chosen queue stands, or -1.
func (m *model) index() int {
	return slices.IndexFunc(m.looks, func(l watch.Look) bool { return l.Name == m.at })
}

// chosen returns the chosen queue, nil if there is none.
func (m *model) chosen() *watch.Look {
	if i := m.index(); i >= 0 {
		return &m.looks[i]
	}
	return nil
}

// order sorts the list: names from a, numbers from the largest; turned the other way
// round. A queue that can't be described comes last.
func (m *model) order() {
	slices.SortStableFunc(m.looks, func(a, b watch.Look) int {
		if (a.Err != nil) != (b.Err != nil) {
			if a.Err != nil {
				return 1
			}
			return -1
		}
		c := 0
		if a.Err == nil {
			switch m.queues.by {
			case "d":
				c = cmp.Compare(b.Records(), a.Records())
			case "u":
				c = cmp.Compare(b.Use(), a.Use())
			case "r":
				c = cmp.Compare(rate(&b), rate(&a))
			case "w":
				c = cmp.Compare(len(m.warnings(&b)), len(m.warnings(&a)))
			}
		}
		return m.queues.turn(cmp.Or(c, strings.Compare(a.Name, b.Name)))
	})
}

// rate is what the order by rate goes by: records in and out.
func rate(l *watch.Look) float64 {
	if l.Flow == nil {
		return 0
	}
	return l.Flow.Sent.Records + l.Flow.Received.Records
}

func (m *model) warnings(l *watch.Look) []string {
	if l.Err != nil {
		return nil
	}
	return m.texts.Warnings(l.Info, m.now)
}

// press does what a key is for. It returns true to quit.
func (m *model) press(k key) (quit bool) {
	switch {
	case k == "q" || k == "Q":
		return true
	case m.help:
		m.help = false
	case k == "?" || k == "h":
		m.help = true
	case m.closer:
		m.pressCloser(k)
	default:
		m.pressList(k)
	}
	return false
}

func (m *model) pressList(k key) {
	page := max(1, m.listRows())
	switch k {
	case "n", "d", "u", "r", "w":
		m.queues.press(k)
		m.order()
	case keyUp, "k":
		m.move(-1)
	case keyDown, "j":
		m.move(1)
	case keyPgUp:
		m.move(-page)
	case keyPgDn:
		m.move(page)
	case keyHome, "g":
		m.move(-len(m.looks))
	case keyEnd, "G":
		m.move(len(m.looks))
	case keyEnter, keyRight, "l":
		m.closer = m.chosen() != nil
		m.firstSeat = 0
	}
}

// move chooses a queue further down.
func (m *model) move(n int) {
	if len(m.looks) > 0 {
		m.at = m.looks[min(max(m.index()+n, 0), len(m.looks)-1)].Name
	}
}

func (m *model) pressCloser(k key) {
	switch k {
	case "n", "r", "a":
		m.seats.press(k)
	case keyUp, "k":
		m.firstSeat--
	case keyDown, "j":
		m.firstSeat++
	case keyPgUp:
		m.firstSeat -= 10
	case keyPgDn:
		m.firstSeat += 10
	case keyHome, "g":
		m.firstSeat = 0
	case keyEnd, "G":
		m.firstSeat = 1 << 20
	case keyEsc, keyLeft, keyBack:
		m.closer = false
	}
}
