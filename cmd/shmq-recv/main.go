// Command shmq-recv writes what a queue holds to its standard output.
package main

import (
	"os"

	"github.com/shmq/shmq/internal/cli/program"
	"github.com/shmq/shmq/internal/cli/stream"
)

func main() { os.Exit(program.Main(program.Of(stream.Recv("shmq-recv")))) }
