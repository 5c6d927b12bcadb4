package seat

import (
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Subscribing says how a consumer subscribes where each gets every record.
type Subscribing struct {
	Oldest bool   // begin at the oldest record that is whole
	Name   string // of a durable subscription, which is found or made; "" for none
}

// SubscriptionByte is the byte of the file that the holder of entry i has locked.
func SubscriptionByte(q *mapped.Queue, i int) int64 {
	return int64(q.Header.SubscriptionOffset()) + int64(i)*layout.SubscriptionSize
}

// Subscribed asks the kernel whether entry i has a holder. An answer that can't be had counts
// as yes.
func Subscribed(q *mapped.Queue, i int) bool {
	held, err := q.File.Locked(SubscriptionByte(q, i))
	return err != nil || held
}

// subscribe locks an entry of the subscription table and joins it, or takes over the durable
// subscription of that name.
//
// Preconditions: lock is the description that has the seat's lock.
func (h *Held) subscribe(q *mapped.Queue, lock *sys.File, sub Subscribing) (err error) {
	if sub.Name == "" {
		return h.join(q, lock, sub)
	}
	if !ring.ValidName(sub.Name) {
		return fmt.Errorf("%w: subscription %q, want 1 to %d bytes that can be printed", fail.ErrOption, sub.Name, layout.SubNameN)
	}
	// Of two that make the same name at once, one would make an entry that holds the ring up for
	// ever.
	ok, err := lock.TryLock(layout.LockSubscribe, true)
	if err != nil {
		return err
	}
	if !ok {
		return fail.ErrPassing
	}
	defer func() {
		if e := lock.Unlock(layout.LockSubscribe); err == nil {
			err = e
		}
	}()
	i := Find(q, sub.Name)
	if i < 0 {
		return h.join(q, lock, sub)
	}
	s := q.Ring.Subscription(i)
	if ok, err = lock.TryLock(SubscriptionByte(q, i), true); err != nil {
		return err
	}
	if !ok {
		return taken{holder(q, s, sub.Name, fail.ErrRoleTaken, "end that one, or use another name")}
	}
	h.Entry, h.entryByte = i, SubscriptionByte(q, i)
	if !s.Kept() || s.Name() != sub.Name { // it was ended meanwhile
		return fail.ErrPassing
	}
	s.TakeOver(h.Number)
	return nil
}

// taken is an error about the lock of an entry. It is a fail.ErrPassing, too: a process that looks
// whether the entry is a dead one's has the lock for a moment, and the seat that the entry names
// may be anybody's by now, so only another try tells that process from a holder.
type taken struct{ error }

func (e taken) Is(target error) bool { return target == fail.ErrPassing }
func (e taken) Unwrap() error        { return e.error }

// holder says who has a durable subscription, as far as its entry tells.
func holder(q *mapped.Queue, s ring.Subscription, name string, of error, remedy string) error {
	o := q.Ring.Seat(s.Seat()).Occupant()
	if o.PID == uint32(os.Getpid()) && o.StartTime == sys.StartTime() {
		return Mine{fmt.Errorf("%w: subscription %s is that of this process itself, pid %d; close that one", of, name, o.PID)}
	}
	return fmt.Errorf("%w: subscription %s is that of pid %d (%s); %s", of, name, o.PID, o.Command, remedy)
}

// join makes a new subscription in the first entry that no process has and that is not kept.
func (h *Held) join(q *mapped.Queue, lock *sys.File, sub Subscribing) error {
	for i := range q.Header.Subscriptions {
		s := q.Ring.Subscription(i)
		if s.Kept() {
			continue
		}
		ok, err := lock.TryLock(SubscriptionByte(q, i), true)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if s.Kept() { // since the look, and its holder has left
			if err := lock.Unlock(SubscriptionByte(q, i)); err != nil {
				return err
			}
			continue
		}
		h.Entry, h.entryByte = i, SubscriptionByte(q, i)
		h.made = sub.Name != ""
		s.Join(ring.Joining{Seat: h.Number, Oldest: sub.Oldest, Name: sub.Name, Since: time.Now().UnixNano()})
		return nil
	}
	return fmt.Errorf("%w: all %d subscriptions of the queue are in use, durable ones among them; end some (shmq unsubscribe), or make the queue with more", fail.ErrNoSeat, q.Header.Subscriptions)
}

// Find returns the entry of a durable subscription, -1 if there is none.
func Find(q *mapped.Queue, name string) int {
	for i := range q.Header.Subscriptions {
		if s := q.Ring.Subscription(i); s.Kept() && s.Name() == name {
			return i
		}
	}
	return -1
}

// clearAll ends the subscriptions that which says, and whose holders are dead, but for durable
// ones. It returns how many that were.
//
// Preconditions: as RecoverAll.
func clearAll(q *mapped.Queue, which func(ring.Subscription) bool) (n int) {
	for i := range q.Header.Subscriptions {
		if s := q.Ring.Subscription(i); s.Cursor() != 0 && !s.Kept() && which(s) && clearDead(q, i) {
			n++
		}
	}
	return n
}

// clearDead ends subscription i if its holder is dead, and it is not durable.
func clearDead(q *mapped.Queue, i int) (cleared bool) {
	ok, err := q.File.TryLock(SubscriptionByte(q, i), true)
	if err != nil || !ok {
		return false
	}
	s := q.Ring.Subscription(i)
	if s.Cursor() != 0 && !s.Kept() { // again, now that nobody can change it
		s.Clear()
		cleared = true
	}
	_ = q.File.Unlock(SubscriptionByte(q, i)) // it goes with the queue at the latest
	return cleared
}

// ClearSlowest ends the subscriptions that are farthest behind as long as their holders are dead, and
// they are not durable: those that producers wait for. Recover ends those of a dead participant with
// its seat; this is for those that name a wrong seat: a joiner that died before it had stored
// its own. Producers are woken.
//
// Preconditions: as RecoverAll.
func ClearSlowest(q *mapped.Queue) {
	cleared := false
	for range q.Header.Subscriptions {
		i, _ := q.Ring.Slowest()
		if i < 0 || q.Ring.Subscription(i).Kept() || Subscribed(q, i) || !clearDead(q, i) {
			break
		}
		cleared = true
	}
	if cleared {
		park.WakeAll(q.Ring.RoomFutex())
	}
}

// DeadSubscriptions counts those that ClearAll would end.
func DeadSubscriptions(q *mapped.Queue) (n int) {
	for i := range q.Header.Subscriptions {
		if s := q.Ring.Subscription(i); s.Cursor() != 0 && !s.Kept() && !Subscribed(q, i) {
			n++
		}
	}
	return n
}

// ClearAll ends all subscriptions whose holders are dead, but for durable ones.
//
// Preconditions: as RecoverAll.
func ClearAll(q *mapped.Queue) int {
	n := clearAll(q, func(ring.Subscription) bool { return true })
	if n > 0 {
		park.WakeAll(q.Ring.RoomFutex())
	}
	return n
}

// Unsubscribe ends a durable subscription that no process has. Errors: fs.ErrNotExist, ErrInUse.
func Unsubscribe(q *mapped.Queue, name string) error {
	ok, err := q.File.TryLock(layout.LockSubscribe, true)
	if err != nil || !ok {
		return orPassing(err)
	}
	defer func() { _ = q.File.Unlock(layout.LockSubscribe) }()
	i := Find(q, name)
	if i < 0 {
		return fmt.Errorf("%w: no durable subscription %q", fs.ErrNotExist, name)
	}
	s := q.Ring.Subscription(i)
	if ok, err = q.File.TryLock(SubscriptionByte(q, i), true); err != nil {
		return err
	}
	if !ok {
		return taken{holder(q, s, name, fail.ErrInUse, "end that process first")}
	}
	if s.Kept() && s.Name() == name {
		s.Clear()
	}
	err = q.File.Unlock(SubscriptionByte(q, i))
	park.WakeAll(q.Ring.RoomFutex())
	return err
}

func orPassing(err error) error {
	if err == nil {
		err = fail.ErrPassing
	}
	return err
}
