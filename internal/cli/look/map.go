package look

import (
	"bufio"
	"context"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/graph/draw"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/watch"
)

const mapLong = `Draw which processes send to and receive from which queues: all queues, or those NAMEs.
Each queue is a box, with its senders on the left of it and its receivers on the right;
a queue stands above those that its receivers send to. At the arrows are records per
second, over one interval, or why none go: asleep, stopped, frozen, dead. Warnings are
below.
The command only looks: it takes no seat, and participants do not notice.

  text   the drawing, as wide as the terminal, or COLUMNS, or 80 columns
  dot    for Graphviz: shmq map --format dot | dot -Tpng > map.png
  svg    a picture for a browser or a document, dark or light as its reader likes
  json   the graph: processes, queues and edges with their rates`

const mapExample = `  shmq map
  shmq map orders invoices --interval 5s
  shmq map --format svg > map.svg`

// Map returns the verb that draws processes and queues.
func Map() *cobra.Command {
	how := "text"
	var noColor bool
	every := flags.Interval{Duration: flags.Duration(time.Second)}
	cmd := &cobra.Command{
		Use:               "map [NAME...]",
		SuggestFor:        []string{"graph", "draw"},
		Short:             "draw processes and queues, with rates",
		Long:              mapLong,
		Example:           mapExample,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, names []string) error {
			if every.Value() < minInterval {
				return exit.BadFlag("interval", every.Value(), "want 50ms or more")
			}
			g, err := mapped(cmd.Context(), names, every.Value())
			if err != nil {
				return err
			}
			if how == "json" {
				return report.JSON(os.Stdout, g)
			}
			out := bufio.NewWriter(os.Stdout)
			switch how {
			case "dot":
				err = draw.DOT(out, g)
			case "svg":
				err = draw.SVG(out, g)
			default:
				err = drawText(out, g, !noColor)
			}
			if err == nil {
				err = out.Flush()
			}
			return exit.Output(err)
		},
	}
	flags.Word(cmd, &how, "format", "f", "what to write: text, dot, svg, json", "text", "dot", "svg", "json")
	cmd.Flags().Var(&every, "interval", "time that the rates are over, 50ms or more")
	cmd.Flags().BoolVar(&noColor, "no-color", false, "no colours; NO_COLOR in the environment does the same")
	return cmd
}

// mapped looks twice and returns the graph. A queue that was asked for by name and can't be looked
// at is an error.
func mapped(ctx context.Context, names []string, interval time.Duration) (*graph.Graph, error) {
	c := watch.New(names)
	defer c.Close()
	closer := func(string) bool { return false }
	if _, err := c.Look(closer); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(interval):
	}
	looks, err := c.Look(closer)
	if err != nil {
		return nil, err
	}
	for i := range looks {
		if len(names) > 0 && looks[i].Err != nil {
			return nil, looks[i].Err
		}
		c.Walk(&looks[i]) // what participants hold
	}
	return graph.Of(shmq.Dir(), looks, time.Now(), exit.Reason), nil
}

func drawText(out io.Writer, g *graph.Graph, color bool) error {
	columns, _, tty := sys.TerminalSize(os.Stdout.Fd())
	if !tty {
		columns = 80
		if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
			columns = min(n, 1000)
		}
	}
	color = color && tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return draw.Text(out, g, draw.TextOptions{Columns: columns, ASCII: !localeIsUTF8(), Color: color})
}
