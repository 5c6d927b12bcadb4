package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
)

const exporterProgram = "shmq-exporter"

const exporterLong = `Show all queues to Prometheus, over HTTP: run shmq-exporter, a program of its own,
with the same flags. It is looked for beside shmq, then in PATH. docs/metrics.md has the
metrics, docs/alerts.yml alerts, docs/grafana.json a dashboard.`

const exporterExample = `  shmq exporter
  shmq exporter --listen 127.0.0.1:9500 --participants`

func exporterVerb() *cobra.Command {
	return &cobra.Command{
		Use:                "exporter [FLAG...]",
		Short:              "show all queues to Prometheus",
		Long:               exporterLong,
		Example:            exporterExample,
		Args:               cobra.ArbitraryArgs,
		DisableFlagParsing: true, // they are the program's
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := findExporter()
			if err != nil {
				if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
					return cmd.Help()
				}
				return err
			}
			err = syscall.Exec(path, append([]string{exporterProgram}, args...), os.Environ())
			return fmt.Errorf("%w: %s: %w", exit.ErrCantRun, path, err)
		},
	}
}

// findExporter returns the path of the program: beside this one, so that both are of one
// release, or in PATH.
func findExporter() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), exporterProgram)
		if path, err := exec.LookPath(beside); err == nil {
			return path, nil
		}
	}
	path, err := exit.LookPath(exporterProgram)
	if errors.Is(err, exit.ErrNotFound) {
		return "", fmt.Errorf("%w; it is in the package shmq, or, in bridge/shmqprom of a clone: go install ./cmd/shmq-exporter", err)
	}
	return path, err
}
