package attach

import "encoding/hex"

// Identity returns the creation id of the queue, as Info has it. It tells queues apart
// whatever names lead to them.
func (a *Participant) Identity() string { return hex.EncodeToString(a.q.Header.CreationID[:]) }
