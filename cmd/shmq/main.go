// Command shmq makes, lists, describes and removes queues, and sends and receives.
package main

import (
	"os"

	"github.com/shmq/shmq/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Shmq())) }
