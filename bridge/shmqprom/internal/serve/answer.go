package serve

import (
	"bytes"
	"net/http"
)

// answer is an answer in memory.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// whole sends what h answers only when h is done: a client that reads slowly then holds a
// connection and the text, and none of the collections that h allows at a time.
func whole(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{header: w.Header()}
		h.ServeHTTP(a, r)
		if a.code == http.StatusServiceUnavailable {
			a.header.Set("Retry-After", "1")
		}
		a.WriteHeader(http.StatusOK)
		w.WriteHeader(a.code)
		_, _ = w.Write(a.body.Bytes())
	})
}
