// Package metrics says which metrics there are of a queue, and takes their values from its
// description. The text of shmq stat --prometheus and the collector for Prometheus' client
// library are made of it, so that both have one vocabulary.
package metrics

// Family is a metric: what its samples have in common.
type Family struct {
	Name, Help string
	// Counter: the value only grows while the queue is the same. Otherwise it is a gauge.
	Counter bool
	// Labels are the names of the labels, beside those that name the queue.
	Labels []string
}

// Kind is the metric's type, as the text format calls it.
func (f *Family) Kind() string {
	if f.Counter {
		return "counter"
	}
	return "gauge"
}

// Add takes a sample. labels are the values of f.Labels.
type Add func(f *Family, value float64, labels ...string)

// The families, in the order of definition.
var queueFamilies, participantFamilies []*Family

// QueueFamilies returns the families that Down and Queue give samples of.
func QueueFamilies() []*Family { return queueFamilies }

// ParticipantFamilies returns the families that Participants gives samples of.
func ParticipantFamilies() []*Family { return participantFamilies }

func gauge(name, help string, labels ...string) *Family {
	return define(&queueFamilies, &Family{name, help, false, labels})
}

func counter(name, help string, labels ...string) *Family {
	return define(&queueFamilies, &Family{name, help, true, labels})
}

var seatLabels = []string{"seat", "role", "pid", "command"}

func seatGauge(name, help string) *Family {
	return define(&participantFamilies, &Family{"shmq_participant_" + name, help, false, seatLabels})
}

func seatCounter(name, help string) *Family {
	return define(&participantFamilies, &Family{"shmq_participant_" + name, help, true, seatLabels})
}

func define(all *[]*Family, f *Family) *Family {
	*all = append(*all, f)
	return f
}
