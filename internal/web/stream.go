package web

import (
	"errors"
	"net/http"
	"time"
)

// writeTime is how long a page may take to read a frame, or a file.
const writeTime = 10 * time.Second

// stream sends frames as server-sent events until the page is closed. One that can't keep up gets
// whole frames, less often; nothing is kept for it.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	p, err := s.hub.open(r.URL.Query().Get("queue"))
	if err != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, err.Error()+"; close one, or come again later", http.StatusServiceUnavailable)
		return
	}
	defer s.hub.close(p)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	for {
		b, err := s.hub.next(r.Context(), p)
		text := "data: " + string(b) + "\n\n"
		switch {
		case errors.Is(err, errEnding):
			text = "event: end\ndata: \n\n"
		case err != nil:
			return
		}
		_ = control.SetWriteDeadline(time.Now().Add(writeTime)) // without one only the connection's end ends a write
		if _, failed := w.Write([]byte(text)); failed != nil || control.Flush() != nil || err != nil {
			return
		}
	}
}
