package history

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"

	"github.com/shmq/shmq"
)

// info is a description as it is recorded: what the JSON of one leaves out has a place too.
type info struct {
	shmq.Info
	Participants []participant `json:"participants"`
	Left         []participant `json:"left"`
}

// participant has its role as a number, which can be read back.
type participant struct {
	shmq.Participant
	Role uint8 `json:"role"`
}

func encodeInfo(i *shmq.Info) ([]byte, error) {
	pack := func(from []shmq.Participant) (to []participant) {
		for _, p := range from {
			to = append(to, participant{p, uint8(p.Role)})
		}
		return to
	}
	return json.Marshal(info{*i, pack(i.Participants), pack(i.Left)})
}

func decodeInfo(b []byte) (*shmq.Info, error) {
	var i info
	if err := json.Unmarshal(b, &i); err != nil {
		return nil, err
	}
	unpack := func(from []participant) (to []shmq.Participant) {
		for _, p := range from {
			p.Participant.Role = shmq.Role(p.Role)
			to = append(to, p.Participant)
		}
		return to
	}
	i.Info.Participants, i.Info.Left = unpack(i.Participants), unpack(i.Left)
	return &i.Info, nil
}

// deflate packs a body with the one before as its dictionary.
func deflate(body, before []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.DefaultCompression, before)
	if err != nil {
		panic(err) // of the level only
	}
	_, _ = w.Write(body) // a bytes.Buffer does not fail
	_ = w.Close()
	return b.Bytes()
}

// inflate is the reverse of deflate. It returns no more than maxBody bytes.
func inflate(packed, before []byte) ([]byte, error) {
	r := flate.NewReaderDict(bytes.NewReader(packed), before)
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("a description of more than %d bytes", maxBody)
	}
	return b, err
}
