// Command shmq-recv writes what a queue holds to its standard output.
package main

import (
	"os"

	"github.com/shmq/shmq/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Recv("shmq-recv"))) }
