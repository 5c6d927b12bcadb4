package flags

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmq/shmq/internal/cli/exit"
)

// Text adds a flag that parses its own value, with the values that the shell may offer.
func Text(cmd *cobra.Command, p encoding.TextUnmarshaler, name string, def encoding.TextMarshaler, usage string, offer ...string) {
	cmd.Flags().TextVar(p, name, def, usage)
	Offer(cmd, name, offer...)
}

// Either adds a flag of two words, of which the second sets *p.
func Either(cmd *cobra.Command, p *bool, name string, words [2]string, usage string) {
	cmd.Flags().Var(&either{p, words}, name, usage)
	Offer(cmd, name, words[:]...)
}

type either struct {
	p     *bool
	words [2]string
}

func (e *either) String() string {
	if e.p != nil && *e.p {
		return e.words[1]
	}
	return e.words[0]
}

// Set takes one of the words.
func (e *either) Set(s string) error {
	if s != e.words[0] && s != e.words[1] {
		return fmt.Errorf("want %s or %s", e.words[0], e.words[1])
	}
	*e.p = s == e.words[1]
	return nil
}

// Type is what help calls a value that the usage has no name for.
func (e *either) Type() string { return "word" }

// word is a flag: one of several words.
type word struct {
	value *string
	words []string
}

// Type returns what the help calls the value.
func (w word) Type() string { return strings.Join(w.words, "|") }

func (w word) String() string {
	if w.value == nil {
		return ""
	}
	return *w.value
}

// Set takes one of the words.
func (w word) Set(s string) error {
	if !slices.Contains(w.words, s) {
		return errors.New("want one of " + strings.Join(w.words, ", "))
	}
	*w.value = s
	return nil
}

// Word adds a flag whose value is one of several words. What p points to is the value if the flag
// is not given.
func Word(cmd *cobra.Command, p *string, name, short, usage string, words ...string) {
	cmd.Flags().VarP(word{p, words}, name, short, usage)
	Offer(cmd, name, words...)
}

// Offer lets the shell complete the value of a flag with these words.
func Offer(cmd *cobra.Command, name string, words ...string) {
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// takesFile are the flags whose value is a file or a command.
var takesFile = map[string]bool{"dir": true, "exec": true, "hdr": true, "input": true, "plot": true, "record": true, "replay": true}

// OfferNoFiles keeps the shell from offering files for values that are none.
func OfferNoFiles(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, ok := cmd.GetFlagCompletionFunc(f.Name); !ok && f.NoOptDefVal == "" && !takesFile[f.Name] {
			Offer(cmd, f.Name)
		}
	})
}

// Exclusive refuses more than one of these flags.
func Exclusive(cmd *cobra.Command, names ...string) {
	cmd.MarkFlagsMutuallyExclusive(names...) // the shell offers one only
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		var given []string
		for _, name := range names {
			if cmd.Flags().Changed(name) {
				given = append(given, "--"+name)
			}
		}
		if len(given) > 1 {
			return exit.Usage("%s exclude each other", strings.Join(given, " and "))
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}
