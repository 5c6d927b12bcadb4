package push

import (
	"fmt"
	"strings"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/jsonpack"
	"github.com/shmq/shmq/internal/wire"
)

// Subject makes subjects of records: a text with fields of the record in braces,
// orders.{customer}.new. A record that is a map has fields.
type Subject struct {
	text  string
	parts []part
}

// part is a literal, or a field.
type part struct {
	text  string
	field bool
}

// ParseSubject reads a template. The shortest is a subject.
func ParseSubject(text string) (*Subject, error) {
	s := &Subject{text: text}
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return nil, fmt.Errorf("subject %q: a } without its {", text)
		}
		if before != "" {
			s.parts = append(s.parts, part{text: before})
		}
		if !found {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		if !closed || name == "" || strings.Contains(name, "{") {
			return nil, fmt.Errorf("subject %q: want {FIELD} with the name of a field in it", text)
		}
		s.parts = append(s.parts, part{text: name, field: true})
		rest = behind
	}
	filled := make([]string, len(s.parts))
	for i, p := range s.parts {
		filled[i] = p.text
		if p.field {
			filled[i] = "x"
		}
	}
	if err := checkSubject(strings.Join(filled, "")); err != nil {
		return nil, fmt.Errorf("subject %q: %w", text, err)
	}
	return s, nil
}

func (s *Subject) String() string { return s.text }

// Fixed returns the subject if it is the same for all records.
func (s *Subject) Fixed() (string, bool) {
	if len(s.parts) == 1 && !s.parts[0].field {
		return s.text, true
	}
	return "", false
}

// Of returns the subject of a record, which does not change meanwhile.
func (s *Subject) Of(record []byte) (string, error) {
	if fixed, ok := s.Fixed(); ok {
		return fixed, nil
	}
	var b strings.Builder
	for _, p := range s.parts {
		if !p.field {
			b.WriteString(p.text)
			continue
		}
		v, err := field(record, p.text)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
	if err := checkSubject(b.String()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// checkSubject refuses what is no subject to publish to.
func checkSubject(s string) error {
	if i := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '*' || r == '>' || r == '\uFFFD' }); i >= 0 {
		return fmt.Errorf("%q is no subject to publish to: it has %q in it", s, s[i])
	}
	if s == "" || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return fmt.Errorf("%q is no subject: it has an empty part", s)
	}
	if strings.HasPrefix(s, "$") {
		return fmt.Errorf("%q is a subject of the server itself", s)
	}
	return nil
}

// field returns a field of a record that is a map: a string as it is, a number or a
// truth value as in JSON.
func field(record []byte, name string) (string, error) {
	if err := codec.Check(record); err != nil {
		return "", fmt.Errorf("it is not msgpack, so it has no field %q", name)
	}
	t, _ := wire.Parse(record) // checked
	if t.Kind != wire.Map {
		return "", fmt.Errorf("it is no map, so it has no field %q", name)
	}
	rest := record[t.Size():]
	for range t.Num {
		key := first(&rest)
		value := first(&rest)
		if k, _ := wire.Parse(key); k.Kind != wire.Str || string(k.Payload(key)) != name {
			continue
		}
		switch v, _ := wire.Parse(value); v.Kind {
		case wire.Str:
			return string(v.Payload(value)), nil
		case wire.Int, wire.Uint, wire.Bool, wire.Float32, wire.Float64:
			text, err := jsonpack.AppendJSON(nil, value)
			return string(text), err
		}
		return "", fmt.Errorf("its field %q is no text, number or truth value", name)
	}
	return "", fmt.Errorf("it has no field %q", name)
}

// first cuts off the first value of what was checked.
func first(rest *[]byte) []byte {
	n, _ := codec.Next(*rest)
	v := (*rest)[:n]
	*rest = (*rest)[n:]
	return v
}

// covers reports whether one of a stream's subjects, which may have wildcards, takes a
// subject.
func covers(filters []string, subject string) bool {
	for _, f := range filters {
		if matches(f, subject) {
			return true
		}
	}
	return false
}

func matches(filter, subject string) bool {
	for {
		f, moreF, inF := strings.Cut(filter, ".")
		s, moreS, inS := strings.Cut(subject, ".")
		switch {
		case f == ">":
			return true
		case f != "*" && f != s, inF != inS:
			return false
		case !inF:
			return true
		}
		filter, subject = moreF, moreS
	}
}
