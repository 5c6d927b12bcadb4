package plan

import "strings"

// tag is a msgpack struct tag: `msgpack:"name,option,alias:other"`. A value may be
// in single quotes, and then hold commas.
type tag struct {
	name    string
	options map[string]string
}

func (t tag) has(options ...string) bool {
	for _, o := range options {
		if _, ok := t.options[o]; ok {
			return true
		}
	}
	return false
}

func parseTag(s string) tag {
	t := tag{options: map[string]string{}}
	for first := true; s != ""; first = false {
		var key, value string
		key, value, s = nextOption(s)
		switch {
		case first && key == "":
			t.name = value
		case key == "":
			t.options[value] = ""
		default:
			t.options[key] = value
		}
	}
	return t
}

// nextOption cuts "key:value", or "value" with an empty key, and the comma behind
// it off s.
func nextOption(s string) (key, value, rest string) {
	i := strings.IndexAny(s, ",:'")
	switch {
	case i < 0:
		return "", strings.TrimSpace(s), ""
	case s[i] == ',':
		return "", strings.TrimSpace(s[:i]), s[i+1:]
	case s[i] == ':':
		key, s = strings.TrimSpace(s[:i]), s[i+1:]
		i = strings.IndexByte(s, ',')
		if q := strings.IndexByte(s, '\''); q != 0 {
			if i < 0 {
				i = len(s)
			}
			return key, strings.TrimSpace(s[:i]), strings.TrimPrefix(s[i:], ",")
		}
		i = 0
	}
	value, rest = quoted(s[i+1:])
	return key, strings.TrimSpace(value), strings.TrimPrefix(rest, ",")
}

// quoted cuts a value off s, whose opening quote is gone, and the closing quote.
func quoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case s[i] == '\'':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
