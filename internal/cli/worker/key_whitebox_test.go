package worker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The value of a field is the same however it is written; what has none has no order.
func TestKeyOfARecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ record, want string }{
		"string":             {"\x81\xa1k\xa1a", `"a"`},
		"the same, longer":   {"\x81\xa1k\xd9\x01a", `"a"`},
		"number":             {"\x81\xa1k\x07", "7"},
		"the same, longer 2": {"\x81\xa1k\xcd\x00\x07", "7"},
		"a string of digits": {"\x81\xa1k\xa17", `"7"`},
		"behind others":      {"\x83\xa1a\x92\x01\x02\xa1b\x81\xa1k\x05\xa1k\x06", "6"},
		"a map":              {"\x81\xa1k\x81\xa1x\x01", `{"x":1}`},
		"the first of two":   {"\x82\xa1k\x01\xa1k\x02", "1"},
		"false":              {"\x81\xa1k\xc2", "false"},
		"empty string":       {"\x81\xa1k\xa0", `""`},
		"nil":                {"\x81\xa1k\xc0", ""},
		"another field":      {"\x81\xa1x\x01", ""},
		"a key that is none": {"\x81\x07\x01", ""},
		"no map":             {"\x91\xa1k", ""},
		"no msgpack":         {"\xc1", ""},
		"cut":                {"\x81\xa1k", ""},
		"empty":              {"", ""},
	} {
		require.Equal(t, c.want, field([]byte(c.record), "k"), name)
	}
}
