// Command shmq-send sends its standard input to a queue.
package main

import (
	"os"

	"github.com/shmq/shmq/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Send("shmq-send"))) }
