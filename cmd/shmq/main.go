// Command shmq makes, lists, describes and removes queues, and sends and receives.
package main

import (
	"os"

	"github.com/shmq/shmq/internal/cli"
	"github.com/shmq/shmq/internal/cli/program"
)

func main() { os.Exit(program.Main(cli.Shmq())) }
