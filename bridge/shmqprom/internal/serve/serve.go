// Package serve serves metrics over HTTP: to few clients at a time, and none for long.
package serve

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many collections go on or wait at a time; further requests get 503.
const maxScrapes = 4

const landing = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>shmq exporter</title>
<h1>shmq exporter</h1><p><a href="/metrics">Metrics</a> · <a href="/-/healthy">Health</a></p></html>
`

// Handler answers /metrics from a registry, /-/healthy and /.
func Handler(r *prometheus.Registry, errors *log.Logger) http.Handler {
	metrics := promhttp.InstrumentMetricHandler(r, promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog: errors, ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes,
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", whole(metrics))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(landing))
	})
	return mux
}

// grace is how long answers may go on after the end was asked for.
const grace = 5 * time.Second

// Until serves until ctx ends, and lets the answers that are on their way get there.
func Until(ctx context.Context, l net.Listener, h http.Handler, errors *log.Logger) error {
	return until(ctx, l, h, errors, grace)
}

func until(ctx context.Context, l net.Listener, h http.Handler, errors *log.Logger, grace time.Duration) error {
	s := &http.Server{
		Handler: h, ErrorLog: errors, MaxHeaderBytes: 16 << 10, ConnState: newClients(maxClients).changed,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve metrics: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if s.Shutdown(end) != nil {
		_ = s.Close() // slow clients are cut off
	}
	return nil
}
