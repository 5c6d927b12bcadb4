// Package command is the command shmq-exporter.
package command

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/bridge/shmqprom"
	"github.com/shmq/shmq/bridge/shmqprom/internal/serve"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/program"
	"github.com/shmq/shmq/layout"
)

const long = `Show all queues in one or several directories to Prometheus, over HTTP: /metrics, in the
text format or as OpenMetrics, and /-/healthy. Queues are found as they come and go. The
participants do not notice. There is no password: beyond the machine itself put a proxy in
front of it. docs/metrics.md has the metrics, docs/grafana.json a dashboard, docs/alerts.yml alerts.

Exit codes: 64 usage, 71 it can't listen there, 129 SIGHUP, 130 SIGINT, 143 SIGTERM.`

const example = `  shmq-exporter
  shmq-exporter --listen 127.0.0.1:9500 --dir /dev/shm --dir /var/lib/app/queues
  shmq-exporter --listen unix:/run/shmq-exporter.sock --participants`

type options struct {
	listen    string
	collector shmqprom.Options
}

// Root returns the command.
func Root() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: "shmq-exporter", Short: "show all queues to Prometheus", Long: long, Example: example,
		Args: flags.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&o.listen, "listen", "127.0.0.1:9464", "serve at this `ADDRESS`: HOST:PORT or unix:PATH")
	set.StringArrayVar(&o.collector.Dirs, "dir", nil, "a `directory` of queues; may be given again. Without it "+shmq.Dir())
	set.BoolVar(&o.collector.Participants, "participants", false, "a dozen series for each participant, too")
	flags.Int(set, &o.collector.MaxParticipants, "max-participants", "", 10000, 1, "with --participants, tell of up to `n`")
	flags.Int(set, &o.collector.MaxQueues, "max-queues", "", 10000, 1, "describe up to `n` queues")
	return program.Of(cmd)
}

func (o *options) run(ctx context.Context) error {
	logger := log.New(os.Stderr, "shmq-exporter: ", 0)
	o.collector.Budget = 8 * time.Second
	o.collector.Changed = func(path string, err error) {
		if err == nil {
			logger.Printf("queue %q can be described again", path)
			return
		}
		logger.Print(exit.OneLine(err.Error()))
	}
	c, err := shmqprom.New(&o.collector)
	if err != nil {
		return exit.Usage("%v", err)
	}
	l, err := serve.Listen(o.listen)
	if err != nil {
		return fmt.Errorf("%w: can't listen at %s: %w", shmq.ErrRefused, o.listen, err)
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build())
	logger.Printf("metrics are at %s", shown(l.Addr()))
	if err := serve.Until(ctx, l, serve.Handler(r, logger), logger); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// shown is an address as a user can open it.
func shown(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return "http://" + a.String() + "/metrics"
}

// build tells what program this is.
func build() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "shmq_exporter_build_info", Help: "The exporter; always 1.",
		ConstLabels: prometheus.Labels{"version": program.Version(), "layout_version": strconv.Itoa(layout.Version), "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}
