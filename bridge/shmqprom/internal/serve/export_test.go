package serve

import "time"

var (
	UntilWithin = until

	Grace time.Duration = grace
)
