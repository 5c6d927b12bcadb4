package atomics

// StoreBarrier keeps stores that follow it, plain ones too, behind those that come before it.
// STLR and LDAXR/STLXR do not: plain stores that follow may overtake them.
func StoreBarrier()

// LoadBarrier keeps loads that follow it behind those that come before it, plain ones too.
func LoadBarrier()
