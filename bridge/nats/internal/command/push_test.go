package command_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/worker/deadletter"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

func TestPushPublishesAllInOrder(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := small(t, func(o *shmq.Options) { o.Timestamps = true; o.Slots = 4096 })
	sendNumbers(t, q, 0, 3000)
	text := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s.numbers", "--server", url, "--until-empty", "-v").Ends(0)
	require.Equal(t, upTo(3000), numbers(t, js))
	require.Zero(t, records(t, q))
	require.Contains(t, text, "a killed server loses nothing that it acknowledged, a power cut may")
	require.Contains(t, text, "records pushed: 3000")
	m := contents(t, js)[7]
	require.Equal(t, "s.numbers", m.subject)
	var id shmq.ID
	require.NoError(t, id.UnmarshalText([]byte(m.id)))
	require.EqualValues(t, 7, id.Position)
	require.Equal(t, strings.ReplaceAll(q, "%", "%25"), m.header.Get("Shmq-Queue"))
	at, err := time.Parse(time.RFC3339Nano, m.header.Get("Shmq-Sent-At"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Hour)
}

func TestPushReadsTheWindowBack(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	_, err := js.CreateStream(minute(t), jetstream.StreamConfig{Name: "SOURCED", Subjects: []string{"sourced"}, Sources: []*jetstream.StreamSource{{Name: "S"}}})
	require.NoError(t, err)
	_, err = js.CreateStream(minute(t), jetstream.StreamConfig{Name: "AGED", Subjects: []string{"aged"}, MaxAge: 10 * time.Second})
	require.NoError(t, err)
	q := small(t, nil)
	send(t, q, "a record")
	for _, c := range []struct {
		args []string
		say  string
	}{
		{[]string{"--stream", "S", "--subject", "s", "--outage", "3m"}, "nats stream edit S --dupe-window 3m0s"},
		{[]string{"--stream", "AGED", "--subject", "aged"}, "nats stream edit AGED --max-age 2m0s --dupe-window 2m0s"},
		{[]string{"--stream", "SOURCED", "--subject", "sourced"}, "SOURCED has sources, and so no duplicate window"},
	} {
		text := testnats.Run(t, append([]string{"push", q, "--server", url, "--until-empty"}, c.args...)...).Ends(71)
		require.Contains(t, text, c.say)
	}
	require.Equal(t, 1, records(t, q))
}

// The window is read again in each session: an operator may switch it off.
func TestPushNoticesThatTheWindowWasSwitchedOff(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	_, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	_, err := js.CreateStream(minute(t), jetstream.StreamConfig{Name: "O", Subjects: []string{"o"}})
	require.NoError(t, err)
	q := small(t, nil)
	send(t, q, 1)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", s.URL)
	until(t, "record", func() bool { return len(contents(t, js)) == 1 })
	st, err := js.Stream(minute(t), "S")
	require.NoError(t, err)
	cfg := st.CachedInfo().Config
	cfg.Sources, cfg.Duplicates = []*jetstream.StreamSource{{Name: "O"}}, 0
	_, err = js.UpdateStream(minute(t), cfg)
	require.NoError(t, err)
	s.Kill()
	s.Begin()
	send(t, q, 2)
	require.Contains(t, push.Ends(71), "no duplicate window")
	require.Equal(t, 1, records(t, q))
}

func TestPushRefusesAtTheStartWhatCanNotPass(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := small(t, func(o *shmq.Options) { o.Slots, o.SlotSize = 4096, 1024 })
	push := func(more ...string) *testnats.Command {
		return testnats.Run(t, append([]string{"push", q, "--stream", "S", "--subject", "s", "--server", url, "--until-empty"}, more...)...)
	}
	require.Contains(t, push().Ends(71), "the server's max_payload is 1048576, with headers")
	send(t, q, 0, 1, strings.Repeat("x", 1<<20), 2)
	text := push("--too-large", "refuse").Ends(65)
	require.Contains(t, text, "its message has 104")
	require.Contains(t, text, "--too-large dead-letter")
	require.Equal(t, upTo(2), numbers(t, js))
	require.Equal(t, 2, records(t, q))
	push("--too-large", "dead-letter").Ends(0)
	require.Equal(t, upTo(3), numbers(t, js))

	c, err := consumer.OpenRaw(q+"-failed", nil)
	require.NoError(t, err)
	defer c.Close()
	l, err := c.TryLease()
	require.NoError(t, err)
	letter, err := deadletter.Parse(l.Bytes())
	require.NoError(t, err)
	require.Equal(t, pack(t, strings.Repeat("x", 1<<20)), letter.Record)
	require.Contains(t, letter.Reason, "1048576 may pass")
	l.Ack()
}

func TestPushRefusesWhatTheStreamIsNoHelpFor(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	for _, cfg := range []jetstream.StreamConfig{
		{Name: "NOACK", Subjects: []string{"noack"}, NoAck: true},
		{Name: "MIRROR", Mirror: &jetstream.StreamSource{Name: "S"}},
	} {
		_, err := js.CreateStream(minute(t), cfg)
		require.NoError(t, err)
	}
	q := small(t, nil)
	send(t, q, 1)
	for _, c := range []struct {
		code                  int
		stream, subject, says string
	}{
		{66, "NONE", "s", "nats stream add NONE --subjects 's' --dupe-window 2m0s"},
		{71, "S", "other", "S takes s, s.> and not other; nats stream edit S --subjects 's,s.>,other'"},
		{71, "NOACK", "noack", "no_ack"},
		{71, "MIRROR", "mirror", "push to stream S"},
		{64, "S", "s..x", "empty part"},
		{64, "S", "s.*", "no subject to publish to"},
		{64, "S", "s.{", "want {FIELD}"},
	} {
		text := testnats.Run(t, "push", q, "--server", url, "--stream", c.stream, "--subject", c.subject, "--until-empty").Ends(c.code)
		require.Contains(t, text, c.says)
	}
	require.Equal(t, 1, records(t, q))
}

func TestPushMakesSubjectsOfFields(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := small(t, nil)
	send(t, q, map[string]any{"to": "ada", "n": 7}, map[string]any{"to": "grace.b", "n": 8}, map[string]any{"to": "*", "n": 9}, "no map", map[string]any{"to": "end", "n": 10})
	args := []string{"push", q, "--stream", "S", "--subject", "s.{to}.{n}", "--server", url, "--until-empty", "--format", "json"}
	require.Contains(t, testnats.Run(t, args...).Ends(65), `it has '*' in it`)
	text := testnats.Run(t, append(args, "--no-subject", "dead-letter")...).Ends(0)
	require.Contains(t, text, "it is no map")
	var subjects []string
	for _, m := range contents(t, js) {
		subjects = append(subjects, m.subject)
	}
	require.Equal(t, []string{"s.ada.7", "s.grace.b.8", "s.end.10"}, subjects)
	require.JSONEq(t, `{"to":"ada","n":7}`, contents(t, js)[0].data)
	require.Equal(t, 2, records(t, q+"-failed"))
}

// A full stream refuses a large record and would take the small ones behind it. The chain
// keeps the order.
func TestPushKeepsTheOrderAtARefusal(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 4000, jetstream.DiscardNew })
	q := small(t, nil)
	send(t, q, 0, 1, strings.Repeat("x", 5000), 2, 3)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url, "--metrics", "127.0.0.1:0")
	push.Says("takes no more, and the bridge waits")
	require.Equal(t, upTo(2), numbers(t, js))
	s, err := js.Stream(minute(t), "S")
	require.NoError(t, err)
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = 1 << 20
	_, err = js.UpdateStream(minute(t), cfg)
	require.NoError(t, err)
	push.Says("records get through again")
	until(t, "records", func() bool { return len(contents(t, js)) == 5 })
	require.Equal(t, 1, strings.Count(push.Text(), "takes no more"), "said once")
	all := contents(t, js)
	require.Len(t, all[2].data, 5003)
	require.Equal(t, string(pack(t, 2)), all[3].data)
	push.Signal(syscall.SIGTERM)
	push.Ends(143)
}

