package program

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmq/shmq/internal/cli/exit"
)

// Mistake puts the error of a command that did not start, which is one about its
// arguments, into words of our own.
func Mistake(cmd *cobra.Command, err error) error {
	var (
		value   *pflag.InvalidValueError
		unknown *pflag.NotExistError
	)
	switch {
	case errors.As(err, &value) && errors.As(err, new(*strconv.NumError)):
		return exit.BadFlag(value.GetFlag().Name, value.GetValue(), "want true or false") // all others parse themselves
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		return exit.Usage("%v%s", err, didYouMean(unknown.GetSpecifiedName(), names, "--"))
	}
	return exit.Usage("%v", err)
}

// NoVerb refuses a word that is no verb.
func NoVerb(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
		for _, other := range c.SuggestFor {
			if other == args[0] {
				return exit.Usage("there is no command %q; did you mean %s?", args[0], c.Name())
			}
		}
	}
	return exit.Usage("there is no command %q%s", args[0], didYouMean(args[0], names, ""))
}

// didYouMean returns the part of an error that offers the word nearest to one that is
// not known, or "" if none is near.
func didYouMean(word string, known []string, prefix string) string {
	best, least := "", 1+min(2, len(word)/2)
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		for _, k := range known { // the beginning of one
			if len(word) > 1 && strings.HasPrefix(k, word) {
				best = k
				break
			}
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + prefix + best + "?"
}

// distance counts the bytes to insert, delete, replace or exchange with their neighbour
// that make b of a.
func distance(a, b string) int {
	// Three rows of the table of distances between beginnings of a and of b.
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
