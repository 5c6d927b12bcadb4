package link

import "sync"

// Once says each thing once until it is over. It is safe for concurrent use.
type Once struct {
	Note func(format string, args ...any)
	mu   sync.Mutex
	said string
}

// Say notes the text unless it was the last one said.
func (o *Once) Say(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.said != text {
		o.said = text
		o.Note("%s", text)
	}
}

// Over notes that what was said is over; nothing if nothing was said.
func (o *Once) Over(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.said != "" {
		o.said = ""
		if text != "" {
			o.Note("%s", text)
		}
	}
}

// Said returns what was said last and is not over.
func (o *Once) Said() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said
}
