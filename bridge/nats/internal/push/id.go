package push

import (
	"strconv"
	"strings"

	"github.com/shmq/shmq"
)

// idText makes the text of ids, which differ in their last part only, mostly.
type idText struct {
	of0    shmq.ID // position 0
	prefix string
	buf    []byte
}

func (t *idText) of(id shmq.ID) string {
	at := id.Position
	id.Position = 0
	if id != t.of0 || t.prefix == "" {
		t.of0 = id
		t.prefix = strings.TrimSuffix(id.String(), "0")
	}
	t.buf = strconv.AppendUint(append(t.buf[:0], t.prefix...), at, 10)
	return string(t.buf)
}
