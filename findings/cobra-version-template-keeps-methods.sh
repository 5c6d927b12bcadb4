#!/usr/bin/env bash
# github.com/spf13/cobra v1.10.2 (Go): a program that calls SetVersionTemplate, even with a text that has
# nothing to fill in, links text/template, which calls methods by name. From then on the linker keeps each exported
# method of each type that is converted to an interface, in all packages of the program. Without the call
# cobra prints its own line without templates, and the linker drops what nobody calls.
# One would have guessed that a line of text costs a line of text: of commands that we had, it was a
# quarter of the file, 9.7 MB to 7.4, and a megabyte of what is resident.
source "$(dirname "$0")/common"
gomod github.com/spf13/cobra@v1.10.2

program() { # program NAME LINE
  mkdir -p "$1"
  cat >"$1/main.go" <<G
package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

type number int

//go:noinline
func (n number) Unused() number { return n * n }

func main() {
	cmd := &cobra.Command{Use: "$1", Version: "1.0", Run: func(*cobra.Command, []string) { fmt.Println(number(1)) }}
	$2
	_ = cmd.Execute()
}
G
  CGO_ENABLED=0 go build -o "$1/program" "./$1"
  printf '%s' "$("$1/program" --version)"
  CGO_ENABLED=0 go tool nm "$1/program" >"$1/symbols"
  if grep -q ' main.number.Unused$' "$1/symbols"; then printf '; keeps Unused'; else printf '; drops Unused'; fi
  if grep -q ' text/template.(\*state).evalField$' "$1/symbols"; then printf ', links text/template'; fi
  printf '\n'
}

{
  program without ''
  program with 'cmd.SetVersionTemplate("with version 1.0\n")'
  small=$(stat -c %s without/program) large=$(stat -c %s with/program)
  if ((large * 10 > small * 11)); then echo 'larger by more than a tenth'; fi
} | seen 'without version 1.0; drops Unused
with version 1.0; keeps Unused, links text/template
larger by more than a tenth'
