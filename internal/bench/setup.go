package bench

import "errors"

// ErrUnavailable: the machine, or what is installed on it, does not allow for the
// case.
var ErrUnavailable = errors.New("not measured")