// PubAcks are held back, and the bridge is killed: what it published is in the stream, and
// the next one knows.
func TestPushThatIsKilledBeforeItHearsSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for _, consumers := range []shmq.Multiplicity{shmq.Many, shmq.One} {
		t.Run(consumers.String(), func(t *testing.T) {
			t.Parallel()
			url, _, js := server(t, nil)
			proxy := testnats.NewProxy(t, url)
			q := small(t, func(o *shmq.Options) { o.Consumers = consumers })
			sendNumbers(t, q, 0, 1)
			first := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", proxy.URL)
			until(t, "record", func() bool { return records(t, q) == 0 })
			proxy.Mute(true)
			sendNumbers(t, q, 1, 100)
			until(t, "records", func() bool { return len(contents(t, js)) > 50 })
			first.Kill()
			proxy.Cut()
			proxy.Mute(false)
			require.GreaterOrEqual(t, records(t, q), 50)
			sendNumbers(t, q, 100, 110)
			testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url, "--until-empty").Ends(0)
			require.Equal(t, upTo(110), numbers(t, js))
		})
	}
}

// The same, and the outage was longer than the window: the look at the stream's end is
// enough.
func TestPushLooksAtTheEndOfTheStream(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, func(c *jetstream.StreamConfig) { c.Duplicates = 100 * time.Millisecond })
	proxy := testnats.NewProxy(t, url)
	q := small(t, nil)
	sendNumbers(t, q, 0, 1)
	args := []string{"push", q, "--stream", "S", "--subject", "s", "--outage", "100ms", "--server"}
	first := testnats.Run(t, append(args, proxy.URL)...)
	until(t, "record", func() bool { return records(t, q) == 0 })
	proxy.Mute(true)
	sendNumbers(t, q, 1, 100)
	until(t, "records", func() bool { return len(contents(t, js)) > 50 })
	first.Kill()
	proxy.Cut()
	proxy.Mute(false)
	time.Sleep(300 * time.Millisecond) // three windows
	testnats.Run(t, append(args, url, "--until-empty")...).Ends(0)
	require.Equal(t, upTo(100), numbers(t, js))
}

