// Command shmq-exporter shows all queues to Prometheus.
package main

import (
	"os"

	"github.com/shmq/shmq/bridge/shmqprom/internal/command"
	"github.com/shmq/shmq/internal/cli/program"
)

func main() { os.Exit(program.Main(command.Root())) }
