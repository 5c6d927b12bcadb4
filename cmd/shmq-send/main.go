// Command shmq-send sends its standard input to a queue.
package main

import (
	"os"

	"github.com/shmq/shmq/internal/cli/program"
	"github.com/shmq/shmq/internal/cli/stream"
)

func main() { os.Exit(program.Main(program.Of(stream.Send("shmq-send")))) }