// The bridge lives on while its server is killed again and again, and its connection cut.
func TestPushGoesOnAfterOutages(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	_, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	proxy := testnats.NewProxy(t, s.URL)
	q := small(t, nil)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", proxy.URL, "--in-flight", "16")
	for i := range 5 {
		sendNumbers(t, q, i*200, i*200+100)
		s.Kill()
		push.Says("the server is away, and the bridge waits for it")
		s.Begin()
		sendNumbers(t, q, i*200+100, i*200+200)
		proxy.Cut()
	}
	until(t, "records", func() bool { return records(t, q) == 0 })
	require.Equal(t, upTo(1000), numbers(t, js))
	require.LessOrEqual(t, strings.Count(push.Text(), "is away"), 10, "said once for each outage:\n%s", push.Text())
	push.Signal(syscall.SIGINT)
	push.Ends(130)
}

func TestPushStartsBeforeItsServer(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	_, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	s.Kill()
	q := small(t, nil)
	sendNumbers(t, q, 0, 10)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", s.URL, "--until-empty")
	push.Says("the server is away")
	s.Begin()
	push.Ends(0)
	require.Equal(t, upTo(10), numbers(t, js))
}

// The last message is purged and the server started anew: it knows no last id any more.
func TestPushBeginsANewChainAfterAPurge(t *testing.T) {
	t.Parallel()
	s := testnats.Start(t, testnats.Config{})
	_, js := testnats.Connect(t, s.URL)
	stream(t, js, nil)
	q := small(t, nil)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", s.URL)
	sendNumbers(t, q, 0, 10)
	until(t, "records", func() bool { return records(t, q) == 0 })
	st, err := js.Stream(minute(t), "S")
	require.NoError(t, err)
	require.NoError(t, st.Purge(minute(t)))
	sendNumbers(t, q, 10, 20)
	until(t, "records", func() bool { return records(t, q) == 0 })
	require.NoError(t, st.Purge(minute(t)))
	s.Kill()
	s.Begin()
	sendNumbers(t, q, 0, 10)
	until(t, "records", func() bool { return records(t, q) == 0 })
	require.Equal(t, upTo(10), numbers(t, js))
	push.Kill()
}

func TestPushRefusesAStreamThatWasMadeAgain(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := small(t, nil)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url)
	sendNumbers(t, q, 0, 10)
	until(t, "records", func() bool { return records(t, q) == 0 })
	require.NoError(t, js.DeleteStream(minute(t), "S"))
	stream(t, js, nil)
	sendNumbers(t, q, 10, 20)
	text := push.Ends(66)
	require.Contains(t, text, "stream S is not the one that it was")
	require.Contains(t, text, "start the bridge again to go on with this one")
	testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url, "--until-empty").Ends(0)
	require.Equal(t, upTo(20)[10:], numbers(t, js))
}

func TestPushNoticesThatItsStreamIsDeleted(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := small(t, nil)
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url)
	sendNumbers(t, q, 0, 10)
	until(t, "records", func() bool { return records(t, q) == 0 })
	require.NoError(t, js.DeleteStream(minute(t), "S"))
	sendNumbers(t, q, 10, 20)
	require.Contains(t, push.Ends(66), "stream S was deleted")
	require.Equal(t, 10, records(t, q))
}

