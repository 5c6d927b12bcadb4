package web

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/shmq/shmq/internal/graph"
)

// frame is what a page is sent: the whole graph, or what is new since the frame before.
type frame struct {
	Seq   uint64 `json:"seq"`
	Full  bool   `json:"full"`
	Time  int64  `json:"time_ms"`
	Place string `json:"place"`
	Error string `json:"error,omitempty"` // why there is no list of queues

	Queues    []json.RawMessage `json:"queues"`
	Processes []json.RawMessage `json:"processes"`
	Edges     []json.RawMessage `json:"edges"`
	Gone      []string          `json:"gone"` // IDs

	History  histories `json:"history,omitempty"`
	Bucket   int64     `json:"bucket_ms,omitempty"`
	Points   int       `json:"points,omitempty"`
	Interval int64     `json:"interval_ms,omitempty"`
}

// scene is the graph in the form in which it is compared and sent, by ID.
type scene struct {
	time                     time.Time
	place, err               string
	queues, processes, edges map[string]json.RawMessage
}

func newScene(g *graph.Graph, err string) (*scene, error) {
	s := &scene{time: g.Time, place: g.Place, err: err}
	for _, of := range []struct {
		to  *map[string]json.RawMessage
		all func(add func(id string, v any) error) error
	}{
		{&s.queues, each(g.Queues, func(q *graph.Queue) string { return q.ID })},
		{&s.processes, each(g.Processes, func(p *graph.Process) string { return p.ID })},
		{&s.edges, each(g.Edges, func(e *graph.Edge) string { return e.ID })},
	} {
		*of.to = map[string]json.RawMessage{}
		if err := of.all(func(id string, v any) (err error) {
			(*of.to)[id], err = json.Marshal(v)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func each[T any](all []T, id func(*T) string) func(add func(string, any) error) error {
	return func(add func(string, any) error) error {
		for i := range all {
			if err := add(id(&all[i]), &all[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// since returns what is new since an older scene, nil for all.
func (s *scene) since(old *scene) *frame {
	f := &frame{Full: old == nil, Time: s.time.UnixMilli(), Place: s.place, Error: s.err, Gone: []string{}}
	if old == nil {
		old = &scene{}
	}
	f.Queues = f.compare(s.queues, old.queues)
	f.Processes = f.compare(s.processes, old.processes)
	f.Edges = f.compare(s.edges, old.edges)
	return f
}

// compare returns what is new or has changed, and notes what is gone.
func (f *frame) compare(now, old map[string]json.RawMessage) []json.RawMessage {
	changed := []json.RawMessage{} // not null
	for id, v := range now {
		if !bytes.Equal(v, old[id]) {
			changed = append(changed, v)
		}
	}
	for id := range old {
		if _, still := now[id]; !still {
			f.Gone = append(f.Gone, id)
		}
	}
	return changed
}
