package bench

// Distance is how far apart the two cores are at which ends run. The host of a virtual
// machine moves its cores about: at times they share a cache, at times they don't, and a
// line takes four times as long from one to the other. Figures of the two are not to be compared.
type Distance string

// The distances.
const (
	Near    Distance = "near"
	Far     Distance = "far"
	Unknown Distance = ""
)

// probe is the case that tells: a round trip of two bare cache lines.
const probe = "bare/cache-lines"

// farFrom is the time of a round trip, in nanoseconds, from which on cores are far apart. On the
// machines that were met near is 100 to 190, far 500 to 600.
const farFrom = 300

// distanceOf returns the distance at which a round trip takes ns.
func distanceOf(ns float64) Distance {
	if ns >= farFrom {
		return Far
	}
	return Near
}

// prevailing returns the distance that most of ds say, and whether any says another. Of two
// that are as many it is the last one.
func prevailing(ds []Distance) (most Distance, changed bool) {
	count := map[Distance]int{}
	for _, d := range ds {
		if count[d]++; count[d] >= count[most] {
			most = d
		}
	}
	return most, len(count) > 1
}

// keepPrevailing finds the distance by the last case, the probe, and leaves in all cases only the
// repetitions that have it.
func keepPrevailing(reps [][]rep) (d Distance, changed bool) {
	var ds []Distance
	for _, r := range reps[len(reps)-1] {
		ds = append(ds, distanceOf(r.ns))
	}
	d, changed = prevailing(ds)
	for i := range reps {
		var kept []rep
		for n, r := range reps[i] {
			if ds[n] == d {
				kept = append(kept, r)
			}
		}
		reps[i] = kept
	}
	return d, changed
}