// Others write to the stream. The bridge says so, and keeps the order.
func TestPushAmongOtherPublishers(t *testing.T) {
	t.Parallel()
	for _, single := range []bool{false, true} {
		t.Run(fmt.Sprint(single), func(t *testing.T) {
			t.Parallel()
			url, _, js := server(t, nil)
			q := small(t, nil)
			args := []string{"push", q, "--stream", "S", "--subject", "s.mine", "--server", url}
			if single {
				args = append(args, "--single")
			}
			push := testnats.Run(t, args...)
			enough := func() bool { return single || strings.Contains(push.Text(), "another publisher") }
			var over atomic.Bool
			done := make(chan bool)
			go func() {
				defer close(done)
				for i := 0; i < 300 || !over.Load(); i++ {
					if _, err := js.Publish(t.Context(), "s.other", nil, jetstream.WithMsgID(fmt.Sprint(i))); err != nil {
						t.Error(err)
						return
					}
				}
			}()
			sent := 0 // until the two have met: only a bridge that sends finds others
			for sent < 300 || !enough() && sent < 100_000 {
				sendNumbers(t, q, sent, sent+10) // the first are acknowledged before the last come
				until(t, "records", func() bool { return records(t, q) == 0 })
				sent += 10
			}
			over.Store(true)
			<-done
			until(t, "records", func() bool { return records(t, q) == 0 })
			var mine []string
			for _, m := range contents(t, js) {
				if m.subject == "s.mine" {
					mine = append(mine, m.data)
				}
			}
			require.Len(t, mine, sent)
			for i, data := range mine {
				require.Equal(t, string(pack(t, i)), data)
			}
			if single {
				require.NotContains(t, push.Text(), "another publisher")
			} else {
				push.Says("another publisher writes to stream S")
			}
		})
	}
}

// The queue is set back to a copy, and its positions are used again: the records there are
// others, by their incarnation, and are stored.
func TestPushOfAQueueThatWasSetBack(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	q := small(t, nil)
	push := func() {
		testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url, "--until-empty").Ends(0)
	}
	sendNumbers(t, q, 0, 5)
	push()
	backup, err := os.ReadFile(q)
	require.NoError(t, err)
	sendNumbers(t, q, 5, 10)
	push()
	require.NoError(t, os.WriteFile(q, backup, 0o600))
	sendNumbers(t, q, 10, 15)
	push()
	require.Equal(t, upTo(15), numbers(t, js))
}

func TestPushServesMetrics(t *testing.T) {
	t.Parallel()
	url, _, _ := server(t, nil)
	q := small(t, nil)
	sendNumbers(t, q, 0, 10)
	// The port is one that was free a moment ago.
	push := testnats.Run(t, "push", q, "--stream", "S", "--subject", "s", "--server", url, "--metrics", "127.0.0.1:0")
	push.Says("metrics are at http://")
	at := regexp.MustCompile(`http://[0-9.:]+/metrics`).FindString(push.Text())
	until(t, "records", func() bool { return records(t, q) == 0 })
	r, err := http.Get(at)
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "# TYPE shmq_nats_records_total counter")
	require.Regexp(t, `shmq_nats_records_total\{direction="push",queue="[^"]+",stream="S"\} 10\n`, string(text))
	require.Regexp(t, `shmq_nats_connected\{[^}]+\} 1\n`, string(text))
}

// A queue of which each consumer gets every record has another consumer. The bridge is killed, and the
// next one goes on with its durable subscription.
func TestPushOfAQueueForEachConsumer(t *testing.T) {
	t.Parallel()
	url, _, js := server(t, nil)
	proxy := testnats.NewProxy(t, url)
	q := small(t, func(o *shmq.Options) { o.Consumers = shmq.Each })
	args := func(url string, more ...string) []string {
		return append([]string{"push", q, "--stream", "S", "--subject", "s", "--server", url}, more...)
	}
	require.Contains(t, testnats.Run(t, args(url)...).Ends(64), "a place that stays while it is away: --subscription NAME")
	lossy := small(t, func(o *shmq.Options) { o.Consumers, o.Skip = shmq.Each, true })
	require.Contains(t, testnats.Run(t, "push", lossy, "--stream", "S", "--subject", "s", "--server", url, "--subscription", "nats").Ends(64), "records that the bridge is too slow for are lost")

	other, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer other.Close()
	first := testnats.Run(t, args(proxy.URL, "--subscription", "nats")...)
	subscription := func() shmq.Subscription {
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		for _, s := range info.Subscriptions {
			if s.Name == "nats" {
				return s
			}
		}
		return shmq.Subscription{Position: 1}
	}
	until(t, "subscription", func() bool { return subscription().Held && subscription().Position == 0 })
	sendNumbers(t, q, 0, 1)
	until(t, "record", func() bool { return subscription().Position == 1 })
	proxy.Mute(true)
	sendNumbers(t, q, 1, 100)
	until(t, "records", func() bool { return len(contents(t, js)) > 50 })
	first.Kill()
	proxy.Cut()
	proxy.Mute(false)
	require.GreaterOrEqual(t, subscription().Records, 50)
	sendNumbers(t, q, 100, 110)
	text := testnats.Run(t, args(url, "--subscription", "nats", "--until-empty")...).Ends(0)
	require.NotContains(t, text, "others receive from it")
	require.Equal(t, upTo(110), numbers(t, js))
	for i := range 110 {
		var n int
		b, err := other.TryReceive(nil)
		require.NoError(t, err)
		require.NoError(t, codec.Msgpack().Decode(b, &n))
		require.Equal(t, i, n)
	}
}
