package flags

import (
	"errors"

	"github.com/spf13/pflag"
)

// Given adds a flag whose value is a text that can't be empty. A script whose variable is not set
// would get what the command does without the flag, which is more than was asked for.
func Given(set *pflag.FlagSet, p *string, name, usage string) {
	set.Var((*given)(p), name, usage)
}

type given string

func (g *given) String() string { return string(*g) }

// Set takes a text.
func (g *given) Set(text string) error {
	if text == "" {
		return errors.New("it is empty; leave the flag out if it is not meant")
	}
	*g = given(text)
	return nil
}

// Type is what help calls a value that the usage has no name for.
func (g *given) Type() string { return "string" }
